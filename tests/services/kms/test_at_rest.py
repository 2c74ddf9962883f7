"""What services keep under a key lies in the data folder encrypted, and so do the keys."""

import base64
import gzip
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import LiveServer
from tests.patience import eventually
from tests.services.sns.http_endpoint import Endpoint

PLAIN = "correct-horse-battery-staple"
ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def own(folder: Path) -> Iterator[LiveServer]:
    """A server whose folder can be looked into."""
    live = LiveServer("--data", str(folder), "--virtual-clock", "--sync", "process")
    yield live
    assert live.stop() == 0


def lies_in(folder: Path, text: bytes) -> bool:
    """Whether the text is there as it is or, wherever it begins, in Base64."""
    encoded = [base64.b64encode(b"\0" * before + text)[4:-4] for before in range(3)]
    contents = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
    return any(form in content for content in contents for form in (text, *encoded))


@pytest.fixture
def key(own: LiveServer) -> str:
    arn: str = own.client("kms", account=ACCOUNT).create_key()["KeyMetadata"]["Arn"]
    return arn


def objects(own: LiveServer, key: str) -> None:
    s3 = own.client("s3", account=ACCOUNT)
    s3.create_bucket(Bucket="at-rest")
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    for name, times in (("small", 1), ("large", 5000)):
        s3.put_object(Bucket="at-rest", Key=name, Body=PLAIN.encode() * times, **encrypted)
        assert s3.get_object(Bucket="at-rest", Key=name)["Body"].read() == PLAIN.encode() * times


