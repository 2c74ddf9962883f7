"""Streams on demand: shards come and go with what is written.

https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html
"""

import math
from heapq import heapify, heappop, heappush
from typing import Any

from fogbank.core.alarms import Alarm, Alarms
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.kinesis.account_settings import AccountSettings
from fogbank.services.kinesis.demand import SHARDS_MIN, WINDOW_MS, Window, shards_max, shards_wanted, with_peak
from fogbank.services.kinesis.errors import LimitExceeded, Validation
from fogbank.services.kinesis.hash_keys import HASH_MAX, from_number, number_of
from fogbank.services.kinesis.records import Shard, Stream
from fogbank.services.kinesis.resharding import Resharding

WARM_MIBPS_MAX = 10 * 1024
_DAY_MS = 86_400_000


class OnDemand(Resharding, AccountSettings):
    """What streams on demand do by themselves, and their warm throughput; of `KinesisService`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._windows: dict[int, Window] = {}
        """By stream. They are kept in memory: a restart begins a new one."""
        self._window_ends = Alarms(cloud, "kinesis.windows", key=(str, str, str), ring=self._end_window)

    async def start(self) -> None:
        await super().start()
        await self.cloud.store.run(self._window_ends.resume)

    def update_stream_warm_throughput(
        self,
        ctx: Context,
        *,
        WarmThroughputMiBps: int,
        StreamARN: str | None = None,
        StreamName: str | None = None,
    ) -> Answer:
        stream = self._stream(ctx, StreamName, StreamARN)
        self._set_warm_throughput(ctx, stream, WarmThroughputMiBps)
        self._save(stream)
        return {"StreamARN": stream.arn, "StreamName": stream.name, **self._warm_throughput(ctx, stream)}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _observe(self, ctx: Context, stream: Stream, shard: int, records: int, size: int) -> None:
        """Count what is written to a stream on demand, in the transaction that writes it."""
        window = self._windows.get(stream.id)
        if window is None or ctx.now_ms > window.began_ms + 2 * WINDOW_MS:  # Its alarm went with a failed request.
            window = self._windows[stream.id] = Window(ctx.now_ms)
            self._window_ends.set((stream.account, stream.region, stream.name), ctx.now_ms + WINDOW_MS)
        window.count(shard, records, size)

    def _observe_refusal(self, stream: Stream, shard: int) -> None:
        if (window := self._windows.get(stream.id)) is not None:
            window.refused.add(shard)

    def _end_windows(self, stream: Stream) -> None:
        """Nothing is observed any more."""
        self._windows.pop(stream.id, None)
        self._window_ends.cancel((stream.account, stream.region, stream.name))

    def _end_window(self, key: tuple[str, str, str], alarm: Alarm) -> None:
        stream = self._tables.streams.get(key)
        window = self._windows.pop(stream.id, None) if stream is not None else None
        if stream is None or window is None or not stream.on_demand:
            return
        now_ms = self.cloud.clock.now_ms()
        rates = window.rates(now_ms)
        before = (stream.peaks, stream.shards_made)
        stream.peaks = with_peak(stream.peaks, now_ms // _DAY_MS, sum(rates.values()))
        count = len(stream.open)
        wanted = shards_wanted(count, stream.peaks, warm=stream.warm_mibps, region=stream.region)
        if wanted < count:
            self._scale(stream, wanted)
        self._grow(stream, wanted, rates)
        if count >= wanted:
            self._split_hot(stream, window.refused, min(2 * wanted, shards_max(stream.region)))
        if (stream.peaks, stream.shards_made) != before:
            self._save(stream)

    def _grow(self, stream: Stream, count: int, rates: dict[int, float]) -> None:
        """Split those with the most to do, or else the widest, until there are so many."""
        starts = [number_of(first) for _, first in stream.open] + [HASH_MAX + 1]
        heap = [
            (-rates.get(number, 0.0), starts[index] - starts[index + 1], number)
            for index, (number, _) in enumerate(stream.open)
        ]
        heapify(heap)
        opened = dict(stream.open)
        while len(heap) < count:
            load, width, number = heappop(heap)
            parent = self._by_number(stream, number)
            self._end_shard(stream, parent)
            del opened[number]
            middle = _middle(parent)
            before_middle = from_number(number_of(middle) - 1)
            for first, last in ((parent.first_hash, before_middle), (middle, parent.last_hash)):
                child = self._begin_shard(stream, first, last, [number])
                opened[child.number] = first
                heappush(heap, (load / 2, width // 2, child.number))
        stream.open = sorted(opened.items(), key=lambda each: each[1])

    def _split_hot(self, stream: Stream, refused: set[int], count_max: int) -> None:
        """Split the shards that had too much to do while others had not: some keys are written more than others."""
        for number in sorted(refused & {number for number, _ in stream.open}):
            shard = self._by_number(stream, number)
            if len(stream.open) < count_max and shard.first_hash < _middle(shard):
                self._split(stream, shard, _middle(shard))

    def _set_warm_throughput(self, ctx: Context, stream: Stream, mibps: int) -> None:
        """Have as many shards as take so much a second; fewer than before, if no more are needed."""
        if not stream.on_demand:
            raise Validation(
                f"Request is invalid. Stream {stream.name} under account {stream.account} is in Provisioned mode: warm "
                "throughput is for streams in On-Demand mode."
            )
        if not self._is_committed(ctx):
            raise Validation(
                "Request is invalid. Warm throughput is for accounts that have MinimumThroughputBillingCommitment "
                "enabled."
            )
        if mibps > WARM_MIBPS_MAX:
            raise LimitExceeded(f"A stream can be scaled to {WARM_MIBPS_MAX} MiBps of warm throughput at most.")
        stream.warm_mibps = mibps
        peak = max((rate for _, rate in stream.peaks), default=0.0)
        wanted = max(SHARDS_MIN, mibps, math.ceil(2 * peak))
        if wanted < len(stream.open):
            self._scale(stream, wanted)
        self._grow(stream, wanted, {})

    def _warm_throughput(self, ctx: Context, stream: Stream) -> dict[str, Any]:
        """The member that describes it, in accounts that have it."""
        if not stream.on_demand or not self._is_committed(ctx):
            return {}
        return {
            "WarmThroughput": {
                "TargetMiBps": max(stream.warm_mibps, SHARDS_MIN),
                "CurrentMiBps": len(stream.open),
            }
        }


def _middle(shard: Shard) -> bytes:
    """Where the second half of its hash keys begins."""
    first, last = number_of(shard.first_hash), number_of(shard.last_hash)
    return from_number(first + (last - first + 1) // 2)
