"""Keys, aliases and replicas from templates."""

import copy
import json
from typing import Any

from tests.services.cloudformation.stacks import create, outputs, update

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
            "Action": "kms:*",
            "Resource": "*",
        }
    ],
}
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {
                "Description": "of the shop",
                "KeyPolicy": POLICY,
                "EnableKeyRotation": True,
                "RotationPeriodInDays": 180,
                "MultiRegion": True,
                "PendingWindowInDays": 7,
                "Tags": [{"Key": "a", "Value": "1"}],
            },
        },
        "Alias": {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "alias/shop", "TargetKeyId": {"Ref": "Key"}}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]}}},
    },
    "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}}, "Queue": {"Value": {"Ref": "Queue"}}},
}
REPLICA = {
    "Parameters": {"Primary": {"Type": "String"}},
    "Resources": {
        "Replica": {
            "Type": "AWS::KMS::ReplicaKey",
            "Properties": {"PrimaryKeyArn": {"Ref": "Primary"}, "KeyPolicy": POLICY, "Description": "there"},
        }
    },
}


def test_a_stack_has_a_key_its_alias_and_its_replica(aws: Any) -> None:
    # given
    kms, there, cloudformation = aws("kms"), aws("kms", region="eu-west-1"), aws("cloudformation")
    # when
    made = outputs(create(cloudformation, TEMPLATE))
    # then
    key = kms.describe_key(KeyId="alias/shop")["KeyMetadata"]
    assert (key["Arn"], key["Description"], key["MultiRegion"]) == (made["Arn"], "of the shop", True)
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["RotationPeriodInDays"] == 180
    assert kms.list_resource_tags(KeyId=key["KeyId"])["Tags"] == [{"TagKey": "a", "TagValue": "1"}]
    queue = {"QueueUrl": made["Queue"]}
    aws("sqs").send_message(**queue, MessageBody="hi")
    assert aws("sqs").receive_message(**queue)["Messages"][0]["Body"] == "hi"
    # when
    parameters = [{"ParameterKey": "Primary", "ParameterValue": made["Arn"]}]
    elsewhere = aws("cloudformation", region="eu-west-1")
    create(elsewhere, REPLICA, Parameters=parameters)
    # then
    assert there.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["Description"] == "there"
    # when
    changed = copy.deepcopy(TEMPLATE)
    changed["Resources"]["Key"]["Properties"] |= {"EnableKeyRotation": False, "Enabled": False, "Tags": []}
    assert update(cloudformation, changed)["StackStatus"] == "UPDATE_COMPLETE"
    # then
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "Disabled"
    assert not kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]
    assert kms.list_resource_tags(KeyId=key["KeyId"])["Tags"] == []
    assert json.loads(kms.get_key_policy(KeyId=key["KeyId"])["Policy"])["Statement"][0]["Action"] == "kms:*"
    # when
    elsewhere.delete_stack(StackName="shop")
    cloudformation.delete_stack(StackName="shop")
    for region in (elsewhere, cloudformation):
        region.get_waiter("stack_delete_complete").wait(StackName="shop", WaiterConfig={"Delay": 1})
    # then
    assert kms.list_aliases()["Aliases"] == []
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "PendingReplicaDeletion"
    assert there.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
