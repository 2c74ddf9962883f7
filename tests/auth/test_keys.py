"""Who may use a key: its policy decides, leaves it to IAM's policies, or a grant lets somebody in."""

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.auth.conftest import ACCOUNT, Client, User, policy

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ANY_KEY = {"Action": "kms:*", "Resource": "*"}


@pytest.fixture
def kms(root: Client) -> Any:
    return root("kms")


def new_key(kms: Any, *statements: dict[str, Any]) -> str:
    """A key that root may do everything with, and what the statements say; with none, that of the default policy."""
    own = {"Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}
    given = {"Policy": policy(own, *statements)} if statements else {}
    arn: str = kms.create_key(**given)["KeyMetadata"]["Arn"]
    return arn


def test_the_default_policy_leaves_a_key_to_iam(kms: Any, new_user: Callable[[], User]) -> None:
    key, user = new_key(kms), new_user()
    with pytest.raises(ClientError, match=rf"not authorized to perform: kms:Encrypt on resource: {key} because no id"):
        user.client("kms").encrypt(KeyId=key, Plaintext=b"text")
    user.may({"Action": "kms:Encrypt", "Resource": key})
    user.client("kms").encrypt(KeyId=key, Plaintext=b"text")


def test_a_key_policy_that_names_no_account_shuts_out_iam(kms: Any, new_user: Callable[[], User]) -> None:
    # given
    owner, other = new_user().may(ANY_KEY), new_user().may(ANY_KEY)
    only = {"Principal": {"AWS": owner.arn}, "Action": "kms:*", "Resource": "*"}
    key = owner.client("kms").create_key(Policy=policy(only))["KeyMetadata"]["Arn"]
    # then
    owner.client("kms").encrypt(KeyId=key, Plaintext=b"text")
    with pytest.raises(ClientError, match="because no resource-based policy allows the kms:Encrypt action"):
        other.client("kms").encrypt(KeyId=key, Plaintext=b"text")


def test_nobody_locks_themselves_out(new_user: Callable[[], User]) -> None:
    user, other = new_user().may(ANY_KEY), new_user()
    only = {"Principal": {"AWS": other.arn}, "Action": "kms:*", "Resource": "*"}
    with pytest.raises(ClientError, match="will not allow you to update the key policy in the future"):
        user.client("kms").create_key(Policy=policy(only))
    user.client("kms").create_key(Policy=policy(only), BypassPolicyLockoutSafetyCheck=True)


def test_a_grant_lets_in_for_its_operations_in_its_context(kms: Any, new_user: Callable[[], User]) -> None:
    # given
    key, user = new_key(kms), new_user()
    constraints = {"EncryptionContextSubset": {"team": "blue"}}
    grant = kms.create_grant(
        KeyId=key, GranteePrincipal=user.arn, Operations=["Encrypt", "Decrypt"], Constraints=constraints
    )
    asking, context = user.client("kms"), {"team": "blue", "more": "yes"}
    # when
    blob = asking.encrypt(KeyId=key, Plaintext=b"text", EncryptionContext=context)["CiphertextBlob"]
    # then
    assert asking.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"text"
    with pytest.raises(ClientError, match="kms:Encrypt"):
        asking.encrypt(KeyId=key, Plaintext=b"text", EncryptionContext={"team": "red"})
    with pytest.raises(ClientError, match="kms:GenerateDataKey"):
        asking.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context)
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    with pytest.raises(ClientError, match="kms:Encrypt"):
        asking.encrypt(KeyId=key, Plaintext=b"text", EncryptionContext=context)


def test_a_grant_for_exactly_a_context_takes_no_more(kms: Any, new_user: Callable[[], User]) -> None:
    key, user = new_key(kms), new_user()
    constraints = {"EncryptionContextEquals": {"team": "blue"}}
    kms.create_grant(KeyId=key, GranteePrincipal=user.arn, Operations=["Encrypt"], Constraints=constraints)
    user.client("kms").encrypt(KeyId=key, Plaintext=b"text", EncryptionContext={"team": "blue"})
    for context in ({}, {"team": "blue", "more": "yes"}):
        with pytest.raises(ClientError, match="kms:Encrypt"):
            user.client("kms").encrypt(KeyId=key, Plaintext=b"text", EncryptionContext=context)


