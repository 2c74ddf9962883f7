"""Queues to functions: one receiver for a mapping, and as many batches in flight as its scaling allows.

A batch that succeeds is deleted. One that fails is left to its visibility timeout, so that its receive count grows and
the queue's redrive policy decides; one that is throttled is tried again until then.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from fogbank.core import lineage
from fogbank.core.arn import Arn
from fogbank.core.cloud import Cloud
from fogbank.core.errors import AwsError
from fogbank.core.sources.batch_report import BadReport, failed_identifiers
from fogbank.core.sources.queue_reader import QueueReader
from fogbank.core.sources.record_filter import Filter
from fogbank.services.lambda_.errors import TooManyRequests
from fogbank.services.lambda_.esm_metrics import EventCounts
from fogbank.services.lambda_.execution_role import check_reading
from fogbank.services.lambda_.invoke import Invoker, Result
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.queue_scaling import Scaling
from fogbank.services.lambda_.records import Mapping

log = logging.getLogger("fogbank.lambda")
_encode = msgspec.json.Encoder().encode

AFTER_ERROR_S = 5
RETRY_FIRST_S = 0.1
RETRY_MAX_S = 5.0


class QueueSource:
    """Runs one mapping until its task is cancelled."""

    def __init__(
        self,
        cloud: Cloud,
        invoker: Invoker,
        account: str,
        region: str,
        mapping: Mapping,
        arn: Arn,
        *,
        role: Callable[[], str] = str,
    ) -> None:
        """`role` tells the function's: it has to let Lambda read the queue, where policies are asked."""
        self._cloud = cloud
        self._arn = arn
        self._role = role
        self._invoker = invoker
        self._mapping = mapping
        self._name = FunctionName(account, mapping.function_name, mapping.qualifier)
        self._ctx = cloud.context(account=account, region=region)
        self._reader = QueueReader(
            self._ctx,
            arn,
            batch_size=mapping.batch_size,
            window_s=mapping.window_s,
            # The mapping is being changed or disabled: what was received is worked on still.
            interrupted=self._begin,
        )
        self._filter = Filter(mapping.filters)
        self._counts = EventCounts(self._ctx, mapping)
        self._in_flight = 0
        self._changed = asyncio.Event()
        self._scaling = Scaling(mapping.concurrency_max, cloud.clock.now_ms())

    async def run(self) -> None:
        """Cancelled, it leaves the batches in flight to end by themselves: their messages would only come back."""
        while True:
            await self._slot()
            try:
                check_reading(self._ctx.refreshed(), self._role(), self._arn)
                messages = await self._reader.batch()
            except AwsError as error:
                log.warning("mapping %s cannot poll %s: %s", self._mapping.uuid, self._mapping.source_arn, error)
                await self._cloud.clock.sleep(AFTER_ERROR_S)
                continue
            if messages:
                self._begin(messages)
            else:
                self._scaling.empty(self._cloud.clock.now_ms())

    # ---- batches in flight --------------------------------------------------------------------------------------

    async def _slot(self) -> None:
        while self._in_flight >= self._scaling.allowed:
            self._changed.clear()
            await self._cloud.clock.wait(self._changed, 0.2)
            self._scaling.waiting(self._cloud.clock.now_ms())

    def _begin(self, messages: list[dict[str, Any]]) -> None:
        self._scaling.waiting(self._cloud.clock.now_ms())
        self._in_flight += 1
        task = self._cloud.tasks.spawn(f"lambda batch {self._mapping.uuid}", self._process(messages))
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._in_flight -= 1
        self._changed.set()

    # ---- processing ---------------------------------------------------------------------------------------------

    async def _process(self, messages: list[dict[str, Any]]) -> None:
        received_ms = self._cloud.clock.now_ms()
        records = [self._reader.event_record(message) for message in messages]
        passing: list[dict[str, Any]] = []
        dropped: list[dict[str, Any]] = []
        for record in records:
            (passing if self._filter.passes(record) else dropped).append(record)
        self._counts.count("Polled", len(records))
        self._counts.count("FilteredOut", len(dropped))
        if dropped:
            await self._delete(dropped)
        try:
            passing, trace = self._outside_loops(passing)
            if not passing:
                return
            result = await self._invoke(_encode({"Records": passing}), received_ms, trace)
        except AwsError as error:
            log.warning("mapping %s cannot invoke %s: %s", self._mapping.uuid, self._name.name, error)
            return
        if result is None:
            return
        done = self._done(passing, result)
        self._counts.count("Invoked", len(passing))
        self._counts.count("FailedInvoke", len(passing) - len(done))
        await self._delete(done)

    def _done(self, passing: list[dict[str, Any]], result: Result) -> list[dict[str, Any]]:
        """The records that an invocation has processed, by what it answered."""
        reports = "ReportBatchItemFailures" in self._mapping.response_types
        if result.error:
            if not reports:
                self._scaling.failed(self._cloud.clock.now_ms())
            return []
        failed: frozenset[str] = frozenset()
        if reports:
            try:
                failed = failed_identifiers(result.payload)
            except BadReport:
                return []
            if failed - {record["messageId"] for record in passing}:
                return []  # A report that names an unknown message fails the whole batch.
        return [record for record in passing if record["messageId"] not in failed]

    def _outside_loops(self, records: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
        """The records that may invoke the function, and the longest lineage of theirs.

        The others go back to their queue, and to its dead letters in the end.
        """
        traces = [record["attributes"].get("AWSTraceHeader", "") for record in records]
        if not any("Lineage=" in trace for trace in traces):
            return records, ""
        ctx, name, recursion = self._ctx, self._name, self._invoker.recursion
        pairs = [
            (record, trace)
            for record, trace in zip(records, traces, strict=True)
            if not recursion.stops(ctx, name, trace)
        ]
        self._counts.count("FailedInvoke", len(records) - len(pairs))
        longest = max((trace for _, trace in pairs), key=lambda trace: recursion.turns(ctx, name, trace), default="")
        return [record for record, _ in pairs], lineage.only(longest)

    async def _invoke(self, payload: bytes, received_ms: int, trace: str) -> Result | None:
        """The invocation's result; None if it was throttled until the messages went back to their queue."""
        clock = self._cloud.clock
        delay_s = RETRY_FIRST_S
        while True:
            try:
                return await self._invoker.invoke(
                    self._ctx.refreshed().traced(trace), self._name, payload, synchronous=False
                )
            except TooManyRequests:
                self._scaling.failed(clock.now_ms())
            if clock.now_ms() + delay_s * 1000 >= received_ms + await self._reader.visibility_ms():
                return None
            await clock.sleep(delay_s)
            delay_s = min(2 * delay_s, RETRY_MAX_S)

    async def _delete(self, records: list[dict[str, Any]]) -> None:
        try:
            await self._reader.delete(records)
        except AwsError as error:
            log.warning("mapping %s cannot delete messages: %s", self._mapping.uuid, error)
        else:
            self._counts.count("Deleted", len(records))
