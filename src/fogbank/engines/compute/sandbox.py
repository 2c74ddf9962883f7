"""The processes of one environment in a sandbox of its own (python/isolation.py says what that is)."""

import array
import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fogbank.core.front_door import FrontDoor
from fogbank.engines.compute.cgroups import ControlGroups
from fogbank.engines.compute.forker import Forker, OnExit
from fogbank.engines.compute.interface import FunctionSpec, RuntimeUnavailable
from fogbank.engines.compute.name_server import NameServer
from fogbank.engines.compute.processes import Sleep, connected, order_of, peak_mb, resident_mb
from fogbank.engines.compute.runtimes import Program, View
from fogbank.engines.compute.zygote_client import Zygote

_LISTENERS_MAX = 4
Ancillary = list[tuple[int, int, bytes]]
"""What came beside a message: level, type and data."""


class Ground(NamedTuple):
    """What this machine makes a function's sandboxes of."""

    zygote: Zygote
    runtimes: Iterable[str]
    front_door: FrontDoor | None
    groups: ControlGroups
    no_forks: str
    """Why what runs in them cannot be forked, if so."""


class Sandbox:
    """Lives from `open` to `remove`; processes come and go in it, and /tmp stays."""

    def __init__(self, spec: FunctionSpec, ground: Ground) -> None:
        self._spec = spec
        self._runtimes = tuple(ground.runtimes)
        # /tmp lies in memory, and what is in it counts against the group, but not against the function.
        wall_bytes = (spec.memory_mb + spec.ephemeral_mb) << 20
        self._group = ground.groups.make(memory_bytes=wall_bytes, memory_mb=spec.memory_mb)
        self._killed_for_memory = 0
        self._measured: list[int] = []
        self._sleep = Sleep(self._set_frozen)
        self._woken = False
        self._zygote = ground.zygote
        self._front_door = ground.front_door
        self._servers: list[asyncio.AbstractServer | asyncio.DatagramTransport] = []
        self._init_pid = 0
        self._init: Forker | None = None

    @property
    def view(self) -> View:
        runtimes = {name: f"/var/runtime/{name}" for name in self._runtimes}
        return View("/var/task", ("/opt",) * len(self._spec.layers), "/tmp", "/var/runtime", runtimes)

    @property
    def gone(self) -> bool:
        return self._init is not None and (self._init.closed or not self._init_pid)

    @property
    def restores(self) -> bool:
        return False

    async def open(self) -> socket.socket:
        spec, door = self._spec, self._front_door
        order: dict[str, Any] = {
            "code": str(spec.code),
            "layers": [str(layer) for layer in spec.layers],
            "ephemeral_mb": spec.ephemeral_mb,
            "network": spec.network,
            "cloud_port": door.port if door is not None else 0,
            "cgroups": self._group.entrances(),
            "frozen_folder": self._group.frozen_folder(),
            "template": False,
            "within": False,
            "hidden": True,
        }
        ours, theirs = socket.socketpair()
        # What the whole network can reach, a port of the machine's own serves, too.
        own = socket.create_server(("127.0.0.1", 0), backlog=16) if spec.network == "full" else None
        try:
            with theirs:
                await self._begin(order, ours, theirs)
            listeners = await self._first_word(ours)
        except BaseException:
            ours.close()  # Init ends when nobody is there to give it orders.
            raise
        self._init = Forker(ours, lambda line: None, lambda: None)
        if own is not None:
            return own
        api, *cloud = listeners
        if cloud and door is not None:
            endpoint, names = cloud
            self._servers.append(await door.serve(endpoint))
            self._servers.append(await NameServer.serve(names))
        return api

    async def _begin(self, order: dict[str, Any], ours: socket.socket, theirs: socket.socket) -> None:
        """Have the first process made, which takes orders from `ours`."""
        self._init_pid = await self._zygote.fork("sandbox", order, [theirs.fileno()], self._ended)

    async def _first_word(self, line: socket.socket) -> list[socket.socket]:
        """Wait until init is ready: the sockets that listen inside."""
        word, ancillary = await heard(line)
        listeners = [socket.socket(fileno=descriptor) for descriptor in _descriptors_in(ancillary)]
        if word != b"ready\n":
            reason = word.decode("utf-8", "replace").strip() or "its first process ended"
            raise RuntimeUnavailable(f"No sandbox could be made for the function: {reason.removeprefix('failed ')}.")
        self._born(ancillary)
        return listeners

    def _born(self, ancillary: Ancillary) -> None:
        """Init is ready; what came with its first word."""

    async def start(self, program: Program, log_fd: int, on_exit: OnExit) -> int:
        return await self._start(program, [log_fd], on_exit)

    async def _start(self, program: Program, descriptors: Sequence[int], on_exit: OnExit) -> int:
        assert self._init is not None
        self._killed_for_memory = self._group.killed_for_memory()
        self._measured = []
        return await self._init.fork("program", order_of(self._spec, self.view, program), descriptors, on_exit)

    async def connect(self, port: int) -> socket.socket:
        assert self._init is not None
        return await connected(await self._init.make_socket(), port)

    def terminate(self, pid: int) -> None:
        self._signal(pid, signal.SIGTERM)

    def kill_all(self) -> None:
        self._signal(-1, signal.SIGKILL, until_all_ended=True)

    def _signal(self, pid: int, number: int, *, until_all_ended: bool = False) -> None:
        if self._init is not None:
            with contextlib.suppress(OSError):
                self._init.tell("signal", {"pid": pid, "signal": number, "until_all_ended": until_all_ended})

    def pids(self) -> list[int]:
        try:
            children = Path(f"/proc/{self._init_pid}/task/{self._init_pid}/children").read_text()
        except OSError:
            return []
        return [int(pid) for pid in children.split()]

    def resident_mb(self) -> float:
        # What each shares with the zygote is not counted by the group, what all have together not by a process.
        return max(self._group.anonymous_mb(), *map(resident_mb, self.pids()), 0.0)

    def peak_mb(self) -> int:
        # Asked for after every invocation: what was started is looked up once.
        self._measured = self._measured or self.pids()
        return sum(peak_mb(pid) for pid in self._measured)

    def killed_for_memory(self) -> bool:
        return self._group.killed_for_memory() > self._killed_for_memory

    def wake(self) -> None:
        self._sleep.wake()
        if self._spec.untrusted and not self._woken:
            # Initialization may take what nobody else wants, as on AWS.
            self._woken = True
            self._group.limit_cpu(self._spec.memory_mb)

    def rest(self) -> None:
        self._sleep.rest()

    def remove(self) -> None:
        self._sleep.end()
        for server in self._servers:
            server.close()
        if self._init is not None:
            self._init.close()
        if self._init_pid:
            with contextlib.suppress(ProcessLookupError):
                self._kill_init()
            self._sleep.wake()  # What is frozen does not end, killed or not.
        else:
            self._group.remove()

    def _kill_init(self) -> None:
        os.kill(self._init_pid, signal.SIGKILL)

    def _set_frozen(self, frozen: bool) -> None:
        if self._group.freezes():
            self._group.set_frozen(frozen=frozen)
        else:
            self._signal(-1, signal.SIGSTOP if frozen else signal.SIGCONT)

    def _ended(self, status: int) -> None:
        self._init_pid = 0
        self._group.remove()


async def heard(line: socket.socket) -> tuple[bytes, Ancillary]:
    """What the other end says first, nothing if it is gone, and what came with it."""
    line.setblocking(False)
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(line, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(line)
    space = socket.CMSG_SPACE(_LISTENERS_MAX * array.array("i").itemsize) + socket.CMSG_SPACE(12)
    word, ancillary, _, _ = line.recvmsg(4096, space)
    return word, ancillary


def _descriptors_in(ancillary: Ancillary) -> list[int]:
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return list(descriptors)
