"""Streams to functions. How a stream is read, and what becomes of a batch that fails, is in `core.sources`."""

import logging
from typing import Any

import msgspec

from fogbank.core import targets
from fogbank.core.arn import Arn
from fogbank.core.cloud import Cloud
from fogbank.core.errors import AwsError
from fogbank.core.moments import iso_milliseconds
from fogbank.core.sources.batch_report import BadReport, failed_identifiers
from fogbank.core.sources.record_filter import Filter
from fogbank.core.sources.stream_batches import Attempt, Batches, Throttled
from fogbank.core.sources.stream_reader import (
    Record,
    StreamReader,
    batch_info,
    created_s,
    event_record,
    is_since,
    sequence_of,
)
from fogbank.services.lambda_ import failure_records
from fogbank.services.lambda_.errors import TooManyRequests
from fogbank.services.lambda_.invoke import Invoker, Result
from fogbank.services.lambda_.names import FunctionName, function_arn
from fogbank.services.lambda_.records import Mapping, Tables

log = logging.getLogger("fogbank.lambda")

_encode = msgspec.json.Encoder().encode


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
        self._invoker = invoker
        self._mapping = mapping
        self._name = FunctionName(account, mapping.function_name, mapping.qualifier)
        self._ctx = cloud.context(account=account, region=region)
        self._arn = arn
        self._filter = Filter(mapping.filters)
        self._batches = Batches(
            cloud.clock,
            self,
            batch_size=mapping.batch_size,
            parallelization=mapping.parallelization,
            bisect=mapping.bisect,
            retries_max=mapping.retries_max,
            age_max_s=mapping.age_max_s,
        )
        self._reader = StreamReader(
            self._ctx,
            arn,
            reader=mapping.uuid,
            checkpoints=tables.checkpoints,
            batch_size=mapping.batch_size,
            limit=mapping.batch_size * mapping.parallelization,
            window_s=mapping.window_s,
            settle=self._settle,
        )

    async def run(self) -> None:
        await self._reader.run()

    async def _settle(self, shard_id: str, records: list[Record]) -> None:
        await self._batches.settle(shard_id, [record for record in records if self._wanted(record)])

    def _wanted(self, record: Record) -> bool:
        """Whether the filter passes it and, at LATEST, whether it is younger than the mapping."""
        if self._mapping.starting_position == "LATEST" and not is_since(record, self._mapping.created_ms):
            return False
        return not self._mapping.filters or self._filter.passes(event_record(record, self._arn))

    async def attempt(self, records: list[Record]) -> Attempt:
        payload = _encode({"Records": [event_record(record, self._arn) for record in records]})
        try:
            result = await self._invoker.invoke(self._ctx.refreshed(), self._name, payload)
        except TooManyRequests:
            raise Throttled from None
        except AwsError as error:
            # The function may be in the making, or gone for a while: the records wait for it.
            log.warning("mapping %s cannot invoke %s: %s", self._mapping.uuid, self._name.name, error)
            raise Throttled from error
        self._count_age(records[-1])
        return Attempt(self._failed_from(records, result), result)

    def _count_age(self, record: Record) -> None:
        age_ms = max(self._cloud.clock.now_ms() - created_s(record) * 1000, 0)
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
        return next((place for place, record in enumerate(records) if sequence_of(record) in failed), 0)

    async def give_up(
        self, shard_id: str, records: list[Record], condition: str, attempts: int, detail: Result | None
    ) -> None:
        """Tell the on-failure destination which records were skipped."""
        ctx = self._ctx.refreshed()
        if not self._mapping.on_failure:
            return
        document: dict[str, Any] = {
            "requestContext": {
                "requestId": detail.request_id if detail is not None else ctx.request_id,
                "functionArn": function_arn(ctx, self._name.account, self._name.name, self._name.qualifier),
                "condition": condition,
                "approximateInvokeCount": attempts,
            },
        }
        if detail is not None:
            document["responseContext"] = {
                "statusCode": 200,
                "executedVersion": detail.version,
                "functionError": detail.error or None,
            }
        document["version"] = "1.0"
        document["timestamp"] = iso_milliseconds(ctx.now_ms)
        document["DDBStreamBatchInfo"] = batch_info(shard_id, records, self._arn)
        try:
            if failure_records.is_bucket(self._mapping.on_failure):
                # A bucket gets what was skipped as well; queues and topics have no room for it.
                payload = _encode({"Records": [event_record(record, self._arn) for record in records]})
                document["payload"] = payload.decode()
                folder = f"aws/lambda/{self._mapping.uuid}/{shard_id}"
                await failure_records.put_object(ctx, self._mapping.on_failure, folder, document)
            else:
                await ctx.run(targets.deliver, ctx, self._mapping.on_failure, targets.as_text(document))
        except AwsError as error:
            log.warning("mapping %s cannot reach %s: %s", self._mapping.uuid, self._mapping.on_failure, error)
