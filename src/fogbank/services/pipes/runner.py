"""A running pipe: from its source through filter and enrichment to its target.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html
At least once. A batch of a queue is deleted in the transaction that sends it, where the target is not waited for; a
batch of a stream that fails is tried again, halved, and given up as its source parameters say.
"""

import asyncio
import logging
from typing import Any

from fogbank.core import targets
from fogbank.core.arn import Arn
from fogbank.core.context import Context
from fogbank.core.delegation import permission_of
from fogbank.core.errors import AwsError
from fogbank.core.moments import iso_milliseconds
from fogbank.core.sources.queue_reader import Message, QueueReader
from fogbank.core.sources.record_filter import Filter
from fogbank.core.sources.stream_batches import Attempt, Batches, Throttled
from fogbank.core.sources.stream_reader import Checkpoint, StreamReader
from fogbank.core.sources.streams import StreamRecord, stream_of
from fogbank.core.store import Table
from fogbank.services.pipes.records import Pipe
from fogbank.services.pipes.settings import patterns, source_settings
from fogbank.services.pipes.targets import PRINCIPAL, BatchFailed, Delivery
from fogbank.services.pipes.templates import Event, pipe_arn

log = logging.getLogger("fogbank.pipes")

# Batches of a queue that may be in flight at a time; the number that Lambda's pollers start with.
IN_FLIGHT_MAX = 5
AFTER_ERROR_S = 5


class QueuePipe:
    """Runs one pipe from a queue until its task is cancelled."""

    def __init__(self, ctx: Context, name: str, pipe: Pipe, arn: Arn) -> None:
        settings = source_settings(pipe)
        self._ctx = ctx
        self._name = name
        self._delivery = Delivery(ctx, name, pipe)
        self._filter = Filter(patterns(pipe))
        self._free = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._permission = permission_of(pipe.role_arn, PRINCIPAL)
        self._source = str(arn)
        self._reader = QueueReader(
            ctx,
            arn,
            batch_size=settings["BatchSize"],
            window_s=settings["MaximumBatchingWindowInSeconds"],
            interrupted=self._begin,
        )

    async def run(self) -> None:
        while True:
            await self._free.acquire()
            try:
                for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
                    self._permission(self._ctx.refreshed(), f"sqs:{action}", self._source)
                messages = await self._reader.batch()
            except AwsError as error:
                log.warning("pipe %s cannot poll its queue: %s", self._name, error)
                await self._ctx.cloud.clock.sleep(AFTER_ERROR_S)
                messages = []
            if messages:
                self._begin(messages)
            else:
                self._free.release()

    def _begin(self, messages: list[Message]) -> None:
        task = self._ctx.cloud.tasks.spawn(f"pipe batch {self._name}", self._process(messages))
        task.add_done_callback(lambda _: self._free.release())

    async def _process(self, messages: list[Message]) -> None:
        records = [self._reader.event_record(message) for message in messages]
        passing: list[Event] = []
        dropped: list[Event] = []
        for record in records:
            (passing if self._filter.passes(record) else dropped).append(record)
        try:
            if dropped:
                await self._reader.delete(dropped)
            if passing:
                await self._send(passing)
        except AwsError as error:
            # The messages come back when their visibility timeout is over; the queue's redrive policy decides.
            log.info("pipe %s: a batch failed: %s", self._name, error)

    async def _send(self, records: list[Event]) -> None:
        ctx = self._ctx.refreshed()
        events: list[Event] = await self._delivery.enriched(ctx, list(records))
        if not events:
            await self._reader.delete(records)
        elif self._delivery.waits:
            failed: frozenset[str] = frozenset()
            try:
                await self._delivery.invoke(ctx, events)
            except BatchFailed as error:
                if not error.failed or error.failed - {record["messageId"] for record in records}:
                    raise
                failed = error.failed
            await self._reader.delete([record for record in records if record["messageId"] not in failed])
        else:
            await ctx.run(self._send_and_delete, ctx.refreshed(), events, records)

    def _send_and_delete(self, ctx: Context, events: list[Event], records: list[Event]) -> None:
        self._delivery.send(ctx, events)
        self._reader.delete_now(records)


