"""What a template gives to an operation is checked as a request is."""

from typing import Any

import pytest

from tests.conftest import Aws
from tests.services.cloudformation.stacks import create, reasons, update

FUNCTION = {
    "Runtime": "python3.12",
    "Handler": "index.handler",
    "Role": "arn:aws:iam::000000000000:role/r",
    "Code": {"ZipFile": "x = 1"},
}
TABLE = {
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def template(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"Resources": {"Thing": {"Type": kind, "Properties": properties}}}


@pytest.mark.parametrize(
    ("kind", "properties", "place"),
    [
        ("AWS::Lambda::Function", FUNCTION | {"MemorySize": 64}, "'64' at 'memorySize'"),
        ("AWS::Lambda::Function", FUNCTION | {"EphemeralStorage": {"Size": 1}}, "'1' at 'ephemeralStorage.size'"),
        ("AWS::DynamoDB::Table", TABLE | {"TableClass": "COLD"}, "'COLD' at 'tableClass'"),
        ("AWS::Events::Rule", {"ScheduleExpression": "rate(1 day)", "State": "OPEN"}, "'OPEN' at 'state'"),
    ],
)
def test_a_value_that_the_operation_does_not_take_fails_the_resource(
    aws: Aws, kind: str, properties: dict[str, Any], place: str
) -> None:
    cloudformation = aws("cloudformation")
    assert create(cloudformation, template(kind, properties))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert f"Value {place} failed to satisfy constraint" in str(reasons(cloudformation))


def test_an_update_is_checked_too(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, template("AWS::DynamoDB::Table", TABLE))
    stack = update(cloudformation, template("AWS::DynamoDB::Table", TABLE | {"TableClass": "COLD"}))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


@pytest.mark.parametrize("tags", [None, [{"Key": "a", "Value": "b"}]])
def test_a_log_group_is_made_and_changed_with_and_without_tags(aws: Aws, tags: list[dict[str, str]] | None) -> None:
    cloudformation, extra = aws("cloudformation"), {} if tags is None else {"Tags": tags}
    create(cloudformation, template("AWS::Logs::LogGroup", {"RetentionInDays": 7, **extra}))
    stack = update(cloudformation, template("AWS::Logs::LogGroup", {"RetentionInDays": 14, **extra}))
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
