"""Looks through all files for what another tenant's code says."""

import os
import time

ROOTS = ("/var/task/..", "/opt/..", "/tmp/..", "/proc/1/root", "/proc/self/root", "/home", "/root", "/var", "/srv", "/")
BYTES_MAX = 200_000


def handler(inputs, platform):
    needle = inputs["target"]["others"].encode()
    until, read = time.monotonic() + 4, 0
    for root in ROOTS:
        for folder, _, files in os.walk(root):
            if folder.startswith(("/proc/", "/sys/")) and not folder.startswith("/proc/1/root"):
                continue
            for name in files:
                if time.monotonic() > until:
                    return {"result": {"breached": False, "seen": f"{read} files, none of them another tenant's"}}
                try:
                    with open(os.path.join(folder, name), "rb") as file:
                        read += 1
                        if needle in file.read(BYTES_MAX):
                            return {"result": {"breached": True, "seen": os.path.join(folder, name)}}
                except OSError:
                    continue
    return {"result": {"breached": False, "seen": f"{read} files, none of them another tenant's"}}
