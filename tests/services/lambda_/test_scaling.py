"""Provisioned concurrency that Application Auto Scaling changes."""

import json
import math
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.patience import eventually
from tests.services.cloudformation import stacks
from tests.services.lambda_.test_provisioned import Held, client, hold, state
from tests.services.lambda_.test_stack_resources import deploy

__all__ = ["client", "hold"]

TARGET = {
    "ServiceNamespace": "lambda",
    "ResourceId": "function:f:live",
    "ScalableDimension": "lambda:function:ProvisionedConcurrency",
}
TRACKING = {
    "TargetValue": 0.6,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"},
}


@pytest.fixture
def scaling(aws: Aws, client: Any) -> Any:
    return aws("application-autoscaling")


def track(scaling: Any, *, least: int, most: int) -> dict[str, Any]:
    scaling.register_scalable_target(**TARGET, MinCapacity=least, MaxCapacity=most)
    answer: dict[str, Any] = scaling.put_scaling_policy(
        **TARGET,
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=TRACKING,
    )
    return answer


def activities(scaling: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = scaling.describe_scaling_activities(ServiceNamespace="lambda")["ScalingActivities"]
    return found


def minutes(client: Any, clock: MovableClock, hold: Any, *busy: int) -> None:
    """In each of the next minutes so many invocations run at once; the last minute has ended."""
    for wanted in busy:
        held: list[Held] = [hold("live") for _ in range(wanted)]
        for each in held:
            each.let_go()
        clock.advance(s=60 - clock.now_ms() / 1000 % 60 + 1)


def settle(scaling: Any, clock: MovableClock, client: Any, *wanted: int) -> int:
    """Wait until the capacity is one of those, and the activity that made it so has ended."""

    def reached() -> int:
        for config in client.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"]:
            units: int = config["AllocatedProvisionedConcurrentExecutions"]
            if config["Status"] == "READY" and units in wanted:
                return units
        return 0

    units: int = eventually(reached)

    def ended() -> bool:
        clock.advance(s=0.5)
        return all(activity["StatusCode"] in ("Successful", "Failed") for activity in activities(scaling))

    eventually(ended)
    return units


def test_a_policy_makes_the_alarms_that_aws_makes(aws: Aws, scaling: Any) -> None:
    made = track(scaling, least=1, most=10)
    alarms = {alarm["AlarmName"].split("-")[2]: alarm for alarm in aws("cloudwatch").describe_alarms()["MetricAlarms"]}
    assert {
        name: (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["Period"]) for name, alarm in alarms.items()
    } == {
        "AlarmHigh": (0.6, 3, 60),
        "AlarmLow": (0.54, 15, 60),
    }
    assert {alarm["MetricName"] for alarm in alarms.values()} == {"ProvisionedConcurrencyUtilization"}
    assert {alarm["AlarmName"].rsplit("-", 6)[0] for alarm in alarms.values()} == {"TargetTracking-function:f:live"}
    assert len(made["Alarms"]) == 2


def test_capacity_follows_the_day(client: Any, scaling: Any, hold: Any, clock: MovableClock) -> None:
    track(scaling, least=2, most=6)
    settle(scaling, clock, client, 2)
    minutes(client, clock, hold, 2, 2)
    assert state(client, "live") == ("READY", 2), "three minutes are needed"
    minutes(client, clock, hold, 2)
    assert settle(scaling, clock, client, 4) == math.ceil(2 / 0.6), "two that run are 60 % of four, rounded up"
    assert "-AlarmHigh-" in activities(scaling)[0]["Cause"]
    assert activities(scaling)[0]["Description"] == "Setting provisioned concurrency to 4."

    minutes(client, clock, hold, 2, 2, 2)
    assert state(client, "live") == ("READY", 4), "half of what there is leaves everything as it is"
    minutes(client, clock, hold, *[0] * 12)
    assert state(client, "live") == ("READY", 4), "a quarter of an hour is needed"
    minutes(client, clock, hold, *[0] * 5)
    settle(scaling, clock, client, 2)
    assert "-AlarmLow-" in activities(scaling)[0]["Cause"]


def test_a_schedule_moves_the_limits_and_the_capacity_with_them(client: Any, scaling: Any, clock: MovableClock) -> None:
    scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=5)
    settle(scaling, clock, client, 1)
    scaling.put_scheduled_action(
        **TARGET, ScheduledActionName="morning", Schedule="rate(1 hour)", ScalableTargetAction={"MinCapacity": 3}
    )
    clock.advance(s=3601)
    settle(scaling, clock, client, 3)


