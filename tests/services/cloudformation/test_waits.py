"""What waits for somebody's signal: wait conditions, creation policies, time-outs, monitoring."""

import json
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.services.cloudformation.stacks import body, create, outputs, queues, reasons, wait, wait_for

WAITING: dict[str, Any] = {
    "Resources": {
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Condition": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": 600, "Count": 2},
        },
    },
    "Outputs": {"Data": {"Value": {"Fn::GetAtt": ["Condition", "Data"]}}},
}
SIGNALLED = {
    "Resources": {
        "Condition": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "CreationPolicy": {"ResourceSignal": {"Count": 2, "Timeout": "PT10M"}},
        }
    }
}


def begin(cloudformation: Any, template: Any, **options: Any) -> str:
    """Create a stack; the address of its wait condition's handle, once the condition waits."""
    cloudformation.create_stack(StackName="shop", TemplateBody=json.dumps(template), **options)
    while "PhysicalResourceId" not in wait_for(cloudformation, "Condition", "CREATE_IN_PROGRESS"):
        pass  # It is told once it waits.
    if "Handle" not in template["Resources"]:
        return ""
    url: str = wait_for(cloudformation, "Handle", "CREATE_COMPLETE")["PhysicalResourceId"]
    return url


def tell(url: str, unique_id: str, status: str = "SUCCESS") -> None:
    signal = {"Status": status, "UniqueId": unique_id, "Data": f"by {unique_id}", "Reason": "so"}
    urllib.request.urlopen(urllib.request.Request(url, data=json.dumps(signal).encode(), method="PUT"))


def test_a_wait_condition_holds_when_it_was_signalled_often_enough(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    url = begin(cloudformation, WAITING)
    tell(url, "a")
    tell(url, "a")
    assert cloudformation.describe_stacks(StackName="shop")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    tell(url, "b")
    assert json.loads(outputs(wait(cloudformation))["Data"]) == {"a": "by a", "b": "by b"}


def test_a_failure_signal_fails_the_wait_condition(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    tell(begin(cloudformation, WAITING), "a", "FAILURE")
    assert wait(cloudformation)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "WaitCondition received failed message: 'so' for uniqueId: a" in reasons(cloudformation)


def test_a_wait_condition_times_out(aws: Aws, clock: MovableClock) -> None:
    cloudformation = aws("cloudformation")
    tell(begin(cloudformation, WAITING), "a")
    clock.advance(s=601)
    assert wait(cloudformation)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "WaitCondition timed out. Received 1 conditions when expecting 2" in reasons(cloudformation)


def test_a_creation_policy_waits_for_signals_to_the_resource(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    begin(cloudformation, SIGNALLED)
    for unique_id in ("a", "b"):
        cloudformation.signal_resource(
            StackName="shop", LogicalResourceId="Condition", UniqueId=unique_id, Status="SUCCESS"
        )
    assert wait(cloudformation)["StackStatus"] == "CREATE_COMPLETE"
    assert "Received SUCCESS signal with UniqueId b" in reasons(cloudformation)


def test_a_creation_policy_times_out(aws: Aws, clock: MovableClock) -> None:
    cloudformation = aws("cloudformation")
    begin(cloudformation, SIGNALLED)
    clock.advance(s=601)
    assert wait(cloudformation)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Failed to receive 2 resource signal(s) within the specified duration" in reasons(cloudformation)


def test_a_creation_that_takes_longer_than_its_time_out_rolls_back(aws: Aws, clock: MovableClock) -> None:
    cloudformation = aws("cloudformation")
    begin(cloudformation, WAITING, TimeoutInMinutes=5)
    clock.advance(s=301)
    assert wait(cloudformation)["StackStatus"] == "ROLLBACK_COMPLETE"
    told = reasons(cloudformation)
    assert "Stack creation time exceeded the specified timeout. Rollback requested by user." in told
    assert "Resource creation cancelled" in told


def test_a_stack_can_be_deleted_while_it_waits(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    begin(cloudformation, WAITING)
    stack_id = cloudformation.describe_stacks(StackName="shop")["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName="shop")
    assert wait(cloudformation, stack_id)["StackStatus"] == "DELETE_COMPLETE"


def test_an_update_can_be_cancelled_while_it_waits(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "a"}}}})
    renamed = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "b"}}
    cloudformation.update_stack(
        StackName="shop", TemplateBody=body({"Resources": {**WAITING["Resources"], "Q": renamed}})
    )
    wait_for(cloudformation, "Condition", "CREATE_IN_PROGRESS")
    wait_for(cloudformation, "Q", "UPDATE_COMPLETE")
    cloudformation.cancel_update_stack(StackName="shop", ClientRequestToken="stop")
    assert wait(cloudformation)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    cloudformation.cancel_update_stack(StackName="shop", ClientRequestToken="stop")
    assert cloudformation.describe_stack_events(StackName="shop")["StackEvents"][0]["ClientRequestToken"] == "stop"
    assert queues(aws) == {"a"}
    with pytest.raises(ClientError, match="CancelUpdateStack cannot be called from current stack status"):
        cloudformation.cancel_update_stack(StackName="shop")