def messages(own: LiveServer, key: str) -> None:
    sqs = own.client("sqs", account=ACCOUNT)
    for name, more in (("q", {}), ("q.fifo", {"FifoQueue": "true", "ContentBasedDeduplication": "true"})):
        url = sqs.create_queue(QueueName=name, Attributes={"KmsMasterKeyId": key, **more})["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=PLAIN, **({"MessageGroupId": "g"} if more else {}))
        received = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
        assert [message["Body"] for message in received] == [PLAIN]


def records(own: LiveServer, key: str) -> None:
    kinesis = own.client("kinesis", account=ACCOUNT)
    kinesis.create_stream(StreamName="s", ShardCount=1)
    kinesis.start_stream_encryption(StreamName="s", EncryptionType="KMS", KeyId=key)
    kinesis.put_record(StreamName="s", PartitionKey="a", Data=PLAIN.encode())
    kinesis.put_records(StreamName="s", Records=[{"PartitionKey": "a", "Data": PLAIN.encode()}] * 3)
    iterator = kinesis.get_shard_iterator(
        StreamName="s", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found = kinesis.get_records(ShardIterator=iterator)["Records"]
    assert [(record["Data"], record["EncryptionType"]) for record in found] == [(PLAIN.encode(), "KMS")] * 4


def notifications(own: LiveServer, key: str) -> None:
    """The endpoint refuses what it is told, so that it waits for its next try."""
    sns, refusing = own.client("sns", account=ACCOUNT), Endpoint(200, 500)
    topic = sns.create_topic(Name="t", Attributes={"KmsMasterKeyId": key})["TopicArn"]
    with refusing:
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=refusing.url)
        token = json.loads(refusing.take(1)[0][1])["Token"]
        sns.confirm_subscription(TopicArn=topic, Token=token)
        sns.publish(TopicArn=topic, Message=PLAIN)
        assert json.loads(refusing.take(2)[1][1])["Message"] == PLAIN
    eventually(lambda: own.admin("GET", "status")["pending_deliveries"])


def events(own: LiveServer, key: str) -> None:
    """A group that has no key any more keeps what it had."""
    logs = own.client("logs", account=ACCOUNT)
    group, stream = {"logGroupName": "g"}, {"logGroupName": "g", "logStreamName": "s"}
    logs.create_log_group(**group, kmsKeyId=key)
    logs.create_log_stream(**stream)
    now_ms = own.admin("POST", "clock", {"advance_seconds": 0})["now_ms"]
    logs.put_log_events(**stream, logEvents=[{"timestamp": now_ms, "message": PLAIN}])
    logs.disassociate_kms_key(**group)
    logs.put_log_events(**stream, logEvents=[{"timestamp": now_ms, "message": "open"}])
    assert [event["message"] for event in logs.get_log_events(**stream)["events"]] == [PLAIN, "open"]
    (found,) = logs.filter_log_events(**group, filterPattern=f'"{PLAIN[:9]}"')["events"]
    assert found["message"] == PLAIN


def batches(own: LiveServer, key: str) -> None:
    """A batch waits for its time, and is delivered as it came."""
    firehose, s3 = own.client("firehose", account=ACCOUNT), own.client("s3", account=ACCOUNT)
    s3.create_bucket(Bucket="delivered")
    trust = {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = own.client("iam", account=ACCOUNT).create_role(
        RoleName="firehose", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    firehose.create_delivery_stream(
        DeliveryStreamName="s",
        DeliveryStreamEncryptionConfigurationInput={"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": key},
        ExtendedS3DestinationConfiguration={
            "BucketARN": "arn:aws:s3:::delivered",
            "RoleARN": role,
            "EncryptionConfiguration": {"KMSEncryptionConfig": {"AWSKMSKeyARN": key}},
        },
    )
    own.admin("POST", "clock", {"advance_seconds": 60})
    firehose.put_record(DeliveryStreamName="s", Record={"Data": PLAIN.encode()})
    assert not own.client("s3", account=ACCOUNT).list_objects_v2(Bucket="delivered").get("Contents")


TABLE: dict[str, Any] = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "id", "AttributeType": "S"},
        {"AttributeName": "at", "AttributeType": "N"},
        {"AttributeName": "owner", "AttributeType": "S"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "owners",
            "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["note"]},
        }
    ],
    "LocalSecondaryIndexes": [
        {
            "IndexName": "same",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}


def items(own: LiveServer, key: str) -> None:
    """Also in the table's indexes, stream, journal, backup and replica, and on their way to a stream of Kinesis that is
    not there any more. (It would have their keys as its partition keys, which Kinesis does not encrypt.)
    """
    dynamodb, kinesis = own.client("dynamodb", account=ACCOUNT), own.client("kinesis", account=ACCOUNT)
    sse = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    dynamodb.create_table(TableName="table", SSESpecification=sse, **TABLE)
    dynamodb.update_continuous_backups(
        TableName="table", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    dynamodb.update_time_to_live(
        TableName="table", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )
    dynamodb.update_table(TableName="table", ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}])
    kinesis.create_stream(StreamName="changes", ShardCount=1)
    changes = kinesis.describe_stream_summary(StreamName="changes")["StreamDescriptionSummary"]["StreamARN"]
    dynamodb.enable_kinesis_streaming_destination(TableName="table", StreamArn=changes)
    kinesis.delete_stream(StreamName="changes", EnforceConsumerDeletion=True)

    item = {"id": {"S": PLAIN}, "at": {"N": "7"}, "owner": {"S": PLAIN}, "note": {"M": {PLAIN: {"SS": [PLAIN]}}}}
    later = item | {"id": {"S": f"{PLAIN} too"}, "at": {"N": "8"}}
    other = later | {"expires": {"N": "1"}}
    dynamodb.put_item(TableName="table", Item=item | {"note": {"S": PLAIN}})
    dynamodb.batch_write_item(RequestItems={"table": [{"PutRequest": {"Item": each}} for each in (item, other)]})
    dynamodb.create_backup(TableName="table", BackupName="backup")
    place = {name: item[name] for name in ("id", "at")}
    assert dynamodb.get_item(TableName="table", Key=place)["Item"] == item
    asked = {"KeyConditionExpression": "#k = :k AND #s > :s", "ExpressionAttributeNames": {"#k": "owner", "#s": "at"}}
    asked["ExpressionAttributeValues"] = {":k": {"S": PLAIN}, ":s": {"N": "1"}}
    assert dynamodb.query(TableName="table", IndexName="owners", **asked)["Items"] == [item, later]
    away = own.client("dynamodb", account=ACCOUNT, region="eu-west-1")
    eventually(lambda: len(away.scan(TableName="table")["Items"]) == 2)
    streams = own.client("dynamodbstreams", account=ACCOUNT)
    stream = dynamodb.describe_table(TableName="table")["Table"]["LatestStreamArn"]
    (shard,) = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    seen = streams.get_records(ShardIterator=iterator)["Records"]
    assert [record["dynamodb"]["NewImage"] for record in seen[1:]] == [item, other]


def archived(own: LiveServer, key: str) -> None:
    """Events in an archive, and replayed."""
    events, sqs = own.client("events", account=ACCOUNT), own.client("sqs", account=ACCOUNT)
    bus = events.describe_event_bus()["Arn"]
    events.create_archive(ArchiveName="a", EventSourceArn=bus, KmsKeyIdentifier=key)
    assert events.describe_archive(ArchiveName="a")["KmsKeyIdentifier"] == key
    events.put_events(Entries=[{"Source": "shop", "DetailType": "sold", "Detail": json.dumps({"what": PLAIN})}])
    assert events.describe_archive(ArchiveName="a")["EventCount"] == 1
    url = sqs.create_queue(QueueName="replayed", Attributes={"KmsMasterKeyId": key})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="all", EventPattern='{"source": ["shop"]}')
    events.put_targets(Rule="all", Targets=[{"Id": "q", "Arn": arn}])
    now_s = own.admin("POST", "clock", {"advance_seconds": 1})["now_ms"] / 1000
    events.start_replay(
        ReplayName="r", EventSourceArn=bus.replace("event-bus/default", "archive/a"), Destination={"Arn": bus},
        EventStartTime=now_s - 60, EventEndTime=now_s + 60,
    )  # fmt: skip

    def received() -> list[Any]:
        own.admin("POST", "clock", {"advance_seconds": 3})
        found: list[Any] = sqs.receive_message(QueueUrl=url).get("Messages", [])
        return found

    (message,) = eventually(received)
    assert json.loads(message["Body"])["detail"] == {"what": PLAIN}


