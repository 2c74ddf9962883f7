"""Consumers with throughput of their own, and what they subscribe to."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.services.kinesis.conftest import MakeStream, iterator, put


@pytest.fixture
def consumer(kinesis: Any, make_stream: MakeStream) -> str:
    arn: str = kinesis.register_stream_consumer(StreamARN=make_stream(shards=1), ConsumerName="c")["Consumer"][
        "ConsumerARN"
    ]
    return arn


Subscribe = Callable[..., Iterator[dict[str, Any]]]


@pytest.fixture
def subscribe(kinesis: Any, consumer: str) -> Iterator[Subscribe]:
    """Subscribes the consumer to the first shard; gives the events as they come."""
    with ExitStack() as stack:

        def begin(kind: str = "TRIM_HORIZON", **more: str) -> Iterator[dict[str, Any]]:
            answer = kinesis.subscribe_to_shard(
                ConsumerARN=consumer, ShardId="shardId-000000000000", StartingPosition={"Type": kind, **more}
            )
            stream = stack.enter_context(closing(answer["EventStream"]))
            return (event["SubscribeToShardEvent"] for event in stream)

        yield begin


def test_consumers_are_registered_described_and_listed(kinesis: Any, consumer: str) -> None:
    stream = consumer.partition("/consumer/")[0]
    kinesis.register_stream_consumer(StreamARN=stream, ConsumerName="a")
    page = kinesis.list_stream_consumers(StreamARN=stream, MaxResults=1)
    rest = kinesis.list_stream_consumers(StreamARN=stream, NextToken=page["NextToken"])
    assert [each["ConsumerName"] for each in (*page["Consumers"], *rest["Consumers"])] == ["a", "c"]
    found = kinesis.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]
    assert (found["ConsumerName"], found["ConsumerStatus"], found["StreamARN"]) == ("c", "ACTIVE", stream)
    with pytest.raises(ClientError, match="ResourceInUseException"):
        kinesis.register_stream_consumer(StreamARN=stream, ConsumerName="c")
    kinesis.deregister_stream_consumer(StreamARN=stream, ConsumerName="c")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        kinesis.describe_stream_consumer(ConsumerARN=consumer)


def test_a_subscription_brings_what_is_there_and_what_comes(kinesis: Any, subscribe: Subscribe) -> None:
    put(kinesis, "a")
    events = subscribe()
    first = next(events)
    assert [record["Data"] for record in first["Records"]] == [b"a"]
    assert first["ContinuationSequenceNumber"] == first["Records"][-1]["SequenceNumber"]
    put(kinesis, "b")
    second = next(events)
    assert [record["Data"] for record in second["Records"]] == [b"b"]


def test_a_subscription_goes_on_behind_a_sequence_number(kinesis: Any, subscribe: Subscribe) -> None:
    first, _ = put(kinesis, "a", "b")
    events = subscribe("AFTER_SEQUENCE_NUMBER", SequenceNumber=first)
    assert [record["Data"] for record in next(events)["Records"]] == [b"b"]


def test_a_new_subscription_takes_the_place_of_one_that_is_five_seconds_old(
    kinesis: Any, subscribe: Subscribe, clock: MovableClock
) -> None:
    old = subscribe()
    with pytest.raises(ClientError, match="Another active subscription exists"):
        subscribe()
    clock.advance(s=5)
    new = subscribe()
    put(kinesis, "a")
    assert [record["Data"] for event in old for record in event["Records"]] == []
    assert [record["Data"] for record in next(new)["Records"]] in ([], [b"a"])


def test_a_subscription_ends_after_five_minutes(kinesis: Any, subscribe: Subscribe, clock: MovableClock) -> None:
    events = subscribe()
    next(events)
    clock.advance(s=300)
    assert all(event["Records"] == [] for event in events)


def test_a_subscription_ends_with_its_shard_and_names_the_children(kinesis: Any, subscribe: Subscribe) -> None:
    events = subscribe()
    put(kinesis, "a")
    kinesis.split_shard(StreamName="clicks", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    seen = list(events)
    assert [record["Data"] for event in seen for record in event["Records"]] == [b"a"]
    assert [child["ShardId"][-1] for child in seen[-1]["ChildShards"]] == ["1", "2"]
    assert ["ContinuationSequenceNumber" in event for event in seen] == [*(True for _ in seen[1:]), False]


def test_a_subscription_brings_two_megabytes_a_second_and_leaves_getrecords_its_own(
    kinesis: Any, subscribe: Subscribe, clock: MovableClock
) -> None:
    for number in range(6):
        kinesis.put_record(StreamName="clicks", Data=bytes([number]) * 1_000_000, PartitionKey="k")
        clock.advance(s=1)
    events = subscribe()
    begun_ms = clock.now_ms()
    seen = [record["Data"][0] for _ in range(3) for record in next(events)["Records"]]
    assert seen == [0, 1, 2]
    rest = Thread(target=lambda: seen.extend(record["Data"][0] for _ in range(3) for record in next(events)["Records"]))
    rest.start()
    assert len(kinesis.get_records(ShardIterator=iterator(kinesis))["Records"]) == 6
    rest.join()
    assert seen == [0, 1, 2, 3, 4, 5]
    assert clock.now_ms() - begun_ms >= 1_000  # In real time: the clock was not moved.


def test_subscriptions_have_metrics_of_their_consumer(
    aws: Aws, kinesis: Any, subscribe: Subscribe, clock: MovableClock
) -> None:
    put(kinesis, "abc", "def")
    next(subscribe())
    with pytest.raises(ClientError, match="ResourceInUseException"):
        subscribe()
    cloudwatch = aws("cloudwatch")
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)

    def total(name: str) -> float:
        answer = cloudwatch.get_metric_statistics(
            Namespace="AWS/Kinesis",
            MetricName=name,
            Dimensions=[{"Name": "StreamName", "Value": "clicks"}, {"Name": "ConsumerName", "Value": "c"}],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=3600,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in answer["Datapoints"])

    assert total("SubscribeToShard.Success") == total("SubscribeToShard.RateExceeded") == 1
    assert total("SubscribeToShardEvent.Records") == 2
    assert total("SubscribeToShardEvent.Bytes") == 8
