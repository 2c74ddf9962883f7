"""PutEvents, rules and targets through boto3."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.queues import taken

Aws = Callable[..., Any]


def make_queue(sqs: Any, name: str) -> tuple[str, str]:
    url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def bodies(sqs: Any, url: str, count: int = 1) -> list[str]:
    return [message["Body"] for message in taken(sqs, url, count)]


def order(**detail: Any) -> dict[str, Any]:
    return {"Source": "shop", "DetailType": "Order", "Detail": json.dumps(detail)}


def test_an_event_reaches_the_queue_of_a_rule_that_matches(aws: Aws) -> None:
    events, sqs = aws("events"), aws("sqs")
    url, arn = make_queue(sqs, "orders")
    rule = events.put_rule(Name="orders", EventPattern='{"source":["shop"],"detail":{"total":[{"numeric":[">",10]}]}}')
    answer = events.put_targets(Rule="orders", Targets=[{"Id": "q", "Arn": arn}])
    assert answer["FailedEntryCount"] == 0
    assert rule["RuleArn"].endswith(":rule/orders")

    result = events.put_events(Entries=[order(total=11), order(total=9), {**order(total=12), "Source": "other"}])

    assert result["FailedEntryCount"] == 0
    assert len(result["Entries"]) == 3
    (body,) = bodies(sqs, url)
    event = json.loads(body)
    assert list(event) == [
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail",
    ]  # fmt: skip
    assert event["id"] == result["Entries"][0]["EventId"]
    assert event["detail"] == {"total": 11}
    assert event["resources"] == []


def test_each_bad_entry_fails_alone(aws: Aws) -> None:
    events = aws("events")
    answer = events.put_events(
        Entries=[
            order(a=1),
            {"DetailType": "x", "Detail": "{}"},
            {"Source": "x", "Detail": "{}"},
            {"Source": "x", "DetailType": "x"},
            {"Source": "x", "DetailType": "x", "Detail": "[]"},
            {"Source": "aws.ec2", "DetailType": "x", "Detail": "{}"},
        ]
    )
    assert answer["FailedEntryCount"] == 5
    assert "EventId" in answer["Entries"][0]
    assert [(entry["ErrorCode"], entry["ErrorMessage"]) for entry in answer["Entries"][1:]] == [
        ("InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."),
        ("InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument."),
        ("InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument."),
        ("MalformedDetail", "Detail is malformed."),
        ("NotAuthorizedForSourceException", "Not authorized for the source."),
    ]


def test_too_many_bytes_are_refused_as_a_whole(aws: Aws) -> None:
    with pytest.raises(ClientError, match="Total size of the entries in the request is over the limit"):
        aws("events").put_events(Entries=[order(a="x" * 1_100_000)])


def test_an_event_for_a_bus_that_does_not_exist_is_accepted_and_goes_nowhere(aws: Aws) -> None:
    answer = aws("events").put_events(Entries=[{**order(a=1), "EventBusName": "nowhere"}])
    assert answer["FailedEntryCount"] == 0


def test_a_disabled_rule_stays_silent_until_it_is_enabled(aws: Aws) -> None:
    events, sqs = aws("events"), aws("sqs")
    url, arn = make_queue(sqs, "q")
    events.put_rule(Name="r", EventPattern='{"source":["shop"]}', State="DISABLED")
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn}])
    events.put_events(Entries=[order(n=1)])
    events.enable_rule(Name="r")
    events.put_events(Entries=[order(n=2)])
    events.disable_rule(Name="r")
    events.put_events(Entries=[order(n=3)])
    assert [json.loads(body)["detail"]["n"] for body in bodies(sqs, url)] == [2]


def test_a_changed_pattern_takes_effect_at_once(aws: Aws) -> None:
    events, sqs = aws("events"), aws("sqs")
    url, arn = make_queue(sqs, "q")
    events.put_rule(Name="r", EventPattern='{"source":["nobody"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn}])
    events.put_events(Entries=[order(n=1)])
    events.put_rule(Name="r", EventPattern='{"source":["shop"]}')
    events.put_events(Entries=[order(n=2)])
    assert [json.loads(body)["detail"]["n"] for body in bodies(sqs, url)] == [2]


def test_inputs_shape_what_a_target_gets(aws: Aws) -> None:
    events, sqs = aws("events"), aws("sqs")
    url, arn = make_queue(sqs, "q")
    events.put_rule(Name="r", EventPattern='{"source":["shop"]}')
    events.put_targets(
        Rule="r",
        Targets=[
            {"Id": "constant", "Arn": arn, "Input": '{"fixed": 1}'},
            {"Id": "path", "Arn": arn, "InputPath": "$.detail.user"},
            {
                "Id": "template",
                "Arn": arn,
                "InputTransformer": {
                    "InputPathsMap": {"name": "$.detail.user.name", "missing": "$.detail.nothing"},
                    "InputTemplate": '{"greeting": "Hello <name>", "user": <name>, "none": <missing>, '
                    '"rule": <aws.events.rule-name>}',
                },
            },
            {
                "Id": "text",
                "Arn": arn,
                "InputTransformer": {
                    "InputPathsMap": {"user": "$.detail.user"},
                    "InputTemplate": '"<user> ordered"',
                },
            },
        ],
    )
    events.put_events(Entries=[order(user={"name": "Ann"})])
    assert sorted(bodies(sqs, url, 4)) == sorted(
        [
            '{"fixed": 1}',
            '{"name":"Ann"}',
            '{"greeting":"Hello Ann","user":"Ann","none":"","rule":"r"}',
            '"{name:Ann} ordered"',
        ]
    )


def test_a_fifo_queue_gets_its_group(aws: Aws) -> None:
    events, sqs = aws("events"), aws("sqs")
    url = sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})[
        "QueueUrl"
    ]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="r", EventPattern='{"source":["shop"]}')
    target = {"Id": "q", "Arn": arn, "SqsParameters": {"MessageGroupId": "g"}}
    events.put_targets(Rule="r", Targets=[target])
    events.put_events(Entries=[order(n=1)])
    (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    assert message["Attributes"]["MessageGroupId"] == "g"


def test_an_event_goes_on_from_bus_to_bus(aws: Aws) -> None:
    events, sqs = aws("events"), aws("sqs")
    url, arn = make_queue(sqs, "q")
    bus = events.create_event_bus(Name="second")["EventBusArn"]
    events.put_rule(Name="forward", EventPattern='{"source":["shop"]}')
    events.put_targets(Rule="forward", Targets=[{"Id": "bus", "Arn": bus}])
    events.put_rule(Name="last", EventBusName="second", EventPattern='{"detail":{"n":[1]}}')
    events.put_targets(Rule="last", EventBusName="second", Targets=[{"Id": "q", "Arn": arn}])
    sent = events.put_events(Entries=[order(n=1)])["Entries"][0]["EventId"]
    (body,) = bodies(sqs, url)
    assert json.loads(body)["id"] == sent


def test_what_a_target_refuses_goes_to_its_dead_letter_queue(aws: Aws) -> None:
    events, sqs = aws("events"), aws("sqs")
    dead_url, dead_arn = make_queue(sqs, "dead")
    rule = events.put_rule(Name="r", EventPattern='{"source":["shop"]}')["RuleArn"]
    gone = dead_arn.replace(":dead", ":gone")
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": gone, "DeadLetterConfig": {"Arn": dead_arn}}])
    events.put_events(Entries=[order(n=1)])
    (message,) = sqs.receive_message(QueueUrl=dead_url, MessageAttributeNames=["All"])["Messages"]
    found = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert found.pop("ERROR_MESSAGE")
    assert found == {"RULE_ARN": rule, "TARGET_ARN": gone, "ERROR_CODE": "NO_RESOURCE"}
    assert json.loads(message["Body"])["detail"] == {"n": 1}


def test_a_topic_is_a_target(aws: Aws) -> None:
    events, sqs, sns = aws("events"), aws("sqs"), aws("sns")
    url, arn = make_queue(sqs, "q")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    events.put_rule(Name="r", EventPattern='{"source":["shop"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": topic}])
    events.put_events(Entries=[order(n=1)])
    (body,) = bodies(sqs, url)
    assert json.loads(body)["detail"] == {"n": 1}


def test_a_pattern_can_be_tried(aws: Aws) -> None:
    events = aws("events")
    fields = {"id": "1", "account": "1", "source": "shop", "time": "1", "region": "r", "detail-type": "t"}
    event = json.dumps({**fields, "detail": {"a": 1}})
    assert events.test_event_pattern(EventPattern='{"detail":{"a":[1]}}', Event=event)["Result"] is True
    assert events.test_event_pattern(EventPattern='{"detail":{"a":[2]}}', Event=event)["Result"] is False
    with pytest.raises(ClientError, match="Parameter Event is not valid"):
        events.test_event_pattern(EventPattern='{"a":[1]}', Event=json.dumps({"source": "shop", "a": 1}))
    with pytest.raises(ClientError, match="Reason: Empty arrays are not allowed") as refused:
        events.test_event_pattern(EventPattern='{"a":[]}', Event=event)
    assert refused.value.response["Error"]["Code"] == "InvalidEventPatternException"
