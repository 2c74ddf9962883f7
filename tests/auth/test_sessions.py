"""What sessions may do: roles that trust, session policies, federation, a second factor."""

import base64
import hmac
import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.auth.conftest import ACCOUNT, ANYTHING, Client, GuardedServer, User, policy


def trust(principal: str, **condition: Any) -> str:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
    }
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def key_of(answer: dict[str, Any]) -> tuple[str, ...]:
    issued = answer["Credentials"]
    return issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"]


def test_a_role_is_assumed_by_whom_it_trusts(new_user: Callable[[], User], new_role: Callable[..., str]) -> None:
    trusted, other = new_user(), new_user().may(ANYTHING)
    role = new_role(trust(trusted.arn))
    assert trusted.client("sts").assume_role(RoleArn=role, RoleSessionName="me")["AssumedRoleUser"]
    sentence = f"AccessDenied.*User: {other.arn} is not authorized to perform: sts:AssumeRole on resource: {role}"
    with pytest.raises(ClientError, match=sentence):
        other.client("sts").assume_role(RoleArn=role, RoleSessionName="me")


def test_root_assumes_no_role(root: Client, new_role: Callable[..., str]) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied.*Roles may not be assumed by root accounts\."):
        root("sts").assume_role(RoleArn=new_role(trust(ACCOUNT)), RoleSessionName="me")


def test_an_external_id_must_be_the_one_that_the_role_asks_for(
    new_user: Callable[[], User], new_role: Callable[..., str]
) -> None:
    user = new_user()
    role = new_role(trust(user.arn, StringEquals={"sts:ExternalId": "secret"}))
    sts = user.client("sts")
    for given in ({}, {"ExternalId": "other"}):
        with pytest.raises(ClientError, match="AccessDenied"):
            sts.assume_role(RoleArn=role, RoleSessionName="me", **given)
    assert sts.assume_role(RoleArn=role, RoleSessionName="me", ExternalId="secret")["Credentials"]


def test_a_session_does_no_more_than_its_policies_allow(
    guarded: GuardedServer, new_user: Callable[[], User], new_role: Callable[..., str]
) -> None:
    user = new_user()
    role = new_role(trust(user.arn))
    sts = user.client("sts")
    by_policy = sts.assume_role(
        RoleArn=role, RoleSessionName="me", Policy=policy({"Action": "sqs:ListQueues", "Resource": "*"})
    )
    assert 0 < by_policy["PackedPolicySize"] < 100
    managed = [{"arn": "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"}]
    by_managed = sts.assume_role(RoleArn=role, RoleSessionName="me", PolicyArns=managed)
    for answer in (by_policy, by_managed):
        session = guarded.as_caller("sqs", key_of(answer))
        session.list_queues()
        with pytest.raises(ClientError, match="because no session policy allows the sqs:CreateQueue action"):
            session.create_queue(QueueName="never")


def test_a_federated_user_has_what_caller_and_policies_both_allow(
    guarded: GuardedServer, new_user: Callable[[], User]
) -> None:
    user = new_user().may({"Action": ["sts:GetFederationToken", "sqs:*"], "Resource": "*"})
    sts = user.client("sts")
    given = {"Name": "guest", "DurationSeconds": 900}
    reads = policy({"Action": ["sqs:ListQueues", "sns:*"], "Resource": "*"})
    with_policy = key_of(sts.get_federation_token(**given, Policy=reads))
    guarded.as_caller("sqs", with_policy).list_queues()
    with pytest.raises(ClientError, match="AccessDenied"):
        guarded.as_caller("sqs", with_policy).create_queue(QueueName="never")
    with pytest.raises(ClientError, match=r"AuthorizationError|AccessDenied"):
        guarded.as_caller("sns", with_policy).list_topics()
    without = key_of(sts.get_federation_token(**given))
    with pytest.raises(ClientError, match="AccessDenied"):
        guarded.as_caller("sqs", without).list_queues()


