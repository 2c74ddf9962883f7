"""Streams that other services put records into."""

import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.patience import eventually
from tests.services.kinesis.conftest import MakeStream, iterator

ROLE = "arn:aws:iam::123456789012:role/r"


def arrived(kinesis: Any, clock: MovableClock, count: int = 1) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def all_there() -> bool:
        clock.advance(s=1)
        found[:] = kinesis.get_records(ShardIterator=iterator(kinesis))["Records"]
        return len(found) >= count

    eventually(all_there)
    return found


def test_a_rule_puts_events_under_a_key_of_theirs(
    aws: Aws, kinesis: Any, make_stream: MakeStream, clock: MovableClock
) -> None:
    arn, events = make_stream(), aws("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["shop"]}))
    target = {"Id": "t", "Arn": arn, "RoleArn": ROLE, "KinesisParameters": {"PartitionKeyPath": "$.detail.user"}}
    events.put_targets(Rule="r", Targets=[target])
    assert events.list_targets_by_rule(Rule="r")["Targets"] == [target]
    for detail in ({"user": "ann"}, {}):
        events.put_events(Entries=[{"Source": "shop", "DetailType": "order", "Detail": json.dumps(detail)}])
    named, unnamed = sorted(arrived(kinesis, clock, 2), key=lambda record: len(record["PartitionKey"]))
    assert (named["PartitionKey"], json.loads(named["Data"])["detail"]) == ("ann", {"user": "ann"})
    assert unnamed["PartitionKey"] == json.loads(unnamed["Data"])["id"]


def test_a_schedule_puts_its_input_under_its_key(
    aws: Aws, kinesis: Any, make_stream: MakeStream, clock: MovableClock
) -> None:
    target = {"Arn": make_stream(), "RoleArn": ROLE, "Input": "hello"}
    window = {"Mode": "OFF"}
    every_minute = {"Name": "s", "ScheduleExpression": "rate(1 minute)", "FlexibleTimeWindow": window}
    with pytest.raises(ClientError, match="KinesisParameters must be given"):
        aws("scheduler").create_schedule(**every_minute, Target=target)
    aws("scheduler").create_schedule(**every_minute, Target=target | {"KinesisParameters": {"PartitionKey": "k"}})
    clock.advance(s=61)
    record = arrived(kinesis, clock)[0]
    assert (record["PartitionKey"], record["Data"]) == ("k", b"hello")


def test_a_pipe_puts_what_its_template_makes(
    aws: Aws, kinesis: Any, make_stream: MakeStream, clock: MovableClock, account: str
) -> None:
    arn, url = make_stream(), aws("sqs").create_queue(QueueName="in")["QueueUrl"]
    pipe = {"Name": "p", "Source": f"arn:aws:sqs:us-east-1:{account}:in", "Target": arn, "RoleArn": ROLE}
    with pytest.raises(ClientError, match="KinesisStreamParameters with a PartitionKey"):
        aws("pipes").create_pipe(**pipe)
    parameters = {"KinesisStreamParameters": {"PartitionKey": "$.body.user"}, "InputTemplate": '{"n": <$.body.n>}'}
    aws("pipes").create_pipe(**pipe, TargetParameters=parameters)
    aws("sqs").send_message(QueueUrl=url, MessageBody='{"user":"ann","n":1}')
    (record,) = arrived(kinesis, clock)
    assert (record["PartitionKey"], json.loads(record["Data"])) == ("ann", {"n": 1})


def test_a_log_groups_events_are_put_as_they_arrive(
    aws: Aws, kinesis: Any, make_stream: MakeStream, clock: MovableClock
) -> None:
    arn, logs = make_stream(), aws("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    subscription = {"logGroupName": "g", "filterName": "f", "filterPattern": "ERROR", "roleArn": ROLE}
    with pytest.raises(ClientError, match="Could not deliver test message to specified Kinesis stream"):
        logs.put_subscription_filter(**subscription, destinationArn=arn + "x")
    logs.put_subscription_filter(**subscription, destinationArn=arn)
    shown = logs.describe_subscription_filters(logGroupName="g")["subscriptionFilters"][0]
    assert (shown["destinationArn"], shown["roleArn"], shown["distribution"]) == (arn, ROLE, "ByLogStream")
    events = [{"timestamp": clock.now_ms(), "message": text} for text in ("ERROR one", "fine")]
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=events)
    test, data = (json.loads(gzip.decompress(record["Data"])) for record in arrived(kinesis, clock, 2))
    assert test["messageType"] == "CONTROL_MESSAGE"
    assert (data["messageType"], [event["message"] for event in data["logEvents"]]) == ("DATA_MESSAGE", ["ERROR one"])
