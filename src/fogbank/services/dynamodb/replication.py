"""What is written to one region of a global table reaches the others: asynchronously, and the last writer wins.

Every write to a table with replicas gets a number, which grows across regions, and an outbox row for each other region.
A row that arrives is applied unless the item there was left by a later write; deletions keep their number for that.
A replica that is added is filled slice by slice through the same outbox, so that it misses nothing written meanwhile.
A region that is cut off keeps its rows, as those for it are kept, and all come through when it is healed.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.outbox import RetryPolicy
from fogbank.services.dynamodb.capacity import Consumed
from fogbank.services.dynamodb.encryption import TableEncryption
from fogbank.services.dynamodb.errors import InternalServerError
from fogbank.services.dynamodb.items import Items, Key, item_of, write_costs
from fogbank.services.dynamodb.records import DynamoDBTables, StoredItem, TableRecord, Version
from fogbank.services.dynamodb.values import Item, key_bytes

LAG_TAG = "fogbank:replication-lag-seconds"
"""A tag of a table by which its writes reach other regions later than at once."""
CUT_TAG = "fogbank:cut-off"
"""A tag of a table by which, while it is there, nothing leaves for other regions or comes from them."""
_WRITE, _COPY = "dynamodb.replicate", "dynamodb.fill_replica"
_ITEMS_PER_SLICE = 500
# A replica that cannot be written now is tried again for as long as AWS keeps changes for it: a day.
_RETRY = RetryPolicy(attempts_max=5_000, delay_max_s=20.0)


class RemoteWrite(msgspec.Struct, array_like=True):
    """A write as the other region is told of it; `item` None is a deletion."""

    table: str
    region: str
    partition: bytes
    sort: bytes
    item: Item | None
    number: int
    written_ms: int
    sealed: bytes = b""
    """Partition and sort key and the item, of a table that is under a key of KMS."""


class Slice(msgspec.Struct, array_like=True):
    """The part of a table behind `after` (None: all of it), to be copied to the region."""

    table: str
    region: str
    after: tuple[bytes, bytes] | None


class Replication:
    """Carries writes between the regions of global tables."""

    def __init__(self, cloud: Cloud, tables: DynamoDBTables, items: Items, encryption: TableEncryption) -> None:
        self._cloud = cloud
        self._tables = tables
        self._items = items
        self._encryption = encryption
        cloud.outbox.handler(_WRITE, self._apply, payload=RemoteWrite, retry=_RETRY)
        cloud.outbox.handler(_COPY, self._copy, payload=Slice, retry=_RETRY)

    def note(self, ctx: Context, table: TableRecord, key: Key, old: StoredItem | None, new: StoredItem | None) -> None:
        """Number a write and send it to the other regions."""
        number = self._cloud.sequence.next()
        self._tables.versions.put(key, Version(number))
        partition, sort, item, sealed = key[1], key[2], item_of(new), b""
        if table.data_key:
            there = item_of(new or old)
            assert there is not None
            whole = key_bytes(there[table.keys[0]]), sort, item
            partition, sort, item, sealed = b"", b"", None, self._encryption.seal(table.data_key, whole)
        for region in table.replicas:
            write = RemoteWrite(table.name, region, partition, sort, item, number, ctx.now_ms, sealed)
            self._cloud.outbox.put(ctx, _WRITE, lane=_lane(table, region), payload=write, delay_s=_lag_s(table))

    def fill(self, ctx: Context, table: TableRecord, region: str) -> None:
        """Copy what the table holds to a region that was added to it."""
        self._cloud.outbox.put(ctx, _COPY, lane=_lane(table, region), payload=Slice(table.name, region, None))

    def _apply(self, ctx: Context, write: RemoteWrite) -> None:
        target = self._tables.tables.peek((ctx.account, write.region, write.table))
        if target is None or ctx.region not in target.replicas:
            return  # The replica was removed.
        self._check_reach(ctx, target)
        partition, sort, item = write.partition, write.sort, write.item
        if write.sealed:
            partition, sort, item = self._encryption.open(write.sealed)
        if target.hides_partitions:
            partition = self._encryption.digest(target, partition)
        self._write(ctx, target, (target.id, partition, sort), item, write.number)
        self._cloud.metrics.add(
            ctx.account,
            ctx.region,
            "AWS/DynamoDB",
            "ReplicationLatency",
            {"TableName": write.table, "ReceivingRegion": write.region},
            ctx.now_ms - write.written_ms,
            "Milliseconds",
        )

    def _check_reach(self, ctx: Context, target: TableRecord) -> None:
        """Raise what makes the outbox try again later, if the region at either end is cut off."""
        source = self._tables.tables.peek((ctx.account, ctx.region, target.name))
        for table in (source, target):
            if table is not None and CUT_TAG in table.tags:
                raise InternalServerError(f"{table.region} is cut off from the other regions of {table.name}.")

    def _write(self, ctx: Context, target: TableRecord, key: Key, item: Item | None, number: int) -> None:
        known = self._tables.versions.get(key)
        if known is not None and known.number >= number:
            return
        there = ctx.at(region=target.region)
        old, new = self._items.get(key), None if item is None else StoredItem.of(item)
        self._items.put(there, target, key, old, new, replicated=True)
        self._tables.versions.put(key, Version(number))
        self._items.draw(there, target, write_costs(target, old, new), write=True, consumed=Consumed())

    def _copy(self, ctx: Context, part: Slice) -> None:
        table = self._tables.tables.get((ctx.account, ctx.region, part.table))
        target = self._tables.tables.get((ctx.account, part.region, part.table))
        if table is None or target is None or part.region not in table.replicas:
            return
        self._check_reach(ctx, target)
        after = None if part.after is None else (table.id, *part.after)
        found = list(self._tables.items.scan((table.id,), after=after, limit=_ITEMS_PER_SLICE))
        for key, stored in found:
            version = self._tables.versions.get(key)
            own = self._items.place_of(target, stored.item)
            self._write(ctx, target, own, stored.item, version.number if version is not None else 0)
        if len(found) == _ITEMS_PER_SLICE:
            rest = Slice(part.table, part.region, found[-1][0][1:])
            self._cloud.outbox.put(ctx, _COPY, lane=_lane(table, part.region), payload=rest)
            return
        for region in (table.region, *table.replicas):
            member = self._tables.tables.get((ctx.account, region, part.table))
            if member is not None and part.region in member.replicas:
                member.replicas[part.region].active = True
                self._tables.tables.put((member.account, member.region, member.name), member)


def _lane(table: TableRecord, region: str) -> str:
    return f"{table.account}/{table.name}/{table.region}/{region}"


def _lag_s(table: TableRecord) -> float:
    text = table.tags.get(LAG_TAG, "0")
    return float(text) if text.replace(".", "", 1).isdecimal() else 0.0
