"""The server's end of a line to a process that forks others (python/fork_server.py)."""

import asyncio
import itertools
import json
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

OnExit = Callable[[int], None]
KILLED = 9
_DESCRIPTORS_MAX = 8


class Forker:
    """Gives orders over a connected socket and hears what became of the processes."""

    def __init__(self, control: socket.socket, on_word: Callable[[bytes], None], on_lost: Callable[[], None]) -> None:
        """`on_word` is called with lines that are of no process, `on_lost` when the other end is gone."""
        control.setblocking(False)
        self._control = control
        self._on_word = on_word
        self._on_lost = on_lost
        self._orders = itertools.count(1)
        self._turn = asyncio.Lock()
        self._started: dict[int, tuple[asyncio.Future[int], OnExit]] = {}
        self._on_exit: dict[int, OnExit] = {}
        self._strangers: dict[int, int] = {}
        """How processes ended that nobody has asked for."""
        self._sockets: dict[int, asyncio.Future[socket.socket]] = {}
        self._descriptors: list[int] = []
        self._rest = b""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(control, self._receive)

    async def fork(self, do: str, order: Mapping[str, Any], descriptors: Sequence[int], on_exit: OnExit) -> int:
        """A new process for that order; its pid. `on_exit` is called with its wait status when it has ended."""
        # One at a time, as they are forked: what is on its way never fills the socket.
        async with self._turn:
            number = next(self._orders)
            future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            self.tell(do, {**order, "order": number}, descriptors)
            self._started[number] = (future, on_exit)
            return await future

    async def make_socket(self) -> socket.socket:
        """A TCP socket of the network that the other end is in. Raises OSError."""
        number = next(self._orders)
        future: asyncio.Future[socket.socket] = self._loop.create_future()
        self.tell("socket", {"order": number})
        self._sockets[number] = future
        return await future

    def forget_strangers(self) -> None:
        """Before a process may come to the other end that it has not forked itself."""
        self._strangers.clear()

    def adopt(self, pid: int, on_exit: OnExit) -> None:
        """Hear of the end of such a process, or that it has ended already."""
        if pid in self._strangers:
            self._loop.call_soon(on_exit, self._strangers.pop(pid))
        else:
            self._on_exit[pid] = on_exit

    def tell(self, do: str, order: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Give an order that starts nothing. Raises OSError if nobody takes it."""
        document = json.dumps({**order, "do": do}).encode()
        message = len(document).to_bytes(4, "big") + document
        sent = socket.send_fds(self._control, [message], list(descriptors))
        if sent < len(message):
            raise OSError(f"an order of {len(message)} bytes is too long")

    @property
    def closed(self) -> bool:
        return self._control.fileno() < 0

    def close(self) -> None:
        """Hear no more; the other end ends what it started, and who waits for it gets a ConnectionResetError."""
        if self._control.fileno() < 0:
            return
        self._loop.remove_reader(self._control)
        self._control.close()
        waiting: list[asyncio.Future[Any]] = [future for future, _ in self._started.values()]
        for future in (*waiting, *self._sockets.values()):
            if not future.done():
                future.set_exception(ConnectionResetError("the process that forks others ended"))
        self._started.clear()
        self._sockets.clear()

    def _receive(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, 65_536, _DESCRIPTORS_MAX)
            self._descriptors += descriptors
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._heard(line)

    def _heard(self, line: bytes) -> None:
        match line.split():
            case [b"started", order, pid]:
                future, on_exit = self._started.pop(int(order))
                self._on_exit[int(pid)] = on_exit
                if not future.done():
                    future.set_result(int(pid))
            case [b"exited", pid, status]:
                waits = self._on_exit.pop(int(pid), None)
                if waits is None:
                    self._strangers[int(pid)] = int(status)
                else:
                    # Whoever waits for the start hears of that first.
                    self._loop.call_soon(waits, int(status))
            case [b"socket", order]:
                made = socket.socket(fileno=self._descriptors.pop(0))
                waiting = self._sockets.pop(int(order))
                if waiting.done():  # Whoever asked for it was cancelled.
                    made.close()
                else:
                    waiting.set_result(made)
            case _:
                self._on_word(line)

    def _lost(self) -> None:
        self.close()
        endings, self._on_exit = self._on_exit, {}
        for on_exit in endings.values():
            on_exit(KILLED)
        self._on_lost()
