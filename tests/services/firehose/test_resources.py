"""Firehose streams in templates."""

from typing import Any

import pytest

from tests.conftest import Aws
from tests.services.cloudformation.stacks import create, outputs, update, wait
from tests.services.firehose.conftest import TRUST, describe
from tests.services.firehose.endpoint import FirehoseEndpoint


def template(stream: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Resources": {
            "Bucket": {"Type": "AWS::S3::Bucket"},
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
            "Stream": {"Type": "AWS::KinesisFirehose::DeliveryStream", "Properties": stream},
            **more,
        },
        "Outputs": {"Name": {"Value": {"Ref": "Stream"}}, "Arn": {"Value": {"Fn::GetAtt": ["Stream", "Arn"]}}},
    }


S3 = {
    "BucketARN": {"Fn::GetAtt": ["Bucket", "Arn"]},
    "RoleARN": {"Fn::GetAtt": ["Role", "Arn"]},
    # Templates say numbers and booleans as they like.
    "BufferingHints": {"SizeInMBs": "2", "IntervalInSeconds": 60},
}


@pytest.fixture
def cloudformation(aws: Aws) -> Any:
    return aws("cloudformation")


def make(cloudformation: Any, document: dict[str, Any]) -> dict[str, str]:
    stack = create(cloudformation, document, Capabilities=["CAPABILITY_IAM"])
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    return outputs(stack)


def change(cloudformation: Any, document: dict[str, Any]) -> dict[str, str]:
    stack = update(cloudformation, document, Capabilities=["CAPABILITY_IAM"])
    assert stack["StackStatus"] == "UPDATE_COMPLETE", stack
    return outputs(stack)


def test_a_stack_makes_changes_and_deletes_a_stream(cloudformation: Any, firehose: Any) -> None:
    tags = [{"Key": "team", "Value": "web"}, {"Key": "old", "Value": "yes"}]
    stream = {"ExtendedS3DestinationConfiguration": S3, "Tags": tags}
    made = make(cloudformation, template(stream))
    assert made["Name"].startswith("shop-Stream-")
    described = describe(firehose, made["Name"])
    assert (described["DeliveryStreamARN"], described["DeliveryStreamStatus"]) == (made["Arn"], "ACTIVE")
    settings = described["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert settings["BufferingHints"] == {"SizeInMBs": 2, "IntervalInSeconds": 60}

    stream = {
        "ExtendedS3DestinationConfiguration": S3
        | {
            "Prefix": "in/",
            "S3BackupMode": "Enabled",
            "S3BackupConfiguration": S3 | {"Prefix": "raw/"},
        },
        "DeliveryStreamEncryptionConfigurationInput": {"KeyType": "AWS_OWNED_CMK"},
        "Tags": [{"Key": "team", "Value": "shop"}],
    }
    assert change(cloudformation, template(stream)) == made
    described = describe(firehose, made["Name"])
    settings = described["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert (described["VersionId"], settings["Prefix"], settings["S3BackupMode"]) == ("2", "in/", "Enabled")
    assert settings["S3BackupDescription"]["Prefix"] == "raw/"
    assert described["DeliveryStreamEncryptionConfiguration"]["Status"] == "ENABLED"
    assert firehose.list_tags_for_delivery_stream(DeliveryStreamName=made["Name"])["Tags"] == [
        {"Key": "team", "Value": "shop"}
    ]

    stream.pop("DeliveryStreamEncryptionConfigurationInput")
    change(cloudformation, template(stream))
    assert describe(firehose, made["Name"])["DeliveryStreamEncryptionConfiguration"]["Status"] == "DISABLED"

    renamed = change(cloudformation, template(stream | {"DeliveryStreamName": "clicks"}))
    assert renamed["Name"] == "clicks"
    assert firehose.list_delivery_streams()["DeliveryStreamNames"] == ["clicks"]

    cloudformation.delete_stack(StackName="shop")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="shop", WaiterConfig={"Delay": 1})
    assert firehose.list_delivery_streams()["DeliveryStreamNames"] == []


def test_a_template_wires_a_kinesis_stream_to_an_endpoint(cloudformation: Any, firehose: Any) -> None:
    source = {"Type": "AWS::Kinesis::Stream", "Properties": {"ShardCount": 1}}
    with FirehoseEndpoint() as endpoint:
        stream = {
            "DeliveryStreamName": "clicks",
            "DeliveryStreamType": "KinesisStreamAsSource",
            "KinesisStreamSourceConfiguration": {
                "KinesisStreamARN": {"Fn::GetAtt": ["Source", "Arn"]},
                "RoleARN": {"Fn::GetAtt": ["Role", "Arn"]},
            },
            "HttpEndpointDestinationConfiguration": {
                "EndpointConfiguration": {"Url": endpoint.url},
                "S3Configuration": S3,
            },
        }
        make(cloudformation, template(stream, Source=source))
        changed = dict(stream["HttpEndpointDestinationConfiguration"])
        changed["S3Configuration"] = S3 | {"Prefix": "failed/"}
        change(cloudformation, template(stream | {"HttpEndpointDestinationConfiguration": changed}, Source=source))
    described = describe(firehose)["Destinations"][0]["HttpEndpointDestinationDescription"]
    assert described["S3DestinationDescription"]["Prefix"] == "failed/"
    assert describe(firehose)["Source"]["KinesisStreamSourceDescription"]["KinesisStreamARN"].startswith("arn:aws:kin")


def test_a_stream_that_is_refused_fails_its_stack(cloudformation: Any, firehose: Any) -> None:
    stream = {"ExtendedS3DestinationConfiguration": S3 | {"Prefix": "!{timestamp:yyyy}/"}}
    stack = create(cloudformation, template(stream), Capabilities=["CAPABILITY_IAM"])
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert firehose.list_delivery_streams()["DeliveryStreamNames"] == []
    assert wait(cloudformation)["StackStatus"] == "ROLLBACK_COMPLETE"
