"""Firehose streams that other services put records into."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.services.firehose.conftest import MakeStream, Objects, describe

MINUTE = {"SizeInMBs": 1, "IntervalInSeconds": 60}


@pytest.fixture
def stream(firehose: Any, make_stream: MakeStream) -> str:
    make_stream(BufferingHints=MINUTE)
    arn: str = describe(firehose)["DeliveryStreamARN"]
    return arn


def test_a_topic_delivers_its_messages_a_line_each(aws: Aws, stream: str, objects: Objects, role: str) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    subscription = {"TopicArn": topic, "Protocol": "firehose", "Endpoint": stream}
    with pytest.raises(ClientError, match="SubscriptionRoleArn"):
        sns.subscribe(**subscription)
    answer = sns.subscribe(**subscription, Attributes={"SubscriptionRoleArn": role})
    arn = answer["SubscriptionArn"]
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["SubscriptionRoleArn"] == role
    colour = {"colour": {"DataType": "String", "StringValue": "red"}}
    sns.publish(TopicArn=topic, Message="one", Subject="first", MessageAttributes=colour)
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="true")
    sns.publish(TopicArn=topic, Message="two")
    ((_, body),) = objects(step_s=30).items()
    first, second = body.decode().splitlines()
    notification = json.loads(first)
    assert notification.pop("UnsubscribeURL").endswith(arn)
    assert {"MessageId", "Timestamp"} < notification.keys()
    del notification["MessageId"], notification["Timestamp"]
    assert notification == {
        "Type": "Notification",
        "TopicArn": topic,
        "Subject": "first",
        "Message": "one",
        "MessageAttributes": {"colour": {"Type": "String", "Value": "red"}},
    }
    assert second == "two"


def test_what_a_stream_refuses_is_a_dead_letter(aws: Aws, firehose: Any, stream: str, role: str, account: str) -> None:
    sns, sqs = aws("sns"), aws("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    topic = sns.create_topic(Name="t")["TopicArn"]
    redrive = json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{account}:dead"})
    sns.subscribe(
        TopicArn=topic,
        Protocol="firehose",
        Endpoint=stream,
        Attributes={"SubscriptionRoleArn": role, "RedrivePolicy": redrive},
    )
    firehose.delete_delivery_stream(DeliveryStreamName="clicks")
    sns.publish(TopicArn=topic, Message="nowhere to go")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"])["Message"] == "nowhere to go"


def test_a_rule_delivers_its_events(aws: Aws, stream: str, objects: Objects, role: str) -> None:
    events = aws("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["shop"]}))
    target = {"Id": "t", "Arn": stream, "RoleArn": role, "InputPath": "$.detail"}
    events.put_targets(Rule="r", Targets=[target])
    assert events.list_targets_by_rule(Rule="r")["Targets"] == [target]
    for number in range(2):
        detail = json.dumps({"n": number})
        events.put_events(Entries=[{"Source": "shop", "DetailType": "order", "Detail": detail}])
    assert list(objects(step_s=30).values()) == [b'{"n":0}{"n":1}']


def test_a_schedule_delivers_its_input(aws: Aws, stream: str, objects: Objects, role: str, clock: MovableClock) -> None:
    due = datetime.fromtimestamp(clock.now_ms() / 1000 + 3600, UTC)
    aws("scheduler").create_schedule(
        Name="s",
        ScheduleExpression=f"at({due:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": stream, "RoleArn": role, "Input": "hello"},
    )
    clock.advance(s=3601)
    assert list(objects(step_s=30).values()) == [b"hello"]


def test_a_pipe_delivers_what_its_template_makes(
    aws: Aws, stream: str, objects: Objects, role: str, account: str
) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="in")["QueueUrl"]
    pipe = {"Name": "p", "Source": f"arn:aws:sqs:us-east-1:{account}:in", "Target": stream, "RoleArn": role}
    parameters: dict[str, Any] = {"KinesisStreamParameters": {"PartitionKey": "k"}}
    with pytest.raises(ClientError, match="does not belong to a target of service firehose"):
        aws("pipes").create_pipe(**pipe, TargetParameters=parameters)
    aws("pipes").create_pipe(**pipe, TargetParameters={"InputTemplate": "<$.body>;"})
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    ((_, body),) = objects(step_s=5).items()
    assert sorted(body.decode().split(";")) == ["", "0", "1", "2"]
