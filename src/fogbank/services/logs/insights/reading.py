"""The events of a query, out of the store in batches: slice by slice, so that no request waits for long."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any, NamedTuple

from fogbank.services.logs.records import Event, Group, LogsTables, Stream

SLICE = 500  # events read in one turn of the event loop, which takes about a millisecond
STREAM_COST = 20  # what turning to another stream costs, in events
BATCH_EVENTS = 5_000
BATCH_CHARACTERS = 4 * 1024 * 1024


Entries = Iterable[tuple[tuple[Any, ...], Event]]
Opened = Callable[[Group, Entries], Entries]
"""Gives events of a group with their messages, which may be sealed."""


class Searched(NamedTuple):
    """A group and the time, both ends included, whose events are asked for; `log` is what `@log` says."""

    group: Group
    log: str
    start_ms: int
    end_ms: int


class Batch:
    """Columns of events."""

    def __init__(self) -> None:
        self.columns: dict[str, list[Any]] = {
            name: [] for name in ("message", "time_ms", "number", "origin", "ingested_ms", "stream", "log")
        }
        self.events = 0
        self.characters = 0

    @property
    def full(self) -> bool:
        return self.events >= BATCH_EVENTS or self.characters >= BATCH_CHARACTERS

    @property
    def message_bytes(self) -> int:
        return len("".join(self.columns["message"]).encode())

    def add(self, stream: Stream, log: str, found: list[tuple[tuple[Any, ...], Event]]) -> None:
        columns = self.columns
        messages = [event.message for _, event in found]
        columns["message"] += messages
        columns["time_ms"] += [key[2] for key, _ in found]
        columns["number"] += [key[3] for key, _ in found]
        columns["ingested_ms"] += [event.ingested_ms for _, event in found]
        columns["origin"] += [stream.id] * len(found)
        columns["stream"] += [stream.name] * len(found)
        columns["log"] += [log] * len(found)
        self.events += len(found)
        self.characters += sum(map(len, messages))


class Reader:
    """Reads the events of groups, stream by stream. `group_of` tells whose a stream is that was read."""

    def __init__(self, tables: LogsTables, searched: list[Searched], opened: Opened) -> None:
        self._tables = tables
        self._opened = opened
        self._searched = searched
        self._stream: Stream | None = None
        self._name = ""
        self._after: tuple[int, ...] | None = None
        self.group_of: dict[int, Group] = {}

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """The next one is read while this one is worked on."""
        batches = self._batches()
        coming = asyncio.ensure_future(anext(batches, None))
        try:
            while (batch := await coming) is not None:
                coming = asyncio.ensure_future(anext(batches, None))
                yield batch
        finally:
            coming.cancel()

    async def _batches(self) -> AsyncGenerator[Batch, None]:
        batch = Batch()
        while self._searched:
            self._read(batch)
            if batch.full:
                yield batch
                batch = Batch()
            await asyncio.sleep(0)
        if batch.events:
            yield batch

    def _read(self, batch: Batch) -> None:
        """Read a slice."""
        left = SLICE
        while left > 0 and not batch.full:
            if self._stream is None:
                if not self._next_stream():
                    return
                left -= STREAM_COST
            left -= self._read_stream(batch, max(left, 1))

    def _read_stream(self, batch: Batch, limit: int) -> int:
        """Read so many events of the stream; how many there were."""
        searched, stream = self._searched[0], self._stream
        assert stream is not None
        place = (searched.group.id, stream.id)
        bound: dict[str, Any] = {"after": self._after} if self._after else {"start": (*place, searched.start_ms)}
        found = list(self._opened(searched.group, self._tables.events.scan(place, limit=limit, **bound)))
        if len(found) < limit or found[-1][0][2] > searched.end_ms:
            self._stream = None
            found = [entry for entry in found if entry[0][2] <= searched.end_ms]
        if found:
            self._after = found[-1][0]
            self.group_of[stream.id] = searched.group
            batch.add(stream, searched.log, found)
        return len(found)

    def _next_stream(self) -> bool:
        """Turn to the next stream; false if there is none in this group."""
        place = (self._searched[0].group.id,)
        bound: dict[str, Any] = {"after": (*place, self._name)} if self._name else {}
        entry = next(self._tables.streams.scan(place, limit=1, **bound), None)
        if entry is None:
            del self._searched[0]
            self._name = ""
            return False
        self._stream, self._name, self._after = entry[1], entry[1].name, None
        return True
