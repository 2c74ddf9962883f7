"""Consumers with throughput of their own. https://docs.aws.amazon.com/streams/latest/dev/enhanced-consumers.html"""

from collections.abc import AsyncIterator
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.service import Answer
from fogbank.services.kinesis.errors import (
    ExpiredNextToken,
    InvalidArgument,
    LimitExceeded,
    ResourceInUse,
    ResourceNotFound,
)
from fogbank.services.kinesis.reading import PAGE_RECORDS_MAX, Page
from fogbank.services.kinesis.records import Consumer, Shard, Stream
from fogbank.services.kinesis.sequence_numbers import sequence_text
from fogbank.services.kinesis.stream_operations import StreamOperations, check_tags
from fogbank.services.kinesis.throughput import READ_BYTES_S, Bucket
from fogbank.services.kinesis.tokens import make_token, read_token

CONSUMERS_MAX = 20
SUBSCRIPTION_MS = 300_000
RENEWAL_MS = 5_000
"""How long after a subscription began another one is refused."""
HEARTBEAT_S = 5.0
EVENT_BYTES_MAX = 1024 * 1024
_PAGE = 100
_TOKEN_MS = 300_000


class Consumers(StreamOperations):
    """The operations on consumers, of `KinesisService`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._subscribed_ms: dict[tuple[int, str, int], int] = {}
        """When the latest subscription of a consumer to a shard began."""

    def register_stream_consumer(
        self, ctx: Context, *, StreamARN: str, ConsumerName: str, Tags: dict[str, str] | None = None
    ) -> Answer:
        stream = self._stream(ctx, None, StreamARN, shared=True)
        key = (stream.id, ConsumerName)
        if self._tables.consumers.get(key) is not None:
            raise ResourceInUse(
                f"Consumer {ConsumerName} under stream {stream.name} already exists for account {ctx.account}."
            )
        if self._tables.consumers.count((stream.id,)) >= CONSUMERS_MAX:
            raise LimitExceeded(
                f"This request would exceed the limit of {CONSUMERS_MAX} consumers of stream {stream.name}."
            )
        check_tags(ctx, Tags or {})
        consumer = Consumer(ConsumerName, ctx.now_ms, Tags or {})
        self._tables.consumers.put(key, consumer)
        # It is active at once; AWS answers before it is.
        return {"Consumer": _described(stream, consumer) | {"ConsumerStatus": "CREATING"}}

    def deregister_stream_consumer(
        self,
        ctx: Context,
        *,
        StreamARN: str | None = None,
        ConsumerName: str | None = None,
        ConsumerARN: str | None = None,
    ) -> Answer:
        stream, consumer = self._consumer(ctx, StreamARN, ConsumerName, ConsumerARN)
        self._tables.consumers.delete((stream.id, consumer.name))
        return None

    def describe_stream_consumer(
        self,
        ctx: Context,
        *,
        StreamARN: str | None = None,
        ConsumerName: str | None = None,
        ConsumerARN: str | None = None,
    ) -> Answer:
        stream, consumer = self._consumer(ctx, StreamARN, ConsumerName, ConsumerARN)
        return {"ConsumerDescription": _described(stream, consumer) | {"StreamARN": stream.arn}}

    def list_stream_consumers(
        self,
        ctx: Context,
        *,
        StreamARN: str,
        NextToken: str | None = None,
        MaxResults: int = _PAGE,
        StreamCreationTimestamp: float | None = None,
    ) -> Answer:
        stream = self._stream(ctx, None, StreamARN, shared=True)
        if StreamCreationTimestamp is not None and int(StreamCreationTimestamp) != stream.created_ms // 1000:
            raise ResourceNotFound(f"Stream {stream.name} under account {stream.account} not found.")
        after = None
        if NextToken is not None:
            name, made_ms = read_token(NextToken, type=tuple[str, int])
            if ctx.now_ms - made_ms > _TOKEN_MS:
                raise ExpiredNextToken("The pagination token has expired: it is good for 300 seconds.")
            after = (stream.id, name)
        found = self._tables.consumers.scan((stream.id,), after=after, limit=MaxResults + 1)
        consumers = [consumer for _, consumer in found]
        answer: dict[str, Any] = {"Consumers": [_described(stream, each) for each in consumers[:MaxResults]]}
        if len(consumers) > MaxResults:
            answer["NextToken"] = make_token((consumers[MaxResults - 1].name, ctx.now_ms))
        return answer

    def subscribe_to_shard(
        self, ctx: Context, *, ConsumerARN: str, ShardId: str, StartingPosition: dict[str, Any]
    ) -> Answer:
        """Events come for five minutes, as soon as records do and 2 MB a second at most, of which calls of GetRecords
        and other consumers take nothing. Another subscription takes this one's place.
        """
        stream, consumer = self._consumer(ctx, None, None, ConsumerARN)
        shard = self._shard(stream, ShardId)
        place = (stream.id, consumer.name, shard.number)
        began_ms = self._subscribed_ms.get(place)
        if began_ms is not None and ctx.now_ms - began_ms < RENEWAL_MS:
            self._metrics.subscribed(stream, consumer.name, accepted=False)
            raise ResourceInUse(
                f"Another active subscription exists for this consumer: {ctx.account}:{consumer.name} and shard "
                f"{ShardId}"
            )
        position = self._position(
            ctx,
            stream,
            shard,
            StartingPosition["Type"],
            StartingPosition.get("SequenceNumber"),
            StartingPosition.get("Timestamp"),
        )
        self._subscribed_ms[place] = ctx.now_ms
        self._metrics.subscribed(stream, consumer.name, accepted=True)
        return {"EventStream": self._events(ctx, stream, place, position)}

    def consumer_arn(self, ctx: Context, stream_arn: str, name: str) -> str:
        """A consumer's ARN; the end of one that is not there may be any."""
        try:
            return _arn(*self._consumer(ctx, stream_arn, name, None))
        except AwsError:
            return f"{stream_arn}/consumer/{name}:*"

    # ---- steps --------------------------------------------------------------------------------------------------

    async def _events(
        self, ctx: Context, stream: Stream, place: tuple[int, str, int], position: int
    ) -> AsyncIterator[dict[str, Any]]:
        try:
            async for event in self._until_over(ctx, stream, place, position):
                yield event
        finally:
            if self._subscribed_ms.get(place) == ctx.now_ms:
                del self._subscribed_ms[place]

    async def _until_over(
        self, ctx: Context, stream: Stream, place: tuple[int, str, int], position: int
    ) -> AsyncIterator[dict[str, Any]]:
        clock = self.cloud.clock
        _, name, number = place
        key = (stream.account, stream.region, stream.name)
        throughput = Bucket(READ_BYTES_S, ctx.now_ms)
        with self._waiters.waiting((stream.id, number)) as arrived:
            while clock.now_ms() - ctx.now_ms < SUBSCRIPTION_MS and self._subscribed_ms.get(place) == ctx.now_ms:
                arrived.clear()
                present = self._tables.streams.peek(key)
                shard = self._tables.shards.get((stream.id, number))
                if present is None or shard is None or self._tables.consumers.get((stream.id, name)) is None:
                    raise ResourceNotFound(f"Consumer {name}, account {stream.account} not found.")
                now = ctx.refreshed()
                page = self._page(now, present, shard, position, PAGE_RECORDS_MAX, bytes_max=EVENT_BYTES_MAX)
                self._metrics.pushed(present, name, len(page.records), page.size, page.behind_ms)
                throughput.refill(now.now_ms)
                throughput.tokens -= page.size
                yield {"SubscribeToShardEvent": self._event(present, shard, page)}
                position = page.position
                if page.ended:
                    return
                if not page.behind_ms:
                    await clock.wait(arrived, HEARTBEAT_S)
                throughput.refill(clock.now_ms())
                if pause_s := throughput.pause_s():
                    await clock.sleep(pause_s)

    def _event(self, stream: Stream, shard: Shard, page: Page) -> dict[str, Any]:
        event: dict[str, Any] = {"Records": page.records, "MillisBehindLatest": page.behind_ms}
        if page.ended:
            # Of a shard that has ended nothing goes on; the Kinesis Client Library takes no event that has both.
            return event | {"ChildShards": self._children(stream, shard)}
        return event | {"ContinuationSequenceNumber": sequence_text(max(page.position - 1, 0), shard.number)}

    def _consumer(
        self, ctx: Context, stream_arn: str | None, name: str | None, arn: str | None
    ) -> tuple[Stream, Consumer]:
        """The consumer that is named by its ARN, or by its stream's and its name."""
        created_s = None
        if arn is not None:
            stream_arn, _, named = arn.partition("/consumer/")
            name, _, created_s = named.partition(":")
        if stream_arn is None or name is None:
            raise InvalidArgument("Either ConsumerARN, or StreamARN and ConsumerName must be given.")
        stream = self._stream(ctx, None, stream_arn)
        consumer = self._tables.consumers.get((stream.id, name))
        if consumer is None or created_s not in (None, str(consumer.created_ms // 1000)):
            raise ResourceNotFound(f"Consumer {name}, account {stream.account} not found.")
        return stream, consumer


def _described(stream: Stream, consumer: Consumer) -> dict[str, Any]:
    return {
        "ConsumerName": consumer.name,
        "ConsumerARN": _arn(stream, consumer),
        "ConsumerStatus": "ACTIVE",
        "ConsumerCreationTimestamp": consumer.created_ms / 1000,
    }


def _arn(stream: Stream, consumer: Consumer) -> str:
    return f"{stream.arn}/consumer/{consumer.name}:{consumer.created_ms // 1000}"
