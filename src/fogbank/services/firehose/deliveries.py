"""Sealed batches on their way: each is tried until it is delivered or given up."""

import logging
from collections import deque
from functools import partial

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import StorageFull
from fogbank.services.firehose.batches import Batches, Hints
from fogbank.services.firehose.destination import S3_RETRY, DeliveryFailed, Destination, Settings
from fogbank.services.firehose.destinations import make_destinations
from fogbank.services.firehose.errors import InvalidKmsResource
from fogbank.services.firehose.failures import ErrorLog, error_output
from fogbank.services.firehose.plans import Plans
from fogbank.services.firehose.processing import Processor
from fogbank.services.firehose.records import (
    BACKUP,
    DELIVERY,
    FAILED,
    SOURCE,
    Batch,
    Chunk,
    DeliveryStream,
    FirehoseTables,
    items_of,
)
from fogbank.services.firehose.s3_objects import S3Objects
from fogbank.services.firehose.stream_metrics import StreamMetrics

log = logging.getLogger("fogbank.firehose")

# Batches of one stage of a stream that are worked on at a time; the others wait, and take next to no memory.
AT_ONCE_MAX = 8
_WHEN_FULL_S = 5
_WHEN_SHUT_S = 60
_AFTER_BUG_MS = 300_000


class _Lane:
    """The sealed batches of one stage of a stream."""

    __slots__ = ("waiting", "workers")

    def __init__(self) -> None:
        self.waiting: deque[int] = deque()
        self.workers = 0


