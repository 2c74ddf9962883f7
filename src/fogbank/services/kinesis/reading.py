"""Reading records. https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html"""

import base64
import binascii
from typing import Any, NamedTuple

import msgspec

from fogbank.core.context import Context
from fogbank.core.moments import iso_seconds
from fogbank.core.sequence import number_at
from fogbank.core.service import Answer
from fogbank.services.kinesis.errors import ExpiredIterator, InvalidArgument, ThroughputExceeded
from fogbank.services.kinesis.hash_keys import number_of
from fogbank.services.kinesis.records import Shard, Stream
from fogbank.services.kinesis.sequence_numbers import parsed, suffix_of
from fogbank.services.kinesis.writing import Writing

ITERATOR_MS = 300_000
PAGE_BYTES_MAX = 10 * 1024 * 1024
PAGE_RECORDS_MAX = 10_000
_HOUR_MS = 3_600_000
_POSITIONS_END = 1 << 62


class _Iterator(msgspec.Struct, array_like=True):
    """A place in a shard, and when it was given out."""

    stream: str
    account: str
    stream_id: int
    shard: str
    position: int
    made_ms: int


class Page(NamedTuple):
    """Records from a position on. `position` is behind them; `behind_ms` is 0 if there are no more."""

    records: list[dict[str, Any]]
    position: int
    size: int
    behind_ms: int
    age_ms: int
    ended: bool
    """Whether the shard is closed and has no more records."""


