"""Filling what a table did not have when its items were written: a new index, or the times at which its items expire.

A small table is filled in the request's own transaction, a large one a slice a turn. What is written meanwhile keeps
index and times right by itself, so that a slice has to look only at the items as they are.
"""

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services.dynamodb.items import Items
from fogbank.services.dynamodb.records import DynamoDBTables, TableRecord
from fogbank.services.dynamodb.slices import UNTIL_DONE

_KIND = "dynamodb.backfill"
_ITEMS_PER_SLICE = 500


class Backfill(msgspec.Struct):
    """The items of a table behind `after` (None: all), for what has the id: one of its indexes, or its expiry."""

    table: str
    filled_id: int
    after: tuple[bytes, bytes] | None = None


class Backfills:
    """Runs backfills behind the commits that ask for them."""

    def __init__(self, cloud: Cloud, tables: DynamoDBTables, items: Items) -> None:
        self._outbox = cloud.outbox
        self._tables = tables
        self._items = items
        self._outbox.handler(_KIND, self._go_on, payload=Backfill, retry=UNTIL_DONE)

    def start(self, ctx: Context, table: TableRecord, filled_id: int) -> None:
        """Fill it from the table's items. The caller saves the table, which says whether there is more to do."""
        self._fill_slice(ctx, table, Backfill(table.name, filled_id))

    def _go_on(self, ctx: Context, backfill: Backfill) -> None:
        table = self._tables.tables.get((ctx.account, ctx.region, backfill.table))
        if table is not None and self._fill_slice(ctx, table, backfill):
            self._tables.tables.put((table.account, table.region, table.name), table)

    def _fill_slice(self, ctx: Context, table: TableRecord, backfill: Backfill) -> bool:
        """Whether that was the last slice, so that the table has changed. What was to be filled may be gone."""
        index = next((index for index in table.indexes if index.id == backfill.filled_id), None)
        if index is None and (not table.ttl_attribute or table.expiry_id != backfill.filled_id):
            return False
        after = None if backfill.after is None else (table.id, *backfill.after)
        found = list(self._tables.items.scan((table.id,), after=after, limit=_ITEMS_PER_SLICE))
        for key, stored in found:
            if index is None:
                self._items.note_expiry(table, key, None, stored)
            else:
                self._items.add_to_index(index, table, key, stored)
        more = len(found) == _ITEMS_PER_SLICE
        if index is None:
            table.expiry_filling = more
        else:
            index.backfilling = more
        if more:
            backfill.after = found[-1][0][1:]
            lane = f"{table.account}/{table.region}/{backfill.filled_id}"
            self._outbox.put(ctx.at(account=table.account, region=table.region), _KIND, lane=lane, payload=backfill)
        return not more
