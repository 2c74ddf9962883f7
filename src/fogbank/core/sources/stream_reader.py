"""A stream, read to those who process its records: each shard in order, parents before their children.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html
The position in a shard is kept in the store after its batch has been settled, so that a crash repeats a batch and never
skips one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.sources.streams import Stream, StreamRecord
from fogbank.core.store import Record, Table

log = logging.getLogger("fogbank.sources")

SHARDS_S = 2
AFTER_ERROR_S = 2
END_OF_TIME_MS = 1 << 62

Settle = Callable[[str, list[StreamRecord]], Awaitable[None]]
Idle = Callable[[str, int], Awaitable[None]]


class Checkpoint(Record):
    """How far a reader has read a shard."""

    sequence: str = ""
    closed: bool = False


class StreamReader:
    """Reads a stream until its task is cancelled; `settle` is given batches as GetRecords gave them.

    Records older than `since_ms` are passed over. A reader that starts at LATEST starts at its own creation and not
    with an iterator of that type, so that what arrives before the first checkpoint is not lost with a crash.
    `reader` names the checkpoints in their table, whose key is (reader, shard). `idle` is told up to which moment
    a shard is known to have nothing more; a shard that has ended has nothing more for ever (`END_OF_TIME_MS`).
    A `paced` reader asks a shard again after `poll_s`, unless it got as many records as it had asked for.
    """

    def __init__(
        self,
        ctx: Context,
        stream: Stream,
        *,
        reader: str,
        checkpoints: Table[Checkpoint],
        batch_size: int,
        limit: int,
        window_s: int,
        since_ms: int,
        settle: Settle,
        idle: Idle | None = None,
        paced: bool = False,
    ) -> None:
        self._cloud = ctx.cloud
        self._ctx = ctx
        self._stream = stream
        self._reader = reader
        self._checkpoints = checkpoints
        self._batch_size = batch_size
        self._limit = min(limit, stream.page_max)
        self._window_s = window_s
        self._since_ms = since_ms
        self._settle = settle
        self._idle = idle
        self._paced = paced
        self._shards: dict[str, asyncio.Task[None]] = {}
        self._shard_ended = asyncio.Event()

    async def run(self) -> None:
        try:
            while True:
                self._shard_ended.clear()
                try:
                    await self._start_shards()
                except AwsError as error:
                    log.warning("%s cannot read its stream: %s", self._reader, error)
                await self._cloud.clock.wait(self._shard_ended, SHARDS_S)
        finally:
            for task in self._shards.values():
                task.cancel()

    async def _start_shards(self) -> None:
        """A task for each shard that is not read to its end and whose parents are."""
        shards = await self._stream.shards()
        known = {shard.id for shard in shards}
        for shard_id, parents in shards:
            if self._checkpoint(shard_id).closed or (shard_id in self._shards and not self._shards[shard_id].done()):
                continue
            if any(parent in known and not self._checkpoint(parent).closed for parent in parents):
                continue
            self._shards[shard_id] = self._cloud.tasks.spawn(f"shard {self._reader} {shard_id}", self._read(shard_id))

    def _checkpoint(self, shard_id: str) -> Checkpoint:
        return self._checkpoints.get((self._reader, shard_id)) or Checkpoint()

    async def _keep(self, shard_id: str, checkpoint: Checkpoint) -> None:
        await self._ctx.run(self._checkpoints.put, (self._reader, shard_id), checkpoint)

    # ---- reading a shard ---------------------------------------------------------------------------------------------

    async def _read(self, shard_id: str) -> None:
        iterator: str | None = None
        while True:
            asked_ms = self._cloud.clock.now_ms()
            try:
                if iterator is None:
                    after = self._checkpoint(shard_id).sequence
                    iterator = await self._stream.iterator(shard_id, after=after, since_ms=self._since_ms)
                records, following = await self._stream.read(iterator, self._limit)
            except AwsError as error:
                if error.code == "ProvisionedThroughputExceededException":
                    # Other readers have used up what the shard gives in this second.
                    await self._cloud.clock.sleep(self._stream.poll_s)
                    continue
                if error.code == "TrimmedDataAccessException":
                    await self._keep(shard_id, Checkpoint())
                elif error.code != "ExpiredIteratorException":
                    log.warning("%s cannot read %s: %s", self._reader, shard_id, error)
                    await self._cloud.clock.sleep(AFTER_ERROR_S)
                iterator = None
                continue
            iterator = following
            if records and self._window_s and len(records) < self._batch_size and iterator:
                more, iterator = await self._fill(records, iterator)
                records += more
            if records:
                wanted = [record for record in records if self._stream.is_since(record, self._since_ms)]
                await self._settle(shard_id, wanted)
                await self._keep(shard_id, Checkpoint(records[-1].sequence))
            if self._idle is not None and not (records and iterator):
                await self._idle(shard_id, asked_ms if iterator else END_OF_TIME_MS)
            if iterator is None:
                await self._keep(shard_id, Checkpoint(self._checkpoint(shard_id).sequence, closed=True))
                self._shard_ended.set()
                return
            if not records or (self._paced and len(records) < self._limit):
                await self._cloud.clock.sleep(self._stream.poll_s)

    async def _fill(self, records: list[StreamRecord], iterator: str) -> tuple[list[StreamRecord], str | None]:
        """Gather until the batch is full or the window over, or the shard cannot be read: the next read tells why."""
        more: list[StreamRecord] = []
        cursor: str | None = iterator
        until_ms = self._cloud.clock.now_ms() + self._window_s * 1000
        while cursor and len(records) + len(more) < self._batch_size and self._cloud.clock.now_ms() < until_ms:
            await self._cloud.clock.sleep(self._stream.poll_s)
            limit = self._batch_size - len(records) - len(more)
            try:
                found, cursor = await self._stream.read(cursor, limit)
            except AwsError:
                break
            more += found
        return more, cursor
