"""DeletionPolicy, UpdateReplacePolicy and the other ways for a resource to outlive its place in a stack."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.services.cloudformation.stacks import body, create, queues, update, wait, wait_for

BAD = {"Type": "AWS::SQS::Queue", "DependsOn": "Q", "Properties": {"DelaySeconds": 99999}}


def template(name: str = "a", **attributes: Any) -> dict[str, Any]:
    return {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}, **attributes}}}


@pytest.mark.parametrize(
    ("policy", "left"),
    [("Delete", set()), ("Retain", {"a"}), ("RetainExceptOnCreate", {"a"})],
)
def test_the_deletion_policy_decides_what_a_deletion_leaves(aws: Aws, policy: str, left: set[str]) -> None:
    cloudformation = aws("cloudformation")
    stack = create(cloudformation, template(DeletionPolicy=policy))
    cloudformation.delete_stack(StackName="shop")
    assert wait(cloudformation, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert queues(aws) == left


@pytest.mark.parametrize(
    ("policy", "options", "left"),
    [
        ("Delete", {}, set()),
        ("Retain", {}, {"a"}),
        ("Retain", {"RetainExceptOnCreate": True}, set()),
        ("RetainExceptOnCreate", {}, set()),
    ],
)
def test_the_deletion_policy_decides_what_a_failed_creation_leaves(
    aws: Aws, policy: str, options: Any, left: set[str]
) -> None:
    failing = template(DeletionPolicy=policy)
    failing["Resources"]["Bad"] = BAD
    assert create(aws("cloudformation"), failing, **options)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert queues(aws) == left


def test_what_an_update_drops_is_kept_if_it_is_to_be_retained(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    kept = template(DeletionPolicy="Retain")
    kept["Resources"]["Rest"] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "rest"}}
    create(cloudformation, kept)
    del kept["Resources"]["Q"]
    assert update(cloudformation, kept)["StackStatus"] == "UPDATE_COMPLETE"
    assert queues(aws) == {"a", "rest"}
    resources = cloudformation.list_stack_resources(StackName="shop")["StackResourceSummaries"]
    assert [resource["LogicalResourceId"] for resource in resources] == ["Rest"]


@pytest.mark.parametrize(("policy", "left"), [("Delete", {"b"}), ("Retain", {"a", "b"})])
def test_the_update_replace_policy_decides_what_a_replacement_leaves(aws: Aws, policy: str, left: set[str]) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, template())
    assert update(cloudformation, template("b", UpdateReplacePolicy=policy))["StackStatus"] == "UPDATE_COMPLETE"
    assert queues(aws) == left


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"DeletionPolicy": "Snapshot"}, "resource type AWS::SQS::Queue does not support deletion policy Snapshot"),
        ({"DeletionPolicy": "Keep"}, "Unrecognized DeletionPolicy Keep for resource Q"),
        ({"DeletionPolicy": ["Retain"]}, "Every DeletionPolicy member must be a string"),
        ({"UpdateReplacePolicy": "RetainExceptOnCreate"}, "Unrecognized UpdateReplacePolicy"),
        ({"CreationPolicy": {"ResourceSignal": {}}}, "CreationPolicy is not supported"),
        ({"UpdatePolicy": {"UseOnlineResharding": True}}, "UpdatePolicy is not implemented by Fogbank"),
    ],
)
def test_a_policy_that_cannot_be_kept_is_refused(aws: Aws, attributes: Any, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        create(aws("cloudformation"), template(**attributes))


def test_a_failed_update_takes_back_what_it_replaced_and_drops_what_it_made(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, template())
    failing = template("b")
    failing["Resources"] |= {"New": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "new"}}, "Bad": BAD}
    assert update(cloudformation, failing)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert queues(aws) == {"a"}


def test_a_failed_update_can_be_kept_and_rolled_back_later(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, template())
    failing = template("b")
    failing["Resources"]["Bad"] = BAD
    assert update(cloudformation, failing, DisableRollback=True)["StackStatus"] == "UPDATE_FAILED"
    assert queues(aws) == {"a", "b"}
    cloudformation.rollback_stack(StackName="shop")
    assert wait(cloudformation)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert queues(aws) == {"a"}


def test_a_failed_update_can_be_mended_by_another(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, template())
    failing = template("b")
    failing["Resources"]["Bad"] = BAD
    update(cloudformation, failing, DisableRollback=True)
    assert update(cloudformation, template("c"))["StackStatus"] == "UPDATE_COMPLETE"
    assert queues(aws) == {"c"}


def test_a_failed_creation_can_be_kept_and_rolled_back_later(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    failing = template()
    failing["Resources"]["Bad"] = BAD
    assert create(cloudformation, failing, DisableRollback=True)["StackStatus"] == "CREATE_FAILED"
    cloudformation.rollback_stack(StackName="shop")
    assert wait(cloudformation)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert queues(aws) == set()


def test_a_rollback_that_failed_goes_on_when_its_cause_is_gone(aws: Aws) -> None:
    cloudformation, logs = aws("cloudformation"), aws("logs")
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "g", "RetentionInDays": 7}}
    create(cloudformation, {"Resources": {"G": group}})
    # The update changes the group, then fails; going back needs the group, which is gone by then.
    longer = {**group, "Properties": {"LogGroupName": "g", "RetentionInDays": 14}}
    wait_a_bit = {
        "Type": "AWS::CloudFormation::WaitCondition", "DependsOn": "G",
        "CreationPolicy": {"ResourceSignal": {"Timeout": "PT10M"}},
    }  # fmt: skip
    cloudformation.update_stack(StackName="shop", TemplateBody=body({"Resources": {"G": longer, "W": wait_a_bit}}))
    wait_for(cloudformation, "W", "CREATE_IN_PROGRESS")
    logs.delete_log_group(logGroupName="g")
    cloudformation.cancel_update_stack(StackName="shop")
    assert wait(cloudformation)["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    cloudformation.continue_update_rollback(StackName="shop", ResourcesToSkip=["G"])
    assert wait(cloudformation)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
