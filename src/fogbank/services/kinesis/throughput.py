"""What a shard takes and gives in a second. https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html"""

WRITE_BYTES_S = 1024 * 1024
WRITE_RECORDS_S = 1000
READ_BYTES_S = 2 * 1024 * 1024
READ_CALLS_S = 5


class _Bucket:
    """Tokens that come back with time, a second's worth at most. The last ones may be overdrawn."""

    __slots__ = ("_at_ms", "_rate", "tokens")

    def __init__(self, rate: int, now_ms: int) -> None:
        self._rate = rate
        self._at_ms = now_ms
        self.tokens = float(rate)

    def refill(self, now_ms: int) -> None:
        if now_ms > self._at_ms:
            self.tokens = min(self.tokens + (now_ms - self._at_ms) / 1000 * self._rate, float(self._rate))
        self._at_ms = now_ms


class ShardThroughput:
    """The limits of one shard. They are kept in memory: a restart begins a new second."""

    __slots__ = ("_read_bytes", "_read_calls", "_write_bytes", "_write_records")

    def __init__(self, now_ms: int) -> None:
        self._write_bytes = _Bucket(WRITE_BYTES_S, now_ms)
        self._write_records = _Bucket(WRITE_RECORDS_S, now_ms)
        self._read_bytes = _Bucket(READ_BYTES_S, now_ms)
        self._read_calls = _Bucket(READ_CALLS_S, now_ms)

    def begin_writing(self, now_ms: int) -> None:
        self._write_bytes.refill(now_ms)
        self._write_records.refill(now_ms)

    def admits_record(self, size: int) -> bool:
        """Whether one more record of so many bytes fits; it counts if it does. After `begin_writing`.

        A record larger than a second's worth fits if nothing else was written.
        """
        if self._write_records.tokens < 1 or self._write_bytes.tokens < min(size, WRITE_BYTES_S):
            return False
        self._write_records.tokens -= 1
        self._write_bytes.tokens -= size
        return True

    def admits_read(self, now_ms: int) -> bool:
        """Whether one more call of GetRecords may read; it counts if it may."""
        self._read_calls.refill(now_ms)
        self._read_bytes.refill(now_ms)
        if self._read_calls.tokens < 1 or self._read_bytes.tokens <= 0:
            return False
        self._read_calls.tokens -= 1
        return True

    def count_read(self, size: int) -> None:
        """What a call has read; after 10 MB nothing is given for the next five seconds, as it takes so long to come
        back.
        """
        self._read_bytes.tokens -= size


class Throughputs:
    """The limits of the shards, by stream and number."""

    def __init__(self) -> None:
        self._shards: dict[tuple[int, int], ShardThroughput] = {}

    def of(self, stream_id: int, shard: int, now_ms: int) -> ShardThroughput:
        key = (stream_id, shard)
        found = self._shards.get(key)
        if found is None:
            found = self._shards[key] = ShardThroughput(now_ms)
        return found

    def forget(self, stream_id: int, shard: int) -> None:
        self._shards.pop((stream_id, shard), None)
