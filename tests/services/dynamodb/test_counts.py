"""ItemCount and TableSizeBytes."""

import asyncio
from pathlib import Path

from fogbank.core.store import Store
from fogbank.core.tasks import Tasks
from fogbank.services.dynamodb.counts import AGAIN_MS, AT_ONCE, PER_TURN, ItemCounts
from fogbank.services.dynamodb.records import DynamoDBTables, Index, StoredItem, TableRecord

MANY = AT_ONCE + PER_TURN + 1


def _table() -> TableRecord:
    index = Index(2, "by-n", ["n"], "ALL", [], local=False)
    return TableRecord(1, "u", "counted", "1" * 12, "us-east-1", 0, ["pk"], {"pk": "S"}, True, 0, 0, indexes=[index])


def test_a_small_table_is_counted_exactly_and_a_large_one_soon(tmp_path: Path) -> None:
    async def count() -> None:
        store, tasks = Store(tmp_path, sync="process"), Tasks()
        tables, table = DynamoDBTables(store), _table()
        counts = ItemCounts(tables, tasks)
        with store.transaction():
            for number in range(3):
                tables.items.put((1, b"%d" % number, b""), StoredItem(10, {}))
        tables_index_key = (2, b"n", b"", b"0", b"")
        with store.transaction():
            tables.index_items.put(tables_index_key, StoredItem(7, {}))
        assert counts.of(table, 0) == {1: (3, 30), 2: (1, 7)}
        with store.transaction():
            for number in range(MANY):
                tables.items.put((1, b"%d" % number, b""), StoredItem(10, {}))
        assert counts.of(table, 0)[1][0] > AT_ONCE
        while counts._counting:
            await asyncio.sleep(0)
        assert counts.of(table, 0) == {1: (MANY, 10 * MANY), 2: (1, 7)}
        with store.transaction():
            tables.items.delete((1, b"0", b""))
        assert counts.of(table, AGAIN_MS - 1)[1][0] == MANY, "what was counted lately is not counted again"
        counts.of(table, AGAIN_MS)
        counts.forget(table.id)
        while tasks._tasks:
            await asyncio.sleep(0)
        assert counts._known == {}, "what is gone is forgotten, also while it is counted"
        await tasks.stop()
        store.close()

    asyncio.run(count())
