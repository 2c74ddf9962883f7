"""Items in their table: reading and writing them with their indexes, stream records and expiry, in one transaction."""

from collections.abc import Callable, Iterable
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.metrics import Meters
from fogbank.services.dynamodb.capacity import Bucket, Consumed, Throttle, read_units, write_units
from fogbank.services.dynamodb.encryption import TableEncryption
from fogbank.services.dynamodb.errors import (
    THROUGHPUT_EXCEEDED_INDEX,
    OnDemandMaximumExceeded,
    ThroughputExceeded,
    Validation,
)
from fogbank.services.dynamodb.records import Counter, DynamoDBTables, Index, StoredItem, StreamRecord, TableRecord
from fogbank.services.dynamodb.values import Item, Value, check, item_size, key_bytes, part_bytes

ITEM_BYTES_MAX = 400 * 1024
PARTITION_KEY_BYTES_MAX = 2048
SORT_KEY_BYTES_MAX = 1024
KEY_MISMATCH = "The provided key element does not match the schema"

Key = tuple[int, bytes, bytes]
IndexKey = tuple[int, bytes, bytes, bytes, bytes]
# Capacity units by what they are drawn from: the table itself (None) or one of its indexes.
Costs = list[tuple[Index | None, float]]


OnWrite = Callable[[Context, TableRecord, Key, StoredItem | None, StoredItem | None], None]
"""Gets the item before and after."""
OnStreamedWrite = Callable[[Context, TableRecord, StoredItem | None, StoredItem | None, bool], None]
"""Gets the item before and after, and whether it expired."""


