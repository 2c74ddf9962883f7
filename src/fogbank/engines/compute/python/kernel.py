# mypy: allow-untyped-defs, allow-untyped-calls
"""Linux's calls that Python has no names for. Each raises OSError as Python's own do. Standard library only."""

import ctypes
import os
import platform
import signal
import struct

NEWNS = 0x0002_0000
NEWCGROUP = 0x0200_0000
NEWUTS = 0x0400_0000
NEWIPC = 0x0800_0000
NEWUSER = 0x1000_0000
NEWPID = 0x2000_0000
NEWNET = 0x4000_0000

MS_REC, MS_BIND, MS_PRIVATE = 0x4000, 0x1000, 1 << 18
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MNT_DETACH = 2
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID, _MOUNT_ATTR_NODEV = 1, 2, 4
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_OPEN_TREE_CLONE, _MOVE_MOUNT_FROM_DESCRIPTOR = 1, 4

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_SECUREBITS = 28
PR_SET_NO_NEW_PRIVS = 38
# Root means nothing, locked: SECBIT_NOROOT, SECBIT_NO_SETUID_FIXUP, SECBIT_NO_CAP_AMBIENT_RAISE and their locks.
NO_ROOT = 0b1100_1111

# Calls that came with one number on every architecture, and those that did not.
_CALLS = {
    "open_tree": 428,
    "move_mount": 429,
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}
_OWN_CALLS = {
    "x86_64": {"clone": 56, "pivot_root": 155, "capset": 126, "seccomp": 317},
    "aarch64": {"clone": 220, "pivot_root": 41, "capset": 91, "seccomp": 277},
}
MACHINE = platform.machine()
_CALLS.update(_OWN_CALLS.get(MACHINE, {}))

_libc = ctypes.CDLL(None, use_errno=True)
# It keeps Python's lock while it is in the call: the child of a clone holds it, too.
_libc_locked = ctypes.PyDLL(None, use_errno=True)


def _checked(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def call(name, *arguments):
    """A system call by its name, for what the C library does not offer."""
    if name not in _CALLS:
        raise OSError(f"{name}: not known for {MACHINE}")
    _libc.syscall.restype = ctypes.c_long
    return _checked(_libc.syscall(ctypes.c_long(_CALLS[name]), *map(_word, arguments)), name)


def _word(value):
    return ctypes.c_long(value) if isinstance(value, int) else value


def fork_into(flags):
    """Fork into new namespaces; as os.fork, the child's pid and in the child 0."""
    python = ctypes.pythonapi
    python.PyOS_BeforeFork()
    arguments = [ctypes.c_long(number) for number in (_CALLS["clone"], flags | signal.SIGCHLD, 0, 0, 0, 0)]
    _libc_locked.syscall.restype = ctypes.c_long
    pid = _libc_locked.syscall(*arguments)
    if pid == 0:
        python.PyOS_AfterFork_Child()
        return 0
    number = ctypes.get_errno()
    python.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(number, f"clone: {os.strerror(number)}")
    return pid


def unshare(flags):
    _checked(_libc.unshare(flags), "unshare")


def mount(source, target, kind, flags, options=""):
    arguments = [value.encode() if value else None for value in (source, target, kind)]
    result = _libc.mount(*arguments, ctypes.c_ulong(flags), options.encode())
    _checked(result, f"mount {kind or source} on {target}")


def enter_mounts(namespace):
    """Go into a mount namespace, to its root."""
    _checked(_libc.setns(namespace, NEWNS), "setns")


def enter(process, kinds):
    """Go into these namespaces of a process, given by its pidfd."""
    _checked(_libc.setns(process, kinds), "setns")


def unmount(target):
    _checked(_libc.umount2(target.encode(), MNT_DETACH), "umount")


def copy_mount(path):
    """A file or folder with whatever is mounted in it, as a mount that is nowhere yet; its descriptor."""
    return call("open_tree", _AT_FDCWD, path.encode(), _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC)


def place(copy, target):
    """Put what `copy_mount` gave at a place of this namespace."""
    call("move_mount", copy, b"", _AT_FDCWD, target.encode(), _MOVE_MOUNT_FROM_DESCRIPTOR)
    os.close(copy)


def place_read_only(copy, target):
    """The same, and nothing of it can be changed there."""
    place(copy, target)
    seal(target)


def bind_read_only(source, target, *, devices=False):
    """Show a file or folder, with whatever is mounted in it, at another place, where nothing can be changed."""
    mount(source, target, None, MS_BIND | MS_REC)
    seal(target, devices=devices)


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd")]


def seal(target, *, devices=False):
    """Make a mount and those below it read-only, without devices and without programs that change the user."""
    flags = _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID | (0 if devices else _MOUNT_ATTR_NODEV)
    attributes = _MountAttributes(attr_set=flags)
    size = ctypes.sizeof(attributes)
    call("mount_setattr", _AT_FDCWD, target.encode(), _AT_RECURSIVE, ctypes.byref(attributes), size)


def pivot_root_into(folder):
    """Make that mount the root and take the old one away."""
    os.chdir(folder)
    call("pivot_root", b".", b".")
    unmount(".")
    os.chdir("/")


def prctl(option, argument):
    values = [ctypes.c_ulong(value) for value in (argument, 0, 0, 0)]
    _checked(_libc.prctl(option, *values), f"prctl {option}")


def die_with_parent():
    """Be killed when the parent ends; to be asked for again after a change of user."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def drop_capabilities():
    """Give up every capability, and the ways to get one again."""
    with open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    for capability in range(last + 1):
        prctl(PR_CAPBSET_DROP, capability)
    prctl(PR_SET_SECUREBITS, NO_ROOT)
    header, sets = no_capabilities()
    call("capset", header, sets)


def no_capabilities():
    """The arguments of `capset`, as the kernel takes them."""
    return struct.pack("=Ii", 0x2008_0522, 0), bytes(24)
