"""Server access logs come into their target bucket; requests are measured by the filters of a bucket."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import MovableClock

DAY_S = 86_400
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
LINE = re.compile(r'(\[[^\]]*\]|"[^"]*"|\S+)')


@pytest.fixture
def target(s3: Any, bucket: str) -> str:
    name = f"logs-of-{bucket}"
    s3.create_bucket(Bucket=name)
    return name


def keep_log(s3: Any, bucket: str, target: str, **more: Any) -> None:
    wanted = {"TargetBucket": target, "TargetPrefix": "log/", **more}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": wanted})


def delivered(s3: Any, target: str, clock: MovableClock) -> dict[str, list[list[str]]]:
    """The fields of the lines of each log file."""
    clock.advance(s=2)  # Lines are stored,
    clock.advance(s=301)  # and then they are due.
    rows: list[dict[str, Any]] = []
    while not rows:
        rows = s3.list_objects_v2(Bucket=target).get("Contents", [])
    files = {row["Key"]: s3.get_object(Bucket=target, Key=row["Key"])["Body"].read().decode() for row in rows}
    return {key: [LINE.findall(line) for line in text.splitlines()] for key, text in files.items()}


def test_each_request_is_a_line(s3: Any, bucket: str, target: str, account: str, clock: MovableClock) -> None:
    keep_log(s3, bucket, target)
    s3.put_object(Bucket=bucket, Key="a b", Body=b"12345")
    s3.get_object(Bucket=bucket, Key="a b")["Body"].read()
    with pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key="missing")
    s3.list_objects_v2(Bucket=bucket)
    s3.get_bucket_acl(Bucket=bucket)
    ((key, lines),) = delivered(s3, target, clock).items()
    assert re.fullmatch(r"log/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}", key)
    assert {len(line) for line in lines} == {26}
    assert [line[6] for line in lines] == [
        "REST.PUT.OBJECT",
        "REST.GET.OBJECT",
        "REST.GET.OBJECT",
        "REST.GET.BUCKET",
        "REST.GET.ACL",
    ]
    put, got, missed = lines[:3]
    owner = account.rjust(64, "0")
    assert (put[0], put[1], put[4], put[7]) == (owner, bucket, owner, "a%2520b")
    assert put[8].startswith(f'"PUT /{bucket}/a%20b')
    assert got[9:13] == ["200", "-", "5", "5"], "status, error, bytes sent, size of the object"
    assert missed[9:11] == ["404", "NoSuchKey"]
    assert (put[19], put[21]) == ("SigV4", "AuthHeader")


def test_log_files_can_lie_by_day(s3: Any, bucket: str, target: str, account: str, clock: MovableClock) -> None:
    form = {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}
    keep_log(s3, bucket, target, TargetObjectKeyFormat=form)
    s3.head_bucket(Bucket=bucket)
    (key,) = delivered(s3, target, clock)
    day = r"(\d{4})/(\d\d)/(\d\d)/\1-\2-\3-00-00-00-"
    assert re.fullmatch(rf"log/{account}/us-east-1/{bucket}/{day}[0-9A-F]{{16}}", key)


def test_a_file_has_the_events_of_one_day(s3: Any, bucket: str, target: str, clock: MovableClock) -> None:
    keep_log(s3, bucket, target, TargetObjectKeyFormat={"PartitionedPrefix": {"PartitionDateSource": "EventTime"}})
    clock.advance(s=DAY_S - clock.now_ms() / 1000 % DAY_S - 10)
    s3.head_bucket(Bucket=bucket)
    clock.advance(s=20)
    s3.head_bucket(Bucket=bucket)
    delivered(s3, target, clock)
    files = {}
    while len(files) < 2:
        files = delivered(s3, target, clock)
    first, second = (lines for _, lines in sorted(files.items()))
    assert [line[6] for line in first + second] == ["REST.HEAD.BUCKET", "REST.HEAD.BUCKET"]


def test_what_rules_do_is_logged_too(s3: Any, bucket: str, target: str, clock: MovableClock) -> None:
    keep_log(s3, bucket, target)
    rules = [
        {"ID": "1", "Status": "Enabled", "Filter": {"Prefix": "old"}, "Expiration": {"Days": 1}},
        {
            "ID": "2",
            "Status": "Enabled",
            "Filter": {"Prefix": "cold"},
            "Transitions": [{"Days": 1, "StorageClass": "DEEP_ARCHIVE"}],
        },
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    s3.put_object(Bucket=bucket, Key="old", Body=b"12345")
    s3.put_object(Bucket=bucket, Key="cold", Body=bytes(200_000))
    clock.advance(s=2 * DAY_S)
    while s3.list_objects_v2(Bucket=bucket)["KeyCount"] > 1:
        continue
    lines = [line for lines in delivered(s3, target, clock).values() for line in lines]
    done = {(line[6], line[7], line[12]): line for line in lines if line[6].startswith("S3.")}
    assert set(done) == {("S3.EXPIRE.OBJECT", "old", "5"), ("S3.TRANSITION_GDA.OBJECT", "cold", "200000")}
    assert {len(line) for line in done.values()} == {26}


def test_without_a_log_nothing_is_written(s3: Any, bucket: str, target: str, clock: MovableClock) -> None:
    keep_log(s3, bucket, target)
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    s3.head_bucket(Bucket=bucket)
    clock.advance(s=2)
    clock.advance(s=301)
    assert "Contents" not in s3.list_objects_v2(Bucket=target)


def test_requests_are_measured_by_filter(aws: Any, s3: Any, bucket: str, clock: MovableClock) -> None:
    for configuration in (
        {"Id": "all"},
        {"Id": "docs", "Filter": {"Prefix": "docs/"}},
        {"Id": "blue", "Filter": {"Tag": {"Key": "colour", "Value": "blue"}}},
    ):
        s3.put_bucket_metrics_configuration(Bucket=bucket, Id=configuration["Id"], MetricsConfiguration=configuration)
    s3.put_object(Bucket=bucket, Key="docs/a", Body=b"12345", Tagging="colour=blue")
    s3.put_object(Bucket=bucket, Key="other", Body=b"1")
    s3.get_object(Bucket=bucket, Key="docs/a")["Body"].read()
    with pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key="docs/missing")
    s3.list_objects_v2(Bucket=bucket)

    def told(filter_id: str, metric: str) -> float:
        now_s = clock.now_ms() // 1000
        found = aws("cloudwatch").get_metric_statistics(
            Namespace="AWS/S3",
            MetricName=metric,
            Dimensions=[{"Name": "BucketName", "Value": bucket}, {"Name": "FilterId", "Value": filter_id}],
            StartTime=datetime.fromtimestamp(now_s - 3600, UTC),
            EndTime=datetime.fromtimestamp(now_s + 60, UTC),
            Period=86_400,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in found["Datapoints"])

    # The configurations that come second and third are requests, too.
    assert told("all", "PutRequests") == 4
    assert told("all", "ListRequests") == 1
    assert told("all", "BytesDownloaded") >= 5
    assert (told("docs", "AllRequests"), told("docs", "GetRequests"), told("docs", "4xxErrors")) == (3, 2, 1)
    assert told("docs", "BytesUploaded") == 5
    assert told("blue", "AllRequests") == 2
