# mypy: allow-untyped-defs, allow-untyped-calls
"""Follows orders that come over a socket, most of them to fork. Standard library only; nothing of Fogbank.

An order is a length (4 bytes, with descriptors attached) and a JSON document, whose `do` says what is to be done. What
is forked is told of in lines: `started ORDER PID` and `exited PID STATUS`.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys

_DESCRIPTORS_MAX = 3
# What was inherited may have any number that was allowed when this process began.
_OPEN_FILES_MAX = os.sysconf("SC_OPEN_MAX")


def follow(control, actions, *, strangers=False):
    """Until the socket closes: then every child is killed. With `strangers` the ends of orphans are told, too."""
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
                _bury(control, children, strangers)
            if control in ready:
                order, descriptors = read_order(control)
                pid = actions[order["do"]](order, descriptors)
                for descriptor in descriptors:
                    os.close(descriptor)
                if pid:
                    children.add(pid)
                    control.sendall(b"started %d %d\n" % (order["order"], pid))
                if order.get("until_all_ended"):
                    _bury(control, children, strangers, wait=True)
    except (EOFError, OSError):
        for pid in children:
            kill_with_group(pid)


def fork(make, child):
    """Run `child`, which never returns, in a process that `make` forks; its pid."""
    pid = make()
    if pid:
        return pid
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        child()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def kill_with_group(pid):
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    # A process forked a moment ago may not lead a group yet.
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)


def keep_only(*descriptors):
    """Close all descriptors but these, which become the first ones."""
    # First out of the way of each other.
    for place, descriptor in enumerate([os.dup(descriptor) for descriptor in descriptors]):
        os.dup2(descriptor, place)
    os.closerange(len(descriptors), _OPEN_FILES_MAX)


def read_order(control):
    """The order and the descriptors that came with it. Raises EOFError when nobody is there to give one."""
    head, descriptors, _, _ = socket.recv_fds(control, 4, _DESCRIPTORS_MAX)
    head += _read_exactly(control, 4 - len(head))
    return json.loads(_read_exactly(control, int.from_bytes(head, "big"))), descriptors


def _read_exactly(control, size):
    parts = b""
    while len(parts) < size:
        part = control.recv(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return parts


def _bury(control, children, strangers, *, wait=False):
    """Report the children that have ended; others were orphans, whom only the first process of a sandbox gets."""
    while True:
        try:
            pid, status = os.waitpid(-1, 0 if wait else os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if strangers or pid in children:
            children.discard(pid)
            control.sendall(b"exited %d %d\n" % (pid, status))
