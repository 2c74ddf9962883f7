"""Who is told of a stack, and as whom it works."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.queues import taken
from tests.services.cloudformation.stacks import create

QUEUE: dict[str, Any] = {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}


def test_a_stack_s_events_are_published_to_its_topics(aws: Aws, account: str) -> None:
    sqs, sns = aws("sqs"), aws("sns")
    topic = sns.create_topic(Name="events")["TopicArn"]
    url = sqs.create_queue(QueueName="events")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{account}:events")
    stack = create(aws("cloudformation"), QUEUE, NotificationARNs=[topic], ClientRequestToken="token-1")
    assert stack["NotificationARNs"] == [topic]
    told: list[dict[str, str]] = []
    for message in taken(sqs, url, 5):
        envelope = json.loads(message["Body"])
        assert envelope["Subject"] == "AWS CloudFormation Notification"
        lines = [line.partition("=") for line in envelope["Message"].splitlines()]
        told.append({name: value.strip("'") for name, _, value in lines})
    assert {(event["LogicalResourceId"], event["ResourceStatus"]) for event in told} == {
        ("shop", "CREATE_IN_PROGRESS"), ("Q", "CREATE_IN_PROGRESS"), ("Q", "CREATE_COMPLETE"),
        ("shop", "CREATE_COMPLETE"),
    }  # fmt: skip
    first = next(event for event in told if event["ResourceStatusReason"] == "User Initiated")
    assert first["StackId"] == first["PhysicalResourceId"] == stack["StackId"]
    assert first["ClientRequestToken"] == "token-1"
    assert list(first) == [
        "StackId", "Timestamp", "EventId", "LogicalResourceId", "Namespace", "PhysicalResourceId", "PrincipalId",
        "ResourceProperties", "ResourceStatus", "ResourceStatusReason", "ResourceType", "StackName",
        "ClientRequestToken",
    ]  # fmt: skip


def test_a_topic_that_is_gone_fails_nothing(aws: Aws, account: str) -> None:
    topic = f"arn:aws:sns:us-east-1:{account}:nobody"
    assert create(aws("cloudformation"), QUEUE, NotificationARNs=[topic])["StackStatus"] == "CREATE_COMPLETE"


def test_a_role_must_be_there_and_let_cloudformation_assume_it(aws: Aws, account: str) -> None:
    cloudformation = aws("cloudformation")
    for name, principal in (("right", "cloudformation.amazonaws.com"), ("wrong", "lambda.amazonaws.com")):
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": principal}}
        aws("iam").create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        )
    for name in ("wrong", "nobody"):
        with pytest.raises(ClientError, match=f"Role arn:aws:iam::{account}:role/{name} is invalid or cannot be"):
            create(cloudformation, QUEUE, RoleARN=f"arn:aws:iam::{account}:role/{name}")
    role = f"arn:aws:iam::{account}:role/right"
    assert create(cloudformation, QUEUE, RoleARN=role)["RoleARN"] == role


def test_no_echo_parameters_are_masked_in_events(aws: Aws) -> None:
    template = {
        "Parameters": {"Secret": {"Type": "String", "NoEcho": True}},
        "Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "q-${Secret}"}}}},
    }
    cloudformation = aws("cloudformation")
    create(cloudformation, template, Parameters=[{"ParameterKey": "Secret", "ParameterValue": "hush"}])
    events = cloudformation.describe_stack_events(StackName="shop")["StackEvents"]
    shown = {event["ResourceProperties"] for event in events if "ResourceProperties" in event}
    assert shown == {'{"QueueName":"q-****"}'}
