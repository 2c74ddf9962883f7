"""Rotation by functions, at once and by the rules."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from fogbank.services.secretsmanager.errors import InvalidParameter
from fogbank.services.secretsmanager.rotation_schedule import check_rules, next_window
from tests.patience import eventually
from tests.services.lambda_.test_invocation import create as create_function

Aws = Callable[..., Any]
DAY_S = 86_400

# It fails where the secret says so, and notes every step that it was asked for in the secret's tags.
ROTATOR = """
import boto3, os

manager = boto3.client("secretsmanager", endpoint_url=os.environ["AWS_ENDPOINT_URL"])

def handler(event, context):
    secret, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    about = manager.describe_secret(SecretId=secret)
    assert about["RotationEnabled"]
    assert "AWSPENDING" in about["VersionIdsToStages"][token]
    steps = {tag["Key"]: tag["Value"] for tag in about.get("Tags", [])}.get("steps", "")
    manager.tag_resource(SecretId=secret, Tags=[{"Key": "steps", "Value": (steps + "/" + step)[-200:]}])
    if about.get("Description") == step:
        raise RuntimeError("told to fail in " + step)
    if step == "createSecret":
        current = int(manager.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")["SecretString"])
        try:
            manager.get_secret_value(SecretId=secret, VersionId=token, VersionStage="AWSPENDING")
        except manager.exceptions.ResourceNotFoundException:
            manager.put_secret_value(
                SecretId=secret, ClientRequestToken=token, SecretString=str(current + 1),
                VersionStages=["AWSPENDING"], RotationToken=event["RotationToken"],
            )
    if step == "testSecret":
        manager.get_secret_value(SecretId=secret, VersionId=token)
    if step == "finishSecret":
        (current,) = [v for v, stages in about["VersionIdsToStages"].items() if "AWSCURRENT" in stages]
        manager.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
        )
        manager.update_secret_version_stage(SecretId=secret, VersionStage="AWSPENDING", RemoveFromVersionId=token)
