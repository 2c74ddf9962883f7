"""Looks for processes that it could end. (It only asks: signal 0 says whether another would arrive.)"""

import os


def handler(inputs, platform):
    family = {os.getpid(), os.getppid(), 1}
    reached = []
    for pid in range(1, 70_000):
        if pid not in family:
            try:
                os.kill(pid, 0)
            except OSError:
                continue
            reached.append(pid)
    return {"result": {"breached": bool(reached), "seen": f"{len(reached)} processes of others"}}
