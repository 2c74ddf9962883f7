"""Tables whose changes go to Kinesis streams."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.patience import eventually


class Streamed:
    """A table and a stream of one shard."""

    def __init__(self, aws: Aws) -> None:
        self.dynamodb, self.kinesis = aws("dynamodb"), aws("kinesis")
        self.dynamodb.create_table(
            TableName="things",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        )
        self.kinesis.create_stream(StreamName="changes", ShardCount=1)
        summary = self.kinesis.describe_stream_summary(StreamName="changes")["StreamDescriptionSummary"]
        self.named = {"TableName": "things", "StreamArn": summary["StreamARN"]}

    def enable(self, **settings: Any) -> Any:
        return self.dynamodb.enable_kinesis_streaming_destination(**self.named, **settings)

    def put(self, key: str, value: int) -> None:
        self.dynamodb.put_item(TableName="things", Item={"k": {"S": key}, "v": {"N": str(value)}})

    def changes(self, clock: MovableClock, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        def all_there() -> bool:
            clock.advance(s=1)
            token = self.kinesis.get_shard_iterator(
                StreamName="changes", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            found[:] = [
                json.loads(record["Data"]) for record in self.kinesis.get_records(ShardIterator=token)["Records"]
            ]
            return len(found) >= count

        eventually(all_there)
        return found


@pytest.fixture
def streamed(aws: Aws) -> Streamed:
    return Streamed(aws)


def test_changes_reach_the_stream_in_their_order(streamed: Streamed, clock: MovableClock) -> None:
    assert streamed.enable()["DestinationStatus"] == "ENABLING"
    streamed.put("a", 1)
    streamed.put("a", 2)
    streamed.put("a", 2)  # Changes nothing.
    streamed.dynamodb.delete_item(TableName="things", Key={"k": {"S": "a"}})
    inserted, modified, removed = streamed.changes(clock, 3)
    assert [each["eventName"] for each in (inserted, modified, removed)] == ["INSERT", "MODIFY", "REMOVE"]
    assert (inserted["tableName"], inserted["recordFormat"]) == ("things", "application/json")
    change = modified["dynamodb"]
    assert change["Keys"] == {"k": {"S": "a"}}
    assert (change["OldImage"]["v"], change["NewImage"]["v"]) == ({"N": "1"}, {"N": "2"})
    assert "NewImage" not in removed["dynamodb"]
    assert abs(change["ApproximateCreationDateTime"] - clock.now_ms()) < 60_000


def test_times_can_be_microseconds(streamed: Streamed, clock: MovableClock) -> None:
    streamed.enable(EnableKinesisStreamingConfiguration={"ApproximateCreationDateTimePrecision": "MICROSECOND"})
    streamed.put("a", 1)
    (inserted,) = streamed.changes(clock, 1)
    assert abs(inserted["dynamodb"]["ApproximateCreationDateTime"] / 1000 - clock.now_ms()) < 60_000


def test_what_a_full_shard_refuses_comes_later(streamed: Streamed, clock: MovableClock) -> None:
    streamed.enable()
    for number in range(5):
        streamed.dynamodb.put_item(TableName="things", Item={"k": {"S": str(number)}, "big": {"S": "x" * 390_000}})
    assert [each["dynamodb"]["Keys"]["k"]["S"] for each in streamed.changes(clock, 5)] == ["0", "1", "2", "3", "4"]


def test_a_disabled_destination_gets_nothing_more(streamed: Streamed, clock: MovableClock) -> None:
    streamed.enable()
    streamed.put("a", 1)
    assert streamed.dynamodb.disable_kinesis_streaming_destination(**streamed.named)["DestinationStatus"] == "DISABLING"
    streamed.put("b", 1)
    shown = streamed.dynamodb.describe_kinesis_streaming_destination(TableName="things")[
        "KinesisDataStreamDestinations"
    ]
    assert shown == [{"StreamArn": streamed.named["StreamArn"], "DestinationStatus": "DISABLED"}]
    streamed.enable()
    streamed.put("c", 1)
    assert [each["dynamodb"]["Keys"]["k"]["S"] for each in streamed.changes(clock, 2)] == ["a", "c"]


def test_destinations_that_cannot_be_are_refused(streamed: Streamed) -> None:
    refused = [
        ("enable", {"TableName": "absent"}, "Table: absent not found"),
        ("enable", {"StreamArn": streamed.named["StreamArn"] + "x"}, "not found"),
        ("enable", {"StreamArn": streamed.named["StreamArn"].replace("us-east-1", "eu-west-1")}, "account and region"),
        ("disable", {}, "must be ACTIVE to perform DISABLE"),
        ("update", {}, "cannot be null or contain only null values"),
    ]
    for verb, changed, sentence in refused:
        operation = getattr(streamed.dynamodb, f"{verb}_kinesis_streaming_destination")
        with pytest.raises(ClientError, match=sentence):
            operation(**(streamed.named | changed))
    streamed.enable()
    with pytest.raises(ClientError, match="must be DISABLED to perform ENABLE"):
        streamed.enable()
    precise = {"UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": "MICROSECOND"}}
    streamed.dynamodb.update_kinesis_streaming_destination(**streamed.named, **precise)
    with pytest.raises(ClientError, match="Precision is already set to the desired value of MICROSECOND"):
        streamed.dynamodb.update_kinesis_streaming_destination(**streamed.named, **precise)
