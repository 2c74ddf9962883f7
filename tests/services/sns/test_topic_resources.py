"""The CloudFormation types of SNS."""

import json
from typing import Any

from tests.conftest import Aws
from tests.services.cloudformation.stacks import create, update

ROLE = "arn:aws:iam::123456789012:role/feedback"
LOGGED = {"Protocol": "http/s", "SuccessFeedbackRoleArn": ROLE, "SuccessFeedbackSampleRate": "50"}


def topic_stack(**properties: Any) -> dict[str, Any]:
    return {"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "t", **properties}}}}


def test_a_topic_has_what_its_template_says_and_loses_what_it_no_longer_says(aws: Aws, account: str) -> None:
    cloudformation, sns = aws("cloudformation"), aws("sns")
    arn = f"arn:aws:sns:us-east-1:{account}:t"
    policy = {"Name": "p", "Statement": []}
    full = topic_stack(SignatureVersion="2", DataProtectionPolicy=policy, DeliveryStatusLogging=[LOGGED])
    assert create(cloudformation, full)["StackStatus"] == "CREATE_COMPLETE"
    attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["HTTPSuccessFeedbackRoleArn"] == ROLE
    assert attributes["HTTPSuccessFeedbackSampleRate"] == "50"
    assert attributes["SignatureVersion"] == "2"
    assert json.loads(sns.get_data_protection_policy(ResourceArn=arn)["DataProtectionPolicy"]) == policy
    assert update(cloudformation, topic_stack())["StackStatus"] == "UPDATE_COMPLETE"
    attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert "HTTPSuccessFeedbackRoleArn" not in attributes
    assert attributes["SignatureVersion"] == "1"
    assert sns.get_data_protection_policy(ResourceArn=arn)["DataProtectionPolicy"] == "{}"


def test_an_inline_policy_is_the_topics_and_goes_with_its_resource(aws: Aws, account: str) -> None:
    cloudformation, sns = aws("cloudformation"), aws("sns")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sns:Publish"}]}
    plain = topic_stack()
    inline = {
        "Type": "AWS::SNS::TopicInlinePolicy",
        "Properties": {"TopicArn": {"Ref": "T"}, "PolicyDocument": document},
    }
    create(cloudformation, {"Resources": {**plain["Resources"], "P": inline}})

    def policy() -> dict[str, Any]:
        arn = f"arn:aws:sns:us-east-1:{account}:t"
        found: dict[str, Any] = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
        return found

    assert policy() == document
    update(cloudformation, plain)
    assert policy()["Id"] == "__default_policy_ID"
