"""Service control policies limit every account of an organization but the one that manages it."""

import json
import secrets
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from tests.auth.conftest import ANYTHING, SCP, Client, GuardedServer, User
from tests.auth.test_sessions import key_of
from tests.patience import eventually


def test_a_control_policy_denies_even_administrators(
    root: Client, guarded: GuardedServer, new_user: Callable[[], User], member: str
) -> None:
    role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
    sts = new_user().may(ANYTHING).client("sts")
    sqs = guarded.as_caller("sqs", key_of(sts.assume_role(RoleArn=role, RoleSessionName="admin")))
    sqs.list_queues()
    statement = {"Effect": "Deny", "Action": "sqs:ListQueues", "Resource": "*"}
    content = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    name = secrets.token_hex(4)
    policy = root("organizations").create_policy(Name=name, Description="d", Type=SCP, Content=content)["Policy"]
    root("organizations").attach_policy(PolicyId=policy["PolicySummary"]["Id"], TargetId=member)
    with pytest.raises(ClientError, match="with an explicit deny in a service control policy"):
        sqs.list_queues()
    root("sqs").list_queues()


def test_a_resource_can_be_opened_to_an_organization(
    root: Client, guarded: GuardedServer, new_user: Callable[[], User], member: str
) -> None:
    organization = root("organizations").describe_organization()["Organization"]["Id"]
    url = root("sqs").create_queue(QueueName=f"q-{member}")["QueueUrl"]
    arn = root("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def open_to(organization: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": organization}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        root("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})

    role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
    sts = new_user().may(ANYTHING).client("sts")
    sqs = guarded.as_caller("sqs", key_of(sts.assume_role(RoleArn=role, RoleSessionName="admin")))
    open_to("o-another")
    with pytest.raises(ClientError, match="AccessDenied"):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    open_to(organization)
    assert sqs.send_message(QueueUrl=url, MessageBody="x")["MessageId"]


def test_who_asks_can_be_kept_to_the_resources_of_an_organization(
    root: Client, new_user: Callable[[], User], member: str
) -> None:
    name = f"q-{secrets.token_hex(4)}"
    url = root("sqs").create_queue(QueueName=name)["QueueUrl"]
    organization = root("organizations").describe_organization()["Organization"]["Id"]
    (top,) = root("organizations").list_roots()["Roots"]
    path = f"{organization}/{top['Id']}/"
    for condition, allowed in (
        ({"StringNotEquals": {"aws:ResourceOrgID": organization}}, True),
        ({"StringNotEquals": {"aws:ResourceOrgID": "o-another"}}, False),
        ({"ForAllValues:StringNotLike": {"aws:ResourceOrgPaths": [f"{path}*"]}}, True),
    ):
        perimeter = {"Effect": "Deny", "Action": "sqs:*", "Resource": "*", "Condition": condition}
        sqs = new_user().may(ANYTHING, perimeter).client("sqs")
        if allowed:
            assert sqs.send_message(QueueUrl=url, MessageBody="x")["MessageId"]
        else:
            with pytest.raises(ClientError, match="with an explicit deny in an identity-based policy"):
                sqs.send_message(QueueUrl=url, MessageBody="x")


def test_a_topic_of_the_organization_may_deliver(root: Client, member: str) -> None:
    sqs, sns, name = root("sqs"), root("sns"), f"q-{secrets.token_hex(4)}"
    organization = root("organizations").describe_organization()["Organization"]["Id"]
    topic, url = sns.create_topic(Name=name)["TopicArn"], sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    lets_in = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"StringEquals": {"aws:SourceOrgID": organization}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [lets_in]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="x")
    assert eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))


def test_a_queue_of_another_account_needs_both_sides(
    guarded: GuardedServer, new_user: Callable[[], User], member: str
) -> None:
    role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
    admin = new_user().may(ANYTHING).client("sts")
    theirs = guarded.as_caller("sqs", key_of(admin.assume_role(RoleArn=role, RoleSessionName="admin")))
    queue, arn = theirs.create_queue(QueueName="shared")["QueueUrl"], f"arn:aws:sqs:us-east-1:{member}:shared"
    user = new_user().may({"Action": "sqs:SendMessage", "Resource": arn})
    ours = user.client("sqs")
    with pytest.raises(ClientError, match="because no resource-based policy allows the sqs:SendMessage action"):
        ours.send_message(QueueUrl=queue, MessageBody="x")
    lets = {"Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": "sqs:*", "Resource": arn}
    theirs.set_queue_attributes(
        QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [lets]})}
    )
    ours.send_message(QueueUrl=queue, MessageBody="x")
    with pytest.raises(ClientError, match="because no identity-based policy allows the sqs:PurgeQueue action"):
        ours.purge_queue(QueueUrl=queue)


def test_nobody_gets_into_an_account_that_was_closed(
    root: Client, guarded: GuardedServer, new_user: Callable[[], User], member: str
) -> None:
    role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
    sts = new_user().may(ANYTHING).client("sts")
    session = key_of(sts.assume_role(RoleArn=role, RoleSessionName="admin"))
    iam = guarded.as_caller("iam", session)
    iam.create_user(UserName="ann")
    made = iam.create_access_key(UserName="ann")["AccessKey"]
    lasting = (made["AccessKeyId"], made["SecretAccessKey"])
    for key in (session, lasting):
        assert guarded.as_caller("sts", key).get_caller_identity()["Account"] == member
    root("organizations").close_account(AccountId=member)
    for key in (session, lasting):
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            guarded.as_caller("sts", key).get_caller_identity()
        with pytest.raises(ClientError, match="InvalidAccessKeyId"):
            guarded.as_caller("s3", key).list_buckets()
    with pytest.raises(
        ClientError, match=f"AccessDenied.*not authorized to perform: sts:AssumeRole on resource: {role}"
    ):
        sts.assume_role(RoleArn=role, RoleSessionName="admin")
