"""Looks for the credentials of other processes."""

import os


def handler(inputs, platform):
    own, seen = os.environ["AWS_SECRET_ACCESS_KEY"], 0
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        for file_name in ("environ", "maps", "root/proc/self/environ"):
            try:
                with open(f"/proc/{name}/{file_name}", "rb") as file:
                    text = file.read().decode(errors="replace")
            except OSError:
                continue
            seen += 1
            for entry in text.split("\0"):
                if entry.startswith("AWS_SECRET_ACCESS_KEY=") and not entry.endswith(own):
                    return {"result": {"breached": True, "seen": f"the credentials of process {name}"}}
    return {"result": {"breached": False, "seen": f"{seen} files of processes, all its own"}}
