"""What every operation of Kinesis stands on: finding streams and shards."""

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.service import Service
from fogbank.services.kinesis.errors import InvalidArgument, ResourceNotFound
from fogbank.services.kinesis.records import KinesisTables, Shard, Stream, shard_number
from fogbank.services.kinesis.throughput import Throughputs


class KinesisBase(Service):
    """The common steps of the operations of `KinesisService`; all in the caller's transaction."""

    name = "kinesis"
    data_operations = frozenset(("GetRecords", "GetShardIterator", "PutRecord", "PutRecords", "SubscribeToShard"))

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = KinesisTables(cloud.store)
        self._throughputs = Throughputs()

    def _stream(self, ctx: Context, name: str | None, arn: str | None, *, shared: bool = False) -> Stream:
        """The stream that is named by its name, its ARN or both. A `shared` one must not be changed.

        Streams of other accounts are found by their ARN; that a policy must allow it comes with IAM's enforcement.
        """
        account, region = ctx.account, ctx.region
        if arn is not None:
            parsed = parse_arn(arn)
            if parsed is None or not parsed.resource.startswith("stream/"):
                raise InvalidArgument(f"StreamARN {arn} is not valid")
            named = parsed.resource.removeprefix("stream/")
            if name is not None and name != named:
                raise InvalidArgument("StreamName and StreamARN do not name the same stream")
            account, region, name = parsed.account, parsed.region, named
            if region != ctx.region:
                raise ResourceNotFound(f"Stream {name} under account {account} not found.")
        if name is None:
            raise InvalidArgument("Either StreamName or StreamARN must be given")
        key = (account, region, name)
        stream = self._tables.streams.peek(key) if shared else self._tables.streams.get(key)
        if stream is None:
            raise ResourceNotFound(f"Stream {name} under account {account} not found.")
        return stream

    def _save(self, stream: Stream) -> None:
        self._tables.streams.put((stream.account, stream.region, stream.name), stream)

    def _shard(self, stream: Stream, shard_id: str) -> Shard:
        number = shard_number(shard_id)
        shard = self._tables.shards.get((stream.id, number)) if number is not None else None
        if shard is None:
            raise ResourceNotFound(
                f"Shard {shard_id} in stream {stream.name} under account {stream.account} does not exist"
            )
        return shard
