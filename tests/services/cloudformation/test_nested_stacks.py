"""Stacks as resources of stacks."""

import json
from typing import Any

import pytest

from tests.conftest import Aws
from tests.services.cloudformation.stacks import create, outputs, queues, reasons, update, wait

CHILD: dict[str, Any] = {
    "Parameters": {"Name": {"Type": "String"}, "Delay": {"Type": "Number", "Default": 0}},
    "Resources": {
        "Q": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"QueueName": {"Ref": "Name"}, "DelaySeconds": {"Ref": "Delay"}},
        }
    },
    "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Q", "Arn"]}}},
}


def parent(name: str = "inner", delay: int = 0, **more: Any) -> dict[str, Any]:
    nested = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {
            "TemplateURL": "https://templates.s3.amazonaws.com/child.json",
            "Parameters": {"Name": name, "Delay": delay},
        },
    }
    return {
        "Resources": {"Child": nested, **more},
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Child", "Outputs.Arn"]}}, "Id": {"Value": {"Ref": "Child"}}},
    }


BAD = {"Type": "AWS::SQS::Queue", "DependsOn": "Child", "Properties": {"DelaySeconds": 99999}}


@pytest.fixture(autouse=True)
def child_template(aws: Aws, account: str) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket=f"templates-{account}")
    s3.put_object(Bucket=f"templates-{account}", Key="child.json", Body=json.dumps(CHILD).encode())


@pytest.fixture
def nesting(account: str) -> Any:
    def made(*arguments: Any, **options: Any) -> str:
        return json.dumps(parent(*arguments, **options)).replace("//templates.", f"//templates-{account}.")

    return made


def test_a_nested_stack_takes_parameters_and_gives_outputs(aws: Aws, nesting: Any) -> None:
    cloudformation = aws("cloudformation")
    stack = create(cloudformation, nesting())
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    found = outputs(stack)
    assert found["Arn"].endswith(":inner")
    (child,) = cloudformation.describe_stacks(StackName=found["Id"])["Stacks"]
    assert child["ParentId"] == child["RootId"] == stack["StackId"]
    assert child["StackName"].startswith("shop-Child-")


def test_a_nested_stack_is_updated_and_deleted_with_its_parent(aws: Aws, nesting: Any) -> None:
    cloudformation = aws("cloudformation")
    stack = create(cloudformation, nesting())
    child_id = outputs(stack)["Id"]
    assert update(cloudformation, nesting("renamed"))["StackStatus"] == "UPDATE_COMPLETE"
    assert wait(cloudformation, child_id)["StackStatus"] == "UPDATE_COMPLETE"
    assert queues(aws) == {"renamed"}
    cloudformation.delete_stack(StackName="shop")
    assert wait(cloudformation, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert wait(cloudformation, child_id)["StackStatus"] == "DELETE_COMPLETE"
    assert queues(aws) == set()


def test_a_nested_stack_goes_back_with_its_parent(aws: Aws, nesting: Any) -> None:
    cloudformation = aws("cloudformation")
    child_id = outputs(create(cloudformation, nesting()))["Id"]
    assert update(cloudformation, nesting("renamed", Bad=BAD))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert wait(cloudformation, child_id)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert queues(aws) == {"inner"}


def test_a_nested_stack_that_cannot_be_changed_takes_its_parent_back(aws: Aws, nesting: Any) -> None:
    cloudformation = aws("cloudformation")
    child_id = outputs(create(cloudformation, nesting()))["Id"]
    other = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "other"}}
    stack = update(cloudformation, nesting("inner", 99999, Other=other))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert wait(cloudformation, child_id)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert any(
        reason.startswith(f"Embedded stack {child_id} was not successfully updated. Currently in")
        for reason in reasons(cloudformation)
    )
    assert queues(aws) == {"inner"}


def test_a_nested_stack_that_cannot_be_made_takes_its_parent_down(aws: Aws, nesting: Any) -> None:
    cloudformation = aws("cloudformation")
    stack = create(cloudformation, nesting("inner", 99999))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any(
        "was not successfully created: The following resource(s) failed to create: [Q]" in reason
        for reason in reasons(cloudformation)
    )
    deleted = cloudformation.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    assert [found["ParentId"] for found in deleted] == [stack["StackId"]]


def test_a_change_set_shows_what_changes_in_nested_stacks(aws: Aws, nesting: Any) -> None:
    cloudformation = aws("cloudformation")
    cloudformation.create_change_set(
        StackName="shop", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=nesting(), IncludeNestedStacks=True
    )
    described = cloudformation.describe_change_set(StackName="shop", ChangeSetName="one")
    nested_id = described["Changes"][0]["ResourceChange"]["ChangeSetId"]
    nested = cloudformation.describe_change_set(ChangeSetName=nested_id)
    assert nested["RootChangeSetId"] == nested["ParentChangeSetId"] == described["ChangeSetId"]
    assert [change["ResourceChange"]["LogicalResourceId"] for change in nested["Changes"]] == ["Q"]
    cloudformation.execute_change_set(StackName="shop", ChangeSetName="one")
    stack = wait(cloudformation)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert outputs(stack)["Id"] == nested["StackId"]


def test_deleting_a_change_set_deletes_what_it_prepared_for_nested_stacks(aws: Aws, nesting: Any) -> None:
    cloudformation = aws("cloudformation")
    cloudformation.create_change_set(
        StackName="shop", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=nesting(), IncludeNestedStacks=True
    )
    assert len(cloudformation.list_stacks()["StackSummaries"]) == 2
    cloudformation.delete_change_set(StackName="shop", ChangeSetName="one")
    assert [stack["StackName"] for stack in cloudformation.list_stacks()["StackSummaries"]] == ["shop"]
