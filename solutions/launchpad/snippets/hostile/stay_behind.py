"""Leaves a process and files for whoever comes next."""

import os
import time


def handler(inputs, platform):
    for folder in ("/tmp", "/dev/shm", "/var/task", "/opt"):
        try:
            with open(os.path.join(folder, "left-behind"), "w") as file:
                file.write("left-behind")
        except OSError:
            continue
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for _ in range(600):
                time.sleep(0.1)
        os._exit(0)
    return {"result": {"breached": False, "seen": "a visitor will tell"}}
