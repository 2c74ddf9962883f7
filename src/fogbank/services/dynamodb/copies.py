"""Copying a table as it was at a time, or a backup, slice by slice: into a backup, or into a table that is restored.

The source may be changed meanwhile: its journal tells what it was. A restored table appears when it is whole.
"""

from itertools import islice

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services.dynamodb.encryption import TableEncryption
from fogbank.services.dynamodb.items import Items
from fogbank.services.dynamodb.journal import Journal, Moment
from fogbank.services.dynamodb.records import Backup, DynamoDBTables, StoredItem, TableRecord
from fogbank.services.dynamodb.slices import UNTIL_DONE

_KIND = "dynamodb.copy"
_ITEMS_PER_SLICE = 500


class Copy(msgspec.Struct):
    """Of one of `table` and `from_backup`, into one of `restored` and `into_backup`; backups by their store's key.

    `moment` says as of when the table is wanted.
    """

    moment: Moment = Moment()
    table: str = ""
    from_backup: tuple[str, str] | None = None
    restored: str = ""
    into_backup: tuple[str, str] | None = None
    after: tuple[bytes, bytes] | None = None


class Copies:
    """Runs copies behind the commits that ask for them."""

    def __init__(
        self, cloud: Cloud, tables: DynamoDBTables, items: Items, journal: Journal, encryption: TableEncryption
    ) -> None:
        self._outbox = cloud.outbox
        self._tables = tables
        self._items = items
        self._journal = journal
        self._encryption = encryption
        self._outbox.handler(_KIND, self._copy_slice, payload=Copy, retry=UNTIL_DONE)

    def start(self, ctx: Context, copy: Copy) -> None:
        self._count_running(ctx, copy, 1)
        self._go_on(ctx, copy)

    def _go_on(self, ctx: Context, copy: Copy) -> None:
        lane = copy.restored or "/".join(copy.into_backup or ())
        self._outbox.put(ctx, _KIND, lane=f"{ctx.account}/{ctx.region}/{lane}", payload=copy)

    def _copy_slice(self, ctx: Context, copy: Copy) -> None:
        found = self._found(ctx, copy)
        if copy.restored:
            self._restore(ctx, copy, found)
        else:
            self._back_up(ctx, copy, found)
        if len(found) == _ITEMS_PER_SLICE:
            copy.after = found[-1][0]
            self._go_on(ctx, copy)
        else:
            self._finish(ctx, copy)

    def _found(self, ctx: Context, copy: Copy) -> list[tuple[tuple[bytes, bytes], StoredItem | None]]:
        """The keys of the slice, with what belongs there."""
        if copy.from_backup is not None:
            source = self._backup(ctx, copy.from_backup)
            after = None if copy.after is None else (source.id, *copy.after)
            entries = self._tables.backup_items.scan((source.id,), after=after, limit=_ITEMS_PER_SLICE)
            return [((key[1], key[2]), stored) for key, stored in entries]
        table = self._table(ctx, copy.table)
        keys = list(islice(self._journal.keys(table.id, after=copy.after), _ITEMS_PER_SLICE))
        return [((key[1], key[2]), self._journal.item_at(key, copy.moment)) for key in keys]

    def _restore(self, ctx: Context, copy: Copy, found: list[tuple[tuple[bytes, bytes], StoredItem | None]]) -> None:
        target = self._tables.restoring.get((ctx.account, ctx.region, copy.restored))
        assert target is not None
        for _, stored in found:
            if stored is not None:
                key = self._items.place_of(target, stored.item)
                self._items.put(ctx, target, key, self._items.get(key), stored)

    def _back_up(self, ctx: Context, copy: Copy, found: list[tuple[tuple[bytes, bytes], StoredItem | None]]) -> None:
        assert copy.into_backup is not None
        backup = self._backup(ctx, copy.into_backup)
        for (partition, sort), stored in found:
            if stored is not None:
                kept = self._encryption.sealed(backup.data_key, stored) if backup.data_key else stored
                self._tables.backup_items.put((backup.id, partition, sort), kept)
                backup.items += 1
                backup.size += stored.size
        self._save_backup(ctx, copy.into_backup, backup)

    def _finish(self, ctx: Context, copy: Copy) -> None:
        self._count_running(ctx, copy, -1)
        if copy.into_backup is not None:
            backup = self._backup(ctx, copy.into_backup)
            backup.available = True
            self._save_backup(ctx, copy.into_backup, backup)
            return
        target = self._tables.restoring.get((ctx.account, ctx.region, copy.restored))
        assert target is not None
        assert target.restore is not None
        target.restore.in_progress = False
        self._tables.restoring.delete((ctx.account, ctx.region, target.name))
        self._tables.tables.put((ctx.account, ctx.region, target.name), target)

    def _count_running(self, ctx: Context, copy: Copy, by: int) -> None:
        if copy.from_backup is not None:
            backup = self._backup(ctx, copy.from_backup)
            backup.restores_running += by
            self._save_backup(ctx, copy.from_backup, backup)
        else:
            self._tables.count_copies((ctx.account, ctx.region, copy.table), by)

    def _table(self, ctx: Context, name: str) -> TableRecord:
        table = self._tables.tables.get((ctx.account, ctx.region, name))
        assert table is not None, "a table that is copied cannot be deleted"
        return table

    def _backup(self, ctx: Context, key: tuple[str, str]) -> Backup:
        backup = self._tables.backups.get((ctx.account, ctx.region, *key))
        assert backup is not None, "a backup that is read or written cannot be deleted"
        return backup

    def _save_backup(self, ctx: Context, key: tuple[str, str], backup: Backup) -> None:
        self._tables.backups.put((ctx.account, ctx.region, *key), backup)