def test_who_may_retire_a_grant_needs_nothing_else(kms: Any, new_user: Callable[[], User]) -> None:
    key, user, other = new_key(kms), new_user(), new_user()
    made = kms.create_grant(KeyId=key, GranteePrincipal=other.arn, RetiringPrincipal=user.arn, Operations=["Decrypt"])
    with pytest.raises(ClientError, match="kms:RetireGrant"):
        other.client("kms").retire_grant(GrantToken=made["GrantToken"])
    user.client("kms").retire_grant(GrantToken=made["GrantToken"])
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_a_key_may_be_for_one_service_only(root: Client, kms: Any, new_user: Callable[[], User]) -> None:
    # given
    via = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    user = new_user().may({"Action": "kms:*", "Resource": "*", "Condition": via}, {"Action": "s3:*", "Resource": "*"})
    key = new_key(kms)
    s3 = user.client("s3")
    s3.create_bucket(Bucket="via-service")
    # when
    s3.put_object(Bucket="via-service", Key="k", Body=b"text", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    # then
    assert s3.get_object(Bucket="via-service", Key="k")["Body"].read() == b"text"
    with pytest.raises(ClientError, match="kms:GenerateDataKey"):
        user.client("kms").generate_data_key(KeyId=key, KeySpec="AES_256")


def test_who_may_read_an_object_and_not_use_its_key_does_not_see_it(
    root: Client, kms: Any, new_user: Callable[[], User]
) -> None:
    # given
    key, user = new_key(kms), new_user().may({"Action": "s3:*", "Resource": "*"})
    root("s3").create_bucket(Bucket="no-key")
    put = {"Bucket": "no-key", "Key": "k", "Body": b"text", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    root("s3").put_object(**put)
    # when, then
    with pytest.raises(ClientError) as caught:
        user.client("s3").get_object(Bucket="no-key", Key="k")
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    assert f"kms:Decrypt on resource: {key}" in caught.value.response["Error"]["Message"]


def test_an_object_may_be_read_in_its_encryption_context_only(
    root: Client, kms: Any, new_user: Callable[[], User]
) -> None:
    # given
    key = new_key(kms)
    root("s3").create_bucket(Bucket="contexts")
    for name in ("mine", "other"):
        root("s3").put_object(
            Bucket="contexts", Key=name, Body=b"text", ServerSideEncryption="aws:kms", SSEKMSKeyId=key
        )
    condition = {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::contexts/mine"}}
    user = new_user().may(
        {"Action": "s3:*", "Resource": "*"}, {"Action": "kms:Decrypt", "Resource": key, "Condition": condition}
    )
    # when, then
    user.client("s3").get_object(Bucket="contexts", Key="mine")
    with pytest.raises(ClientError, match="kms:Decrypt"):
        user.client("s3").get_object(Bucket="contexts", Key="other")


@pytest.mark.parametrize(
    ("condition", "context", "fits"),
    [
        ({"StringEquals": {"kms:EncryptionContext:App": "Blue"}}, {"App": "Blue"}, True),
        ({"StringEquals": {"kms:EncryptionContext:App": "Blue"}}, {"APP": "Blue"}, True),
        ({"StringEquals": {"kms:EncryptionContext:App": "Blue"}}, {"App": "blue"}, False),
        ({"StringEqualsIgnoreCase": {"kms:EncryptionContext:App": "BLUE"}}, {"App": "blue"}, True),
        ({"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["App"]}}, {"App": "x"}, True),
        ({"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["App"]}}, {"APP": "x"}, False),
        ({"ForAllValues:StringEquals": {"kms:EncryptionContext:App": "Blue"}}, {"APP": "x", "app": "Blue"}, False),
    ],
)
def test_keys_of_an_encryption_context_are_compared_in_any_case_and_its_values_in_theirs(
    kms: Any, new_user: Callable[[], User], condition: dict[str, Any], context: dict[str, str], fits: bool
) -> None:
    user = new_user().may({"Action": "kms:Encrypt", "Resource": "*", "Condition": condition})
    asked = {"KeyId": new_key(kms), "Plaintext": b"text", "EncryptionContext": context}
    if fits:
        user.client("kms").encrypt(**asked)
    else:
        with pytest.raises(ClientError, match=r"AccessDeniedException.*kms:Encrypt"):
            user.client("kms").encrypt(**asked)


def test_the_constraints_of_a_grant_know_keys_in_any_case(kms: Any, new_user: Callable[[], User]) -> None:
    key, user = new_key(kms), new_user()
    constraints = {"EncryptionContextEquals": {"App": "Blue"}}
    kms.create_grant(KeyId=key, GranteePrincipal=user.arn, Operations=["Encrypt"], Constraints=constraints)
    encrypt = user.client("kms").encrypt
    for context in ({"App": "Blue"}, {"app": "Blue"}):
        encrypt(KeyId=key, Plaintext=b"text", EncryptionContext=context)
    for context in ({"App": "blue"}, {"App": "Blue", "More": "x"}, {"App": "Blue", "APP": "x"}, {}):
        with pytest.raises(ClientError, match="AccessDeniedException"):
            encrypt(KeyId=key, Plaintext=b"text", EncryptionContext=context)


def test_an_aws_managed_key_is_for_its_service_alone(root: Client, kms: Any, new_user: Callable[[], User]) -> None:
    # given
    user = new_user().may(ANY_KEY, {"Action": "s3:*", "Resource": "*"})
    root("s3").create_bucket(Bucket="managed")
    user.client("s3").put_object(Bucket="managed", Key="k", Body=b"text", ServerSideEncryption="aws:kms")
    # when, then
    assert json.loads(kms.get_key_policy(KeyId=kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"])["Policy"])
    with pytest.raises(ClientError, match="kms:GenerateDataKey"):
        user.client("kms").generate_data_key(KeyId="alias/aws/s3", KeySpec="AES_256")


def test_a_topic_delivers_to_an_encrypted_queue_where_the_key_lets_it(root: Client, kms: Any) -> None:
    # given
    sqs, sns = root("sqs"), root("sns")
    topic = sns.create_topic(Name="to-encrypted")["TopicArn"]
    service = {"Principal": {"Service": "sns.amazonaws.com"}, "Resource": "*"}
    for name, more in (("shut", ()), ("let-in", ({**service, "Action": ["kms:GenerateDataKey*", "kms:Decrypt"]},))):
        attributes = {
            "KmsMasterKeyId": new_key(kms, *more),
            "Policy": policy({**service, "Action": "sqs:SendMessage"}),
        }
        sqs.create_queue(QueueName=name, Attributes=attributes)
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
    # when
    sns.publish(TopicArn=topic, Message="text")
    # then
    counts = {
        name: sqs.get_queue_attributes(
            QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
        )["Attributes"]["ApproximateNumberOfMessages"]
        for name in ("shut", "let-in")
    }
    assert counts == {"shut": "0", "let-in": "1"}


def test_a_table_is_made_with_a_grant_and_read_with_its_key_through_dynamodb_alone(
    kms: Any, new_user: Callable[[], User]
) -> None:
    # given
    key = new_key(kms)
    use = {"Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": key}
    maker = new_user().may({"Action": "dynamodb:*", "Resource": "*"}, use)
    definition = {
        "TableName": "under-a-key",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    }
    item, tables = {"id": {"S": "1"}}, maker.client("dynamodb")
    with pytest.raises(ClientError, match=r"KMS validation error: .*kms:CreateGrant"):
        tables.create_table(**definition)
    # when
    for_services = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    granting = {"Action": "kms:CreateGrant", "Resource": key, "Condition": for_services}
    maker.may(granting, name="granting")
    tables.create_table(**definition)
    # then
    (grant,) = kms.list_grants(KeyId=key)["Grants"]
    context = {"aws:dynamodb:tableName": "under-a-key", "aws:dynamodb:subscriberId": ACCOUNT}
    assert grant["GranteePrincipal"] == grant["RetiringPrincipal"] == "dynamodb.us-east-1.amazonaws.com"
    assert grant["Constraints"] == {"EncryptionContextSubset": context}
    tables.put_item(TableName="under-a-key", Item=item)
    via = {"StringEquals": {"kms:ViaService": "dynamodb.us-east-1.amazonaws.com"}}
    via["StringEquals"] |= {f"kms:EncryptionContext:{name}": value for name, value in context.items()}
    readers = {"Action": "dynamodb:GetItem", "Resource": "*"}
    reader = new_user().may(readers, {"Action": "kms:Decrypt", "Resource": key, "Condition": via})
    assert reader.client("dynamodb").get_item(TableName="under-a-key", Key=item)["Item"] == item
    with pytest.raises(ClientError, match="KMS key access denied"):
        new_user().may(readers).client("dynamodb").get_item(TableName="under-a-key", Key=item)
    tables.delete_table(TableName="under-a-key")
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_what_services_ask_of_a_key_is_in_the_event_history(
    root: Client, kms: Any, new_user: Callable[[], User]
) -> None:
    # given
    key, user = new_key(kms), new_user().may({"Action": ["s3:*", "kms:*"], "Resource": "*"})
    s3 = user.client("s3")
    s3.create_bucket(Bucket="history-of-a-key")
    # when
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    s3.put_object(Bucket="history-of-a-key", Key="k", Body=b"text", **encryption)
    s3.get_object(Bucket="history-of-a-key", Key="k")
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError, match=r"KMS\.DisabledException"):
        s3.get_object(Bucket="history-of-a-key", Key="k")
    # then
    found = root("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": user.name}]
    )
    events = [json.loads(event["CloudTrailEvent"]) for event in reversed(found["Events"])]
    told = [event for event in events if event["eventSource"] == "kms.amazonaws.com"]
    assert [(event["eventName"], event.get("errorCode")) for event in told] == [
        ("GenerateDataKey", None),
        ("Decrypt", None),
        ("Decrypt", "DisabledException"),
    ]
    for event in told:
        assert event["requestParameters"]["encryptionContext"] == {"aws:s3:arn": "arn:aws:s3:::history-of-a-key/k"}
        assert event["userIdentity"]["arn"] == user.arn
        assert event["userIdentity"]["invokedBy"] == event["sourceIPAddress"] == "s3.amazonaws.com"
        assert event["readOnly"] is True
    assert [resource["ARN"] for resource in told[1]["resources"]] == [key]


def test_an_archive_is_kept_under_a_key_whose_policy_lets_eventbridge(root: Client, kms: Any) -> None:
    # given
    events = root("events")
    bus = events.describe_event_bus()["Arn"]
    context = {"StringEquals": {"kms:EncryptionContext:aws:events:event-bus:arn": bus}}
    service = {"Principal": {"Service": "events.amazonaws.com"}, "Resource": "*", "Condition": context}
    closed, opened = new_key(kms), new_key(kms, service | {"Action": ["kms:GenerateDataKey", "kms:Decrypt"]})
    # when, then
    with pytest.raises(ClientError, match=r"KmsKeyIdentifier is not valid.*events.amazonaws.com is not authorized"):
        events.create_archive(ArchiveName="under-a-key", EventSourceArn=bus, KmsKeyIdentifier=closed)
    events.create_archive(ArchiveName="under-a-key", EventSourceArn=bus, KmsKeyIdentifier=opened)
    events.put_events(Entries=[{"Source": "shop", "DetailType": "sold", "Detail": "{}"}])
    assert events.describe_archive(ArchiveName="under-a-key")["EventCount"] > 0
    events.delete_archive(ArchiveName="under-a-key")


def test_the_tagging_api_asks_the_key_policy_too(root: Client, kms: Any, new_user: Callable[[], User]) -> None:
    """Else who may tag keys could tag those that shut IAM's policies out, there and then everywhere."""
    # given
    owner, other = new_user().may(ANY_KEY), new_user().may(ANY_KEY, {"Action": "tag:*", "Resource": "*"})
    only = {"Principal": {"AWS": owner.arn}, "Action": "kms:*", "Resource": "*"}
    key = owner.client("kms").create_key(Policy=policy(only))["KeyMetadata"]["Arn"]
    # when
    tagging = other.client("resourcegroupstaggingapi")
    failed = tagging.tag_resources(ResourceARNList=[key], Tags={"k": "v"})["FailedResourcesMap"]
    # then
    assert list(failed) == [key]
    with pytest.raises(ClientError, match="because no resource-based policy allows the kms:TagResource action"):
        other.client("kms").tag_resource(KeyId=key, Tags=[{"TagKey": "k", "TagValue": "v"}])


def test_who_is_named_by_their_id_is_not_locked_out(root: Client, new_user: Callable[[], User]) -> None:
    user = new_user().may(ANY_KEY)
    unique_id = root("iam").get_user(UserName=user.name)["User"]["UserId"]
    only = {"Principal": {"AWS": unique_id}, "Action": "kms:*", "Resource": "*"}
    key = user.client("kms").create_key(Policy=policy(only))["KeyMetadata"]["Arn"]
    assert user.arn in user.client("kms").get_key_policy(KeyId=key)["Policy"]


def test_who_reads_a_stream_that_had_ended_needs_the_key_that_its_table_came_under(
    root: Client, kms: Any, new_user: Callable[[], User]
) -> None:
    # given
    dynamodb, name = root("dynamodb"), f"table-{secrets.token_hex(4)}"
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    dynamodb.put_item(TableName=name, Item={"id": {"S": "1"}})
    stream = dynamodb.describe_table(TableName=name)["Table"]["LatestStreamArn"]
    dynamodb.update_table(TableName=name, StreamSpecification={"StreamEnabled": False})
    # when
    key = new_key(kms)
    dynamodb.update_table(TableName=name, SSESpecification={"Enabled": True, "KMSMasterKeyId": key})
    # then
    user = new_user().may({"Action": "dynamodb:*", "Resource": "*"})
    streams = user.client("dynamodbstreams")
    (shard,) = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    place = {"StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = streams.get_shard_iterator(**place)["ShardIterator"]
    with pytest.raises(ClientError, match="KMS key access denied"):
        streams.get_records(ShardIterator=iterator)
    user.may({"Action": "kms:*", "Resource": key}, name="kms")
    assert len(streams.get_records(ShardIterator=iterator)["Records"]) == 1
