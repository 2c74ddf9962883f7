"""The audit record: who did what, with what outcome, and why."""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from tests.auth.conftest import Client, GuardedServer, User, fetch
from tests.conftest import Aws, LiveServer
from tests.patience import eventually


def test_what_manages_resources_is_recorded_with_its_outcome(guarded: GuardedServer, root: Client) -> None:
    name = f"q-{secrets.token_hex(4)}"
    root("sqs").create_queue(QueueName=name)
    with pytest.raises(ClientError):
        root("sqs").create_queue(QueueName=name, Attributes={"DelaySeconds": "7"})
    made, refused = (row for row in guarded.audit(action="sqs:CreateQueue") if name in row["parameters"])
    assert made["principal"].endswith(":root")
    assert made["error"] == ""
    assert not made["read_only"]
    assert name in made["answer"]
    assert made["peer"] == "127.0.0.1"
    assert "Boto3" in made["agent"]
    assert made["resources"] == [f"arn:aws:sqs:us-east-1:000000000000:{name}"]
    assert refused["error"] == "QueueNameExists"
    assert refused["answer"] == ""


def test_what_is_denied_is_recorded_with_the_reason(
    guarded: GuardedServer, root: Client, new_user: Callable[[], User]
) -> None:
    url = root("sqs").create_queue(QueueName=f"q-{secrets.token_hex(4)}")["QueueUrl"]
    user = new_user().may({"Action": "sqs:*", "Resource": "*"})
    user.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    user.may({"Effect": "Deny", "Action": "sqs:Send*", "Resource": "*", "Sid": "NoMore"}, name="denying")
    with pytest.raises(ClientError):
        user.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    (denied,) = guarded.audit(principal=user.arn)
    assert denied["operation"] == "SendMessage"
    assert denied["data"]
    assert denied["error"] == "AccessDeniedException"
    (reason,) = denied["reasons"]
    assert reason["explicit"]
    assert not reason["allowed"]
    assert reason["layer"] == "identity-based policy"
    assert sorted(reason["statements"]) == ["denying#NoMore", "inline#0"]


def test_secrets_are_not_recorded(guarded: GuardedServer, new_user: Callable[[], User]) -> None:
    user = new_user()
    (made,) = (row for row in guarded.audit(action="iam:CreateAccessKey") if user.name in row["parameters"])
    assert user.key[0] in made["answer"]
    assert '"SecretAccessKey":"HIDDEN_DUE_TO_SECURITY_REASONS"' in made["answer"]
    assert user.key[1] not in made["answer"]


def key_of_an_api(root: Client, secret: str) -> None:
    made = root("apigateway").create_api_key(name="k", value=secret)
    plan = root("apigateway").create_usage_plan(name="p")
    root("apigateway").create_usage_plan_key(usagePlanId=plan["id"], keyId=made["id"], keyType="API_KEY")


def credential_of_a_platform(root: Client, secret: str) -> None:
    root("sns").create_platform_application(
        Name=f"p-{secret[:8]}",
        Platform="GCM",
        Attributes={"PlatformCredential": secret},
    )


def parameter_of_a_stack(root: Client, secret: str) -> None:
    template = {
        "Parameters": {"Password": {"Type": "String", "NoEcho": True}},
        "Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
    }
    given = [{"ParameterKey": "Password", "ParameterValue": secret}]
    root("cloudformation").create_stack(StackName=f"s-{secret}", TemplateBody=json.dumps(template), Parameters=given)


def value_of_a_secret(root: Client, secret: str) -> None:
    root("secretsmanager").create_secret(Name=f"s-{secret[:8]}", SecretString=secret)


def value_of_a_parameter(root: Client, secret: str) -> None:
    root("ssm").put_parameter(Name=f"p-{secret[:8]}", Value=secret, Type="SecureString")


@pytest.mark.parametrize(
    ("action", "tell"),
    [
        ("apigateway:CreateApiKey", key_of_an_api),
        ("apigateway:CreateUsagePlanKey", key_of_an_api),
        ("sns:CreatePlatformApplication", credential_of_a_platform),
        ("cloudformation:CreateStack", parameter_of_a_stack),
        ("secretsmanager:CreateSecret", value_of_a_secret),
        ("ssm:PutParameter", value_of_a_parameter),
    ],
)
def test_what_is_secret_is_hidden_whichever_service_is_told_it(
    guarded: GuardedServer, root: Client, action: str, tell: Callable[[Client, str], None]
) -> None:
    secret = secrets.token_hex(16)
    tell(root, secret)
    row = guarded.audit(action=action)[-1]
    assert "HIDDEN_DUE_TO_SECURITY_REASONS" in row["parameters"] + row["answer"]
    assert f'"{secret}"' not in row["parameters"] + row["answer"]


def test_entries_stay_for_ninety_days() -> None:
    own = GuardedServer("--ephemeral", "--virtual-clock")  # The others' clock stays where it is.
    own.as_caller("sqs", own.root).create_queue(QueueName="old")
    assert [row["operation"] for row in own.audit(action="sqs:CreateQueue")] == ["CreateQueue"]
    own.admin("POST", "clock", {"advance_seconds": 91 * 24 * 3600})
    own.as_caller("sqs", own.root).list_queues()
    eventually(lambda: [row["operation"] for row in own.audit()] == ["ListQueues"])
    own.stop()


def test_without_authorization_it_is_recorded_all_the_same(aws: Aws, server: LiveServer, account: str) -> None:
    aws("sqs").create_queue(QueueName="recorded")
    with urllib.request.urlopen(f"{server.endpoint}/_fogbank/audit?action=sqs:CreateQueue") as answer:
        assert any(account.encode() in line for line in answer)


def test_fogbanks_own_endpoints_are_the_roots(guarded: GuardedServer) -> None:
    for name in ("status", "audit", "snapshot", "metrics"):
        assert fetch(f"{guarded.endpoint}/_fogbank/{name}")[0] == 403
    status, told = fetch(f"{guarded.endpoint}/_fogbank/health")
    assert status == 200
    assert b'"auth": "iam"' in told
