"""A DynamoDB stream, read to those who process its records: each shard in order, a parent before its children.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
The position in a shard is kept in the store after its batch has been settled, so that a crash repeats a batch and never
skips one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fogbank.core.arn import Arn
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.moments import iso_seconds
from fogbank.core.store import Record as Stored
from fogbank.core.store import Table

log = logging.getLogger("fogbank.sources")

POLL_S = 0.2  # AWS polls a shard four times a second.
SHARDS_S = 2
AFTER_ERROR_S = 2
GET_RECORDS_MAX = 1000
END_OF_TIME_MS = 1 << 62

Record = dict[str, Any]
Settle = Callable[[str, list[Record]], Awaitable[None]]
Idle = Callable[[str, int], Awaitable[None]]


class Checkpoint(Stored):
    """How far a reader has read a shard."""

    sequence: str = ""
    closed: bool = False


class StreamReader:
    """Reads the stream of that ARN until its task is cancelled; `settle` is given batches as GetRecords gave them.

    `reader` names the checkpoints in their table, whose key is (reader, shard). `idle` is told up to which moment
    a shard is known to have nothing more; a shard that has ended has nothing more for ever (`END_OF_TIME_MS`).
    """

    def __init__(
        self,
        ctx: Context,
        arn: Arn,
        *,
        reader: str,
        checkpoints: Table[Checkpoint],
        batch_size: int,
        limit: int,
        window_s: int,
        settle: Settle,
        idle: Idle | None = None,
    ) -> None:
        self._cloud = ctx.cloud
        self._ctx = ctx
        self._stream = ctx.at(account=arn.account, region=arn.region)
        self._arn = str(arn)
        self._reader = reader
        self._checkpoints = checkpoints
        self._batch_size = batch_size
        self._limit = min(limit, GET_RECORDS_MAX)
        self._window_s = window_s
        self._settle = settle
        self._idle = idle
        self._shards: dict[str, asyncio.Task[None]] = {}
        self._shard_ended = asyncio.Event()

    async def run(self) -> None:
        try:
            while True:
                self._shard_ended.clear()
                try:
                    await self._start_shards()
                except AwsError as error:
                    log.warning("%s cannot read %s: %s", self._reader, self._arn, error)
                await self._cloud.clock.wait(self._shard_ended, SHARDS_S)
        finally:
            for task in self._shards.values():
                task.cancel()

    async def _start_shards(self) -> None:
        """A task for each shard that is not read to its end and whose parent is."""
        answer = await self._call("describe_stream", StreamArn=self._arn)
        shards = answer["StreamDescription"].get("Shards", [])
        known = {shard["ShardId"] for shard in shards}
        for shard in shards:
            shard_id = shard["ShardId"]
            parent = shard.get("ParentShardId")
            if self._checkpoint(shard_id).closed or (shard_id in self._shards and not self._shards[shard_id].done()):
                continue
            if parent in known and not self._checkpoint(parent).closed:
                continue
            self._shards[shard_id] = self._cloud.tasks.spawn(f"shard {self._reader} {shard_id}", self._read(shard_id))

    def _checkpoint(self, shard_id: str) -> Checkpoint:
        return self._checkpoints.get((self._reader, shard_id)) or Checkpoint()

    async def _keep(self, shard_id: str, checkpoint: Checkpoint) -> None:
        await self._ctx.run(self._checkpoints.put, (self._reader, shard_id), checkpoint)

    async def _call(self, operation: str, **parameters: Any) -> Any:
        method = getattr(self._cloud.dynamodbstreams, operation)
        return await self._stream.refreshed().call(method, **parameters)

    # ---- reading a shard ---------------------------------------------------------------------------------------------

    async def _read(self, shard_id: str) -> None:
        iterator: str | None = None
        while True:
            asked_ms = self._cloud.clock.now_ms()
            try:
                if iterator is None:
                    iterator = await self._iterator(shard_id)
                answer = await self._call("get_records", ShardIterator=iterator, Limit=self._limit)
            except AwsError as error:
                if error.code == "TrimmedDataAccessException":
                    await self._keep(shard_id, Checkpoint())
                elif error.code != "ExpiredIteratorException":
                    log.warning("%s cannot read %s: %s", self._reader, shard_id, error)
                    await self._cloud.clock.sleep(AFTER_ERROR_S)
                iterator = None
                continue
            records = answer.get("Records") or []
            iterator = answer.get("NextShardIterator")
            if records and self._window_s and len(records) < self._batch_size and iterator:
                more, iterator = await self._fill(records, iterator)
                records += more
            if records:
                await self._settle(shard_id, records)
                await self._keep(shard_id, Checkpoint(sequence_of(records[-1])))
            if self._idle is not None and not (records and iterator):
                await self._idle(shard_id, asked_ms if iterator else END_OF_TIME_MS)
            if iterator is None:
                await self._keep(shard_id, Checkpoint(self._checkpoint(shard_id).sequence, closed=True))
                self._shard_ended.set()
                return
            if not records:
                await self._cloud.clock.sleep(POLL_S)

    async def _fill(self, records: list[Record], iterator: str) -> tuple[list[Record], str | None]:
        """Gather until the batch is full or the batch window is over."""
        more: list[Record] = []
        cursor: str | None = iterator
        until_ms = self._cloud.clock.now_ms() + self._window_s * 1000
        while cursor and len(records) + len(more) < self._batch_size and self._cloud.clock.now_ms() < until_ms:
            await self._cloud.clock.sleep(POLL_S)
            limit = self._batch_size - len(records) - len(more)
            answer = await self._call("get_records", ShardIterator=cursor, Limit=limit)
            more += answer.get("Records") or []
            cursor = answer.get("NextShardIterator")
        return more, cursor

    async def _iterator(self, shard_id: str) -> str:
        sequence = self._checkpoint(shard_id).sequence
        position: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if sequence:
            position = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": sequence}
        answer = await self._call("get_shard_iterator", StreamArn=self._arn, ShardId=shard_id, **position)
        iterator: str = answer["ShardIterator"]
        return iterator


def event_record(record: Record, arn: Arn) -> Record:
    """The record as functions and pipes get it. Its attribute values are JSON already, binary ones in base64."""
    event = {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": record.get("eventVersion", "1.1"),
        "eventSource": "aws:dynamodb",
        "awsRegion": arn.region,
        "dynamodb": {**record["dynamodb"], "ApproximateCreationDateTime": created_s(record)},
        "eventSourceARN": str(arn),
    }
    if "userIdentity" in record:
        event["userIdentity"] = record["userIdentity"]
    return event


def is_since(record: Record, start_ms: int) -> bool:
    """Whether the record is not older than that moment, for a reader that starts at LATEST.

    LATEST is read as "from the reader's creation" and not as an iterator of that type, so that what arrives before
    the first checkpoint is not lost with a crash. A stream's times are whole seconds: a record of the second of the
    creation counts as after it.
    """
    return int(created_s(record) * 1000) >= start_ms // 1000 * 1000


def batch_info(shard_id: str, records: list[Record], arn: Arn) -> dict[str, Any]:
    """`DDBStreamBatchInfo`: which records a failure destination is told of."""
    return {
        "shardId": shard_id,
        "startSequenceNumber": sequence_of(records[0]),
        "endSequenceNumber": sequence_of(records[-1]),
        "approximateArrivalOfFirstRecord": _second(records[0]),
        "approximateArrivalOfLastRecord": _second(records[-1]),
        "batchSize": len(records),
        "streamArn": str(arn),
    }


def sequence_of(record: Record) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def created_s(record: Record) -> float:
    return float(record["dynamodb"].get("ApproximateCreationDateTime", 0))


def _second(record: Record) -> str:
    return iso_seconds(int(created_s(record) * 1000))
