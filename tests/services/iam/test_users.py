"""Users, groups, their keys and policies."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

DOCUMENT = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}
)


@pytest.fixture
def iam(aws: Any) -> Any:
    client = aws("iam")
    client.create_user(UserName="ann", Path="/team/", Tags=[{"Key": "team", "Value": "a"}])
    client.create_group(GroupName="readers")
    return client


def test_a_user_is_kept_with_its_tags(iam: Any, account: str) -> None:
    user = iam.get_user(UserName="ann")["User"]
    assert user["Arn"] == f"arn:aws:iam::{account}:user/team/ann"
    assert user["UserId"].startswith("AIDA")
    assert user["Tags"] == [{"Key": "team", "Value": "a"}]
    (row,) = iam.list_users(PathPrefix="/team/")["Users"]
    assert "Tags" not in row
    iam.untag_user(UserName="ann", TagKeys=["team"])
    assert iam.list_user_tags(UserName="ann")["Tags"] == []


def test_an_access_key_is_the_user(aws: Any, iam: Any, server: Any) -> None:
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    mine = boto3.client(
        "iam",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    assert mine.get_user()["User"]["UserName"] == "ann"
    mine.close()
    assert [row["AccessKeyId"] for row in iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]] == [
        key["AccessKeyId"]
    ]
    iam.create_access_key(UserName="ann")
    with pytest.raises(ClientError, match="Cannot exceed quota for AccessKeysPerUser: 2"):
        iam.create_access_key(UserName="ann")
    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    assert len(iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]) == 1


def test_without_a_name_the_caller_is_the_root(iam: Any, account: str) -> None:
    assert iam.get_user()["User"]["Arn"] == f"arn:aws:iam::{account}:root"


def test_groups_have_members_and_follow_a_new_name(iam: Any) -> None:
    iam.add_user_to_group(GroupName="readers", UserName="ann")
    iam.update_group(GroupName="readers", NewGroupName="lectors")
    assert [user["UserName"] for user in iam.get_group(GroupName="lectors")["Users"]] == ["ann"]
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="ann")["Groups"]] == ["lectors"]
    with pytest.raises(ClientError, match="must remove users from group first"):
        iam.delete_group(GroupName="lectors")
    iam.remove_user_from_group(GroupName="lectors", UserName="ann")
    iam.delete_group(GroupName="lectors")


@pytest.mark.parametrize(("kind", "name"), [("user", "ann"), ("group", "readers")])
def test_policies_are_put_attached_and_removed(iam: Any, kind: str, name: str) -> None:
    holder = {f"{kind.title()}Name": name}
    arn = iam.create_policy(PolicyName="p", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    getattr(iam, f"put_{kind}_policy")(**holder, PolicyName="inline", PolicyDocument=DOCUMENT)
    found = getattr(iam, f"get_{kind}_policy")(**holder, PolicyName="inline")
    assert found["PolicyDocument"] == json.loads(DOCUMENT)
    getattr(iam, f"attach_{kind}_policy")(**holder, PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert [row[f"{kind.title()}Name"] for row in entities[f"Policy{kind.title()}s"]] == [name]
    with pytest.raises(ClientError, match="must detach all policies first"):
        getattr(iam, f"delete_{kind}")(**holder)
    getattr(iam, f"detach_{kind}_policy")(**holder, PolicyArn=arn)
    getattr(iam, f"delete_{kind}_policy")(**holder, PolicyName="inline")
    getattr(iam, f"delete_{kind}")(**holder)


def test_a_boundary_counts_as_a_use_of_its_policy(iam: Any) -> None:
    arn = iam.create_policy(PolicyName="limit", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=arn)
    assert iam.get_user(UserName="ann")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"]) == (0, 1)
    with pytest.raises(ClientError, match="DeleteConflict"):
        iam.delete_policy(PolicyArn=arn)


def test_a_user_is_renamed_with_its_keys(iam: Any) -> None:
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    iam.update_user(UserName="ann", NewUserName="anna")
    assert iam.list_access_keys(UserName="anna")["AccessKeyMetadata"][0]["AccessKeyId"] == key
    with pytest.raises(ClientError, match="The user with name ann cannot be found"):
        iam.get_user(UserName="ann")


def test_a_user_with_credentials_is_not_deleted(iam: Any) -> None:
    iam.create_login_profile(UserName="ann", Password="S3cret-pass")
    with pytest.raises(ClientError, match="must delete login profile first"):
        iam.delete_user(UserName="ann")
    iam.delete_login_profile(UserName="ann")
    credential = iam.create_service_specific_credential(UserName="ann", ServiceName="codecommit.amazonaws.com")
    with pytest.raises(ClientError, match="must remove referenced objects first"):
        iam.delete_user(UserName="ann")
    credential_id = credential["ServiceSpecificCredential"]["ServiceSpecificCredentialId"]
    iam.delete_service_specific_credential(UserName="ann", ServiceSpecificCredentialId=credential_id)
    iam.delete_user(UserName="ann")


def test_a_stack_makes_users_groups_and_keys(aws: Any, iam: Any) -> None:
    resources = {
        "Writers": {"Type": "AWS::IAM::Group", "Properties": {"GroupName": "writers"}},
        "Bob": {
            "Type": "AWS::IAM::User",
            "Properties": {"UserName": "bob", "Groups": [{"Ref": "Writers"}]},
        },
        "Key": {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": "Bob"}}},
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "inline",
                "PolicyDocument": json.loads(DOCUMENT),
                "Users": [{"Ref": "Bob"}],
                "Groups": [{"Ref": "Writers"}],
            },
        },
    }
    stacks = aws("cloudformation")
    stacks.create_stack(
        StackName="s", TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 0.1})
    assert iam.list_groups_for_user(UserName="bob")["Groups"][0]["GroupName"] == "writers"
    assert len(iam.list_access_keys(UserName="bob")["AccessKeyMetadata"]) == 1
    assert iam.list_user_policies(UserName="bob")["PolicyNames"] == ["inline"]
    assert iam.list_group_policies(GroupName="writers")["PolicyNames"] == ["inline"]
    stacks.delete_stack(StackName="s")
    stacks.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig={"Delay": 0.1})
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_user(UserName="bob")


@pytest.mark.parametrize(
    ("policy", "password", "reason"),
    [
        (None, "Ab1!", "Password should have a minimum length of 8"),
        (None, "abcdefgh1", "Password should have at least 3 of"),
        ({"RequireSymbols": True}, "Abcdefgh1", "Password should have at least one symbol"),
        ({"RequireNumbers": True}, "Abcdefgh!", "Password should have at least one number"),
        ({"RequireUppercaseCharacters": True}, "abcdefgh1", "Password should have at least one uppercase letter"),
        ({"RequireLowercaseCharacters": True}, "ABCDEFGH1", "Password should have at least one lowercase letter"),
        ({"MinimumPasswordLength": 12}, "S3cret-pass", "Password should have a minimum length of 12"),
    ],
)
def test_a_password_must_be_what_the_account_asks_for(
    iam: Any, policy: dict[str, Any] | None, password: str, reason: str
) -> None:
    if policy is not None:
        iam.update_account_password_policy(**policy)
    with pytest.raises(ClientError, match=reason) as refused:
        iam.create_login_profile(UserName="ann", Password=password)
    assert refused.value.response["Error"]["Code"] == "PasswordPolicyViolation"
    iam.create_login_profile(UserName="ann", Password="S3cret-password")
    with pytest.raises(ClientError, match=reason):
        iam.update_login_profile(UserName="ann", Password=password)


def test_a_user_is_in_ten_groups_and_has_fifty_tags_at_most(aws: Any) -> None:
    iam = aws("iam")
    iam.create_user(UserName="ann", Tags=[{"Key": f"k{number}", "Value": ""} for number in range(50)])
    for number in range(11):
        iam.create_group(GroupName=f"g{number}")
    for number in range(10):
        iam.add_user_to_group(GroupName=f"g{number}", UserName="ann")
    with pytest.raises(ClientError, match=r"LimitExceeded.*Cannot exceed quota for GroupsPerUser: 10"):
        iam.add_user_to_group(GroupName="g10", UserName="ann")
    with pytest.raises(ClientError, match=r"LimitExceeded.*The number of tags has reached the maximum limit\."):
        iam.tag_user(UserName="ann", Tags=[{"Key": "more", "Value": ""}])
