"""Data folders that older versions wrote."""

from pathlib import Path
from typing import Any

from fogbank.core.store import Store
from fogbank.services.dynamodb.records import DynamoDBTables, StoredItem


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
