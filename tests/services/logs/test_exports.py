"""Export tasks write the events of a group to S3."""

import gzip
import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import LiveServer, MovableClock


@pytest.fixture
def logs(aws: Any) -> Any:
    client = aws("logs")
    client.create_log_group(logGroupName="/app")
    return client


@pytest.fixture
def bucket(aws: Any, account: str) -> str:
    name = f"exports-{account}"
    aws("s3").create_bucket(Bucket=name)
    let(aws, name, ("s3:GetBucketAcl", ""), ("s3:PutObject", "/*"))
    return name


def let(aws: Any, bucket: str, *granted: tuple[str, str]) -> None:
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"Service": "logs.us-east-1.amazonaws.com"},
            "Action": action,
            "Resource": f"arn:aws:s3:::{bucket}{path}",
        }
        | ({"Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}} if path else {})
        for action, path in granted
    ]
    aws("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def put(logs: Any, stream: str, events: list[tuple[int, str]]) -> None:
    logs.create_log_stream(logGroupName="/app", logStreamName=stream)
    rows = [{"timestamp": at, "message": text} for at, text in events]
    logs.put_log_events(logGroupName="/app", logStreamName=stream, logEvents=rows)


def export(logs: Any, clock: Any, bucket: str, **given: Any) -> Any:
    """The task as it is described once it has ended."""
    now = clock.now_ms()
    times = {"fromTime": now - 3_600_000, "to": now + 3_600_000}
    task = logs.create_export_task(**({"logGroupName": "/app", "destination": bucket} | times | given))["taskId"]
    return ended(logs, taskId=task)


def ended(logs: Any, **which: str) -> Any:
    for _ in range(2000):
        (found,) = logs.describe_export_tasks(**which)["exportTasks"]
        if found["status"]["code"] not in ("PENDING", "RUNNING"):
            return found
    raise AssertionError("the task goes on and on")


def objects(aws: Any, bucket: str, task: Any) -> dict[str, str]:
    s3, start = aws("s3"), f"{task['destinationPrefix']}/{task['taskId']}/"
    found = s3.list_objects_v2(Bucket=bucket, Prefix=start).get("Contents", [])
    return {
        entry["Key"].removeprefix(start): gzip.decompress(
            s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        ).decode()
        for entry in found
    }


def test_each_stream_becomes_an_object_of_lines(aws: Any, logs: Any, clock: Any, bucket: str) -> None:
    now = clock.now_ms() // 1000 * 1000
    put(logs, "2026/01/[1]", [(now - 1000, "one"), (now, "two")])
    put(logs, "b", [(now, "three")])
    logs.create_log_stream(logGroupName="/app", logStreamName="empty")
    task = export(logs, clock, bucket, taskName="nightly")
    assert task["status"] == {"code": "COMPLETED", "message": "Completed successfully"}
    assert (task["taskName"], task["logGroupName"], task["destination"]) == ("nightly", "/app", bucket)
    assert task["executionInfo"]["completionTime"] >= task["executionInfo"]["creationTime"]
    found = objects(aws, bucket, task)
    assert list(found) == ["2026-01-[1]/000000.gz", "b/000000.gz"]
    assert [line.split(" ") for line in found["2026-01-[1]/000000.gz"].splitlines()] == [
        [moment(now - 1000), "one"],
        [moment(now), "two"],
    ]
    written = aws("s3").get_object(Bucket=bucket, Key="aws-logs-write-test")["Body"].read()
    assert written == b"Permission Check Successful"


def moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_only_the_time_and_the_streams_asked_for_are_exported(aws: Any, logs: Any, clock: Any, bucket: str) -> None:
    now = clock.now_ms()
    put(logs, "web-1", [(now - 5000, "before"), (now - 1000, "from"), (now, "to"), (now + 1, "after")])
    put(logs, "db-1", [(now, "other")])
    task = export(
        logs, clock, bucket, fromTime=now - 1000, to=now, logStreamNamePrefix="web", destinationPrefix="some/where"
    )
    assert [line.split(" ")[1] for line in objects(aws, bucket, task)["web-1/000000.gz"].splitlines()] == ["from", "to"]
    assert list(objects(aws, bucket, task)) == ["web-1/000000.gz"]


def test_a_stream_of_many_events_is_one_object(aws: Any, logs: Any, clock: Any, bucket: str) -> None:
    now = clock.now_ms()
    put(logs, "many", [(now, f"line {number}") for number in range(4321)])
    (text,) = objects(aws, bucket, export(logs, clock, bucket)).values()
    assert [line.split(" ", 1)[1] for line in text.splitlines()] == [f"line {number}" for number in range(4321)]


def test_a_task_that_has_ended_cannot_be_cancelled(logs: Any, clock: Any, bucket: str) -> None:
    task = export(logs, clock, bucket)
    with pytest.raises(ClientError, match=r"InvalidOperationException.*already finished"):
        logs.cancel_export_task(taskId=task["taskId"])
    with pytest.raises(ClientError, match="The specified export task does not exist"):
        logs.cancel_export_task(taskId="none")
    assert logs.describe_export_tasks(statusCode="RUNNING")["exportTasks"] == []
    assert len(logs.describe_export_tasks(statusCode="COMPLETED")["exportTasks"]) == 1


def test_a_bucket_that_logs_may_not_use_is_refused(aws: Any, logs: Any, clock: Any, bucket: str) -> None:
    for granted, refused in ((("s3:PutObject", "/*"), "GetBucketAcl"), (("s3:GetBucketAcl", ""), "PutObject")):
        let(aws, bucket, granted)
        with pytest.raises(ClientError, match=f"InvalidParameter.*{refused} call on the given bucket failed"):
            export(logs, clock, bucket)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"logGroupName": "none"}, "The specified log group does not exist"),
        ({"destination": "none"}, "The given bucket does not exist. Please make sure the bucket is valid."),
        ({"fromTime": 5, "to": 5}, "InvalidParameterException"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    logs: Any, clock: Any, bucket: str, given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ClientError, match=sentence):
        export(logs, clock, bucket, **given)


