"""Kinesis streams as sources."""

import hashlib
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.services.firehose.kpl import UserRecord, user_records
from tests.conftest import Aws, MovableClock
from tests.services.firehose.conftest import Objects, describe
from tests.services.firehose.test_s3_delivery import metric
from tests.services.firehose.test_transformation import processing, processor
from tests.services.lambda_.test_invocation import create

MINUTE = {"SizeInMBs": 1, "IntervalInSeconds": 60}
TELL = """
import base64, json
def handler(event, context):
    answers = []
    for record in event["records"]:
        told = {**record["kinesisRecordMetadata"], "source": event["sourceKinesisStreamArn"]}
        told["text"] = base64.b64decode(record["data"]).decode()
        answers.append({
            "recordId": record["recordId"],
            "result": "Ok",
            "data": base64.b64encode(json.dumps(told).encode()).decode(),
        })
    return {"records": answers}
"""


def field(number: int, value: int | bytes) -> bytes:
    """A field of protocol buffers with one small tag."""
    if isinstance(value, int):
        return bytes((number << 3, value))
    return bytes((number << 3 | 2, len(value))) + value


def aggregated(*records: tuple[str, bytes]) -> bytes:
    """Records as the Kinesis Producer Library puts them together."""
    keys = b"".join(field(1, key.encode()) for key, _ in records)
    parts = (field(3, field(1, index) + field(3, data)) for index, (_, data) in enumerate(records))
    message = keys + b"".join(parts)
    return b"\xf3\x89\x9a\xc2" + message + hashlib.md5(message).digest()


@pytest.fixture
def kinesis(aws: Aws) -> Any:
    client = aws("kinesis")
    client.create_stream(StreamName="in", ShardCount=2)
    return client


@pytest.fixture
def source(kinesis: Any) -> str:
    arn: str = kinesis.describe_stream_summary(StreamName="in")["StreamDescriptionSummary"]["StreamARN"]
    return arn


def make(firehose: Any, clock: MovableClock, source: str, settings: dict[str, Any], **more: Any) -> None:
    firehose.create_delivery_stream(
        DeliveryStreamName="clicks",
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": source, "RoleARN": settings["RoleARN"]},
        ExtendedS3DestinationConfiguration=settings | {"BufferingHints": MINUTE} | more,
    )
    clock.advance(s=1)


def put(kinesis: Any, *data: str | bytes) -> None:
    records = [{"Data": each, "PartitionKey": str(number)} for number, each in enumerate(data)]
    assert kinesis.put_records(StreamName="in", Records=records)["FailedRecordCount"] == 0


def test_what_comes_after_the_streams_creation_is_delivered(
    aws: Aws,
    firehose: Any,
    kinesis: Any,
    source: str,
    s3_settings: dict[str, Any],
    objects: Objects,
    clock: MovableClock,
) -> None:
    put(kinesis, "before")
    clock.advance(s=2)
    make(firehose, clock, source, s3_settings)
    described = describe(firehose)
    shown = described["Source"]["KinesisStreamSourceDescription"]
    assert (shown["KinesisStreamARN"], shown["RoleARN"]) == (source, s3_settings["RoleARN"])
    assert shown["DeliveryStartTimestamp"] == described["CreateTimestamp"]
    assert firehose.list_delivery_streams(DeliveryStreamType="KinesisStreamAsSource")["DeliveryStreamNames"] == [
        "clicks"
    ]
    put(kinesis, *(f"<{number}>" for number in range(20)))
    ((_, body),) = objects().items()
    assert sorted(body.decode().replace("><", ">|<").split("|")) == sorted(f"<{number}>" for number in range(20))
    assert metric(aws, clock, "DataReadFromKinesisStream.Records") == 20
    assert metric(aws, clock, "KinesisMillisBehindLatest", "Maximum") is not None


