"""What items were before they were changed, so that a table can be read as it was at an earlier time.

An entry lies under (table id, the item's keys, number of the write). The item at a moment is the one in the first entry
behind that moment, or the present one if there is none. Numbers grow and are never behind the clock; after a restart
they are ahead of it for a while, so that a moment given as a time is compared with the time in the entries too.
"""

import heapq
from collections.abc import Iterator

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.sequence import number_at
from fogbank.services.dynamodb.encryption import TableEncryption
from fogbank.services.dynamodb.items import Key
from fogbank.services.dynamodb.records import DynamoDBTables, Past, StoredItem, TableRecord

DAY_MS = 24 * 3600 * 1000
_TRIM_PER_SLICE = 500


class Moment(msgspec.Struct, frozen=True):
    """Behind all writes with a lower number, and all up to the time."""

    number: int = 0
    time_ms: int = -1


def moment_at(time_ms: int) -> Moment:
    return Moment(number_at(time_ms), time_ms)


class Journal:
    """The changes of tables that are backed up, or that can be restored to a point in time."""

    def __init__(self, cloud: Cloud, tables: DynamoDBTables, encryption: TableEncryption) -> None:
        self._cloud = cloud
        self._tables = tables
        self._encryption = encryption
        self._trimmed_to: tuple[int, bytes, bytes, int] | None = None

    def now(self) -> Moment:
        return Moment(self._cloud.sequence.next())

    def note(self, ctx: Context, table: TableRecord, key: Key, old: StoredItem | None) -> None:
        past = Past(old, ctx.now_ms)
        if table.data_key:
            past = self._encryption.sealed_past(table.data_key, past)
        self._tables.journal.put((*key, self._cloud.sequence.next()), past)

    def item_at(self, key: Key, moment: Moment) -> StoredItem | None:
        for _, past in self._tables.journal.scan(key, start=(*key, moment.number)):
            if past.changed_ms > moment.time_ms:
                return past.item
        return self._tables.items.get(key)

    def keys(self, table_id: int, *, after: tuple[bytes, bytes] | None) -> Iterator[Key]:
        """Keys of the items that the table has or had at a moment that the journal knows, each once, in order.

        Which those are may change while they are read, but an item that was there at the moment is always among them.
        """
        behind = None if after is None else (table_id, *after)
        present = (key for key, _ in self._tables.item_sizes.scan((table_id,), after=behind))
        last: Key | None = None
        for key in heapq.merge(present, self.changed_keys(table_id, after=after)):
            if key != last:
                yield key
                last = key

    def changed_keys(self, table_id: int, *, after: tuple[bytes, bytes] | None) -> Iterator[Key]:
        """Keys of items that were changed, each once, in order."""
        behind: tuple[object, ...] | None = None if after is None else (table_id, *after)
        while (found := next(self._tables.journal_times.scan((table_id,), after=behind, limit=1), None)) is not None:
            behind = found[0][:3]
            yield found[0][:3]

    def last_change_ms(self, key: Key, *, from_ms: int, to_ms: int) -> int | None:
        """When the item was changed last in that time, the end not included."""
        changes = (past.changed_ms for _, past in self._tables.journal_times.scan(key))
        return max((ms for ms in changes if from_ms <= ms < to_ms), default=None)

    def trim_some(self, now_ms: int) -> bool:
        """Forget some of what is older than its table's recovery period; whether there may be more of it.

        Call by call all of the journal is seen.
        """
        kept_from: dict[int, int] = {}
        for _, table in self._tables.tables.scan():
            if table.copies_running or table.point_in_time_recovery:
                kept_from[table.id] = 0 if table.copies_running else now_ms - table.recovery_days * DAY_MS
        entries = list(self._tables.journal_times.scan(after=self._trimmed_to, limit=_TRIM_PER_SLICE))
        old = [key for key, past in entries if past.changed_ms < kept_from.get(key[0], now_ms)]
        for key in old:
            self._tables.journal.delete(key)
        self._trimmed_to = entries[-1][0] if len(entries) == _TRIM_PER_SLICE else None
        return bool(old)
