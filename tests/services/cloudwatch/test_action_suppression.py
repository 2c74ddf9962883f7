"""Composite alarms that do not act while another alarm suppresses it."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.patience import eventually

WAIT_S, EXTENSION_S = 60, 120


@pytest.fixture
def cloudwatch(aws: Aws) -> Any:
    return aws("cloudwatch")


def turn(cloudwatch: Any, name: str, *, on: bool) -> None:
    """Put an alarm that goes off, or that does not."""
    cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule="TRUE" if on else "FALSE")


def put(aws: Aws, cloudwatch: Any, **changes: Any) -> None:
    topic = aws("sns").create_topic(Name="alarms")["TopicArn"]
    wanted = {
        "AlarmName": "top",
        "AlarmRule": "ALARM(child)",
        "AlarmActions": [topic],
        "OKActions": [topic],
        "ActionsSuppressor": "maintenance",
        "ActionsSuppressorWaitPeriod": WAIT_S,
        "ActionsSuppressorExtensionPeriod": EXTENSION_S,
        **changes,
    }
    cloudwatch.put_composite_alarm(**{name: value for name, value in wanted.items() if value is not None})


@pytest.fixture
def top(aws: Aws, cloudwatch: Any) -> None:
    """An alarm that follows `child`, tells a topic of it, and is suppressed by `maintenance`."""
    turn(cloudwatch, "child", on=False)
    turn(cloudwatch, "maintenance", on=False)
    put(aws, cloudwatch)


def seen(cloudwatch: Any) -> tuple[str, int]:
    """What suppresses the alarm's actions, and how often it has acted since it was made."""
    (row,) = cloudwatch.describe_alarms(AlarmNames=["top"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    history = cloudwatch.describe_alarm_history(
        AlarmName="top", HistoryItemType="Action", AlarmTypes=["CompositeAlarm"]
    )["AlarmHistoryItems"]
    return row.get("ActionsSuppressedBy", ""), len(history)


@pytest.mark.parametrize(
    "steps",
    [
        # No suppressor comes within the wait period: the alarm acts when it is over, and at once when it is OK.
        [("child on", ("WaitPeriod", 0)), (61, ("", 1)), ("child off", ("", 2))],
        # It comes in time, and the alarm acts once it has left ALARM and the extension period is over, too.
        [
            ("child on", ("WaitPeriod", 0)), (30, ("WaitPeriod", 0)), ("maintenance on", ("Alarm", 0)),
            (600, ("Alarm", 0)), ("maintenance off", ("ExtensionPeriod", 0)), (121, ("", 1)),
        ],
        # The alarm follows within the extension period: there is nothing to act on.
        [
            ("maintenance on", ("Alarm", 0)), ("child on", ("Alarm", 0)), ("maintenance off", ("ExtensionPeriod", 0)),
            ("child off", ("ExtensionPeriod", 0)), (121, ("", 0)),
        ],
        # It is over before the wait period is.
        [("child on", ("WaitPeriod", 0)), ("child off", ("", 0)), (61, ("", 0))],
        # The suppressor comes back within the extension period.
        [
            ("maintenance on", ("Alarm", 0)), ("child on", ("Alarm", 0)), ("maintenance off", ("ExtensionPeriod", 0)),
            ("maintenance on", ("Alarm", 0)), (600, ("Alarm", 0)),
        ],
        # The end of what was acted on before is acted on after the suppression.
        [
            ("child on", ("WaitPeriod", 0)), (61, ("", 1)), ("maintenance on", ("Alarm", 1)),
            ("child off", ("Alarm", 1)), ("maintenance off", ("ExtensionPeriod", 1)), (121, ("", 2)),
        ],
    ],
)  # fmt: skip
def test_an_alarm_acts_when_nothing_suppresses_it_any_more(
    cloudwatch: Any, top: None, clock: MovableClock, steps: list[tuple[Any, tuple[str, int]]]
) -> None:
    before = seen(cloudwatch)[1]
    for step, (suppressed_by, actions) in steps:
        if isinstance(step, int):
            clock.advance(s=step)
        else:
            name, _, state = step.partition(" ")
            turn(cloudwatch, name, on=state == "on")
        assert eventually(lambda e=(suppressed_by, before + actions): seen(cloudwatch) == e), (step, seen(cloudwatch))  # type: ignore[misc]


def test_suppression_is_described_and_can_be_taken_away(aws: Aws, cloudwatch: Any, top: None) -> None:
    turn(cloudwatch, "maintenance", on=True)
    (row,) = cloudwatch.describe_alarms(AlarmNames=["top"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert {name: value for name, value in row.items() if name.startswith("ActionsSuppress")} == {
        "ActionsSuppressor": "maintenance",
        "ActionsSuppressorWaitPeriod": WAIT_S,
        "ActionsSuppressorExtensionPeriod": EXTENSION_S,
        "ActionsSuppressedBy": "Alarm",
        "ActionsSuppressedReason": "Actions suppressed by Alarm",
    }
    none = dict.fromkeys(
        ("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")
    )  # fmt: skip
    put(aws, cloudwatch, **none)
    turn(cloudwatch, "child", on=True)
    assert seen(cloudwatch)[0] == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ActionsSuppressor": "none"}, "does not exist"),
        ({"ActionsSuppressor": "top"}, "does not exist"),
        ({"ActionsSuppressor": None}, "without one"),
        ({"ActionsSuppressorWaitPeriod": None}, "required"),
        ({"ActionsSuppressorExtensionPeriod": -1}, "negative"),
        ({"AlarmActions": ["arn:aws:autoscaling:us-east-1:1:scalingPolicy:x:resource/y/z"]}, "Auto Scaling"),
    ],
)
def test_a_suppressor_is_there_and_has_its_periods(
    aws: Aws, cloudwatch: Any, top: None, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=f"ValidationError.*{message}"):
        put(aws, cloudwatch, **changes)


def test_children_and_parents_are_found(cloudwatch: Any, top: None) -> None:
    children = cloudwatch.describe_alarms(ChildrenOfAlarmName="top")["CompositeAlarms"]
    assert [(row["AlarmName"], row["StateValue"]) for row in children] == [("child", "OK")]
    parents = cloudwatch.describe_alarms(ParentsOfAlarmName="child")
    assert ([row["AlarmName"] for row in parents["CompositeAlarms"]], parents["MetricAlarms"]) == (["top"], [])
    assert cloudwatch.describe_alarms(ParentsOfAlarmName="top")["CompositeAlarms"] == []
    with pytest.raises(ClientError, match="ValidationError"):
        cloudwatch.describe_alarms(ParentsOfAlarmName="top", StateValue="OK")


def test_a_template_makes_a_composite_alarm(aws: Aws, cloudwatch: Any) -> None:
    properties = {
        "AlarmName": "top",
        "AlarmRule": "ALARM(child)",
        "ActionsSuppressor": {"Ref": "Maintenance"},
        "ActionsSuppressorWaitPeriod": "60",
        "ActionsSuppressorExtensionPeriod": 120,
    }
    turn(cloudwatch, "child", on=False)
    kind = "AWS::CloudWatch::CompositeAlarm"
    resources = {
        "Maintenance": {"Type": kind, "Properties": {"AlarmRule": "FALSE"}},
        "Top": {"Type": kind, "Properties": properties},
    }
    stacks = aws("cloudformation")
    stacks.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": resources}))
    stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 0.1})
    (row,) = cloudwatch.describe_alarms(AlarmNames=["top"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert (row["AlarmRule"], row["ActionsSuppressorWaitPeriod"]) == ("ALARM(child)", 60)
