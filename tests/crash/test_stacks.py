"""A server killed in the middle of a deployment brings it to a defined end when it starts again.

A creation and an update roll back, a deletion goes on, and nothing that a stack made is left without a stack. A kill
comes when a given number of resources is done; what was under way at that moment differs from run to run.
"""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.crash.process import KillableServer

SEED = int(os.environ.get("SEED") or random.randrange(100_000))
COPIES = 8
ROLE = {
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]
}
FINAL = {
    "create": {"CREATE_COMPLETE", "ROLLBACK_COMPLETE"},
    "update": {"UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"},
    "delete": {"DELETE_COMPLETE"},
}
KEY = {"AttributeName": "k", "AttributeType": "S"}


def template(*, delay: int = 0, name: str = "") -> str:
    """Types whose names are generated and, for what an update replaces, given."""
    kinds: dict[str, dict[str, Any]] = {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": delay}},
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7 if delay == 0 else 14}},
        "Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": str(delay)}},
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": ROLE}},
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "AttributeDefinitions": [KEY],
                "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        },
    }
    resources = {f"{kind}{number}": found for kind, found in kinds.items() for number in range(COPIES)}
    if name:
        for number in range(COPIES):
            renamed = {**kinds["Queue"]["Properties"], "QueueName": f"{name}-{number}"}
            resources[f"Queue{number}"] = {"Type": "AWS::SQS::Queue", "Properties": renamed}
    return json.dumps({"Resources": resources})


class Cloud:
    """The killable server and what a user sees of it."""

    def __init__(self, server: KillableServer) -> None:
        self.server = server

    def client(self, service: str) -> Any:
        return boto3.client(
            service, endpoint_url=self.server.endpoint, region_name="us-east-1", aws_access_key_id="000000000000",
            aws_secret_access_key="x", config=Config(s3={"addressing_style": "path"}),
        )  # fmt: skip

    def kill_after(self, steps: int, status: str, stack_id: str) -> None:
        """Kill the server once so many resources have the status, and start it again."""
        cloudformation = self.client("cloudformation")
        while True:
            found = cloudformation.list_stack_resources(StackName=stack_id)["StackResourceSummaries"]
            if sum(resource["ResourceStatus"] == status for resource in found) >= steps:
                break
        self.server.kill()
        self.server.start()

    def ended(self, stack_id: str) -> str:
        cloudformation = self.client("cloudformation")
        while True:
            (stack,) = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
            status: str = stack["StackStatus"]
            if not status.endswith("IN_PROGRESS"):
                return status

    def everything(self) -> dict[str, list[str]]:
        """Every resource there is, by kind."""
        return {
            "Queue": self.client("sqs").list_queues().get("QueueUrls", []),
            "Topic": [topic["TopicArn"] for topic in self.client("sns").list_topics()["Topics"]],
            "Group": [group["logGroupName"] for group in self.client("logs").describe_log_groups()["logGroups"]],
            "Parameter": [row["Name"] for row in self.client("ssm").get_parameters_by_path(Path="/")["Parameters"]],
            "Bucket": [bucket["Name"] for bucket in self.client("s3").list_buckets()["Buckets"]],
            "Role": [role["RoleName"] for role in self.client("iam").list_roles()["Roles"]],
            "Table": self.client("dynamodb").list_tables()["TableNames"],
        }

    def delays(self) -> set[str]:
        sqs = self.client("sqs")
        return {
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])["Attributes"]["DelaySeconds"]
            for url in self.everything()["Queue"]
        }


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    server = KillableServer(tmp_path / "data", "disk")
    server.start()
    yield Cloud(server)
    server.kill()


def check(cloud: Cloud, *, count: int) -> None:
    found = cloud.everything()
    found.pop("Parameter")  # generated names have no path to list them by
    assert {kind: len(names) for kind, names in found.items()} == dict.fromkeys(found, count), f"SEED={SEED}: {found}"


