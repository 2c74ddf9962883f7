"""Data folders that older versions wrote."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.core.store import Store
from fogbank.services import SERVICES
from fogbank.services.dynamodb import DynamoDBService
from fogbank.services.dynamodb.errors import KmsAccessDenied
from fogbank.services.dynamodb.records import Counter, DynamoDBTables, StoredItem, TableRecord
from fogbank.services.dynamodb.time_to_live import CHANGE_MS


def test_items_that_were_stored_without_a_size_are_given_one(tmp_path: Path) -> None:
    store = Store(tmp_path, sync="process")
    old = store.table("dynamodb.items", key=(int, bytes, bytes), value=dict[str, Any])
    with store.transaction():
        old.put((1, b"a", b""), {"pk": {"S": "a"}, "n": {"N": "12"}})
    tables = DynamoDBTables(store)
    with store.transaction():
        tables.size_items(store)
    assert [*tables.items.scan()] == [((1, b"a", b""), StoredItem(6, {"pk": {"S": "a"}, "n": {"N": "12"}}))]
    assert not [*old.scan()]
    store.close()


def test_times_of_expiry_that_lie_under_the_tables_own_id_still_count_until_another_attribute_is_chosen(
    tmp_path: Path,
) -> None:
    def expiry(attribute: str, *, enabled: bool) -> dict[str, Any]:
        specification = {"Enabled": enabled, "AttributeName": attribute}
        return {"TableName": "old", "TimeToLiveSpecification": specification}

    async def run() -> None:
        cloud = Cloud(tmp_path, services={}, sync="process", clock=Clock(virtual=True))
        dynamodb = DynamoDBService(cloud)
        tables, ctx = dynamodb._tables, cloud.context(account="1" * 12, region="us-east-1")
        old = TableRecord(7, "u", "old", ctx.account, ctx.region, 0, ["pk"], {"pk": "S"}, True, 0, 0)
        old.ttl_attribute = "until"
        with cloud.store.transaction():
            tables.tables.put((ctx.account, ctx.region, "old"), old)
            for name, until in (("over", "1"), ("kept", "99999999999")):
                tables.items.put((7, name.encode(), b""), StoredItem.of({"pk": {"S": name}, "until": {"N": until}}))
                tables.expiring.put((7, int(until), name.encode(), b""), Counter(0))

        await dynamodb._expire_items()
        assert [key[1] for key, _ in tables.items.scan((7,))] == [b"kept"]
        await ctx.call(dynamodb.update_time_to_live, **expiry("until", enabled=False))
        assert tables.expiring.count() == 0
        cloud.clock.advance(CHANGE_MS)
        await ctx.refreshed().call(dynamodb.update_time_to_live, **expiry("until", enabled=True))
        assert [key[1] for key, _ in tables.expiring.scan()] == [99999999999]
        await cloud.tasks.stop()
        cloud.store.close()

    asyncio.run(run())


def test_items_that_lay_open_under_a_key_of_kms_are_sealed_when_the_server_starts(tmp_path: Path) -> None:
    async def run() -> None:
        # given
        cloud = Cloud(tmp_path, services=SERVICES, sync="process", clock=Clock(virtual=True))
        dynamodb, ctx = cloud.dynamodb, cloud.context(account="1" * 12, region="us-east-1")
        tables, item = dynamodb._tables, {"pk": {"S": "a"}, "v": {"S": "open text"}}
        key = (await ctx.call(cloud.kms.create_key))["KeyMetadata"]["Arn"]
        old = TableRecord(7, "u", "old", ctx.account, ctx.region, 0, ["pk"], {"pk": "S"}, True, 0, 0)
        old.sse = {"Enabled": True, "SSEType": "KMS", "KeyArn": key}
        with cloud.store.transaction():
            tables.tables.put((ctx.account, ctx.region, "old"), old)
            tables.items.put((7, b"a", b""), StoredItem.of(item))
        # when
        await ctx.call(cloud.kms.disable_key, KeyId=key)
        await dynamodb._seal_older()
        with pytest.raises(KmsAccessDenied):
            dynamodb.get_item(ctx, TableName="old", Key={"pk": item["pk"]})
        await ctx.call(cloud.kms.enable_key, KeyId=key)
        await dynamodb._seal_older()
        # then
        assert b"open text" not in (tables.items.get_raw((7, b"a", b"")) or b"open text")
        assert dynamodb.get_item(ctx, TableName="old", Key={"pk": item["pk"]})["Item"] == item
        await cloud.stop()

    asyncio.run(run())
