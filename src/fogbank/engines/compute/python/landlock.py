# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="import-not-found"
"""A second wall behind the mounts: what may be written, whatever is mounted. Standard library only.

https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import os

import kernel

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
# By version of Landlock: how many rights on files there are, and which scopes.
_FILE_RIGHTS = (13, 14, 15, 15, 16)
_SCOPE_ABSTRACT_UNIX_SOCKETS, _SCOPE_SIGNALS = 1, 2


class _Ruleset(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("files", "network", "scoped")]


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def version():
    """Which version this kernel has; 0 for none."""
    try:
        return kernel.call("landlock_create_ruleset", None, 0, 1)
    except OSError:
        return 0


def restrict(*, writable, devices):
    """Everything may be read and run, only these may be written; other sandboxes are out of reach."""
    known = version()
    if not known:
        return
    every = (1 << _FILE_RIGHTS[min(known, len(_FILE_RIGHTS)) - 1]) - 1
    scopes = _SCOPE_ABSTRACT_UNIX_SOCKETS | _SCOPE_SIGNALS if known >= 6 else 0
    rules = _Ruleset(files=every, scoped=scopes)
    size = 24 if known >= 6 else 8
    ruleset = kernel.call("landlock_create_ruleset", ctypes.byref(rules), size, 0)
    _allow(ruleset, "/", EXECUTE | READ_FILE | READ_DIR)
    for path in writable:
        _allow(ruleset, path, every)
    for path in devices:
        _allow(ruleset, path, READ_FILE | WRITE_FILE)
    kernel.call("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def _allow(ruleset, path, rights):
    folder = os.open(path, os.O_PATH)
    rule = _PathRule(allowed=rights, folder=folder)
    kernel.call("landlock_add_rule", ruleset, 1, ctypes.byref(rule), 0)
    os.close(folder)
