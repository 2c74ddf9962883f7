"""Tables that are scaled: targets, policies that track a target, scheduled actions."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.patience import eventually, soon
from tests.services.cloudformation.test_stacks import create, wait

TABLE = {
    "ServiceNamespace": "dynamodb",
    "ResourceId": "table/jobs",
    "ScalableDimension": "dynamodb:table:WriteCapacityUnits",
}
UNSUPPORTED = "Unsupported service namespace, resource type or scalable dimension"
TRACKING = {
    "TargetValue": 70.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBWriteCapacityUtilization"},
}


@pytest.fixture
def dynamodb(aws: Aws) -> Any:
    made = aws("dynamodb")
    index = {
        "IndexName": "by-n",
        "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 50},
    }
    made.create_table(
        TableName="jobs",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("id", "n")],
        GlobalSecondaryIndexes=[index],
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    )
    return made


@pytest.fixture
def scaling(aws: Aws, dynamodb: Any) -> Any:
    return aws("application-autoscaling")


def writes(dynamodb: Any) -> int:
    units: int = dynamodb.describe_table(TableName="jobs")["Table"]["ProvisionedThroughput"]["WriteCapacityUnits"]
    return units


def minutes(dynamodb: Any, clock: MovableClock, *units: int) -> None:
    """Consume so many write units in each of the next minutes, a tenth in each six seconds, and end the last one."""
    with clock.standing():
        for wanted in units:
            clock.advance(s=60 - clock.now_ms() / 1000 % 60 + 1)
            for _ in range(10 if wanted else 0):
                dynamodb.put_item(TableName="jobs", Item={"id": {"S": "a"}, "text": {"S": "x" * (wanted * 100 - 60)}})
                clock.advance(s=5.5)
        clock.advance(s=60 - clock.now_ms() / 1000 % 60 + 1)


def track(scaling: Any, *, least: int = 2, most: int = 40, **more: Any) -> dict[str, Any]:
    scaling.register_scalable_target(**TABLE, MinCapacity=least, MaxCapacity=most)
    answer: dict[str, Any] = scaling.put_scaling_policy(
        **TABLE,
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={**TRACKING, **more},
    )
    return answer


def activities(scaling: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = scaling.describe_scaling_activities(ServiceNamespace="dynamodb")["ScalingActivities"]
    return found


def test_a_policy_makes_its_alarms_and_takes_them_with_it(aws: Aws, scaling: Any) -> None:
    made = track(scaling)
    alarms = {alarm["AlarmName"].split("-")[-6]: alarm for alarm in aws("cloudwatch").describe_alarms()["MetricAlarms"]}
    rules = {name: (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["Period"]) for name, alarm in alarms.items()}
    assert rules == {
        "AlarmHigh": (210.0, 2, 60),
        "AlarmLow": (150.0, 15, 60),
        "ProvisionedCapacityHigh": (5.0, 3, 300),
        "ProvisionedCapacityLow": (5.0, 3, 300),
    }
    assert {alarm["AlarmName"] for alarm in made["Alarms"]} == {alarm["AlarmName"] for alarm in alarms.values()}
    assert all(alarm["AlarmActions"] == [made["PolicyARN"]] for alarm in alarms.values())
    track(scaling, DisableScaleIn=True)
    assert len(aws("cloudwatch").describe_alarms()["MetricAlarms"]) == 3
    scaling.deregister_scalable_target(**TABLE)
    assert aws("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"] == []


def test_load_scales_a_table_out_and_quiet_scales_it_in(
    aws: Aws, dynamodb: Any, scaling: Any, clock: MovableClock
) -> None:
    track(scaling)
    minutes(dynamodb, clock, 280, 280)
    assert eventually(lambda: writes(dynamodb) == 7), "280 a minute are 70 % of 7 a second, rounded up"
    (activity,) = activities(scaling)
    assert activity["Description"] == "Setting write capacity units to 7."
    assert activity["StatusMessage"] == (
        "Successfully set write capacity units to 7. Change successfully fulfilled by dynamodb."
    )
    alarm = activity["Cause"].removeprefix("monitor alarm ").removesuffix(" in state ALARM triggered policy p")
    assert alarm.startswith("TargetTracking-table/jobs-AlarmHigh-")
    (high,) = aws("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    assert high["Threshold"] == 294.0

    minutes(dynamodb, clock, *[20] * 14)
    assert writes(dynamodb) == 7, "fifteen minutes are needed"
    minutes(dynamodb, clock, 20, 20)
    assert eventually(lambda: writes(dynamodb) == 2), "the least that the target allows"
    assert "-AlarmLow-" in activities(scaling)[0]["Cause"]


def test_the_alarms_follow_a_capacity_that_somebody_changes(
    aws: Aws, dynamodb: Any, scaling: Any, clock: MovableClock
) -> None:
    alarms = {alarm["AlarmName"].split("-")[2]: alarm["AlarmName"] for alarm in track(scaling)["Alarms"]}

    def threshold() -> float:
        (high,) = aws("cloudwatch").describe_alarms(AlarmNames=[alarms["AlarmHigh"]])["MetricAlarms"]
        found: float = high["Threshold"]
        return found

    changed = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 10}
    dynamodb.update_table(TableName="jobs", ProvisionedThroughput=changed)
    assert threshold() == 210.0
    for _ in range(10):  # Three values of five minutes are needed.
        clock.advance(s=300)
        if soon(lambda: threshold() == 420.0, within_s=0.3):
            break
    eventually(lambda: threshold() == 420.0)
    assert (writes(dynamodb), activities(scaling)) == (10, [])


def test_a_target_keeps_to_its_most_and_to_what_is_suspended(dynamodb: Any, scaling: Any, clock: MovableClock) -> None:
    track(scaling, most=6, TargetValue=50.0)
    scaling.register_scalable_target(**TABLE, SuspendedState={"DynamicScalingOutSuspended": True})
    minutes(dynamodb, clock, 250, 250)
    minutes(dynamodb, clock, 0)
    assert (writes(dynamodb), activities(scaling)) == (5, [])
    scaling.register_scalable_target(**TABLE, SuspendedState={"DynamicScalingOutSuspended": False})
    minutes(dynamodb, clock, 250, 250)
    assert eventually(lambda: writes(dynamodb) == 6)


def test_a_metric_of_ones_own_scales_in_proportion_and_waits_for_its_cooldown(
    aws: Aws, dynamodb: Any, scaling: Any, clock: MovableClock
) -> None:
    scaling.register_scalable_target(**TABLE, MinCapacity=2, MaxCapacity=100)
    scaling.put_scaling_policy(
        **TABLE,
        PolicyName="backlog",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 10,
            "ScaleOutCooldown": 600,
            "CustomizedMetricSpecification": {"Namespace": "App", "MetricName": "backlog", "Statistic": "Average"},
        },
    )

    def backlog(value: float, times: int) -> None:
        for _ in range(times):
            clock.advance(s=60 - clock.now_ms() / 1000 % 60 + 1)
            aws("cloudwatch").put_metric_data(Namespace="App", MetricData=[{"MetricName": "backlog", "Value": value}])
        clock.advance(s=60 - clock.now_ms() / 1000 % 60 + 1)

    backlog(20.0, 3)
    assert eventually(lambda: writes(dynamodb) == 10)
    backlog(20.0, 2)
    assert writes(dynamodb) == 10, "what was added counts for as long as the cooldown goes on"
    backlog(40.0, 1)
    assert eventually(lambda: writes(dynamodb) == 20), "a larger one is done at once, from where the first began"


def test_of_several_policies_the_one_with_the_largest_capacity_counts(
    aws: Aws, dynamodb: Any, scaling: Any, clock: MovableClock
) -> None:
    scaling.register_scalable_target(**TABLE, MinCapacity=2, MaxCapacity=100)
    for name in ("age", "backlog"):
        scaling.put_scaling_policy(
            **TABLE,
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 10,
                "ScaleOutCooldown": 600,
                "CustomizedMetricSpecification": {"Namespace": "App", "MetricName": name, "Statistic": "Average"},
            },
        )
    for _ in range(3):
        clock.advance(s=60 - clock.now_ms() / 1000 % 60 + 1)
        data = [{"MetricName": "age", "Value": 20.0}, {"MetricName": "backlog", "Value": 30.0}]
        aws("cloudwatch").put_metric_data(Namespace="App", MetricData=data)
    clock.advance(s=60 - clock.now_ms() / 1000 % 60 + 1)
    assert eventually(lambda: writes(dynamodb) == 15), "three times 5, and not three times twice 5"


def test_limits_bring_the_capacity_within_them_at_once_and_at_a_scheduled_time(
    dynamodb: Any, scaling: Any, clock: MovableClock
) -> None:
    scaling.register_scalable_target(**TABLE, MinCapacity=8, MaxCapacity=20)
    assert (writes(dynamodb), activities(scaling)[0]["Cause"]) == (8, "minimum capacity was set to 8")
    due = datetime.fromtimestamp(clock.now_ms() // 1000 + 120, UTC).strftime("at(%Y-%m-%dT%H:%M:%S)")
    scaling.put_scheduled_action(
        **TABLE, ScheduledActionName="night", Schedule=due, ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 3}
    )
    clock.advance(s=121)
    assert eventually(lambda: writes(dynamodb) == 3)
    assert activities(scaling)[0]["Cause"] == "maximum capacity was set to 3"
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 3)
    assert target["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_DynamoDBTable")
    (action,) = scaling.describe_scheduled_actions(ServiceNamespace="dynamodb")["ScheduledActions"]
    assert (action["Schedule"], action["ScalableTargetAction"]) == (due, {"MinCapacity": 1, "MaxCapacity": 3})
    scaling.delete_scheduled_action(**TABLE, ScheduledActionName="night")
    assert scaling.describe_scheduled_actions(ServiceNamespace="dynamodb")["ScheduledActions"] == []


def test_an_index_is_scaled_for_itself(dynamodb: Any, scaling: Any) -> None:
    place = {"ResourceId": "table/jobs/index/by-n", "ScalableDimension": "dynamodb:index:ReadCapacityUnits"}
    scaling.register_scalable_target(ServiceNamespace="dynamodb", **place, MinCapacity=9, MaxCapacity=20)
    (index,) = dynamodb.describe_table(TableName="jobs")["Table"]["GlobalSecondaryIndexes"]
    units = index["ProvisionedThroughput"]
    assert (units["ReadCapacityUnits"], units["WriteCapacityUnits"]) == (9, 50)


LIMITS = {"MinCapacity": 1, "MaxCapacity": 2}


@pytest.mark.parametrize(
    ("changed", "code", "message"),
    [
        ({"ResourceId": "table/none"}, "ValidationException", "DynamoDB table does not exist: table/none"),
        ({"ScalableDimension": "dynamodb:index:ReadCapacityUnits"}, "ValidationException", UNSUPPORTED),
        ({"ScalableDimension": "ecs:service:DesiredCount"}, "ValidationException", UNSUPPORTED),
        ({"MinCapacity": 3}, "ValidationException", "Maximum capacity cannot be less than minimum capacity"),
        (
            {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"},
            "NotImplemented",
            "ecs:service:DesiredCount",
        ),
    ],
)
def test_what_cannot_be_scaled_is_not_registered(
    scaling: Any, changed: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(ClientError, match=message) as refused:
        scaling.register_scalable_target(**TABLE | LIMITS | changed)
    assert refused.value.response["Error"]["Code"] == code


def test_what_is_not_there_is_not_found_and_tokens_are_checked(scaling: Any) -> None:
    for operation, parameters in (
        (scaling.deregister_scalable_target, TABLE),
        (scaling.put_scaling_policy, TABLE | {"PolicyName": "p"}),
        (scaling.delete_scaling_policy, TABLE | {"PolicyName": "p"}),
        (scaling.delete_scheduled_action, TABLE | {"ScheduledActionName": "a"}),
    ):
        with pytest.raises(scaling.exceptions.ObjectNotFoundException):
            operation(**parameters)
    with pytest.raises(scaling.exceptions.InvalidNextTokenException):
        scaling.describe_scaling_activities(ServiceNamespace="dynamodb", NextToken="none")


def test_targets_have_tags(aws: Aws, scaling: Any) -> None:
    arn = scaling.register_scalable_target(**TABLE, **LIMITS, Tags={"a": "1"})["ScalableTargetARN"]
    scaling.tag_resource(ResourceARN=arn, Tags={"b": "2"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "2"}
    tagging = aws("resourcegroupstaggingapi")
    found = tagging.get_resources(ResourceTypeFilters=["application-autoscaling"])["ResourceTagMappingList"]
    assert [row["ResourceARN"] for row in found] == [arn]


def test_a_template_scales_a_table(aws: Aws, dynamodb: Any, scaling: Any) -> None:
    target = {**TABLE, "MinCapacity": "6", "MaxCapacity": 30, "Tags": [{"Key": "a", "Value": "1"}]}
    policy = {
        "PolicyName": "p",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": {"Ref": "Target"},
        "TargetTrackingScalingPolicyConfiguration": TRACKING,
    }
    cloudformation = aws("cloudformation")
    stack_id = create(
        cloudformation,
        {
            "Resources": {
                "Target": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": target},
                "Policy": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": policy},
            }
        },
    )["StackId"]
    assert writes(dynamodb) == 6
    (described,) = scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
    assert described["TargetTrackingScalingPolicyConfiguration"] == TRACKING
    cloudformation.delete_stack(StackName="shop")
    wait(cloudformation, stack_id)
    assert scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"] == []


def test_replicas_of_a_global_table_are_scaled_together(aws: Aws, dynamodb: Any) -> None:
    with pytest.raises(ClientError, match="not a global table"):
        dynamodb.describe_table_replica_auto_scaling(TableName="jobs")
    dynamodb.update_table(
        TableName="jobs", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    )
    dynamodb.update_table(TableName="jobs", ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}])
    policy = {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": 50.0}}
    limits = {"MinimumUnits": 5, "MaximumUnits": 50, "ScalingPolicyUpdate": policy}
    reads = {"RegionName": "eu-west-1", "ReplicaProvisionedReadCapacityAutoScalingUpdate": limits}
    dynamodb.update_table_replica_auto_scaling(
        TableName="jobs", ProvisionedWriteCapacityAutoScalingUpdate=limits, ReplicaUpdates=[reads]
    )
    described = dynamodb.describe_table_replica_auto_scaling(TableName="jobs")["TableAutoScalingDescription"]
    home, there = described["Replicas"]
    assert (home["RegionName"], there["RegionName"]) == ("us-east-1", "eu-west-1")
    written = home["ReplicaProvisionedWriteCapacityAutoScalingSettings"]
    assert written == there["ReplicaProvisionedWriteCapacityAutoScalingSettings"]
    assert (written["MinimumUnits"], written["ScalingPolicies"][0]["TargetTrackingScalingPolicyConfiguration"]) == (
        5, {"TargetValue": 50.0},
    )  # fmt: skip
    assert home["ReplicaProvisionedReadCapacityAutoScalingSettings"] == {"AutoScalingDisabled": True}
    assert there["ReplicaProvisionedReadCapacityAutoScalingSettings"]["MaximumUnits"] == 50
    dynamodb.update_table_replica_auto_scaling(
        TableName="jobs", ProvisionedWriteCapacityAutoScalingUpdate={"AutoScalingDisabled": True}
    )
    assert json.dumps(dynamodb.describe_table_replica_auto_scaling(TableName="jobs")).count("MinimumUnits") == 1
