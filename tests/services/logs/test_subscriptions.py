"""Subscription filters send new events to functions."""

import base64
import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.patience import eventually
from tests.queues import taken
from tests.services.firehose.conftest import make_role
from tests.services.lambda_.test_invocation import create

DENIED = "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute"


@pytest.fixture
def logs(aws: Any) -> Any:
    client = aws("logs")
    client.create_log_group(logGroupName="/app")
    client.create_log_stream(logGroupName="/app", logStreamName="one")
    return client


@pytest.fixture
def subscriber(aws: Any) -> str:
    """A function that CloudWatch Logs may invoke; what it gets goes to the queue `seen`."""
    arn: str = create(aws("lambda"), "sub", "def handler(event, context):\n    return event\n")["FunctionArn"]
    aws("lambda").add_permission(
        FunctionName="sub", StatementId="logs", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )
    url = aws("sqs").create_queue(QueueName="seen")["QueueUrl"]
    queue = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws("lambda").put_function_event_invoke_config(
        FunctionName="sub", DestinationConfig={"OnSuccess": {"Destination": queue}}
    )
    return arn


def put(logs: Any, arn: str, name: str = "f", pattern: str = "") -> None:
    logs.put_subscription_filter(logGroupName="/app", filterName=name, filterPattern=pattern, destinationArn=arn)


def test_matching_events_are_sent_to_the_function(aws: Any, logs: Any, clock: Any, subscriber: str) -> None:
    put(logs, subscriber, pattern="ERROR")
    now = clock.now_ms()
    events = [{"timestamp": now, "message": text} for text in ("ERROR one", "fine", "ERROR two")]
    logs.put_log_events(logGroupName="/app", logStreamName="one", logEvents=events)
    url = aws("sqs").get_queue_url(QueueName="seen")["QueueUrl"]
    (message,) = taken(aws("sqs"), url, 1)
    data = json.loads(message["Body"])["responsePayload"]["awslogs"]["data"]
    document = json.loads(gzip.decompress(base64.b64decode(data)))
    assert [event["message"] for event in document["logEvents"]] == ["ERROR one", "ERROR two"]
    assert (document["messageType"], document["logGroup"], document["logStream"]) == ("DATA_MESSAGE", "/app", "one")
    assert document["subscriptionFilters"] == ["f"]


def test_a_group_has_at_most_two(logs: Any, subscriber: str) -> None:
    for name in ("one", "two", "one"):
        put(logs, subscriber, name=name)
    with pytest.raises(ClientError, match=r"LimitExceededException.*Resource limit exceeded\."):
        put(logs, subscriber, name="three")
    logs.delete_subscription_filter(logGroupName="/app", filterName="one")
    left = logs.describe_subscription_filters(logGroupName="/app")["subscriptionFilters"]
    assert [found["filterName"] for found in left] == ["two"]


def test_events_are_kept_when_the_function_is_gone(aws: Any, logs: Any, clock: Any, subscriber: str) -> None:
    put(logs, subscriber)
    aws("lambda").delete_function(FunctionName="sub")
    events = [{"timestamp": clock.now_ms(), "message": "x"}]
    logs.put_log_events(logGroupName="/app", logStreamName="one", logEvents=events)
    assert len(logs.filter_log_events(logGroupName="/app")["events"]) == 1
    (point,) = aws("cloudwatch").get_metric_statistics(
        Namespace="AWS/Logs",
        MetricName="DeliveryErrors",
        StartTime=clock.now_ms() / 1000 - 120,
        EndTime=clock.now_ms() / 1000 + 120,
        Period=300,
        Statistics=["Sum"],
        Dimensions=[
            {"Name": name, "Value": value}
            for name, value in {"LogGroupName": "/app", "DestinationType": "Lambda", "FilterName": "f"}.items()
        ],
    )["Datapoints"]
    assert point["Sum"] == 1


@pytest.mark.parametrize(
    ("arn", "sentence"),
    [
        ("arn:aws:lambda:us-east-1:{account}:function:none", DENIED),
        ("arn:aws:lambda:us-east-1:000000000000:function:other", "Cross-account lambda invocation"),
        ("arn:aws:kinesis:us-east-1:{account}:stream/s", "kinesis cannot be used without roleArn"),
        ("arn:aws:firehose:us-east-1:{account}:deliverystream/s", "firehose cannot be used without roleArn"),
        ("arn:aws:logs:us-east-1:{account}:destination:d", "ResourceNotFoundException"),
        ("arn:aws:sqs:us-east-1:{account}:q", "cannot work with destinationArn for vendor sqs"),
    ],
)
def test_a_destination_that_cannot_be_reached_is_refused(logs: Any, account: str, arn: str, sentence: str) -> None:
    with pytest.raises(ClientError, match=sentence):
        put(logs, arn.format(account=account))


def test_matching_events_are_packed_for_a_delivery_stream(aws: Any, logs: Any, clock: Any, account: str) -> None:
    aws("s3").create_bucket(Bucket=f"kept-{account}")
    role = make_role(aws)
    stream = aws("firehose").create_delivery_stream(
        DeliveryStreamName="kept",
        ExtendedS3DestinationConfiguration={"BucketARN": f"arn:aws:s3:::kept-{account}", "RoleARN": role},
    )["DeliveryStreamARN"]
    clock.advance(s=60)
    logs.put_subscription_filter(
        logGroupName="/app", filterName="f", filterPattern="ERROR", destinationArn=stream, roleArn=role
    )
    events = [{"timestamp": clock.now_ms(), "message": text} for text in ("ERROR one", "fine")]
    logs.put_log_events(logGroupName="/app", logStreamName="one", logEvents=events)

    def delivered() -> list[str]:
        """The documents, once both are there; members of gzip one behind the other are one stream of gzip."""
        clock.advance(s=301)
        s3 = aws("s3")
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=f"kept-{account}").get("Contents", ())]
        bodies = [s3.get_object(Bucket=f"kept-{account}", Key=key)["Body"].read() for key in keys]
        documents = "".join(gzip.decompress(body).decode() for body in bodies).replace("}{", "}\n{").splitlines()
        return documents if len(documents) == 2 else []

    control, document = map(json.loads, eventually(delivered))
    assert control["logEvents"][0]["message"] == (
        "CWL CONTROL MESSAGE: Checking health of destination Firehose stream."
    )
    assert [event["message"] for event in document["logEvents"]] == ["ERROR one"]


def test_a_delivery_stream_that_is_not_there_is_refused(logs: Any, account: str) -> None:
    with pytest.raises(ClientError, match="Could not deliver test message to specified Firehose stream"):
        logs.put_subscription_filter(
            logGroupName="/app",
            filterName="f",
            filterPattern="",
            destinationArn=f"arn:aws:firehose:us-east-1:{account}:deliverystream/none",
            roleArn=f"arn:aws:iam::{account}:role/r",
        )
