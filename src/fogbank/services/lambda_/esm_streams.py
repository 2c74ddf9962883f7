"""Streams to functions: each shard in order, a parent before its children, the position kept in the store.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
The checkpoint is written after a batch has been settled, so that a crash repeats a batch and never skips one.
"""

import asyncio
import logging
import zlib
from datetime import UTC, datetime
from typing import Any

import msgspec

from fogbank.core import targets
from fogbank.core.arn import Arn
from fogbank.core.cloud import Cloud
from fogbank.core.errors import AwsError
from fogbank.services.lambda_.batch_response import BadReport, failed_identifiers
from fogbank.services.lambda_.errors import TooManyRequests
from fogbank.services.lambda_.filters import Filter
from fogbank.services.lambda_.invoke import Invoker, Result
from fogbank.services.lambda_.names import FunctionName, function_arn
from fogbank.services.lambda_.records import Checkpoint, Mapping, Tables

log = logging.getLogger("fogbank.lambda")

POLL_S = 0.2  # AWS polls a shard four times a second.
SHARDS_S = 2
RETRY_DELAY_MAX_S = 60
AFTER_ERROR_S = 2
RETENTION_S = 86_400
Record = dict[str, Any]

_encode = msgspec.json.Encoder().encode
_encode_in_order = msgspec.json.Encoder(order="deterministic").encode


