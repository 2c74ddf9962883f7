"""Alarms on the states of other alarms."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.services.cloudwatch.alarm_rule import parse_rule
from fogbank.services.cloudwatch.errors import ValidationError
from tests.queues import taken
from tests.services.cloudwatch.test_alarms import put_alarm

STATES = {"a": "ALARM", "b": "OK", "c": "INSUFFICIENT_DATA"}


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("ALARM(a)", True),
        ('OK("b") AND ALARM("b")', False),
        ("ALARM(b) OR INSUFFICIENT_DATA(c)", True),
        ("NOT ALARM(a)", False),
        ("ALARM(b) AND ALARM(b) OR ALARM(a)", True),
        ("ALARM(b) AND (ALARM(b) OR ALARM(a))", False),
        ("TRUE AND NOT FALSE", True),
    ],
)
def test_a_rule_holds(rule: str, holds: bool) -> None:
    assert parse_rule(rule).test(STATES.__getitem__) is holds


@pytest.mark.parametrize("rule", ["", "ALARM()", "ALARM(a) ALARM(b)", "a AND b", "(ALARM(a)", "NOT", "(" * 5000])
def test_a_rule_that_cannot_be_read_is_refused(rule: str) -> None:
    with pytest.raises(ValidationError, match="Could not parse the alarm rule"):
        parse_rule(rule)


@pytest.fixture
def cloudwatch(aws: Any) -> Any:
    client = aws("cloudwatch")
    for name in ("one", "two"):
        put_alarm(client, name)
    return client


def composite(cloudwatch: Any, name: str = "both") -> Any:
    (found,) = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    return found


def test_a_composite_alarm_follows_its_children(cloudwatch: Any) -> None:
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule='ALARM("one") AND ALARM("two")')
    cloudwatch.put_composite_alarm(AlarmName="above", AlarmRule="ALARM(both)")
    assert composite(cloudwatch)["StateValue"] == "OK"
    for name in ("one", "two"):
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")
    found = composite(cloudwatch)
    assert found["StateValue"] == composite(cloudwatch, "above")["StateValue"] == "ALARM"
    (trigger,) = json.loads(found["StateReasonData"])["triggeringAlarms"]
    assert (trigger["arn"].rpartition(":")[2], trigger["state"]["value"]) == ("two", "ALARM")
    cloudwatch.set_alarm_state(AlarmName="one", StateValue="OK", StateReason="by hand")
    assert composite(cloudwatch)["StateValue"] == composite(cloudwatch, "above")["StateValue"] == "OK"
    assert [row["AlarmName"] for row in cloudwatch.describe_alarms()["MetricAlarms"]] == ["one", "two"]


def test_children_are_there_and_no_alarm_watches_itself(cloudwatch: Any) -> None:
    with pytest.raises(ClientError, match=r"alarms \[none\] in the alarm rule do not exist"):
        cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(one) OR OK(none)")
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(one)")
    cloudwatch.put_composite_alarm(AlarmName="above", AlarmRule="ALARM(both)")
    with pytest.raises(ClientError, match="must not contain the alarm itself"):
        cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(above)")


def test_reason_data_must_be_json(cloudwatch: Any) -> None:
    with pytest.raises(ClientError, match="StateReasonData was not valid JSON"):
        cloudwatch.set_alarm_state(AlarmName="one", StateValue="OK", StateReason="x", StateReasonData="{")


def test_a_topic_is_told_which_child_it_was(aws: Any, cloudwatch: Any) -> None:
    topic = aws("sns").create_topic(Name="alarms")["TopicArn"]
    url = aws("sqs").create_queue(QueueName="seen")["QueueUrl"]
    queue = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(one) OR ALARM(two)", AlarmActions=[topic])
    cloudwatch.set_alarm_state(AlarmName="two", StateValue="ALARM", StateReason="by hand")
    (received,) = taken(aws("sqs"), url, 1)
    message = json.loads(json.loads(received["Body"])["Message"])
    (child,) = message["TriggeringChildren"]
    assert (message["NewStateValue"], child["State"]["Value"]) == ("ALARM", "ALARM")
    assert child["Arn"].endswith(":alarm:two")
