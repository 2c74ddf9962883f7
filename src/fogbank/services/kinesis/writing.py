"""Putting records. https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html"""

from bisect import bisect_right
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.kinesis.base import KinesisBase
from fogbank.services.kinesis.errors import InvalidArgument, ThroughputExceeded
from fogbank.services.kinesis.hash_keys import HASH_MAX, from_number, hash_of
from fogbank.services.kinesis.records import Chunk, Stream, shard_id
from fogbank.services.kinesis.sequence_numbers import parsed, sequence_text, suffix_of
from fogbank.services.kinesis.stream_metrics import StreamMetrics
from fogbank.services.kinesis.throughput import ShardThroughput
from fogbank.services.kinesis.waiters import Waiters

REQUEST_BYTES_MAX = 10 * 1024 * 1024
_RINGS_MAX = 1000


class _Ring:
    """Which shard takes which hash keys: made once for each state of a stream."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._starts = [first for _, first in stream.open]
        self._numbers = [number for number, _ in stream.open]

    def shard_of(self, hash_key: bytes) -> int:
        return self._numbers[bisect_right(self._starts, hash_key) - 1]


class _Batch:
    """What one request puts into one shard."""

    __slots__ = ("data", "keys", "places", "size", "throughput")

    def __init__(self, throughput: ShardThroughput) -> None:
        self.throughput = throughput
        self.keys: list[str] = []
        self.data: list[bytes] = []
        self.places: list[int] = []
        """Where each stands in the request."""
        self.size = 0


class Writing(KinesisBase):
    """The operations that put records, of `KinesisService`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._rings: dict[int, _Ring] = {}
        self._metrics = StreamMetrics(cloud.metrics)
        self._waiters = Waiters()

    def put_record(
        self,
        ctx: Context,
        *,
        Data: bytes,
        PartitionKey: str,
        StreamName: str | None = None,
        StreamARN: str | None = None,
        ExplicitHashKey: str | None = None,
        SequenceNumberForOrdering: str | None = None,
    ) -> Answer:
        """Records of one shard have growing sequence numbers anyway, so SequenceNumberForOrdering asks for no more."""
        stream = self._stream(ctx, StreamName, StreamARN, shared=True)
        if SequenceNumberForOrdering is not None and parsed(SequenceNumberForOrdering) is None:
            raise InvalidArgument(
                f"ExclusiveMinimumSequenceNumber {SequenceNumberForOrdering} used in PutRecord on stream {stream.name} "
                f"under account {stream.account} is invalid."
            )
        size = _size(Data, PartitionKey)
        _check_size(stream, size)
        ring = self._ring(stream)
        number = ring.shard_of(_hash_key(PartitionKey, ExplicitHashKey))
        throughput = self._throughputs.of(stream.id, number, ctx.now_ms)
        throughput.begin_writing(ctx.now_ms)
        if not throughput.admits_record(size):
            self._metrics.throttled(stream, "PutRecord", number, 1)
            raise ThroughputExceeded(_rate_exceeded(stream, number))
        batch = _Batch(throughput)
        batch.keys, batch.data, batch.size = [PartitionKey], [Data], size
        first = self._keep(ctx, stream, number, batch)
        self._metrics.put(stream, "PutRecord", 1, size)
        answer = {"ShardId": shard_id(number), "SequenceNumber": sequence_text(first, number)}
        return answer | ({"EncryptionType": "KMS"} if stream.key_id else {})

    def put_records(
        self,
        ctx: Context,
        *,
        Records: list[dict[str, Any]],
        StreamName: str | None = None,
        StreamARN: str | None = None,
    ) -> Answer:
        """Each record for itself: what a shard does not take is reported, and the others are put."""
        stream = self._stream(ctx, StreamName, StreamARN, shared=True)
        sizes = [_size(record["Data"], record["PartitionKey"]) for record in Records]
        # Before any shard counts a record: a request that is refused takes nothing of their throughput.
        _check_size(stream, max(sizes))
        if sum(sizes) > REQUEST_BYTES_MAX:
            raise InvalidArgument("Records size exceeds 10 MB limit")
        hashes = [_hash_key(record["PartitionKey"], record.get("ExplicitHashKey")) for record in Records]
        ring = self._ring(stream)
        batches: dict[int, _Batch] = {}
        answers: list[dict[str, str]] = [{}] * len(Records)
        refused: dict[int, int] = {}
        for place, record in enumerate(Records):
            size = sizes[place]
            number = ring.shard_of(hashes[place])
            batch = batches.get(number)
            if batch is None:
                batch = batches[number] = _Batch(self._throughputs.of(stream.id, number, ctx.now_ms))
                batch.throughput.begin_writing(ctx.now_ms)
            if not batch.throughput.admits_record(size):
                refused[number] = refused.get(number, 0) + 1
                answers[place] = {"ErrorCode": ThroughputExceeded.code, "ErrorMessage": _rate_exceeded(stream, number)}
                continue
            batch.keys.append(record["PartitionKey"])
            batch.data.append(record["Data"])
            batch.places.append(place)
            batch.size += size
        put = size_put = 0
        for number, batch in batches.items():
            if not batch.places:
                continue
            first = self._keep(ctx, stream, number, batch)
            shard, suffix = shard_id(number), suffix_of(number)
            for sequence, place in enumerate(batch.places, first):
                answers[place] = {"SequenceNumber": f"49{sequence:022d}{suffix}", "ShardId": shard}
            put += len(batch.places)
            size_put += batch.size
        self._metrics.put(stream, "PutRecords", put, size_put)
        for number, count in refused.items():
            self._metrics.throttled(stream, "PutRecords", number, count)
        answer: dict[str, Any] = {"FailedRecordCount": len(Records) - put, "Records": answers}
        return answer | ({"EncryptionType": "KMS"} if stream.key_id else {})

    # ---- steps ------------------------------------------------------------------------------------------------

    def _ring(self, stream: Stream) -> _Ring:
        ring = self._rings.get(stream.id)
        if ring is None or ring.stream is not stream:
            if len(self._rings) >= _RINGS_MAX:
                self._rings.clear()
            ring = self._rings[stream.id] = _Ring(stream)
        return ring

    def _keep(self, ctx: Context, stream: Stream, number: int, batch: _Batch) -> int:
        """Store the records; the first one's sequence."""
        count = len(batch.keys)
        first = self.cloud.sequence.next(count)
        chunk = Chunk(ctx.now_ms, batch.keys, batch.data, bool(stream.key_id))
        self._tables.chunks.put((stream.id, number, first + count - 1), chunk)
        if stream.shard_metrics:
            self._metrics.put_into_shard(stream, number, count, batch.size)
        self._waiters.wake_after_commit(self.cloud.store, (stream.id, number))
        return first


def _size(data: bytes, key: str) -> int:
    """What a record counts for: its data and its partition key."""
    return len(data) + (len(key) if key.isascii() else len(key.encode()))


def _check_size(stream: Stream, size: int) -> None:
    if size > stream.record_kib_max * 1024:
        raise InvalidArgument(
            f"Record size exceeds {stream.record_kib_max} KiB, the maximum record size of stream {stream.name}"
        )


def _hash_key(partition_key: str, explicit: str | None) -> bytes:
    if explicit is None:
        return hash_of(partition_key)
    number = int(explicit)
    if number > HASH_MAX:
        raise InvalidArgument(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was "
            f"{explicit}"
        )
    return from_number(number)


def _rate_exceeded(stream: Stream, number: int) -> str:
    return f"Rate exceeded for shard {shard_id(number)} in stream {stream.name} under account {stream.account}."
