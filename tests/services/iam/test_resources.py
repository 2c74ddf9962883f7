"""AWS::IAM types in a stack."""

import json
from typing import Any

import pytest

from tests.services.iam.certified import Certified, certified


def policy(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def template(action: str, *, description: str, attached: bool) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    resources = {
        "Reader": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": "reader",
                "Description": description,
                "MaxSessionDuration": 7200,
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
                "Policies": [{"PolicyName": "inline", "PolicyDocument": policy(action)}],
                "Tags": [{"Key": "about", "Value": description}],
            },
        },
        "Reads": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "PolicyDocument": policy(action),
                "Roles": [{"Ref": "Reader"}] if attached else [],
            },
        },
        "Profile": {
            "Type": "AWS::IAM::InstanceProfile",
            "Properties": {"InstanceProfileName": "profile", "Roles": [{"Ref": "Reader"}]},
        },
    }
    outputs = {"Policy": {"Value": {"Ref": "Reads"}}, "Profile": {"Value": {"Fn::GetAtt": ["Profile", "Arn"]}}}
    return json.dumps({"Resources": resources, "Outputs": outputs})


@pytest.fixture
def cloudformation(aws: Any) -> Any:
    return aws("cloudformation")


def wait(cloudformation: Any, what: str) -> dict[str, str]:
    cloudformation.get_waiter(what).wait(StackName="s", WaiterConfig={"Delay": 1})
    (stack,) = cloudformation.describe_stacks(StackName="s")["Stacks"]
    return {row["OutputKey"]: row["OutputValue"] for row in stack["Outputs"]}


def test_a_stack_makes_changes_and_removes_roles_and_policies(aws: Any, cloudformation: Any, account: str) -> None:
    iam, capable = aws("iam"), {"StackName": "s", "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    cloudformation.create_stack(TemplateBody=template("s3:*", description="one", attached=True), **capable)
    outputs = wait(cloudformation, "stack_create_complete")
    assert outputs["Profile"] == f"arn:aws:iam::{account}:instance-profile/profile"
    assert [row["RoleName"] for row in iam.list_entities_for_policy(PolicyArn=outputs["Policy"])["PolicyRoles"]] == [
        "reader"
    ]

    cloudformation.update_stack(TemplateBody=template("sqs:*", description="two", attached=True), **capable)
    wait(cloudformation, "stack_update_complete")
    role = iam.get_role(RoleName="reader")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("two", 7200)
    assert {"Key": "about", "Value": "two"} in role["Tags"]
    inline = iam.get_role_policy(RoleName="reader", PolicyName="inline")["PolicyDocument"]
    assert inline["Statement"][0]["Action"] == "sqs:*"
    managed = iam.get_policy(PolicyArn=outputs["Policy"])["Policy"]
    assert (managed["DefaultVersionId"], managed["AttachmentCount"]) == ("v2", 1)

    cloudformation.update_stack(TemplateBody=template("sqs:*", description="two", attached=False), **capable)
    wait(cloudformation, "stack_update_complete")
    assert iam.get_policy(PolicyArn=outputs["Policy"])["Policy"]["AttachmentCount"] == 0

    cloudformation.delete_stack(StackName="s")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    assert iam.list_roles()["Roles"] == iam.list_policies(Scope="Local")["Policies"] == []
    assert iam.list_instance_profiles()["InstanceProfiles"] == []


def identities(certificate: Certified, *, client: str) -> str:
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    allows = {"Version": "2012-10-17", "Statement": [statement]}
    resources: dict[str, Any] = {
        "Ann": {"Type": "AWS::IAM::User", "Properties": {"UserName": "ann"}},
        "Team": {"Type": "AWS::IAM::Group", "Properties": {"GroupName": "team"}},
        "Members": {
            "Type": "AWS::IAM::UserToGroupAddition",
            "Properties": {"GroupName": {"Ref": "Team"}, "Users": [{"Ref": "Ann"}]},
        },
        "OfAnn": {
            "Type": "AWS::IAM::UserPolicy",
            "Properties": {"UserName": {"Ref": "Ann"}, "PolicyName": "p", "PolicyDocument": allows},
        },
        "OfTeam": {
            "Type": "AWS::IAM::GroupPolicy",
            "Properties": {"GroupName": {"Ref": "Team"}, "PolicyName": "p", "PolicyDocument": allows},
        },
        "Web": {
            "Type": "AWS::IAM::ServerCertificate",
            "Properties": {"CertificateBody": certificate.body, "PrivateKey": certificate.private},
        },
        "OpenId": {
            "Type": "AWS::IAM::OIDCProvider",
            "Properties": {"Url": "https://token.example.com", "ClientIdList": [client]},
        },
    }
    outputs = {"Web": {"Value": {"Ref": "Web"}}, "OpenId": {"Value": {"Fn::GetAtt": ["OpenId", "Arn"]}}}
    return json.dumps({"Resources": resources, "Outputs": outputs})


def test_a_stack_makes_changes_and_removes_identities(aws: Any, cloudformation: Any, account: str) -> None:
    iam, capable = aws("iam"), {"StackName": "s", "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    certificate = certified("web")
    cloudformation.create_stack(TemplateBody=identities(certificate, client="one"), **capable)
    outputs = wait(cloudformation, "stack_create_complete")
    assert outputs["OpenId"] == f"arn:aws:iam::{account}:oidc-provider/token.example.com"
    found = iam.get_server_certificate(ServerCertificateName=outputs["Web"])["ServerCertificate"]
    assert found["CertificateBody"] == certificate.body.strip()
    assert [user["UserName"] for user in iam.get_group(GroupName="team")["Users"]] == ["ann"]
    assert iam.list_user_policies(UserName="ann")["PolicyNames"] == ["p"]
    assert iam.list_group_policies(GroupName="team")["PolicyNames"] == ["p"]

    cloudformation.update_stack(TemplateBody=identities(certificate, client="two"), **capable)
    wait(cloudformation, "stack_update_complete")
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=outputs["OpenId"])
    assert provider["ClientIDList"] == ["two"]

    cloudformation.delete_stack(StackName="s")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    assert iam.list_users()["Users"] == iam.list_groups()["Groups"] == []
    assert iam.list_server_certificates()["ServerCertificateMetadataList"] == []
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