class Deliveries:
    """The batches of all streams that are sealed."""

    def __init__(self, cloud: Cloud, tables: FirehoseTables, metrics: StreamMetrics) -> None:
        self._cloud = cloud
        self._tables = tables
        self._metrics = metrics
        self._lanes: dict[tuple[int, str], _Lane] = {}
        self._error_log = ErrorLog(cloud)
        self.batches = Batches(cloud, tables, self._begin)
        self._objects = S3Objects(cloud, self.batches)
        self.destinations = make_destinations(cloud, self.batches, self._objects, metrics)
        self._processor = Processor(cloud, self.batches, metrics, self._error_log)
        self.plans = Plans(self.destinations)

    # ---- lanes ------------------------------------------------------------------------------------------------------

    def _begin(self, stream_id: int, batch_id: int, stage: str) -> None:
        lane = self._lanes.setdefault((stream_id, stage), _Lane())
        lane.waiting.append(batch_id)
        if lane.workers < AT_ONCE_MAX:
            lane.workers += 1
            self._cloud.tasks.spawn(f"firehose {stream_id} {stage}", self._work(stream_id, stage, lane))

    async def _work(self, stream_id: int, stage: str, lane: _Lane) -> None:
        try:
            while lane.waiting:
                batch_id = lane.waiting.popleft()
                await self._cloud.tasks.attempt(f"firehose batch {batch_id}", self._see_through(stream_id, batch_id))
                if self.batches.is_there(stream_id, batch_id):
                    # A bug: it is tried again later, and does not hold up the others.
                    later_ms = self._cloud.clock.now_ms() + _AFTER_BUG_MS
                    self._cloud.clock.call_at(later_ms, partial(self._begin, stream_id, batch_id, stage))
        finally:
            lane.workers -= 1
            if not lane.workers:
                del self._lanes[stream_id, stage]

    async def _see_through(self, stream_id: int, batch_id: int) -> None:
        """Try until the batch is gone."""
        while True:
            batch = self._tables.batches.get((stream_id, batch_id))
            if batch is None:
                return
            stream = self._tables.streams.peek(batch.stream)
            assert stream is not None, "a stream's batches go with it"
            ctx = self._cloud.context(account=stream.account, region=stream.region)
            try:
                await self._step(ctx, stream, batch_id, batch)
                return
            except DeliveryFailed as error:
                delay_s = await ctx.run(self._failed, ctx, stream, batch_id, error)
            except StorageFull:
                delay_s = _WHEN_FULL_S
            except InvalidKmsResource as refused:
                # What waits is not lost as long as its key may be enabled again.
                log.warning("batch %d of %s cannot be opened: %s", batch_id, stream.name, refused)
                delay_s = _WHEN_SHUT_S
            await self._cloud.clock.sleep(delay_s)

    # ---- stages -----------------------------------------------------------------------------------------------------

    async def _step(self, ctx: Context, stream: DeliveryStream, batch_id: int, batch: Batch) -> None:
        destination = self.destinations[stream.destination]
        if batch.stage == SOURCE:
            processing = self.plans.of(stream).processing
            await self._processor.process(ctx, stream, processing, destination, batch_id)
        elif batch.stage == DELIVERY:
            await destination.deliver(ctx, stream, batch_id, batch)
        else:
            await self._write(ctx, stream, self._s3_settings(stream, batch), batch_id, batch)

    async def _write(
        self, ctx: Context, stream: DeliveryStream, settings: Settings, batch_id: int, batch: Batch
    ) -> None:
        """Write a backup, or error output."""
        written = await self._objects.put(ctx, stream, settings, batch_id, batch, error_type=batch.partition)
        await ctx.run(self.batches.remove, stream.id, batch_id)
        age_ms = self._cloud.clock.now_ms() - batch.opened_ms
        self._metrics.delivered(stream, self._metric(stream, batch), written.records, written.size, age_ms)

    def _s3_settings(self, stream: DeliveryStream, batch: Batch) -> Settings:
        destination = self.destinations[stream.destination]
        errors = destination.errors(stream.settings)
        if batch.stage == FAILED:
            return errors
        # A backup that has been turned off meanwhile: what it has gathered still goes where error output does.
        return destination.backup(stream.settings) or errors

    def _metric(self, stream: DeliveryStream, batch: Batch) -> str:
        if batch.stage == DELIVERY:
            return self.destinations[stream.destination].metric
        return "BackupToS3" if batch.stage == BACKUP else "DeliveryToS3"

    # ---- failures ---------------------------------------------------------------------------------------------------

    def _failed(self, ctx: Context, stream: DeliveryStream, batch_id: int, error: DeliveryFailed) -> float:
        """Tell of the failure, and give the batch up if it is time; how long to wait until it is looked at again."""
        batch = self._tables.batches.get((stream.id, batch_id))
        if batch is None:
            return 0
        destination = self.destinations[stream.destination]
        is_delivery = batch.stage == DELIVERY
        settings = stream.settings if is_delivery else self._s3_settings(stream, batch)
        where = destination.arn(settings) if is_delivery else settings["BucketARN"]
        self._error_log.write(ctx, stream, settings, error.code, error.message, destination=where)
        self._metrics.add(stream, f"{self._metric(stream, batch)}.Success", 0)
        now_ms = self._cloud.clock.now_ms()
        batch.attempts += 1
        batch.failing_ms = batch.failing_ms or now_ms
        retry = destination.retry(stream.settings) if is_delivery else S3_RETRY
        delay_ms = retry.delay_ms(batch.attempts)
        if not error.for_good and now_ms + delay_ms <= batch.failing_ms + retry.duration_ms:
            self._tables.batches.put((stream.id, batch_id), batch)
            return delay_ms / 1000
        error_type = destination.error_type(stream.settings) if is_delivery else ""
        if error_type and not error.for_good:
            self._to_error_output(stream, destination, batch_id, batch, error_type, error)
        self.batches.remove(stream.id, batch_id)
        return 0

    def _to_error_output(
        self,
        stream: DeliveryStream,
        destination: Destination,
        batch_id: int,
        batch: Batch,
        error_type: str,
        error: DeliveryFailed,
    ) -> None:
        now_ms = self._cloud.clock.now_ms()
        hints = Hints.of(destination.errors(stream.settings)["BufferingHints"])
        for chunk in list(self.batches.chunks(batch_id)):
            lines = [
                error_output(item, error.code, error.message, attempts=batch.attempts, ended_ms=now_ms)
                for item in items_of(chunk)
            ]
            self.batches.append(stream, FAILED, Chunk(chunk.arrived_ms, lines), hints, partition=error_type)
