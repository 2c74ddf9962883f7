"""Query and Scan: which stored entries are read, filtered and returned, page by page.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.expressions import Condition, KeyRange
from fogbank.services.dynamodb.items import Items
from fogbank.services.dynamodb.records import DynamoDBTables, Index, StoredItem, TableRecord
from fogbank.services.dynamodb.values import Item, check, part_bytes

PAGE_BYTES_MAX = 1_048_576
# Sorts behind every stored sort key that begins with a prefix, for reading backwards.
_BEHIND = b"\xff" * 16


class Page(NamedTuple):
    """What one request read."""

    items: list[Item]
    scanned: int
    bytes_read: int
    last_key: Item | None


class Source:
    """A table or one of its indexes, as something to read in key order."""

    def __init__(self, tables: DynamoDBTables, items: Items, table: TableRecord, index: Index | None) -> None:
        self.table = table
        self.index = index
        self.keys = index.keys if index is not None else table.keys
        self.partition_parts = index.partition_parts if index is not None else 1
        self._items = items
        self._store: Any = tables.index_items if index is not None else tables.items
        self._id = index.id if index is not None else table.id

    def schema(self) -> dict[str, str]:
        return {name: self.table.types[name] for name in self.keys}

    def key_attributes(self) -> list[str]:
        """What identifies an entry: the index's keys and the table's."""
        return list(dict.fromkeys((*self.keys, *self.table.keys)))

    def start_key(self, given: Item) -> tuple[Any, ...]:
        """The stored key of an ExclusiveStartKey."""
        names = self.key_attributes()
        if set(given) != set(names):
            raise Validation("The provided starting key is invalid")
        for name in names:
            check(given[name])
            if self.table.types[name] not in given[name]:
                raise Validation(
                    "The provided starting key is invalid: The provided key element does not match the schema"
                )
        own = self._items.place_of(self.table, given)
        if self.index is None:
            return own
        found = self._items.index_place_of(self.index, self.table, own, given)
        assert found is not None
        return found

    def check_start(self, given: Item, wanted: KeyRange) -> None:
        """A Query can only begin behind an item that it could have answered with."""
        values = [given[name] for name in self.keys]
        if part_bytes(values[: self.partition_parts]) != wanted.partition:
            raise Validation("The provided starting key is outside query boundaries based on provided conditions")
        if not wanted.contains(part_bytes(values[self.partition_parts :])):
            raise Validation("The provided starting key does not match the range key predicate")

    def fetcher(self, *, whole: bool) -> Callable[[Any, StoredItem], Item] | None:
        """Looks up the item behind an entry of a local index that does not hold all of it; None where none has to."""
        if not whole or self.index is None or not self.index.local or self.index.projection == "ALL":
            return None

        def fetch(key: Any, entry: StoredItem) -> Item:
            stored = self._items.get((self.table.id, key[3], key[4]))
            return entry.item if stored is None else stored.item

        return fetch

    def entries(
        self, wanted: KeyRange | None, after: tuple[Any, ...] | None, *, forward: bool, keyless: bool
    ) -> Iterator[tuple[Any, StoredItem]]:
        """Entries in order, beginning behind `after`; `keyless` where the caller does not need their keys."""
        prefix: tuple[Any, ...] = (self._id,)
        if wanted is not None:
            prefix = self._id, self._items.partition_of(self.table, wanted.partition)
        if wanted is None or wanted.is_whole_partition:
            if keyless:
                for stored in self._store.values(prefix, after=after, reverse=not forward):
                    yield None, stored
            else:
                yield from self._store.scan(prefix, after=after, reverse=not forward)
            return
        start: tuple[Any, ...] | None = None
        if after is None:
            bound = wanted.low if forward else wanted.high
            if wanted.prefix is not None:
                bound = wanted.prefix if forward else wanted.prefix + _BEHIND
            start = None if bound is None else (*prefix, bound)
        within = False
        for key, stored in self._store.scan(prefix, start=start, after=after, reverse=not forward):
            if wanted.contains(key[2]):
                within = True
                yield key, stored
            elif within or _beyond(wanted, key[2], forward=forward):
                return


def _beyond(wanted: KeyRange, sort: bytes, *, forward: bool) -> bool:
    """Whether no later entry can be within the range."""
    if wanted.prefix is not None:
        return sort > wanted.prefix if forward else sort < wanted.prefix
    if forward:
        return wanted.high is not None and sort > wanted.high
    return wanted.low is not None and sort < wanted.low


def segment_of(partition: bytes, total: int) -> int:
    return zlib.crc32(partition) % total


def read_page(
    source: Source,
    wanted: KeyRange | None,
    *,
    after: tuple[Any, ...] | None,
    forward: bool,
    limit: int | None,
    keep: Condition | None,
    segment: tuple[int, int] | None,
    fetch: Callable[[Any, StoredItem], Item] | None,
) -> Page:
    """Read up to `limit` entries or 1 MB; `fetch` looks up the item behind an entry that does not hold all of it."""
    items: list[Item] = []
    scanned = size = 0
    last: Item | None = None
    entries = source.entries(wanted, after, forward=forward, keyless=segment is None and fetch is None)
    for key, entry in entries:
        if segment is not None and segment_of(key[1], segment[1]) != segment[0]:
            continue
        scanned += 1
        size += entry.size
        item = entry.item if fetch is None else fetch(key, entry)
        if keep is None or keep(item):
            items.append(item)
        last = entry.item
        if scanned == limit or size >= PAGE_BYTES_MAX:
            break
    else:
        last = None
    last_key = None if last is None else {name: last[name] for name in source.key_attributes()}
    return Page(items, scanned, size, last_key)
