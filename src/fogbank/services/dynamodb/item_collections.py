"""Item collections: the items of a table with local indexes that share a partition key.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LSI.html#LSI.ItemCollections
"""

from collections.abc import Iterable
from typing import Any

from fogbank.services.dynamodb.items import Items
from fogbank.services.dynamodb.records import DynamoDBTables, TableRecord
from fogbank.services.dynamodb.values import Item, key_bytes
from fogbank.services.dynamodb.writes import Write

_GB = 1 << 30


def metrics_of(
    tables: DynamoDBTables, items: Items, table: TableRecord, item: Item, wanted: str
) -> dict[str, Any] | None:
    """ItemCollectionMetrics of the item's collection; None for a table that has no local index.

    All of the collection is read for it, as nobody else needs to know its size.
    """
    local = [index for index in table.indexes if index.local]
    if wanted == "NONE" or not local:
        return None
    name = table.keys[0]
    partition = items.partition_of(table, key_bytes(item[name]))
    size = sum(stored.size for _, stored in tables.item_sizes.scan((table.id, partition)))
    for index in local:
        size += sum(stored.size for _, stored in tables.index_item_sizes.scan((index.id, partition)))
    return {"ItemCollectionKey": {name: item[name]}, "SizeEstimateRangeGB": [size // _GB, size // _GB + 1]}


def collection_metrics(tables: DynamoDBTables, items: Items, writes: Iterable[Write], wanted: str) -> dict[str, Any]:
    """The ItemCollectionMetrics member of an operation on many items: each collection once, by table."""
    found: dict[str, list[dict[str, Any]]] = {}
    for write in writes:
        metrics = metrics_of(tables, items, write.table, write.named(), wanted)
        if metrics is not None and metrics not in found.setdefault(write.table.name, []):
            found[write.table.name].append(metrics)
    return {"ItemCollectionMetrics": found} if found else {}
