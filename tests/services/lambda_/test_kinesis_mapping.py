"""Functions that read Kinesis streams: order through resharding, positions, failures."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.patience import eventually
from tests.services.lambda_.test_invocation import create as create_function
from tests.services.lambda_.test_invocation import package

TELL = """
import base64, boto3, json, os
def handler(event, context):
    texts = [base64.b64decode(record["kinesis"]["data"]).decode() for record in event["Records"]]
    if "bad" in texts: raise ValueError
    queue = boto3.client("sqs")
    for text, record in zip(texts, event["Records"]):
        queue.send_message(QueueUrl=os.environ["OUT"], MessageBody=json.dumps([text, record]))
"""


COUNT = """
import boto3, json, os
def handler(event, context):
    sizes = [len(record["kinesis"]["data"]) for record in event["Records"]]
    boto3.client("sqs").send_message(QueueUrl=os.environ["OUT"], MessageBody=json.dumps(sizes))
"""


class Reading:
    """A stream, a function that reads it, and the queue where the function tells what it got."""

    def __init__(self, aws: Aws, shards: int = 1) -> None:
        self.kinesis, self.functions, self.sqs = aws("kinesis"), aws("lambda"), aws("sqs")
        self.kinesis.create_stream(StreamName="s", ShardCount=shards)
        self.arn = self.kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
        self._url = self.sqs.create_queue(QueueName="out")["QueueUrl"]
        create_function(self.functions, "f", TELL, Environment={"Variables": {"OUT": self._url}})

    def begin(self, position: str = "TRIM_HORIZON", **settings: Any) -> Any:
        wanted = {"FunctionName": "f", "EventSourceArn": self.arn, "StartingPosition": position}
        return self.functions.create_event_source_mapping(**wanted | settings)

    def put(self, *texts: str, key: str = "k") -> None:
        for text in texts:
            self.kinesis.put_record(StreamName="s", Data=text.encode(), PartitionKey=key)

    def told(self, number: int) -> list[tuple[str, dict[str, Any]]]:
        return [tuple(json.loads(body)) for body in self.bodies(number)]

    def bodies(self, number: int) -> list[str]:
        """What the function said, once it has said so much."""
        found: list[str] = []

        def all_there() -> bool:
            answer = self.sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", ()):
                self.sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                found.append(message["Body"])
            return len(found) >= number

        eventually(all_there)
        return found


def test_a_function_gets_the_records_of_a_stream(aws: Aws, account: str) -> None:
    reading = Reading(aws)
    reading.put("a")
    made = reading.begin(BatchSize=10)
    assert (made["StartingPosition"], made["State"]) == ("TRIM_HORIZON", "Creating")
    ((text, record),) = reading.told(1)
    assert text == "a"
    shard, _, number = record["eventID"].partition(":")
    assert (shard, number) == ("shardId-000000000000", record["kinesis"]["sequenceNumber"])
    assert record["kinesis"] | {"sequenceNumber": "", "approximateArrivalTimestamp": 0} == {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": "k",
        "sequenceNumber": "",
        "data": base64.b64encode(b"a").decode(),
        "approximateArrivalTimestamp": 0,
    }
    assert record["eventName"] == "aws:kinesis:record"
    assert record["eventSourceARN"] == reading.arn
    assert record["invokeIdentityArn"].startswith("arn:aws:iam::")


def test_the_records_of_a_key_keep_their_order_through_resharding(aws: Aws, clock: MovableClock) -> None:
    reading = Reading(aws)
    reading.put("1", "2")
    reading.kinesis.split_shard(StreamName="s", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    reading.put("3", "4")
    reading.kinesis.merge_shards(
        StreamName="s", ShardToMerge="shardId-000000000001", AdjacentShardToMerge="shardId-000000000002"
    )
    reading.put("5")
    reading.begin()
    assert [text for text, _ in reading.told(5)] == ["1", "2", "3", "4", "5"]


def test_a_consumer_of_its_own_is_pushed_to_through_resharding(aws: Aws, clock: MovableClock) -> None:
    reading = Reading(aws)
    reading.put("1", "2")
    consumer = reading.kinesis.register_stream_consumer(StreamARN=reading.arn, ConsumerName="c")["Consumer"]
    made = reading.begin(EventSourceArn=consumer["ConsumerARN"])
    assert made["EventSourceArn"] == consumer["ConsumerARN"]
    told = reading.told(2)
    assert {record["eventSourceARN"] for _, record in told} == {consumer["ConsumerARN"]}
    reading.put("3")
    told += reading.told(1)
    clock.advance(s=301)  # A subscription is over after five minutes, and the next one goes on.
    reading.put("4")
    told += reading.told(1)
    reading.kinesis.split_shard(StreamName="s", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    reading.put("5")
    told += reading.told(1)
    assert [text for text, _ in told] == ["1", "2", "3", "4", "5"]


def test_a_consumer_of_its_own_takes_nothing_of_what_others_may_read(aws: Aws, clock: MovableClock) -> None:
    reading = Reading(aws)
    consumer = reading.kinesis.register_stream_consumer(StreamARN=reading.arn, ConsumerName="c")["Consumer"]
    reading.begin(EventSourceArn=consumer["ConsumerARN"])
    reading.put("a")
    reading.told(1)
    shard = {"StreamName": "s", "ShardId": "shardId-000000000000"}
    iterator = reading.kinesis.get_shard_iterator(**shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    for _ in range(5):
        assert len(reading.kinesis.get_records(ShardIterator=iterator)["Records"]) == 1


def test_a_consumer_that_is_not_there_cannot_be_mapped(aws: Aws) -> None:
    reading = Reading(aws)
    with pytest.raises(ClientError, match="Stream not found"):
        reading.begin(EventSourceArn=f"{reading.arn}/consumer/c:1")


def test_a_batch_fits_into_an_invocation(aws: Aws, clock: MovableClock) -> None:
    reading = Reading(aws)
    functions = reading.functions
    functions.update_function_code(FunctionName="f", ZipFile=package(COUNT))
    for _ in range(8):
        reading.put("x" * 900_000)
        clock.advance(s=1)
    reading.begin(BatchSize=10_000)
    told = [json.loads(text) for text in reading.bodies(2)]
    assert [len(sizes) for sizes in told] == [4, 4]


def test_a_mapping_begins_at_its_position(aws: Aws, clock: MovableClock) -> None:
    reading = Reading(aws)
    reading.put("old")
    clock.advance(s=60)
    moment = datetime.fromtimestamp(clock.now_ms() // 1000, UTC)
    clock.advance(s=60)
    reading.put("new")
    made = reading.begin("AT_TIMESTAMP", StartingPositionTimestamp=moment)
    assert made["StartingPositionTimestamp"] == moment
    assert [text for text, _ in reading.told(1)] == ["new"]


@pytest.mark.parametrize(
    "settings", [{"position": "AT_TIMESTAMP"}, {"StartingPositionTimestamp": datetime(2020, 1, 1, tzinfo=UTC)}]
)
def test_a_time_belongs_to_one_position(aws: Aws, settings: dict[str, Any]) -> None:
    reading = Reading(aws)
    with pytest.raises(ClientError, match="StartingPositionTimestamp must be given"):
        reading.begin(**settings)


def test_the_record_that_fails_is_found_by_halving_and_told_of(aws: Aws, clock: MovableClock) -> None:
    reading = Reading(aws)
    dead = reading.sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = reading.arn.replace(":kinesis:", ":sqs:").replace(":stream/s", ":dead")
    reading.put("a", "bad", "b")
    reading.begin(
        MaximumRetryAttempts=0,
        BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    assert sorted(text for text, _ in reading.told(2)) == ["a", "b"]
    letters = reading.sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=20)["Messages"]
    info = json.loads(letters[0]["Body"])["KinesisBatchInfo"]
    assert (info["batchSize"], info["streamArn"], info["shardId"]) == (1, reading.arn, "shardId-000000000000")


def test_a_record_that_grew_too_old_is_told_of_without_how_its_last_attempt_ended(
    aws: Aws, clock: MovableClock
) -> None:
    reading = Reading(aws)
    dead = reading.sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = reading.arn.replace(":kinesis:", ":sqs:").replace(":stream/s", ":dead")
    made = reading.begin(MaximumRecordAgeInSeconds=60, DestinationConfig={"OnFailure": {"Destination": arn}})
    reading.put("bad")

    def failed() -> bool:
        found = reading.functions.get_event_source_mapping(UUID=made["UUID"])["LastProcessingResult"]
        return bool(found == "PROBLEM: Function call failed")

    eventually(failed)
    clock.advance(s=61)
    (letter,) = reading.sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=20)["Messages"]
    told = json.loads(letter["Body"])
    assert told["requestContext"]["condition"] == "RecordAgeExceeded"
    assert told["requestContext"]["approximateInvokeCount"] >= 1
    assert "responseContext" not in told


def test_a_record_is_wanted_as_long_as_its_stream_keeps_it(aws: Aws, clock: MovableClock) -> None:
    reading = Reading(aws)
    reading.kinesis.increase_stream_retention_period(StreamName="s", RetentionPeriodHours=48)
    reading.put("old")
    clock.advance(s=30 * 3600)
    reading.begin()
    assert [text for text, _ in reading.told(1)] == ["old"]


def test_a_mapping_counts_its_events_if_it_is_asked_to(aws: Aws, clock: MovableClock) -> None:
    reading = Reading(aws)
    dead = reading.sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = reading.arn.replace(":kinesis:", ":sqs:").replace(":stream/s", ":dead")
    for text in ('{"n": 1}', '{"n": 2}', '{"n": 3, "text": "bad"}'):
        reading.put(text)
    reading.functions.update_function_code(
        FunctionName="f", ZipFile=package(TELL.replace('"bad" in texts', "len(texts) == 2"))
    )
    made = reading.begin(
        FilterCriteria={"Filters": [{"Pattern": '{"data": {"n": [{"numeric": [">", 1]}]}}'}]},
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": arn}},
        MetricsConfig={"Metrics": ["EventCount"]},
    )
    assert made["MetricsConfig"] == {"Metrics": ["EventCount"]}
    assert reading.sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=20)["Messages"]
    cloudwatch = aws("cloudwatch")
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)

    def total(fate: str) -> float:
        answer = cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=f"{fate}EventCount",
            Dimensions=[{"Name": "EventSourceMappingUUID", "Value": made["UUID"]}],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=3600,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in answer["Datapoints"])

    fates = ("Polled", "FilteredOut", "Invoked", "FailedInvoke", "Dropped", "OnFailureDestinationDelivered")
    eventually(lambda: total("OnFailureDestinationDelivered") == 2)
    assert [total(fate) for fate in fates] == [3, 1, 2, 2, 2, 2]


def test_metrics_of_other_sources_are_refused(aws: Aws) -> None:
    reading = Reading(aws)
    with pytest.raises(ClientError, match="Unsupported Metrics"):
        reading.begin(MetricsConfig={"Metrics": ["KafkaMetrics"]})


def test_the_records_of_a_key_keep_their_order_beside_those_of_others(aws: Aws) -> None:
    reading = Reading(aws)
    keys = [f"key-{number % 7}" for number in range(35)]
    records = [{"Data": f"{number}".encode(), "PartitionKey": key} for number, key in enumerate(keys)]
    reading.kinesis.put_records(StreamName="s", Records=records)
    reading.begin(ParallelizationFactor=10, BatchSize=2)
    told = reading.told(35)
    for key in set(keys):
        own = [int(text) for text, record in told if record["kinesis"]["partitionKey"] == key]
        assert own == [number for number, other in enumerate(keys) if other == key]
    assert sorted(int(text) for text, _ in told) == list(range(35))
