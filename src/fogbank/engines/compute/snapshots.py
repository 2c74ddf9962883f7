"""Snapshots: a sandbox whose function waits to be forked, and the sandboxes that its forks are carried to.

python/carrying.py says how that is done, docs/security.md what forks of one snapshot share.
"""

import asyncio
import json
import os
import signal
import socket
import struct
from typing import Any

from fogbank.engines.compute.forker import OnExit
from fogbank.engines.compute.processes import order_of
from fogbank.engines.compute.runtimes import Program
from fogbank.engines.compute.sandbox import Ancillary, Sandbox, heard

# On a machine that is too busy for it, an environment is initialized instead.
CARRIED_WITHIN_S = 10.0
_SO_PASSCRED, _SCM_CREDENTIALS = 16, 2


class NotForked(OSError):
    """There is no fork. `lasting`: there will be none of this template."""

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting


class TemplateSandbox(Sandbox):
    """One whose function is forked. It is never invoked itself."""

    async def _begin(self, order: dict[str, Any], ours: socket.socket, theirs: socket.socket) -> None:
        self._turn = asyncio.Lock()
        self._letterbox, self._inner_letterbox = socket.socketpair()
        self._keeper: socket.socket | None = None
        self._kept = False
        self._pid = self._inner_pid = 0
        await super()._begin({**order, "template": True}, ours, theirs)

    async def start(self, program: Program, log_fd: int, on_exit: OnExit) -> int:
        def ended(status: int) -> None:
            self._pid = 0
            on_exit(status)

        with self._inner_letterbox as letterbox:
            self._inner_pid = await self._start(program, [log_fd, letterbox.fileno()], ended)
        [self._pid] = self.pids()
        return self._inner_pid

    @property
    def function_pid(self) -> int:
        """0 if it has ended."""
        return self._pid

    async def keep(self) -> None:
        """Stop the function, which waits to be forked, for good. Raises NotForked."""
        ours, theirs = socket.socketpair()
        self._keeper = ours
        order = {"template": self._pid, "parent": self._init_pid}
        with theirs:
            descriptors = [theirs.fileno(), self._letterbox.fileno()]
            await self._zygote.fork("keep", order, descriptors, lambda status: None)
        await self._answer(ours)
        self._kept = True

    async def carry(self, order: dict[str, Any], log_fd: int, letter_fd: int, on_exit: OnExit) -> list[int]:
        """Have a fork in the sandbox that the order names; its pids, from this machine's inwards. Raises NotForked."""
        async with self._turn:
            if not self._pid or self.gone or self._init is None or self._keeper is None:
                raise NotForked("what it was to be forked from has ended")
            self._init.forget_strangers()
            document = json.dumps(order).encode()
            message = len(document).to_bytes(4, "big") + document
            try:
                socket.send_fds(self._keeper, [message], [log_fd, letter_fd])
                pids = await self._answer(self._keeper)
            except BaseException:
                self._keeper.close()  # Whatever is half done ends, and the template with it.
                self._keeper = None
                raise
            # Its first process is the parent of all forks.
            self._init.adopt(pids[-2], on_exit)
            return pids

    async def _answer(self, keeper: socket.socket) -> list[int]:
        try:
            async with asyncio.timeout(CARRIED_WITHIN_S):
                word, _ = await heard(keeper)
        except TimeoutError as error:
            raise NotForked("it takes too long") from error
        match word.split():
            case [b"kept" | b"carried", *pids]:
                return [int(pid) for pid in pids]
            case [b"unfit" | b"failed", *reason]:
                raise NotForked(b" ".join(reason).decode(), lasting=True)
            case _:
                raise NotForked("who forks it has ended")

    def kill_all(self) -> None:
        if self._kept:
            self._signal(self._inner_pid, signal.SIGKILL)  # All that is seen from in here would be the forks, too.
        else:
            super().kill_all()

    def rest(self) -> None:
        """The function stands still in a call, or is not forked; its first process tells how forks end."""

    def remove(self) -> None:
        for line in (self._letterbox, self._inner_letterbox, self._keeper):
            if line is not None:
                line.close()
        super().remove()


class ForkSandbox(Sandbox):
    """One in which a fork runs. If that ends, the function is initialized here as anywhere."""

    def __init__(self, template: TemplateSandbox, *sandbox: Any) -> None:
        super().__init__(*sandbox)
        self._template = template
        self._restores = True
        self._carried_pid = 0

    @property
    def restores(self) -> bool:
        return self._restores

    async def _begin(self, order: dict[str, Any], ours: socket.socket, theirs: socket.socket) -> None:
        ours.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 1)
        inside = {**order, "within": self._template.function_pid}
        await self._zygote.fork("sandbox_inside", inside, [theirs.fileno()], lambda status: None)

    async def _first_word(self, line: socket.socket) -> list[socket.socket]:
        listeners = await super()._first_word(line)
        line.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 0)
        return listeners

    def _born(self, ancillary: Ancillary) -> None:
        """Nobody here is the parent of this sandbox's first process: the kernel says who it is, and when it ends."""
        [credentials] = [data for _, kind, data in ancillary if kind == _SCM_CREDENTIALS]
        self._init_pid, _, _ = struct.unpack("=3i", credentials)
        watched = os.pidfd_open(self._init_pid)
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.remove_reader(watched)
            os.close(watched)
            self._ended(0)

        loop.add_reader(watched, ended)

    async def start(self, program: Program, log_fd: int, on_exit: OnExit) -> int:
        if not self._restores:
            return await super().start(program, log_fd, on_exit)
        self._restores = False
        order = {"into": self._init_pid, "cgroups": self._group.entrances()}

        def ended(status: int) -> None:
            self._carried_pid = 0
            on_exit(status)

        ours, theirs = socket.socketpair()
        with ours, theirs:
            pids = await self._template.carry(order, log_fd, theirs.fileno(), ended)
            self._carried_pid = pids[0]
            environment = order_of(self._spec, self.view, program)["environment"]
            assert self._init is not None
            self._init.tell("welcome", {"letter": json.dumps(environment)}, [ours.fileno()])
        return pids[-1]

    def pids(self) -> list[int]:
        return [*super().pids(), *([self._carried_pid] if self._carried_pid else [])]
