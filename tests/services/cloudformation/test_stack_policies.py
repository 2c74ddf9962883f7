"""Stack policies and termination protection."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.services.cloudformation.stacks import create, queues, reasons, update, wait

ALLOW_ALL = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}


def deny(action: str | list[str], resource: str = "LogicalResourceId/Q", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Principal": "*", "Resource": resource, **more}


def template(name: str = "a", delay: int = 0) -> dict[str, Any]:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name, "DelaySeconds": delay}}
    return {"Resources": {"Q": queue, "Other": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": delay}}}}


def policy(*statements: Any) -> str:
    return json.dumps({"Statement": list(statements)})


@pytest.mark.parametrize(
    ("statements", "changed", "ended"),
    [
        ([ALLOW_ALL], template(delay=1), "UPDATE_COMPLETE"),
        ([ALLOW_ALL, deny("Update:*")], template(delay=1), "UPDATE_ROLLBACK_COMPLETE"),
        ([ALLOW_ALL, deny("Update:Replace")], template(delay=1), "UPDATE_COMPLETE"),
        ([ALLOW_ALL, deny("Update:Replace")], template("b"), "UPDATE_ROLLBACK_COMPLETE"),
        ([ALLOW_ALL, deny("Update:Modify", "*")], template("b"), "UPDATE_COMPLETE"),
        ([ALLOW_ALL, deny(["Update:Delete"])], {"Resources": {"O": {"Type": "AWS::SQS::Queue"}}},
         "UPDATE_ROLLBACK_COMPLETE"),
        ([ALLOW_ALL, deny("Update:*", "*", Condition={"StringLike": {"ResourceType": ["AWS::SQS::*"]}})],
         template(delay=1), "UPDATE_ROLLBACK_COMPLETE"),
        ([deny("Update:Delete", "LogicalResourceId/Nothing")], template(delay=1), "UPDATE_ROLLBACK_COMPLETE"),
    ],
)  # fmt: skip
def test_a_policy_decides_what_an_update_may_touch(aws: Aws, statements: Any, changed: Any, ended: str) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, template(), StackPolicyBody=policy(*statements))
    assert update(cloudformation, changed)["StackStatus"] == ended
    if ended == "UPDATE_ROLLBACK_COMPLETE":
        assert any("stack policy" in reason for reason in reasons(cloudformation))
        assert "a" in queues(aws)


def test_a_policy_can_be_lifted_for_one_update(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, template(), StackPolicyBody=policy(ALLOW_ALL, deny("Update:*")))
    stack = update(cloudformation, template(delay=1), StackPolicyDuringUpdateBody=policy(ALLOW_ALL))
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert update(cloudformation, template(delay=2))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_a_policy_is_set_and_shown(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, template())
    assert "StackPolicyBody" not in cloudformation.get_stack_policy(StackName="shop")
    cloudformation.set_stack_policy(StackName="shop", StackPolicyBody=policy(ALLOW_ALL))
    assert cloudformation.get_stack_policy(StackName="shop")["StackPolicyBody"] == policy(ALLOW_ALL)


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        policy({**ALLOW_ALL, "Principal": "me"}),
        policy({**ALLOW_ALL, "Action": "Delete:*"}),
        policy({**ALLOW_ALL, "Effect": "Perhaps"}),
        json.dumps({"Statements": []}),
    ],
)
def test_what_is_no_policy_is_refused(aws: Aws, text: str) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, template())
    with pytest.raises(ClientError, match="Error validating stack policy: Invalid stack policy"):
        cloudformation.set_stack_policy(StackName="shop", StackPolicyBody=text)


def test_a_protected_stack_is_not_deleted(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    stack = create(cloudformation, template(), EnableTerminationProtection=True)
    with pytest.raises(ClientError, match=r"Stack \[shop\] cannot be deleted while TerminationProtection is enabled"):
        cloudformation.delete_stack(StackName="shop")
    cloudformation.update_termination_protection(StackName="shop", EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName="shop")
    assert wait(cloudformation, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
