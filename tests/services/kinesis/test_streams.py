"""Streams: made, described, listed, changed and deleted."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.services.kinesis.conftest import MakeStream, put, read


def summary(kinesis: Any, name: str = "clicks") -> dict[str, Any]:
    found: dict[str, Any] = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    return found


def test_a_stream_has_the_defaults_of_aws(kinesis: Any, make_stream: MakeStream, account: str) -> None:
    arn = make_stream(shards=3)
    assert arn == f"arn:aws:kinesis:us-east-1:{account}:stream/clicks"
    found = summary(kinesis)
    found.pop("StreamCreationTimestamp")
    assert found == {
        "StreamName": "clicks",
        "StreamARN": arn,
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": "PROVISIONED"},
        "RetentionPeriodHours": 24,
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
        "OpenShardCount": 3,
        "ConsumerCount": 0,
        "MaxRecordSizeInKiB": 1024,
    }


def test_without_a_count_a_stream_is_on_demand_with_four_shards(kinesis: Any) -> None:
    kinesis.create_stream(StreamName="clicks")
    assert summary(kinesis)["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert summary(kinesis)["OpenShardCount"] == 4
    with pytest.raises(ClientError, match="On-Demand"):
        kinesis.update_shard_count(StreamName="clicks", TargetShardCount=8, ScalingType="UNIFORM_SCALING")


def test_shards_share_the_hash_keys_evenly_and_describe_stream_pages_them(
    kinesis: Any, make_stream: MakeStream
) -> None:
    make_stream(shards=3)
    first = kinesis.describe_stream(StreamName="clicks", Limit=2)["StreamDescription"]
    rest = kinesis.describe_stream(StreamName="clicks", ExclusiveStartShardId=first["Shards"][-1]["ShardId"])
    shards = [*first["Shards"], *rest["StreamDescription"]["Shards"]]
    assert (first["HasMoreShards"], rest["StreamDescription"]["HasMoreShards"]) == (True, False)
    assert [shard["ShardId"][-2:] for shard in shards] == ["00", "01", "02"]
    ranges = [shard["HashKeyRange"] for shard in shards]
    assert ranges[0]["StartingHashKey"] == "0"
    assert ranges[2]["EndingHashKey"] == str(2**128 - 1)
    assert [int(r["StartingHashKey"]) for r in ranges[1:]] == [int(r["EndingHashKey"]) + 1 for r in ranges[:-1]]


REFUSED = [
    ("create_stream", {"StreamName": "clicks", "ShardCount": 1}, "ResourceInUseException"),
    ("create_stream", {"StreamName": "new", "ShardCount": 501}, "LimitExceededException"),
    ("create_stream", {"StreamName": "no spaces", "ShardCount": 1}, "ValidationException"),
    (
        "create_stream",
        {"StreamName": "new", "ShardCount": 1, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}},
        "ValidationException",
    ),
    ("describe_stream", {"StreamName": "absent"}, "ResourceNotFoundException"),
    ("describe_stream", {}, "InvalidArgumentException"),
    (
        "increase_stream_retention_period",
        {"StreamName": "clicks", "RetentionPeriodHours": 8761},
        "InvalidArgumentException",
    ),
    (
        "decrease_stream_retention_period",
        {"StreamName": "clicks", "RetentionPeriodHours": 23},
        "InvalidArgumentException",
    ),
    (
        "decrease_stream_retention_period",
        {"StreamName": "clicks", "RetentionPeriodHours": 25},
        "InvalidArgumentException",
    ),
    ("add_tags_to_stream", {"StreamName": "clicks", "Tags": {"aws:x": "y"}}, "InvalidArgumentException"),
    ("list_streams", {"NextToken": "junk"}, "InvalidArgumentException"),
]


@pytest.mark.parametrize(("operation", "parameters", "code"), REFUSED)
def test_what_a_stream_cannot_be_is_refused(
    kinesis: Any, make_stream: MakeStream, operation: str, parameters: dict[str, Any], code: str
) -> None:
    make_stream()
    with pytest.raises(ClientError) as refused:
        getattr(kinesis, operation)(**parameters)
    assert refused.value.response["Error"]["Code"] == code


def test_streams_are_listed_by_name_a_page_at_a_time(kinesis: Any, make_stream: MakeStream) -> None:
    for name in ("c", "a", "b"):
        make_stream(name)
    first = kinesis.list_streams(Limit=2)
    assert (first["StreamNames"], first["HasMoreStreams"]) == (["a", "b"], True)
    rest = kinesis.list_streams(NextToken=first["NextToken"])
    assert (rest["StreamNames"], rest["HasMoreStreams"]) == (["c"], False)
    assert kinesis.list_streams(ExclusiveStartStreamName="a")["StreamNames"] == ["b", "c"]


def test_settings_are_kept(kinesis: Any, make_stream: MakeStream) -> None:
    arn = make_stream()
    kinesis.increase_stream_retention_period(StreamName="clicks", RetentionPeriodHours=48)
    kinesis.start_stream_encryption(StreamName="clicks", EncryptionType="KMS", KeyId="alias/aws/kinesis")
    kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=2048)
    changed = kinesis.enable_enhanced_monitoring(StreamName="clicks", ShardLevelMetrics=["ALL"])
    assert changed["CurrentShardLevelMetrics"] == []
    changed = kinesis.disable_enhanced_monitoring(StreamARN=arn, ShardLevelMetrics=["IncomingBytes"])
    assert "IncomingBytes" in changed["CurrentShardLevelMetrics"]
    assert "IncomingBytes" not in changed["DesiredShardLevelMetrics"]
    found = summary(kinesis)
    assert (found["RetentionPeriodHours"], found["MaxRecordSizeInKiB"]) == (48, 2048)
    assert (found["EncryptionType"], found["KeyId"]) == ("KMS", "alias/aws/kinesis")
    put(kinesis, "x" * 1_500_000)
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert kinesis.describe_limits()["OnDemandStreamCount"] == 1


def test_tags_and_policies_are_kept_on_streams_and_consumers(kinesis: Any, make_stream: MakeStream, aws: Aws) -> None:
    arn = make_stream()
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    kinesis.add_tags_to_stream(StreamName="clicks", Tags={"a": "1", "b": "2"})
    kinesis.remove_tags_from_stream(StreamName="clicks", TagKeys=["a"])
    kinesis.tag_resource(ResourceARN=consumer, Tags={"c": "3"})
    assert kinesis.list_tags_for_stream(StreamName="clicks")["Tags"] == [{"Key": "b", "Value": "2"}]
    assert kinesis.list_tags_for_resource(ResourceARN=consumer)["Tags"] == [{"Key": "c", "Value": "3"}]
    found = aws("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "b"}])["ResourceTagMappingList"]
    assert [each["ResourceARN"] for each in found] == [arn]
    for owner in (arn, consumer):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            kinesis.delete_resource_policy(ResourceARN=owner)
        policy = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kinesis:PutRecord"}]}'
        kinesis.put_resource_policy(ResourceARN=owner, Policy=policy)
        assert kinesis.get_resource_policy(ResourceARN=owner)["Policy"] == policy


def test_a_deleted_stream_takes_its_records_along(kinesis: Any, make_stream: MakeStream) -> None:
    arn = make_stream()
    kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")
    put(kinesis, "old")
    with pytest.raises(ClientError, match="ResourceInUseException"):
        kinesis.delete_stream(StreamName="clicks")
    kinesis.delete_stream(StreamName="clicks", EnforceConsumerDeletion=True)
    make_stream()
    assert read(kinesis) == []
    assert kinesis.list_stream_consumers(StreamARN=arn)["Consumers"] == []


TEMPLATE = """
Resources:
  Stream:
    Type: AWS::Kinesis::Stream
    Properties: {Name: clicks, ShardCount: %d, RetentionPeriodHours: %d, Tags: [{Key: team, Value: web}]}
  Consumer:
    Type: AWS::Kinesis::StreamConsumer
    Properties: {ConsumerName: c, StreamARN: !GetAtt Stream.Arn}
