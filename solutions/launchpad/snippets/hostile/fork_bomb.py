"""Forks, and its children fork."""

import os
import time

FORKS_MAX = 3_000


def handler(inputs, platform):
    until = time.monotonic() + 2
    forks = 0
    try:
        while forks < FORKS_MAX and time.monotonic() < until:
            if os.fork() == 0:
                time.sleep(2)
                os._exit(0)
            forks += 1
    except OSError as error:
        return {"result": {"breached": False, "seen": f"{forks} forks, then {error.strerror}"}}
    return {"result": {"breached": forks == FORKS_MAX, "seen": f"{forks} forks"}}