class StreamPipe:
    """Runs one pipe from a stream until its task is cancelled."""

    def __init__(self, ctx: Context, name: str, pipe: Pipe, arn: Arn, checkpoints: Table[Checkpoint]) -> None:
        self._settings = settings = source_settings(pipe)
        self._ctx = ctx
        self._name = name
        self._stream = stream_of(ctx, arn, permission_of(pipe.role_arn, PRINCIPAL), role=pipe.role_arn)
        self._delivery = Delivery(ctx, name, pipe)
        self._filter = Filter(patterns(pipe))
        parallelization = settings["ParallelizationFactor"]
        self._batches = Batches(
            ctx.cloud.clock,
            self._stream,
            self,
            batch_size=settings["BatchSize"],
            parallelization=parallelization,
            bisect=settings.get("OnPartialBatchItemFailure") == "AUTOMATIC_BISECT",
            retries_max=settings["MaximumRetryAttempts"],
            age_max_s=settings["MaximumRecordAgeInSeconds"],
        )
        self._reader = StreamReader(
            ctx,
            self._stream,
            reader=pipe.id,
            checkpoints=checkpoints,
            batch_size=settings["BatchSize"],
            limit=settings["BatchSize"] * parallelization,
            window_s=settings["MaximumBatchingWindowInSeconds"],
            since_ms=_since_ms(pipe, settings),
            settle=self._settle,
        )

    async def run(self) -> None:
        await self._reader.run()

    async def _settle(self, shard_id: str, records: list[StreamRecord]) -> None:
        passing = [record for record in records if self._filter.passes(self._stream.view(record))]
        await self._batches.settle(shard_id, passing)

    async def attempt(self, records: list[StreamRecord]) -> Attempt:
        ctx = self._ctx.refreshed()
        try:
            events: list[Event] = [self._stream.flat_event(record) for record in records]
            events = await self._delivery.enriched(ctx, events)
            if not events:
                return Attempt(None)
            if self._delivery.waits:
                await self._delivery.invoke(ctx, events)
            else:
                await ctx.run(self._delivery.send, ctx.refreshed(), events)
        except BatchFailed as error:
            places = [place for place, record in enumerate(records) if record.sequence in error.failed]
            return Attempt(places[0] if places else 0, error)
        except AwsError as error:
            if "TooManyRequests" in error.code:
                raise Throttled from error
            log.info("pipe %s: a batch failed: %s", self._name, error)
            return Attempt(0, error)
        return Attempt(None)

    async def give_up(
        self, shard_id: str, records: list[StreamRecord], condition: str, attempts: int, detail: Any
    ) -> None:
        """Tell the dead-letter queue or topic which records were skipped."""
        queue = self._settings.get("DeadLetterConfig", {}).get("Arn")
        if not queue:
            return
        ctx = self._ctx.refreshed()
        document = {
            "context": {"partnerResourceArn": pipe_arn(ctx, self._name), "condition": condition},
            "version": "1.0",
            "timestamp": iso_milliseconds(ctx.now_ms),
            **self._stream.batch_info(shard_id, records),
        }
        try:
            await ctx.run(targets.deliver, ctx, queue, targets.as_text(document))
        except AwsError as error:
            log.warning("pipe %s cannot reach its dead-letter target: %s", self._name, error)


def _since_ms(pipe: Pipe, settings: dict[str, Any]) -> int:
    """From when on records are wanted: 0 if all are."""
    if settings["StartingPosition"] == "AT_TIMESTAMP":
        return int(settings["StartingPositionTimestamp"] * 1000)
    return pipe.created_ms if settings["StartingPosition"] == "LATEST" else 0
