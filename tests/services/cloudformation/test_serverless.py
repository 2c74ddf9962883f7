"""AWS::Serverless templates."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.services.cloudformation.test_stacks import wait

TEMPLATE = """
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Parameters:
  Size: {Type: Number, Default: 5}
Resources:
  Jobs: {Type: AWS::SQS::Queue}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      Timeout: !Ref Size
      InlineCode: "def handler(event, context): return event"
      Policies: [AWSLambdaBasicExecutionRole]
      Environment: {Variables: {JOBS: !Ref Jobs}}
      Events:
        Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn, BatchSize: 3}}
Outputs:
  Name: {Value: !Ref Worker}
"""


def test_a_serverless_function_becomes_a_function_its_role_and_its_trigger(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    cloudformation.create_change_set(
        StackName="shop", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=TEMPLATE,
        Capabilities=["CAPABILITY_IAM"],
    )  # fmt: skip
    cloudformation.execute_change_set(StackName="shop", ChangeSetName="one")
    stack = wait(cloudformation)
    assert stack["StackStatus"] == "CREATE_COMPLETE", cloudformation.describe_stack_events(StackName="shop")
    kinds = {
        found["LogicalResourceId"]: found["ResourceType"]
        for found in cloudformation.list_stack_resources(StackName="shop")["StackResourceSummaries"]
    }
    assert kinds == {
        "Jobs": "AWS::SQS::Queue", "Worker": "AWS::Lambda::Function", "WorkerRole": "AWS::IAM::Role",
        "WorkerJobs": "AWS::Lambda::EventSourceMapping",
    }  # fmt: skip
    name = stack["Outputs"][0]["OutputValue"]
    assert aws("lambda").get_function_configuration(FunctionName=name)["Timeout"] == 5
    original = cloudformation.get_template(StackName="shop")["TemplateBody"]
    assert "AWS::Serverless::Function" in str(original)
    processed = cloudformation.get_template(StackName="shop", TemplateStage="Processed")["TemplateBody"]
    assert "AWS::Lambda::Function" in json.dumps(processed)
    cloudformation.delete_stack(StackName="shop")
    assert wait(cloudformation, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_transform_needs_its_capability_when_no_change_set_shows_it(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    with pytest.raises(cloudformation.exceptions.InsufficientCapabilitiesException) as caught:
        cloudformation.create_stack(StackName="shop", TemplateBody=TEMPLATE, Capabilities=["CAPABILITY_IAM"])
    assert "Requires capabilities : [CAPABILITY_AUTO_EXPAND]" in str(caught.value)


def test_roles_need_a_capability(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    with pytest.raises(cloudformation.exceptions.InsufficientCapabilitiesException) as caught:
        cloudformation.create_change_set(
            StackName="shop", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=TEMPLATE
        )
    assert "Requires capabilities : [CAPABILITY_IAM]" in str(caught.value)


def test_a_wrong_serverless_document_is_refused_with_sam_s_own_words(aws: Aws) -> None:
    with pytest.raises(ClientError, match="Invalid Serverless Application Specification document"):
        aws("cloudformation").create_stack(
            StackName="shop",
            TemplateBody=TEMPLATE.replace("Runtime: python3.12", "Runtme: python3.12"),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
