"""Writes until there is no room, in each place where it can."""

import os

CHUNK = b"\0" * (8 << 20)


def handler(inputs, platform):
    written = 0
    for number, folder in enumerate(("/tmp", "/var/task", "/opt", "/dev/shm", "/var/tmp", "/")):
        try:
            with open(os.path.join(folder, f"filler-{number}"), "wb") as file:
                for _ in range(300):
                    file.write(CHUNK)
                    file.flush()
                    written += len(CHUNK)
        except (OSError, MemoryError):
            continue
    return {"result": {"breached": written > 700 << 20, "seen": f"{written >> 20} MB written"}}
