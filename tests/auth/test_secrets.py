"""Who may read and change secrets and parameters."""

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.auth.conftest import ACCOUNT, Client, User, policy
from tests.auth.test_authorization import refusal


@pytest.fixture
def name() -> str:
    return f"app/{secrets.token_hex(4)}"


def secret_arn(name: str, end: str = "-??????") -> str:
    return f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:{name}{end}"


def parameter_arn(name: str) -> str:
    return f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter{name}"


def test_a_policy_of_an_identity_names_secrets_with_their_random_end(
    root: Client, new_user: Callable[[], User], name: str
) -> None:
    arn = root("secretsmanager").create_secret(Name=name, SecretString="x")["ARN"]
    user = new_user()
    reading = user.client("secretsmanager").get_secret_value
    code, message = refusal(reading, SecretId=name)
    assert code == "AccessDeniedException"
    assert f"is not authorized to perform: secretsmanager:GetSecretValue on resource: {arn}" in message
    user.may({"Action": "secretsmanager:*", "Resource": secret_arn(name)})
    assert reading(SecretId=name)["SecretString"] == reading(SecretId=arn[:-7])["SecretString"] == "x"
    manager = user.client("secretsmanager")
    manager.put_secret_value(SecretId=name, SecretString="y")
    assert refusal(manager.create_secret, Name="other", SecretString="x")[0] == "AccessDeniedException"
    assert refusal(manager.list_secrets)[0] == "AccessDeniedException"


