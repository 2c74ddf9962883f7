"""Roles that users, functions and profiles of the AWS CLI assume: what their sessions may do, and what not."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.auth.conftest import ACCOUNT, Client, GuardedServer, User, policy
from tests.auth.test_sessions import key_of
from tests.packages import zipped

CLI = (
    Path(os.environ.get("FOGBANK_CLIENTS_CACHE", Path.home() / ".cache" / "fogbank-clients")) / "awscli" / "bin" / "aws"
)


def new_role(root: Client, trusted: dict[str, Any], *statements: dict[str, Any]) -> str:
    iam, name = root("iam"), f"role-{secrets.token_hex(4)}"
    trust = policy({"Principal": trusted, "Action": "sts:AssumeRole"})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy(*statements))
    return arn


def test_a_role_that_trusts_the_account_leaves_it_to_the_accounts_policies(
    root: Client, new_user: Callable[[], User]
) -> None:
    user = new_user()
    role = new_role(root, {"AWS": ACCOUNT})
    with pytest.raises(ClientError, match="AccessDenied"):
        user.client("sts").assume_role(RoleArn=role, RoleSessionName="s1")
    user.may({"Action": "sts:AssumeRole", "Resource": role})
    user.client("sts").assume_role(RoleArn=role, RoleSessionName="s1")


def test_a_session_policy_and_a_boundary_limit_what_a_session_may_do(
    root: Client, new_user: Callable[[], User], guarded: GuardedServer
) -> None:
    user, iam = new_user(), root("iam")
    role = new_role(root, {"AWS": user.arn}, {"Action": "sqs:*", "Resource": "*"})
    session = policy({"Action": "sqs:List*", "Resource": "*"})
    made = user.client("sts").assume_role(RoleArn=role, RoleSessionName="s1", Policy=session)
    sqs = guarded.as_caller("sqs", key_of(made))
    sqs.list_queues()
    with pytest.raises(ClientError, match="because no session policy allows the sqs:CreateQueue action"):
        sqs.create_queue(QueueName="x")
    boundary = iam.create_policy(
        PolicyName=f"b-{secrets.token_hex(4)}", PolicyDocument=policy({"Action": "sqs:Get*", "Resource": "*"})
    )["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName=role.rpartition("/")[2], PermissionsBoundary=boundary)
    with pytest.raises(ClientError, match="because no permissions boundary allows the sqs:ListQueues action"):
        sqs.list_queues()


def test_a_session_token_belongs_to_its_key(root: Client, new_user: Callable[[], User], guarded: GuardedServer) -> None:
    user = new_user()
    role = new_role(root, {"AWS": user.arn})
    key = key_of(user.client("sts").assume_role(RoleArn=role, RoleSessionName="s1"))
    for wrong in ((*key[:2], "other"), key[:2]):
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            guarded.as_caller("sts", wrong).get_caller_identity()


FUNCTION = """
import boto3
def handler(event, context):
    try:
        return boto3.client("sqs").get_queue_url(QueueName=event["queue"])["QueueUrl"]
    except Exception as error:
        return str(error)
"""


def test_a_function_has_the_rights_of_its_role(root: Client) -> None:
    queue = f"q-{secrets.token_hex(4)}"
    url = root("sqs").create_queue(QueueName=queue)["QueueUrl"]
    role = new_role(root, {"Service": "lambda.amazonaws.com"})
    name = f"f-{secrets.token_hex(4)}"
    root("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="f.handler",
        Code={"ZipFile": zipped({"f.py": FUNCTION})},
        Timeout=60,
    )
    root("lambda").get_waiter("function_active_v2").wait(FunctionName=name)

    def invoke() -> str:
        answer = root("lambda").invoke(FunctionName=name, Payload=json.dumps({"queue": queue}).encode())
        return str(json.load(answer["Payload"]))

    assert "because no identity-based policy allows the sqs:GetQueueUrl action" in invoke()
    allowed = policy({"Action": "sqs:GetQueueUrl", "Resource": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}"})
    root("iam").put_role_policy(RoleName=role.rpartition("/")[2], PolicyName="inline", PolicyDocument=allowed)
    assert invoke().rpartition("/")[2] == url.rpartition("/")[2]


WHO_AM_I = """
import boto3, json
found = boto3.Session(profile_name="assumed").client("sts").get_caller_identity()
print(json.dumps(found))
"""


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([sys.executable, "-c", WHO_AM_I], id="boto3"),
        pytest.param(
            [str(CLI), "--profile", "assumed", "--output", "json", "sts", "get-caller-identity"],
            marks=pytest.mark.skipif(not CLI.exists(), reason="`make clients` installs the AWS CLI"),
            id="AWS CLI",
        ),
    ],
)
def test_a_profile_assumes_a_role(
    root: Client, new_user: Callable[[], User], guarded: GuardedServer, tmp_path: Path, command: list[str]
) -> None:
    user = new_user()
    role = new_role(root, {"AWS": user.arn}, {"Action": "sqs:ListQueues", "Resource": "*"})
    (tmp_path / "credentials").write_text(
        f"[source]\naws_access_key_id = {user.key[0]}\naws_secret_access_key = {user.key[1]}\n"
    )
    (tmp_path / "config").write_text(
        f"[profile assumed]\nrole_arn = {role}\nsource_profile = source\nrole_session_name = cli\n"
    )
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": guarded.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "HOME": str(tmp_path),
    }
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert json.loads(said)["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/cli"