class StreamSource:
    """Runs one mapping of a DynamoDB stream until its task is cancelled."""

    def __init__(
        self,
        cloud: Cloud,
        tables: Tables,
        invoker: Invoker,
        account: str,
        region: str,
        mapping: Mapping,
        arn: Arn,
    ) -> None:
        self._cloud = cloud
        self._tables = tables
        self._invoker = invoker
        self._mapping = mapping
        self._name = FunctionName(account, mapping.function_name, mapping.qualifier)
        self._ctx = cloud.context(account=account, region=region)
        self._stream = self._ctx.at(account=arn.account, region=arn.region)
        self._arn = arn
        self._filter = Filter(mapping.filters)
        self._shards: dict[str, asyncio.Task[None]] = {}
        self._shard_ended = asyncio.Event()

    async def run(self) -> None:
        try:
            while True:
                self._shard_ended.clear()
                try:
                    await self._start_shards()
                except AwsError as error:
                    log.warning("mapping %s cannot read %s: %s", self._mapping.uuid, self._mapping.source_arn, error)
                await self._cloud.clock.wait(self._shard_ended, SHARDS_S)
        finally:
            for task in self._shards.values():
                task.cancel()

    async def _start_shards(self) -> None:
        """A task for each shard that is not read to its end and whose parent is."""
        answer = await self._call("describe_stream", StreamArn=self._mapping.source_arn)
        shards = answer["StreamDescription"].get("Shards", [])
        known = {shard["ShardId"] for shard in shards}
        for shard in shards:
            shard_id = shard["ShardId"]
            parent = shard.get("ParentShardId")
            if self._checkpoint(shard_id).closed or (shard_id in self._shards and not self._shards[shard_id].done()):
                continue
            if parent in known and not self._checkpoint(parent).closed:
                continue
            self._shards[shard_id] = self._cloud.tasks.spawn(
                f"lambda shard {self._mapping.uuid} {shard_id}", self._read(shard_id)
            )

    def _checkpoint(self, shard_id: str) -> Checkpoint:
        return self._tables.checkpoints.get((self._mapping.uuid, shard_id)) or Checkpoint()

    async def _keep(self, shard_id: str, checkpoint: Checkpoint) -> None:
        await self._ctx.run(self._tables.checkpoints.put, (self._mapping.uuid, shard_id), checkpoint)

    async def _call(self, operation: str, **parameters: Any) -> Any:
        method = getattr(self._cloud.dynamodbstreams, operation)
        return await self._stream.refreshed().call(method, **parameters)

    # ---- reading a shard ---------------------------------------------------------------------------------------------

    async def _read(self, shard_id: str) -> None:
        iterator: str | None = None
        while True:
            try:
                if iterator is None:
                    iterator = await self._iterator(shard_id)
                answer = await self._call("get_records", ShardIterator=iterator, Limit=self._limit())
            except AwsError as error:
                if error.code == "TrimmedDataAccessException":
                    await self._keep(shard_id, Checkpoint())
                elif error.code != "ExpiredIteratorException":
                    log.warning("mapping %s cannot read %s: %s", self._mapping.uuid, shard_id, error)
                    await self._cloud.clock.sleep(AFTER_ERROR_S)
                iterator = None
                continue
            records = answer.get("Records") or []
            iterator = answer.get("NextShardIterator")
            if records and self._mapping.window_s and len(records) < self._mapping.batch_size and iterator:
                more, iterator = await self._fill(records, iterator)
                records += more
            if records:
                await self._settle(shard_id, records)
                await self._keep(shard_id, Checkpoint(_sequence(records[-1])))
            if iterator is None:
                await self._keep(shard_id, Checkpoint(self._checkpoint(shard_id).sequence, closed=True))
                self._shard_ended.set()
                return
            if not records:
                await self._cloud.clock.sleep(POLL_S)

    def _limit(self) -> int:
        return min(self._mapping.batch_size * self._mapping.parallelization, 1000)

    async def _fill(self, records: list[Record], iterator: str) -> tuple[list[Record], str | None]:
        """Gather until the batch is full or the batch window is over."""
        more: list[Record] = []
        cursor: str | None = iterator
        until_ms = self._cloud.clock.now_ms() + self._mapping.window_s * 1000
        while cursor and len(records) + len(more) < self._mapping.batch_size and self._cloud.clock.now_ms() < until_ms:
            await self._cloud.clock.sleep(POLL_S)
            limit = self._mapping.batch_size - len(records) - len(more)
            answer = await self._call("get_records", ShardIterator=cursor, Limit=limit)
            more += answer.get("Records") or []
            cursor = answer.get("NextShardIterator")
        return more, cursor

    async def _iterator(self, shard_id: str) -> str:
        sequence = self._checkpoint(shard_id).sequence
        position: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if sequence:
            position = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": sequence}
        answer = await self._call(
            "get_shard_iterator", StreamArn=self._mapping.source_arn, ShardId=shard_id, **position
        )
        iterator: str = answer["ShardIterator"]
        return iterator

    # ---- settling a batch --------------------------------------------------------------------------------------------

    async def _settle(self, shard_id: str, records: list[Record]) -> None:
        """See that every record is processed or given up; beside each other by key if the mapping allows it."""
        wanted = [record for record in records if self._wanted(record)]
        if self._mapping.parallelization == 1:
            await self._process(shard_id, wanted)
            return
        lanes: dict[int, list[Record]] = {}
        for record in wanted:
            key = _encode_in_order(record["dynamodb"].get("Keys"))
            lanes.setdefault(zlib.crc32(key) % self._mapping.parallelization, []).append(record)
        size = self._mapping.batch_size
        async with asyncio.TaskGroup() as group:
            for lane in lanes.values():
                group.create_task(self._process_lane(shard_id, [lane[i : i + size] for i in range(0, len(lane), size)]))

    async def _process_lane(self, shard_id: str, batches: list[list[Record]]) -> None:
        for batch in batches:
            await self._process(shard_id, batch)

    def _wanted(self, record: Record) -> bool:
        """Whether the filter passes it and, at LATEST, whether it is younger than the mapping.

        LATEST is read as "from the mapping's creation" and not as an iterator of that type, so that what arrives
        before the first checkpoint is not lost with a crash.
        """
        if self._mapping.starting_position == "LATEST":
            created_ms = int(_created_s(record) * 1000)
            # A stream's times are whole seconds: one in the second of the mapping's creation counts as after it.
            if created_ms < self._mapping.created_ms // 1000 * 1000:
                return False
        return not self._mapping.filters or self._filter.passes(self._event_record(record))

    async def _process(self, shard_id: str, records: list[Record]) -> None:
        """Invoke with the batch until it is processed, or its retries or its age are exhausted."""
        attempts = 0
        throttled = 0
        while records:
            records, expired = self._without_expired(records)
            if expired:
                await self._give_up(shard_id, expired, None, "RecordAgeExceeded", attempts)
            if not records:
                return
            payload = _encode({"Records": [self._event_record(record) for record in records]})
            try:
                result = await self._invoker.invoke(self._ctx.refreshed(), self._name, payload)
            except TooManyRequests:
                throttled += 1
                await self._cloud.clock.sleep(min(2.0 ** min(throttled, 6) * 0.25, RETRY_DELAY_MAX_S))
                continue
            except AwsError as error:
                log.warning("mapping %s cannot invoke %s: %s", self._mapping.uuid, self._name.name, error)
                await self._cloud.clock.sleep(AFTER_ERROR_S)
                continue
            throttled = 0
            self._count_age(records[-1])
            rest = self._failed_from(records, result)
            if rest is None:
                return
            if rest:  # What came before the first failed record is done; the rest starts over.
                records, attempts = records[rest:], 0 if rest else attempts
            attempts += 1
            if self._mapping.bisect and len(records) > 1:
                half = len(records) // 2
                await self._process(shard_id, records[:half])
                await self._process(shard_id, records[half:])
                return
            if 0 <= self._mapping.retries_max < attempts:
                await self._give_up(shard_id, records, result, "RetryAttemptsExhausted", attempts)
                return
            await self._cloud.clock.sleep(min(2.0 ** min(attempts - 1, 6) * 0.5, RETRY_DELAY_MAX_S))

    def _count_age(self, record: Record) -> None:
        age_ms = max(self._cloud.clock.now_ms() - _created_s(record) * 1000, 0)
        dimensions = {"FunctionName": self._name.name}
        metrics = self._cloud.metrics
        metrics.add(
            self._name.account,
            self._ctx.region,
            "AWS/Lambda",
            "IteratorAge",
            dimensions,
            age_ms,
            "Milliseconds",
        )

    def _failed_from(self, records: list[Record], result: Result) -> int | None:
        """The index of the first record to be tried again; None if all are done."""
        if result.error:
            return 0
        if "ReportBatchItemFailures" not in self._mapping.response_types:
            return None
        try:
            failed = failed_identifiers(result.payload)
        except BadReport:
            return 0
        if not failed:
            return None
        places = [place for place, record in enumerate(records) if _sequence(record) in failed]
        return places[0] if places else 0

    def _without_expired(self, records: list[Record]) -> tuple[list[Record], list[Record]]:
        age_max_s = self._mapping.age_max_s if self._mapping.age_max_s > 0 else RETENTION_S
        oldest_s = self._cloud.clock.now_ms() / 1000 - age_max_s
        fresh = [record for record in records if _created_s(record) >= oldest_s]
        return fresh, [record for record in records if _created_s(record) < oldest_s]

    async def _give_up(
        self, shard_id: str, records: list[Record], result: Result | None, condition: str, attempts: int
    ) -> None:
        """Tell the on-failure destination which records were skipped."""
        ctx = self._ctx.refreshed()
        if not self._mapping.on_failure:
            return
        moment = datetime.fromtimestamp(ctx.now_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        document: dict[str, Any] = {
            "requestContext": {
                "requestId": result.request_id if result is not None else ctx.request_id,
                "functionArn": function_arn(ctx, self._name.account, self._name.name, self._name.qualifier),
                "condition": condition,
                "approximateInvokeCount": attempts,
            },
        }
        if result is not None:
            document["responseContext"] = {"statusCode": 200, "executedVersion": result.version}
            if result.error:
                document["responseContext"]["functionError"] = result.error
        document["version"] = "1.0"
        document["timestamp"] = moment
        document["DDBStreamBatchInfo"] = {
            "shardId": shard_id,
            "startSequenceNumber": _sequence(records[0]),
            "endSequenceNumber": _sequence(records[-1]),
            "approximateArrivalOfFirstRecord": _second(records[0]),
            "approximateArrivalOfLastRecord": _second(records[-1]),
            "batchSize": len(records),
            "streamArn": self._mapping.source_arn,
        }
        try:
            await ctx.run(targets.deliver, ctx, self._mapping.on_failure, targets.as_text(document))
        except AwsError as error:
            log.warning("mapping %s cannot reach %s: %s", self._mapping.uuid, self._mapping.on_failure, error)

    def _event_record(self, record: Record) -> Record:
        """The record as the function gets it. Its attribute values are JSON already, binary ones in base64."""
        event = {
            "eventID": record["eventID"],
            "eventName": record["eventName"],
            "eventVersion": record.get("eventVersion", "1.1"),
            "eventSource": "aws:dynamodb",
            "awsRegion": self._arn.region,
            "dynamodb": {**record["dynamodb"], "ApproximateCreationDateTime": _created_s(record)},
            "eventSourceARN": self._mapping.source_arn,
        }
        if "userIdentity" in record:
            event["userIdentity"] = record["userIdentity"]
        return event


def _sequence(record: Record) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def _created_s(record: Record) -> float:
    value = record["dynamodb"].get("ApproximateCreationDateTime", 0)
    return float(value)


def _second(record: Record) -> str:
    return datetime.fromtimestamp(_created_s(record), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
