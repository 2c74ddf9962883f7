# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="import-not-found"
"""Forks a function's process into another sandbox. Standard library only; x86_64 only.

The process that is forked, the template, stands still in one call (`runtime.be_forked`), without rights and without a
way to get some. A tracer, which has them, puts system calls into a fork of it: it enters the new sandbox, gives up what
came with that, and installs the walls that are inherited by what is started in a sandbox. No instruction of the
function's runs before all is done and has been looked at from outside. A call is put into a process by its registers;
the instruction that makes it is the one that the template stands at.
https://man7.org/linux/man-pages/man2/ptrace.2.html

The template may want to break out, and has chosen its registers, memory, descriptors and limits. What a call gives is
believed because nothing of its can answer instead: it has no filter of its own, no memory that others write to, and no
restartable sequence, by which the kernel would go on elsewhere than at the call.

The template is stopped from then on: who traces it stays as long as it is forked. It must not run while a sandbox is
made inside its own, whose first process has rights until it gives them up. Whatever goes wrong, the tracer ends, and
with it whatever it traces.
"""

import contextlib
import ctypes
import os
import signal
import socket
import struct

import fork_server
import isolation
import kernel
import landlock
import program
import syscall_filter

_SEIZE, _INTERRUPT, _CONTINUE, _CONTINUE_TO_CALL, _STEP, _DETACH = 0x4206, 0x4207, 7, 24, 9, 17
_GETREGS, _SETREGS, _MESSAGE, _SET_OPTIONS, _GET_SEQUENCE = 12, 13, 0x4201, 0x4200, 0x420F
_TRACE_CALLS, _TRACE_FORKS, _TRACE_CLONES, _TRACE_FILTER, _END_WITH_TRACER = 0x1, 0x2, 0x8, 0x80, 0x10_0000
_FORKS, _FILTERED, _STOPPED = (1, 2, 3), 7, 128
_AT_CALL = signal.SIGTRAP | 0x80
_EVERY_CHILD = 0x4000_0000  # __WALL
_CALLS = {
    "write": 1, "close": 3, "recvfrom": 45, "recvmsg": 47, "socketpair": 53, "clone": 56, "chdir": 80, "setsid": 112,
    "capset": 126, "prctl": 157, "openat": 257, "dup3": 292, "setns": 308, "seccomp": 317, "rseq": 334,
    "landlock_create_ruleset": 444, "landlock_add_rule": 445, "landlock_restrict_self": 446,
}  # fmt: skip
_SYSCALL = b"\x0f\x05"
_INTERRUPTED = -512  # ERESTARTSYS: it was waiting, without an end.
_CODE_64 = 0x33
_REGISTERS = (
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax",
    "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
)  # fmt: skip
_ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
_NO_CALL = (1 << 64) - 1
# Behind the part of the stack that the compiler's code may use without saying so.
_SCRATCH_BYTES = 16 << 10
_CLONE_PARENT, _CLONE_MEMORY, _CHILD_CLEARTID, _CHILD_SETTID = 0x8000, 0x100, 0x20_0000, 0x100_0000
_PR_GET_TID_ADDRESS = 40
_UNREGISTER = 1
_NAMESPACES = {
    "user": kernel.NEWUSER, "mnt": kernel.NEWNS, "pid": kernel.NEWPID, "net": kernel.NEWNET, "ipc": kernel.NEWIPC,
    "uts": kernel.NEWUTS, "cgroup": kernel.NEWCGROUP,
}  # fmt: skip
_WALLS = ("NoNewPrivs", "Seccomp", "Seccomp_filters")
# What keeps nothing of those who share it.
_SHARED_DEVICES = tuple(isolation.DEVICES)

_libc = ctypes.CDLL(None, use_errno=True)


class Unfit(Exception):
    """The template has something that forks must not share."""


class _Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in _REGISTERS]


def try_out(pid):
    """Trace a process in a sandbox for a moment. Raises OSError where that is refused."""
    _ptrace(_SEIZE, pid)
    try:
        _ptrace(_INTERRUPT, pid)
        _stopped(pid)
        _sequence_of(pid)
    finally:
        _ptrace(_DETACH, pid)


def keep(order, control, letterbox, process):
    """Stop the process `order["template"]`, of which `process` is a pidfd, and fork it as the orders that follow say.

    `letterbox` is the other end of the template's, whose socket is `order["letterbox"]`. With each order come a log and
    a letterbox for the fork, and a pidfd of `into`, the first process of its sandbox. What came out is told in lines:
    `kept`, or `carried` with the fork's pids from here inwards, or `unfit` or `failed` with the reason, which is the
    end; nothing is told of a template that has ended.
    """
    kernel.die_with_parent()
    line, letters = socket.socket(fileno=control), socket.socket(fileno=letterbox)
    try:
        template = _parked(order["template"], process)
        connections = _fit(template.pid, order["letterbox"])
        sequence = _without_sequence(template)
        line.sendall(b"kept\n")
        while True:
            order, descriptors = fork_server.read_order(line)
            pids = _carry(template, connections, sequence, order, letters, descriptors)
            line.sendall(f"carried {' '.join(map(str, pids))}\n".encode())
            for descriptor in descriptors:
                os.close(descriptor)
    except (EOFError, ProcessLookupError):
        return
    except Unfit as error:
        _say(line, f"unfit {error}")
    except (OSError, ValueError) as error:
        _say(line, f"failed {error}")


