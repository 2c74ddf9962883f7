"""Sealed batches on their way: each is tried until it is delivered or given up."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError, StorageFull
from fogbank.services.firehose.batches import Batches
from fogbank.services.firehose.records import Batch, DeliveryStream, FirehoseTables

log = logging.getLogger("fogbank.firehose")

# How many batches are worked on at a time: each may hold some megabytes.
AT_ONCE_MAX = 8
FIRST_DELAY_MS, DELAY_MS_MAX = 5_000, 300_000
AGE_MS_MAX = 86_400_000  # "If the delivery fails, Firehose retries for up to 24 hours."


class DeliveryFailed(Exception):
    """It could not be delivered, and is tried again. `code` and the message are as Firehose logs them."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


Deliver = Callable[[Context, DeliveryStream, int, Batch], Awaitable[None]]
"""Delivers a batch and removes it. Raises DeliveryFailed."""


class Deliveries:
    """The batches of all streams that are sealed; `steps` says by their stage what becomes of them."""

    def __init__(self, cloud: Cloud, tables: FirehoseTables, steps: Mapping[str, Deliver]) -> None:
        self._cloud = cloud
        self._tables = tables
        self._steps = steps
        self._turns = asyncio.Semaphore(AT_ONCE_MAX)
        self.batches = Batches(cloud, tables, self._begin)

    def _begin(self, stream_id: int, batch_id: int) -> None:
        self._cloud.tasks.spawn(f"deliver {stream_id} {batch_id}", self._deliver(stream_id, batch_id))

    async def _deliver(self, stream_id: int, batch_id: int) -> None:
        clock = self._cloud.clock
        while True:
            batch = self._tables.batches.get((stream_id, batch_id))
            if batch is None:
                return
            stream = self._tables.streams.peek(batch.stream)
            assert stream is not None, "a stream's batches go with it"
            ctx = self._cloud.context(account=stream.account, region=stream.region)
            try:
                async with self._turns:
                    await self._steps[batch.stage](ctx, stream, batch_id, batch)
                return
            except DeliveryFailed as error:
                log.warning("%s: %s: %s", stream.arn, error.code, error.message)
                batch = await ctx.run(self._failed, stream_id, batch_id)
            except StorageFull:
                await clock.sleep(FIRST_DELAY_MS / 1000)
                continue
            if batch is None:
                return
            await clock.sleep(min(FIRST_DELAY_MS * 2 ** min(batch.attempts - 1, 10), DELAY_MS_MAX) / 1000)

    def _failed(self, stream_id: int, batch_id: int) -> Batch | None:
        """Count the failure; the batch, unless it is given up."""
        batch = self._tables.batches.get((stream_id, batch_id))
        if batch is None:
            return None
        now_ms = self._cloud.clock.now_ms()
        batch.attempts += 1
        batch.failing_ms = batch.failing_ms or now_ms
        if now_ms - batch.failing_ms >= AGE_MS_MAX:
            self.batches.remove(stream_id, batch_id)
            return None
        self._tables.batches.put((stream_id, batch_id), batch)
        return batch


def failure(service: str, error: AwsError) -> DeliveryFailed:
    """What another service refused, as Firehose names it."""
    return DeliveryFailed(f"{service}.{error.code}", error.message)
