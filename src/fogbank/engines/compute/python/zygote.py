# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="import-not-found,type-var"
"""Forks function processes off an interpreter that is already warm. Standard library only; nothing of
Fogbank.

Started with the number of a connected socket. Orders come as a length (4 bytes, with the write end of the
environment's log pipe attached) and a JSON document; answers are lines: `started ORDER PID` and `exited
PID STATUS`.
When the socket closes, the server is gone: every function process is killed and this one ends.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
import time

PR_SET_PDEATHSIG = 1
PRELOADED = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
# The watch on resident memory acts ten times a second; this is only the wall behind it. An interpreter
# maps far more than it uses (thread stacks, malloc arenas), so the wall stands well behind the function's
# memory.
ADDRESS_SPACE_HEADROOM = 4 << 30


def preload():
    """Import what most functions import, so that a fork has it at once."""
    import decimal  # noqa: F401
    import logging  # noqa: F401
    import ssl  # noqa: F401
    import uuid  # noqa: F401

    with contextlib.suppress(ImportError):
        import botocore.auth
        import botocore.endpoint
        import botocore.httpsession
        import botocore.parsers
        import botocore.retries.standard
        import botocore.signers  # noqa: F401


def forget_bundled(code_paths):
    """Drop preloaded packages that the function brings itself, so that it gets its own."""
    if not any(os.path.isdir(os.path.join(path, name)) for path in code_paths for name in PRELOADED):
        return
    for module in [name for name in sys.modules if name.partition(".")[0] in PRELOADED]:
        del sys.modules[module]


def become(order, log):
    """Turn this forked process into the function's environment; does not return."""
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, 256)
    # A sandbox (user, mount and network namespaces) belongs here.
    if sys.platform == "linux":
        limit = (order["memory_mb"] << 20) + ADDRESS_SPACE_HEADROOM
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["code"])
    time.tzset()
    if order["command"]:
        os.execv(order["command"][0], order["command"])
    # For the life of the process.
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.argv = ["bootstrap"]
    extra = [path for path in order["environment"].get("PYTHONPATH", "").split(":") if path]
    sys.path[:0] = [order["code"], *order["python_path"], *extra]
    forget_bundled(sys.path[: 1 + len(order["python_path"])])
    import random

    random.seed()
    import runtime

    runtime.serve(order["handler"])


def read_exactly(control, size):
    parts = b""
    while len(parts) < size:
        part = control.recv(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return parts


def fork(control, children):
    """Read one order and fork the environment it asks for."""
    head, logs, _, _ = socket.recv_fds(control, 4, 1)
    if not head:
        raise EOFError
    head += read_exactly(control, 4 - len(head))
    order = json.loads(read_exactly(control, int.from_bytes(head, "big")))
    pid = os.fork()
    if pid == 0:
        try:
            control.close()
            become(order, logs[0])
        except BaseException:
            sys.excepthook(*sys.exc_info())
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    os.close(logs[0])
    children.add(pid)
    control.sendall(b"started %d %d\n" % (order["order"], pid))


def bury(control, children):
    """Report the children that have ended."""
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        children.discard(pid)
        control.sendall(b"exited %d %d\n" % (pid, status))


def main():
    control = socket.socket(fileno=int(sys.argv[1]))
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    sys.path += sys.argv[2:]
    import runtime  # noqa: F401

    preload()
    import gc

    gc.collect()
    gc.freeze()  # Forked processes then share these pages for longer.
    children: set[int] = set()
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        while True:
            ready, _, _ = select.select([control, wake_read], [], [])
            if wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake_read, 4096)
                bury(control, children)
            if control in ready:
                fork(control, children)
    except (EOFError, OSError):
        for pid in children:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
