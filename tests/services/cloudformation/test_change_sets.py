"""Change sets, the way `aws cloudformation deploy` and `sam deploy` use them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.services.cloudformation.test_stacks import wait

SOON = {"Delay": 0, "MaxAttempts": 2000}


def template(**queues: dict[str, Any]) -> str:
    return json.dumps({"Resources": {name: {"Type": "AWS::SQS::Queue", "Properties": queues[name]} for name in queues}})


def deploy(cloudformation: Any, body: str, *, kind: str, name: str) -> dict[str, Any]:
    made = cloudformation.create_change_set(StackName="shop", ChangeSetName=name, ChangeSetType=kind, TemplateBody=body)
    cloudformation.get_waiter("change_set_create_complete").wait(
        ChangeSetName=made["Id"], StackName="shop", WaiterConfig=SOON
    )
    described: dict[str, Any] = cloudformation.describe_change_set(ChangeSetName=made["Id"])
    cloudformation.execute_change_set(ChangeSetName=made["Id"], StackName="shop")
    waiter = "stack_create_complete" if kind == "CREATE" else "stack_update_complete"
    cloudformation.get_waiter(waiter).wait(StackName="shop", WaiterConfig=SOON)
    return described


def test_a_change_set_says_what_is_added_changed_replaced_and_removed(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    first = template(A={"DelaySeconds": 1}, B={"QueueName": "b"}, C={})
    deploy(cloudformation, first, kind="CREATE", name="one")
    second = template(A={"DelaySeconds": 2}, B={"QueueName": "bb"}, D={})
    described = deploy(cloudformation, second, kind="UPDATE", name="two")
    changes = {
        change["ResourceChange"]["LogicalResourceId"]: (
            change["ResourceChange"]["Action"],
            change["ResourceChange"].get("Replacement"),
        )
        for change in described["Changes"]
    }
    assert changes == {
        "A": ("Modify", "False"), "B": ("Modify", "True"), "C": ("Remove", None), "D": ("Add", None),
    }  # fmt: skip
    names = {url.rpartition("/")[2].split("-")[0:2][-1] for url in aws("sqs").list_queues()["QueueUrls"]}
    assert names == {"A", "bb", "D"}


def test_a_stack_under_review_has_no_resources_until_its_change_set_is_executed(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    cloudformation.create_change_set(
        StackName="shop", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=template(A={})
    )
    (stack,) = cloudformation.describe_stacks(StackName="shop")["Stacks"]
    assert stack["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert cloudformation.list_stack_resources(StackName="shop")["StackResourceSummaries"] == []
    (summary,) = cloudformation.list_change_sets(StackName="shop")["Summaries"]
    assert summary["ExecutionStatus"] == "AVAILABLE"
    cloudformation.delete_stack(StackName="shop")
    with pytest.raises(ClientError, match="does not exist"):
        wait(cloudformation)


def test_an_executed_change_set_can_be_described_and_the_others_are_gone(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    deploy(cloudformation, template(A={}), kind="CREATE", name="one")
    for name in ("two", "three"):
        cloudformation.create_change_set(
            StackName="shop", ChangeSetName=name, TemplateBody=template(A={"DelaySeconds": 5})
        )
    cloudformation.execute_change_set(ChangeSetName="two", StackName="shop")
    while True:
        described = cloudformation.describe_change_set(ChangeSetName="two", StackName="shop")
        if described["ExecutionStatus"] != "EXECUTE_IN_PROGRESS":
            break
    assert described["ExecutionStatus"] == "EXECUTE_COMPLETE"
    with pytest.raises(ClientError, match="ChangeSet \\[three\\] does not exist"):
        cloudformation.describe_change_set(ChangeSetName="three", StackName="shop")
    with pytest.raises(ClientError, match="cannot be executed in its current"):
        cloudformation.execute_change_set(ChangeSetName="two", StackName="shop")


def test_a_deleted_change_set_is_not_found(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    cloudformation.create_change_set(
        StackName="shop", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=template(A={})
    )
    cloudformation.delete_change_set(StackName="shop", ChangeSetName="one")
    with pytest.raises(cloudformation.exceptions.ChangeSetNotFoundException):
        cloudformation.describe_change_set(StackName="shop", ChangeSetName="one")


def test_an_update_of_a_stack_that_is_not_there_is_refused(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    with pytest.raises(ClientError, match=r"Stack \[shop\] does not exist"):
        cloudformation.create_change_set(StackName="shop", ChangeSetName="one", TemplateBody=template(A={}))


def test_a_request_that_comes_again_with_its_client_token_is_done_once(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    asked = {"StackName": "shop", "ChangeSetName": "one", "ChangeSetType": "CREATE", "TemplateBody": template(A={})}
    made = cloudformation.create_change_set(**asked, ClientToken="t")
    assert cloudformation.create_change_set(**asked, ClientToken="t")["Id"] == made["Id"]
    with pytest.raises(cloudformation.exceptions.AlreadyExistsException):
        cloudformation.create_change_set(**asked, ClientToken="u")
    for _ in range(2):
        cloudformation.execute_change_set(ChangeSetName=made["Id"], ClientRequestToken="v")
    wait(cloudformation)
    cloudformation.execute_change_set(ChangeSetName=made["Id"], ClientRequestToken="v")
    with pytest.raises(cloudformation.exceptions.InvalidChangeSetStatusException):
        cloudformation.execute_change_set(ChangeSetName=made["Id"], ClientRequestToken="w")
    again = {"StackName": "shop", "TemplateBody": template(A={"DelaySeconds": 3}), "ClientRequestToken": "x"}
    for _ in range(2):
        cloudformation.update_stack(**again)
    wait(cloudformation)
    events = cloudformation.describe_stack_events(StackName="shop")["StackEvents"]
    assert [event.get("ClientRequestToken") for event in events if event["LogicalResourceId"] == "shop"] == [
        "x", "x", "x", "v", "v", None,
    ]  # fmt: skip


def test_change_sets_are_listed_in_pages(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    names = [f"c{number:03d}" for number in range(102)]
    for name in names:
        cloudformation.create_change_set(
            StackName="shop", ChangeSetName=name, ChangeSetType="CREATE", TemplateBody=template(A={})
        )
    first = cloudformation.list_change_sets(StackName="shop")
    rest = cloudformation.list_change_sets(StackName="shop", NextToken=first["NextToken"])
    assert [row["ChangeSetName"] for page in (first, rest) for row in page["Summaries"]] == names
    assert (len(rest["Summaries"]), "NextToken" in rest) == (2, False)
    with pytest.raises(ClientError, match="The token is invalid"):
        cloudformation.describe_account_limits(NextToken="1")
