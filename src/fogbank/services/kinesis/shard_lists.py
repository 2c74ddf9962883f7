"""Lists of shards. https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html"""

from collections.abc import Iterator
from typing import Any

from fogbank.core.context import Context
from fogbank.core.sequence import number_at
from fogbank.core.service import Answer
from fogbank.services.kinesis.base import KinesisBase
from fogbank.services.kinesis.errors import ExpiredNextToken, InvalidArgument, ResourceNotFound
from fogbank.services.kinesis.reading import hash_range
from fogbank.services.kinesis.records import Shard, Stream, shard_id, shard_number
from fogbank.services.kinesis.sequence_numbers import sequence_text
from fogbank.services.kinesis.tokens import make_token, read_token

_TOKEN_MS = 300_000
_PAGE = 1000
_HOUR_MS = 3_600_000


class ShardLists(KinesisBase):
    """ListShards, and the shards that DescribeStream shows."""

    def list_shards(
        self,
        ctx: Context,
        *,
        StreamName: str | None = None,
        StreamARN: str | None = None,
        NextToken: str | None = None,
        ExclusiveStartShardId: str | None = None,
        MaxResults: int = _PAGE,
        StreamCreationTimestamp: float | None = None,
        ShardFilter: dict[str, Any] | None = None,
    ) -> Answer:
        wanted = ShardFilter or {"Type": "FROM_TRIM_HORIZON"}
        after = ExclusiveStartShardId
        if NextToken is not None:
            if StreamName is not None or ExclusiveStartShardId is not None or StreamCreationTimestamp is not None:
                raise InvalidArgument("NextToken and StreamName cannot be provided together.")
            StreamName, after, made_ms, wanted = _read_token(NextToken)
            if ctx.now_ms - made_ms > _TOKEN_MS:
                raise ExpiredNextToken("The pagination token has expired: it is good for 300 seconds.")
        stream = self._stream(ctx, StreamName, StreamARN, shared=True)
        if StreamCreationTimestamp is not None and int(StreamCreationTimestamp) != stream.created_ms // 1000:
            raise ResourceNotFound(f"Stream {stream.name} under account {stream.account} not found.")
        shards: list[Shard] = []
        for shard in self._filtered(ctx, stream, wanted, after):
            if len(shards) == MaxResults:
                token = make_token((stream.name, shards[-1].id, ctx.now_ms, wanted))
                return {"Shards": [self._shown(stream, each) for each in shards], "NextToken": token}
            shards.append(shard)
        return {"Shards": [self._shown(stream, each) for each in shards]}

    def _filtered(self, ctx: Context, stream: Stream, wanted: dict[str, Any], after: str | None) -> Iterator[Shard]:
        horizon = number_at(ctx.now_ms - stream.retention_h * _HOUR_MS)
        kind = wanted["Type"]
        if kind == "AFTER_SHARD_ID":
            if "ShardId" not in wanted:
                raise InvalidArgument("ShardId must be provided for a ShardFilter of type AFTER_SHARD_ID.")
            after = max(after or "", wanted["ShardId"])
        moment = horizon
        if kind in ("AT_TIMESTAMP", "FROM_TIMESTAMP"):
            if "Timestamp" not in wanted:
                raise InvalidArgument(f"Timestamp must be provided for a ShardFilter of type {kind}.")
            moment = max(number_at(max(int(wanted["Timestamp"] * 1000), 0)), horizon)
        for shard in self._shards_of(stream, after):
            if shard.closed and shard.closed < horizon:
                continue  # All of its records are too old.
            match kind:
                case "AT_LATEST":
                    fits = not shard.closed
                case "AT_TRIM_HORIZON" | "AT_TIMESTAMP":
                    # A stream that is younger than the moment begins with its first shards.
                    opened = shard.opened <= moment or not shard.parents
                    fits = opened and (not shard.closed or shard.closed > moment)
                case "FROM_TIMESTAMP":
                    fits = not shard.closed or shard.closed > moment
                case _:
                    fits = True
            if fits:
                yield shard

    def _shards_of(self, stream: Stream, after: str | None) -> Iterator[Shard]:
        """The shards behind that one, in the order of their ids."""
        start: tuple[int, int] | None = None
        if after is not None:
            number = shard_number(after)
            if number is None:
                raise InvalidArgument(f"{after} is not the id of a shard.")
            start = (stream.id, number)
        for _, shard in self._tables.shards.scan((stream.id,), after=start):
            yield shard

    def _shown(self, stream: Stream, shard: Shard) -> dict[str, Any]:
        numbers = {"StartingSequenceNumber": sequence_text(shard.opened, shard.number)}
        if shard.closed:
            numbers["EndingSequenceNumber"] = sequence_text(shard.closed, shard.number)
        shown: dict[str, Any] = {"ShardId": shard.id}
        if shard.parents:
            shown["ParentShardId"] = shard_id(shard.parents[0])
            if len(shard.parents) > 1:
                shown["AdjacentParentShardId"] = shard_id(shard.parents[1])
        return shown | {"HashKeyRange": hash_range(shard), "SequenceNumberRange": numbers}


def stream_of_token(token: str) -> str:
    """The name of the stream that a page's token goes on with. Raises InvalidArgument."""
    return _read_token(token)[0]


def _read_token(token: str) -> tuple[str, str, int, dict[str, Any]]:
    return read_token(token, type=tuple[str, str, int, dict[str, Any]])
