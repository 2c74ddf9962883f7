"""Putting records. https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html"""

from bisect import bisect_right
from collections import defaultdict
from itertools import compress
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.kinesis.encryption import RecordEncryption
from fogbank.services.kinesis.errors import InvalidArgument, ThroughputExceeded
from fogbank.services.kinesis.hash_keys import HASH_MAX, from_number, hash_of
from fogbank.services.kinesis.on_demand import OnDemand
from fogbank.services.kinesis.records import Chunk, Stream, shard_id
from fogbank.services.kinesis.sequence_numbers import parsed, sequence_text, suffix_of
from fogbank.services.kinesis.stream_metrics import StreamMetrics
from fogbank.services.kinesis.waiters import Waiters

REQUEST_BYTES_MAX = 10 * 1024 * 1024
_RINGS_MAX = 1000


class _Ring:
    """Which shard takes which hash keys: made once for each state of a stream."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._starts = [first for _, first in stream.open]
        self._numbers = [number for number, _ in stream.open]
        self.names = {number: (shard_id(number), suffix_of(number)) for number in self._numbers}
        """The shards' ids, and how their sequence numbers end."""

    def spread(self, hash_keys: list[bytes]) -> dict[int, list[int]]:
        """The shards that take them, each with the places of its own."""
        starts, numbers = self._starts, self._numbers
        places: defaultdict[int, list[int]] = defaultdict(list)
        for place, hash_key in enumerate(hash_keys):
            places[numbers[bisect_right(starts, hash_key) - 1]].append(place)
        return places


class Writing(OnDemand):
    """The operations that put records, of `KinesisService`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._rings: dict[int, _Ring] = {}
        self._metrics = StreamMetrics(cloud.metrics)
        self._waiters = Waiters()
        self._encryption = RecordEncryption(cloud)

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
        (size,) = _sizes([Data], [PartitionKey])
        _check_size(stream, size)
        hash_key = hash_of(PartitionKey) if ExplicitHashKey is None else _explicit(ExplicitHashKey)
        (number,) = self._ring(stream).spread([hash_key])
        if self._throughputs.of(stream.id, number, ctx.now_ms).admitted([size], ctx.now_ms) is not None:
            self._metrics.throttled(stream, "PutRecord", number, 1)
            if stream.on_demand:
                self._observe_refusal(stream, number)
            raise ThroughputExceeded(_rate_exceeded(stream, number))
        sequence = self.cloud.sequence.next()
        self._keep(stream, [((stream.id, number, sequence), self._chunk(ctx, stream, [PartitionKey], [Data]))])
        self._metrics.put(stream, "PutRecord", 1, size, total=1)
        if stream.shard_metrics:
            self._metrics.put_into_shard(stream, number, 1, size)
        if stream.on_demand:
            self._observe(ctx, stream, number, 1, size)
        answer = {"ShardId": shard_id(number), "SequenceNumber": sequence_text(sequence, number)}
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
        keys = [record["PartitionKey"] for record in Records]
        data = [record["Data"] for record in Records]
        sizes = _sizes(data, keys)
        # Before any shard counts a record: a request that is refused takes nothing of their throughput.
        _check_size(stream, max(sizes))
        if sum(sizes) > REQUEST_BYTES_MAX:
            raise InvalidArgument("Records size exceeds 10 MB limit")
        hash_keys = [
            _explicit(record["ExplicitHashKey"]) if "ExplicitHashKey" in record else hash_of(record["PartitionKey"])
            for record in Records
        ]
        ring = self._ring(stream)
        throughput_of, now_ms = self._throughputs.of, ctx.now_ms
        answers: list[dict[str, str]] = [{}] * len(Records)
        chunks: list[tuple[tuple[int, int, int], Chunk]] = []
        put = size_put = 0
        sequence = self.cloud.sequence.next(len(Records))
        for number, places in ring.spread(hash_keys).items():
            shard_sizes = [sizes[place] for place in places]
            admitted = throughput_of(stream.id, number, now_ms).admitted(shard_sizes, now_ms)
            if admitted is not None:
                refused = {"ErrorCode": ThroughputExceeded.code, "ErrorMessage": _rate_exceeded(stream, number)}
                for place, fits in zip(places, admitted, strict=True):
                    if not fits:
                        answers[place] = refused
                self._metrics.throttled(stream, "PutRecords", number, admitted.count(False))
                places = list(compress(places, admitted))
                shard_sizes = [sizes[place] for place in places]
            size = sum(shard_sizes)
            if stream.on_demand:
                self._observe(ctx, stream, number, len(places), size)
                if admitted is not None:
                    self._observe_refusal(stream, number)
            if not places:
                continue
            shard, suffix = ring.names[number]
            for place in places:
                answers[place] = {"SequenceNumber": f"49{sequence:022d}{suffix}", "ShardId": shard}
                sequence += 1
            chunk = self._chunk(ctx, stream, [keys[place] for place in places], [data[place] for place in places])
            chunks.append(((stream.id, number, sequence - 1), chunk))
            put += len(places)
            size_put += size
            if stream.shard_metrics:
                self._metrics.put_into_shard(stream, number, len(places), size)
        if chunks:
            self._keep(stream, chunks)
        self._metrics.put(stream, "PutRecords", put, size_put, total=len(Records))
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

    def _chunk(self, ctx: Context, stream: Stream, keys: list[str], data: list[bytes]) -> Chunk:
        if not stream.key_id:
            return Chunk(ctx.now_ms, keys, data)
        return self._encryption.seal(ctx, stream, Chunk(ctx.now_ms, keys, data, encrypted=True))

    def _keep(self, stream: Stream, chunks: list[tuple[tuple[int, int, int], Chunk]]) -> None:
        self._tables.chunks.put_all(chunks)
        if self._waiters:
            for (_, number, _), _ in chunks:
                self._waiters.wake_after_commit(self.cloud.store, (stream.id, number))


def _sizes(data: list[bytes], keys: list[str]) -> list[int]:
    """What records count for: their data and their partition keys."""
    encoded = keys if "".join(keys).isascii() else [key.encode() for key in keys]
    return [len(one) + len(key) for one, key in zip(data, encoded, strict=True)]


def _check_size(stream: Stream, size: int) -> None:
    if size > stream.record_kib_max * 1024:
        raise InvalidArgument(
            f"Record size exceeds {stream.record_kib_max} KiB, the maximum record size of stream {stream.name}"
        )


def _explicit(hash_key: str) -> bytes:
    number = int(hash_key)
    if number > HASH_MAX:
        raise InvalidArgument(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was "
            f"{hash_key}"
        )
    return from_number(number)


def _rate_exceeded(stream: Stream, number: int) -> str:
    return f"Rate exceeded for shard {shard_id(number)} in stream {stream.name} under account {stream.account}."