def _say(line, text):
    with contextlib.suppress(OSError):
        line.sendall(f"{text}\n".encode())


def _carry(template, connections, sequence, order, letters, descriptors):
    folder = os.readlink(f"/proc/{template.pid}/cwd")
    tid_address = template.value_of("prctl", _PR_GET_TID_ADDRESS)
    # It does no more than to go there, in the template's own memory: a copy of that takes long.
    first = template.forked(_CLONE_PARENT | _CLONE_MEMORY | signal.SIGCHLD)
    with contextlib.ExitStack() as opened:
        entrances = [opened.enter_context(open(path, "wb", buffering=0)).fileno() for path in order["cgroups"]]
        socket.send_fds(letters, [b"-"], [*descriptors, *entrances])
    sandbox = _take(first, len(entrances))
    _replace(first, connections)
    _enter(first, sandbox)
    last = first.forked(_CLONE_PARENT | signal.SIGCHLD | _CHILD_SETTID | _CHILD_CLEARTID, 0, 0, tid_address)
    first.kill()
    _seal(last, folder)
    _check(last.pid, order["into"])
    _, _, inner = descriptors
    signal.pidfd_send_signal(inner, 0)  # What has been looked at was that sandbox, and not who has its number now.
    if sequence is not None:
        pointer, size, signature = sequence
        last.call("rseq", pointer, size, 0, signature)
    pids = pids_of(last.pid)
    last.let_go()
    return pids


class _Traced:
    """A process that stands still, at the instruction of a call."""

    def __init__(self, pid, registers=None):
        self.pid = pid
        self._memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
        self.registers = registers or self.now()
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
        if self.read(registers.rip, len(_SYSCALL)) != _SYSCALL:
            raise OSError("it does not stand at a call")
        self._step()
        after = self.now()
        if after.rip != registers.rip + len(_SYSCALL):
            raise OSError("it has not made the call")
        result = _signed(after.rax)
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
        content = os.pread(self._memory, size, place)
        if len(content) < size:
            raise OSError("it has no such memory")
        return content

    def now(self):
        """Its registers where it is."""
        registers = _Registers()
        _ptrace(_GETREGS, self.pid, ctypes.byref(registers))
        return registers

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

    def _set(self, registers):
        _ptrace(_SETREGS, self.pid, ctypes.byref(registers))


def _signed(register):
    return ctypes.c_int64(register).value


def _ptrace(request, pid, data=0, size=0):
    _libc.ptrace.restype = ctypes.c_long
    value = ctypes.c_void_p(data) if isinstance(data, int) else data
    if _libc.ptrace(ctypes.c_long(request), ctypes.c_long(pid), ctypes.c_void_p(size), value) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace: {os.strerror(number)}")


def _stopped(pid):
    _, status = os.waitpid(pid, _EVERY_CHILD)
    if not os.WIFSTOPPED(status):
        raise ProcessLookupError("it has ended")
    return status


def _parked(pid, process):
    """The template, stopped at the call in which it waits for a letter; it may be on its way there."""
    _ptrace(_SEIZE, pid, _TRACE_CALLS)
    signal.pidfd_send_signal(process, 0)  # If it is still there, nobody else had its number when that was seized.
    traced = None
    _ptrace(_INTERRUPT, pid)
    while True:
        status = _stopped(pid)
        interrupted, number = status >> 16 == _STOPPED, os.WSTOPSIG(status)
        traced = traced or _Traced(pid)
        registers = traced.registers = traced.now()
        if not interrupted and number != _AT_CALL:
            _ptrace(_CONTINUE_TO_CALL, pid, number)  # A signal, which is its own affair.
        elif (_signed(registers.orig_rax), registers.rdi) != (_CALLS["recvfrom"], program.LETTERBOX):
            _ptrace(_CONTINUE_TO_CALL, pid)
        elif not interrupted:
            # At the border of a call it can be given no other one.
            _ptrace(_CONTINUE, pid)
            _ptrace(_INTERRUPT, pid)
        elif registers.cs != _CODE_64 or _signed(registers.rax) != _INTERRUPTED:
            # A fork that makes the same call has to wait in it until its sandbox is closed.
            raise Unfit("it does not wait for its letter")
        else:
            # From here on it runs no more, whatever becomes of the tracer.
            _ptrace(_SET_OPTIONS, pid, _TRACE_FORKS | _TRACE_CLONES | _TRACE_FILTER | _END_WITH_TRACER)
            registers.rip -= len(_SYSCALL)
            registers.rax, registers.orig_rax = _CALLS["recvfrom"], _NO_CALL
            return traced


