"""What the machine sees of the processes in a sandbox."""

import os
from pathlib import Path

NAMESPACES = ("user", "mnt", "pid", "ipc", "uts", "net", "cgroup")


def group_folders(pid: int) -> list[Path]:
    """Of those that Fogbank made for the process."""
    lines = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    return [Path(f"/sys/fs/cgroup/{names}{path}") for _, names, path in lines if "fogbank-" in path]


def namespaces(pid: int) -> dict[str, str]:
    return {kind: os.readlink(f"/proc/{pid}/ns/{kind}") for kind in NAMESPACES}


def processes_in_namespace_of(pid: int) -> set[str]:
    namespace = os.readlink(f"/proc/{pid}/ns/pid")
    found = set()
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.readlink(f"/proc/{name}/ns/pid") == namespace:
                found.add(name)
        except OSError:
            continue
    return found


def tracer_of(pid: int) -> int:
    """Who traces a process; 0 for nobody."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().split("\n") if line.startswith("TracerPid:")]
    return int(line.split()[1])


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False
