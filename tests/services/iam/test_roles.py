"""Roles, their inline policies and what is attached to them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}'
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
AWS_POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture
def iam(aws: Any) -> Any:
    client = aws("iam")
    client.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "a", "Value": "b"}])
    return client


def test_a_role_comes_back_as_it_was_made(iam: Any, account: str) -> None:
    role = iam.get_role(RoleName="reader")["Role"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Action"] == "sts:AssumeRole"
    assert role["Tags"] == [{"Key": "a", "Value": "b"}]
    assert role["Arn"] == f"arn:aws:iam::{account}:role/reader"


def test_a_role_is_the_same_in_every_region(aws: Any, iam: Any) -> None:
    assert aws("iam", region="eu-west-1").get_role(RoleName="reader")["Role"]["RoleName"] == "reader"


def test_a_role_that_is_there_is_not_made_again(iam: Any) -> None:
    with pytest.raises(ClientError, match=r"EntityAlreadyExists.*Role with name reader already exists\."):
        iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)


def test_a_role_that_is_not_there_cannot_be_found(iam: Any) -> None:
    with pytest.raises(ClientError, match=r"NoSuchEntity.*The role with name other cannot be found\."):
        iam.get_role(RoleName="other")


def test_a_document_must_be_json(iam: Any) -> None:
    with pytest.raises(ClientError, match=r"MalformedPolicyDocument.*This policy contains invalid Json"):
        iam.create_role(RoleName="broken", AssumeRolePolicyDocument="{")


def test_a_role_with_policies_cannot_be_deleted(iam: Any) -> None:
    iam.put_role_policy(RoleName="reader", PolicyName="inline", PolicyDocument=POLICY)
    iam.attach_role_policy(RoleName="reader", PolicyArn=AWS_POLICY)
    with pytest.raises(ClientError, match=r"DeleteConflict.*must detach all policies first"):
        iam.delete_role(RoleName="reader")
    iam.detach_role_policy(RoleName="reader", PolicyArn=AWS_POLICY)
    with pytest.raises(ClientError, match=r"DeleteConflict.*must delete policies first"):
        iam.delete_role(RoleName="reader")
    iam.delete_role_policy(RoleName="reader", PolicyName="inline")
    iam.delete_role(RoleName="reader")
    assert iam.list_roles()["Roles"] == []


def test_policies_of_a_role_are_read_back(iam: Any) -> None:
    iam.put_role_policy(RoleName="reader", PolicyName="inline", PolicyDocument=POLICY)
    iam.attach_role_policy(RoleName="reader", PolicyArn=AWS_POLICY)
    document = iam.get_role_policy(RoleName="reader", PolicyName="inline")["PolicyDocument"]
    assert document["Statement"][0]["Action"] == "s3:*"
    assert iam.list_role_policies(RoleName="reader")["PolicyNames"] == ["inline"]
    attached = iam.list_attached_role_policies(RoleName="reader")["AttachedPolicies"]
    assert attached == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": AWS_POLICY}]


def test_a_role_is_changed_in_place(iam: Any) -> None:
    iam.update_role(RoleName="reader", Description="reads", MaxSessionDuration=7200)
    iam.tag_role(RoleName="reader", Tags=[{"Key": "c", "Value": "d"}])
    iam.untag_role(RoleName="reader", TagKeys=["a"])
    role = iam.get_role(RoleName="reader")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("reads", 7200)
    assert role["Tags"] == iam.list_role_tags(RoleName="reader")["Tags"] == [{"Key": "c", "Value": "d"}]


def test_roles_are_listed_in_pages_by_path(iam: Any) -> None:
    for name in ("a", "b", "c"):
        iam.create_role(RoleName=name, Path="/team/", AssumeRolePolicyDocument=TRUST)
    paginator = iam.get_paginator("list_roles")
    pages = list(paginator.paginate(PathPrefix="/team/", PaginationConfig={"PageSize": 2}))
    assert [[role["RoleName"] for role in page["Roles"]] for page in pages] == [["a", "b"], ["c"]]


def test_a_trust_policy_names_who_is_there(aws: Any, account: str) -> None:
    iam = aws("iam")
    user = f"arn:aws:iam::{account}:user/team/ann"
    statement = {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    with pytest.raises(ClientError, match=f'MalformedPolicyDocument.*Invalid principal in policy: "AWS":"{user}"'):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)
    iam.create_user(UserName="ann", Path="/team/")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)
