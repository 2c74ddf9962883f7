"""What a function finds when it starts: for the question whether anything of another tenant is left."""

import os


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
    return {"result": {"processes": processes, "tmp": os.listdir("/tmp"), "shared": shared}}
