"""Streams to functions. How a stream is read, and what becomes of a batch that fails, is in `core.sources`."""

import logging
from functools import partial
from typing import Any

import msgspec

from fogbank.core import targets
from fogbank.core.arn import Arn
from fogbank.core.cloud import Cloud
from fogbank.core.errors import AwsError
from fogbank.core.moments import iso_milliseconds
from fogbank.core.sources.batch_report import BadReport, failed_identifiers
from fogbank.core.sources.record_filter import Filter
from fogbank.core.sources.stream_batches import Attempt, Batches, Processor, Throttled
from fogbank.core.sources.stream_reader import StreamReader
from fogbank.core.sources.streams import StreamRecord, stream_of
from fogbank.services.lambda_ import failure_records
from fogbank.services.lambda_.errors import TooManyRequests
from fogbank.services.lambda_.esm_metrics import EventCounts
from fogbank.services.lambda_.esm_windows import Windows
from fogbank.services.lambda_.execution_role import as_role, reading_as
from fogbank.services.lambda_.invoke import Invoker, Result
from fogbank.services.lambda_.names import FunctionName, function_arn
from fogbank.services.lambda_.records import Mapping, Tables

log = logging.getLogger("fogbank.lambda")

_encode = msgspec.json.Encoder().encode


class StreamSource:
    """Runs one mapping of a stream until its task is cancelled."""

    def __init__(
        self,
        cloud: Cloud,
        tables: Tables,
        invoker: Invoker,
        account: str,
        region: str,
        mapping: Mapping,
        arn: Arn,
        *,
        role: str = "",
    ) -> None:
        """`role` is the function's: a Kinesis record names it as its reader, and records of failures are sent as it."""
        self._role = role
        self._cloud = cloud
        self._invoker = invoker
        self._mapping = mapping
        self._name = FunctionName(account, mapping.function_name, mapping.qualifier)
        self._ctx = cloud.context(account=account, region=region)
        self._stream = stream_of(self._ctx, arn, reading_as(role), role=role)
        self._filter = Filter(mapping.filters)
        self._counts = EventCounts(self._ctx, mapping)
        self._tables = tables
        self._batches = self._batches_for(self, mapping.parallelization)
        self._windows: Windows | None = None
        if mapping.tumbling_s:
            lane = partial(self._batches_for, parallelization=1)
            self._windows = Windows(self._ctx, self, mapping, tables.windows, lane)
        self._reader = StreamReader(
            self._ctx,
            self._stream,
            reader=mapping.uuid,
            checkpoints=tables.checkpoints,
            batch_size=mapping.batch_size,
            limit=mapping.batch_size * mapping.parallelization,
            window_s=mapping.window_s,
            since_ms=_since_ms(mapping),
            settle=self._settle,
            idle=self._windows.read_until if self._windows is not None else None,
        )

    async def run(self) -> None:
        await self._reader.run()

    @property
    def retention_s(self) -> int:
        return self._stream.retention_s

    def _batches_for(self, processor: Processor, parallelization: int) -> Batches:
        return Batches(
            self._cloud.clock,
            self._stream,
            processor,
            batch_size=self._mapping.batch_size,
            parallelization=parallelization,
            bisect=self._mapping.bisect,
            retries_max=self._mapping.retries_max,
            age_max_s=self._mapping.age_max_s,
        )

    async def _settle(self, shard_id: str, records: list[StreamRecord]) -> None:
        if not records:
            return
        filters = self._mapping.filters
        wanted = [each for each in records if self._filter.passes(self._stream.view(each))] if filters else records
        self._counts.count("Polled", len(records))
        self._counts.count("FilteredOut", len(records) - len(wanted))
        if self._windows is None:
            await self._batches.settle(shard_id, wanted)
            return
        await self._windows.settle(shard_id, wanted)
        await self._windows.read_until(shard_id, int(records[-1].created_s * 1000))

    async def attempt(self, records: list[StreamRecord]) -> Attempt:
        result = await self.call({"Records": [record.event for record in records]})
        self.count_age(records[-1])
        return Attempt(self.failed_from(records, result), result)

    async def call(self, event: dict[str, Any]) -> Result:
        """Invoke the function. Raises Throttled."""
        try:
            result = await self._invoker.invoke(self._ctx.refreshed(), self._name, _encode(event), synchronous=False)
        except TooManyRequests:
            raise Throttled from None
        except AwsError as error:
            # The function may be in the making, or gone for a while: the records wait for it.
            log.warning("mapping %s cannot invoke %s: %s", self._mapping.uuid, self._name.name, error)
            await self._note(f"PROBLEM: {error.message}")
            raise Throttled from error
        self._counts.count("Invoked", len(event["Records"]))
        await self._note("PROBLEM: Function call failed" if result.error else "OK")
        return result

    async def _note(self, last_result: str) -> None:
        """Keep how the last invocation ended, if it ended unlike the one before."""
        if last_result == self._mapping.last_result:
            return
        self._mapping.last_result = last_result
        key = (self._ctx.account, self._ctx.region, self._mapping.uuid)

        def keep() -> None:
            mapping = self._tables.mappings.get(key)
            if mapping is not None:
                mapping.last_result = last_result
                self._tables.mappings.put(key, mapping)

        await self._ctx.run(keep)

    def count_age(self, record: StreamRecord) -> None:
        """Publish how old the last record of a batch was."""
        age_ms = max(self._cloud.clock.now_ms() - record.created_s * 1000, 0)
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

    def failed_from(self, records: list[StreamRecord], result: Result) -> int | None:
        """The index of the first record to be tried again; None if all are done."""
        failed = self._first_failed(records, result)
        if failed is not None:
            self._counts.count("FailedInvoke", len(records) - failed)
        return failed

    def _first_failed(self, records: list[StreamRecord], result: Result) -> int | None:
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
        return next((place for place, record in enumerate(records) if record.sequence in failed), 0)

    async def give_up(
        self, shard_id: str, records: list[StreamRecord], condition: str, attempts: int, detail: Result | None
    ) -> None:
        """Tell the on-failure destination which records were skipped.

        Of records that grew too old AWS does not say how their last attempt ended, and counts one if there was none.
        """
        ctx = self._ctx.refreshed()
        self._counts.count("Dropped", len(records))
        if not self._mapping.on_failure:
            return
        document: dict[str, Any] = {
            "requestContext": {
                "requestId": detail.request_id if detail is not None else ctx.request_id,
                "functionArn": function_arn(ctx, self._name.account, self._name.name, self._name.qualifier),
                "condition": condition,
                "approximateInvokeCount": max(attempts, 1),
            },
        }
        if detail is not None and condition != "RecordAgeExceeded":
            document["responseContext"] = {
                "statusCode": 200,
                "executedVersion": detail.version,
                "functionError": detail.error or None,
            }
        document["version"] = "1.0"
        document["timestamp"] = iso_milliseconds(ctx.now_ms)
        document |= self._stream.batch_info(shard_id, records)
        try:
            there = as_role(ctx, self._role, self._mapping.on_failure)
            if failure_records.is_bucket(self._mapping.on_failure):
                # A bucket gets what was skipped as well; queues and topics have no room for it.
                payload = _encode({"Records": [record.event for record in records]})
                document["payload"] = payload.decode()
                folder = f"aws/lambda/{self._mapping.uuid}/{shard_id}"
                await failure_records.put_object(ctx, self._mapping.on_failure, folder, document)
            else:
                await ctx.run(targets.deliver, there, self._mapping.on_failure, targets.as_text(document))
        except AwsError as error:
            log.warning("mapping %s cannot reach %s: %s", self._mapping.uuid, self._mapping.on_failure, error)
        else:
            self._counts.count("OnFailureDestinationDelivered", len(records))


def _since_ms(mapping: Mapping) -> int:
    """From when on records are wanted: 0 if all are."""
    if mapping.starting_position == "AT_TIMESTAMP":
        return mapping.starting_ms
    return mapping.created_ms if mapping.starting_position == "LATEST" else 0
