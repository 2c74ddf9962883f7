"""What happens to a batch of stream records until each is processed or given up.

all done                      -> the next batch
some failed, some reported    -> what lies before the first failure is done, the rest starts over
all failed, bisect            -> both halves, the first one first
failed                        -> again after a pause, while its retries and its age last
throttled                     -> again after a pause, which counts as no retry
"""

import asyncio
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from fogbank.core.clock import Clock
from fogbank.core.sources.streams import Stream, StreamRecord

RETRY_DELAY_MAX_S = 60
# The payload limit of an invocation, less room for the envelope of the records.
BATCH_BYTES_MAX = 6_000_000


class Attempt(NamedTuple):
    """How an attempt ended; `first_failed` is None if all is done. `detail` is for `give_up`."""

    first_failed: int | None
    detail: Any = None


class Throttled(Exception):
    """The attempt did not take place; after a while it may."""


class Processor(Protocol):
    """Whoever the records are for."""

    async def attempt(self, records: list[StreamRecord]) -> Attempt:
        """Try to process the records. Raises Throttled."""

    async def give_up(
        self, shard_id: str, records: list[StreamRecord], condition: str, attempts: int, detail: Any
    ) -> None:
        """The records are skipped, for `RecordAgeExceeded` or `RetryAttemptsExhausted`."""


class Batches:
    """Sees batches through to a processor. Negative limits are none, except for the stream's own retention."""

    def __init__(
        self,
        clock: Clock,
        stream: Stream,
        processor: Processor,
        *,
        batch_size: int,
        parallelization: int,
        bisect: bool,
        retries_max: int,
        age_max_s: int,
    ) -> None:
        self._clock = clock
        self._stream = stream
        self._processor = processor
        self._batch_size = batch_size
        self._parallelization = parallelization
        self._bisect = bisect
        self._retries_max = retries_max
        self._age_max_s = age_max_s

    async def settle(self, shard_id: str, records: list[StreamRecord]) -> None:
        """See that every record is processed or given up; beside each other by key if that is allowed."""
        if self._parallelization == 1:
            await self._process_lane(shard_id, records)
            return
        async with asyncio.TaskGroup() as group:
            for lane in lanes_of(records, self._parallelization).values():
                group.create_task(self._process_lane(shard_id, lane))

    async def _process_lane(self, shard_id: str, lane: list[StreamRecord]) -> None:
        for batch in batches_of(lane, self._batch_size):
            await self._process(shard_id, batch)

    async def _process(self, shard_id: str, records: list[StreamRecord]) -> None:
        attempts = 0
        throttled = 0
        detail: Any = None
        while records:
            records, expired = self._without_expired(records)
            if expired:
                await self._processor.give_up(shard_id, expired, "RecordAgeExceeded", attempts, detail)
            if not records:
                return
            try:
                attempt = await self._processor.attempt(records)
            except Throttled:
                throttled += 1
                await self._clock.sleep(throttle_pause_s(throttled))
                continue
            throttled = 0
            detail = attempt.detail
            if attempt.first_failed is None:
                return
            reported = attempt.first_failed > 0
            if reported:
                records, attempts = records[attempt.first_failed :], 0
            attempts += 1
            if self._bisect and not reported and len(records) > 1:
                half = len(records) // 2
                await self._process(shard_id, records[:half])
                await self._process(shard_id, records[half:])
                return
            if 0 <= self._retries_max < attempts:
                await self._processor.give_up(shard_id, records, "RetryAttemptsExhausted", attempts, detail)
                return
            await self._clock.sleep(retry_pause_s(attempts))

    def _without_expired(self, records: list[StreamRecord]) -> tuple[list[StreamRecord], list[StreamRecord]]:
        age_max_s = self._age_max_s if self._age_max_s > 0 else self._stream.retention_s
        oldest_s = self._clock.now_ms() / 1000 - age_max_s
        fresh = [record for record in records if record.created_s >= oldest_s]
        return fresh, [record for record in records if record.created_s < oldest_s]


def lanes_of(records: list[StreamRecord], parallelization: int) -> dict[int, list[StreamRecord]]:
    """The records by the lane that their key belongs to, each lane in order."""
    lanes: dict[int, list[StreamRecord]] = {}
    for record in records:
        lanes.setdefault(zlib.crc32(record.key) % parallelization, []).append(record)
    return lanes


def batches_of(records: list[StreamRecord], count_max: int) -> Iterator[list[StreamRecord]]:
    """Batches of as many records as are allowed in number and as fit into an invocation."""
    batch: list[StreamRecord] = []
    size = 0
    for record in records:
        if batch and (len(batch) == count_max or size + record.size > BATCH_BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += record.size
    if batch:
        yield batch


def retry_pause_s(attempts: int) -> float:
    """How long to wait after so many attempts that failed."""
    return min(2.0 ** min(attempts - 1, 6) * 0.5, RETRY_DELAY_MAX_S)


def throttle_pause_s(throttled: int) -> float:
    """How long to wait after so many attempts in a row that did not take place."""
    return min(2.0 ** min(throttled, 6) * 0.25, RETRY_DELAY_MAX_S)
