"""ItemCount and TableSizeBytes: exact for small tables, counted in the background for large ones.

AWS brings these figures up to date about every six hours; so they may lag here, but no request waits for a count.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

from fogbank.core.store import Table
from fogbank.core.tasks import Tasks
from fogbank.services.dynamodb.records import DynamoDBTables, StoredSize, TableRecord
from fogbank.services.dynamodb.tables import Counts

# So many entries of a table and its indexes are counted while the caller waits.
AT_ONCE = 2_000
PER_TURN = 1_000
AGAIN_MS = 5_000


class ItemCounts:
    """Items and bytes of the tables and indexes of one service."""

    def __init__(self, tables: DynamoDBTables, tasks: Tasks) -> None:
        self._tables = tables
        self._tasks = tasks
        self._known: dict[int, tuple[int, Counts]] = {}
        self._counting: set[int] = set()

    def of(self, table: TableRecord, now_ms: int) -> Counts:
        """The counts of a table and its indexes; those of a large table are what was counted last."""
        known = self._known.get(table.id)
        if known is None:
            counts, whole = self._count_some(table)
            if whole:
                return counts
            known = self._known[table.id] = now_ms - AGAIN_MS, counts
        if now_ms - known[0] >= AGAIN_MS and table.id not in self._counting:
            self._counting.add(table.id)
            self._tasks.spawn(f"count {table.name}", self._count_all(table, now_ms))
        return known[1]

    def forget(self, table_id: int) -> None:
        """The table is gone."""
        self._known.pop(table_id, None)
        self._counting.discard(table_id)

    def _entries(self, table: TableRecord) -> Iterator[tuple[int, Table[StoredSize]]]:
        yield table.id, self._tables.item_sizes
        for index in table.indexes:
            yield index.id, self._tables.index_item_sizes

    def _count_some(self, table: TableRecord) -> tuple[Counts, bool]:
        """What the first entries come to, and whether those are all."""
        counts: Counts = {}
        budget = AT_ONCE
        for owner, stored in self._entries(table):
            entries, size, last = _count(stored, owner, None, limit=budget + 1)
            counts[owner] = entries, size
            budget -= entries
            if budget < 0:
                return counts, last is None
        return counts, True

    async def _count_all(self, table: TableRecord, now_ms: int) -> None:
        try:
            counts: Counts = {}
            for owner, stored in self._entries(table):
                entries = size = 0
                last: tuple[Any, ...] | None = None
                while True:
                    more, more_size, last = _count(stored, owner, last, limit=PER_TURN)
                    entries, size = entries + more, size + more_size
                    if last is None:
                        break
                    await asyncio.sleep(0)  # Everybody else's turn.
                counts[owner] = entries, size
            if table.id in self._counting:
                self._known[table.id] = now_ms, counts
        finally:
            self._counting.discard(table.id)


def _count(
    stored: Table[StoredSize], owner: int, after: tuple[Any, ...] | None, *, limit: int
) -> tuple[int, int, tuple[Any, ...] | None]:
    """Entries and bytes of a slice, and its last key if the slice is full."""
    entries = size = 0
    last: tuple[Any, ...] | None = None
    for key, item in stored.scan((owner,), after=after, limit=limit):
        entries += 1
        size += item.size
        last = key
    return entries, size, last if entries == limit else None
