"""Buses, rules, schedules, targets, permissions and tags."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.queues import taken

Aws = Callable[..., Any]
PATTERN = '{"source":["shop"]}'


def test_a_bus_is_created_described_listed_and_deleted(aws: Aws) -> None:
    events = aws("events")
    arn = events.create_event_bus(Name="mine")["EventBusArn"]
    assert events.describe_event_bus(Name="mine")["Arn"] == arn
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default", "mine"]
    with pytest.raises(ClientError, match="Event bus mine already exists"):
        events.create_event_bus(Name="mine")
    events.delete_event_bus(Name="mine")
    with pytest.raises(ClientError, match="Event bus mine does not exist"):
        events.describe_event_bus(Name="mine")
    with pytest.raises(ClientError, match="Cannot delete event bus default"):
        events.delete_event_bus(Name="default")


def test_a_rule_needs_a_pattern_or_a_schedule(aws: Aws) -> None:
    with pytest.raises(ClientError, match="EventPattern or ScheduleExpression must be specified"):
        aws("events").put_rule(Name="r")


def test_a_rule_with_targets_cannot_be_deleted(aws: Aws) -> None:
    events = aws("events")
    events.put_rule(Name="r", EventPattern=PATTERN)
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": "arn:aws:sqs:us-east-1:123456789012:q"}])
    with pytest.raises(ClientError, match="Rule can't be deleted since it has targets"):
        events.delete_rule(Name="r")
    events.remove_targets(Rule="r", Ids=["q"])
    events.delete_rule(Name="r")
    with pytest.raises(ClientError, match="Rule r does not exist on EventBus default"):
        events.describe_rule(Name="r")


def test_rules_are_listed_in_pages(aws: Aws) -> None:
    events = aws("events")
    for number in range(5):
        events.put_rule(Name=f"r{number}", EventPattern=PATTERN)
    first = events.list_rules(Limit=3)
    assert [rule["Name"] for rule in first["Rules"]] == ["r0", "r1", "r2"]
    rest = events.list_rules(NextToken=first["NextToken"])
    assert [rule["Name"] for rule in rest["Rules"]] == ["r3", "r4"]
    assert "NextToken" not in rest


def test_a_target_of_a_service_that_is_not_there_is_refused(aws: Aws) -> None:
    events = aws("events")
    events.put_rule(Name="r", EventPattern=PATTERN)
    arn = "arn:aws:ecs:us-east-1:123456789012:cluster/c"
    with pytest.raises(ClientError, match="Targets of service ecs are not implemented"):
        events.put_targets(Rule="r", Targets=[{"Id": "x", "Arn": arn}])


def test_a_sixth_target_is_one_too_many(aws: Aws) -> None:
    events = aws("events")
    events.put_rule(Name="r", EventPattern=PATTERN)
    arn = "arn:aws:sqs:us-east-1:123456789012:q"
    with pytest.raises(ClientError) as refused:
        events.put_targets(Rule="r", Targets=[{"Id": str(number), "Arn": arn} for number in range(6)])
    assert refused.value.response["Error"]["Code"] == "LimitExceededException"


def test_a_template_with_an_unknown_placeholder_is_refused(aws: Aws) -> None:
    events = aws("events")
    events.put_rule(Name="r", EventPattern=PATTERN)
    target = {
        "Id": "q",
        "Arn": "arn:aws:sqs:us-east-1:123456789012:q",
        "InputTransformer": {"InputPathsMap": {"a": "$.a"}, "InputTemplate": '"<b>"'},
    }
    with pytest.raises(ClientError, match="InputTemplate for target q contains invalid placeholder b"):
        events.put_targets(Rule="r", Targets=[target])


def test_a_rate_fires_on_the_clock(aws: Aws, clock: Any) -> None:
    events, sqs = aws("events"), aws("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = events.put_rule(Name="tick", ScheduleExpression="rate(5 minutes)")["RuleArn"]
    events.put_targets(Rule="tick", Targets=[{"Id": "q", "Arn": arn}])
    clock.advance(s=299)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    clock.advance(s=2)
    (message,) = taken(sqs, url, 1)
    event = json.loads(message["Body"])
    assert event["detail-type"] == "Scheduled Event"
    assert event["source"] == "aws.events"
    assert event["resources"] == [rule]
    events.disable_rule(Name="tick")
    clock.advance(s=600)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 minutes)",
        "rate(0 minutes)",
        "rate(10 seconds)",
        "cron(0 1 * * * *)",
        "cron(INVALID)",
        "cron(71 8 1 * ? *)",
    ],
)
def test_a_bad_schedule_is_refused(aws: Aws, expression: str) -> None:
    with pytest.raises(ClientError, match="Parameter ScheduleExpression is not valid"):
        aws("events").put_rule(Name="r", ScheduleExpression=expression)


def test_permissions_become_statements_of_the_policy(aws: Aws) -> None:
    events = aws("events")
    events.put_permission(Action="events:PutEvents", Principal="111122223333", StatementId="a")
    events.put_permission(Action="events:PutEvents", Principal="*", StatementId="b")
    policy = json.loads(events.describe_event_bus()["Policy"])
    assert [statement["Sid"] for statement in policy["Statement"]] == ["a", "b"]
    assert policy["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
    events.remove_permission(StatementId="a")
    with pytest.raises(ClientError, match="Statement with the provided id does not exist"):
        events.remove_permission(StatementId="a")
    events.remove_permission(RemoveAllPermissions=True)
    assert "Policy" not in events.describe_event_bus()


def test_rules_and_buses_have_tags(aws: Aws) -> None:
    events = aws("events")
    bus = events.create_event_bus(Name="b", Tags=[{"Key": "k", "Value": "1"}])["EventBusArn"]
    rule = events.put_rule(Name="r", EventBusName="b", EventPattern=PATTERN)["RuleArn"]
    events.tag_resource(ResourceARN=rule, Tags=[{"Key": "k", "Value": "2"}])
    assert events.list_tags_for_resource(ResourceARN=bus)["Tags"] == [{"Key": "k", "Value": "1"}]
    assert events.list_tags_for_resource(ResourceARN=rule)["Tags"] == [{"Key": "k", "Value": "2"}]
    events.untag_resource(ResourceARN=rule, TagKeys=["k"])
    assert events.list_tags_for_resource(ResourceARN=rule)["Tags"] == []


def test_targets_are_listed_in_the_order_in_which_they_were_put(aws: Any) -> None:
    events = aws("events")
    events.put_rule(Name="r", EventPattern='{"source": ["s"]}')
    arn = "arn:aws:sqs:us-east-1:000000000000:q"
    events.put_targets(Rule="r", Targets=[{"Id": "z", "Arn": arn}, {"Id": "b", "Arn": arn}])
    events.put_targets(Rule="r", Targets=[{"Id": "a", "Arn": arn}, {"Id": "z", "Arn": arn, "Input": "{}"}])
    first = events.list_targets_by_rule(Rule="r", Limit=2)
    rest = events.list_targets_by_rule(Rule="r", NextToken=first["NextToken"])
    assert [each["Id"] for each in first["Targets"] + rest["Targets"]] == ["z", "b", "a"]
    assert "NextToken" not in rest
