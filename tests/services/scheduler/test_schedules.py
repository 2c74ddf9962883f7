"""Schedules, groups, due times and targets."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError

from tests.conftest import LiveServer
from tests.patience import eventually
from tests.queues import taken
from tests.services.lambda_.test_invocation import create as create_function

Aws = Callable[..., Any]
OFF = {"Mode": "OFF"}
ROLE = "arn:aws:iam::123456789012:role/r"


class Inbox:
    """A queue that schedules send to."""

    def __init__(self, sqs: Any, name: str = "inbox") -> None:
        self._sqs = sqs
        self.url = sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]
        self.arn: str = attributes["QueueArn"]

    def messages(self, count: int = 0) -> list[dict[str, Any]]:
        return taken(self._sqs, self.url, count)

    def bodies(self, count: int = 0) -> list[str]:
        return [message["Body"] for message in self.messages(count)]


@pytest.fixture
def inbox(aws: Aws) -> Inbox:
    return Inbox(aws("sqs"))


def to(arn: str, **more: Any) -> dict[str, Any]:
    return {"Arn": arn, "RoleArn": ROLE, **more}


def at(ms: int, zone: str = "UTC") -> str:
    return f"at({datetime.fromtimestamp(ms / 1000, ZoneInfo(zone)).strftime('%Y-%m-%dT%H:%M:%S')})"


def create(aws: Aws, expression: str, target: dict[str, Any], **more: Any) -> None:
    settings = {"Name": "s", "FlexibleTimeWindow": OFF, **more}
    aws("scheduler").create_schedule(ScheduleExpression=expression, Target=target, **settings)


def test_a_one_time_schedule_fires_once_in_its_zone_and_is_deleted_if_told_so(
    aws: Aws, clock: Any, inbox: Inbox
) -> None:
    zone = "America/New_York"
    when = at(clock.now_ms() + 60_000, zone)
    target = to(inbox.arn, Input="<aws.scheduler.scheduled-time> <aws.scheduler.attempt-number>")
    create(aws, when, target, ScheduleExpressionTimezone=zone, ActionAfterCompletion="DELETE")
    clock.advance(s=55)
    assert inbox.bodies() == []
    clock.advance(s=6)
    (body,) = inbox.bodies(1)
    moment, attempt = body.split()
    due = datetime.fromisoformat(when[3:-1]).replace(tzinfo=ZoneInfo(zone))
    assert (datetime.fromisoformat(moment), attempt) == (due, "1")
    with pytest.raises(ClientError, match="Schedule s does not exist"):
        aws("scheduler").get_schedule(Name="s")


def test_a_rate_fires_at_its_creation_and_then_at_each_interval_until_its_end(
    aws: Aws, clock: Any, inbox: Inbox
) -> None:
    end = datetime.fromtimestamp(clock.now_ms() / 1000, UTC) + timedelta(minutes=11)
    create(aws, "rate(5 minutes)", to(inbox.arn, Input="x"), EndDate=end)
    assert inbox.bodies(1) == ["x"]
    for _ in range(4):
        clock.advance(s=300)
    assert inbox.bodies(2) == ["x", "x"]


def test_nothing_fires_before_the_start_date(aws: Aws, clock: Any, inbox: Inbox) -> None:
    start = datetime.fromtimestamp(clock.now_ms() / 1000, UTC) + timedelta(hours=1)
    create(aws, "cron(* * * * ? *)", to(inbox.arn, Input="x"), StartDate=start)
    clock.advance(s=3500)
    assert inbox.bodies() == []
    clock.advance(s=170)
    assert "x" in inbox.bodies(1)


def test_a_flexible_window_delays_the_invocation_within_its_bounds(aws: Aws, clock: Any, inbox: Inbox) -> None:
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 10}
    due_ms = clock.now_ms() + 60_000
    create(aws, at(due_ms), to(inbox.arn, Input="<aws.scheduler.scheduled-time>"), FlexibleTimeWindow=window)
    clock.advance(s=62 + 600)
    (moment,) = inbox.bodies(1)
    assert datetime.fromisoformat(moment).timestamp() == due_ms // 1000


def test_a_disabled_schedule_rests_until_it_is_enabled(aws: Aws, clock: Any, inbox: Inbox) -> None:
    create(aws, "cron(* * * * ? *)", to(inbox.arn, Input="x"), State="DISABLED")
    clock.advance(s=120)
    assert inbox.bodies() == []
    aws("scheduler").update_schedule(
        Name="s", ScheduleExpression="cron(* * * * ? *)", Target=to(inbox.arn, Input="y"), FlexibleTimeWindow=OFF
    )
    clock.advance(s=61)
    assert "y" in inbox.bodies(1)


def test_without_an_input_the_target_gets_a_notification(aws: Aws, clock: Any, inbox: Inbox) -> None:
    create(aws, at(clock.now_ms() + 2000), to(inbox.arn))
    clock.advance(s=3)
    (body,) = inbox.bodies(1)
    event = json.loads(body)
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.scheduler", "Scheduled Event", "{}")
    assert event["resources"] == [aws("scheduler").get_schedule(Name="s")["Arn"]]


def test_an_event_bus_gets_an_event(aws: Aws, clock: Any, inbox: Inbox) -> None:
    events = aws("events")
    events.put_rule(Name="r", EventPattern='{"source":["planner"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": inbox.arn}])
    bus = events.describe_event_bus()["Arn"]
    parameters = {"Source": "planner", "DetailType": "tick"}
    create(aws, at(clock.now_ms() + 2000), to(bus, Input='{"n":1}', EventBridgeParameters=parameters))
    clock.advance(s=3)
    (body,) = inbox.bodies(1)
    event = json.loads(body)
    assert (event["source"], event["detail-type"], event["detail"]) == ("planner", "tick", {"n": 1})


def test_a_universal_target_calls_the_operation_with_checked_parameters(aws: Aws, clock: Any, inbox: Inbox) -> None:
    send = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"
    message = {"QueueUrl": inbox.url, "MessageBody": "<aws.scheduler.schedule-arn>"}
    create(aws, at(clock.now_ms() + 2000), to(send, Input=json.dumps(message)))
    put = "arn:aws:scheduler:::aws-sdk:dynamodb:putItem"
    dynamodb = aws("dynamodb")
    dynamodb.create_table(
        TableName="things",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {"TableName": "things", "Item": {"id": {"S": "1"}, "n": {"N": "5"}}}
    create(aws, at(clock.now_ms() + 2000), to(put, Input=json.dumps(item)), Name="put")
    topic = "arn:aws:scheduler:::aws-sdk:sns:createTopic"
    create(aws, at(clock.now_ms() + 2000), to(topic, Input='{"Name":"made"}'), Name="topic")
    clock.advance(s=3)
    assert inbox.bodies(1) == [aws("scheduler").get_schedule(Name="s")["Arn"]]
    assert dynamodb.get_item(TableName="things", Key={"id": {"S": "1"}})["Item"]["n"] == {"N": "5"}
    assert [topic["TopicArn"].rpartition(":")[2] for topic in aws("sns").list_topics()["Topics"]] == ["made"]


def test_parameters_are_named_as_sdks_name_them_and_a_body_is_text(aws: Aws, clock: Any, account: str) -> None:
    s3, logs = aws("s3"), aws("logs")
    bucket = f"universal-{account}"
    s3.create_bucket(Bucket=bucket)
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    event = {"Timestamp": clock.now_ms(), "Message": "hello"}
    calls = {
        "s3:putObject": {"Bucket": bucket, "Key": "k", "Body": "hello"},
        "cloudwatchlogs:putLogEvents": {"LogGroupName": "g", "LogStreamName": "s", "LogEvents": [event]},
    }
    for number, (action, parameters) in enumerate(calls.items()):
        target = to(f"arn:aws:scheduler:::aws-sdk:{action}", Input=json.dumps(parameters))
        create(aws, at(clock.now_ms() + 2000), target, Name=f"s{number}")
    clock.advance(s=3)
    found = eventually(lambda: logs.filter_log_events(logGroupName="g")["events"])
    assert [line["message"] for line in found] == ["hello"]
    eventually(lambda: "Contents" in s3.list_objects_v2(Bucket=bucket))
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"hello"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ({"Arn": "nonsense"}, "Provided Arn is not in correct format"),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:getQueueUrl"}, "read-only"),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:noSuchAction"}, "no operation"),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": "text"}, "must be a JSON object"),
        ({"Arn": "arn:aws:ecs:us-east-1:123456789012:cluster/c"}, "not implemented"),
        ({"Arn": "arn:aws:lambda:us-east-1:123456789012:function:f", "Input": "{"}, "well-formed JSON"),
        ({"Arn": "arn:aws:events:us-east-1:123456789012:event-bus/default"}, "EventBridgeParameters"),
        ({"Arn": "arn:aws:sqs:us-east-1:123456789012:q.fifo"}, "SqsParameters"),
    ],
)
def test_a_target_that_could_never_be_invoked_is_refused(aws: Aws, target: dict[str, Any], reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        create(aws, "rate(1 minutes)", {"RoleArn": ROLE, **target})


def test_a_failing_target_ends_in_the_dead_letter_queue(aws: Aws, clock: Any, inbox: Inbox) -> None:
    lost = inbox.arn.replace(":inbox", ":nowhere")
    create(aws, at(clock.now_ms() + 2000), to(lost, Input="body", DeadLetterConfig={"Arn": inbox.arn}))
    clock.advance(s=3)
    (message,) = inbox.messages(1)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert message["Body"] == "body"
    assert attributes["ERROR_CODE"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert (attributes["TARGET_ARN"], attributes["RETRY_ATTEMPTS"]) == (lost, "0")


@pytest.mark.parametrize(
    ("policy", "condition"),
    [
        ({"MaximumRetryAttempts": 2}, "MaximumRetryAttempts"),
        ({"MaximumEventAgeInSeconds": 60}, "MaximumEventAgeInSeconds"),
    ],
)
def test_what_may_pass_is_tried_again_until_its_retries_or_its_age_are_over(
    aws: Aws, clock: Any, inbox: Inbox, policy: dict[str, int], condition: str
) -> None:
    client = aws("lambda")
    create_function(client, "f", "def handler(event, context): pass")
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    call = to(
        "arn:aws:scheduler:::aws-sdk:lambda:invoke",
        Input=json.dumps({"FunctionName": "f", "Payload": '{"attempt":"<aws.scheduler.attempt-number>"}'}),
        RetryPolicy=policy,
        DeadLetterConfig={"Arn": inbox.arn},
    )
    create(aws, at(clock.now_ms() + 2000), call)
    messages: list[dict[str, Any]] = []
    while not messages:
        clock.advance(s=1)
        messages = inbox.messages()
    (message,) = messages
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "TooManyRequestsException"
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == condition
    assert int(attributes["RETRY_ATTEMPTS"]) >= 2


def test_groups_hold_schedules_and_tags_and_take_their_schedules_with_them(aws: Aws, clock: Any, inbox: Inbox) -> None:
    scheduler = aws("scheduler")
    arn = scheduler.create_schedule_group(Name="g", Tags=[{"Key": "a", "Value": "1"}])["ScheduleGroupArn"]
    scheduler.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    scheduler.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    with pytest.raises(ClientError, match="Schedule group g already exists"):
        scheduler.create_schedule_group(Name="g")
    create(aws, at(clock.now_ms() + 2000), to(inbox.arn, Input="x"), GroupName="g")
    assert [group["Name"] for group in scheduler.list_schedule_groups()["ScheduleGroups"]] == ["default", "g"]
    scheduler.delete_schedule_group(Name="g")
    clock.advance(s=3)
    assert inbox.bodies() == []
    with pytest.raises(ClientError, match="Schedule group g does not exist"):
        scheduler.list_schedules(GroupName="g")


def test_schedules_are_listed_in_pages_and_a_client_token_makes_a_retry_harmless(aws: Aws, inbox: Inbox) -> None:
    scheduler = aws("scheduler")
    for name in ("a", "b", "c"):
        create(aws, "rate(1 hours)", to(inbox.arn), Name=name, ClientToken="token", State="DISABLED")
        create(aws, "rate(1 hours)", to(inbox.arn), Name=name, ClientToken="token", State="DISABLED")
    first = scheduler.list_schedules(MaxResults=2)
    rest = scheduler.list_schedules(NextToken=first["NextToken"])
    assert [schedule["Name"] for schedule in first["Schedules"] + rest["Schedules"]] == ["a", "b", "c"]
    with pytest.raises(ClientError, match="Schedule a already exists"):
        create(aws, "rate(1 hours)", to(inbox.arn), Name="a")


def test_a_schedule_fires_once_after_a_crash(tmp_path: Path, account: str) -> None:
    server = LiveServer("--data", str(tmp_path), "--virtual-clock", "--sync", "process")
    inbox = Inbox(server.client("sqs", account=account))
    now_ms = server.admin("POST", "clock", {"advance_seconds": 0})["now_ms"]
    create(lambda service: server.client(service, account=account), at(now_ms + 3000), to(inbox.arn, Input="x"))
    server.kill()
    server = LiveServer("--data", str(tmp_path), "--virtual-clock", "--sync", "process")
    try:
        server.admin("POST", "clock", {"advance_seconds": 60})
        again = Inbox(server.client("sqs", account=account))
        assert again.bodies(1) == ["x"]
        server.admin("POST", "clock", {"advance_seconds": 60})
        assert again.bodies() == []
    finally:
        server.stop()


def test_a_template_makes_groups_and_schedules(aws: Aws, clock: Any, inbox: Inbox) -> None:
    template = {
        "Resources": {
            "Group": {"Type": "AWS::Scheduler::ScheduleGroup", "Properties": {"Name": "g"}},
            "Schedule": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {
                    "GroupName": {"Ref": "Group"},
                    "ScheduleExpression": "rate(10 minutes)",
                    "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": "1"},
                    "StartDate": datetime.fromtimestamp(clock.now_ms() / 1000 + 60, UTC).isoformat(),
                    "Target": to(inbox.arn, Input="x", RetryPolicy={"MaximumRetryAttempts": "3"}),
                },
            },
        }
    }
    cloudformation, scheduler = aws("cloudformation"), aws("scheduler")
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    (listed,) = scheduler.list_schedules(GroupName="g")["Schedules"]
    schedule = scheduler.get_schedule(GroupName="g", Name=listed["Name"])
    assert schedule["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 86_400}
    clock.advance(s=130)
    assert inbox.bodies(1) == ["x"]
    cloudformation.delete_stack(StackName="s")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    assert [group["Name"] for group in scheduler.list_schedule_groups()["ScheduleGroups"]] == ["default"]


def test_an_update_or_deletion_that_comes_again_with_its_client_token_is_not_done_again(
    aws: Aws, clock: Any, inbox: Inbox
) -> None:
    scheduler = aws("scheduler")
    every = {"Name": "s", "FlexibleTimeWindow": OFF, "Target": to(inbox.arn)}
    scheduler.create_schedule(ScheduleExpression="rate(1 hour)", **every)
    first = {"ScheduleExpression": "rate(2 hours)", "ClientToken": "one", **every}
    scheduler.update_schedule(**first)
    scheduler.update_schedule(ScheduleExpression="rate(3 hours)", ClientToken="two", **every)
    scheduler.update_schedule(**first)
    assert scheduler.get_schedule(Name="s")["ScheduleExpression"] == "rate(3 hours)"
    with pytest.raises(scheduler.exceptions.ConflictException):
        scheduler.update_schedule(**first | {"ScheduleExpression": "rate(4 hours)"})

    for _ in range(2):
        scheduler.delete_schedule(Name="s", ClientToken="three")
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.delete_schedule(Name="s", ClientToken="four")
    scheduler.create_schedule_group(Name="g")
    for _ in range(2):
        scheduler.delete_schedule_group(Name="g", ClientToken="five")
    clock.advance(s=9 * 3600)
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.delete_schedule(Name="s", ClientToken="three")
