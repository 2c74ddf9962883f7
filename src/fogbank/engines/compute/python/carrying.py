# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="import-not-found"
"""Forks a function's process into another sandbox. Standard library only; x86_64 only.

The process that is forked, the template, stands still in one call (`runtime.be_forked`), without rights and without a
way to get some. A tracer, which has them, puts system calls into a fork of it: it enters the new sandbox, gives up what
came with that, and installs the walls that are inherited by what is started in a sandbox. No instruction of the
function's runs before all is done and has been looked at from outside. A call is put into a process by its registers;
the instruction that makes it is the one that the template stands at.
https://man7.org/linux/man-pages/man2/ptrace.2.html

The template is stopped from then on: who traces it stays as long as it is forked. It must not run while a sandbox is
made inside its own, whose first process has rights until it gives them up. Whatever goes wrong, the tracer ends, and
with it whatever it traces.
"""

import ctypes
import os
import signal
import socket
import struct
import time

import fork_server
import isolation
import kernel
import landlock
import program
import syscall_filter

_SEIZE, _INTERRUPT, _CONTINUE, _STEP, _DETACH = 0x4206, 0x4207, 7, 9, 17
_GETREGS, _SETREGS, _MESSAGE = 12, 13, 0x4201
_TRACE_FORKS, _TRACE_CLONES, _TRACE_FILTER, _END_WITH_TRACER = 0x2, 0x8, 0x80, 0x10_0000
_FORKS, _FILTERED = (1, 2, 3), 7
_EVERY_CHILD = 0x4000_0000  # __WALL
_CALLS = {
    "close": 3, "recvfrom": 45, "recvmsg": 47, "socketpair": 53, "clone": 56, "chdir": 80, "setsid": 112, "capset": 126,
    "prctl": 157, "openat": 257, "dup3": 292, "setns": 308, "seccomp": 317, "pidfd_open": 434,
    "landlock_create_ruleset": 444, "landlock_add_rule": 445, "landlock_restrict_self": 446,
}  # fmt: skip
_SYSCALL = b"\x0f\x05"
_CODE_64 = 0x33
_REGISTERS = (
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax",
    "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
)  # fmt: skip
_ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
_NO_CALL = (1 << 64) - 1
# Behind the part of the stack that the compiler's code may use without saying so.
_SCRATCH_BYTES = 16 << 10
_CLONE_PARENT, _CHILD_CLEARTID, _CHILD_SETTID = 0x8000, 0x20_0000, 0x100_0000
_PR_GET_TID_ADDRESS = 40
_NAMESPACES = {
    "user": kernel.NEWUSER, "mnt": kernel.NEWNS, "pid": kernel.NEWPID, "net": kernel.NEWNET, "ipc": kernel.NEWIPC,
    "uts": kernel.NEWUTS, "cgroup": kernel.NEWCGROUP,
}  # fmt: skip
# What keeps nothing of those who share it.
_SHARED_DEVICES = tuple(isolation.DEVICES)
_PARKED_WITHIN_S = 5.0

_libc = ctypes.CDLL(None, use_errno=True)


class Unfit(Exception):
    """The template has something that forks must not share."""


class _Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in _REGISTERS]


def keep(order, control, letterbox):
    """Stop the process `order["template"]`, a child of `order["parent"]`, and fork it as the orders that follow say.

    `letterbox` is the other end of the template's. Each order comes with a log and a letterbox for the fork, and says
    the sandbox by its first process, `into`. What came out is told in lines: `kept`, or `carried` with the fork's pids
    from here inwards, or `unfit` or `failed` with the reason, which is the end.
    """
    kernel.die_with_parent()
    line, letters = socket.socket(fileno=control), socket.socket(fileno=letterbox)
    try:
        template = _parked(order)
        connections = _fit(template.pid)
        line.sendall(b"kept\n")
        while True:
            order, descriptors = fork_server.read_order(line)
            pids = _carry(template, connections, order, letters, descriptors)
            line.sendall(f"carried {' '.join(map(str, pids))}\n".encode())
            for descriptor in descriptors:
                os.close(descriptor)
    except EOFError:
        return
    except Unfit as error:
        line.sendall(f"unfit {error}\n".encode())
    except (OSError, ValueError) as error:
        line.sendall(f"failed {error}\n".encode())


def _carry(template, connections, order, letters, descriptors):
    folder = os.readlink(f"/proc/{template.pid}/cwd")
    tid_address = template.value_of("prctl", _PR_GET_TID_ADDRESS)
    first = template.forked(_CLONE_PARENT | signal.SIGCHLD)
    socket.send_fds(letters, [b"-"], descriptors)
    _take(first)
    _replace(first, connections)
    _enter(first, order)
    last = first.forked(_CLONE_PARENT | signal.SIGCHLD | _CHILD_SETTID | _CHILD_CLEARTID, 0, 0, tid_address)
    first.kill()
    for entrance in order["cgroups"]:
        with open(entrance, "w") as file:
            file.write(str(last.pid))
    _seal(last, folder)
    _check(last.pid, order)
    pids = pids_of(last.pid)
    last.let_go()
    return pids


