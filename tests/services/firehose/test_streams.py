"""Streams: made, described, listed, changed and deleted."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.services.firehose.conftest import MakeStream, describe, put

Settings = dict[str, Any]


def destination(firehose: Any, kind: str = "ExtendedS3") -> Settings:
    found: Settings = describe(firehose)["Destinations"][0][f"{kind}DestinationDescription"]
    return found


def error_of(refused: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_stream_is_described_with_its_defaults(firehose: Any, s3_settings: Settings, clock: MovableClock) -> None:
    arn = firehose.create_delivery_stream(DeliveryStreamName="clicks", S3DestinationConfiguration=s3_settings)[
        "DeliveryStreamARN"
    ]
    described = describe(firehose)
    assert described["DeliveryStreamStatus"] == "CREATING"
    clock.advance(s=1)
    described = describe(firehose)
    created = described.pop("CreateTimestamp")
    assert created.timestamp() == pytest.approx(clock.now_ms() / 1000, abs=60)
    defaults = {
        "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
        "CompressionFormat": "UNCOMPRESSED",
        "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
        "CloudWatchLoggingOptions": {"Enabled": False},
    }
    assert described == {
        "DeliveryStreamName": "clicks",
        "DeliveryStreamARN": arn,
        "DeliveryStreamStatus": "ACTIVE",
        "DeliveryStreamType": "DirectPut",
        "VersionId": "1",
        "DeliveryStreamEncryptionConfiguration": {"Status": "DISABLED"},
        "Destinations": [
            {"DestinationId": "destinationId-000000000001", "S3DestinationDescription": s3_settings | defaults}
        ],
        "HasMoreDestinations": False,
    }


def test_extended_s3_is_described_in_both_ways(firehose: Any, make_stream: MakeStream) -> None:
    make_stream(Prefix="in/", FileExtension=".log", CustomTimeZone="Europe/Oslo")
    plain, extended = destination(firehose, "S3"), destination(firehose)
    assert plain == {
        name: value
        for name, value in extended.items()
        if name not in ("FileExtension", "CustomTimeZone", "S3BackupMode")
    }
    assert (extended["FileExtension"], extended["CustomTimeZone"]) == (".log", "Europe/Oslo")
    assert extended["S3BackupMode"] == "Disabled"


def test_a_function_is_described_with_its_defaults(firehose: Any, make_stream: MakeStream, role: str) -> None:
    function = "arn:aws:lambda:us-east-1:123456789012:function:f"
    processor = {"Type": "Lambda", "Parameters": [{"ParameterName": "LambdaArn", "ParameterValue": function}]}
    make_stream(ProcessingConfiguration={"Enabled": True, "Processors": [processor]})
    ((parameters),) = (each["Parameters"] for each in destination(firehose)["ProcessingConfiguration"]["Processors"])
    assert {each["ParameterName"]: each["ParameterValue"] for each in parameters} == {
        "LambdaArn": function,
        "NumberOfRetries": "3",
        "BufferSizeInMBs": "1",
        "BufferIntervalInSeconds": "60",
        "RoleArn": role,
    }


def test_streams_are_listed_by_name_and_type(firehose: Any, make_stream: MakeStream) -> None:
    for name in ("c", "a", "b"):
        make_stream(name)
    first = firehose.list_delivery_streams(Limit=2)
    assert (first["DeliveryStreamNames"], first["HasMoreDeliveryStreams"]) == (["a", "b"], True)
    rest = firehose.list_delivery_streams(ExclusiveStartDeliveryStreamName="b")
    assert (rest["DeliveryStreamNames"], rest["HasMoreDeliveryStreams"]) == (["c"], False)
    assert firehose.list_delivery_streams(DeliveryStreamType="KinesisStreamAsSource")["DeliveryStreamNames"] == []


def test_an_update_changes_what_it_names_and_nothing_else(firehose: Any, make_stream: MakeStream) -> None:
    make_stream(Prefix="in/", CompressionFormat="GZIP")
    update = {
        "DeliveryStreamName": "clicks",
        "CurrentDeliveryStreamVersionId": "1",
        "DestinationId": "destinationId-000000000001",
    }
    firehose.update_destination(**update, ExtendedS3DestinationUpdate={"Prefix": "out/"})
    described = describe(firehose)
    assert described["VersionId"] == "2"
    assert described["LastUpdateTimestamp"] >= described["CreateTimestamp"]
    assert (destination(firehose)["Prefix"], destination(firehose)["CompressionFormat"]) == ("out/", "GZIP")
    with pytest.raises(ClientError) as refused:
        firehose.update_destination(**update, ExtendedS3DestinationUpdate={"Prefix": "again/"})
    code, sentence = error_of(refused)
    assert code == "ConcurrentModificationException"
    assert "current version id: 2 and specified version id: 1 do not match" in sentence
    update["CurrentDeliveryStreamVersionId"] = "2"
    firehose.update_destination(**update, S3DestinationUpdate={"CompressionFormat": "ZIP"})
    assert (destination(firehose)["Prefix"], destination(firehose)["CompressionFormat"]) == ("out/", "ZIP")


def test_a_stream_can_turn_to_another_destination(
    firehose: Any, make_stream: MakeStream, s3_settings: Settings
) -> None:
    make_stream(Prefix="in/")
    update = {
        "DeliveryStreamName": "clicks",
        "CurrentDeliveryStreamVersionId": "1",
        "DestinationId": "destinationId-000000000001",
    }
    with pytest.raises(ClientError, match="S3Configuration"):
        firehose.update_destination(
            **update, HttpEndpointDestinationUpdate={"EndpointConfiguration": {"Url": "https://example.com/"}}
        )
    firehose.update_destination(
        **update,
        HttpEndpointDestinationUpdate={
            "EndpointConfiguration": {"Url": "https://example.com/"},
            "S3Update": s3_settings,
        },
    )
    described = describe(firehose)["Destinations"][0]
    assert list(described) == ["DestinationId", "HttpEndpointDestinationDescription"]
    assert "Prefix" not in described["HttpEndpointDestinationDescription"]["S3DestinationDescription"]


def test_a_stream_that_is_deleted_is_gone(
    firehose: Any, make_stream: MakeStream, objects: Any, clock: MovableClock
) -> None:
    make_stream()
    put(firehose, "never delivered")
    firehose.delete_delivery_stream(DeliveryStreamName="clicks")
    with pytest.raises(ClientError) as refused:
        describe(firehose)
    assert error_of(refused)[0] == "ResourceNotFoundException"
    make_stream()
    clock.advance(s=301)
    put(firehose, "new")
    assert list(objects(step_s=60).values()) == [b"new"]


def test_a_stream_that_is_being_created_takes_nothing_yet(
    firehose: Any, s3_settings: Settings, clock: MovableClock
) -> None:
    firehose.create_delivery_stream(DeliveryStreamName="clicks", ExtendedS3DestinationConfiguration=s3_settings)
    with pytest.raises(ClientError, match="ServiceUnavailableException"):
        put(firehose, "early")
    with pytest.raises(ClientError, match="ResourceInUseException"):
        firehose.delete_delivery_stream(DeliveryStreamName="clicks")
    clock.advance(s=1)
    put(firehose, "in time")


def test_a_name_is_taken_once(firehose: Any, make_stream: MakeStream) -> None:
    make_stream()
    with pytest.raises(ClientError) as refused:
        make_stream()
    code, sentence = error_of(refused)
    assert code == "ResourceInUseException"
    assert sentence.startswith("Firehose clicks under accountId")


@pytest.mark.parametrize("trusted", [None, "lambda.amazonaws.com"])
def test_firehose_must_be_able_to_assume_the_role(
    aws: Aws, firehose: Any, s3_settings: Settings, account: str, trusted: str | None
) -> None:
    role = f"arn:aws:iam::{account}:role/other"
    if trusted is not None:
        statement = {"Effect": "Allow", "Principal": {"Service": trusted}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        aws("iam").create_role(RoleName="other", AssumeRolePolicyDocument=document)
    with pytest.raises(ClientError) as refused:
        firehose.create_delivery_stream(
            DeliveryStreamName="clicks", ExtendedS3DestinationConfiguration=s3_settings | {"RoleARN": role}
        )
    assert error_of(refused) == (
        "InvalidArgumentException",
        f"Firehose is unable to assume role {role}. Please check the role provided.",
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"BufferingHints": {"SizeInMBs": 1}}, "Both SizeInMBs and IntervalInSeconds"),
        ({"CloudWatchLoggingOptions": {"Enabled": True}}, "LogGroupName and LogStreamName"),
        ({"Prefix": "!{timestamp:yyyy}/"}, "ErrorOutputPrefix must be specified"),
        ({"CustomTimeZone": "Mars/Olympus"}, "CustomTimeZone Mars/Olympus"),
        ({"S3BackupMode": "Enabled"}, "S3BackupConfiguration must be specified"),
        (
            {"Prefix": "!{partitionKeyFromQuery:user}/", "ErrorOutputPrefix": "e/"},
            "Dynamic Partitioning Namespaces can only be part of a prefix expression",
        ),
        (
            {
                "S3BackupConfiguration": {
                    "RoleARN": "arn:aws:iam::123456789012:role/r",
                    "BucketARN": "arn:aws:s3:::b",
                    "Prefix": "!{partitionKeyFromQuery:user}/",
                    "ErrorOutputPrefix": "e/",
                }
            },
            "Dynamic Partitioning Namespaces can only be part of a prefix expression",
        ),
        (
            {"DynamicPartitioningConfiguration": {"Enabled": True}},
            "S3 Prefix should contain Dynamic Partitioning namespaces",
        ),
        (
            {
                "DynamicPartitioningConfiguration": {"Enabled": True},
                "BufferingHints": {"SizeInMBs": 63, "IntervalInSeconds": 60},
            },
            "BufferingHints.SizeInMBs must be at least 64 when Dynamic Partitioning is enabled.",
        ),
        (
            {
                "DynamicPartitioningConfiguration": {"Enabled": True},
                "Prefix": "!{partitionKeyFromLambda:user}/",
                "ErrorOutputPrefix": "e/",
            },
            "Lambda processor should be present",
        ),
        (
            {
                "DynamicPartitioningConfiguration": {"Enabled": True},
                "Prefix": "!{partitionKeyFromQuery:user}/",
                "ErrorOutputPrefix": "e/",
            },
            "MetadataExtraction processor should be present",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    make_stream: MakeStream, settings: Settings, sentence: str
) -> None:
    with pytest.raises(ClientError) as refused:
        make_stream(**settings)
    code, message = error_of(refused)
    assert code == "InvalidArgumentException"
    assert sentence in message


@pytest.mark.parametrize(
    ("processor", "sentence"),
    [
        ({"Type": "Lambda"}, "LambdaArn of the Lambda processor"),
        ({"Type": "RecordDeAggregation", "SubRecordType": "XML"}, "must be JSON or DELIMITED"),
        ({"Type": "RecordDeAggregation", "SubRecordType": "DELIMITED", "Delimiter": "#"}, "base64-encoded"),
        ({"Type": "RecordDeAggregation", "SubRecordType": "JSON"}, "only be present when Dynamic Partitioning"),
        ({"Type": "Decompression", "CompressionFormat": "ZIP"}, "CompressionFormat ZIP"),
        ({"Type": "CloudWatchLogProcessing", "DataMessageExtraction": "true"}, "needs a Decompression processor"),
        (
            {"Type": "Lambda", "LambdaArn": "arn:aws:lambda:us-east-1:123456789012:function:f", "BufferSizeInMBs": "4"},
            "BufferSizeInMBs must be between 0.2 and 3: 4",
        ),
    ],
)
def test_a_processor_that_cannot_work_is_refused(
    make_stream: MakeStream, processor: dict[str, str], sentence: str
) -> None:
    given = [{"ParameterName": name, "ParameterValue": value} for name, value in processor.items() if name != "Type"]
    with pytest.raises(ClientError) as refused:
        make_stream(
            ProcessingConfiguration={
                "Enabled": True,
                "Processors": [{"Type": processor["Type"], "Parameters": given}],
            }
        )
    assert sentence in error_of(refused)[1]


def test_there_is_one_destination(firehose: Any, s3_settings: Settings) -> None:
    for given in ({}, {"S3DestinationConfiguration": s3_settings, "ExtendedS3DestinationConfiguration": s3_settings}):
        with pytest.raises(ClientError, match="Exactly one destination configuration"):
            firehose.create_delivery_stream(DeliveryStreamName="clicks", **given)


def test_what_is_not_there_is_named(firehose: Any, s3_settings: Settings, role: str) -> None:
    splunk = {"HECEndpoint": "https://s", "HECEndpointType": "Raw", "HECToken": "t", "S3Configuration": s3_settings}
    with pytest.raises(ClientError, match="SplunkDestinationConfiguration") as refused:
        firehose.create_delivery_stream(DeliveryStreamName="clicks", SplunkDestinationConfiguration=splunk)
    assert error_of(refused)[0] == "NotImplemented"
    with pytest.raises(ClientError, match="MSKAsSource"):
        firehose.create_delivery_stream(
            DeliveryStreamName="clicks",
            DeliveryStreamType="MSKAsSource",
            ExtendedS3DestinationConfiguration=s3_settings,
        )


def test_tags_are_kept_and_listed_by_pages(firehose: Any, s3_settings: Settings) -> None:
    firehose.create_delivery_stream(
        DeliveryStreamName="clicks",
        S3DestinationConfiguration=s3_settings,
        Tags=[{"Key": "team", "Value": "web"}, {"Key": "bare"}],
    )
    firehose.tag_delivery_stream(DeliveryStreamName="clicks", Tags=[{"Key": "cost", "Value": "7"}])
    first = firehose.list_tags_for_delivery_stream(DeliveryStreamName="clicks", Limit=2)
    assert first["Tags"] == [{"Key": "bare", "Value": ""}, {"Key": "cost", "Value": "7"}]
    assert first["HasMoreTags"]
    rest = firehose.list_tags_for_delivery_stream(DeliveryStreamName="clicks", ExclusiveStartTagKey="cost")
    assert (rest["Tags"], rest["HasMoreTags"]) == ([{"Key": "team", "Value": "web"}], False)
    firehose.untag_delivery_stream(DeliveryStreamName="clicks", TagKeys=["team", "bare", "none"])
    assert firehose.list_tags_for_delivery_stream(DeliveryStreamName="clicks")["Tags"] == [
        {"Key": "cost", "Value": "7"}
    ]
    many = [{"Key": str(number), "Value": ""} for number in range(50)]
    with pytest.raises(ClientError, match="LimitExceededException"):
        firehose.tag_delivery_stream(DeliveryStreamName="clicks", Tags=many)


def test_the_tagging_api_sees_streams(aws: Aws, firehose: Any, make_stream: MakeStream) -> None:
    make_stream()
    arn = describe(firehose)["DeliveryStreamARN"]
    tagging = aws("resourcegroupstaggingapi")
    assert tagging.tag_resources(ResourceARNList=[arn], Tags={"team": "web"})["FailedResourcesMap"] == {}
    found = tagging.get_resources(ResourceTypeFilters=["firehose:deliverystream"])["ResourceTagMappingList"]
    assert found == [{"ResourceARN": arn, "Tags": [{"Key": "team", "Value": "web"}]}]


def test_encryption_is_described(firehose: Any, make_stream: MakeStream) -> None:
    make_stream()
    firehose.start_delivery_stream_encryption(DeliveryStreamName="clicks")
    assert describe(firehose)["DeliveryStreamEncryptionConfiguration"] == {
        "KeyType": "AWS_OWNED_CMK",
        "Status": "ENABLED",
    }
    assert firehose.put_record(DeliveryStreamName="clicks", Record={"Data": b"x"})["Encrypted"]
    with pytest.raises(ClientError, match="KeyARN must be specified"):
        firehose.start_delivery_stream_encryption(
            DeliveryStreamName="clicks",
            DeliveryStreamEncryptionConfigurationInput={"KeyType": "CUSTOMER_MANAGED_CMK"},
        )
    firehose.stop_delivery_stream_encryption(DeliveryStreamName="clicks")
    assert describe(firehose)["DeliveryStreamEncryptionConfiguration"] == {"Status": "DISABLED"}
