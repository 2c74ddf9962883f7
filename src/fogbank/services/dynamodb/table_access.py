"""Finding and keeping tables: what all of DynamoDB's operations stand on."""

from typing import NoReturn

from fogbank.core.context import Context
from fogbank.core.service import Service
from fogbank.services.dynamodb import tables as definitions
from fogbank.services.dynamodb.errors import ResourceNotFound, Validation
from fogbank.services.dynamodb.items import Items
from fogbank.services.dynamodb.records import DynamoDBTables, Index, TableRecord


class TableAccess(Service):
    """The tables and items that the operations of `DynamoDBService` share."""

    _tables: DynamoDBTables
    _items: Items

    def _table(self, ctx: Context, name: str, *, wording: str | None = None) -> TableRecord:
        """The table of that name or ARN, to be changed and saved.

        `wording="Table"` names it in the error, as the table operations do.
        """
        name = definitions.name_of(name).partition("/")[0] if name.startswith("arn:") else name
        table = self._tables.tables.get((ctx.account, ctx.region, name))
        return table if table is not None else _not_found(name, wording)

    def _shared_table(self, ctx: Context, name: str) -> TableRecord:
        """As `_table`, but only to be read: other requests have the same record."""
        name = definitions.name_of(name).partition("/")[0] if name.startswith("arn:") else name
        table = self._tables.tables.peek((ctx.account, ctx.region, name))
        return table if table is not None else _not_found(name, None)

    def _index(self, table: TableRecord, name: str | None) -> Index | None:
        if name is None:
            return None
        index = table.index(name)
        if index is None:
            raise Validation(f"The table does not have the specified index: {name}")
        return index

    def _save(self, table: TableRecord) -> None:
        self._tables.tables.put((table.account, table.region, table.name), table)


def _not_found(name: str, wording: str | None) -> NoReturn:
    definitions.check_name(name)
    raise ResourceNotFound(f"Requested resource not found: Table: {name} not found" if wording else None)
