"""What services go on with after a request has ended is done with the rights of whoever asked for it."""

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from tests.auth.conftest import ACCOUNT, Client, User
from tests.patience import eventually


@pytest.fixture
def name() -> str:
    return f"n-{secrets.token_hex(4)}"


def queue_arn(name: str) -> str:
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def test_messages_go_back_where_whoever_starts_the_task_may_send(
    root: Client, new_user: Callable[[], User], name: str
) -> None:
    sqs, dead = root("sqs"), f"{name}-dead"
    dead_url = sqs.create_queue(QueueName=dead)["QueueUrl"]
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": queue_arn(dead), "maxReceiveCount": 1})}
    url = sqs.create_queue(QueueName=name, Attributes=redrive)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    user = new_user().may({"Action": "sqs:*", "Resource": queue_arn(dead)})

    def task() -> dict[str, Any]:
        (listed,) = sqs.list_message_move_tasks(SourceArn=queue_arn(dead))["Results"]
        return dict(listed)

    user.client("sqs").start_message_move_task(SourceArn=queue_arn(dead))
    assert eventually(lambda: task() if task()["Status"] != "RUNNING" else None)["FailureReason"] == "AccessDenied"
    user.may({"Action": "sqs:SendMessage", "Resource": queue_arn(name)}, name="sending")
    # What the task had taken in its hands comes back in 30 seconds.
    sqs.purge_queue(QueueUrl=dead_url)
    sqs.send_message(QueueUrl=url, MessageBody="y")
    sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    user.client("sqs").start_message_move_task(SourceArn=queue_arn(dead))
    (message,) = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    assert message["Body"] == "y"


def test_topics_hear_of_stacks_whose_makers_may_publish(root: Client, new_user: Callable[[], User], name: str) -> None:
    sqs, sns = root("sqs"), root("sns")
    url, topic = sqs.create_queue(QueueName=name)["QueueUrl"], sns.create_topic(Name=name)["TopicArn"]
    letting = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue_arn(name)}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [letting]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn(name), Attributes={"RawMessageDelivery": "true"})
    user = new_user().may({"Action": "cloudformation:*", "Resource": "*"})
    template = json.dumps({"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}})

    def create(stack: str) -> None:
        user.client("cloudformation").create_stack(StackName=stack, TemplateBody=template, NotificationARNs=[topic])
        root("cloudformation").get_waiter("stack_create_complete").wait(
            StackName=stack, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
        )

    create(f"{name}-silent")
    user.may({"Action": "sns:Publish", "Resource": topic}, name="publishing")
    create(f"{name}-told")
    bodies: list[str] = []

    def is_complete() -> bool:
        bodies.extend(each["Body"] for each in sqs.receive_message(QueueUrl=url).get("Messages", ()))
        return any(
            "ResourceStatus='CREATE_COMPLETE'" in body and f"LogicalResourceId='{name}-told'" in body for body in bodies
        )

    assert eventually(is_complete)
    assert {f"{name}-silent" in body for body in bodies} == {False}


def test_an_export_writes_what_whoever_asked_for_it_may_write(
    root: Client, new_user: Callable[[], User], name: str
) -> None:
    dynamodb = root("dynamodb")
    table = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )["TableDescription"]["TableArn"]
    dynamodb.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    root("s3").create_bucket(Bucket=name)
    user = new_user().may({"Action": "dynamodb:*", "Resource": "*"})

    def ended() -> dict[str, Any]:
        export = user.client("dynamodb").export_table_to_point_in_time(TableArn=table, S3Bucket=name)
        arn = export["ExportDescription"]["ExportArn"]

        def description() -> dict[str, Any] | None:
            found = dynamodb.describe_export(ExportArn=arn)["ExportDescription"]
            return dict(found) if found["ExportStatus"] != "IN_PROGRESS" else None

        return eventually(description)

    failed = ended()
    assert (failed["ExportStatus"], failed["FailureCode"]) == ("FAILED", "S3AccessDenied")
    assert f"{user.arn} is not authorized to perform: s3:PutObject" in failed["FailureMessage"]
    writing = {"StringEquals": {"aws:CalledViaLast": "dynamodb.amazonaws.com"}}
    user.may({"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/*", "Condition": writing}, name="writing")
    assert ended()["ExportStatus"] == "COMPLETED"


def test_an_import_reads_what_whoever_asked_for_it_may_read(
    root: Client, new_user: Callable[[], User], name: str
) -> None:
    root("s3").create_bucket(Bucket=name)
    root("s3").put_object(Bucket=name, Key="data/a.json", Body=b'{"Item": {"k": {"S": "x"}}}\n')
    user = new_user().may({"Action": "dynamodb:*", "Resource": "*"})

    def ended() -> dict[str, Any]:
        started = user.client("dynamodb").import_table(
            S3BucketSource={"S3Bucket": name, "S3KeyPrefix": "data/"},
            InputFormat="DYNAMODB_JSON",
            TableCreationParameters={
                "TableName": name,
                "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        )
        arn = started["ImportTableDescription"]["ImportArn"]

        def description() -> dict[str, Any] | None:
            found = root("dynamodb").describe_import(ImportArn=arn)["ImportTableDescription"]
            return dict(found) if found["ImportStatus"] != "IN_PROGRESS" else None

        return eventually(description)

    assert ended()["FailureCode"] == "S3AccessDenied"
    user.may(
        {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{name}"},
        {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/data/*"},
        name="reading",
    )
    assert ended()["ImportStatus"] == "COMPLETED"
