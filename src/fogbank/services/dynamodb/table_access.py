"""Finding and keeping tables: what all of DynamoDB's operations stand on."""

from datetime import UTC, datetime
from typing import Any, NoReturn

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Service
from fogbank.services.dynamodb import tables as definitions
from fogbank.services.dynamodb.counts import ItemCounts
from fogbank.services.dynamodb.encryption import TableEncryption
from fogbank.services.dynamodb.errors import ResourceInUse, ResourceNotFound, Validation
from fogbank.services.dynamodb.items import Items, expiry_id
from fogbank.services.dynamodb.records import DynamoDBTables, Index, Stream, StreamEntry, TableRecord
from fogbank.services.dynamodb.sealings import Sealings


class TableAccess(Service):
    """The tables and items that the operations of `DynamoDBService` share."""

    _tables: DynamoDBTables
    _items: Items
    _counts: ItemCounts
    _encryption: TableEncryption
    _sealings: Sealings

    def _table(self, ctx: Context, name: str, *, wording: str | None = None) -> TableRecord:
        """The table of that name or ARN, to be changed and saved.

        `wording="Table"` names it in the error, as the table operations do.
        """
        name = self._own_name(ctx, name)
        table = self._tables.tables.get((ctx.account, ctx.region, name))
        if table is None and self._tables.restoring.get((ctx.account, ctx.region, name)) is not None:
            raise ResourceInUse(f"Attempt to change a resource which is still in use: Table is being created: {name}")
        return table if table is not None else _not_found(name, wording)

    def _shared_table(self, ctx: Context, name: str) -> TableRecord:
        """The table whose items are read or written. It must not be changed: other requests have the same record."""
        name = self._own_name(ctx, name)
        table = self._tables.tables.peek((ctx.account, ctx.region, name))
        if table is None:
            _not_found(name, None)
        if table.sse:
            self._encryption.check(ctx, table)
        return table

    def _at_table(self, ctx: Context, name: str) -> Context:
        """The context of the table's account: that of its ARN, if it is named so."""
        if not name.startswith("arn:"):
            return ctx
        arn = parse_arn(name)
        if arn is None or arn.region != ctx.region:
            _not_found(definitions.name_of(name), None)
        return ctx if arn.account == ctx.account else ctx.at(account=arn.account)

    def _own_name(self, ctx: Context, name: str) -> str:
        """The name of a table of the context's account, which may be given as an ARN."""
        if not name.startswith("arn:"):
            return name
        if self._at_table(ctx, name) is not ctx:
            raise NotImplementedInFogbank(
                f"Fogbank does not implement this operation for another account's table: {name}"
            )
        return definitions.name_of(name).partition("/")[0]

    def _index(self, table: TableRecord, name: str | None) -> Index | None:
        if name is None:
            return None
        index = table.index(name)
        if index is None:
            raise Validation(f"The table does not have the specified index: {name}")
        if index.backfilling:
            raise Validation(f"Cannot read from backfilling global secondary index: {name}")
        return index

    def _save(self, table: TableRecord) -> None:
        self._tables.tables.put((table.account, table.region, table.name), table)

    def _taken(self, ctx: Context, name: str) -> bool:
        """Whether there is a table of that name, or one that is being restored."""
        key = (ctx.account, ctx.region, name)
        return self._tables.tables.get(key) is not None or self._tables.restoring.get(key) is not None

    def _remove(self, table: TableRecord) -> None:
        """Remove the table; its items go a slice a turn."""
        if table.copies_running:
            raise ResourceInUse(f"Attempt to change a resource which is still in use: Table is in use: {table.name}")
        self._tables.tables.delete((table.account, table.region, table.name))
        ctx = self.cloud.context(account=table.account, region=table.region)
        self._encryption.retire_grant(ctx, table)
        self.cloud.garbage.discard(self._tables.items, (table.id,))
        self.cloud.garbage.discard(self._tables.expiring, (expiry_id(table),))
        self.cloud.garbage.discard(self._tables.versions, (table.id,))
        self.cloud.garbage.discard(self._tables.journal, (table.id,))
        for index in table.indexes:
            self.cloud.garbage.discard(self._tables.index_items, (index.id,))
        self._tables.policies.delete_all((table.account, table.region, table.name))
        if table.stream is not None:
            self._end_stream(table)
        self.cloud.store.after_commit(lambda: self._forget(table))

    def _forget(self, table: TableRecord) -> None:
        self._items.forget((table.id, *(index.id for index in table.indexes)))
        self._counts.forget(table.id)

    def _set_stream(self, ctx: Context, table: TableRecord, specification: dict[str, Any] | None) -> None:
        if specification is None or not specification["StreamEnabled"]:
            table.stream = None
            return
        view = specification.get("StreamViewType")
        if view is None:
            raise Validation(
                "One or more parameter values were invalid: StreamViewType is required when StreamEnabled is true"
            )
        created = datetime.fromtimestamp(ctx.now_ms / 1000, UTC)
        label = f"{created:%Y-%m-%dT%H:%M:%S}.{ctx.now_ms % 1000:03d}"
        table.stream = Stream(id=self._tables.next_id(), label=label, view_type=view, created_ms=ctx.now_ms)
        self._keep_stream(table)

    def _end_stream(self, table: TableRecord) -> None:
        assert table.stream is not None
        table.stream.enabled = False
        self._keep_stream(table)

    def _keep_stream(self, table: TableRecord) -> None:
        """Tell whoever reads the stream what it is now."""
        assert table.stream is not None
        self._tables.streams.put(
            (table.account, table.region, table.name, table.stream.label),
            StreamEntry(table.name, table.stream, table.keys, table.types, table.data_key),
        )

    def _encrypt(self, ctx: Context, table: TableRecord, specification: dict[str, Any]) -> None:
        """Put a table under the key of an SSESpecification, with all that it has."""
        sealed = bool(table.data_key)
        self._encryption.set_key(ctx, table, specification)
        if table.data_key and not sealed:
            for key, entry in list(self._tables.streams_of(table)):
                entry.data_key = table.data_key
                self._tables.streams.put(key, entry)
            self._sealings.start(ctx, table)

    def _encrypt_new(self, ctx: Context, table: TableRecord, specification: dict[str, Any] | None) -> None:
        """Put a table that has nothing yet under the key of an SSESpecification."""
        self._encryption.set_key(ctx, table, specification)
        table.hides_partitions = bool(table.data_key)


def _not_found(name: str, wording: str | None) -> NoReturn:
    definitions.check_name(name)
    raise ResourceNotFound(f"Requested resource not found: Table: {name} not found" if wording else None)
