"""What is taken from somebody is gone with the next request, however often it was used before.

The clients are the same before and after: their requests have the same heads, which the server knows by then.
"""

import secrets
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from tests.auth.conftest import ACCOUNT, ANYTHING, SCP, Client, GuardedServer, User, policy
from tests.auth.test_sessions import key_of, trust

NOTHING_ELSE = policy({"Action": "s3:*", "Resource": "*"})


class Place(NamedTuple):
    """A user that sends to a queue and reads a table, all of it allowed."""

    root: Client
    user: User
    queue: str
    table: str

    @property
    def queue_arn(self) -> str:
        return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{self.queue.rpartition('/')[2]}"

    @property
    def table_arn(self) -> str:
        return f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{self.table}"


@pytest.fixture
def place(root: Client, new_user: Callable[[], User]) -> Place:
    name = f"revoked-{secrets.token_hex(4)}"
    key = {"AttributeName": "id", "KeyType": "HASH"}
    root("dynamodb").create_table(
        TableName=name,
        KeySchema=[key],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return Place(root, new_user(), root("sqs").create_queue(QueueName=name)["QueueUrl"], name)


def use(
    client: Callable[[str], Any], place: Place, *, reads: bool = True
) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Two requests that were answered a few times each; not the second one where there is nothing to read."""
    sqs, dynamodb = client("sqs"), client("dynamodb")

    def send() -> Any:
        return sqs.send_message(QueueUrl=place.queue, MessageBody="x")

    def read() -> Any:
        return dynamodb.get_item(TableName=place.table, Key={"id": {"S": "1"}})

    for _ in range(3):
        send()
        if reads:
            read()
    return send, read


def is_refused(call: Callable[[], Any], *codes: str) -> None:
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] in codes


DENIED = ("AccessDenied", "AccessDeniedException")
UNKNOWN = ("InvalidClientTokenId", "UnrecognizedClientException")


# ---- keys -------------------------------------------------------------------------------------------------------


def test_a_deleted_key(place: Place) -> None:
    calls = use(place.user.may(ANYTHING).client, place)
    place.root("iam").delete_access_key(UserName=place.user.name, AccessKeyId=place.user.key[0])
    for call in calls:
        is_refused(call, *UNKNOWN)


def test_a_key_that_is_switched_off_until_it_is_switched_on(place: Place) -> None:
    calls = use(place.user.may(ANYTHING).client, place)
    told = {"UserName": place.user.name, "AccessKeyId": place.user.key[0]}
    place.root("iam").update_access_key(**told, Status="Inactive")
    for call in calls:
        is_refused(call, *UNKNOWN)
    place.root("iam").update_access_key(**told, Status="Active")
    for call in calls:
        call()


def test_a_session_that_ends(place: Place, guarded: GuardedServer, new_role: Callable[..., str]) -> None:
    role = new_role(trust(place.user.arn))
    session = key_of(place.user.client("sts").assume_role(RoleArn=role, RoleSessionName="me", DurationSeconds=900))
    calls = use(lambda service: guarded.as_caller(service, session), place)
    guarded.admin("POST", "clock", {"advance_seconds": 901})
    for call in calls:
        is_refused(call, "ExpiredToken", "ExpiredTokenException")


# ---- what IAM's policies say ------------------------------------------------------------------------------------


def take_the_policy(place: Place) -> None:
    place.root("iam").delete_user_policy(UserName=place.user.name, PolicyName="inline")


def put_another_policy(place: Place) -> None:
    place.user.may({"Action": "s3:*", "Resource": "*"})


def deny_in_a_further_policy(place: Place) -> None:
    place.user.may({"Effect": "Deny", "Action": "*", "Resource": "*"}, name="denial")


def set_a_boundary(place: Place) -> None:
    iam = place.root("iam")
    made = iam.create_policy(PolicyName=secrets.token_hex(4), PolicyDocument=NOTHING_ELSE)["Policy"]
    iam.put_user_permissions_boundary(UserName=place.user.name, PermissionsBoundary=made["Arn"])


@pytest.mark.parametrize(
    "revoke",
    [take_the_policy, put_another_policy, deny_in_a_further_policy, set_a_boundary],
    ids=lambda fn: fn.__name__,
)
def test_a_policy_of_the_user(place: Place, revoke: Callable[[Place], None]) -> None:
    calls = use(place.user.may(ANYTHING).client, place)
    revoke(place)
    for call in calls:
        is_refused(call, *DENIED)


def test_a_group_and_a_version_of_its_managed_policy(place: Place) -> None:
    # given
    iam, name = place.root("iam"), secrets.token_hex(4)
    managed = iam.create_policy(PolicyName=name, PolicyDocument=policy(ANYTHING))["Policy"]["Arn"]
    iam.create_group(GroupName=name)
    iam.attach_group_policy(GroupName=name, PolicyArn=managed)
    iam.add_user_to_group(GroupName=name, UserName=place.user.name)
    calls = use(place.user.client, place)
    # when, then
    iam.create_policy_version(PolicyArn=managed, PolicyDocument=NOTHING_ELSE, SetAsDefault=True)
    for call in calls:
        is_refused(call, *DENIED)
    iam.set_default_policy_version(PolicyArn=managed, VersionId="v1")
    for call in calls:
        call()
    iam.remove_user_from_group(GroupName=name, UserName=place.user.name)
    for call in calls:
        is_refused(call, *DENIED)


def test_a_policy_of_a_sessions_role(place: Place, guarded: GuardedServer, new_role: Callable[..., str]) -> None:
    role = new_role(trust(place.user.arn))
    session = key_of(place.user.client("sts").assume_role(RoleArn=role, RoleSessionName="me"))
    calls = use(lambda service: guarded.as_caller(service, session), place)
    place.root("iam").delete_role_policy(RoleName=role.rpartition("/")[2], PolicyName="all")
    for call in calls:
        is_refused(call, *DENIED)


@pytest.mark.parametrize("kind", ["user", "role"])
def test_a_session_of_somebody_whose_name_another_has_now(
    place: Place, guarded: GuardedServer, new_role: Callable[..., str], kind: str
) -> None:
    # given
    iam, user, role = place.root("iam"), place.user, new_role(trust(place.user.arn))
    sts = user.client("sts")
    if kind == "user":
        session = key_of(user.may(ANYTHING).client("sts").get_session_token())
    else:
        session = key_of(sts.assume_role(RoleArn=role, RoleSessionName="me"))
    calls = use(lambda service: guarded.as_caller(service, session), place)
    # when
    name = role.rpartition("/")[2]
    if kind == "user":
        iam.delete_access_key(UserName=user.name, AccessKeyId=user.key[0])
        iam.delete_user_policy(UserName=user.name, PolicyName="inline")
        iam.delete_user(UserName=user.name)
        iam.create_user(UserName=user.name)
        iam.put_user_policy(UserName=user.name, PolicyName="all", PolicyDocument=policy(ANYTHING))
    else:
        iam.delete_role_policy(RoleName=name, PolicyName="all")
        iam.delete_role(RoleName=name)
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(user.arn))
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy(ANYTHING))
    # then
    for call in calls:
        is_refused(call, *DENIED)


def test_a_session_of_a_user_who_is_called_otherwise_goes_on(place: Place, guarded: GuardedServer) -> None:
    session = key_of(place.user.may(ANYTHING).client("sts").get_session_token())
    calls = use(lambda service: guarded.as_caller(service, session), place)
    place.root("iam").update_user(UserName=place.user.name, NewUserName=f"{place.user.name}-new")
    for call in calls:
        call()
    told = guarded.as_caller("sts", session).get_caller_identity()
    assert told["Arn"] == f"{place.user.arn}-new"


# ---- what policies of resources say -----------------------------------------------------------------------------


def test_a_policy_of_a_queue_and_of_a_table_that_denies(place: Place) -> None:
    # given
    send, read = use(place.user.may(ANYTHING).client, place)
    sqs, dynamodb = place.root("sqs"), place.root("dynamodb")
    denial = {"Effect": "Deny", "Principal": {"AWS": place.user.arn}}
    of_queue = policy({**denial, "Action": "sqs:*", "Resource": place.queue_arn})
    of_table = policy({**denial, "Action": "dynamodb:*", "Resource": place.table_arn})
    # when
    sqs.set_queue_attributes(QueueUrl=place.queue, Attributes={"Policy": of_queue})
    dynamodb.put_resource_policy(ResourceArn=place.table_arn, Policy=of_table)
    # then
    is_refused(send, *DENIED)
    is_refused(read, *DENIED)
    sqs.set_queue_attributes(QueueUrl=place.queue, Attributes={"Policy": ""})
    dynamodb.delete_resource_policy(ResourceArn=place.table_arn)
    send()
    read()


def test_a_policy_of_a_queue_that_alone_let_somebody_in(place: Place) -> None:
    # given
    sqs, send = place.root("sqs"), place.user.client("sqs").send_message
    statement = {"Principal": {"AWS": place.user.arn}, "Action": "sqs:SendMessage", "Resource": place.queue_arn}
    sqs.set_queue_attributes(QueueUrl=place.queue, Attributes={"Policy": policy(statement)})
    for _ in range(3):
        send(QueueUrl=place.queue, MessageBody="x")
    # when
    sqs.set_queue_attributes(QueueUrl=place.queue, Attributes={"Policy": ""})
    # then
    is_refused(lambda: send(QueueUrl=place.queue, MessageBody="x"), *DENIED)


def test_a_policy_of_a_topic_and_of_a_bus_that_denies(place: Place) -> None:
    # given
    sns, events = place.root("sns"), place.root("events")
    topic = sns.create_topic(Name=place.table)["TopicArn"]
    bus = events.create_event_bus(Name=place.table)["EventBusArn"]
    user = place.user.may(ANYTHING)
    publish = partial(user.client("sns").publish, TopicArn=topic, Message="x")
    entry = {"Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": place.table}
    put = partial(user.client("events").put_events, Entries=[entry])
    for call in (publish, put) * 3:
        call()
    denial = {"Effect": "Deny", "Principal": {"AWS": user.arn}}
    # when
    before = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    of_topic = policy({**denial, "Action": "sns:Publish", "Resource": topic})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=of_topic)
    events.put_permission(
        EventBusName=place.table, Policy=policy({**denial, "Sid": "1", "Action": "events:PutEvents", "Resource": bus})
    )
    # then
    is_refused(publish, "AuthorizationError")
    is_refused(put, *DENIED)
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=before)
    events.remove_permission(EventBusName=place.table, RemoveAllPermissions=True)
    publish()
    put()


# ---- what an organization says ----------------------------------------------------------------------------------


def test_a_control_policy_of_the_account(place: Place, guarded: GuardedServer, member: str) -> None:
    # given
    role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
    session = key_of(place.user.may(ANYTHING).client("sts").assume_role(RoleArn=role, RoleSessionName="me"))
    queue = guarded.as_caller("sqs", session).create_queue(QueueName="theirs")["QueueUrl"]
    send, _ = use(lambda service: guarded.as_caller(service, session), place._replace(queue=queue), reads=False)
    organizations = place.root("organizations")
    content = policy({"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*"})
    made = organizations.create_policy(Name=member, Description="d", Type=SCP, Content=content)["Policy"]
    told = {"PolicyId": made["PolicySummary"]["Id"], "TargetId": member}
    # when, then
    organizations.attach_policy(**told)
    is_refused(send, *DENIED)
    organizations.detach_policy(**told)
    send()


# ---- what conditions look at ------------------------------------------------------------------------------------


def test_a_condition_on_the_time(place: Place, guarded: GuardedServer) -> None:
    ends_s = guarded.admin("POST", "clock", {})["now_ms"] // 1000 + 300
    until = {"NumericLessThan": {"aws:EpochTime": str(ends_s)}}
    calls = use(place.user.may({**ANYTHING, "Condition": until}).client, place)
    guarded.admin("POST", "clock", {"advance_seconds": 301})
    for call in calls:
        is_refused(call, *DENIED)


def test_a_condition_on_tags_of_the_resource_and_of_the_user(place: Place) -> None:
    # given
    sqs, iam = place.root("sqs"), place.root("iam")
    sqs.tag_queue(QueueUrl=place.queue, Tags={"team": "red"})
    iam.tag_user(UserName=place.user.name, Tags=[{"Key": "team", "Value": "red"}])
    same = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    send, _ = use(place.user.may({**ANYTHING, "Condition": same}).client, place, reads=False)
    # when, then
    sqs.tag_queue(QueueUrl=place.queue, Tags={"team": "blue"})
    is_refused(send, *DENIED)
    iam.tag_user(UserName=place.user.name, Tags=[{"Key": "team", "Value": "blue"}])
    send()
    iam.untag_user(UserName=place.user.name, TagKeys=["team"])
    is_refused(send, *DENIED)


def test_a_condition_on_what_each_request_tells(place: Place) -> None:
    own = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["1", "2"]}}
    _, read = use(place.user.may({"Action": "sqs:*", "Resource": "*"}, {**ANYTHING, "Condition": own}).client, place)
    dynamodb = place.user.client("dynamodb")
    for key, is_own in (("2", True), ("3", False), ("2", True), ("1", True), ("3", False)):
        call = partial(dynamodb.get_item, TableName=place.table, Key={"id": {"S": key}})
        if is_own:
            call()
        else:
            is_refused(call, *DENIED)
    read()