@pytest.mark.parametrize("turn", range(3))
def test_a_creation_that_was_killed_rolls_back(cloud: Cloud, turn: int) -> None:
    stack_id = cloud.client("cloudformation").create_stack(
        StackName="shop", TemplateBody=template(), Capabilities=["CAPABILITY_IAM"]
    )["StackId"]
    cloud.kill_after(random.Random(f"{SEED} {turn}").randrange(40), "CREATE_COMPLETE", stack_id)
    status = cloud.ended(stack_id)
    assert status in FINAL["create"], f"SEED={SEED}"
    check(cloud, count=COPIES if status == "CREATE_COMPLETE" else 0)


@pytest.mark.parametrize("turn", range(3))
def test_an_update_that_was_killed_goes_back_to_the_former_template(cloud: Cloud, turn: int) -> None:
    cloudformation = cloud.client("cloudformation")
    stack_id = cloudformation.create_stack(StackName="shop", TemplateBody=template(), Capabilities=["CAPABILITY_IAM"])[
        "StackId"
    ]
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack_id, WaiterConfig={"Delay": 1})
    cloudformation.update_stack(
        StackName="shop", TemplateBody=template(delay=5, name="renamed"), Capabilities=["CAPABILITY_IAM"]
    )
    cloud.kill_after(random.Random(f"{SEED} {turn}").randrange(20), "UPDATE_COMPLETE", stack_id)
    status = cloud.ended(stack_id)
    assert status in FINAL["update"], f"SEED={SEED}"
    check(cloud, count=COPIES)
    assert cloud.delays() == {"5" if status == "UPDATE_COMPLETE" else "0"}, f"SEED={SEED}"


@pytest.mark.parametrize("turn", range(3))
def test_a_deletion_that_was_killed_goes_on(cloud: Cloud, turn: int) -> None:
    cloudformation = cloud.client("cloudformation")
    stack_id = cloudformation.create_stack(StackName="shop", TemplateBody=template(), Capabilities=["CAPABILITY_IAM"])[
        "StackId"
    ]
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack_id, WaiterConfig={"Delay": 1})
    cloudformation.delete_stack(StackName="shop")
    cloud.kill_after(random.Random(f"{SEED} {turn}").randrange(40), "DELETE_COMPLETE", stack_id)
    assert cloud.ended(stack_id) in FINAL["delete"], f"SEED={SEED}"
    check(cloud, count=0)


@pytest.mark.parametrize("turn", range(2))
def test_an_update_of_a_nested_stack_that_was_killed_goes_back_with_its_parent(cloud: Cloud, turn: int) -> None:
    s3, cloudformation = cloud.client("s3"), cloud.client("cloudformation")
    s3.create_bucket(Bucket="templates")
    for name, body in (("old", template()), ("new", template(delay=5, name="renamed"))):
        s3.put_object(Bucket="templates", Key=name, Body=body.encode())

    def parent(name: str) -> str:
        child = {"TemplateURL": f"https://templates.s3.amazonaws.com/{name}"}
        return json.dumps({"Resources": {"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": child}}})

    stack_id = cloudformation.create_stack(
        StackName="shop", TemplateBody=parent("old"), Capabilities=["CAPABILITY_IAM"]
    )["StackId"]
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack_id, WaiterConfig={"Delay": 1})
    (nested,) = cloudformation.list_stack_resources(StackName="shop")["StackResourceSummaries"]
    child_id = nested["PhysicalResourceId"]
    cloudformation.update_stack(StackName="shop", TemplateBody=parent("new"), Capabilities=["CAPABILITY_IAM"])
    cloud.kill_after(random.Random(f"{SEED} {turn}").randrange(20), "UPDATE_COMPLETE", child_id)
    status = cloud.ended(stack_id)
    assert status in FINAL["update"], f"SEED={SEED}"
    assert cloud.ended(child_id) in (FINAL["update"] | {"CREATE_COMPLETE"}), f"SEED={SEED}"
    assert len(cloud.everything()["Queue"]) == COPIES, f"SEED={SEED}"
    assert cloud.delays() == {"5" if status == "UPDATE_COMPLETE" else "0"}, f"SEED={SEED}"