def test_a_federated_user_has_nothing_of_the_next_user_of_its_issuers_name(
    root: Client, guarded: GuardedServer, new_user: Callable[[], User]
) -> None:
    anything = {"Action": "*", "Resource": "*"}
    user, iam = new_user().may(anything), root("iam")
    guest = guarded.as_caller(
        "sqs", key_of(user.client("sts").get_federation_token(Name="guest", Policy=policy(anything)))
    )
    guest.list_queues()
    for row in iam.list_access_keys(UserName=user.name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=user.name, AccessKeyId=row["AccessKeyId"])
    iam.delete_user_policy(UserName=user.name, PolicyName="inline")
    iam.delete_user(UserName=user.name)
    User(guarded, user.name).may(anything)
    with pytest.raises(ClientError, match="AccessDenied"):
        guest.list_queues()


def test_a_federated_user_of_root_has_what_its_policies_allow(root: Client, guarded: GuardedServer) -> None:
    reads = policy({"Action": "sqs:ListQueues", "Resource": "*"})
    guest = guarded.as_caller("sqs", key_of(root("sts").get_federation_token(Name="guest", Policy=reads)))
    guest.list_queues()
    with pytest.raises(ClientError, match="AccessDenied"):
        guest.create_queue(QueueName="never")


def test_a_source_identity_stays(
    guarded: GuardedServer, new_user: Callable[[], User], new_role: Callable[..., str]
) -> None:
    user = new_user()
    first, second = new_role(trust(user.arn)), new_role(trust(ACCOUNT, StringEquals={"aws:SourceIdentity": "ann"}))
    answer = user.client("sts").assume_role(RoleArn=first, RoleSessionName="me", SourceIdentity="ann")
    assert answer["SourceIdentity"] == "ann"
    chained = guarded.as_caller("sts", key_of(answer))
    assert chained.assume_role(RoleArn=second, RoleSessionName="me")["SourceIdentity"] == "ann"
    with pytest.raises(ClientError, match="AccessDenied"):
        chained.assume_role(RoleArn=second, RoleSessionName="me", SourceIdentity="bob")


def test_a_second_factor_opens_what_asks_for_one(
    root: Client, guarded: GuardedServer, new_user: Callable[[], User], new_role: Callable[..., str]
) -> None:
    user = new_user().may(
        {"Action": "sqs:*", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": True}}}
    )
    role = new_role(trust(user.arn, Bool={"aws:MultiFactorAuthPresent": "true"}))
    device = root("iam").create_virtual_mfa_device(VirtualMFADeviceName=user.name)["VirtualMFADevice"]
    seed, serial = base64.b32decode(device["Base32StringSeed"]), device["SerialNumber"]

    def code(*, later: int) -> str:
        now_ms = guarded.admin("POST", "clock", {"advance_seconds": 0})["now_ms"]
        digest = hmac.digest(seed, (now_ms // 30_000 + later).to_bytes(8, "big"), "sha1")
        at = digest[19] % 16
        return str(int.from_bytes(digest[at : at + 4], "big") % 2**31 % 10**6).zfill(6)

    root("iam").enable_mfa_device(
        UserName=user.name, SerialNumber=serial, AuthenticationCode1=code(later=-2), AuthenticationCode2=code(later=-1)
    )
    sts = user.client("sts")
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=role, RoleSessionName="me")
    shown = code(later=0)
    assert sts.assume_role(RoleArn=role, RoleSessionName="me", SerialNumber=serial, TokenCode=shown)["Credentials"]
    with pytest.raises(ClientError, match=r"AccessDenied.*MultiFactorAuthentication failed with invalid MFA one time"):
        sts.get_session_token(SerialNumber=serial, TokenCode=shown)
    with pytest.raises(ClientError, match=r"AccessDenied.*unable to validate MFA code"):
        sts.get_session_token(SerialNumber=f"{serial}-other", TokenCode=shown)
    with pytest.raises(ClientError, match="AccessDenied"):
        guarded.as_caller("sqs", key_of(sts.get_session_token())).list_queues()
    guarded.admin("POST", "clock", {"advance_seconds": 30})
    session = key_of(sts.get_session_token(SerialNumber=serial, TokenCode=code(later=0)))
    guarded.as_caller("sqs", session).list_queues()
    user.may({"Action": "iam:GetUser", "Resource": "*"}, name="iam")
    assert guarded.as_caller("iam", session).get_user()["User"]["UserName"] == user.name


def test_users_look_after_their_own_credentials_only(new_user: Callable[[], User]) -> None:
    user, other = new_user(), new_user()
    user.may({"Action": "iam:*AccessKey*", "Resource": "arn:aws:iam::*:user/${aws:username}"})
    iam = user.client("iam")
    assert len(iam.list_access_keys()["AccessKeyMetadata"]) == 1
    with pytest.raises(ClientError, match=f"AccessDenied.*iam:ListAccessKeys on resource: {other.arn}"):
        iam.list_access_keys(UserName=other.name)


def test_a_boundary_can_be_demanded_of_new_roles(root: Client, new_user: Callable[[], User]) -> None:
    boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    user = new_user().may(
        {
            "Action": ["iam:CreateRole", "iam:UpdateAssumeRolePolicy"],
            "Resource": "*",
            "Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary}},
        }
    )
    iam, name = user.client("iam"), f"role-{secrets.token_hex(4)}"
    given = {"RoleName": name, "AssumeRolePolicyDocument": trust(ACCOUNT)}
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.create_role(**given)
    assert iam.create_role(**given, PermissionsBoundary=boundary)["Role"]["RoleName"] == name
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust(ACCOUNT))
    root("iam").delete_role_permissions_boundary(RoleName=name)
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust(ACCOUNT))


