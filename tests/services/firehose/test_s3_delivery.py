"""From buffers to objects in S3."""

import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import Aws, MovableClock
from tests.patience import eventually
from tests.services.firehose.conftest import MakeStream, Objects, put

MINUTE = {"SizeInMBs": 1, "IntervalInSeconds": 60}


def metric(aws: Aws, clock: MovableClock, name: str, statistic: str = "Sum") -> float | None:
    """A metric's statistic over the last hours."""
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    points = aws("cloudwatch").get_metric_statistics(
        Namespace="AWS/Firehose",
        MetricName=name,
        Dimensions=[{"Name": "DeliveryStreamName", "Value": "clicks"}],
        StartTime=now - timedelta(hours=30),
        EndTime=now + timedelta(minutes=1),
        Period=86_400 * 2,
        Statistics=[statistic],
    )["Datapoints"]
    found: float | None = points[0][statistic] if points else None
    return found


def test_what_was_put_is_one_object_when_the_interval_is_over(
    firehose: Any, make_stream: MakeStream, objects: Objects, clock: MovableClock
) -> None:
    make_stream(BufferingHints=MINUTE)
    put(firehose, "one\n", "two\n")
    clock.advance(s=30)
    firehose.put_record(DeliveryStreamName="clicks", Record={"Data": b"three\n"})
    assert objects(0) == {}
    clock.advance(s=31)
    ((key, body),) = objects().items()
    assert body == b"one\ntwo\nthree\n"
    assert re.fullmatch(r"(\d{4})/(\d\d)/(\d\d)/(\d\d)/clicks-1-\1-\2-\3-\4-\d\d-\d\d-[0-9a-f-]{36}", key)


def test_a_full_buffer_is_delivered_at_once(firehose: Any, make_stream: MakeStream, objects: Objects) -> None:
    make_stream(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900}, CompressionFormat="GZIP")
    put(firehose, "a" * 600_000)
    put(firehose, "b" * 600_000)
    ((key, body),) = objects(step_s=0).items()
    assert key.endswith(".gz")
    assert gzip.decompress(body) == b"a" * 600_000 + b"b" * 600_000


def test_without_an_interval_records_are_delivered_within_a_second(
    firehose: Any, make_stream: MakeStream, objects: Objects, clock: MovableClock
) -> None:
    make_stream(BufferingHints={"SizeInMBs": 5, "IntervalInSeconds": 0})
    put(firehose, "a")
    put(firehose, "b")
    clock.advance(s=1)
    assert list(objects(step_s=0).values()) == [b"ab"]


def test_a_large_object_comes_whole(firehose: Any, make_stream: MakeStream, objects: Objects) -> None:
    make_stream(BufferingHints={"SizeInMBs": 20, "IntervalInSeconds": 900})
    sent = b""
    for number in range(7):
        records = [bytes([65 + number]) * 700_000 + str(each).encode() for each in range(5)]
        put(firehose, *records)
        sent += b"".join(records)
    ((_, body),) = objects(step_s=0).items()
    assert body == sent[: len(body)]
    assert len(body) >= 20 * 1024 * 1024


def test_names_have_the_streams_own_time_extension_and_version(
    firehose: Any, make_stream: MakeStream, objects: Objects, clock: MovableClock
) -> None:
    make_stream(
        BufferingHints=MINUTE,
        Prefix="y=!{timestamp:yyyy}/",
        ErrorOutputPrefix="e/!{firehose:error-output-type}/",
        FileExtension=".json",
        CustomTimeZone="Pacific/Kiritimati",
    )
    firehose.update_destination(
        DeliveryStreamName="clicks",
        CurrentDeliveryStreamVersionId="1",
        DestinationId="destinationId-000000000001",
        ExtendedS3DestinationUpdate={"CompressionFormat": "GZIP"},
    )
    put(firehose, "x")
    there = datetime.fromtimestamp(clock.now_ms() / 1000, UTC) + timedelta(hours=14)
    ((key, _),) = objects(step_s=30).items()
    assert key.startswith(f"y={there:%Y}/clicks-2-{there:%Y-%m-%d-%H}")
    assert key.endswith(".json")


def test_a_delimiter_is_put_behind_each_record(firehose: Any, make_stream: MakeStream, objects: Objects) -> None:
    delimiter = {"ParameterName": "Delimiter", "ParameterValue": "\\n"}
    make_stream(
        BufferingHints=MINUTE,
        ProcessingConfiguration={
            "Enabled": True,
            "Processors": [{"Type": "AppendDelimiterToRecord", "Parameters": [delimiter]}],
        },
    )
    put(firehose, "one", "two")
    assert list(objects(step_s=30).values()) == [b"one\ntwo\n"]


