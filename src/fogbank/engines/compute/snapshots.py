"""Snapshots: a sandbox whose function waits to be forked, and the sandboxes that its forks are carried to.

python/carrying.py says how that is done, docs/security.md what forks of one snapshot share.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fogbank.engines.compute.forker import OnExit
from fogbank.engines.compute.interface import FunctionSpec
from fogbank.engines.compute.processes import order_of
from fogbank.engines.compute.runtimes import Program
from fogbank.engines.compute.sandbox import Ancillary, Ground, Sandbox, heard

# Only what hangs takes so long, on however busy a machine.
CARRIED_WITHIN_S = 60.0
_SO_PASSCRED, _SCM_CREDENTIALS = 16, 2


class NotForked(OSError):
    """There is no fork. `lasting`: there will be none of this template."""

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting


class TemplateSandbox(Sandbox):
    """One whose function is forked. It is never invoked itself."""

    def __init__(self, spec: FunctionSpec, ground: Ground) -> None:
        super().__init__(spec, ground)
        self.turn = asyncio.Lock()
        """Of those that have something done in here: who enters it must not meet a fork that is on its way."""
        self._letterbox, self._inner_letterbox = socket.socketpair()
        self._letterbox_number = os.fstat(self._inner_letterbox.fileno()).st_ino
        self._keeper: socket.socket | None = None
        self._keeper_pid = 0
        self._kept = False
        self._pid = self._inner_pid = 0
        self._process = -1
        """A pidfd of the function, as a number may be another's before it is heard that the function has ended."""

    async def _begin(self, order: dict[str, Any], ours: socket.socket, theirs: socket.socket) -> None:
        await super()._begin({**order, "template": True}, ours, theirs)

    async def start(self, program: Program, log_fd: int, on_exit: OnExit) -> int:
        def ended(status: int) -> None:
            self._pid = 0
            on_exit(status)

        with self._inner_letterbox as letterbox:
            self._inner_pid = await self._start(program, [log_fd, letterbox.fileno()], ended)
        with contextlib.suppress(OSError):
            for pid in self.pids():
                process = os.pidfd_open(pid)
                if _inner_pid_of(pid) == self._inner_pid:
                    self._pid, self._process = pid, process
                    break
                os.close(process)
        return self._inner_pid

    @property
    def function(self) -> int:
        """A pidfd of what is forked. Raises NotForked if it has ended."""
        if not self._pid or self.gone:
            raise NotForked("what it was to be forked from has ended")
        return self._process

    async def keep(self) -> None:
        """Stop the function, which waits to be forked, for good. Raises NotForked."""
        ours, theirs = socket.socketpair()
        self._keeper = ours
        order = {"template": self._pid, "letterbox": self._letterbox_number}

        def ended(status: int) -> None:
            self._keeper_pid = 0

        with theirs:
            descriptors = [theirs.fileno(), self._letterbox.fileno(), self.function]
            self._keeper_pid = await self._zygote.fork("keep", order, descriptors, ended)
        await self._answer(ours)
        self._kept = True

    async def carry(self, order: dict[str, Any], descriptors: Sequence[int], on_exit: OnExit) -> list[int]:
        """Have a fork in the sandbox that the order names; its pids, from this machine's inwards. Raises NotForked.

        The descriptors are its log, its letterbox and a pidfd of that sandbox's first process.
        """
        async with self.turn:
            if not self._pid or self._init is None or self._init.closed or self._keeper is None:
                raise NotForked("what it was to be forked from has ended")
            self._init.forget_strangers()
            document = json.dumps(order).encode()
            message = len(document).to_bytes(4, "big") + document
            try:
                socket.send_fds(self._keeper, [message], descriptors)
                pids = await self._answer(self._keeper)
            except BaseException:
                self._end_keeper()
                raise
            # Its first process is the parent of all forks.
            self._init.adopt(pids[-2], on_exit)
            return pids

    async def _answer(self, keeper: socket.socket) -> list[int]:
        try:
            async with asyncio.timeout(CARRIED_WITHIN_S):
                word, _ = await heard(keeper)
        except TimeoutError as error:
            raise NotForked("it takes too long", lasting=True) from error
        match word.split():
            case [b"kept" | b"carried", *pids]:
                return [int(pid) for pid in pids]
            case [b"unfit" | b"failed", *reason]:
                raise NotForked(b" ".join(reason).decode("utf-8", "replace"), lasting=True)
            case _:
                raise NotForked("who forks it has ended")

    def _end_keeper(self) -> None:
        """Whatever it has not let go ends with it: what is half done, and the function."""
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None
        if self._keeper_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._keeper_pid, signal.SIGKILL)

    def kill_all(self) -> None:
        if not self._kept:
            super().kill_all()
        elif self._pid:
            self._signal(self._inner_pid, signal.SIGKILL)  # All that is seen from in here would be the forks, too.

    def rest(self) -> None:
        """The function stands still in a call, or is not forked; its first process tells how forks end."""

    def remove(self) -> None:
        self._end_keeper()
        self._letterbox.close()
        self._inner_letterbox.close()
        if self._process >= 0:
            os.close(self._process)
            self._process = -1
        self._pid = 0
        super().remove()