def test_records_are_read_through_a_split(
    firehose: Any, kinesis: Any, source: str, s3_settings: dict[str, Any], objects: Objects, clock: MovableClock
) -> None:
    make(firehose, clock, source, s3_settings)
    put(kinesis, "a", "b")
    kinesis.update_shard_count(StreamName="in", TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    put(kinesis, *"cdefgh")
    assert sorted(b"".join(objects().values()).decode()) == list("abcdefgh")


def test_a_function_is_told_where_a_record_comes_from(
    aws: Aws,
    firehose: Any,
    kinesis: Any,
    source: str,
    s3_settings: dict[str, Any],
    objects: Objects,
    clock: MovableClock,
) -> None:
    arn = create(aws("lambda"), "tell", TELL)["FunctionArn"]
    configuration = processing(processor("Lambda", LambdaArn=arn, BufferIntervalInSeconds="1"))
    make(firehose, clock, source, s3_settings, ProcessingConfiguration=configuration)
    answer = kinesis.put_record(StreamName="in", Data=aggregated(("ann", b"one"), ("bob", b"two")), PartitionKey="k")
    ((_, body),) = objects().items()
    first, second = json.loads(body.replace(b"}{", b"},{").join((b"[", b"]")))
    assert first["approximateArrivalTimestamp"] == second["approximateArrivalTimestamp"]
    told = [
        (each["text"], each["partitionKey"], each["shardId"], each["sequenceNumber"], each["subsequenceNumber"])
        for each in (first, second)
    ]
    place = (answer["ShardId"], answer["SequenceNumber"])
    assert told == [("one", "ann", *place, 0), ("two", "bob", *place, 1)]
    assert first["source"] == source


def test_such_a_stream_takes_no_records_from_clients(
    firehose: Any, source: str, s3_settings: dict[str, Any], clock: MovableClock
) -> None:
    make(firehose, clock, source, s3_settings)
    with pytest.raises(ClientError, match="not permitted on KinesisStreamAsSource delivery stream type"):
        firehose.put_record(DeliveryStreamName="clicks", Record={"Data": b"x"})
    with pytest.raises(ClientError, match="Direct PUT source only"):
        firehose.start_delivery_stream_encryption(DeliveryStreamName="clicks")


def test_a_deleted_stream_reads_no_more(
    firehose: Any, kinesis: Any, source: str, s3_settings: dict[str, Any], objects: Objects, clock: MovableClock
) -> None:
    make(firehose, clock, source, s3_settings)
    firehose.delete_delivery_stream(DeliveryStreamName="clicks")
    put(kinesis, "missed")
    clock.advance(s=5)
    make(firehose, clock, source, s3_settings)
    put(kinesis, "seen")
    assert list(objects().values()) == [b"seen"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"DeliveryStreamType": "KinesisStreamAsSource"}, "KinesisStreamSourceConfiguration must be given"),
        ({"DeliveryStreamType": "DirectPut", "KinesisStreamSourceConfiguration": {}}, "and for nothing else"),
        (
            {"DeliveryStreamType": "KinesisStreamAsSource", "KinesisStreamSourceConfiguration": {"name": "none"}},
            "Stream none under account",
        ),
    ],
)
def test_a_source_must_be_there(
    firehose: Any, s3_settings: dict[str, Any], source: str, given: dict[str, Any], sentence: str
) -> None:
    if "KinesisStreamSourceConfiguration" in given:
        name = given["KinesisStreamSourceConfiguration"].get("name", "in")
        arn = source.removesuffix("in") + name
        given = given | {
            "KinesisStreamSourceConfiguration": {"KinesisStreamARN": arn, "RoleARN": s3_settings["RoleARN"]}
        }
    with pytest.raises(ClientError, match=sentence):
        firehose.create_delivery_stream(
            DeliveryStreamName="clicks", ExtendedS3DestinationConfiguration=s3_settings, **given
        )


def test_records_of_the_producer_library_are_taken_apart() -> None:
    assert user_records(aggregated(("ann", b"1"), ("bob", b"")), "k") == [
        UserRecord("ann", b"1"),
        UserRecord("bob", b""),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"plain",
        b"\xf3\x89\x9a\xc2",
        b"\xf3\x89\x9a\xc2" + b"x" * 40,
        aggregated(("ann", b"1"))[:-1] + b"!",
        b"\xf3\x89\x9a\xc2\xff" + hashlib.md5(b"\xff").digest(),
        b"\xf3\x89\x9a\xc2" + field(3, field(1, 5)) + hashlib.md5(field(3, field(1, 5))).digest(),
    ],
)
def test_what_only_looks_like_the_librarys_format_is_left_alone(data: bytes) -> None:
    assert user_records(data, "k") == [UserRecord("k", data)]