"""


class Rotated:
    """A secret, a number, that a function makes greater by one."""

    def __init__(self, aws: Aws) -> None:
        self.manager = aws("secretsmanager")
        functions = aws("lambda")
        function = create_function(functions, "rotator", ROTATOR, Timeout=30)
        functions.add_permission(
            FunctionName="rotator",
            StatementId="s",
            Action="lambda:InvokeFunction",
            Principal="secretsmanager.amazonaws.com",
        )
        self.settings = {"SecretId": "s", "RotationLambdaARN": function["FunctionArn"]}
        self.manager.create_secret(Name="s", SecretString="1")

    def value(self, stage: str = "AWSCURRENT") -> str:
        found: str = self.manager.get_secret_value(SecretId="s", VersionStage=stage)["SecretString"]
        return found

    def about(self) -> dict[str, Any]:
        found: dict[str, Any] = self.manager.describe_secret(SecretId="s")
        return found

    def steps(self) -> list[str]:
        tags = {tag["Key"]: tag["Value"] for tag in self.about().get("Tags", [])}
        return [step for step in tags.get("steps", "").split("/") if step]


@pytest.fixture
def rotated(aws: Aws) -> Rotated:
    return Rotated(aws)


def test_a_rotation_takes_four_steps_and_comes_again_by_the_rules(rotated: Rotated, clock: Any) -> None:
    answer = rotated.manager.rotate_secret(**rotated.settings, RotationRules={"AutomaticallyAfterDays": 2})
    eventually(lambda: rotated.value() == "2")
    eventually(lambda: rotated.steps() == ["createSecret", "setSecret", "testSecret", "finishSecret"])
    about = rotated.about()
    assert about["VersionIdsToStages"][answer["VersionId"]] == ["AWSCURRENT"]
    assert rotated.value("AWSPREVIOUS") == "1"
    assert 2 * DAY_S <= (about["NextRotationDate"] - about["LastRotatedDate"]).total_seconds() <= 3 * DAY_S
    clock.advance(s=2 * DAY_S)
    eventually(lambda: rotated.value() == "3")
    rotated.manager.cancel_rotate_secret(SecretId="s")
    assert rotated.about()["RotationEnabled"] is False
    clock.advance(s=3 * DAY_S)
    assert rotated.value() == "3"


def test_a_rotation_that_fails_is_tried_again_and_keeps_others_from_beginning(rotated: Rotated, clock: Any) -> None:
    manager = rotated.manager
    manager.update_secret(SecretId="s", Description="setSecret")
    manager.rotate_secret(**rotated.settings, RotationRules={"AutomaticallyAfterDays": 1})
    eventually(lambda: rotated.steps() == ["createSecret", "setSecret"])
    with pytest.raises(manager.exceptions.InvalidRequestException, match="A previous rotation isn't complete"):
        manager.rotate_secret(SecretId="s")
    manager.update_secret(SecretId="s", Description="nothing")

    def is_rotated() -> bool:
        clock.advance(s=60)
        return rotated.value() == "2"

    eventually(is_rotated)
    assert rotated.steps()[2:5] == ["createSecret", "setSecret", "testSecret"]


def test_rotating_later_tests_the_function_and_leaves_the_secret_as_it_was(rotated: Rotated) -> None:
    manager = rotated.manager
    manager.rotate_secret(**rotated.settings, RotationRules={"AutomaticallyAfterDays": 1}, RotateImmediately=False)
    eventually(lambda: rotated.steps() == ["testSecret"])
    eventually(lambda: list(rotated.about()["VersionIdsToStages"].values()) == [["AWSCURRENT"]])
    assert rotated.value() == "1"


def test_a_function_that_does_not_let_secrets_manager_in_is_refused(aws: Aws) -> None:
    manager = aws("secretsmanager")
    manager.create_secret(Name="s", SecretString="1")
    function = create_function(aws("lambda"), "f", ROTATOR)
    with pytest.raises(manager.exceptions.ClientError, match="cannot invoke the specified Lambda function"):
        manager.rotate_secret(SecretId="s", RotationLambdaARN=function["FunctionArn"])
    assert "RotationEnabled" not in manager.describe_secret(SecretId="s")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp() * 1000)


@pytest.mark.parametrize(
    ("rules", "opens", "closes"),
    [
        ({"AutomaticallyAfterDays": 10}, "2030-05-11T00:00", "2030-05-12T00:00"),
        ({"ScheduleExpression": "rate(10 days)", "Duration": "3h"}, "2030-05-11T00:00", "2030-05-11T03:00"),
        ({"ScheduleExpression": "rate(12 hours)"}, "2030-05-02T01:00", "2030-05-02T02:00"),
        ({"ScheduleExpression": "cron(0 8 1 * ? *)"}, "2030-06-01T08:00", "2030-06-02T00:00"),
        ({"ScheduleExpression": "cron(0 8 ? * SUN *)", "Duration": "2h"}, "2030-05-05T08:00", "2030-05-05T10:00"),
        ({"ScheduleExpression": "cron(0 /8 * * ? *)"}, "2030-05-01T16:00", "2030-05-01T17:00"),
    ],
)
def test_a_window_opens_by_the_rules(rules: dict[str, Any], opens: str, closes: str) -> None:
    now_ms = ms("2030-05-01T13:45")
    check_rules(rules, now_ms)
    assert next_window(rules, now_ms) == (ms(opens), ms(closes))


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"AutomaticallyAfterDays": 1, "ScheduleExpression": "rate(1 day)"},
        {"ScheduleExpression": "rate(3 hours)"},
        {"ScheduleExpression": "rate(300 minutes)"},
        {"ScheduleExpression": "cron(30 8 * * ? *)"},
        {"ScheduleExpression": "cron(0 8 * * ? 2031)"},
        {"ScheduleExpression": "cron(0 /2 * * ? *)"},
        {"ScheduleExpression": "every day"},
        {"ScheduleExpression": "cron(0 22 * * ? *)", "Duration": "3h"},
        {"ScheduleExpression": "rate(4 hours)", "Duration": "5h"},
        {"AutomaticallyAfterDays": 1, "Duration": "0h"},
    ],
)
def test_rules_that_do_not_hold_together_are_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter):
        check_rules(rules, ms("2030-05-01T13:45"))
