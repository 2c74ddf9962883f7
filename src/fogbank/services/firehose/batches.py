"""Batches: records gather in one until it is full or its time is over; then it is sealed and delivered.

A record is kept in the transaction of the request that brings it. A sealed batch is removed in the transaction that
follows its delivery: a crash between the two delivers it once more, under the same name, and none is lost.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import NamedTuple

from fogbank.core.alarms import Alarm, Alarms
from fogbank.core.cloud import Cloud
from fogbank.core.ids import new_id
from fogbank.core.store import Key
from fogbank.services.firehose.encryption import BatchEncryption
from fogbank.services.firehose.records import MB, Batch, Chunk, DeliveryStream, FirehoseTables, OpenBatch

_FILLS_MAX = 10_000
_SLICE_BYTES = 512 * 1024
# Without a buffering interval Firehose delivers "within seconds"; what comes within half of one goes together.
UNBUFFERED_MS = 500


class Hints(NamedTuple):
    """When a batch is sealed: with so many bytes, or so long after its first record; with the first, if neither."""

    size_max: int
    interval_ms: int

    @classmethod
    def of(cls, buffering: dict[str, int]) -> "Hints":
        """What BufferingHints say."""
        return cls(buffering["SizeInMBs"] * MB, buffering["IntervalInSeconds"] * 1000 or UNBUFFERED_MS)


AT_ONCE = Hints(0, 0)


class _Fill:
    """How many bytes a batch has."""

    __slots__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size


class Batches:
    """The batches of all streams. Every method runs in the caller's transaction.

    `sealed` is told of a batch that is complete, once that is committed.
    """

    def __init__(self, cloud: Cloud, tables: FirehoseTables, sealed: Callable[[int, int, str], None]) -> None:
        self._cloud = cloud
        self._tables = tables
        self._sealed = sealed
        self._encryption = BatchEncryption(cloud)
        self._seals = Alarms(cloud, "firehose.seals", key=(int, int), ring=self._due)
        # Only remembered: what is not here is counted again. A transaction that is rolled back leaves a count too high,
        # and its batch is sealed somewhat early.
        self._fills: dict[int, _Fill] = {}

    def resume(self) -> None:
        """Go on with what an earlier process left."""
        self._seals.resume()
        for (stream_id, batch_id), batch in list(self._tables.batches.scan()):
            if batch.sealed_ms:
                self._sealed(stream_id, batch_id, batch.stage)

    def append(
        self,
        stream: DeliveryStream,
        stage: str,
        chunk: Chunk,
        hints: Hints,
        *,
        partition: str = "",
        partition_keys: dict[str, str] | None = None,
    ) -> None:
        """Put records into the open batch of the stage and partition."""
        found = self._tables.open.peek((stream.id, stage, partition))
        if found is not None:
            batch_id = found.id
            fill = self._fill(batch_id)
        else:
            batch_id = self._open(stream, stage, partition, partition_keys or {}, chunk.arrived_ms, hints)
            fill = self._fills[batch_id] = _Fill(0)
        self._tables.chunks.put((batch_id, self._cloud.sequence.next()), self._encryption.seal(stream, chunk))
        fill.size += sum(map(len, chunk.data))
        if fill.size >= hints.size_max:
            self._seal((stream.id, batch_id))

    def active(self, stream: DeliveryStream, stage: str) -> set[str]:
        """The partitions that have an open batch."""
        return {key[2] for key, _ in self._tables.open.scan((stream.id, stage))}

    def chunks(self, batch_id: int) -> Iterator[Chunk]:
        return map(self._encryption.open, self._tables.chunks.values((batch_id,)))

    async def slices(self, batch_id: int) -> AsyncIterator[list[Chunk]]:
        """The batch's chunks, about half a megabyte a turn, so that nobody waits for the whole."""
        last: Key | None = None
        while True:
            gathered: list[Chunk] = []
            size = 0
            for key, kept in self._tables.chunks.scan((batch_id,), after=last):
                last, chunk = key, self._encryption.open(kept)
                gathered.append(chunk)
                size += sum(map(len, chunk.data))
                if size >= _SLICE_BYTES:
                    break
            if not gathered:
                return
            yield gathered
            await asyncio.sleep(0)  # Everybody else's turn.

    def is_there(self, stream_id: int, batch_id: int) -> bool:
        """Whether the batch is still to be worked on: its stream may have been deleted meanwhile."""
        return self._tables.batches.get((stream_id, batch_id)) is not None

    def remove(self, stream_id: int, batch_id: int) -> None:
        """Forget a batch that is delivered or given up."""
        self._tables.batches.delete((stream_id, batch_id))
        self._cloud.garbage.discard(self._tables.chunks, (batch_id,))

    def remove_all(self, stream_id: int) -> None:
        """Forget all that a stream has."""
        for key, _ in list(self._tables.batches.scan((stream_id,))):
            self._seals.cancel(key)
            self.remove(*key)
        self._tables.open.delete_all((stream_id,))

    # ---- steps ------------------------------------------------------------------------------------------------------

    def _open(
        self, stream: DeliveryStream, stage: str, partition: str, keys: dict[str, str], arrived_ms: int, hints: Hints
    ) -> int:
        batch_id = self._cloud.sequence.next()
        batch = Batch(stream.key, stage, partition, arrived_ms, new_id(), keys)
        self._tables.batches.put((stream.id, batch_id), batch)
        if hints != AT_ONCE:
            self._tables.open.put((stream.id, stage, partition), OpenBatch(batch_id))
            self._seals.set((stream.id, batch_id), self._cloud.clock.now_ms() + hints.interval_ms)
        if len(self._fills) >= _FILLS_MAX:
            self._fills.clear()
        return batch_id

    def _fill(self, batch_id: int) -> _Fill:
        fill = self._fills.get(batch_id)
        if fill is None:
            sizes = (sum(map(len, chunk.data)) for chunk in self.chunks(batch_id))
            fill = self._fills[batch_id] = _Fill(sum(sizes))
        return fill

    def _due(self, key: tuple[int, int], alarm: Alarm) -> None:
        self._seal(key)

    def _seal(self, key: tuple[int, int]) -> None:
        batch = self._tables.batches.get(key)
        if batch is None or batch.sealed_ms:
            return
        stream_id, batch_id = key
        batch.sealed_ms = self._cloud.clock.now_ms()
        self._tables.batches.put(key, batch)
        self._tables.open.delete((stream_id, batch.stage, batch.partition))
        self._seals.cancel(key)
        self._fills.pop(batch_id, None)
        self._cloud.store.after_commit(partial(self._sealed, stream_id, batch_id, batch.stage))
