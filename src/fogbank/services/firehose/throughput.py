"""The throughput that a stream with Direct PUT takes, where a quota is wanted.

On AWS a stream has quotas that are raised on request. Here it takes what it is given, unless a tag says how many MiB a
second it may be given; the other two quotas follow in AWS's proportion.
https://docs.aws.amazon.com/firehose/latest/dev/limits.html
"""

from fogbank.core.numerals import whole_number
from fogbank.services.firehose.records import MB, DeliveryStream

TAG = "fogbank:throughput-mib"
REQUESTS_PER_MB, RECORDS_PER_MB = 400, 100_000
_STREAMS_MAX = 10_000


class _Second:
    """What a stream was given in one second."""

    __slots__ = ("records", "requests", "second", "size")

    def __init__(self, second: int) -> None:
        self.second = second
        self.requests = self.records = self.size = 0


class Throughputs:
    """What streams with a quota were given in the present second. A restart forgets it."""

    def __init__(self) -> None:
        self._seconds: dict[int, _Second] = {}

    def admitted(self, stream: DeliveryStream, sizes: list[int], now_ms: int) -> int:
        """How many of a request's records, from its first, are within the quotas; they are counted."""
        quota_mb = quota(stream)
        if not quota_mb:
            return len(sizes)
        second = self._seconds.get(stream.id)
        if second is None or second.second != now_ms // 1000:
            if len(self._seconds) >= _STREAMS_MAX:
                self._seconds.clear()
            second = self._seconds[stream.id] = _Second(now_ms // 1000)
        if second.requests >= quota_mb * REQUESTS_PER_MB:
            return 0
        second.requests += 1
        for place, size in enumerate(sizes):
            if second.size + size > quota_mb * MB or second.records >= quota_mb * RECORDS_PER_MB:
                return place
            second.size += size
            second.records += 1
        return len(sizes)


def quota(stream: DeliveryStream) -> int:
    """MiB a second; 0 if there is no quota."""
    return whole_number(stream.tags.get(TAG, "")) or 0
