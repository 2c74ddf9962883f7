"""Policies of resources, whichever service has them: they say whose, and they mean who was there when they were put."""

import json
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    }
)


class Holder(NamedTuple):
    """A resource whose policy is put and read."""

    action: str
    put: Callable[[str], Any]
    get: Callable[[], str]
    resource: str = "*"


def bucket(aws: Aws, name: str) -> Holder:
    s3 = aws("s3")
    s3.create_bucket(Bucket=name)
    return Holder(
        "s3:GetObject",
        lambda policy: s3.put_bucket_policy(Bucket=name, Policy=policy),
        lambda: s3.get_bucket_policy(Bucket=name)["Policy"],
        f"arn:aws:s3:::{name}/*",
    )


def queue(aws: Aws, name: str) -> Holder:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return Holder(
        "sqs:SendMessage",
        lambda policy: sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy}),
        lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"],
    )


def new_queue(aws: Aws, name: str) -> Holder:
    sqs = aws("sqs")

    def get() -> str:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["Policy"])

    return Holder(
        "sqs:SendMessage", lambda policy: sqs.create_queue(QueueName=name, Attributes={"Policy": policy}), get
    )


def topic(aws: Aws, name: str) -> Holder:
    sns = aws("sns")
    arn = sns.create_topic(Name=name)["TopicArn"]
    return Holder(
        "sns:Publish",
        lambda policy: sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy),
        lambda: sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"],
    )


def key(aws: Aws, name: str) -> Holder:
    kms = aws("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    return Holder(
        "kms:Decrypt",
        lambda policy: kms.put_key_policy(KeyId=key_id, Policy=policy, BypassPolicyLockoutSafetyCheck=True),
        lambda: kms.get_key_policy(KeyId=key_id)["Policy"],
    )


class Case(NamedTuple):
    make: Callable[[Aws, str], Holder]
    nobody: str
    """What a statement is refused with that names no principal."""
    unknown: str
    """What one is refused with that names somebody who is not there."""


_KMS = "MalformedPolicyDocumentException.* Policy contains a statement with one or more invalid principals."
_SQS = "InvalidAttributeValue.* Invalid value for the parameter Policy."
_SNS = "InvalidParameter.* Invalid parameter: Policy Error: "
CASES = [
    Case(bucket, "MalformedPolicy.* Missing required field Principal", "MalformedPolicy.* Invalid principal in policy"),
    Case(queue, _SQS, _SQS),
    Case(new_queue, _SQS, _SQS),
    Case(topic, f"{_SNS}null", f"{_SNS}PrincipalNotFound"),
    Case(key, _KMS, _KMS),
]
every_holder = pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.make.__name__))


@pytest.fixture
def name() -> str:
    return f"policies-{secrets.token_hex(6)}"


def policy(holder: Holder, principal: Any) -> str:
    statement = {"Sid": "one", "Effect": "Allow", "Action": holder.action, "Resource": holder.resource}
    named = {} if principal is None else {"Principal": {"AWS": principal}}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **named}]}, separators=(",", ":"))


def principal_of(text: str) -> Any:
    return json.loads(text)["Statement"][0]["Principal"]["AWS"]


@every_holder
def test_a_policy_shows_the_id_of_a_role_that_is_gone(aws: Aws, name: str, case: Case) -> None:
    iam, holder = aws("iam"), case.make(aws, name)
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]
    put = policy(holder, role["Arn"])
    holder.put(put)
    assert json.loads(holder.get()) == json.loads(put)

    iam.delete_role(RoleName=name)
    assert principal_of(holder.get()) == role["RoleId"]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    assert principal_of(holder.get()) == role["RoleId"]


@every_holder
def test_a_policy_says_whose_it_is(aws: Aws, name: str, case: Case) -> None:
    holder = case.make(aws, name)
    with pytest.raises(ClientError, match=case.nobody):
        holder.put(policy(holder, None))


@every_holder
def test_a_policy_names_nobody_who_is_not_there(aws: Aws, account: str, name: str, case: Case) -> None:
    holder = case.make(aws, name)
    for nobody in (f"arn:aws:iam::{account}:user/nobody", "AROAAAAAAAAAAAAAAAAAA"):
        with pytest.raises(ClientError, match=case.unknown):
            holder.put(policy(holder, [account, nobody]))


@every_holder
def test_of_an_account_that_is_elsewhere_a_policy_names_anybody(aws: Aws, name: str, case: Case) -> None:
    holder, elsewhere = case.make(aws, name), "arn:aws:iam::999900000000:role/path/of/theirs"
    holder.put(policy(holder, elsewhere))
    assert principal_of(holder.get()) == elsewhere
