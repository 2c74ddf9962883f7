"""Custom resources: an endpoint of one's own is asked to scale the shards of a Kinesis stream."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, LiveServer, MovableClock
from tests.patience import eventually, soon
from tests.services.apigateway.apis import Api
from tests.services.apigateway.conftest import make_function as make_function
from tests.services.cloudformation.test_stacks import create

DIMENSION = "custom-resource:ResourceType:Property"
STEPS = {
    "AdjustmentType": "ChangeInCapacity",
    "Cooldown": 600,
    "StepAdjustments": [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 50, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 50, "ScalingAdjustment": 2},
    ],
}


class Shards:
    """The endpoint that scales the stream `load`. `statuses` are what it answers before it is done."""

    def __init__(self, kinesis: Any) -> None:
        self.kinesis = kinesis
        self.asked: list[float] = []
        self.refusal = 0
        self.statuses: list[str] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                endpoint.answer(self)

            def do_PATCH(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                endpoint.asked.append(body["desiredCapacity"])
                if not endpoint.refusal:
                    kinesis.update_shard_count(
                        StreamName="load", TargetShardCount=int(body["desiredCapacity"]), ScalingType="UNIFORM_SCALING"
                    )
                endpoint.answer(self)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/prod/scalableTargetDimensions/load"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        status = self.statuses.pop(0) if self.statuses and handler.command == "GET" else "Successful"
        if self.statuses and handler.command == "PATCH":
            status = "InProgress"
        body = {
            "actualCapacity": float(self.count()),
            "desiredCapacity": self.asked[-1] if self.asked else 1.0,
            "dimensionName": "shards",
            "resourceName": "load",
            "scalableTargetDimensionId": "load",
            "scalingStatus": status,
            "version": "1",
        }
        refused = self.refusal and handler.command == "PATCH"
        data = json.dumps({"message": "not today"} if refused else body).encode()
        handler.send_response(self.refusal if refused else 200)
        handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def count(self, stream: str = "load") -> int:
        found: int = self.kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"][
            "OpenShardCount"
        ]
        return found

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def shards(aws: Aws) -> Iterator[Shards]:
    kinesis = aws("kinesis")
    for name in ("load", "other"):
        kinesis.create_stream(StreamName=name, ShardCount=1)
        kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 0})
    made = Shards(kinesis)
    yield made
    made.close()


@pytest.fixture
def scaling(aws: Aws) -> Any:
    return aws("application-autoscaling")


@pytest.fixture
def place(shards: Shards) -> dict[str, str]:
    return {"ServiceNamespace": "custom-resource", "ResourceId": shards.url, "ScalableDimension": DIMENSION}


def activities(scaling: Any, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = scaling.describe_scaling_activities(ServiceNamespace="custom-resource", **more)[
        "ScalingActivities"
    ]
    return found


def load(aws: Aws, clock: MovableClock, shards: Shards, *per_minute: float) -> None:
    """So many records come in each of the next minutes; what there is of shards is told as well."""
    with clock.standing():
        for records in per_minute:
            clock.advance(s=60 - clock.now_ms() / 1000 % 60 + 1)
            data = [{"MetricName": "Records", "Value": records}, {"MetricName": "Shards", "Value": shards.count()}]
            aws("cloudwatch").put_metric_data(Namespace="App", MetricData=data)
        clock.advance(s=60 - clock.now_ms() / 1000 % 60 + 1)


def loaded(aws: Aws, clock: MovableClock, shards: Shards, records: float, *, count: int, minutes: int) -> bool:
    """Whether so many records a minute lead to that number of shards within these minutes."""
    for _ in range(minutes):
        load(aws, clock, shards, records)
        if soon(lambda: shards.count() == count, within_s=0.3):
            return True
    return eventually(lambda: shards.count() == count)


def test_shards_follow_the_load_by_metric_math_and_another_stream_stays_as_it_is(
    aws: Aws, scaling: Any, shards: Shards, place: dict[str, str], clock: MovableClock
) -> None:
    def stat(name: str) -> dict[str, Any]:
        return {"Metric": {"Namespace": "App", "MetricName": name}, "Stat": "Average"}

    scaling.register_scalable_target(**place, MinCapacity=1, MaxCapacity=8)
    scaling.put_scaling_policy(
        **place,
        PolicyName="per-shard",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 100.0,
            "CustomizedMetricSpecification": {
                "Metrics": [
                    {"Id": "records", "MetricStat": stat("Records"), "ReturnData": False},
                    {"Id": "shards", "MetricStat": stat("Shards"), "ReturnData": False},
                    {"Id": "each", "Expression": "records / shards", "ReturnData": True},
                ]
            },
        },
    )
    assert loaded(aws, clock, shards, 200, count=2, minutes=6)
    assert loaded(aws, clock, shards, 350, count=4, minutes=12), "after the cooldown, which is 300 seconds"
    assert eventually(lambda: activities(scaling)[0]["StatusCode"] == "Successful")
    assert activities(scaling)[0]["Description"] == "Setting desired capacity to 4."
    assert activities(scaling)[0]["StatusMessage"] == (
        "Successfully set desired capacity to 4. Change successfully fulfilled by custom-resource."
    )
    assert loaded(aws, clock, shards, 190, count=2, minutes=20), "what 190 records need"
    assert (shards.asked, shards.count("other")) == ([2.0, 4.0, 2.0], 1)


def step_policy(aws: Aws, scaling: Any, place: dict[str, str], *, most: int = 8) -> None:
    scaling.register_scalable_target(**place, MinCapacity=1, MaxCapacity=most)
    arn = scaling.put_scaling_policy(
        **place, PolicyName="steps", PolicyType="StepScaling", StepScalingPolicyConfiguration=STEPS
    )["PolicyARN"]
    aws("cloudwatch").put_metric_alarm(
        AlarmName="busy", Namespace="App", MetricName="Records", Statistic="Sum", Period=60, EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold", Threshold=100.0, AlarmActions=[arn],
    )  # fmt: skip


def test_an_alarm_of_ones_own_takes_the_step_that_its_value_calls_for(
    aws: Aws, scaling: Any, shards: Shards, place: dict[str, str], clock: MovableClock
) -> None:
    step_policy(aws, scaling, place)
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="custom-resource")["ScalingPolicies"]
    assert (policy["PolicyType"], policy["StepScalingPolicyConfiguration"]) == ("StepScaling", STEPS)
    assert [alarm["AlarmName"] for alarm in policy["Alarms"]] == ["busy"]
    load(aws, clock, shards, 120)
    assert eventually(lambda: shards.count() == 2)
    assert eventually(lambda: activities(scaling)[0]["StatusCode"] == "Successful")
    assert activities(scaling)[0]["Cause"] == "monitor alarm busy in state ALARM triggered policy steps"
    load(aws, clock, shards, 130)
    assert eventually(
        lambda: [reason["Code"] for one in activities(scaling, IncludeNotScaledActivities=True)
                 for reason in one.get("NotScaledReasons", ())] == ["AlreadyAtDesiredCapacity"]
    ), "within the cooldown, what was added counts"  # fmt: skip
    assert len(activities(scaling)) == 1
    load(aws, clock, shards, 190)
    assert eventually(lambda: shards.count() == 3), "a larger step is taken, from where the first began"


def test_a_target_at_its_most_says_so_once(
    aws: Aws, scaling: Any, shards: Shards, place: dict[str, str], clock: MovableClock
) -> None:
    step_policy(aws, scaling, place, most=1)

    def unscaled() -> list[dict[str, Any]]:
        return activities(scaling, IncludeNotScaledActivities=True)

    load(aws, clock, shards, 120)
    assert eventually(lambda: len(unscaled()) == 1)
    load(aws, clock, shards, 120, 120)
    (one,) = unscaled()
    assert one["NotScaledReasons"] == [{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 1, "CurrentCapacity": 1}]
    assert (one["Description"], activities(scaling)) == ("Attempting to scale due to alarm triggered", [])


def test_limits_are_kept_and_a_change_is_waited_for(
    scaling: Any, shards: Shards, place: dict[str, str], clock: MovableClock
) -> None:
    shards.statuses = ["Successful", "InProgress", "Pending", "Successful"]
    scaling.register_scalable_target(**place, MinCapacity=2, MaxCapacity=4)
    assert eventually(lambda: [one["StatusCode"] for one in activities(scaling)] == ["InProgress"])
    assert "EndTime" not in activities(scaling)[0]

    def done() -> bool:
        clock.advance(s=11)
        return [one["StatusCode"] for one in activities(scaling)] == ["Successful"]

    assert eventually(done)
    assert (shards.count(), activities(scaling)[0]["Cause"]) == (2, "minimum capacity was set to 2")


FUNCTION = """
import json
import boto3

