"""The streams that can be read: how each is asked, and what its records are to those who process them.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar, NamedTuple, Protocol

import msgspec

from fogbank.core.arn import Arn
from fogbank.core.clock import Clock
from fogbank.core.context import Context
from fogbank.core.delegation import Permission
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.json_text import parse
from fogbank.core.moments import iso_milliseconds, iso_seconds

_EVENT_S = 1.0
_ENVELOPE_BYTES = 600  # of an event, without its data and with a long key

_encode_in_order = msgspec.json.Encoder(order="deterministic").encode

Event = dict[str, Any]


class StreamRecord(NamedTuple):
    """A record as functions get it (`event`). Records of one `key` keep their order, beside those of others."""

    sequence: str
    created_s: float
    key: bytes
    event: Event
    size: int
    """About how long the event is as JSON."""


class Shard(NamedTuple):
    id: str
    parents: tuple[str, ...]


class Stream(Protocol):
    """A stream of one kind."""

    poll_s: ClassVar[float]
    """How often an empty shard is looked at again."""
    page_max: ClassVar[int]
    """How many records can be asked for at once."""
    retention_s: int
    """How long records are kept, as of when the shards were last asked for."""

    async def shards(self) -> list[Shard]: ...

    async def iterator(self, shard_id: str, *, after: str, since_ms: int) -> str:
        """An iterator behind that sequence number or, if there is none, before every record since that moment."""

    async def read(self, iterator: str, limit: int) -> tuple[list[StreamRecord], str | None]:
        """Records, and the next iterator; None if the shard has ended."""

    def is_since(self, record: StreamRecord, since_ms: int) -> bool:
        """Whether the record is not older than that moment."""

    def view(self, record: StreamRecord) -> Event:
        """What filters see of the record."""

    def flat_event(self, record: StreamRecord) -> Event:
        """The record as pipes hand it on."""

    def batch_info(self, shard_id: str, records: list[StreamRecord]) -> dict[str, Any]:
        """The member of failure records that tells which records were skipped."""


def stream_of(ctx: Context, arn: Arn, permission: Permission, *, role: str = "") -> Stream:
    """The stream of that ARN; `role` is who reads it, as long as the permission says so."""
    there = ctx.at(account=arn.account, region=arn.region)
    match arn.service:
        case "dynamodb":
            return DynamoDbStream(there, arn, permission)
        case "kinesis" if "/consumer/" in arn.resource:
            return KinesisConsumer(there, arn, permission, role)
        case "kinesis":
            return KinesisStream(there, arn, permission, role)
        case _:
            raise NotImplementedInFogbank(f"Streams of service {arn.service} cannot be read in Fogbank.")


class DynamoDbStream:
    """The changes of a table."""

    poll_s: ClassVar[float] = 0.2  # AWS polls a shard four times a second.
    page_max: ClassVar[int] = 1000
    retention_s = 86_400

    def __init__(self, ctx: Context, arn: Arn, permission: Permission) -> None:
        self._ctx = ctx
        self._arn = arn
        self._permission = permission

    async def shards(self) -> list[Shard]:
        answer = await self._call("describe_stream", StreamArn=str(self._arn))
        return [_shard(shard) for shard in answer["StreamDescription"].get("Shards", ())]

    async def iterator(self, shard_id: str, *, after: str, since_ms: int) -> str:
        # There is no iterator of a moment: what is older is passed over.
        position = {"ShardIteratorType": "TRIM_HORIZON"}
        if after:
            position = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
        answer = await self._call("get_shard_iterator", StreamArn=str(self._arn), ShardId=shard_id, **position)
        iterator: str = answer["ShardIterator"]
        return iterator

    async def read(self, iterator: str, limit: int) -> tuple[list[StreamRecord], str | None]:
        self._permission(self._ctx.refreshed(), "dynamodb:GetRecords", str(self._arn))
        answer = await self._call("get_records", ShardIterator=iterator, Limit=limit)
        return [self._record(record) for record in answer.get("Records") or ()], answer.get("NextShardIterator")

    def is_since(self, record: StreamRecord, since_ms: int) -> bool:
        """A stream's times are whole seconds: a record of the moment's second counts as after it."""
        return int(record.created_s * 1000) >= since_ms // 1000 * 1000

    def view(self, record: StreamRecord) -> Event:
        return record.event

    def flat_event(self, record: StreamRecord) -> Event:
        return record.event

    def batch_info(self, shard_id: str, records: list[StreamRecord]) -> dict[str, Any]:
        return {"DDBStreamBatchInfo": _batch_info(str(self._arn), shard_id, records, iso_seconds)}

    async def _call(self, operation: str, **parameters: Any) -> Any:
        method = getattr(self._ctx.cloud.dynamodbstreams, operation)
        return await self._ctx.refreshed().call(method, **parameters)

    def _record(self, record: dict[str, Any]) -> StreamRecord:
        """Its attribute values are JSON already, binary ones in base64."""
        change = record["dynamodb"]
        created_s = float(change.get("ApproximateCreationDateTime", 0))
        event = {
            "eventID": record["eventID"],
            "eventName": record["eventName"],
            "eventVersion": record.get("eventVersion", "1.1"),
            "eventSource": "aws:dynamodb",
            "awsRegion": self._arn.region,
            "dynamodb": {**change, "ApproximateCreationDateTime": created_s},
            "eventSourceARN": str(self._arn),
        }
        if "userIdentity" in record:
            event["userIdentity"] = record["userIdentity"]
        size = _ENVELOPE_BYTES + int(change.get("SizeBytes", 0))
        return StreamRecord(str(change["SequenceNumber"]), created_s, _encode_in_order(change.get("Keys")), event, size)


class KinesisStream:
    """Records that somebody has put."""

    poll_s: ClassVar[float] = 1.0  # As AWS: all readers of a shard have five calls a second together.
    page_max: ClassVar[int] = 10_000

    def __init__(self, ctx: Context, arn: Arn, permission: Permission, role: str) -> None:
        self._ctx = ctx
        self._permission = permission
        self._arn = arn
        """What is read, as its records name it."""
        self._stream_arn = str(arn).partition("/consumer/")[0]
        self.retention_s = 86_400
        self._role = role

    async def shards(self) -> list[Shard]:
        summary = await self._call("describe_stream_summary", StreamARN=self._stream_arn)
        self.retention_s = summary["StreamDescriptionSummary"]["RetentionPeriodHours"] * 3600
        found: list[Shard] = []
        more: dict[str, Any] = {"StreamARN": self._stream_arn}
        while more:
            answer = await self._call("list_shards", **more)
            found += [_shard(shard) for shard in answer["Shards"]]
            more = {"NextToken": answer["NextToken"]} if "NextToken" in answer else {}
        return found

    async def iterator(self, shard_id: str, *, after: str, since_ms: int) -> str:
        position: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if after:
            position = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after}
        elif since_ms:
            moment_ms = min(since_ms, self._ctx.cloud.clock.now_ms())
            position = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": moment_ms / 1000}
        answer = await self._call("get_shard_iterator", StreamARN=self._stream_arn, ShardId=shard_id, **position)
        # The shard is not in the records, which have to name it.
        return f"{shard_id}/{answer['ShardIterator']}"

    async def read(self, iterator: str, limit: int) -> tuple[list[StreamRecord], str | None]:
        self._permission(self._ctx.refreshed(), "kinesis:GetRecords", self._stream_arn)
        shard_id, _, token = iterator.partition("/")
        answer = await self._call("get_records", ShardIterator=token, Limit=limit)
        after = answer.get("NextShardIterator")
        records = [self._record(shard_id, record) for record in answer["Records"]]
        return records, None if after is None else f"{shard_id}/{after}"

    def is_since(self, record: StreamRecord, since_ms: int) -> bool:
        return record.created_s * 1000 >= since_ms

    def view(self, record: StreamRecord) -> Event:
        """Filters see the record itself, with its data as JSON if it is that, else as text."""
        own = record.event["kinesis"]
        data = base64.b64decode(own["data"])
        value = parse(data)
        return {**own, "data": value if isinstance(value, dict) else data.decode(errors="replace")}

    def flat_event(self, record: StreamRecord) -> Event:
        return {**record.event["kinesis"], **{name: value for name, value in record.event.items() if name != "kinesis"}}

    def batch_info(self, shard_id: str, records: list[StreamRecord]) -> dict[str, Any]:
        return {"KinesisBatchInfo": _batch_info(self._stream_arn, shard_id, records, iso_milliseconds)}

    async def _call(self, operation: str, **parameters: Any) -> Any:
        method = getattr(self._ctx.cloud.kinesis, operation)
        return await self._ctx.refreshed().call(method, **parameters)

    def _record(self, shard_id: str, record: dict[str, Any]) -> StreamRecord:
        sequence, created_s = record["SequenceNumber"], record["ApproximateArrivalTimestamp"]
        data = base64.b64encode(record["Data"]).decode()
        event = {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record["PartitionKey"],
                "sequenceNumber": sequence,
                "data": data,
                "approximateArrivalTimestamp": created_s,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard_id}:{sequence}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": self._role,
            "awsRegion": self._arn.region,
            "eventSourceARN": str(self._arn),
        }
        return StreamRecord(sequence, created_s, record["PartitionKey"].encode(), event, _ENVELOPE_BYTES + len(data))


class KinesisConsumer(KinesisStream):
    """A stream as a consumer with throughput of its own gets it: pushed, and at the cost of no other reader."""

    poll_s: ClassVar[float] = 0.0  # `read` waits itself.

    def __init__(self, ctx: Context, arn: Arn, permission: Permission, role: str) -> None:
        super().__init__(ctx, arn, permission, role)
        self._subscriptions: dict[str, _Subscription] = {}

    async def iterator(self, shard_id: str, *, after: str, since_ms: int) -> str:
        position: dict[str, Any] = {"Type": "TRIM_HORIZON"}
        if after:
            position = {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
        elif since_ms:
            position = {"Type": "AT_TIMESTAMP", "Timestamp": min(since_ms, self._ctx.cloud.clock.now_ms()) / 1000}
        await self._subscribe(shard_id, position)
        return shard_id

    async def read(self, iterator: str, limit: int) -> tuple[list[StreamRecord], str | None]:
        """What was pushed; the iterator is the shard's id, as long as it has not ended."""
        subscription = self._subscriptions[iterator]
        if not subscription.waiting and not subscription.ended:
            await self._receive(iterator, subscription)
            subscription = self._subscriptions[iterator]
        records = subscription.waiting[:limit]
        del subscription.waiting[:limit]
        if not subscription.ended or subscription.waiting:
            return records, iterator
        del self._subscriptions[iterator]
        return records, None

    async def _receive(self, shard_id: str, subscription: "_Subscription") -> None:
        """Take the next event if one comes soon, or subscribe anew if the subscription is over."""
        answer = await subscription.next_event(self._ctx.cloud.clock)
        if answer is None:
            return
        if not answer:
            position = {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": subscription.sequence}
            await self._subscribe(shard_id, position)
            return
        event = answer["SubscribeToShardEvent"]
        subscription.sequence = event.get("ContinuationSequenceNumber", "")
        subscription.ended = "ChildShards" in event
        subscription.waiting += [self._record(shard_id, record) for record in event["Records"]]

    async def _subscribe(self, shard_id: str, position: dict[str, Any]) -> None:
        self._permission(self._ctx.refreshed(), "kinesis:SubscribeToShard", str(self._arn))
        answer = await self._call(
            "subscribe_to_shard", ConsumerARN=str(self._arn), ShardId=shard_id, StartingPosition=position
        )
        sequence = position.get("SequenceNumber", "")
        self._subscriptions[shard_id] = _Subscription(answer["EventStream"], sequence)


class _Subscription:
    """A consumer's subscription to one shard, and what it has brought that nobody has asked for yet."""

    def __init__(self, events: AsyncIterator[dict[str, Any]], sequence: str) -> None:
        self._events = events
        self._coming: asyncio.Future[dict[str, Any]] | None = None
        self.sequence = sequence
        self.waiting: list[StreamRecord] = []
        self.ended = False

    async def next_event(self, clock: Clock) -> dict[str, Any] | None:
        """The next event; an empty one if there are no more, and None if none comes within a second."""
        if self._coming is None:
            self._coming = asyncio.ensure_future(anext(self._events, {}))
        sleeper = asyncio.ensure_future(clock.sleep(_EVENT_S))
        try:
            await asyncio.wait((self._coming, sleeper), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._coming.cancel()
            raise
        finally:
            sleeper.cancel()
        if not self._coming.done():
            return None
        coming, self._coming = self._coming, None
        return coming.result()


def _batch_info(arn: str, shard_id: str, records: list[StreamRecord], moment: Callable[[int], str]) -> dict[str, Any]:
    first, last = records[0], records[-1]
    return {
        "shardId": shard_id,
        "startSequenceNumber": first.sequence,
        "endSequenceNumber": last.sequence,
        "approximateArrivalOfFirstRecord": moment(int(first.created_s * 1000)),
        "approximateArrivalOfLastRecord": moment(int(last.created_s * 1000)),
        "batchSize": len(records),
        "streamArn": arn,
    }


def _shard(shard: dict[str, Any]) -> Shard:
    parents = (shard[name] for name in ("ParentShardId", "AdjacentParentShardId") if name in shard)
    return Shard(shard["ShardId"], tuple(parents))
