"""Managed policies and instance profiles."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}'


def document(action: str) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def iam(aws: Any) -> Any:
    return aws("iam")


@pytest.fixture
def arn(iam: Any) -> str:
    made = iam.create_policy(PolicyName="reads", PolicyDocument=document("s3:*"), Path="/team/", Description="d")
    found: str = made["Policy"]["Arn"]
    return found


def test_a_policy_comes_back_as_it_was_made(iam: Any, arn: str, account: str) -> None:
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    assert arn == f"arn:aws:iam::{account}:policy/team/reads"
    assert (policy["DefaultVersionId"], policy["AttachmentCount"], policy["Description"]) == ("v1", 0, "d")
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert version["Document"]["Statement"][0]["Action"] == "s3:*"


def test_what_is_told_of_a_policy_depends_on_who_is_asked(iam: Any) -> None:
    tags = [{"Key": "a", "Value": "b"}]
    made = iam.create_policy(PolicyName="told", PolicyDocument=document("s3:*"), Description="why", Tags=tags)["Policy"]
    assert ("Description" in made, made["Tags"]) == (False, tags)
    found = iam.get_policy(PolicyArn=made["Arn"])["Policy"]
    assert (found["Description"], found["Tags"]) == ("why", tags)
    [listed] = [each for each in iam.list_policies(Scope="Local")["Policies"] if each["Arn"] == made["Arn"]]
    assert not listed.keys() & {"Description", "Tags"}
    bare = iam.create_policy(PolicyName="bare", PolicyDocument=document("s3:*"))["Policy"]
    assert "Tags" not in bare
    assert iam.get_policy(PolicyArn=bare["Arn"])["Policy"]["Tags"] == []


def test_a_policys_name_is_taken_whatever_its_path(iam: Any, arn: str) -> None:
    with pytest.raises(ClientError, match=r"EntityAlreadyExists.*A policy called reads already exists"):
        iam.create_policy(PolicyName="reads", PolicyDocument=document("s3:*"))


def test_a_policy_has_five_versions_at_most(iam: Any, arn: str) -> None:
    for number in range(2, 6):
        made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(f"s3:{number}"), SetAsDefault=True)
        assert made["PolicyVersion"]["VersionId"] == f"v{number}"
    with pytest.raises(ClientError, match=r"LimitExceeded.*up to 5 versions"):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("s3:6"))
    with pytest.raises(ClientError, match=r"DeleteConflict.*Cannot delete the default version of a policy\."):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v5")
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v5")
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("s3:6"))
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [row["VersionId"] for row in versions] == ["v6", "v4", "v3", "v2", "v1"]
    assert [row["VersionId"] for row in versions if row["IsDefaultVersion"]] == ["v2"]


def test_an_attached_policy_cannot_be_deleted(iam: Any, arn: str) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    assert [row["RoleName"] for row in iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]] == ["r"]
    with pytest.raises(ClientError, match=r"DeleteConflict.*Cannot delete a policy attached to entities\."):
        iam.delete_policy(PolicyArn=arn)
    iam.detach_role_policy(RoleName="r", PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    with pytest.raises(ClientError, match=rf"NoSuchEntity.*Policy {arn} was not found\."):
        iam.get_policy(PolicyArn=arn)


def test_only_a_policy_that_is_there_can_be_attached(iam: Any, arn: str) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    with pytest.raises(ClientError, match=r"NoSuchEntity.*does not exist or is not attachable\."):
        iam.attach_role_policy(RoleName="r", PolicyArn=f"{arn}-other")


def test_policies_are_listed_by_scope_path_and_use(iam: Any, arn: str) -> None:
    iam.create_policy(PolicyName="writes", PolicyDocument=document("s3:*"))
    local = iam.list_policies(Scope="Local")["Policies"]
    assert [policy["PolicyName"] for policy in local] == ["reads", "writes"]
    assert [policy["Arn"] for policy in iam.list_policies(PathPrefix="/team/")["Policies"]] == [arn]
    assert all(policy["Arn"].startswith("arn:aws:iam::aws:") for policy in iam.list_policies(Scope="AWS")["Policies"])
    assert iam.list_policies(OnlyAttached=True)["Policies"] == []


def test_an_instance_profile_holds_one_role(iam: Any, account: str) -> None:
    for name in ("one", "two"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    made = iam.create_instance_profile(InstanceProfileName="p")["InstanceProfile"]
    assert made["Arn"] == f"arn:aws:iam::{account}:instance-profile/p"
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="one")
    with pytest.raises(ClientError, match="LimitExceeded"):
        iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="two")
    profile = iam.get_instance_profile(InstanceProfileName="p")["InstanceProfile"]
    assert [role["RoleName"] for role in profile["Roles"]] == ["one"]
    of_role = iam.list_instance_profiles_for_role(RoleName="one")["InstanceProfiles"]
    assert [row["InstanceProfileName"] for row in of_role] == ["p"]


def test_a_role_in_an_instance_profile_cannot_be_deleted(iam: Any) -> None:
    iam.create_role(RoleName="one", AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName="p")
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="one")
    with pytest.raises(ClientError, match=r"DeleteConflict.*must remove roles from instance profile first"):
        iam.delete_role(RoleName="one")
    with pytest.raises(ClientError, match=r"DeleteConflict.*must remove roles from instance profile first"):
        iam.delete_instance_profile(InstanceProfileName="p")
    iam.remove_role_from_instance_profile(InstanceProfileName="p", RoleName="one")
    iam.delete_instance_profile(InstanceProfileName="p")
    iam.delete_role(RoleName="one")


@pytest.mark.parametrize("kind", ["role", "user", "group"])
def test_ten_policies_can_be_attached_to_each(iam: Any, kind: str) -> None:
    trust = {"AssumeRolePolicyDocument": TRUST} if kind == "role" else {}
    holder = {f"{kind.title()}Name": "h"}
    getattr(iam, f"create_{kind}")(**holder, **trust)
    arns = [
        iam.create_policy(PolicyName=f"p{number}", PolicyDocument=document("s3:*"))["Policy"]["Arn"]
        for number in range(11)
    ]
    for arn in (*arns[:10], arns[0]):
        getattr(iam, f"attach_{kind}_policy")(**holder, PolicyArn=arn)
    with pytest.raises(ClientError, match=f"LimitExceeded.*Cannot exceed quota for PoliciesPer{kind.title()}: 10"):
        getattr(iam, f"attach_{kind}_policy")(**holder, PolicyArn=arns[10])


@pytest.mark.parametrize(("kind", "most"), [("role", 10_240), ("user", 2048), ("group", 5120)])
def test_inline_policies_have_room_together_and_white_space_is_free(iam: Any, kind: str, most: int) -> None:
    trust = {"AssumeRolePolicyDocument": TRUST} if kind == "role" else {}
    holder = {f"{kind.title()}Name": "h"}
    getattr(iam, f"create_{kind}")(**holder, **trust)
    put = getattr(iam, f"put_{kind}_policy")
    room = most - 2 * len("".join(document("s3:").split()))
    put(**holder, PolicyName="first", PolicyDocument=document("s3:" + "x" * (room // 2)) + " " * most)
    with pytest.raises(ClientError, match=f"Maximum policy size of {most} bytes exceeded for {kind} h"):
        put(**holder, PolicyName="second", PolicyDocument=document("s3:" + "x" * (room // 2 + 1)))
    put(**holder, PolicyName="second", PolicyDocument=document("s3:" + "x" * (room // 2)))
    put(**holder, PolicyName="second", PolicyDocument=document("s3:" + "y" * (room // 2)))


def test_a_managed_policy_has_6144_characters_at_most(iam: Any) -> None:
    room = 6144 - len("".join(document("s3:").split()))
    iam.create_policy(PolicyName="full", PolicyDocument=document("s3:" + "x" * room))
    with pytest.raises(ClientError, match=r"LimitExceeded.*Cannot exceed quota for PolicySize: 6144"):
        iam.create_policy(PolicyName="fuller", PolicyDocument=document("s3:" + "x" * (room + 1)))
