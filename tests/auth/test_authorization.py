"""Requests are let in when they are signed by a key that is known and policies allow what they ask for."""

import secrets
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.exceptions import ClientError

from fogbank.core.signing import ALGORITHM, EMPTY_HASH, sign, signing_key, string_to_sign
from fogbank.wire.canonical import canonical_request
from tests.auth.conftest import ACCOUNT, Client, GuardedServer, User


def refusal(call: Callable[..., Any], /, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


@pytest.fixture
def queue(root: Client) -> str:
    url: str = root("sqs").create_queue(QueueName=f"q-{secrets.token_hex(4)}")["QueueUrl"]
    return url


def arn_of(url: str) -> str:
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{url.rpartition('/')[2]}"


def test_root_may_do_everything(root: Client, queue: str) -> None:
    assert root("sqs").send_message(QueueUrl=queue, MessageBody="x")["MessageId"]
    assert root("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"


def test_an_account_number_is_no_access_key(guarded: GuardedServer) -> None:
    client = guarded.as_caller("sqs", (ACCOUNT, "secret"))
    assert refusal(client.list_queues) == (
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
    )


def test_a_wrong_secret_is_told_what_should_have_been_signed(guarded: GuardedServer) -> None:
    client = guarded.as_caller("sqs", (guarded.root[0], "wrong"))
    code, message = refusal(client.list_queues)
    assert code == "SignatureDoesNotMatch"
    assert message.startswith("The request signature we calculated does not match the signature you provided.")
    assert "The Canonical String for this request should have been\n'POST\n/\n\n" in message


def test_a_request_is_its_signers_whomever_else_it_names(guarded: GuardedServer, new_user: Callable[[], User]) -> None:
    """The credential is in the query twice: that of root, whose id is no secret, and the one that signs."""
    user, host = new_user(), urlsplit(guarded.endpoint).netloc
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/us-east-1/sts/aws4_request"
    query = urlencode(
        [
            ("Action", "GetCallerIdentity"),
            ("Version", "2011-06-15"),
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", f"{guarded.root[0]}/{scope}"),
            ("X-Amz-Credential", f"{user.key[0]}/{scope}"),
            ("X-Amz-Date", moment),
            ("X-Amz-SignedHeaders", "host"),
        ]
    )
    canonical = canonical_request("GET", "/", query, {"host": host}, ("host",), EMPTY_HASH, s3=False)
    key = signing_key(user.key[1], moment[:8], "us-east-1", "sts")
    signature = sign(key, string_to_sign(ALGORITHM, moment, scope, canonical))
    with urllib.request.urlopen(f"{guarded.endpoint}/?{query}&X-Amz-Signature={signature}") as answer:
        assert f"<Arn>{user.arn}</Arn>" in answer.read().decode()


def test_what_an_sdk_compresses_is_verified(guarded: GuardedServer) -> None:
    """Beyond 10 KB they do so unasked."""
    cloudwatch = guarded.as_caller("cloudwatch", guarded.root)
    data = [{"MetricName": "Requests", "Value": float(number)} for number in range(1000)]
    assert cloudwatch.put_metric_data(Namespace="shop", MetricData=data)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_user_may_do_what_its_policy_says(new_user: Callable[[], User], queue: str) -> None:
    user = new_user()
    sending = user.client("sqs").send_message
    code, message = refusal(sending, QueueUrl=queue, MessageBody="x")
    assert code == "AccessDenied"
    assert message == (
        f"User: {user.arn} is not authorized to perform: sqs:SendMessage on resource: {arn_of(queue)} because no "
        "identity-based policy allows the sqs:SendMessage action"
    )
    user.may({"Action": "sqs:SendMessage", "Resource": arn_of(queue)})
    assert sending(QueueUrl=queue, MessageBody="x")["MessageId"]
    user.may({"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}, name="denying")
    assert refusal(sending, QueueUrl=queue, MessageBody="x")[1].endswith(
        "with an explicit deny in an identity-based policy"
    )


def test_a_resource_has_one_arn(root: Client, new_user: Callable[[], User]) -> None:
    """An ARN with another beginning that leads a service to the same resource goes past no Deny."""
    name = f"n-{secrets.token_hex(4)}"
    topic: str = root("sns").create_topic(Name=name)["TopicArn"]
    root("kinesis").create_stream(StreamName=name, ShardCount=1)
    stream = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{name}"
    user = new_user().may(
        {"Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "*", "Resource": [topic, stream]}
    )
    root("logs").create_log_group(logGroupName=name)
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{name}"
    user.may({"Effect": "Deny", "Action": "*", "Resource": f"{group}:*"}, name="logs")
    for arn in (group, group.replace("us-east-1", "eu-west-1")):
        reading = user.client("logs").describe_log_streams
        assert refusal(reading, logGroupIdentifier=arn)[0] == "AccessDeniedException"
    for arn in (topic, topic.replace("arn:aws:", "arn:aws-cn:")):
        assert refusal(user.client("sns").publish, TopicArn=arn, Message="x")[0] == "AuthorizationError"
    for arn in (stream, stream.replace(":aws:", ":aws-cn:")):
        assert refusal(user.client("kinesis").describe_stream, StreamARN=arn)[0] == "AccessDeniedException"


def test_a_key_that_is_switched_off_is_not_known(root: Client, new_user: Callable[[], User]) -> None:
    user = new_user()
    assert user.client("sts").get_caller_identity()["Arn"] == user.arn
    root("iam").update_access_key(UserName=user.name, AccessKeyId=user.key[0], Status="Inactive")
    assert refusal(user.client("sts").get_caller_identity)[0] == "InvalidClientTokenId"


def test_who_does_not_sign_gets_what_a_queue_gives_to_everybody(
    root: Client, guarded: GuardedServer, queue: str
) -> None:
    stranger = guarded.as_nobody("sqs")
    assert refusal(stranger.send_message, QueueUrl=queue, MessageBody="x")[0] == "AccessDenied"
    root("sqs").add_permission(QueueUrl=queue, Label="all", AWSAccountIds=["111122223333"], Actions=["SendMessage"])
    assert refusal(stranger.send_message, QueueUrl=queue, MessageBody="x")[0] == "AccessDenied"
