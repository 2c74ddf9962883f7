"""What a shard takes and gives in a second. https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html"""

from collections import defaultdict

WRITE_BYTES_S = 1024 * 1024
WRITE_RECORDS_S = 1000
READ_BYTES_S = 2 * 1024 * 1024
READ_CALLS_S = 5


class Bucket:
    """Tokens that come back with time, a second's worth at most. The last ones may be overdrawn."""

    __slots__ = ("_rate", "at_ms", "tokens")

    def __init__(self, rate: int, now_ms: int) -> None:
        self._rate = rate
        self.at_ms = now_ms
        self.tokens = float(rate)

    def refill(self, now_ms: int) -> None:
        passed_ms = now_ms - self.at_ms
        if passed_ms > 0:
            tokens = self.tokens + passed_ms / 1000 * self._rate
            self.tokens = tokens if tokens < self._rate else float(self._rate)
        self.at_ms = now_ms

    def pause_s(self) -> float:
        """How long it takes until there are tokens again; 0 if there are."""
        return 0.0 if self.tokens > 0 else (1 - self.tokens) / self._rate


class ShardThroughput:
    """The limits of one shard. They are kept in memory: a restart begins a new second."""

    __slots__ = ("_read_bytes", "_read_calls", "_write_bytes", "_write_records")

    def __init__(self, now_ms: int) -> None:
        self._write_bytes = Bucket(WRITE_BYTES_S, now_ms)
        self._write_records = Bucket(WRITE_RECORDS_S, now_ms)
        self._read_bytes = Bucket(READ_BYTES_S, now_ms)
        self._read_calls = Bucket(READ_CALLS_S, now_ms)

    def admitted(self, sizes: list[int], now_ms: int) -> list[bool] | None:
        """Which of the records of these sizes fit, each for itself and in order; those count. None if all do.

        A record larger than a second's worth fits if nothing else was written.
        """
        records, size = self._write_records, self._write_bytes
        if now_ms > records.at_ms:
            records.refill(now_ms)
            size.refill(now_ms)
        count, total = len(sizes), sum(sizes)
        if records.tokens >= count and size.tokens >= total:
            records.tokens -= count
            size.tokens -= total
            return None
        answers = []
        for one in sizes:
            fits = records.tokens >= 1 and size.tokens >= min(one, WRITE_BYTES_S)
            if fits:
                records.tokens -= 1
                size.tokens -= one
            answers.append(fits)
        return None if all(answers) else answers

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
        self._streams: defaultdict[int, dict[int, ShardThroughput]] = defaultdict(dict)

    def of(self, stream_id: int, shard: int, now_ms: int) -> ShardThroughput:
        shards = self._streams[stream_id]
        found = shards.get(shard)
        if found is None:
            found = shards[shard] = ShardThroughput(now_ms)
        return found

    def forget(self, stream_id: int, shard: int) -> None:
        self._streams[stream_id].pop(shard, None)

    def forget_stream(self, stream_id: int) -> None:
        self._streams.pop(stream_id, None)