def _fit(template, letterbox):
    """The connections of the template, by descriptor. Raises Unfit if it has more that forks would share."""
    status = _status(template)
    if [status.get(name) for name in _WALLS] != ["1", "2", "1"]:
        raise Unfit("it has a filter of system calls")
    if len(os.listdir(f"/proc/{template}/task")) > 1:
        raise Unfit("it has threads")
    for parent in (template, int(status["PPid"])):
        with open(f"/proc/{parent}/task/{parent}/children") as file:
            if {int(pid) for pid in file.read().split()} - {template}:
                raise Unfit("it has started processes")
    if _shares_memory(template):
        raise Unfit("it has shared memory")
    folder = f"/proc/{template}/root/tmp"
    # Where Fogbank is installed below /tmp, that is mounted there.
    if any(os.lstat(f"{folder}/{name}").st_dev == os.lstat(folder).st_dev for name in os.listdir(folder)):
        raise Unfit("it has files in /tmp")
    opened = {int(name): os.readlink(f"/proc/{template}/fd/{name}") for name in os.listdir(f"/proc/{template}/fd")}
    if opened.pop(program.LETTERBOX, None) != f"socket:[{letterbox}]" or not {0, 1, 2} <= opened.keys():
        raise Unfit("it has not got what it was started with")
    connections = []
    for descriptor, target in opened.items():
        if descriptor in (1, 2):
            continue
        if target.startswith("socket:") and descriptor > program.LETTERBOX:
            connections.append(descriptor)
        elif target not in _SHARED_DEVICES:
            raise Unfit(f"it has {target} open")
    return connections


def _shares_memory(pid):
    """Whether it may, now or when it has asked for it (mprotect), write to memory that is not its own."""
    with open(f"/proc/{pid}/smaps", "rb") as file:
        flags = [line.split()[1:] for line in file if line.startswith(b"VmFlags:")]
    return not flags or any(b"ms" in each and b"mw" in each for each in flags)


def _without_sequence(template):
    """Take its restartable sequences from the template; pointer, size and signature, or None if it has none.

    When a process that is about to run an instruction of one was interrupted, the kernel has it run another.
    https://docs.kernel.org/userspace-api/rseq.html
    """
    pointer, size, signature = sequence = _sequence_of(template.pid)
    if not pointer:
        return None
    template.call("rseq", pointer, size, _UNREGISTER, signature)
    if _sequence_of(template.pid)[0]:
        raise Unfit("it has a restartable sequence")
    return sequence


def _sequence_of(pid):
    told = ctypes.create_string_buffer(24)
    _ptrace(_GET_SEQUENCE, pid, told, len(told))
    return struct.unpack("=QIIxxxxxxxx", told.raw)


def _take(process, entrances):
    """Put what comes with a message in the place of its output and of its letterbox, and enter the control groups.

    What it gives is the descriptor of the sandbox. A process enters a group by itself: whoever puts another one there
    waits for all that are just forking or ending.
    """
    start = process.scratch
    vector, buffer, control = start + 128, start + 256, start + 512
    header = struct.pack("=QIxxxxQQQQixxxx", 0, 0, vector, 1, control, 64, 0)
    arguments = (header.ljust(128, b"\0") + struct.pack("=QQ", buffer, 1)).ljust(512 + 64, b"\0")
    size = process.call("recvmsg", program.LETTERBOX, arguments, 0x4000_0000)  # MSG_CMSG_CLOEXEC
    count = 3 + entrances
    *head, log, letter, sandbox = struct.unpack("=Qiiiii", process.read(control, 28))
    if size != 1 or head != [16 + 4 * count, socket.SOL_SOCKET, socket.SCM_RIGHTS]:
        raise OSError("what was sent to it has not come")
    groups = struct.unpack(f"={entrances}i", process.read(control + 28, 4 * entrances))
    for old, new in ((log, 1), (log, 2), (letter, program.LETTERBOX)):
        process.call("dup3", old, new, 0)
    for group in groups:
        process.call("write", group, b"0", 1)
    for descriptor in (log, letter, *groups):
        process.call("close", descriptor)
    return sandbox


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


def _enter(process, sandbox):
    """Its children are born in the sandbox; itself it is a process of the template's still."""
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
    process.call("chdir", os.fsencode(folder) + b"\0")
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


def _check(pid, into):
    """Raises OSError unless it has become what every process in that sandbox is."""
    status = _status(pid)
    capabilities = [status.get(name) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
    walls = [status.get(name) for name in _WALLS]
    if set(capabilities) != {"0" * 16} or walls != ["1", "2", "2"]:
        raise OSError(f"it has not given up its rights: {capabilities}, {walls}")
    for name in _NAMESPACES:
        if os.readlink(f"/proc/{pid}/ns/{name}") != os.readlink(f"/proc/{into}/ns/{name}"):
            raise OSError(f"it is in another {name} namespace")
    if _groups_of(pid) != _groups_of(into):
        raise OSError("it is in another control group")


def _groups_of(pid):
    with open(f"/proc/{pid}/cgroup") as file:
        return file.read()


def pids_of(pid):
    """The numbers of a process, from here to the innermost pid namespace."""
    return [int(number) for number in _status(pid)["NSpid"].split()]


def _status(pid):
    with open(f"/proc/{pid}/status", errors="replace", newline="\n") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
