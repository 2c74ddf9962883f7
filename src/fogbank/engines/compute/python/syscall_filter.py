# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="import-not-found"
"""Which system calls a function may make: all that programs use, none that administer a machine.

A filter is a program of the kernel's packet filter, put together here from tables. What the tables do not know,
because the kernel is newer than they are, is refused as a call that does not exist: C libraries then use older ones.
https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

import ctypes
import errno
import functools
import socket
import struct

import kernel

# name: (number on x86_64, number on aarch64); None where an architecture has no such call.
REFUSED = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "mount_setattr": (442, 442), "statmount": (457, 457), "listmount": (458, 458),
    "unshare": (272, 97), "setns": (308, 268),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "create_module": (174, None),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "memfd_secret": (447, 447),
    "syslog": (103, 116), "sethostname": (170, 161), "setdomainname": (171, 162), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None), "vhangup": (153, 58), "uselib": (134, None),
    "ustat": (136, None), "sysfs": (139, None), "_sysctl": (156, None), "nfsservctl": (180, 42),
    "lookup_dcookie": (212, 18), "personality": (135, 92), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "fanotify_init": (300, 262),
    "mbind": (237, 235), "set_mempolicy": (238, 237), "get_mempolicy": (239, 236), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "set_mempolicy_home_node": (450, 450), "vmsplice": (278, 75),
    "mq_open": (240, 180), "mq_unlink": (241, 181), "lsm_set_self_attr": (460, 460),
}  # fmt: skip
# Answered as on a kernel that has not got them: their arguments lie in memory, where no filter can look.
UNKNOWN = {"clone3": (435, 435)}
_CLONE, _SOCKET, _SOCKETPAIR, _IOCTL = (56, 220), (41, 198), (53, 199), (16, 29)
# The newest call that the tables take account of: lsm_list_modules, mseal and the calls for extended attributes.
_LAST = 466

_NEW_NAMESPACES = (
    kernel.NEWNS | kernel.NEWCGROUP | kernel.NEWUTS | kernel.NEWIPC | kernel.NEWUSER | kernel.NEWPID | kernel.NEWNET
    | 0x80  # CLONE_NEWTIME
)  # fmt: skip
_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, 16)  # AF_NETLINK, by which addresses are listed.
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX

_AUDIT_ARCHITECTURES = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_LOAD, _EQUAL, _GREATER, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_ALLOW, _KILL, _ERROR, _TRACE = 0x7FFF_0000, 0x8000_0000, 0x0005_0000, 0x7FF0_0000


def known():
    """Whether there is a filter for this machine's processor."""
    return kernel.MACHINE in _AUDIT_ARCHITECTURES


def install(*, template=False):
    """Filter the calls of this process and all that it starts. NoNewPrivileges must be set.

    In a template a tracer may enter namespaces; without one there is no such call.
    """
    instructions = assembled(template=template)
    memory = ctypes.create_string_buffer(instructions, len(instructions))
    filter_program = _Program(length=len(instructions) // 8, instructions=ctypes.addressof(memory))
    kernel.call("seccomp", 1, 0, ctypes.byref(filter_program))


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


@functools.cache
def assembled(*, template=False):
    """The filter as the kernel takes it; the same for all, so that it is made before any is forked."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program(template=template))


def program(*, template=False):
    """The filter as instructions: (code, jump if true, jump if false, value)."""
    column = list(_AUDIT_ARCHITECTURES).index(kernel.MACHINE)
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _AUDIT_ARCHITECTURES[kernel.MACHINE]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_GREATER, 0, 1, _LAST),
        (_RETURN, 0, 0, _ERROR | errno.ENOSYS),
    ]
    for name, numbers in REFUSED.items():
        if template and name == "setns":
            program += _answer(numbers[column], _TRACE)
        else:
            program += _answer(numbers[column], _ERROR | errno.EPERM)
    for numbers in UNKNOWN.values():
        program += _answer(numbers[column], _ERROR | errno.ENOSYS)
    program += _with_argument(
        _CLONE[column], 0, [(_ANY_BIT, 0, 1, _NEW_NAMESPACES), (_RETURN, 0, 0, _ERROR | errno.EPERM)]
    )
    for call in (_SOCKET, _SOCKETPAIR):
        families = [(_EQUAL, len(_FAMILIES) - place, 0, family) for place, family in enumerate(_FAMILIES)]
        program += _with_argument(call[column], 0, [*families, (_RETURN, 0, 0, _ERROR | errno.EAFNOSUPPORT)])
    for request in _TERMINAL_INPUT:
        program += _with_argument(_IOCTL[column], 1, [(_EQUAL, 0, 1, request), (_RETURN, 0, 0, _ERROR | errno.EPERM)])
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def _answer(number, answer):
    if number is None:
        return []
    return [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, answer)]


def _with_argument(number, argument, checks):
    """Checks of the lower half of a call's argument; the call's number is loaded before and behind them."""
    return [
        (_EQUAL, 0, len(checks) + 2, number),
        (_LOAD, 0, 0, _ARGUMENTS + 8 * argument),
        *checks,
        (_LOAD, 0, 0, _NUMBER),
    ]
