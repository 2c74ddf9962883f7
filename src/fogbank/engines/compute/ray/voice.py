"""What an environment says while it runs, on its way from the node to the server.

The server asks for it again and again, and an invocation's end brings what is left. Both answers may overtake each
other, so each batch says where in the order it begins.
"""

import asyncio
from collections.abc import Callable
from typing import Literal

import msgspec

from fogbank.engines.compute.response_stream import WAITING_BYTES_MAX, ResponseStream

# Lines wait so long for others, and for the end of an invocation, which takes them along.
LAG_S = 0.02

EventKind = Literal["log", "own log", "begin", "chunk"]
Event = tuple[EventKind, object]
"""A list of lines, or of those that belong to the invocation; the content type of a stream, or a piece of it."""


class Batch(msgspec.Struct, frozen=True):
    first: int
    """How many events were said before."""
    events: list[Event]
    over: bool
    """Whether the environment is gone."""

    @property
    def end(self) -> int:
        return self.first + len(self.events)


class Voice:
    """The speaker's end, on the node."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._first = 0
        self._chunk_bytes = 0
        self._something = asyncio.Event()
        self._taken = asyncio.Event()
        self._over = False

    def log(self, lines: list[str]) -> None:
        self._say("log", lines)

    def own_log(self, lines: list[str]) -> None:
        self._say("own log", lines)

    def end(self) -> None:
        """The environment is gone."""
        self._over = True
        self._something.set()

    async def pass_on(self, stream: ResponseStream) -> None:
        """Say all of a stream, no faster than it is taken."""
        if not await stream.begun:
            return
        self._say("begin", stream.content_type)
        async for chunk in stream:
            self._chunk_bytes += len(chunk)
            self._say("chunk", chunk)
            while self._chunk_bytes >= WAITING_BYTES_MAX:
                self._taken.clear()
                await self._taken.wait()

    def take(self) -> Batch:
        """What nobody has taken yet."""
        batch = Batch(self._first, self._events, self._over)
        self._first, self._events, self._chunk_bytes = batch.end, [], 0
        if not self._over:
            self._something.clear()
        self._taken.set()
        return batch

    async def next(self) -> Batch:
        """Wait until there is something."""
        while True:
            await self._something.wait()
            if not self._over and not any(kind in ("begin", "chunk") for kind, _ in self._events):
                await asyncio.sleep(LAG_S)
            if self._events or self._over:
                return self.take()

    def _say(self, kind: EventKind, what: object) -> None:
        self._events.append((kind, what))
        self._something.set()


class Ear:
    """The listener's end, on the server: hands every event on, in the order in which they were said."""

    def __init__(self, hear: Callable[[Event], None]) -> None:
        self._hear = hear
        self._heard = 0
        self._early: dict[int, Batch] = {}
        self._progress = asyncio.Event()
        self._deaf = False

    def accept(self, batch: Batch) -> None:
        if batch.events:
            self._early[batch.first] = batch
        while (following := self._early.pop(self._heard, None)) is not None:
            self._heard = following.end
            for event in following.events:
                self._hear(event)
        self._progress.set()

    async def catch_up(self, batch: Batch) -> None:
        """Wait until that batch and all before it have been handed on."""
        self.accept(batch)
        while self._heard < batch.end and not self._deaf:
            self._progress.clear()
            await self._progress.wait()

    def close(self) -> None:
        """No more comes."""
        self._deaf = True
        self._progress.set()