class Items:
    """The items of all tables."""

    def __init__(self, cloud: Cloud, tables: DynamoDBTables, encryption: TableEncryption) -> None:
        self._cloud = cloud
        self._tables = tables
        self._encryption = encryption
        self._throttle = Throttle()
        self._meters = Meters(cloud.metrics, "AWS/DynamoDB")
        self.on_global_write: OnWrite = lambda *_: None
        """Called for each write to a table that has replicas, except for what came from one of them."""
        self.on_change: Callable[[Context, TableRecord, Key, StoredItem | None], None] = lambda *_: None
        self.on_streamed_write: OnStreamedWrite = lambda *_: None
        """Called, with the item as it was, for each write to a table that is backed up or can be restored in time."""

    def forget(self, owners: Iterable[int]) -> None:
        """The tables or indexes of these ids are gone."""
        for owner in owners:
            self._throttle.forget(owner)

    # ---- keys ---------------------------------------------------------------------------------------------------

    def key_of(self, table: TableRecord, key: Item) -> Key:
        """The key of a Key parameter: exactly the table's key attributes."""
        if len(key) != len(table.keys) or any(name not in key for name in table.keys):
            for value in key.values():
                check(value)
            raise Validation(KEY_MISMATCH)
        for name in table.keys:
            check(key[name])
            if table.types[name] not in key[name]:
                raise Validation(KEY_MISMATCH)
        return self.place_of(table, key)

    def key_of_item(self, table: TableRecord, item: Item) -> Key:
        """The key of an item that is written; its index keys are checked too."""
        for name in table.keys:
            if name not in item:
                raise Validation(f"One or more parameter values were invalid: Missing the key {name} in the item")
            if table.types[name] not in item[name]:
                raise Validation(
                    f"One or more parameter values were invalid: Type mismatch for key {name} expected: "
                    f"{table.types[name]} actual: {next(iter(item[name]))}"
                )
        if table.indexes:
            self.check_index_keys(table, item)
        return self.place_of(table, item)

    def check_index_keys(self, table: TableRecord, item: Item) -> None:
        for index in table.indexes:
            for name in index.keys:
                value = item.get(name)
                if value is None or name in table.keys:
                    continue
                if table.types[name] not in value:
                    raise Validation(
                        f"One or more parameter values were invalid: Type mismatch for Index Key {name} Expected: "
                        f"{table.types[name]} Actual: {next(iter(value))} IndexName: {index.name}"
                    )
                if value[table.types[name]] == "":
                    raise Validation(
                        "One or more parameter values are not valid. A value specified for a secondary index key is "
                        "not supported. The AttributeValue for a key attribute cannot contain an empty "
                        f"{'string' if 'S' in value else 'binary'} value. IndexName: {index.name}, IndexKey: {name}"
                    )

    def place_of(self, table: TableRecord, item: Item) -> Key:
        """The key of an item, or of one's key, whose key attributes are known to be of their types."""
        parts = []
        for position, name in enumerate(table.keys):
            value = item[name]
            encoded = key_bytes(value)
            if not encoded:
                raise Validation(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain "
                    f"an empty {'string' if 'S' in value else 'binary'} value. Key: {name}"
                )
            limit = SORT_KEY_BYTES_MAX if position else PARTITION_KEY_BYTES_MAX
            if len(encoded) > limit:
                raise Validation(
                    "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the "
                    f"size limit of {limit} bytes"
                    if position
                    else "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size "
                    f"limit of{limit} bytes"
                )
            parts.append(encoded)
        if table.hides_partitions:
            parts[0] = self._encryption.digest(table, parts[0])
        return (table.id, parts[0], parts[1] if len(parts) == 2 else b"")

    def partition_of(self, table: TableRecord, partition: bytes) -> bytes:
        """What a partition key of the table or of one of its indexes lies under."""
        return self._encryption.digest(table, partition) if table.hides_partitions else partition

    # ---- reading and writing ------------------------------------------------------------------------------------

    def get(self, key: Key) -> StoredItem | None:
        return self._tables.items.get(key)

    def put(
        self,
        ctx: Context,
        table: TableRecord,
        key: Key,
        old: StoredItem | None,
        new: StoredItem | None,
        *,
        by_ttl: bool = False,
        replicated: bool = False,
    ) -> None:
        """Replace the old item (None: there was none) by the new one (None: delete), everywhere it is kept."""
        if new is None:
            if old is None:
                return
            self._tables.items.delete(key)
        else:
            self._tables.items.put(key, self._encryption.sealed(table.data_key, new) if table.data_key else new)
        if table.indexes:
            for index in table.indexes:
                self._reindex(index, table, key, old, new)
        if table.ttl_attribute:
            self.note_expiry(table, key, old, new)
        if table.point_in_time_recovery or table.copies_running:
            self.on_change(ctx, table, key, old)
        if table.replicas and not replicated:
            self.on_global_write(ctx, table, key, old, new)
        if table.destinations and old != new:
            self.on_streamed_write(ctx, table, old, new, by_ttl)
        if table.stream is not None and old != new:
            self._record(ctx, table, item_of(old), item_of(new), by_ttl=by_ttl)

    def _reindex(
        self, index: Index, table: TableRecord, key: Key, old: StoredItem | None, new: StoredItem | None
    ) -> None:
        before = None if old is None else self.index_place_of(index, table, key, old.item)
        after = None if new is None else self.index_place_of(index, table, key, new.item)
        if before is not None and before != after:
            self._tables.index_items.delete(before)
        if after is not None:
            assert new is not None
            entry = projected(index, table, new)
            if table.data_key:
                entry = self._encryption.sealed(table.data_key, entry)
            self._tables.index_items.put(after, entry)

    def index_place_of(self, index: Index, table: TableRecord, key: Key, item: Item) -> IndexKey | None:
        """Where the item lies in the index; None if it lacks one of the index's keys (sparse)."""
        if not has_keys(index, item):
            return None
        values = [item[name] for name in index.keys]
        partition = self.partition_of(table, part_bytes(values[: index.partition_parts]))
        return (index.id, partition, part_bytes(values[index.partition_parts :]), key[1], key[2])

    def add_to_index(self, index: Index, table: TableRecord, key: Key, stored: StoredItem) -> None:
        """Add an item that is older than the index; one that does not fit its key is left out, as AWS does."""
        if all(stored.item.get(name, {}).get(table.types[name]) for name in index.keys):
            self._reindex(index, table, key, None, stored)

    def note_expiry(self, table: TableRecord, key: Key, old: StoredItem | None, new: StoredItem | None) -> None:
        before, after = _expiry(table, item_of(old)), _expiry(table, item_of(new))
        if before == after:
            return
        if before is not None:
            self._tables.expiring.delete((expiry_id(table), before, key[1], key[2]))
        if after is not None:
            self._tables.expiring.put((expiry_id(table), after, key[1], key[2]), Counter(0))

    def _record(self, ctx: Context, table: TableRecord, old: Item | None, new: Item | None, *, by_ttl: bool) -> None:
        stream = table.stream
        assert stream is not None
        item = new if new is not None else old
        assert item is not None
        view = stream.view_type
        keys = {name: item[name] for name in table.keys}
        seen_new = new if view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES") else None
        seen_old = old if view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES") else None
        event = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        size = item_size(keys) + item_size(seen_new or {}) + item_size(seen_old or {})
        record = StreamRecord(event, keys, seen_new, seen_old, ctx.now_ms, size, by_ttl)
        if table.data_key:
            record = self._encryption.sealed_record(table.data_key, record)
        self._tables.stream_records.put((stream.id, self._cloud.sequence.next()), record)

    # ---- capacity -----------------------------------------------------------------------------------------------

    def charge(
        self,
        ctx: Context,
        table: TableRecord,
        costs: Costs,
        *,
        write: bool,
        consumed: Consumed,
        operation: str | None,
    ) -> None:
        """Draw the costs; ThroughputExceeded, and nothing drawn, if one of what they are drawn from is used up.

        `operation` names the request for the metric of throttled requests; None: the caller counts those itself.
        """
        if (not table.on_demand or table.has_maximum) and (spent := self.spent(ctx, table, costs, write=write)):
            if operation is not None:
                self.count_throttled(table, operation)
            raise throughput_refusal(table, spent, write=write)
        self.draw(ctx, table, costs, write=write, consumed=consumed)

    def spent(self, ctx: Context, table: TableRecord, costs: Costs, *, write: bool) -> list[Index | None]:
        """What has no throughput left, the table (None) and its global indexes: a throttle event each."""
        if table.on_demand and not table.has_maximum:
            return []
        spent = [
            index
            for index, _ in costs
            if (index is None or not index.local)
            and (bucket := self._bucket(ctx, table, index, write=write)) is not None
            and bucket.tokens <= 0
        ]
        for index in spent:
            self._count(table, index, "WriteThrottleEvents" if write else "ReadThrottleEvents", 1)
        return spent

    def draw(self, ctx: Context, table: TableRecord, costs: Costs, *, write: bool, consumed: Consumed) -> None:
        name = "ConsumedWriteCapacityUnits" if write else "ConsumedReadCapacityUnits"
        for index, units in costs:
            consumed.add(table, units, write=write, index=index.name if index else None)
            self._count(table, index, name, units)
            if (not table.on_demand or table.has_maximum) and (
                bucket := self._bucket(ctx, table, index, write=write)
            ) is not None:
                bucket.tokens -= units

    def count_throttled(self, table: TableRecord, operation: str) -> None:
        self._cloud.metrics.add(
            table.account,
            table.region,
            "AWS/DynamoDB",
            "ThrottledRequests",
            {"TableName": table.name, "Operation": operation},
            1,
            "Count",
        )

    def _bucket(self, ctx: Context, table: TableRecord, index: Index | None, *, write: bool) -> Bucket | None:
        """A global index has its own throughput; a local one shares the table's. None: there is no limit."""
        owner: TableRecord | Index = table if index is None or index.local else index
        if not table.on_demand:
            rate = owner.write_units if write else owner.read_units
        elif not (rate := owner.max_write_units if write else owner.max_read_units):
            return None
        return self._throttle.bucket(owner.id, rate, write=write, of_index=owner is index, now_ms=ctx.now_ms)

    def _count(self, table: TableRecord, index: Index | None, name: str, value: float) -> None:
        """Count for the table; a global index has a dimension of its own, a local one counts as the table."""
        owner = table.id if index is None or index.local else index.id
        meter = self._meters.find(owner, name)
        if meter is None:
            dimensions = {"TableName": table.name}
            if index is not None and not index.local:
                dimensions["GlobalSecondaryIndexName"] = index.name
            meter = self._meters.make(owner, table.account, table.region, name, dimensions, "Count")
        meter.add(value)


