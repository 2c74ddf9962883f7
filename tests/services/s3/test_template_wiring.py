"""Templates that wire buckets: to queues and functions, to each other, and SAM's S3 events of functions."""

import json
from typing import Any

from tests.conftest import Aws
from tests.services.cloudformation.stacks import create, outputs, reasons, update
from tests.services.cloudformation.test_stacks import wait
from tests.services.s3.test_notifications import received
from tests.services.s3.test_replication import settled

QUEUE = """
Resources:
  Told: {Type: AWS::SQS::Queue}
  LetIn:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Told]
      PolicyDocument:
        Statement:
          - Effect: Allow
            Principal: {Service: s3.amazonaws.com}
            Action: sqs:SendMessage
            Resource: !GetAtt Told.Arn
            Condition: {StringEquals: {"aws:SourceAccount": !Ref AWS::AccountId}}
  Uploads:
    Type: AWS::S3::Bucket
    DependsOn: LetIn
    Properties:
      NotificationConfiguration:
        QueueConfigurations:
          - Event: "s3:ObjectCreated:*"
            Queue: !GetAtt Told.Arn
            Filter: {S3Key: {Rules: [{Name: suffix, Value: .png}]}}
Outputs:
  Bucket: {Value: !Ref Uploads}
  Queue: {Value: !Ref Told}
"""


def test_a_template_tells_a_queue_of_uploads_until_it_says_otherwise(aws: Aws, s3: Any) -> None:
    cloudformation = aws("cloudformation")
    stack = create(cloudformation, QUEUE)
    assert stack["StackStatus"] == "CREATE_COMPLETE", reasons(cloudformation)
    names = outputs(stack)
    for key in ("a.txt", "a.png"):
        s3.put_object(Bucket=names["Bucket"], Key=key)
    test, told = received(aws, names["Queue"], 2)
    assert test["Event"] == "s3:TestEvent"
    assert told["Records"][0]["s3"]["object"]["key"] == "a.png"
    without = (
        QUEUE[: QUEUE.index("    Properties:\n      NotificationConfiguration")] + QUEUE[QUEUE.index("Outputs:") :]
    )
    assert update(cloudformation, without)["StackStatus"] == "UPDATE_COMPLETE", reasons(cloudformation)
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=names["Bucket"])


def test_a_template_that_does_not_let_s3_in_fails_as_it_does_on_aws(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    stack = create(cloudformation, QUEUE.replace("s3.amazonaws.com", "sns.amazonaws.com"))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("Unable to validate the following destination configurations" in why for why in reasons(cloudformation))


REPLICATION = """
Resources:
  Replicator:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: s3.amazonaws.com}, Action: "sts:AssumeRole"}]
  Target:
    Type: AWS::S3::Bucket
    Properties: {VersioningConfiguration: {Status: Enabled}}
  Source:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {Status: Enabled}
      ReplicationConfiguration:
        Role: !GetAtt Replicator.Arn
        Rules:
          - Status: Enabled
            Priority: "1"
            Filter: {And: {Prefix: a, TagFilters: [{Key: k, Value: v}]}}
            DeleteMarkerReplication: {Status: Disabled}
            Destination: {Bucket: !GetAtt Target.Arn, StorageClass: STANDARD_IA}
Outputs:
  Source: {Value: !Ref Source}
  Target: {Value: !Ref Target}
"""


def test_a_template_replicates_a_bucket_into_another(aws: Aws, s3: Any) -> None:
    cloudformation = aws("cloudformation")
    stack = create(cloudformation, REPLICATION, Capabilities=["CAPABILITY_IAM"])
    assert stack["StackStatus"] == "CREATE_COMPLETE", reasons(cloudformation)
    names = outputs(stack)
    s3.put_object(Bucket=names["Source"], Key="a", Tagging="k=v")
    s3.put_object(Bucket=names["Source"], Key="b", Tagging="k=v")
    assert settled(s3, names["Source"], "a") == "COMPLETED"
    assert [row["Key"] for row in s3.list_objects_v2(Bucket=names["Target"])["Contents"]] == ["a"]
    before, after = REPLICATION.split("  Source:\n"), REPLICATION[REPLICATION.index("Outputs:") :]
    plain = f"{before[0]}  Source: {{Type: AWS::S3::Bucket}}\n{after}"
    stack = update(cloudformation, plain, Capabilities=["CAPABILITY_IAM"])
    assert stack["StackStatus"] == "UPDATE_COMPLETE", reasons(cloudformation)
    assert s3.get_bucket_versioning(Bucket=names["Source"])["Status"] == "Suspended"


SERVERLESS = """
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Resources:
  Out: {Type: AWS::SQS::Queue}
  Uploads: {Type: AWS::S3::Bucket}
  Thumbnail:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      Timeout: 60
      InlineCode: |
        import boto3, json, os
        def handler(event, context):
            boto3.client("sqs").send_message(QueueUrl=os.environ["OUT"], MessageBody=json.dumps(event))
      Environment: {Variables: {OUT: !Ref Out}}
      Events:
        Upload:
          Type: S3
          Properties:
            Bucket: !Ref Uploads
            Events: "s3:ObjectCreated:*"
            Filter: {S3Key: {Rules: [{Name: prefix, Value: in/}]}}
Outputs:
  Bucket: {Value: !Ref Uploads}
  Queue: {Value: !Ref Out}
"""


def test_a_serverless_function_is_invoked_by_uploads(aws: Aws, s3: Any) -> None:
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(
        StackName="shop", TemplateBody=SERVERLESS, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    )
    stack = wait(cloudformation)
    assert stack["StackStatus"] == "CREATE_COMPLETE", reasons(cloudformation)
    names = outputs(stack)
    s3.put_object(Bucket=names["Bucket"], Key="out/a")
    s3.put_object(Bucket=names["Bucket"], Key="in/a", Body=b"four")
    (event,) = received(aws, names["Queue"], 1)
    assert event["Records"][0]["s3"]["object"]["key"] == "in/a", json.dumps(event)
