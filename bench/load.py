"""A closed-loop HTTP load generator: each connection sends its next request when the last one is answered.

What a connection does is a generator (a *session*): it yields the bytes of a request and is sent the body of
the answer. An answer that is not a 2xx counts as an error. A closed connection is opened again.
"""

import asyncio
import itertools
import re
import resource
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import cast

import uvloop

from bench.servers import Running

Session = Generator[bytes, bytes, None]

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
CONNECTIONS = 64
# A connection that got no answer for this long is given up and counted as an error.
STALL_S = 30.0


class Unexpected(Exception):
    """A session met an answer that is no success although its status said so."""


@dataclass
class Outcome:
    """What a load measured."""

    requests: int = 0
    each: float = 1
    """How many of what is counted one request moves."""
    errors: int = 0
    seconds: float = 0.0
    client_cpu: float = 0.0
    server_cpu_s: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    first_error: str = ""

    @property
    def rate(self) -> float:
        return self.requests * self.each / self.seconds if self.seconds else 0.0

    @property
    def server_us(self) -> float:
        """Processor time of the server for each that is counted: it hardly depends on what else the machine does."""
        return self.server_cpu_s / (self.requests * self.each) * 1e6 if self.requests else 0.0

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def drive(
    server: Running, session: Callable[[int], Session], *, connections: int, seconds: float, warm_up: float = 0.5
) -> Outcome:
    """Run `session(i)` on each of `connections` until they end or `seconds` after the warm-up are over."""
    return uvloop.run(_drive(server, session, connections, seconds, warm_up))


def steady(server: Running, requests: list[bytes], must_have: re.Pattern[bytes] | None, seconds: float) -> Outcome:
    """Each connection sends all the requests over and over; `must_have` has to be found in every answer."""

    def session(number: int) -> Session:
        start = number * 17 % len(requests)
        for request in itertools.cycle(requests[start:] + requests[:start]):
            answer = yield request
            if must_have is not None and must_have.search(answer) is None:
                raise Unexpected(answer[:300].decode(errors="replace"))

    return drive(server, session, connections=CONNECTIONS, seconds=seconds)


async def _drive(
    server: Running, session: Callable[[int], Session], connections: int, seconds: float, warm_up: float
) -> Outcome:
    loop = asyncio.get_running_loop()
    outcome = Outcome()
    clients = [_Connection(server.port, session(number), outcome) for number in range(connections)]
    for client in clients:
        await client.connect()
    for client in clients:
        client.begin()
    finished = loop.create_task(_all_done(clients))
    if warm_up:
        await asyncio.wait((finished,), timeout=warm_up)
        outcome.requests, outcome.latencies_ms = 0, []
    server_cpu, cpu, started = server.cpu_s(), _cpu_s(), time.perf_counter()
    await asyncio.wait((finished,), timeout=seconds)
    outcome.seconds = time.perf_counter() - started
    outcome.client_cpu = (_cpu_s() - cpu) / outcome.seconds
    outcome.server_cpu_s = server.cpu_s() - server_cpu
    measured = outcome.requests
    for client in clients:
        client.ending = True
    _, late = await asyncio.wait((finished,), timeout=STALL_S)
    if late:
        finished.cancel()
        silent = sum(not client.done.is_set() for client in clients)
        outcome.errors += silent
        outcome.first_error = outcome.first_error or f"{silent} connections without an answer for {STALL_S} s"
    for client in clients:
        client.close()
    outcome.requests = measured
    return outcome


async def _all_done(clients: "list[_Connection]") -> None:
    for client in clients:
        await client.done.wait()


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class _Connection(asyncio.Protocol):
    """One connection and its session."""

    def __init__(self, port: int, session: Session, outcome: Outcome) -> None:
        self._port = port
        self._session = session
        self._outcome = outcome
        self._buffer = bytearray()
        self._need = 0
        self._waiting = False
        self._transport: asyncio.Transport | None = None
        self._reconnecting: asyncio.Task[None] | None = None
        self._request = b""
        self._sent_at = 0.0
        self.done = asyncio.Event()
        self.ending = False

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, "127.0.0.1", self._port)

    def begin(self) -> None:
        try:
            self._request = next(self._session)
        except StopIteration:
            self._finish()
            return
        self._send()

    def close(self) -> None:
        self.ending = True
        if self._transport is not None:
            self._transport.close()

    # ---- asyncio.Protocol --------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        if len(buffer) < self._need:
            return
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        found = _LENGTH.search(buffer, 0, end)
        if found is not None:
            total = end + 4 + int(found[1])
            if len(buffer) < total:
                self._need = total
                return
        elif _CHUNKED.search(buffer, 0, end) and not buffer.endswith(b"0\r\n\r\n"):
            return
        self._answered(buffer, end)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self.done.is_set():
            return
        if self._waiting:
            self._fail(f"connection lost: {error}")
        self._waiting = False
        if self.ending:
            self._finish()
        elif self._reconnecting is None:
            self._reconnecting = asyncio.get_running_loop().create_task(self._reconnect())

    # ---- steps --------------------

    async def _reconnect(self) -> None:
        try:
            await self.connect()
        except OSError as error:
            self._fail(str(error))
            self._finish()
            return
        finally:
            self._reconnecting = None
        self._send()

    def _send(self) -> None:
        if self._transport is None:
            return
        self._buffer, self._need, self._waiting = bytearray(), 0, True
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)

    def _answered(self, answer: bytearray, end: int) -> None:
        outcome = self._outcome
        outcome.latencies_ms.append((time.perf_counter() - self._sent_at) * 1000)
        self._waiting = False
        if answer[9:10] != b"2":
            self._fail(answer[:300].decode(errors="replace"))
        else:
            outcome.requests += 1
        if self.ending:
            self._finish()
            return
        try:
            self._request = self._session.send(bytes(memoryview(answer)[end + 4 :]))
        except StopIteration:
            self._finish()
            return
        except Unexpected as error:
            self._fail(str(error))
            self._finish()
            return
        if _CLOSE.search(answer, 0, end) and self._transport is not None:
            self._transport.close()  # connection_lost opens the next one and sends.
        else:
            self._send()

    def _fail(self, reason: str) -> None:
        self._outcome.errors += 1
        self._outcome.first_error = self._outcome.first_error or reason

    def _finish(self) -> None:
        self.done.set()
