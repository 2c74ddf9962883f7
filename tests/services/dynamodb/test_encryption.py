"""A table under a key of KMS is open as long as its key is."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.services import SERVICES
from tests.conftest import MovableClock
from tests.patience import eventually

SIMPLE: dict[str, Any] = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
ITEM = {"id": {"S": "1"}}


def test_a_table_whose_key_is_disabled_lets_nobody_in(aws: Any, clock: MovableClock) -> None:
    # given
    dynamodb, kms = aws("dynamodb"), aws("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    dynamodb.create_table(
        TableName="table", SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}, **SIMPLE
    )
    dynamodb.put_item(TableName="table", Item=ITEM)
    # when
    kms.disable_key(KeyId=key)
    assert dynamodb.describe_table(TableName="table")["Table"]["TableStatus"] == "INACCESSIBLE_ENCRYPTION_CREDENTIALS"
    clock.advance(s=301)
    # then
    for use in (
        lambda: dynamodb.get_item(TableName="table", Key=ITEM),
        lambda: dynamodb.put_item(TableName="table", Item=ITEM),
        lambda: dynamodb.scan(TableName="table"),
        lambda: dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": "table", "Item": ITEM}}]),
    ):
        with pytest.raises(ClientError, match=r"AccessDeniedException.*KMS key access denied"):
            use()
    kms.enable_key(KeyId=key)
    assert dynamodb.get_item(TableName="table", Key=ITEM)["Item"] == ITEM


def test_a_table_without_a_key_of_its_own_gets_the_managed_one(aws: Any) -> None:
    dynamodb = aws("dynamodb")
    made = dynamodb.create_table(TableName="table", SSESpecification={"Enabled": True}, **SIMPLE)["TableDescription"]
    managed = aws("kms").describe_key(KeyId="alias/aws/dynamodb")["KeyMetadata"]["Arn"]
    assert made["SSEDescription"] == {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": managed}


def test_a_key_that_is_not_there_makes_no_table(aws: Any) -> None:
    dynamodb = aws("dynamodb")
    wanted = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": "alias/none"}
    with pytest.raises(ClientError, match=r"ValidationException.*KMS validation error"):
        dynamodb.create_table(TableName="table", SSESpecification=wanted, **SIMPLE)
    assert dynamodb.list_tables()["TableNames"] == []


def encrypted(aws: Any, key: str, **options: Any) -> Any:
    """A client, with a table under the key that has one item."""
    dynamodb, sse = aws("dynamodb"), {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    dynamodb.create_table(TableName="table", SSESpecification=sse, **SIMPLE, **options)
    dynamodb.put_item(TableName="table", Item=ITEM)
    return dynamodb


def new_key(aws: Any) -> str:
    arn: str = aws("kms").create_key()["KeyMetadata"]["Arn"]
    return arn


def test_a_table_that_goes_to_another_key_needs_the_first_one_no_more(aws: Any, clock: MovableClock) -> None:
    # given
    first, second = new_key(aws), new_key(aws)
    dynamodb = encrypted(aws, first)
    # when
    dynamodb.update_table(TableName="table", SSESpecification={"Enabled": True, "KMSMasterKeyId": second})
    aws("kms").disable_key(KeyId=first)
    clock.advance(s=301)
    # then
    assert dynamodb.get_item(TableName="table", Key=ITEM)["Item"] == ITEM
    aws("kms").disable_key(KeyId=second)
    clock.advance(s=301)
    with pytest.raises(ClientError, match="KMS key access denied"):
        dynamodb.get_item(TableName="table", Key=ITEM)
    with pytest.raises(ClientError, match="KMS key access denied"):
        dynamodb.update_table(TableName="table", SSESpecification={"Enabled": True, "KMSMasterKeyId": first})
    described = dynamodb.describe_table(TableName="table")["Table"]
    assert (described["TableStatus"], described["ItemCount"]) == ("INACCESSIBLE_ENCRYPTION_CREDENTIALS", 1)


def test_a_table_that_goes_back_to_dynamodbs_own_key_outlives_its_key(aws: Any, clock: MovableClock) -> None:
    key = new_key(aws)
    dynamodb = encrypted(aws, key)
    dynamodb.update_table(TableName="table", SSESpecification={"Enabled": False})
    aws("kms").disable_key(KeyId=key)
    clock.advance(s=301)
    assert dynamodb.get_item(TableName="table", Key=ITEM)["Item"] == ITEM
    assert "SSEDescription" not in dynamodb.describe_table(TableName="table")["Table"]


def test_a_tables_stream_is_shut_with_its_key(aws: Any, clock: MovableClock) -> None:
    # given
    key = new_key(aws)
    dynamodb = encrypted(aws, key, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    stream = dynamodb.describe_table(TableName="table")["Table"]["LatestStreamArn"]
    dynamodb.delete_table(TableName="table")
    streams = aws("dynamodbstreams")
    (shard,) = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    from_start = {"StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = streams.get_shard_iterator(**from_start)["ShardIterator"]
    (record,) = streams.get_records(ShardIterator=iterator)["Records"]
    assert record["dynamodb"]["NewImage"] == ITEM
    # when
    aws("kms").disable_key(KeyId=key)
    clock.advance(s=301)
    # then
    assert streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    with pytest.raises(ClientError, match="KMS key access denied"):
        streams.get_records(ShardIterator=iterator)


def test_a_table_comes_under_a_key_whatever_a_former_one_of_its_name_was_under(aws: Any, clock: MovableClock) -> None:
    # given
    first, second = new_key(aws), new_key(aws)
    streamed = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    dynamodb = encrypted(aws, first, StreamSpecification=streamed)
    dynamodb.delete_table(TableName="table")
    aws("kms").disable_key(KeyId=first)
    clock.advance(s=301)
    dynamodb.create_table(TableName="table", **SIMPLE)
    dynamodb.put_item(TableName="table", Item=ITEM)
    # when
    dynamodb.update_table(TableName="table", SSESpecification={"Enabled": True, "KMSMasterKeyId": second})
    # then
    assert dynamodb.get_item(TableName="table", Key=ITEM)["Item"] == ITEM


def test_a_backup_is_restored_with_the_key_that_it_was_made_under(aws: Any) -> None:
    # given
    first, second = new_key(aws), new_key(aws)
    dynamodb = encrypted(aws, first)
    backup = dynamodb.create_backup(TableName="table", BackupName="backup")["BackupDetails"]["BackupArn"]
    eventually(
        lambda: (
            dynamodb.describe_backup(BackupArn=backup)["BackupDescription"]["BackupDetails"]["BackupStatus"]
            == "AVAILABLE"
        )
    )
    dynamodb.update_table(TableName="table", SSESpecification={"Enabled": True, "KMSMasterKeyId": second})
    sse = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": second}
    # when
    aws("kms").disable_key(KeyId=first)
    with pytest.raises(ClientError, match="KMS key access denied"):
        dynamodb.restore_table_from_backup(TargetTableName="copy", BackupArn=backup, SSESpecificationOverride=sse)
    aws("kms").enable_key(KeyId=first)
    dynamodb.restore_table_from_backup(TargetTableName="copy", BackupArn=backup, SSESpecificationOverride=sse)
    # then
    eventually(lambda: dynamodb.describe_table(TableName="copy")["Table"]["TableStatus"] == "ACTIVE")
    assert dynamodb.get_item(TableName="copy", Key=ITEM)["Item"] == ITEM
    described = dynamodb.describe_table(TableName="copy")["Table"]["SSEDescription"]
    assert described["KMSMasterKeyArn"] == second


def test_a_replica_is_under_a_key_of_its_own_region(aws: Any) -> None:
    # given
    dynamodb = encrypted(aws, new_key(aws))
    dynamodb.update_table(TableName="table", ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}])
    away = aws("dynamodb", region="eu-west-1")
    # then
    managed = aws("kms", region="eu-west-1").describe_key(KeyId="alias/aws/dynamodb")["KeyMetadata"]["Arn"]
    assert away.describe_table(TableName="table")["Table"]["SSEDescription"]["KMSMasterKeyArn"] == managed
    eventually(lambda: away.get_item(TableName="table", Key=ITEM).get("Item") == ITEM)
    away.put_item(TableName="table", Item={"id": {"S": "2"}})
    away.delete_item(TableName="table", Key=ITEM)
    eventually(lambda: dynamodb.scan(TableName="table")["Items"] == [{"id": {"S": "2"}}])


def test_what_a_table_holds_is_sealed_when_it_comes_under_a_key(tmp_path: Path) -> None:
    # given: more than one slice of items, with their changes
    many, view = 700, {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    index = {"KeySchema": SIMPLE["KeySchema"], "Projection": {"ProjectionType": "ALL"}, "IndexName": "same"}
    recovered = {"PointInTimeRecoveryEnabled": True}

    async def check() -> None:
        cloud = Cloud(tmp_path, services=SERVICES, sync="process", clock=Clock(virtual=True))
        dynamodb, ctx = cloud.dynamodb, cloud.context(account="1" * 12, region="us-east-1")
        tables = dynamodb._tables

        def describe() -> dict[str, Any]:
            found: dict[str, Any] = dynamodb.describe_table(ctx, TableName="table")["Table"]
            return found

        await ctx.call(
            dynamodb.create_table, TableName="table", StreamSpecification=view, GlobalSecondaryIndexes=[index], **SIMPLE
        )
        await ctx.call(
            dynamodb.update_continuous_backups, TableName="table", PointInTimeRecoverySpecification=recovered
        )
        for number in range(many):
            await ctx.call(
                dynamodb.put_item, TableName="table", Item={"id": {"S": f"{number}"}, "v": {"S": "open text"}}
            )
        stored = {
            table: [key for key, _ in table.scan()]
            for table in (tables.items, tables.index_items, tables.journal, tables.stream_records)
        }
        assert all(len(keys) == many for keys in stored.values())
        # when
        await ctx.call(dynamodb.update_table, TableName="table", SSESpecification={"Enabled": True})
        assert describe()["SSEDescription"]["Status"] == "UPDATING"
        cloud.outbox.start()
        while describe()["SSEDescription"]["Status"] != "ENABLED":
            await asyncio.sleep(0)
        # then
        for table, keys in stored.items():
            assert not [key for key in keys if b"open text" in (table.get_raw(key) or b"open text")], table.name
        for number in (0, many - 1):
            item = {"id": {"S": f"{number}"}, "v": {"S": "open text"}}
            assert dynamodb.get_item(ctx, TableName="table", Key={"id": item["id"]})["Item"] == item
        await cloud.stop()

    asyncio.run(check())


def test_a_table_is_sealed_when_its_key_is_back_after_days(tmp_path: Path) -> None:
    # given: more items than one slice has
    async def check() -> None:
        clock = Clock(virtual=True)
        cloud = Cloud(tmp_path, services=SERVICES, sync="process", clock=clock)
        dynamodb, kms, ctx = cloud.dynamodb, cloud.kms, cloud.context(account="1" * 12, region="us-east-1")
        key = (await ctx.call(kms.create_key))["KeyMetadata"]["KeyId"]
        await ctx.call(dynamodb.create_table, TableName="table", **SIMPLE)
        for number in range(501):
            await ctx.call(dynamodb.put_item, TableName="table", Item={"id": {"S": f"{number}"}})

        def encrypt_and_disable() -> None:
            sse = {"Enabled": True, "KMSMasterKeyId": key}
            dynamodb.update_table(ctx, TableName="table", SSESpecification=sse)
            kms.disable_key(ctx, KeyId=key)
            clock.advance(301_000)

        def failures() -> int | None:
            """Of what is left to be sealed; None: there is nothing."""
            return next(
                (row.failures for (kind, *_), row in cloud.outbox._rows.scan() if kind == "dynamodb.seal"), None
            )

        # when
        await ctx.run(encrypt_and_disable)
        for tries in (1, 2):
            while failures() == tries - 1:
                await asyncio.sleep(0)
            assert failures() == tries
            clock.advance(2 * 86_400_000)
        await ctx.refreshed().call(kms.enable_key, KeyId=key)
        while failures() is not None:
            clock.advance(60_000)
            await asyncio.sleep(0)
        # then
        table = dynamodb.describe_table(ctx.refreshed(), TableName="table")["Table"]
        assert table["SSEDescription"]["Status"] == "ENABLED"
        await cloud.stop()

    asyncio.run(check())
