"""What every operation of the Data Catalog stands on: finding databases and tables."""

from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Service
from fogbank.services.glue.errors import EntityNotFound
from fogbank.services.glue.records import CatalogTable, Database, GlueTables


class GlueBase(Service):
    """The common steps of the operations of `GlueService`; all in the caller's transaction.

    A catalog is the account's whose id it has. Whether another account may use it is for its policy to say.
    """

    name = "glue"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = GlueTables(cloud.store)

    def _database(self, ctx: Context, catalog_id: str | None, name: str) -> Database:
        found = self._tables.databases.get((*place(ctx, catalog_id), name.lower()))
        if found is None:
            raise EntityNotFound(f"Database {name.lower()} not found.")
        return found

    def _table(self, ctx: Context, catalog_id: str | None, database: str, name: str) -> CatalogTable:
        """The table that an operation works on; whoever asks for the table itself is told less (see GetTable)."""
        found = self._tables.tables.get((*place(ctx, catalog_id), database.lower(), name.lower()))
        if found is None:
            self._database(ctx, catalog_id, database)
            raise EntityNotFound(f"Table {name.lower()} not found.")
        return found

    def _save(self, ctx: Context, catalog_id: str | None, table: CatalogTable) -> None:
        self._tables.tables.put((*place(ctx, catalog_id), table.database, table.name), table)

    def _discard(self, ctx: Context, catalog_id: str | None, table: CatalogTable) -> None:
        self._tables.tables.delete((*place(ctx, catalog_id), table.database, table.name))
        for rows in (self._tables.versions, self._tables.partitions, self._tables.statistics):
            self.cloud.garbage.discard(rows, (table.id,))


def place(ctx: Context, catalog_id: str | None) -> tuple[str, str]:
    """The first parts of the keys of what a catalog has in the context's region."""
    if catalog_id is None:
        return ctx.account, ctx.region
    if not (len(catalog_id) == 12 and catalog_id.isdigit()):
        raise EntityNotFound(f"Catalog {catalog_id} not found.")
    return catalog_id, ctx.region


def without(given: dict[str, Any], *unsupported: str, name: str = "Name") -> dict[str, Any]:
    """A definition without its name. Members that would change what the entity is are refused."""
    for member in unsupported:
        if member in given:
            raise NotImplementedInFogbank(f"Fogbank's glue does not implement {member}.")
    return {member: value for member, value in given.items() if member != name}