def throughput_refusal(table: TableRecord, spent: list[Index | None], *, write: bool) -> ThroughputExceeded:
    """The error of a request that found those without throughput."""
    limit = "MaxOnDemandThroughputExceeded" if table.on_demand else "ProvisionedThroughputExceeded"
    kind = f"{'Write' if write else 'Read'}{limit}"
    reasons = [
        {"reason": f"Table{kind}", "resource": table.arn}
        if index is None
        else {"reason": f"Index{kind}", "resource": f"{table.arn}/index/{index.name}"}
        for index in spent
    ]
    if table.on_demand:
        return OnDemandMaximumExceeded(members={"throttlingReasons": reasons})
    sentence = None if spent[0] is None else THROUGHPUT_EXCEEDED_INDEX
    return ThroughputExceeded(sentence, members={"ThrottlingReasons": reasons})


def read_costs(size: int, *, consistent: bool, index: Index | None = None, factor: int = 1) -> Costs:
    return [(index, read_units(size, consistent=consistent) * factor)]


def write_costs(table: TableRecord, old: StoredItem | None, new: StoredItem | None, *, factor: int = 1) -> Costs:
    """What a change of an item costs its table, and each index that it changes."""
    size = max(old.size if old else 0, new.size if new else 0)
    costs: Costs = [(None, write_units(size) * factor)]
    for index in table.indexes:
        before = projected(index, table, old) if old and has_keys(index, old.item) else None
        after = projected(index, table, new) if new and has_keys(index, new.item) else None
        if before == after:
            continue
        if before and after and any(before.item[name] != after.item[name] for name in index.keys):
            # The entry moves: one write removes it, another puts it.
            units = write_units(before.size) + write_units(after.size)
        else:
            units = write_units(max(before.size if before else 0, after.size if after else 0))
        costs.append((index, units * factor))
    return costs


def check_size(stored: StoredItem, *, update: bool = False) -> None:
    if stored.size > ITEM_BYTES_MAX:
        raise Validation(f"Item size {'to update ' if update else ''}has exceeded the maximum allowed size")


def item_of(stored: StoredItem | None) -> Item | None:
    return None if stored is None else stored.item


def has_keys(index: Index, item: Item) -> bool:
    return all(name in item for name in index.keys)


def projected(index: Index, table: TableRecord, stored: StoredItem) -> StoredItem:
    if index.projection == "ALL":
        return stored
    names = {*table.keys, *index.keys, *index.non_key_attributes}
    return StoredItem.of({name: value for name, value in stored.item.items() if name in names})


def expiry_id(table: TableRecord) -> int:
    return table.expiry_id or table.id


def _expiry(table: TableRecord, item: Item | None) -> int | None:
    """When the item expires, in seconds; only numbers count."""
    value: Value | None = item.get(table.ttl_attribute) if item else None
    text: Any = value.get("N") if value else None
    return int(float(text)) if text is not None and len(text) < 18 else None