def put_many(logs: Any, now_ms: int) -> None:
    """Events whose export takes some tenths of a second."""
    logs.create_log_stream(logGroupName="/app", logStreamName="many")
    for batch in range(10):
        events = [{"timestamp": now_ms, "message": f"line {batch} {number}"} for number in range(10_000)]
        logs.put_log_events(logGroupName="/app", logStreamName="many", logEvents=events)


def test_an_account_exports_one_group_at_a_time_and_may_stop_it(aws: Any, logs: Any, clock: Any, bucket: str) -> None:
    put_many(logs, clock.now_ms())
    wanted = {"logGroupName": "/app", "fromTime": 0, "to": clock.now_ms() + 3_600_000, "destination": bucket}
    task = logs.create_export_task(**wanted)["taskId"]
    with pytest.raises(ClientError, match=r"LimitExceededException.*Resource limit exceeded\."):
        logs.create_export_task(**wanted)
    logs.cancel_export_task(taskId=task)
    (found,) = logs.describe_export_tasks(taskId=task)["exportTasks"]
    assert found["status"]["code"] == "CANCELLED"
    again = export(logs, clock, bucket)
    assert (again["status"]["code"], len(objects(aws, bucket, again))) == ("COMPLETED", 1)
    assert objects(aws, bucket, found) == {}


def test_a_task_goes_on_when_the_server_was_killed(tmp_path: Path, account: str) -> None:
    server = LiveServer("--data", str(tmp_path), "--sync", "process", "--virtual-clock")
    clients = partial(server.client, account=account)
    logs, now = clients("logs"), MovableClock(server).now_ms()
    logs.create_log_group(logGroupName="/app")
    put_many(logs, now)
    put(logs, "b", [(now, "last")])
    clients("s3").create_bucket(Bucket="killed")
    let(clients, "killed", ("s3:GetBucketAcl", ""), ("s3:PutObject", "/*"))
    logs.create_export_task(logGroupName="/app", fromTime=0, to=now + 1, destination="killed")
    server.kill()

    server = LiveServer("--data", str(tmp_path), "--sync", "process", "--virtual-clock")
    clients = partial(server.client, account=account)
    task = ended(clients("logs"))
    found = objects(clients, "killed", task)
    server.stop()
    assert task["status"]["code"] == "COMPLETED"
    assert {name: text.count("\n") for name, text in found.items()} == {"b/000000.gz": 1, "many/000000.gz": 100_000}
