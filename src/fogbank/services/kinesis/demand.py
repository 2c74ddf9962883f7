"""What is written to a stream on demand, and how many shards it takes. Nothing here touches the store or the clock.

AWS's promise: a stream takes up to twice the most that was written to it in the last 30 days, and no less than 4 MB and
4,000 records a second. How AWS measures is not documented. Here what is written is counted for windows of ten seconds,
which even out bursts, and a stream that has too few shards gets twice as many, as streams on AWS are seen to do.
"""

import math

from fogbank.services.kinesis.throughput import WRITE_BYTES_S, WRITE_RECORDS_S

WINDOW_MS = 10_000
SHARDS_MIN = 4
PEAK_DAYS = 30
# https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html: 10 GB/s in three regions, else 200 MB/s.
_SHARDS_MAX = 200
_SHARDS_MAX_IN = dict.fromkeys(("us-east-1", "us-west-2", "eu-west-1"), 10_000)

Peak = tuple[int, float]
"""A day since 1970, and the most that was written in a window of it, in what one shard takes."""


class Window:
    """What was written into each shard since the window began."""

    def __init__(self, began_ms: int) -> None:
        self.began_ms = began_ms
        self._records: dict[int, int] = {}
        self._bytes: dict[int, int] = {}
        self.refused: set[int] = set()
        """The shards that had to refuse records."""

    def count(self, shard: int, records: int, size: int) -> None:
        self._records[shard] = self._records.get(shard, 0) + records
        self._bytes[shard] = self._bytes.get(shard, 0) + size

    def rates(self, now_ms: int) -> dict[int, float]:
        """What was written into each shard, in what one shard takes."""
        seconds = max(now_ms - self.began_ms, WINDOW_MS) / 1000
        return {
            shard: max(count / WRITE_RECORDS_S, self._bytes[shard] / WRITE_BYTES_S) / seconds
            for shard, count in self._records.items()
        }


def with_peak(peaks: list[Peak], day: int, rate: float) -> list[Peak]:
    """The peaks of the last days, with what was written now."""
    others = [(other, peak) for other, peak in peaks if day - PEAK_DAYS < other < day]
    today = max((peak for other, peak in peaks if other == day), default=0.0)
    return [*others, (day, max(today, rate))]


def shards_max(region: str) -> int:
    return _SHARDS_MAX_IN.get(region, _SHARDS_MAX)


def shards_wanted(count: int, peaks: list[Peak], *, warm: int, region: str) -> int:
    """How many shards a stream of `count` ought to have. `warm` is the warm throughput in MiB/s that was asked for."""
    least = max(SHARDS_MIN, warm, math.ceil(2 * max(peak for _, peak in peaks)))
    if count < least:
        while count < least:
            count *= 2
        return min(count, shards_max(region))
    # A month's peak that asks for less than half is let go.
    return least if count > 2 * least and len(peaks) >= PEAK_DAYS else count
