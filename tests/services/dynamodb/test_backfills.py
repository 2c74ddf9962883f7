"""An index or an expiry that a large table is given later: filled a slice a turn while the table is written to."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.core.errors import AwsError
from fogbank.services.dynamodb import DynamoDBService
from fogbank.services.dynamodb.time_to_live import CHANGE_MS
from tests.services.dynamodb.conftest import key_schema

MANY = 3000
INDEX = {"IndexName": "by-v", "KeySchema": key_schema("v"), "Projection": {"ProjectionType": "ALL"}}
CREATE = {
    "AttributeDefinitions": [{"AttributeName": n, "AttributeType": "S"} for n in ("id", "v")],
    "GlobalSecondaryIndexUpdates": [{"Create": INDEX}],
}
EXPIRY = {"TimeToLiveSpecification": {"Enabled": True, "AttributeName": "until"}}


class Table:
    """One table, in process; `reopen` is what follows a crash."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open()

    def _open(self) -> None:
        self.cloud = Cloud(self._folder, services={}, sync="process", clock=Clock(virtual=True))
        self.dynamodb = DynamoDBService(self.cloud)

    async def call(self, operation: str, **parameters: Any) -> Any:
        ctx = self.cloud.context(account="000000000000", region="us-east-1")
        return await ctx.call(getattr(self.dynamodb, operation), TableName="large", **parameters)

    async def create(self) -> None:
        definitions = [{"AttributeName": "id", "AttributeType": "S"}]
        await self.call(
            "create_table",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=definitions,
            KeySchema=key_schema("id"),
        )
        self.write(item(n) for n in range(MANY))

    def write(self, puts: Iterable[dict[str, Any]], deletions: Iterable[int] = ()) -> None:
        """All in one turn."""
        ctx = self.cloud.context(account="000000000000", region="us-east-1")
        with self.cloud.store.transaction():
            for each in puts:
                self.dynamodb.put_item(ctx, TableName="large", Item=each)
            for n in deletions:
                self.dynamodb.delete_item(ctx, TableName="large", Key={"id": item(n)["id"]})

    async def index(self) -> dict[str, Any]:
        (found,) = (await self.call("describe_table"))["Table"]["GlobalSecondaryIndexes"]
        return dict(found)

    async def indexed(self, value: str) -> set[str]:
        page = await self.call(
            "query",
            IndexName="by-v",
            KeyConditionExpression="v = :v",
            ExpressionAttributeValues={":v": {"S": value}},
        )
        return {found["id"]["S"] for found in page["Items"]}

    async def settle(self) -> None:
        while self.cloud.outbox.pending():
            await asyncio.sleep(0)

    async def reopen(self) -> None:
        await self.cloud.tasks.stop()
        self.cloud.store.close()
        self._open()
        self.cloud.outbox.start()

    async def close(self) -> None:
        await self.cloud.tasks.stop()
        self.cloud.store.close()


def item(n: int) -> dict[str, Any]:
    return {"id": {"S": f"{n:05}"}, "v": {"S": "old"}, "until": {"N": "1000000000000"}}


def with_table(folder: Path, test: Callable[[Table], Awaitable[None]]) -> None:
    async def run() -> None:
        table = Table(folder)
        await table.create()
        try:
            await test(table)
        finally:
            await table.close()

    asyncio.run(run())


def test_an_index_of_a_large_table_cannot_be_read_until_it_holds_what_the_table_holds(tmp_path: Path) -> None:
    async def given_writes_meanwhile(table: Table) -> None:
        await table.call("put_item", Item=item(MANY + 1) | {"v": {"L": []}})  # No key of the index: left out.

        await table.call("update_table", **CREATE)
        creating = await table.index()
        with pytest.raises(AwsError, match="Cannot read from backfilling global secondary index: by-v"):
            await table.indexed("old")
        with pytest.raises(AwsError, match="Only 1 online index"):
            await table.call("update_table", **CREATE)
        new = [item(n) | {"v": {"S": "new"}} for n in (0, MANY - 1)]
        table.write([*new, item(MANY)], deletions=(1, MANY - 2, MANY + 1))
        assert (await table.index())["IndexStatus"] == "CREATING", "the table was written to meanwhile"
        await table.settle()

        assert (creating["IndexStatus"], creating["Backfilling"]) == ("CREATING", True)
        active = await table.index()
        assert active["IndexStatus"] == "ACTIVE"
        assert "Backfilling" not in active
        assert await table.indexed("new") == {"00000", f"{MANY - 1:05}"}
        expected = {f"{n:05}" for n in range(MANY + 1)} - {"00000", "00001", f"{MANY - 2:05}", f"{MANY - 1:05}"}
        assert await table.indexed("old") == expected

    with_table(tmp_path, given_writes_meanwhile)


def test_filling_an_index_goes_on_after_a_crash(tmp_path: Path) -> None:
    async def given_a_crash(table: Table) -> None:
        await table.call("update_table", **CREATE)
        await table.reopen()
        assert (await table.index())["IndexStatus"] == "CREATING"
        await table.settle()
        assert (await table.index())["IndexStatus"] == "ACTIVE"
        assert len(await table.indexed("old")) == MANY

    with_table(tmp_path, given_a_crash)


def test_an_index_that_is_deleted_before_it_is_full_leaves_nothing(tmp_path: Path) -> None:
    async def given_a_deletion(table: Table) -> None:
        await table.call("update_table", **CREATE)
        await table.call("update_table", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-v"}}])
        await table.settle()
        while table.cloud.garbage._working:
            await asyncio.sleep(0)
        assert "GlobalSecondaryIndexes" not in (await table.call("describe_table"))["Table"]
        assert table.dynamodb._tables.index_items.first() is None

    with_table(tmp_path, given_a_deletion)


def test_a_large_table_is_given_an_expiry_a_slice_a_turn_and_another_one_later(tmp_path: Path) -> None:
    async def given_two_expiries(table: Table) -> None:
        async def status() -> str:
            answer = await table.call("describe_time_to_live")
            return str(answer["TimeToLiveDescription"]["TimeToLiveStatus"])

        off = {"TimeToLiveSpecification": EXPIRY["TimeToLiveSpecification"] | {"Enabled": False}}
        await table.call("update_time_to_live", **EXPIRY)
        enabling = await status()
        for change in (off, EXPIRY):
            table.cloud.clock.advance(CHANGE_MS)
            await table.call("update_time_to_live", **change)
        await table.call("put_item", Item=item(0) | {"until": {"N": "1"}})
        await table.reopen()
        await table.settle()
        while table.cloud.garbage._working:
            await asyncio.sleep(0)

        assert enabling == "ENABLING"
        assert await status() == "ENABLED"
        assert table.dynamodb._tables.expiring.count() == MANY, "each item once"
        await table.dynamodb._expire_items()
        assert table.dynamodb._tables.expiring.count() == MANY - 1
        assert "Item" not in await table.call("get_item", Key={"id": {"S": "00000"}})

    with_table(tmp_path, given_two_expiries)