def files(own: LiveServer, key: str) -> None:
    """An export of a table."""
    dynamodb, s3 = own.client("dynamodb", account=ACCOUNT), own.client("s3", account=ACCOUNT)
    s3.create_bucket(Bucket="exports")
    sse = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    arn = dynamodb.create_table(TableName="exported", SSESpecification=sse, **TABLE)["TableDescription"]["TableArn"]
    dynamodb.update_continuous_backups(
        TableName="exported", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    dynamodb.put_item(TableName="exported", Item={"id": {"S": PLAIN}, "at": {"N": "1"}})
    export = dynamodb.export_table_to_point_in_time(
        TableArn=arn, S3Bucket="exports", S3SseAlgorithm="KMS", S3SseKmsKeyId=key
    )["ExportDescription"]["ExportArn"]

    def ended() -> Any:
        found = dynamodb.describe_export(ExportArn=export)["ExportDescription"]
        return found if found["ExportStatus"] != "IN_PROGRESS" else None

    described = eventually(ended)
    assert (described["ExportStatus"], described["S3SseKmsKeyId"]) == ("COMPLETED", key)
    names = [row["Key"] for row in s3.list_objects_v2(Bucket="exports")["Contents"]]
    (data,) = [name for name in names if "/data/" in name]
    found = s3.get_object(Bucket="exports", Key=data)
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", key)
    assert PLAIN.encode() in gzip.decompress(found["Body"].read())
    summary = json.loads(s3.get_object(Bucket="exports", Key=described["ExportManifest"])["Body"].read())
    assert (summary["s3SseAlgorithm"], summary["s3SseKmsKeyId"]) == ("KMS", key)


@pytest.mark.parametrize("keep", [objects, messages, records, notifications, events, batches, items, archived, files])
def test_what_a_service_keeps_under_a_key_cannot_be_read_from_the_disk(
    own: LiveServer, folder: Path, key: str, keep: Any
) -> None:
    keep(own, key)
    assert lies_in(folder, ACCOUNT.encode()), "the folder is looked into"
    assert not lies_in(folder, PLAIN.encode())


def test_a_batch_is_delivered_as_it_came(own: LiveServer) -> None:
    s3 = own.client("s3", account=ACCOUNT)
    own.admin("POST", "clock", {"advance_seconds": 400})
    (found,) = eventually(lambda: s3.list_objects_v2(Bucket="delivered").get("Contents"))
    assert s3.get_object(Bucket="delivered", Key=found["Key"])["Body"].read() == PLAIN.encode()


def test_the_master_key_is_for_its_owner_alone(own: LiveServer, folder: Path, key: str) -> None:
    assert (folder / "master.key").stat().st_mode & 0o077 == 0


def test_a_snapshot_brings_its_master_key(own: LiveServer, tmp_path: Path, key: str) -> None:
    kms = own.client("kms", account=ACCOUNT)
    blob = kms.encrypt(KeyId=key, Plaintext=PLAIN.encode())["CiphertextBlob"]
    asked = urllib.request.Request(f"{own.endpoint}/_fogbank/snapshot", headers={"X-Fogbank": "1"})
    with urllib.request.urlopen(asked) as answer:
        saved = answer.read()
    own.admin("POST", "reset")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        kms.decrypt(CiphertextBlob=blob)
    load = urllib.request.Request(
        f"{own.endpoint}/_fogbank/snapshot", data=saved, method="PUT", headers={"X-Fogbank": "1"}
    )
    with urllib.request.urlopen(load) as answer:
        assert json.load(answer) == {"status": "loaded"}
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == PLAIN.encode()
