# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="import-not-found"
"""A second wall behind the mounts: what may be written, whatever is mounted. Standard library only.

https://docs.kernel.org/userspace-api/landlock.html
"""

import os
import struct

import kernel

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
# By version of Landlock: how many rights on files there are, and which scopes.
_FILE_RIGHTS = (13, 14, 15, 15, 16)
_SCOPE_ABSTRACT_UNIX_SOCKETS, _SCOPE_SIGNALS = 1, 2


def version():
    """Which version this kernel has; 0 for none."""
    try:
        return kernel.call("landlock_create_ruleset", None, 0, 1)
    except OSError:
        return 0


def restrict(*, writable, devices, signals=False):
    """Everything may be read and run, only these may be written; other sandboxes are out of reach."""
    if not version():
        return
    handled, allowed = rules(writable, devices, signals=signals)
    ruleset = kernel.call("landlock_create_ruleset", handled, len(handled), 0)
    for path, rights in allowed:
        folder = os.open(path, os.O_PATH)
        kernel.call("landlock_add_rule", ruleset, 1, rule(rights, folder), 0)
        os.close(folder)
    kernel.call("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def rules(writable, devices, *, signals=False):
    """What is refused but for what is allowed, as the kernel takes it, and the rights that each path has.

    With `signals` those may go to processes that were not started behind this wall.
    """
    known = version()
    every = (1 << _FILE_RIGHTS[min(known, len(_FILE_RIGHTS)) - 1]) - 1
    scopes = _SCOPE_ABSTRACT_UNIX_SOCKETS | (0 if signals else _SCOPE_SIGNALS) if known >= 6 else 0
    handled = struct.pack("=QQQ", every, 0, scopes)[: 24 if known >= 6 else 8]
    allowed = [("/", EXECUTE | READ_FILE | READ_DIR)]
    allowed += [(path, every) for path in writable]
    allowed += [(path, READ_FILE | WRITE_FILE) for path in devices]
    return handled, allowed


def rule(rights, folder):
    """Rights on what is below an open folder, as the kernel takes it."""
    return struct.pack("=Qi", rights, folder)