def test_an_update_is_monitored_before_its_clean_up(aws: Aws, clock: MovableClock) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "a"}}}})
    cloudformation.update_stack(
        StackName="shop",
        TemplateBody=body({"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "b"}}}}),
        RollbackConfiguration={"MonitoringTimeInMinutes": 10},
    )
    wait_for(cloudformation, "Q", "UPDATE_COMPLETE")
    assert queues(aws) == {"a", "b"}
    clock.advance(s=601)
    assert wait(cloudformation)["StackStatus"] == "UPDATE_COMPLETE"
    assert queues(aws) == {"b"}


def alarm(aws: Aws, state: str) -> dict[str, Any]:
    """Rollback triggers of one alarm."""
    cloudwatch = aws("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="a", Namespace="n", MetricName="m", Statistic="Sum", Period=86400, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore",
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName="a", StateValue=state, StateReason="test")
    arn = cloudwatch.describe_alarms(AlarmNames=["a"])["MetricAlarms"][0]["AlarmArn"]
    return {"RollbackTriggers": [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"}], "MonitoringTimeInMinutes": 5}


def test_an_alarm_that_is_on_rolls_a_creation_back(aws: Aws) -> None:
    triggers = alarm(aws, "ALARM")
    stack = create(
        aws("cloudformation"), {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}, RollbackConfiguration=triggers
    )
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("went to the state ALARM" in reason for reason in reasons(aws("cloudformation")))


def test_an_alarm_that_goes_off_while_it_is_monitored_rolls_an_update_back(aws: Aws, clock: MovableClock) -> None:
    cloudformation = aws("cloudformation")
    triggers = alarm(aws, "OK")
    create(cloudformation, {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "a"}}}})
    cloudformation.update_stack(
        StackName="shop",
        TemplateBody=body({"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "b"}}}}),
        RollbackConfiguration=triggers,
    )
    wait_for(cloudformation, "Q", "UPDATE_COMPLETE")
    aws("cloudwatch").set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="test")
    clock.advance(s=20)
    assert wait(cloudformation)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert queues(aws) == {"a"}


def test_an_alarm_that_is_not_there_rolls_back(aws: Aws) -> None:
    trigger = {"Arn": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:nobody", "Type": "AWS::CloudWatch::Alarm"}
    stack = create(
        aws("cloudformation"), {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}},
        RollbackConfiguration={"RollbackTriggers": [trigger]},
    )  # fmt: skip
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        ({"Arn": "arn:aws:sns:us-east-1:000000000000:topic", "Type": "AWS::SNS::Topic"}, "Type not supported"),
        ({"Arn": "arn:aws:sns:us-east-1:000000000000:topic", "Type": "AWS::CloudWatch::Alarm"}, "RelativeId of a"),
    ],
)
def test_what_is_no_rollback_trigger_is_refused(aws: Aws, trigger: Any, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        create(
            aws("cloudformation"), {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}},
            RollbackConfiguration={"RollbackTriggers": [trigger]},
        )  # fmt: skip


def test_a_composite_alarm_that_is_on_rolls_a_creation_back(aws: Aws) -> None:
    alarm(aws, "ALARM")
    cloudwatch = aws("cloudwatch")
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule='ALARM("a")')
    cloudwatch.set_alarm_state(AlarmName="both", StateValue="ALARM", StateReason="test")
    (found,) = cloudwatch.describe_alarms(AlarmNames=["both"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    trigger = {"Arn": found["AlarmArn"], "Type": "AWS::CloudWatch::CompositeAlarm"}
    stack = create(
        aws("cloudformation"), {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}},
        RollbackConfiguration={"RollbackTriggers": [trigger]},
    )  # fmt: skip
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