class _Traced:
    """A process that stands still, at the instruction of a call."""

    def __init__(self, pid, registers=None):
        self.pid = pid
        self._memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
        self.registers = registers or self._get()
        self._forked = 0

    def call(self, name, *arguments):
        """What the call gives. Bytes are put into its memory, behind each other."""
        registers = _Registers.from_buffer_copy(self.registers)
        place = registers.rsp - _SCRATCH_BYTES & ~0xF
        for register, argument in zip(_ARGUMENTS, (*arguments, *[0] * (6 - len(arguments))), strict=True):
            value = argument
            if isinstance(argument, bytes):
                value = place
                if os.pwrite(self._memory, argument, place) != len(argument):
                    raise OSError("it has no stack")
                place += len(argument) + 0xF & ~0xF
            setattr(registers, register, value & _NO_CALL)
        registers.rax, registers.orig_rax = _CALLS[name], _NO_CALL
        self._set(registers)
        if self.read(registers.rip, 2) != _SYSCALL:
            raise OSError("it does not stand at a call")
        self._step()
        result = ctypes.c_int64(self._get().rax).value
        if result < 0:
            raise OSError(-result, f"{name}: {os.strerror(-result)}")
        return result

    def value_of(self, name, option):
        """What a call writes to where its second argument points."""
        self.call(name, option, bytes(8))
        return int.from_bytes(self.read(self.scratch, 8), "little")

    @property
    def scratch(self):
        """Where the first bytes of a call's arguments were put."""
        return self.registers.rsp - _SCRATCH_BYTES & ~0xF

    def forked(self, flags, *arguments):
        """A child, which stands where this process stood, traced as well."""
        self._forked = 0
        self.call("clone", flags, *(arguments or (0,)))
        _stopped(self._forked)
        return _Traced(self._forked, self.registers)

    def let_go(self):
        """Have it make its own call, from the beginning."""
        self._set(self.registers)
        _ptrace(_DETACH, self.pid)
        os.close(self._memory)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, _EVERY_CHILD)
        os.close(self._memory)

    def read(self, place, size):
        return os.pread(self._memory, size, place)

    def _step(self):
        while True:
            _ptrace(_STEP, self.pid)
            status = _stopped(self.pid)
            event = status >> 16
            if event in _FORKS:
                message = ctypes.c_ulong()
                _ptrace(_MESSAGE, self.pid, ctypes.byref(message))
                self._forked = message.value
            elif event == 0 and os.WSTOPSIG(status) == signal.SIGTRAP:
                return
            elif event != _FILTERED:
                raise OSError(f"it was stopped by {status:#x}")

    def _get(self):
        registers = _Registers()
        _ptrace(_GETREGS, self.pid, ctypes.byref(registers))
        return registers

    def _set(self, registers):
        _ptrace(_SETREGS, self.pid, ctypes.byref(registers))


def _ptrace(request, pid, data=0):
    _libc.ptrace.restype = ctypes.c_long
    value = ctypes.c_void_p(data) if isinstance(data, int) else data
    if _libc.ptrace(ctypes.c_long(request), ctypes.c_long(pid), None, value) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace: {os.strerror(number)}")


def _stopped(pid):
    _, status = os.waitpid(pid, _EVERY_CHILD)
    if not os.WIFSTOPPED(status):
        raise OSError("it has ended")
    return status


def _parked(order):
    """The template, stopped at the call in which it waits for a letter; it may be on its way there."""
    pid = order["template"]
    if _parent_of(pid) != order["parent"]:
        raise OSError("it has ended")
    _ptrace(_SEIZE, pid, _TRACE_FORKS | _TRACE_CLONES | _TRACE_FILTER | _END_WITH_TRACER)
    until_s = time.monotonic() + _PARKED_WITHIN_S
    while time.monotonic() < until_s:
        _ptrace(_INTERRUPT, pid)
        _stopped(pid)
        traced = _Traced(pid)
        registers = traced.registers
        if registers.cs == _CODE_64 and registers.rdi == program.LETTERBOX:
            waits = ctypes.c_int64(registers.orig_rax).value == _CALLS["recvfrom"]
            if waits and traced.read(registers.rip - 2, 2) == _SYSCALL:
                registers.rip -= 2
                registers.rax, registers.orig_rax = _CALLS["recvfrom"], _NO_CALL
                return traced
            if registers.rax == _CALLS["recvfrom"] and traced.read(registers.rip, 2) == _SYSCALL:
                registers.orig_rax = _NO_CALL
                return traced
        _ptrace(_CONTINUE, pid)
        time.sleep(0.002)
    raise Unfit("it does not wait to be forked")


