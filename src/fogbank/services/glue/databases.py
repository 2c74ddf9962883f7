"""Databases of the Data Catalog."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.pages import page_of_table
from fogbank.core.service import Answer
from fogbank.services.glue.base import GlueBase, place, without
from fogbank.services.glue.errors import AlreadyExists, InvalidInput
from fogbank.services.glue.records import Database

# What a database has that Lake Formation does not guard.
_PERMISSIONS = [{"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}]
_NAMED = ("Name", "CatalogId")


class Databases(GlueBase):
    """The operations on databases, of `GlueService`."""

    def create_database(
        self,
        ctx: Context,
        *,
        DatabaseInput: dict[str, Any],
        CatalogId: str | None = None,
        Tags: dict[str, str] | None = None,
    ) -> Answer:
        name = DatabaseInput["Name"].lower()
        key = (*place(ctx, CatalogId), name)
        definition = _definition(DatabaseInput)
        if self._tables.databases.get(key) is not None:
            raise AlreadyExists("Database already exists.")
        self._tables.databases.put(key, Database(name, ctx.now_ms, definition, Tags or {}))
        return {}

    def delete_database(self, ctx: Context, *, Name: str, CatalogId: str | None = None) -> Answer:
        """Its tables and functions go with it."""
        database = self._database(ctx, CatalogId, Name)
        key = (*place(ctx, CatalogId), database.name)
        for table in list(self._tables.tables.values(key)):
            self._discard(ctx, CatalogId, table)
        self._tables.functions.delete_all(key)
        self._tables.databases.delete(key)
        return {}

    def get_database(self, ctx: Context, *, Name: str, CatalogId: str | None = None) -> Answer:
        database = self._database(ctx, CatalogId, Name)
        return {"Database": _answer(place(ctx, CatalogId)[0], database)}

    def get_databases(
        self,
        ctx: Context,
        *,
        CatalogId: str | None = None,
        NextToken: str | None = None,
        MaxResults: int | None = None,
        ResourceShareType: str = "ALL",
        AttributesToGet: list[str] | None = None,
    ) -> Answer:
        if ResourceShareType != "ALL":  # Nothing is shared with the account, and nothing is federated.
            return {"DatabaseList": []}
        catalog = place(ctx, CatalogId)
        rows, token = page_of_table(self._tables.databases, catalog, NextToken, MaxResults)
        found = [_answer(catalog[0], database) for _, database in rows]
        if AttributesToGet is not None:
            found = [{member: database[member] for member in _NAMED} for database in found]
        return {"DatabaseList": found, **token}

    def update_database(
        self, ctx: Context, *, Name: str, DatabaseInput: dict[str, Any], CatalogId: str | None = None
    ) -> Answer:
        """The whole definition is replaced."""
        database = self._database(ctx, CatalogId, Name)
        if DatabaseInput["Name"].lower() != database.name:
            # AWS's sentence is not recorded.
            raise InvalidInput("The name of a database cannot be changed.")
        database.definition = _definition(DatabaseInput)
        self._tables.databases.put((*place(ctx, CatalogId), database.name), database)
        return {}


def _definition(given: dict[str, Any]) -> dict[str, Any]:
    return {"CreateTableDefaultPermissions": _PERMISSIONS} | without(given, "TargetDatabase", "FederatedDatabase")


def _answer(catalog_id: str, database: Database) -> dict[str, Any]:
    return {
        "Name": database.name,
        **database.definition,
        "CreateTime": database.created_ms / 1000,
        "CatalogId": catalog_id,
    }