def test_source_records_are_backed_up_as_they_came(
    aws: Aws, firehose: Any, make_stream: MakeStream, objects: Objects, s3_settings: dict[str, Any], account: str
) -> None:
    backup = f"backup-{account}"
    aws("s3").create_bucket(Bucket=backup)
    make_stream(
        BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900},
        S3BackupMode="Enabled",
        S3BackupConfiguration=s3_settings
        | {"BucketARN": f"arn:aws:s3:::{backup}", "Prefix": "raw/", "BufferingHints": MINUTE},
    )
    put(firehose, "one", "two")
    ((key, body),) = objects(step_s=30, bucket=backup).items()
    assert body == b"onetwo"
    assert key.startswith("raw/")
    assert objects(0) == {}


def test_a_bucket_that_is_not_there_is_waited_for(
    aws: Aws, firehose: Any, make_stream: MakeStream, objects: Objects, clock: MovableClock, account: str
) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="/errors")
    logs.create_log_stream(logGroupName="/errors", logStreamName="s3")
    later = f"later-{account}"
    make_stream(
        BucketARN=f"arn:aws:s3:::{later}",
        BufferingHints=MINUTE,
        CloudWatchLoggingOptions={"Enabled": True, "LogGroupName": "/errors", "LogStreamName": "s3"},
    )
    put(firehose, "patient")

    def told() -> list[dict[str, Any]]:
        clock.advance(s=30)
        found: list[dict[str, Any]] = logs.get_log_events(logGroupName="/errors", logStreamName="s3")["events"]
        return found

    event = json.loads(eventually(told)[0]["message"])
    assert event == {
        "deliveryStreamARN": f"arn:aws:firehose:us-east-1:{account}:deliverystream/clicks",
        "destination": f"arn:aws:s3:::{later}",
        "deliveryStreamVersionId": 1,
        "message": "The specified bucket does not exist. Create the bucket or use a different bucket that does exist.",
        "errorCode": "S3.NoSuchBucket",
    }
    clock.advance(s=3600)
    aws("s3").create_bucket(Bucket=later)
    assert list(objects(step_s=60, bucket=later).values()) == [b"patient"]
    assert metric(aws, clock, "DeliveryToS3.Success", "Minimum") == 0


def test_what_cannot_be_delivered_for_a_day_is_lost(
    aws: Aws, firehose: Any, make_stream: MakeStream, objects: Objects, clock: MovableClock, account: str
) -> None:
    later = f"later-{account}"
    make_stream(BucketARN=f"arn:aws:s3:::{later}", BufferingHints=MINUTE)
    put(firehose, "lost")

    def tried() -> bool:
        clock.advance(s=61)
        return metric(aws, clock, "DeliveryToS3.Success", "Minimum") == 0

    eventually(tried)
    for _ in range(30):
        clock.advance(s=3000)
    aws("s3").create_bucket(Bucket=later)
    put(firehose, "kept")
    assert list(objects(step_s=60, bucket=later).values()) == [b"kept"]


def test_streams_are_measured(
    aws: Aws, firehose: Any, make_stream: MakeStream, objects: Objects, clock: MovableClock
) -> None:
    make_stream(BufferingHints=MINUTE)
    put(firehose, "one", "three")
    firehose.put_record(DeliveryStreamName="clicks", Record={"Data": b"two"})
    objects(step_s=30)
    expected = {
        "IncomingRecords": 3,
        "IncomingBytes": 11,
        "IncomingPutRequests": 2,
        "PutRecord.Requests": 1,
        "PutRecord.Bytes": 3,
        "PutRecordBatch.Records": 2,
        "PutRecordBatch.Bytes": 8,
        "DeliveryToS3.Records": 3,
        "DeliveryToS3.Bytes": 11,
        "DeliveryToS3.Success": 1,
    }
    eventually(lambda: metric(aws, clock, "DeliveryToS3.Success"))
    assert {name: metric(aws, clock, name) for name in expected} == expected
    assert 60 <= (metric(aws, clock, "DeliveryToS3.DataFreshness", "Maximum") or 0) <= 200


@pytest.mark.parametrize(
    ("records", "sentence"),
    [
        ([b"x" * 1_024_001], "1024000"),
        ([b"x" * 1_000_000] * 5, "4 MB"),
        ([b"x"] * 501, "500"),
    ],
)
def test_a_request_that_is_too_large_is_refused(
    firehose: Any, make_stream: MakeStream, records: list[bytes], sentence: str
) -> None:
    make_stream()
    with pytest.raises(firehose.exceptions.ClientError, match=sentence):
        firehose.put_record_batch(DeliveryStreamName="clicks", Records=[{"Data": data} for data in records])


def test_record_ids_differ(firehose: Any, make_stream: MakeStream) -> None:
    make_stream()
    ids = put(firehose, "a", "b") + put(firehose, "a", "b")
    assert len(set(ids)) == 4
