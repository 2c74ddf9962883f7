"""The encoded messages of denials: what they tell, and whom."""

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.auth.conftest import ACCOUNT, Client, User

HEADER = "x-fogbank-authorization-message"


def denied(call: Callable[..., Any], **given: Any) -> str:
    """The message of a call that is refused."""
    with pytest.raises(ClientError) as refused:
        call(**given)
    message: str = refused.value.response["ResponseMetadata"]["HTTPHeaders"][HEADER]
    return message


def decoded(sts: Any, message: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(sts.decode_authorization_message(EncodedMessage=message)["DecodedMessage"])
    return told


def conditions(told: dict[str, Any]) -> dict[str, list[str]]:
    return {
        one["key"]: [value["value"] for value in one["values"]["items"]]
        for one in told["context"]["conditions"]["items"]
    }


def test_a_message_tells_who_may_not_do_what_and_in_which_circumstances(
    root: Client, new_user: Callable[[], User]
) -> None:
    user, arn = new_user(), f"arn:aws:sqs:us-east-1:{ACCOUNT}:never"
    told = decoded(root("sts"), denied(user.client("sqs").create_queue, QueueName="never", tags={"Team": "blue"}))
    assert (told["allowed"], told["explicitDeny"]) == (False, False)
    assert told["matchedStatements"] == told["failures"] == {"items": []}
    context = told["context"]
    assert (context["action"], context["resource"]) == ("sqs:CreateQueue", arn)
    principal = context["principal"]
    assert (principal["name"], principal["arn"]) == (user.name, user.arn)
    assert principal["id"].startswith("AIDA")
    found = conditions(told)
    assert found["aws:RequestTag/Team"] == ["blue"]
    assert found["aws:username"] == [user.name]
    assert found["aws:RequestedRegion"] == ["us-east-1"]


def test_a_message_tells_which_statement_denies(root: Client, new_user: Callable[[], User]) -> None:
    condition = {"StringEquals": {"aws:ResourceTag/Team": "blue"}}
    user = new_user().may(
        {"Action": "sns:*", "Resource": "*"},
        {"Sid": "NotBlue", "Effect": "Deny", "Action": "sns:Publish", "Resource": "*", "Condition": condition},
    )
    topic = root("sns").create_topic(Name=f"t-{secrets.token_hex(4)}", Tags=[{"Key": "Team", "Value": "blue"}])
    told = decoded(root("sts"), denied(user.client("sns").publish, TopicArn=topic["TopicArn"], Message="x"))
    assert told["explicitDeny"]
    (allowing, denying) = told["matchedStatements"]["items"]
    assert (allowing["effect"], denying["effect"]) == ("ALLOW", "DENY")
    assert denying["statementId"] == "NotBlue"
    assert denying["actions"] == {"items": [{"value": "sns:Publish"}]}
    assert denying["conditions"] == {
        "items": [{"key": "aws:ResourceTag/Team", "values": {"items": [{"value": "blue"}]}}]
    }
    assert conditions(told)["aws:ResourceTag/Team"] == ["blue"]


@pytest.mark.parametrize(
    ("service", "operation", "given"),
    [
        ("dynamodb", "list_tables", {}),  # JSON
        ("iam", "list_users", {}),  # query
        ("lambda", "list_functions", {}),  # REST with JSON
        ("s3", "list_buckets", {}),  # REST with XML
        ("cloudwatch", "list_metrics", {}),  # CBOR
    ],
)
def test_a_denial_has_a_message_in_every_protocol(
    root: Client, new_user: Callable[[], User], service: str, operation: str, given: dict[str, Any]
) -> None:
    told = decoded(root("sts"), denied(getattr(new_user().client(service), operation), **given))
    assert not told["allowed"]


def test_a_message_fits_into_a_header_however_much_there_is_to_tell(root: Client, new_user: Callable[[], User]) -> None:
    user = new_user()
    tags = {secrets.token_hex(60): secrets.token_hex(120) for _ in range(50)}
    message = denied(user.client("sqs").create_queue, QueueName="never", tags=tags)
    assert len(message) < 10_240
    assert decoded(root("sts"), message)["context"]["principal"]["arn"] == user.arn


def test_only_who_may_decode_messages_reads_them(new_user: Callable[[], User]) -> None:
    user = new_user()
    message = denied(user.client("sqs").list_queues)
    denied(user.client("sts").decode_authorization_message, EncodedMessage=message)
    user.may({"Action": "sts:DecodeAuthorizationMessage", "Resource": "*"})
    assert decoded(user.client("sts"), message)["context"]["action"] == "sqs:ListQueues"


def test_what_is_no_message_of_the_account_is_refused(new_user: Callable[[], User], root: Client, other: Any) -> None:
    message = denied(new_user().client("sqs").list_queues)
    changed = ("A" if message[0] != "A" else "B") + message[1:]
    cases = [(root("sts"), given) for given in ("x", changed, f"{message[:20]}\n{message[20:]}", "ü" * 40)]
    for sts, given in [*cases, (other, message)]:
        with pytest.raises(ClientError, match=r"InvalidAuthorizationMessageException.*Message is not valid"):
            sts.decode_authorization_message(EncodedMessage=given)


@pytest.fixture
def other(guarded: Any, root: Client, member: str, new_user: Callable[[], User]) -> Any:
    """STS as an administrator of another account has it."""
    role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
    user = new_user().may({"Action": "sts:AssumeRole", "Resource": role})
    issued = user.client("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    return guarded.as_caller("sts", (issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"]))


def test_what_a_service_asks_for_somebody_is_told_too(root: Client, new_user: Callable[[], User]) -> None:
    bucket, key = f"b-{secrets.token_hex(4)}", root("kms").create_key()["KeyMetadata"]["Arn"]
    root("s3").create_bucket(Bucket=bucket)
    root("s3").put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    root("secretsmanager").create_secret(Name=bucket, SecretString="x", KmsKeyId=key)
    root("ssm").put_parameter(Name=bucket, Value="x", Type="SecureString", KeyId=key)
    user = new_user().may({"NotAction": "kms:*", "Resource": "*"})
    for service, operation, given in (
        ("s3", "get_object", {"Bucket": bucket, "Key": "k"}),
        ("secretsmanager", "get_secret_value", {"SecretId": bucket}),
        ("ssm", "get_parameter", {"Name": bucket, "WithDecryption": True}),
    ):
        told = decoded(root("sts"), denied(getattr(user.client(service), operation), **given))
        assert (told["context"]["action"], told["context"]["resource"]) == ("kms:Decrypt", key)
        found = conditions(told)
        assert found["kms:ViaService"] == [f"{service}.us-east-1.amazonaws.com"]
        assert found["aws:CalledVia"] == [f"{service}.amazonaws.com"]