class Reading(Writing):
    """The operations that read records, of `KinesisService`."""

    def get_shard_iterator(
        self,
        ctx: Context,
        *,
        ShardId: str,
        ShardIteratorType: str,
        StreamName: str | None = None,
        StreamARN: str | None = None,
        StartingSequenceNumber: str | None = None,
        Timestamp: float | None = None,
    ) -> Answer:
        stream = self._stream(ctx, StreamName, StreamARN, shared=True)
        shard = self._shard(stream, ShardId)
        position = self._position(ctx, stream, shard, ShardIteratorType, StartingSequenceNumber, Timestamp)
        return {"ShardIterator": _token(ctx, stream, ShardId, position)}

    def get_records(
        self, ctx: Context, *, ShardIterator: str, Limit: int = PAGE_RECORDS_MAX, StreamARN: str | None = None
    ) -> Answer:
        iterator = _read_token(ShardIterator)
        if ctx.now_ms - iterator.made_ms > ITERATOR_MS:
            raise ExpiredIterator(
                f"Iterator expired. The iterator was created at time {iso_seconds(iterator.made_ms)} while right now "
                f"it is {iso_seconds(ctx.now_ms)} which is further in the future than the tolerated delay of "
                f"{ITERATOR_MS} milliseconds."
            )
        there = ctx.at(account=iterator.account)
        stream = self._stream(there, iterator.stream, StreamARN, shared=True)
        shard = self._shard(stream, iterator.shard)
        if stream.id != iterator.stream_id:
            raise InvalidArgument("Invalid ShardIterator.")
        throughput = self._throughputs.of(stream.id, shard.number, ctx.now_ms)
        if not throughput.admits_read(ctx.now_ms):
            self._metrics.read_throttled(stream, shard.number)
            raise ThroughputExceeded(
                f"Rate exceeded for shard {shard.id} in stream {stream.name} under account {stream.account}."
            )
        page = self._page(ctx, stream, shard, iterator.position, Limit)
        throughput.count_read(page.size)
        self._metrics.got(stream, shard.number, len(page.records), page.size, page.age_ms)
        answer: dict[str, Any] = {"Records": page.records, "MillisBehindLatest": page.behind_ms}
        if page.ended:
            return answer | {"ChildShards": self._children(stream, shard)}
        return answer | {"NextShardIterator": _token(ctx, stream, shard.id, page.position)}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _position(
        self, ctx: Context, stream: Stream, shard: Shard, kind: str, sequence: str | None, timestamp: float | None
    ) -> int:
        """The sequence at which an iterator of that type begins."""
        match kind:
            case "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER":
                if sequence is None:
                    raise InvalidArgument(f"Must specify StartingSequenceNumber parameter for iterator of type {kind}.")
                found = parsed(sequence)
                if found is None or found[1] != shard.number:
                    raise InvalidArgument(
                        f"StartingSequenceNumber {sequence} used in GetShardIterator on shard {shard.id} in stream "
                        f"{stream.name} under account {stream.account} is invalid because it did not come from this "
                        "stream."
                    )
                return found[0] + (kind == "AFTER_SEQUENCE_NUMBER")
            case "AT_TIMESTAMP":
                if timestamp is None:
                    raise InvalidArgument(f"Must specify timestamp parameter for iterator of type {kind}.")
                if timestamp * 1000 > ctx.now_ms:
                    raise InvalidArgument(
                        f"The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
                        f"timestampInMillis: {int(timestamp * 1000)}, currentTimestampInMillis: {ctx.now_ms}"
                    )
                return self._first_since(stream, shard, int(timestamp * 1000))
            case "TRIM_HORIZON":
                return 0
            case _:
                return self._latest()

    def _latest(self) -> int:
        """Behind every record that there is."""
        sequence: int = self.cloud.sequence.next()
        return sequence

    def _first_since(self, stream: Stream, shard: Shard, ms: int) -> int:
        """The sequence of the first record that arrived then or later.

        Sequences may run ahead of the clock and never behind it, so the record is not before that time's sequence.
        """
        place = (stream.id, shard.number)
        for (_, _, last), chunk in self._tables.chunks.scan(place, start=(*place, number_at(max(ms, 0)))):
            if chunk.arrived_ms >= ms:
                first: int = last - len(chunk.keys) + 1
                return first
        return self._latest()

    def _page(
        self,
        ctx: Context,
        stream: Stream,
        shard: Shard,
        position: int,
        limit: int,
        *,
        bytes_max: int = PAGE_BYTES_MAX,
    ) -> Page:
        now_ms = ctx.now_ms
        horizon_ms = now_ms - stream.retention_h * _HOUR_MS
        place = (stream.id, shard.number)
        suffix = suffix_of(shard.number)
        records: list[dict[str, Any]] = []
        size = arrived_ms = 0
        # The chunks of the last hours; those before may be there still and are not given any more.
        position = max(position, number_at(horizon_ms))
        for (_, _, last), chunk in self._tables.chunks.scan(place, start=(*place, position)):
            if chunk.arrived_ms < horizon_ms:
                continue
            first = last - len(chunk.keys) + 1
            if len(records) == limit or size >= bytes_max:
                behind_ms = max(now_ms - (arrived_ms or chunk.arrived_ms), 1)
                return Page(records, position, size, behind_ms, now_ms - arrived_ms, ended=False)
            arrived_ms = chunk.arrived_ms
            arrival = arrived_ms / 1000
            contents = self._encryption.data(ctx, stream, chunk) if chunk.sealed else chunk.data
            for index in range(max(position - first, 0), len(chunk.keys)):
                data, key = contents[index], chunk.keys[index]
                record_size = len(data) + len(key)
                if len(records) == limit or (records and size + record_size > bytes_max):
                    return Page(records, position, size, max(now_ms - arrived_ms, 1), now_ms - arrived_ms, ended=False)
                record: dict[str, Any] = {
                    "SequenceNumber": f"49{first + index:022d}{suffix}",
                    "ApproximateArrivalTimestamp": arrival,
                    "Data": data,
                    "PartitionKey": key,
                }
                if chunk.encrypted:
                    record["EncryptionType"] = "KMS"
                records.append(record)
                size += record_size
                position = first + index + 1
        age_ms = now_ms - arrived_ms if records else 0
        return Page(records, position, size, 0, age_ms, ended=bool(shard.closed))

    def _children(self, stream: Stream, parent: Shard) -> list[dict[str, Any]]:
        return [
            {
                "ShardId": shard.id,
                "ParentShards": [f"shardId-{number:012d}" for number in shard.parents],
                "HashKeyRange": hash_range(shard),
            }
            for _, shard in self._tables.shards.scan((stream.id,), after=(stream.id, parent.number))
            if parent.number in shard.parents
        ]


def hash_range(shard: Shard) -> dict[str, str]:
    return {
        "StartingHashKey": str(number_of(shard.first_hash)),
        "EndingHashKey": str(number_of(shard.last_hash)),
    }


def _token(ctx: Context, stream: Stream, shard: str, position: int) -> str:
    iterator = _Iterator(stream.name, stream.account, stream.id, shard, position, ctx.now_ms)
    # Two iterators are never the same, as AWS's are not.
    packed = msgspec.msgpack.encode((iterator, ctx.request_id))
    return base64.b64encode(packed).decode()


def stream_of_iterator(ctx: Context, token: str) -> str:
    """The ARN of the stream that an iterator is of. Raises InvalidArgument."""
    iterator = _read_token(token)
    return ctx.at(account=iterator.account).arn("kinesis", f"stream/{iterator.stream}")


def _read_token(token: str) -> _Iterator:
    try:
        # Some clients give it back as the JSON text that they found it in, quotes included.
        packed = base64.b64decode(token.strip('"'), validate=True)
        iterator, _ = msgspec.msgpack.decode(packed, type=tuple[_Iterator, str])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise InvalidArgument("Invalid ShardIterator.") from None
    if not 0 <= iterator.position < _POSITIONS_END:
        raise InvalidArgument("Invalid ShardIterator.")
    return iterator
