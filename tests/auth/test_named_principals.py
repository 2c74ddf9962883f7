"""Whom a policy names is the user or the role that was there then, and nobody who has its name later."""

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.auth.conftest import ACCOUNT, Client, GuardedServer, User, policy
from tests.auth.test_sessions import key_of

Trusted = dict[str, Any]


def delete(iam: Any, user: User) -> str:
    """The user's id, which nobody has any more."""
    unique_id: str = iam.get_user(UserName=user.name)["User"]["UserId"]
    iam.delete_access_key(UserName=user.name, AccessKeyId=user.key[0])
    for name in iam.list_user_policies(UserName=user.name)["PolicyNames"]:
        iam.delete_user_policy(UserName=user.name, PolicyName=name)
    iam.delete_user(UserName=user.name)
    return unique_id


def trusted_by(iam: Any, role: str) -> Any:
    return iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"]


def test_a_role_does_not_trust_the_next_user_of_a_name(
    root: Client, new_user: Callable[[], User], guarded: GuardedServer
) -> None:
    iam, user = root("iam"), new_user()
    role = f"role-{secrets.token_hex(4)}"
    trust = policy({"Principal": {"AWS": user.arn}, "Action": "sts:AssumeRole"})
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    user.client("sts").assume_role(RoleArn=arn, RoleSessionName="s1")
    assert trusted_by(iam, role) == user.arn

    gone = delete(iam, user)
    next_of_the_name = User(guarded, user.name)

    assert trusted_by(iam, role) == gone
    with pytest.raises(ClientError, match="AccessDenied"):
        next_of_the_name.client("sts").assume_role(RoleArn=arn, RoleSessionName="s1")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=trust)
    next_of_the_name.client("sts").assume_role(RoleArn=arn, RoleSessionName="s1")


def test_a_role_does_not_trust_the_sessions_of_the_next_role_of_a_name(
    root: Client, new_user: Callable[[], User], guarded: GuardedServer
) -> None:
    iam, user = root("iam"), new_user().may({"Action": "sts:AssumeRole", "Resource": "*"})
    first, second = f"role-{secrets.token_hex(4)}", f"role-{secrets.token_hex(4)}"
    of_account = policy({"Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
    first_arn = iam.create_role(RoleName=first, AssumeRolePolicyDocument=of_account)["Role"]["Arn"]
    trust = policy({"Principal": {"AWS": first_arn}, "Action": "sts:AssumeRole"})
    second_arn = iam.create_role(RoleName=second, AssumeRolePolicyDocument=trust)["Role"]["Arn"]

    def assume_both() -> None:
        session = key_of(user.client("sts").assume_role(RoleArn=first_arn, RoleSessionName="s1"))
        guarded.as_caller("sts", session).assume_role(RoleArn=second_arn, RoleSessionName="s2")

    assume_both()
    old = key_of(user.client("sts").assume_role(RoleArn=first_arn, RoleSessionName="s1"))
    iam.delete_role(RoleName=first)
    with pytest.raises(ClientError, match="AccessDenied"):
        guarded.as_caller("sts", old).assume_role(RoleArn=second_arn, RoleSessionName="s2")
    iam.create_role(RoleName=first, AssumeRolePolicyDocument=of_account)
    for attempt in (
        assume_both,
        lambda: guarded.as_caller("sts", old).assume_role(RoleArn=second_arn, RoleSessionName="s2"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()
    assert trusted_by(iam, second).startswith("AROA")


def test_a_user_who_is_called_otherwise_now_is_still_trusted(root: Client, new_user: Callable[[], User]) -> None:
    iam, user = root("iam"), new_user()
    role = f"role-{secrets.token_hex(4)}"
    trust = policy({"Principal": {"AWS": user.arn}, "Action": "sts:AssumeRole"})
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.update_user(UserName=user.name, NewUserName=f"{user.name}-now", NewPath="/now/")
    user.client("sts").assume_role(RoleArn=arn, RoleSessionName="s1")
    assert trusted_by(iam, role) == f"arn:aws:iam::{ACCOUNT}:user/now/{user.name}-now"


def test_only_principals_are_shown_and_kept_otherwise(root: Client, new_user: Callable[[], User]) -> None:
    iam, user = root("iam"), new_user()
    role = f"role-{secrets.token_hex(4)}"
    statement = {
        "Sid": "Principal",
        "Effect": "Allow",
        "Principal": {"AWS": [user.arn, ACCOUNT], "Service": "s3.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"ArnEquals": {"aws:PrincipalArn": user.arn}},
    }
    document = {"Version": "2012-10-17", "Statement": statement}
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(document, indent=3))
    assert iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"] == document
    gone = delete(iam, user)
    statement["Principal"] = {"AWS": [gone, ACCOUNT], "Service": "s3.amazonaws.com"}
    assert iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"] == document


@pytest.mark.parametrize(
    "principal",
    [
        f"arn:aws:iam::{ACCOUNT}:user/nobody",
        f"arn:aws:iam::{ACCOUNT}:role/nobody",
        f"arn:aws:iam::{ACCOUNT}:role/other/path/{{role}}",
        f"arn:aws:iam::{ACCOUNT}:user/{{role}}",
        "AIDAAAAAAAAAAAAAAAAAA",
    ],
)
def test_a_trust_policy_names_nobody_who_is_not_there(root: Client, principal: str) -> None:
    iam, role = root("iam"), f"role-{secrets.token_hex(4)}"
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=policy({"Principal": "*", "Action": "sts:AssumeRole"}))
    named = principal.format(role=role)
    trust = policy({"Principal": {"AWS": named}, "Action": "sts:AssumeRole"})
    with pytest.raises(ClientError, match=f'Invalid principal in policy: "AWS":"{named}"'):
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=trust)


def test_a_queue_does_not_let_in_the_next_user_of_a_name(
    root: Client, new_user: Callable[[], User], guarded: GuardedServer
) -> None:
    user, queue = new_user(), f"queue-{secrets.token_hex(4)}"
    url = root("sqs").create_queue(QueueName=queue)["QueueUrl"]
    grant = policy({"Principal": {"AWS": user.arn}, "Action": "sqs:SendMessage", "Resource": "*"})
    root("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": grant})
    user.client("sqs").send_message(QueueUrl=url, MessageBody="a")
    delete(root("iam"), user)
    with pytest.raises(ClientError, match="AccessDenied"):
        User(guarded, user.name).client("sqs").send_message(QueueUrl=url, MessageBody="a")


def test_a_name_that_is_written_with_escapes_is_a_name(root: Client, new_user: Callable[[], User]) -> None:
    iam, user = root("iam"), new_user()
    role = f"role-{secrets.token_hex(4)}"
    trust = policy({"Principal": {"AWS": user.arn}, "Action": "sts:AssumeRole"})
    escaped = trust.replace(":iam:", "\\u003aiam\\u003a").replace("Principal", "Princip\\u0061l")
    assert json.loads(escaped) == json.loads(trust)
    assert escaped != trust
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=escaped)
    gone = delete(iam, user)
    assert trusted_by(iam, role) == gone
