"""Stacks from creation to deletion."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws

TEMPLATE = """
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
Resources:
  Dead:
    Type: AWS::SQS::Queue
  Work:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub "${AWS::StackName}-${Stage}"
      VisibilityTimeout: 45
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
Outputs:
  Url: {Value: !Ref Work, Export: {Name: !Sub "${AWS::StackName}-url"}}
"""


def create(cloudformation: Any, template: Any, **options: Any) -> dict[str, Any]:
    body = template if isinstance(template, str) else json.dumps(template)
    cloudformation.create_stack(StackName="shop", TemplateBody=body, **options)
    return wait(cloudformation)


def wait(cloudformation: Any, name: str = "shop") -> dict[str, Any]:
    while True:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            found: dict[str, Any] = stack
            return found


def test_a_stack_makes_its_resources_in_the_order_of_their_references(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    stack = create(cloudformation, TEMPLATE)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    url = stack["Outputs"][0]["OutputValue"]
    assert url.endswith("/shop-dev")
    attributes = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "45"
    assert json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].rpartition(":")[2].startswith("shop-Dead-")
    events = cloudformation.describe_stack_events(StackName="shop")["StackEvents"]
    assert [event["ResourceStatus"] for event in events[::-1]] == [
        "CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_IN_PROGRESS",
        "CREATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_COMPLETE",
    ]  # fmt: skip


def test_a_deleted_stack_leaves_no_resources(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    stack = create(cloudformation, TEMPLATE)
    cloudformation.delete_stack(StackName="shop")
    assert wait(cloudformation, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert "QueueUrls" not in aws("sqs").list_queues()
    with pytest.raises(ClientError, match="Stack with id shop does not exist"):
        cloudformation.describe_stacks(StackName="shop")


def test_an_update_changes_in_place_replaces_and_removes(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    create(cloudformation, TEMPLATE)
    changed = TEMPLATE.replace("VisibilityTimeout: 45", "VisibilityTimeout: 50")
    cloudformation.update_stack(
        StackName="shop",
        TemplateBody=changed,
        Parameters=[{"ParameterKey": "Stage", "ParameterValue": "prod"}],
    )
    stack = wait(cloudformation)
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    names = {url.rpartition("/")[2] for url in aws("sqs").list_queues()["QueueUrls"]}
    assert "shop-prod" in names
    assert "shop-dev" not in names
    with pytest.raises(ClientError, match="No updates are to be performed"):
        cloudformation.update_stack(StackName="shop", UsePreviousTemplate=True,
                                    Parameters=[{"ParameterKey": "Stage", "UsePreviousValue": True}])  # fmt: skip
    both = {"ParameterKey": "Stage", "UsePreviousValue": True, "ParameterValue": "dev"}
    with pytest.raises(
        ClientError, match=r"parameter key Stage\. Cannot specify usePreviousValue as true and non empty"
    ):
        cloudformation.update_stack(StackName="shop", UsePreviousTemplate=True, Parameters=[both])


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"A": {"Type": "AWS::SQS::Kueue"}}, "Unrecognized resource types: \\[AWS::SQS::Kueue\\]"),
        (
            {"A": {"Type": "AWS::SQS::Queue", "Properties": {"QueueNam": "x"}}},
            "extraneous key \\[QueueNam\\]",
        ),
        ({"A": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": "x"}}}, "expected type: Integer"),
        ({"A": {"Type": "AWS::EC2::VPC"}}, "not implemented by Fogbank: \\[AWS::EC2::VPC\\]"),
        (
            {
                "A": {"Type": "AWS::SQS::Queue", "DependsOn": "B"},
                "B": {"Type": "AWS::SQS::Queue", "DependsOn": "A"},
            },
            "Circular dependency between resources: \\[A, B\\]",
        ),
    ],
)
def test_a_wrong_template_is_refused_before_anything_is_created(aws: Aws, resources: Any, message: str) -> None:
    cloudformation = aws("cloudformation")
    with pytest.raises(ClientError, match=message):
        cloudformation.create_stack(StackName="shop", TemplateBody=json.dumps({"Resources": resources}))
    assert cloudformation.list_stacks()["StackSummaries"] == []


def test_a_failed_creation_rolls_back(aws: Aws) -> None:
    bad = {"Type": "AWS::SQS::Queue", "DependsOn": "Good", "Properties": {"DelaySeconds": 99999}}
    stack = create(aws("cloudformation"), {"Resources": {"Good": {"Type": "AWS::SQS::Queue"}, "Bad": bad}})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "QueueUrls" not in aws("sqs").list_queues()


def test_a_change_set_creates_a_stack_and_then_finds_no_changes(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    cloudformation.create_change_set(
        StackName="shop", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=TEMPLATE
    )
    described = cloudformation.describe_change_set(StackName="shop", ChangeSetName="one")
    assert {change["ResourceChange"]["Action"] for change in described["Changes"]} == {"Add"}
    cloudformation.execute_change_set(StackName="shop", ChangeSetName="one")
    assert wait(cloudformation)["StackStatus"] == "CREATE_COMPLETE"
    cloudformation.create_change_set(StackName="shop", ChangeSetName="two", TemplateBody=TEMPLATE)
    described = cloudformation.describe_change_set(StackName="shop", ChangeSetName="two")
    assert described["Status"] == "FAILED"
    assert described["StatusReason"].startswith("The submitted information didn't contain changes.")
