"""Records: put, limited, read and forgotten."""

import urllib.request
from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest
from botocore.exceptions import ClientError

from fogbank.services.kinesis.throughput import ShardThroughput
from tests.conftest import Aws, LiveServer, MovableClock
from tests.services.kinesis.conftest import MakeStream, iterator, put, read, texts

HOUR_S = 3600


def test_records_come_back_in_their_order_with_growing_sequence_numbers(kinesis: Any, make_stream: MakeStream) -> None:
    make_stream()
    numbers = put(kinesis, "a", "b")
    numbers.append(kinesis.put_record(StreamName="clicks", Data=b"c", PartitionKey="k")["SequenceNumber"])
    assert numbers == sorted(numbers, key=int)
    found = kinesis.get_records(ShardIterator=iterator(kinesis))
    assert texts(found) == ["a", "b", "c"]
    assert [record["SequenceNumber"] for record in found["Records"]] == numbers
    assert {record["PartitionKey"] for record in found["Records"]} == {"k"}
    assert found["MillisBehindLatest"] == 0


def test_each_type_of_iterator_begins_where_it_says(kinesis: Any, make_stream: MakeStream, clock: MovableClock) -> None:
    make_stream()
    first, second = put(kinesis, "a", "b")
    clock.advance(s=10)
    moment = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    put(kinesis, "c")
    assert read(kinesis, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=second) == ["b", "c"]
    assert read(kinesis, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=first) == ["b", "c"]
    assert read(kinesis, "AT_TIMESTAMP", Timestamp=moment) == ["c"]
    clock.advance(s=1)
    latest = iterator(kinesis, "LATEST")
    put(kinesis, "d")
    assert texts(kinesis.get_records(ShardIterator=latest)) == ["d"]


def test_a_page_ends_at_its_limit_and_the_next_one_goes_on(
    kinesis: Any, make_stream: MakeStream, clock: MovableClock
) -> None:
    make_stream()
    put(kinesis, *"abc")
    put(kinesis, *"de")
    clock.advance(s=2)
    page = kinesis.get_records(ShardIterator=iterator(kinesis), Limit=2)
    assert (texts(page), page["MillisBehindLatest"] >= 2000) == (["a", "b"], True)
    page = kinesis.get_records(ShardIterator=page["NextShardIterator"], Limit=2)
    assert texts(page) == ["c", "d"]
    page = kinesis.get_records(ShardIterator=page["NextShardIterator"])
    assert (texts(page), page["MillisBehindLatest"]) == (["e"], 0)


def test_a_page_has_ten_megabytes_at_most_and_reading_pauses_behind_it(
    kinesis: Any, make_stream: MakeStream, clock: MovableClock
) -> None:
    make_stream()
    for number in range(11):
        put(kinesis, f"{number:02d}" + "x" * 1_000_000)
        clock.advance(s=1)
    with clock.standing():
        page = kinesis.get_records(ShardIterator=iterator(kinesis))
        assert len(page["Records"]) == 10
        with pytest.raises(ClientError, match="ProvisionedThroughputExceededException"):
            kinesis.get_records(ShardIterator=page["NextShardIterator"])
    clock.advance(s=5)
    assert texts(kinesis.get_records(ShardIterator=page["NextShardIterator"]))[0][:2] == "10"


def test_a_shard_is_read_five_times_a_second(kinesis: Any, make_stream: MakeStream, clock: MovableClock) -> None:
    make_stream()
    token = iterator(kinesis)
    exceeded = "Rate exceeded for shard shardId-000000000000 in stream clicks under account"
    with clock.standing():
        for _ in range(5):
            kinesis.get_records(ShardIterator=token)
        with pytest.raises(ClientError, match=exceeded):
            kinesis.get_records(ShardIterator=token)
    clock.advance(s=1)
    kinesis.get_records(ShardIterator=token)


def test_a_shard_takes_a_megabyte_a_second_and_a_request_is_told_what_was_too_much(
    kinesis: Any, make_stream: MakeStream, clock: MovableClock
) -> None:
    make_stream(shards=2)
    low = {"Data": b"x" * 600_000, "PartitionKey": "k", "ExplicitHashKey": "0"}
    high = low | {"ExplicitHashKey": str(2**127)}
    answer = kinesis.put_records(StreamName="clicks", Records=[low, low, high])
    assert answer["FailedRecordCount"] == 1
    _, failed, put_elsewhere = answer["Records"]
    assert failed["ErrorCode"] == "ProvisionedThroughputExceededException"
    assert failed["ErrorMessage"].startswith("Rate exceeded for shard shardId-000000000000 in stream clicks")
    assert put_elsewhere["ShardId"] == "shardId-000000000001"
    clock.advance(s=1)
    kinesis.put_record(StreamName="clicks", **low)


def test_a_shard_takes_a_thousand_records_a_second() -> None:
    shard = ShardThroughput(0)
    assert shard.admitted([1] * 1001, 0) == [True] * 1000 + [False]
    assert shard.admitted([1] * 11, 10) == [True] * 10 + [False]
    assert shard.admitted([1] * 10, 20) is None  # All of them.