Outputs:
  Arn: {Value: !GetAtt Stream.Arn}
  Consumer: {Value: !Ref Consumer}
"""


def test_stacks_have_streams_and_change_them_in_place(aws: Aws, kinesis: Any) -> None:
    stacks = aws("cloudformation")
    stacks.create_stack(StackName="s", TemplateBody=TEMPLATE % (2, 48))
    stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 0.1})
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stacks.describe_stacks()["Stacks"][0]["Outputs"]}
    assert outputs["Arn"] == summary(kinesis)["StreamARN"]
    assert outputs["Consumer"].startswith(outputs["Arn"] + "/consumer/c:")
    before = summary(kinesis)
    stacks.update_stack(StackName="s", TemplateBody=TEMPLATE % (3, 24))
    stacks.get_waiter("stack_update_complete").wait(StackName="s", WaiterConfig={"Delay": 0.1})
    after = summary(kinesis)
    assert (before["OpenShardCount"], after["OpenShardCount"], after["RetentionPeriodHours"]) == (2, 3, 24)
    assert after["StreamCreationTimestamp"] == before["StreamCreationTimestamp"]
    stacks.delete_stack(StackName="s")
    stacks.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig={"Delay": 0.1})
    assert kinesis.list_streams()["StreamNames"] == []