def test_a_secrets_own_policy_lets_in_and_keeps_away(root: Client, new_user: Callable[[], User], name: str) -> None:
    manager, user = root("secretsmanager"), new_user()
    manager.create_secret(Name=name, SecretString="x")
    reading = user.client("secretsmanager").get_secret_value
    statement = {"Principal": {"AWS": user.arn}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    manager.put_resource_policy(SecretId=name, ResourcePolicy=policy(statement))
    assert reading(SecretId=name)["SecretString"] == "x"
    manager.put_resource_policy(SecretId=name, ResourcePolicy=policy({**statement, "Effect": "Deny"}))
    user.may({"Action": "*", "Resource": "*"})
    assert "explicit deny in a resource-based policy" in refusal(reading, SecretId=name)[1]


@pytest.mark.parametrize(
    ("condition", "is_met"),
    [
        ({"StringEquals": {"secretsmanager:ResourceTag/team": "blue"}}, True),
        ({"StringEquals": {"aws:ResourceTag/team": "red"}}, False),
        ({"StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}}, True),
        ({"StringEquals": {"secretsmanager:VersionStage": "AWSPREVIOUS"}}, False),
    ],
)
def test_conditions_look_at_the_secret_and_the_request(
    root: Client, new_user: Callable[[], User], name: str, condition: dict[str, Any], is_met: bool
) -> None:
    root("secretsmanager").create_secret(Name=name, SecretString="x", Tags=[{"Key": "team", "Value": "blue"}])
    user = new_user().may({"Action": "secretsmanager:GetSecretValue", "Resource": "*", "Condition": condition})
    reading = user.client("secretsmanager").get_secret_value
    if is_met:
        assert reading(SecretId=name, VersionStage="AWSCURRENT")["SecretString"] == "x"
    else:
        assert refusal(reading, SecretId=name, VersionStage="AWSCURRENT")[0] == "AccessDeniedException"


def test_of_several_secrets_those_that_may_not_be_read_are_errors(
    root: Client, new_user: Callable[[], User], name: str
) -> None:
    for end in "ab":
        root("secretsmanager").create_secret(Name=name + end, SecretString=end)
    user = new_user().may(
        {"Action": "secretsmanager:BatchGetSecretValue", "Resource": "*"},
        {"Action": "secretsmanager:GetSecretValue", "Resource": secret_arn(name, "a-*")},
    )
    answer = user.client("secretsmanager").batch_get_secret_value(SecretIdList=[name + "a", name + "b"])
    assert [value["SecretString"] for value in answer["SecretValues"]] == ["a"]
    assert [error["ErrorCode"] for error in answer["Errors"]] == ["AccessDeniedException"]


def test_parameters_are_allowed_by_their_paths(root: Client, new_user: Callable[[], User], name: str) -> None:
    for path in ("own", "others"):
        root("ssm").put_parameter(Name=f"/{path}/{name}", Value="x", Type="String")
    user = new_user().may({"Action": ["ssm:Get*", "ssm:PutParameter"], "Resource": parameter_arn("/own/*")})
    ssm = user.client("ssm")
    assert ssm.get_parameter(Name=f"/own/{name}:1")["Parameter"]["Value"] == "x"
    ssm.put_parameter(Name=f"/own/{name}", Value="y", Overwrite=True)
    assert len(ssm.get_parameters_by_path(Path="/own/", Recursive=True)["Parameters"]) >= 1
    for denied in (
        lambda: ssm.get_parameter(Name=f"/others/{name}"),
        lambda: ssm.get_parameters(Names=[f"/own/{name}", f"/others/{name}"]),
        lambda: ssm.get_parameters_by_path(Path="/others"),
        lambda: ssm.delete_parameter(Name=f"/own/{name}"),
        lambda: ssm.put_parameter(Name="/own/tagged", Value="x", Type="String", Tags=[{"Key": "a", "Value": "b"}]),
        lambda: ssm.describe_parameters(),
    ):
        with pytest.raises(ClientError, match="AccessDeniedException"):
            denied()


def test_a_secret_read_as_a_parameter_needs_leave_for_both(
    root: Client, new_user: Callable[[], User], name: str
) -> None:
    root("secretsmanager").create_secret(Name=name, SecretString="x")
    user = new_user().may({"Action": "ssm:GetParameter", "Resource": "*"})
    reading = user.client("ssm").get_parameter
    given = {"Name": f"/aws/reference/secretsmanager/{name}", "WithDecryption": True}
    for spelled in (given["Name"], f" {given['Name']}", f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter{given['Name']}"):
        assert "secretsmanager:GetSecretValue" in refusal(reading, **given | {"Name": spelled})[1]
    user.may({"Action": "secretsmanager:GetSecretValue", "Resource": "*"}, name="more")
    assert reading(**given)["Parameter"]["Value"] == "x"
    assert json.loads(reading(**given)["Parameter"]["SourceResult"])["name"] == name


def test_a_parameter_is_the_same_however_it_is_spelled(root: Client, new_user: Callable[[], User]) -> None:
    root("ssm").put_parameter(Name="/shut/a", Value="x", Type="String")
    everywhere = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/"
    user = new_user().may(
        {"Action": "ssm:*", "Resource": f"{everywhere}*"},
        {"Effect": "Deny", "Action": "ssm:*", "Resource": f"{everywhere}shut/*"},
    )
    for name in ("/shut/a", " /shut/a", "/shut/a:1", f"{everywhere}shut/a"):
        assert refusal(user.client("ssm").get_parameter, Name=name)[0] == "AccessDeniedException"


@pytest.fixture
def key(root: Client) -> str:
    """A key that leaves it to IAM's policies who may use it."""
    found: str = root("kms").create_key()["KeyMetadata"]["Arn"]
    return found


def test_a_secret_is_read_by_whom_its_key_lets_in_too(
    root: Client, new_user: Callable[[], User], name: str, key: str
) -> None:
    root("secretsmanager").create_secret(Name=name, SecretString="x", KmsKeyId=key)
    user = new_user().may({"Action": "secretsmanager:*", "Resource": "*"})
    manager = user.client("secretsmanager")
    denied = ("AccessDeniedException", "Access to KMS is not allowed")
    assert refusal(manager.get_secret_value, SecretId=name) == denied
    assert refusal(manager.put_secret_value, SecretId=name, SecretString="y") == denied
    via = {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
    user.may({"Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": key, "Condition": via}, name="key")
    manager.put_secret_value(SecretId=name, SecretString="y")
    assert manager.get_secret_value(SecretId=name)["SecretString"] == "y"


@pytest.mark.parametrize(("tier", "action"), [("Standard", "kms:Encrypt"), ("Advanced", "kms:GenerateDataKey")])
def test_a_secure_string_needs_leave_for_its_key(
    root: Client, new_user: Callable[[], User], name: str, key: str, tier: str, action: str
) -> None:
    user = new_user().may({"Action": "ssm:*", "Resource": "*"})
    ssm = user.client("ssm")
    given = {"Name": f"/{name}", "Value": "x", "Type": "SecureString", "KeyId": key, "Tier": tier}
    code, message = refusal(ssm.put_parameter, **given)
    assert code == "AccessDeniedException"
    assert f"is not authorized to perform: {action} on resource: {key}" in message
    root("ssm").put_parameter(**given)
    assert refusal(ssm.get_parameter, Name=f"/{name}", WithDecryption=True)[0] == "AccessDeniedException"
    about = {"StringLike": {"kms:EncryptionContext:PARAMETER_ARN": parameter_arn(f"/{name}")}}
    user.may({"Action": ["kms:Decrypt", action], "Resource": key, "Condition": about}, name="key")
    assert ssm.get_parameter(Name=f"/{name}", WithDecryption=True)["Parameter"]["Value"] == "x"
    ssm.put_parameter(**{**given, "Value": "y"}, Overwrite=True)


def test_the_default_keys_need_no_leave_of_their_own(root: Client, new_user: Callable[[], User], name: str) -> None:
    user = new_user().may({"Action": ["ssm:*", "secretsmanager:*"], "Resource": "*"})
    user.client("secretsmanager").create_secret(Name=name, SecretString="x")
    assert user.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"] == "x"
    user.client("ssm").put_parameter(Name=f"/{name}", Value="x", Type="SecureString")
    assert user.client("ssm").get_parameter(Name=f"/{name}", WithDecryption=True)["Parameter"]["Value"] == "x"
