"""Splitting and merging shards. https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-resharding.html

A shard that is split or merged is closed, and its children take its hash keys from then on. Readers read a parent to
its end before its children, so the records of a partition key keep their order.
"""

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.kinesis.base import KinesisBase
from fogbank.services.kinesis.errors import InvalidArgument, LimitExceeded, ResourceInUse, Validation
from fogbank.services.kinesis.hash_keys import HASH_MAX, from_number, number_of, uniform_starts
from fogbank.services.kinesis.records import Shard, Stream
from fogbank.services.kinesis.waiters import Waiters

SHARDS_OF_ACCOUNT_MAX = 500
SHARDS_OF_STREAM_MAX = 10_000
SCALINGS_A_DAY_MAX = 10
_DAY_MS = 86_400_000


class Resharding(KinesisBase):
    """The operations that change the shards of streams, of `KinesisService`."""

    _waiters: Waiters

    def split_shard(
        self,
        ctx: Context,
        *,
        ShardToSplit: str,
        NewStartingHashKey: str,
        StreamName: str | None = None,
        StreamARN: str | None = None,
    ) -> Answer:
        stream = self._provisioned(ctx, StreamName, StreamARN, "SplitShard")
        shard = self._open_shard(stream, ShardToSplit)
        first, last = number_of(shard.first_hash), number_of(shard.last_hash)
        start = int(NewStartingHashKey)
        if not first + 1 < start < last:
            raise InvalidArgument(
                f"NewStartingHashKey {NewStartingHashKey} used in SplitShard() on shard {shard.id} in stream "
                f"{stream.name} under account {stream.account} is not both greater than one plus the shard's "
                f"StartingHashKey {first} and less than the shard's EndingHashKey {last - 1}."
            )
        self._check_shards_of_account(ctx, 1)
        self._split(stream, shard, from_number(start))
        self._save(stream)
        return None

    def merge_shards(
        self,
        ctx: Context,
        *,
        ShardToMerge: str,
        AdjacentShardToMerge: str,
        StreamName: str | None = None,
        StreamARN: str | None = None,
    ) -> Answer:
        stream = self._provisioned(ctx, StreamName, StreamARN, "MergeShards")
        shard, other = self._open_shard(stream, ShardToMerge), self._open_shard(stream, AdjacentShardToMerge)
        lower, upper = sorted((shard, other), key=lambda each: each.first_hash)
        if number_of(lower.last_hash) + 1 != number_of(upper.first_hash):
            raise InvalidArgument(
                f"Shards {shard.id} and {other.id} in stream {stream.name} under account {stream.account} are not an "
                "adjacent pair of shards eligible for merging"
            )
        self._merge(stream, shard, other)
        self._save(stream)
        return None

    def update_shard_count(
        self,
        ctx: Context,
        *,
        TargetShardCount: int,
        ScalingType: str,
        StreamName: str | None = None,
        StreamARN: str | None = None,
    ) -> Answer:
        stream = self._provisioned(ctx, StreamName, StreamARN, "UpdateShardCount")
        count = len(stream.open)
        _check_target(count, TargetShardCount)
        stream.scaled_ms = [ms for ms in stream.scaled_ms if ms > ctx.now_ms - _DAY_MS]
        if len(stream.scaled_ms) >= SCALINGS_A_DAY_MAX:
            raise LimitExceeded(
                f"Rate limit exceeded for stream {stream.name} under account {stream.account}: UpdateShardCount can be "
                f"called {SCALINGS_A_DAY_MAX} times in 24 hours."
            )
        self._check_shards_of_account(ctx, TargetShardCount - count)
        stream.scaled_ms.append(ctx.now_ms)
        self._scale(stream, TargetShardCount)
        self._save(stream)
        return {
            "StreamName": stream.name,
            "StreamARN": stream.arn,
            "CurrentShardCount": count,
            "TargetShardCount": TargetShardCount,
        }

    # ---- steps --------------------------------------------------------------------------------------------------

    def _scale(self, stream: Stream, target: int) -> None:
        """Come to so many shards of the same width: split where a new shard begins, then merge what lies between."""
        starts = uniform_starts(target)
        for start in starts:
            index = next(i for i in reversed(range(len(stream.open))) if stream.open[i][1] <= start)
            number, first = stream.open[index]
            if first != start:
                self._split(stream, self._by_number(stream, number), start)
        wanted = set(starts)
        index = 1
        while index < len(stream.open):
            if stream.open[index][1] in wanted:
                index += 1
                continue
            before, after = (self._by_number(stream, number) for number, _ in stream.open[index - 1 : index + 1])
            self._merge(stream, before, after)

    def _split(self, stream: Stream, shard: Shard, start: bytes) -> None:
        self._close(stream, shard)
        self._add(stream, shard.first_hash, from_number(number_of(start) - 1), [shard.number])
        self._add(stream, start, shard.last_hash, [shard.number])

    def _merge(self, stream: Stream, shard: Shard, other: Shard) -> None:
        self._close(stream, shard)
        self._close(stream, other)
        first, last = min(shard.first_hash, other.first_hash), max(shard.last_hash, other.last_hash)
        self._add(stream, first, last, [shard.number, other.number])

    def _open_first(self, stream: Stream, count: int) -> None:
        """The shards that a stream begins with."""
        starts = uniform_starts(count)
        ends = [from_number(number_of(start) - 1) for start in starts[1:]] + [from_number(HASH_MAX)]
        for first, last in zip(starts, ends, strict=True):
            self._add(stream, first, last, [])

    def _add(self, stream: Stream, first: bytes, last: bytes, parents: list[int]) -> None:
        shard = self._begin_shard(stream, first, last, parents)
        stream.open = sorted((*stream.open, (shard.number, first)), key=lambda each: each[1])

    def _close(self, stream: Stream, shard: Shard) -> None:
        self._end_shard(stream, shard)
        stream.open = [each for each in stream.open if each[0] != shard.number]

    def _begin_shard(self, stream: Stream, first: bytes, last: bytes, parents: list[int]) -> Shard:
        """A new shard, which the caller adds to the open ones."""
        shard = Shard(stream.shards_made, first, last, self.cloud.sequence.next(), parents=parents)
        stream.shards_made += 1
        self._tables.shards.put((stream.id, shard.number), shard)
        return shard

    def _end_shard(self, stream: Stream, shard: Shard) -> None:
        """Close a shard, which the caller takes from the open ones."""
        shard.closed = self.cloud.sequence.next()
        self._tables.shards.put((stream.id, shard.number), shard)
        self._waiters.wake_after_commit(self.cloud.store, (stream.id, shard.number))

    def _by_number(self, stream: Stream, number: int) -> Shard:
        shard = self._tables.shards.get((stream.id, number))
        assert shard is not None, f"shard {number} is open and not there"
        return shard

    def _open_shard(self, stream: Stream, shard_id: str) -> Shard:
        shard = self._shard(stream, shard_id)
        if shard.closed:
            raise ResourceInUse(
                f"Shard {shard.id} in stream {stream.name} under account {stream.account} has already been merged or "
                "split, and thus is not eligible for merging or splitting."
            )
        return shard

    def _provisioned(self, ctx: Context, name: str | None, arn: str | None, operation: str) -> Stream:
        stream = self._stream(ctx, name, arn)
        if stream.on_demand:
            raise Validation(
                f"Request is invalid. Stream {stream.name} under account {stream.account} is in On-Demand mode: "
                f"{operation} is for streams in Provisioned mode."
            )
        return stream

    def _check_shards_of_account(self, ctx: Context, more: int) -> None:
        used = self._shards_used(ctx)
        if used + more > SHARDS_OF_ACCOUNT_MAX:
            raise LimitExceeded(
                "This request would exceed the shard limit for the account "
                f"{ctx.account} in {ctx.region}. Current shard count for the account: {used}. Limit: "
                f"{SHARDS_OF_ACCOUNT_MAX}. Number of additional shards that would have resulted from this request: "
                f"{more}. Refer to the AWS Service Limits page "
                "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and how to "
                "request higher limits."
            )

    def _shards_used(self, ctx: Context) -> int:
        """Open shards of provisioned streams: those of others do not count."""
        streams = self._tables.streams.scan((ctx.account, ctx.region))
        return sum(len(stream.open) for _, stream in streams if not stream.on_demand)


def _check_target(count: int, target: int) -> None:
    current = f"Current open shard count: {count} Target shard count: {target}"
    if target > count * 2:
        raise InvalidArgument(f"UpdateShardCount cannot scale up over double your current open shard count. {current}")
    if target * 2 < count:
        raise InvalidArgument(f"UpdateShardCount cannot scale down below half your current open shard count. {current}")
    if target > SHARDS_OF_STREAM_MAX:
        raise LimitExceeded(f"UpdateShardCount cannot scale to more than {SHARDS_OF_STREAM_MAX} shards. {current}")