kinesis = boto3.client("kinesis")

def handler(event, context):
    stream = event["pathParameters"]["id"]
    if event["httpMethod"] == "PATCH":
        wanted = json.loads(event["body"])["desiredCapacity"]
        kinesis.update_shard_count(StreamName=stream, TargetShardCount=int(wanted), ScalingType="UNIFORM_SCALING")
    found = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    status = "Successful" if found["StreamStatus"] == "ACTIVE" else "InProgress"
    count = found["OpenShardCount"]
    body = {"actualCapacity": count, "desiredCapacity": count, "dimensionName": "shards", "resourceName": stream,
            "scalableTargetDimensionId": stream, "scalingStatus": status, "version": "1"}
    return {"statusCode": 200, "body": json.dumps(body)}
"""


def test_a_function_behind_an_api_of_the_cloud_scales_the_stream(
    aws: Aws, server: LiveServer, scaling: Any, shards: Shards, make_function: Callable[[str], str], clock: MovableClock
) -> None:
    api = Api(aws("apigateway"), server.endpoint)
    api.function("/scalableTargetDimensions/{id}", make_function(FUNCTION))
    api.deploy()
    scaling.register_scalable_target(
        ServiceNamespace="custom-resource",
        ResourceId=f"https://{api.id}.execute-api.us-east-1.amazonaws.com/test/scalableTargetDimensions/load",
        ScalableDimension=DIMENSION,
        MinCapacity=2,
        MaxCapacity=4,
    )

    def done() -> bool:
        clock.advance(s=11)
        return [one["StatusCode"] for one in activities(scaling)] == ["Successful"]

    assert eventually(done)
    assert (shards.count(), shards.count("other")) == (2, 1)


@pytest.mark.parametrize(
    ("status", "tries", "reason"),
    [
        (403, 1, "The endpoint answered with status 403: not today"),
        (503, 4, "The endpoint answered with status 503."),
    ],
)
def test_an_endpoint_that_refuses_fails_the_activity_and_one_that_is_in_trouble_is_asked_again(
    scaling: Any, shards: Shards, place: dict[str, str], clock: MovableClock, status: int, tries: int, reason: str
) -> None:
    shards.refusal = status
    scaling.register_scalable_target(**place, MinCapacity=2, MaxCapacity=4)

    def failed() -> bool:
        clock.advance(s=31)
        return [one["StatusCode"] for one in activities(scaling)] == ["Failed"]

    assert eventually(failed)
    assert len(shards.asked) == tries
    assert activities(scaling)[0]["StatusMessage"] == f"Failed to set desired capacity to 2. Reason: {reason}"


def test_limits_wait_for_somebody_elses_change_and_tell_if_they_waited_in_vain(
    scaling: Any, shards: Shards, place: dict[str, str], clock: MovableClock
) -> None:
    shards.statuses = ["InProgress"] * 9
    scaling.register_scalable_target(**place, MinCapacity=2, MaxCapacity=4)

    def told() -> bool:
        clock.advance(s=31)
        return [one["StatusCode"] for one in activities(scaling)] == ["Failed"]

    assert eventually(told)
    assert activities(scaling)[0]["StatusMessage"] == (
        "Failed to look at the capacity. Reason: It is being changed by somebody else."
    )
    assert (shards.asked, shards.count()) == ([], 1)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"ResourceId": "table/jobs"}, "ValidationException"),
        ({"ResourceId": "https://example.com/prod/x"}, "ValidationException"),
        ({"ServiceNamespace": "ecs"}, "ValidationException"),
    ],
)
def test_what_is_no_endpoint_is_not_registered(
    scaling: Any, place: dict[str, str], changed: dict[str, str], code: str
) -> None:
    with pytest.raises(ClientError) as refused:
        scaling.register_scalable_target(**place | changed, MinCapacity=1, MaxCapacity=2)
    assert refused.value.response["Error"]["Code"] == code


def test_policies_are_of_the_type_that_they_say(scaling: Any, place: dict[str, str]) -> None:
    scaling.register_scalable_target(**place, MinCapacity=1, MaxCapacity=2)
    named = place | {"PolicyName": "steps"}
    scaling.put_scaling_policy(**named, PolicyType="StepScaling", StepScalingPolicyConfiguration=STEPS)
    for refused in (
        {"PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 1.0}},
        {"PolicyType": "StepScaling", "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 1.0}},
        {"PolicyType": "StepScaling", "PolicyName": "another"},
    ):
        with pytest.raises(ClientError, match="ValidationException"):
            scaling.put_scaling_policy(**named | refused)
    with pytest.raises(ClientError, match="NotImplemented"):
        scaling.put_scaling_policy(**named, PolicyType="PredictiveScaling")


def test_a_template_gives_steps_as_text(aws: Aws, scaling: Any, place: dict[str, str]) -> None:
    target = {**place, "MinCapacity": "1", "MaxCapacity": "3"}
    step = {"MetricIntervalLowerBound": "0", "ScalingAdjustment": "100"}
    policy = {
        "PolicyName": "double",
        "PolicyType": "StepScaling",
        "ScalingTargetId": {"Ref": "Target"},
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "PercentChangeInCapacity",
            "Cooldown": "60",
            "MinAdjustmentMagnitude": "1",
            "StepAdjustments": [step],
        },
    }
    create(
        aws("cloudformation"),
        {
            "Resources": {
                "Target": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": target},
                "Policy": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": policy},
            }
        },
    )
    (described,) = scaling.describe_scaling_policies(ServiceNamespace="custom-resource")["ScalingPolicies"]
    assert described["StepScalingPolicyConfiguration"] == {
        "AdjustmentType": "PercentChangeInCapacity",
        "Cooldown": 60,
        "MinAdjustmentMagnitude": 1,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 100}],
    }