def _fit(template):
    """The connections of the template, by descriptor. Raises Unfit if it has more that forks would share."""
    if len(os.listdir(f"/proc/{template}/task")) > 1:
        raise Unfit("it has threads")
    depth = len(pids_of(template))
    for parent in (template, _parent_of(template)):
        with open(f"/proc/{parent}/task/{parent}/children") as file:
            others = {int(pid) for pid in file.read().split()} - {template}
        if any(len(pids_of(pid)) == depth for pid in others):
            raise Unfit("it has started processes")
    with open(f"/proc/{template}/maps") as file:
        for line in file:
            if "w" in (permissions := line.split()[1]) and "s" in permissions:
                raise Unfit("it has shared memory")
    folder = f"/proc/{template}/root/tmp"
    # Where Fogbank is installed below /tmp, that is mounted there.
    if any(os.lstat(f"{folder}/{name}").st_dev == os.lstat(folder).st_dev for name in os.listdir(folder)):
        raise Unfit("it has files in /tmp")
    connections = []
    for name in os.listdir(f"/proc/{template}/fd"):
        target = os.readlink(f"/proc/{template}/fd/{name}")
        if int(name) in (1, 2, program.LETTERBOX):
            continue
        if target.startswith("socket:") and int(name) > program.LETTERBOX:
            connections.append(int(name))
        elif target not in _SHARED_DEVICES:
            raise Unfit(f"it has {target} open")
    return connections


def _take(process):
    """Put what comes with a message in the place of its output and of its letterbox."""
    start = process.scratch
    buffer, control = start + 256, start + 512
    vector = start + 128
    header = struct.pack("=QIxxxxQQQQixxxx", 0, 0, vector, 1, control, 64, 0)
    arguments = header.ljust(128, b"\0") + struct.pack("=QQ", buffer, 1)
    process.call("recvmsg", program.LETTERBOX, arguments, 0x4000_0000)  # MSG_CMSG_CLOEXEC
    log, letter = struct.unpack("=ii", process.read(control + 16, 8))
    for old, new in ((log, 1), (log, 2), (letter, program.LETTERBOX)):
        process.call("dup3", old, new, 0)
    process.call("close", log)
    process.call("close", letter)


def _replace(process, connections):
    """Connections are broken when a snapshot is restored: whoever uses them finds that the other end is gone."""
    if not connections:
        return
    process.call("socketpair", socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC, 0, bytes(8))
    dead, other = struct.unpack("=ii", process.read(process.scratch, 8))
    process.call("close", other)
    for connection in connections:
        process.call("dup3", dead, connection, os.O_CLOEXEC)
    process.call("close", dead)


def _enter(process, order):
    """Its children are born in the sandbox; itself it is a process of the template's still."""
    # Seen from the template's sandbox.
    sandbox = process.call("pidfd_open", pids_of(order["into"])[-2], 0)
    process.call("setns", sandbox, sum(_NAMESPACES.values()))
    process.call("close", sandbox)
    # Who has got other rights may not be looked into, until this is said.
    process.call("prctl", kernel.PR_SET_DUMPABLE, 1)


def _seal(process, folder):
    """Give up every right, as isolation.enter does, and lead a group of its own."""
    with open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    for capability in range(last + 1):
        process.call("prctl", kernel.PR_CAPBSET_DROP, capability)
    process.call("prctl", kernel.PR_SET_SECUREBITS, kernel.NO_ROOT)
    process.call("capset", *kernel.no_capabilities())
    process.call("setsid")
    process.call("chdir", folder.encode() + b"\0")
    if landlock.version():
        handled, allowed = landlock.rules(isolation.WRITABLE, isolation.DEVICES)
        ruleset = process.call("landlock_create_ruleset", handled, len(handled), 0)
        for path, rights in allowed:
            below = process.call("openat", 0, path.encode() + b"\0", os.O_PATH | os.O_CLOEXEC, 0)
            process.call("landlock_add_rule", ruleset, 1, landlock.rule(rights, below), 0)
            process.call("close", below)
        process.call("landlock_restrict_self", ruleset, 0)
        process.call("close", ruleset)
    instructions = syscall_filter.assembled()
    header = struct.pack("=HxxxxxxQ", len(instructions) // 8, process.scratch + 16)
    process.call("seccomp", 1, 0, header + instructions)


def _check(pid, order):
    """Raises OSError unless it has become what every process in that sandbox is."""
    with open(f"/proc/{pid}/status") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
    capabilities = [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
    walls = [status[name] for name in ("NoNewPrivs", "Seccomp", "Seccomp_filters")]
    if any(capabilities) or walls != ["1", "2", "2"]:
        raise OSError(f"it has not given up its rights: {capabilities}, {walls}")
    for name in _NAMESPACES:
        if os.readlink(f"/proc/{pid}/ns/{name}") != os.readlink(f"/proc/{order['into']}/ns/{name}"):
            raise OSError(f"it is in another {name} namespace")


def pids_of(pid):
    """The numbers of a process, from here to the innermost pid namespace."""
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith("NSpid:"):
                return [int(number) for number in line.split()[1:]]
    raise OSError(f"{pid} has no number")


def _parent_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])
