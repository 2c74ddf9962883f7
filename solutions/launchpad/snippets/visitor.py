"""What a function finds when it starts: for the question whether anything of another tenant is left."""

import os
import sys


def handler(inputs, platform):
    processes = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/cmdline") as file:
                    processes.append(file.read().replace("\0", " ").strip() or name)
            except OSError:
                processes.append(name)
    shared = os.listdir("/dev/shm") if os.path.isdir("/dev/shm") else []
    # The SDK may be installed there.
    tmp = [name for name in os.listdir("/tmp") if not any(path.startswith(f"/tmp/{name}/") for path in sys.path)]
    return {"result": {"processes": processes, "tmp": tmp, "shared": shared}}