def test_when_keys_and_roles_were_last_used_is_told_a_minute_later(
    root: Client, guarded: GuardedServer, new_user: Callable[[], User], new_role: Callable[..., str]
) -> None:
    user = new_user().may(ANYTHING)
    role = new_role(trust(user.arn))
    name = role.rpartition("/")[2]
    iam = root("iam")
    assert iam.get_access_key_last_used(AccessKeyId=user.key[0])["AccessKeyLastUsed"]["ServiceName"] == "N/A"
    session = key_of(user.client("sts").assume_role(RoleArn=role, RoleSessionName="me"))
    guarded.as_caller("sqs", session, region="eu-west-1").list_queues()
    guarded.admin("POST", "clock", {"advance_seconds": 61})
    used = iam.get_access_key_last_used(AccessKeyId=user.key[0])["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("sts", "us-east-1")
    assert iam.get_role(RoleName=name)["Role"]["RoleLastUsed"]["Region"] == "eu-west-1"


def test_sessions_without_a_second_factor_are_kept_out_of_iam_and_sts(
    root: Client, guarded: GuardedServer, new_user: Callable[[], User], new_role: Callable[..., str]
) -> None:
    user = new_user().may(ANYTHING)
    role, plain = new_role(trust(user.arn)), key_of(user.client("sts").get_session_token())
    of_root = key_of(root("sts").get_session_token())
    federated = key_of(user.client("sts").get_federation_token(Name="guest", Policy=policy(ANYTHING)))
    for key in (plain, of_root, federated):
        sts = guarded.as_caller("sts", key)
        guarded.as_caller("sqs", key).list_queues()
        assert sts.get_caller_identity()["Account"] == ACCOUNT
        with pytest.raises(
            ClientError, match=r"InvalidClientTokenId.*The security token included in the request is inv"
        ):
            guarded.as_caller("iam", key).list_users()
        with pytest.raises(ClientError, match=r"AccessDenied.*Cannot call GetAccessKeyInfo with session credentials"):
            sts.get_access_key_info(AccessKeyId=user.key[0])
    assert guarded.as_caller("sts", plain).assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    with pytest.raises(ClientError, match=r"AccessDenied.*Cannot call AssumeRole with session credentials"):
        guarded.as_caller("sts", federated).assume_role(RoleArn=role, RoleSessionName="me")