KEYS = [
    ({"PartitionKey": "k" * 257}, "ValidationException"),
    ({"PartitionKey": "k", "ExplicitHashKey": str(2**128)}, "InvalidArgumentException"),
    ({"PartitionKey": "k", "ExplicitHashKey": "01"}, "ValidationException"),
    ({"PartitionKey": "k", "SequenceNumberForOrdering": "12"}, "InvalidArgumentException"),
    ({"PartitionKey": "k", "Data": b"x" * (1024 * 1024)}, "InvalidArgumentException"),
]


@pytest.mark.parametrize(("changed", "code"), KEYS)
def test_records_that_no_shard_takes_are_refused(
    kinesis: Any, make_stream: MakeStream, changed: dict[str, Any], code: str
) -> None:
    make_stream()
    with pytest.raises(ClientError) as refused:
        kinesis.put_record(**{"StreamName": "clicks", "Data": b"x", **changed})
    assert refused.value.response["Error"]["Code"] == code
    assert read(kinesis) == []


ITERATORS = [
    ("AT_SEQUENCE_NUMBER", {}, "InvalidArgumentException"),
    ("AT_SEQUENCE_NUMBER", {"StartingSequenceNumber": "12"}, "InvalidArgumentException"),
    ("AT_TIMESTAMP", {}, "InvalidArgumentException"),
    ("AT_TIMESTAMP", {"Timestamp": datetime(2200, 1, 1, tzinfo=UTC)}, "InvalidArgumentException"),
    ("TRIM_HORIZON", {"shard": 1}, "ResourceNotFoundException"),
]


@pytest.mark.parametrize(("kind", "more", "code"), ITERATORS)
def test_iterators_that_begin_nowhere_are_refused(
    kinesis: Any, make_stream: MakeStream, kind: str, more: dict[str, Any], code: str
) -> None:
    make_stream()
    with pytest.raises(ClientError) as refused:
        iterator(kinesis, kind, **more)
    assert refused.value.response["Error"]["Code"] == code


def test_an_iterator_is_good_for_five_minutes(kinesis: Any, make_stream: MakeStream, clock: MovableClock) -> None:
    make_stream()
    token = iterator(kinesis)
    clock.advance(s=290)
    kinesis.get_records(ShardIterator=token)
    clock.advance(s=11)
    with pytest.raises(ClientError, match="ExpiredIteratorException"):
        kinesis.get_records(ShardIterator=token)
    with pytest.raises(ClientError, match="Invalid ShardIterator"):
        kinesis.get_records(ShardIterator="AAAA")


def test_records_are_forgotten_when_the_retention_is_over(
    kinesis: Any, make_stream: MakeStream, clock: MovableClock
) -> None:
    make_stream()
    put(kinesis, "old")
    clock.advance(s=23 * HOUR_S)
    put(kinesis, "new")
    assert read(kinesis) == ["old", "new"]
    clock.advance(s=HOUR_S + 1)
    assert read(kinesis) == ["new"]
    kinesis.increase_stream_retention_period(StreamName="clicks", RetentionPeriodHours=48)
    clock.advance(s=2 * HOUR_S)  # The sweep has removed nothing that the longer retention keeps.
    assert read(kinesis)[-1] == "new"


def test_streams_tell_cloudwatch_what_went_in_and_out(
    aws: Aws, kinesis: Any, make_stream: MakeStream, clock: MovableClock
) -> None:
    make_stream()
    put(kinesis, "abc", "de")
    read(kinesis)
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    for name, value in (("IncomingRecords", 2), ("IncomingBytes", 7), ("GetRecords.Records", 2)):
        found = aws("cloudwatch").get_metric_statistics(
            Namespace="AWS/Kinesis",
            MetricName=name,
            Dimensions=[{"Name": "StreamName", "Value": "clicks"}],
            StartTime=now.replace(hour=0, minute=0),
            EndTime=datetime(2200, 1, 1, tzinfo=UTC),
            Period=86_400 * 400,
            Statistics=["Sum"],
        )["Datapoints"]
        assert [each["Sum"] for each in found] == [value], name


def test_kinesis_speaks_cbor_with_times_in_milliseconds(
    server: LiveServer, kinesis: Any, make_stream: MakeStream, account: str
) -> None:
    make_stream()

    def call(operation: str, **parameters: Any) -> Any:
        request = urllib.request.Request(
            server.endpoint,
            data=cbor2.dumps(parameters),
            headers={
                "content-type": "application/x-amz-cbor-1.1",
                "x-amz-target": f"Kinesis_20131202.{operation}",
                "authorization": f"AWS4-HMAC-SHA256 Credential={account}/20260101/us-east-1/kinesis/aws4_request",
            },
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.headers["content-type"] == "application/x-amz-cbor-1.1"
            return answer.read()

    call("PutRecord", StreamName="clicks", Data=b"\x00\xff", PartitionKey="k")
    token = cbor2.loads(
        call(
            "GetShardIterator",
            StreamName="clicks",
            ShardId="shardId-000000000000",
            ShardIteratorType="AT_TIMESTAMP",
            Timestamp=cbor2.CBORTag(1, 1_000_000_000_000),
        )
    )["ShardIterator"]
    packed = call("GetRecords", ShardIterator=token)
    arrived = kinesis.get_records(ShardIterator=iterator(kinesis))["Records"][0]["ApproximateArrivalTimestamp"]
    # cbor2 takes the number for seconds, which is far behind the years that it knows.
    assert cbor2.dumps(cbor2.CBORTag(1, round(arrived.timestamp() * 1000))) in packed
    assert b"\x00\xff" in packed
