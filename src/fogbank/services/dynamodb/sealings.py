"""Sealing what was there before its table came under a key of KMS.

What is written meanwhile is sealed by itself, so that a slice has to look only at the rows as they are; sealing one
once more does no harm. Partition keys stay as they lie, and backups are not of the table any more.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.store import Table
from fogbank.services.dynamodb.encryption import TableEncryption
from fogbank.services.dynamodb.records import DynamoDBTables, TableRecord
from fogbank.services.dynamodb.slices import UNTIL_DONE

_KIND = "dynamodb.seal"
_ROWS_PER_SLICE = 500

# Rows of a table, the id that they are under, and how one is sealed with the data key of a number.
_Rows = tuple[Table[Any], int, Callable[[int, Any], Any]]


class Sealing(msgspec.Struct):
    """The rows of a part behind `after`, and all parts behind that one. A part is an owner's rows by their table."""

    table: str
    data_key: int
    part: tuple[int, str] = (0, "")
    after: tuple[Any, ...] | None = None


class Sealings:
    """Runs sealings behind the commits that ask for them."""

    def __init__(self, cloud: Cloud, tables: DynamoDBTables, encryption: TableEncryption) -> None:
        self._outbox = cloud.outbox
        self._tables = tables
        self._encryption = encryption
        self._outbox.handler(_KIND, self._go_on, payload=Sealing, retry=UNTIL_DONE)

    def start(self, ctx: Context, table: TableRecord) -> None:
        """Seal all that the table has. The caller saves the table, which says whether there is more to do."""
        self._seal_slice(ctx, table, Sealing(table.name, table.data_key))

    def _go_on(self, ctx: Context, sealing: Sealing) -> None:
        table = self._tables.tables.get((ctx.account, ctx.region, sealing.table))
        if table is not None and table.data_key == sealing.data_key:
            self._seal_slice(ctx, table, sealing)
            self._tables.tables.put((table.account, table.region, table.name), table)

    def _seal_slice(self, ctx: Context, table: TableRecord, sealing: Sealing) -> None:
        budget = _ROWS_PER_SLICE
        # What is added meanwhile has a higher id.
        for rows, owner, seal in sorted(self._parts(table), key=lambda part: (part[1], part[0].name)):
            part = owner, rows.name
            if part < sealing.part:
                continue
            after = sealing.after if part == sealing.part else None
            found = list(rows.scan((owner,), after=after, limit=budget))
            rows.put_all((key, seal(table.data_key, value)) for key, value in found)
            budget -= len(found)
            if budget == 0:
                rest = Sealing(table.name, table.data_key, part, found[-1][0])
                there = ctx.at(account=table.account, region=table.region)
                self._outbox.put(there, _KIND, lane=f"{table.account}/{table.region}/{table.id}", payload=rest)
                break
        table.sealing = budget == 0

    def _parts(self, table: TableRecord) -> Iterator[_Rows]:
        tables, encryption = self._tables, self._encryption
        yield tables.items, table.id, encryption.sealed
        yield tables.journal, table.id, encryption.sealed_past
        for _, entry in tables.streams_of(table):
            yield tables.stream_records, entry.stream.id, encryption.sealed_record
        for index in table.indexes:
            yield tables.index_items, index.id, encryption.sealed