def _inner_pid_of(pid: int) -> int:
    """The number of a process in its own sandbox."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8", "replace").split("\n"):
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    raise ProcessLookupError(f"{pid} has ended")


class ForkSandbox(Sandbox):
    """One in which a fork runs. If that ends, the function is initialized here as anywhere."""

    def __init__(self, template: TemplateSandbox, spec: FunctionSpec, ground: Ground) -> None:
        super().__init__(spec, ground)
        self._template = template
        self._restores = True
        self._carried_pid = 0
        self._watched = -1
        """A pidfd of its first process."""

    @property
    def gone(self) -> bool:
        return super().gone or self._template.gone

    @property
    def restores(self) -> bool:
        return self._restores

    async def open(self) -> socket.socket:
        async with self._template.turn:
            return await super().open()

    async def _begin(self, order: dict[str, Any], ours: socket.socket, theirs: socket.socket) -> None:
        ours.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 1)
        descriptors = [theirs.fileno(), self._template.function]
        await self._zygote.fork(
            "sandbox_inside", {**order, "within": True, "hidden": False}, descriptors, lambda status: None
        )

    async def _first_word(self, line: socket.socket) -> list[socket.socket]:
        listeners = await super()._first_word(line)
        line.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 0)
        return listeners

    def _born(self, ancillary: Ancillary) -> None:
        """Nobody here is the parent of this sandbox's first process: the kernel says who it is, and when it ends."""
        [credentials] = [data for _, kind, data in ancillary if kind == _SCM_CREDENTIALS]
        pid, _, _ = struct.unpack("=3i", credentials)
        self._watched = os.pidfd_open(pid)
        self._init_pid = pid
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.remove_reader(self._watched)
            os.close(self._watched)
            self._ended(0)

        loop.add_reader(self._watched, ended)

    def _kill_init(self) -> None:
        signal.pidfd_send_signal(self._watched, signal.SIGKILL)

    async def start(self, program: Program, log_fd: int, on_exit: OnExit) -> int:
        if not self._restores:
            return await super().start(program, log_fd, on_exit)
        self._restores = False
        order = {"into": self._init_pid, "cgroups": self._group.entrances()}

        def ended(status: int) -> None:
            self._carried_pid = 0
            on_exit(status)

        if not self._init_pid:
            raise NotForked("its sandbox has ended")
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as stack:
            stack.enter_context(ours)
            stack.enter_context(theirs)
            inner = os.dup(self._watched)  # That one is closed when its process ends, at whatever moment.
            stack.callback(os.close, inner)
            pids = await self._template.carry(order, [log_fd, theirs.fileno(), inner], ended)
            self._carried_pid = pids[0]
            environment = order_of(self._spec, self.view, program)["environment"]
            assert self._init is not None
            self._init.tell("welcome", {"letter": json.dumps(environment), "pid": pids[-1]}, [ours.fileno()])
        return pids[-1]

    def pids(self) -> list[int]:
        return [*super().pids(), *([self._carried_pid] if self._carried_pid else [])]