def test_steps_change_what_is_provisioned(aws: Aws, client: Any, scaling: Any, clock: MovableClock) -> None:
    scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=5)
    settle(scaling, clock, client, 1)
    steps = {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 2}],
    }
    policy = scaling.put_scaling_policy(
        **TARGET, PolicyName="s", PolicyType="StepScaling", StepScalingPolicyConfiguration=steps
    )
    aws("cloudwatch").put_metric_alarm(
        AlarmName="load",
        Namespace="mine",
        MetricName="load",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[policy["PolicyARN"]],
    )
    aws("cloudwatch").set_alarm_state(AlarmName="load", StateValue="ALARM", StateReason="test")
    settle(scaling, clock, client, 3)


def test_what_fails_to_be_provisioned_is_a_failed_activity(client: Any, scaling: Any, clock: MovableClock) -> None:
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    scaling.register_scalable_target(**TARGET, MinCapacity=2, MaxCapacity=5)

    def failed() -> bool:
        clock.advance(s=0.5)
        return [activity["StatusCode"] for activity in activities(scaling)] == ["Failed"]

    eventually(failed)
    assert "should not be greater than the reservedConcurrentExecution" in activities(scaling)[0]["StatusMessage"]


REFUSED = [
    ("function:f:$LATEST", "Unsupported service namespace, resource type or scalable dimension"),
    ("function:f", "Unsupported service namespace, resource type or scalable dimension"),
    ("function:nobody:live", "does not exist"),
    ("function:f:nothing", "does not exist"),
]


@pytest.mark.parametrize(("resource", "sentence"), REFUSED)
def test_what_has_no_provisioned_concurrency_is_no_target(scaling: Any, resource: str, sentence: str) -> None:
    with pytest.raises(ClientError, match=sentence):
        scaling.register_scalable_target(**TARGET | {"ResourceId": resource}, MinCapacity=1, MaxCapacity=2)


@pytest.mark.parametrize("value", [0.05, 0.95, 60])
def test_a_target_is_a_ratio(scaling: Any, value: float) -> None:
    scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=2)
    with pytest.raises(ClientError, match=r"between 0\.1 and 0\.9"):
        scaling.put_scaling_policy(
            **TARGET,
            PolicyName="p",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=TRACKING | {"TargetValue": value},
        )


def test_a_serverless_function_is_provisioned_and_scaled_by_its_template(aws: Aws) -> None:
    def work(answer: str) -> dict[str, Any]:
        return {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "FunctionName": "f",
                "Runtime": "python3.12",
                "Handler": "index.handler",
                "InlineCode": f"ANSWER = {answer}\ndef handler(event, context):\n    return ANSWER\n",
                "AutoPublishAlias": "live",
                "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 2},
            },
        }

    scaling = {
        "Target": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {**TARGET, "MinCapacity": 1, "MaxCapacity": 5},
            "DependsOn": "WorkAliaslive",
        },
        "Policy": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": "p",
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": {"Ref": "Target"},
                "TargetTrackingScalingPolicyConfiguration": TRACKING,
            },
        },
    }
    deploy(aws, {"Work": work("1"), **scaling}, {})
    client = aws("lambda")
    assert state(client, "live") == ("READY", 2)
    assert len(aws("cloudwatch").describe_alarms()["MetricAlarms"]) == 2
    deploy(aws, {"Work": work("2"), **scaling}, {}, update=True)
    assert state(client, "live") == ("READY", 2)
    assert json.load(client.invoke(FunctionName="f", Qualifier="live")["Payload"]) == 2

    template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Work": work("1 / 0"), **scaling}}
    capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    stack = stacks.update(aws("cloudformation"), template, Capabilities=capabilities)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert any(
        "failed to be applied. Reason: FUNCTION_ERROR_INIT_FAILURE" in reason
        for reason in stacks.reasons(aws("cloudformation"))
    )
    eventually(lambda: state(client, "live") == ("READY", 2))
    assert json.load(client.invoke(FunctionName="f", Qualifier="live")["Payload"]) == 2
