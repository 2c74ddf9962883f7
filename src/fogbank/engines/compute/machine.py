"""What this machine has of sandboxes, as far as can be told without making one: for the line at start."""

import os
import sys
from pathlib import Path

from fogbank.engines.compute.cgroups import ControlGroups

_CAP_SYS_ADMIN = 21


def lacks() -> list[str]:
    """What is missing, a line each. The first sandbox tells the rest."""
    if sys.platform != "linux":
        return ["no sandboxes: they are there on Linux only"]
    groups = ControlGroups.find()
    missing = [*_namespaces(), *_second_walls(), *groups.lacks()]
    groups.close()
    return missing


def _namespaces() -> list[str]:
    if os.geteuid() == 0:
        if not _capabilities() >> _CAP_SYS_ADMIN & 1:
            return ["no sandboxes: root may not make namespaces in here (CAP_SYS_ADMIN is missing)"]
        return []
    forbids = {
        "/proc/sys/user/max_user_namespaces": "0",
        "/proc/sys/kernel/unprivileged_userns_clone": "0",
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
    }
    return [f"no sandboxes: {file} is {value}" for file, value in forbids.items() if _content(file) == value]


def _second_walls() -> list[str]:
    missing = [] if _content("/proc/sys/kernel/seccomp/actions_avail") else ["no filter of system calls"]
    # Where security file systems are not mounted, the first sandbox finds out.
    modules = _content("/sys/kernel/security/lsm")
    if modules and "landlock" not in modules.split(","):
        missing.append("no Landlock (files are kept apart by mounts alone)")
    return missing


def _capabilities() -> int:
    lines = _content("/proc/self/status").splitlines()
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)


def _content(file: str) -> str:
    try:
        return Path(file).read_text().strip()
    except OSError:
        return ""
