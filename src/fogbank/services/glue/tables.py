"""Tables of the Data Catalog."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.pages import page_of_table
from fogbank.core.service import Answer
from fogbank.services.glue.base import GlueBase, place, without
from fogbank.services.glue.errors import (
    AlreadyExists,
    ConcurrentModification,
    EntityNotFound,
    InvalidInput,
    detail,
)
from fogbank.services.glue.name_patterns import compile_name_pattern
from fogbank.services.glue.partition_indexes import index_of
from fogbank.services.glue.records import CatalogTable

_STORAGE_DEFAULTS = {"Compressed": False, "NumberOfBuckets": 0, "SortColumns": [], "StoredAsSubDirectories": False}
_ATTRIBUTES = {"NAME": "Name", "TABLE_TYPE": "TableType"}


class TableOperations(GlueBase):
    """The operations on tables, of `GlueService`. Views in several dialects and resource links are NotImplemented, and
    so are tables in open formats that Glue makes the metadata of. (Those that clients make it of are tables as others.)
    """

    def batch_delete_table(
        self, ctx: Context, *, DatabaseName: str, TablesToDelete: list[str], CatalogId: str | None = None
    ) -> Answer:
        self._database(ctx, CatalogId, DatabaseName)
        errors = []
        for name in TablesToDelete:
            try:
                self._discard(ctx, CatalogId, self._table(ctx, CatalogId, DatabaseName, name))
            except AwsError as error:
                errors.append({"TableName": name, "ErrorDetail": detail(error)})
        return {"Errors": errors}

    def create_table(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        TableInput: dict[str, Any] | None = None,
        CatalogId: str | None = None,
        Name: str | None = None,
        PartitionIndexes: list[dict[str, Any]] | None = None,
    ) -> Answer:
        given = _input(Name, TableInput)
        database = self._database(ctx, CatalogId, DatabaseName)
        key = (*place(ctx, CatalogId), database.name, given["Name"].lower())
        if self._tables.tables.get(key) is not None:
            raise AlreadyExists("Table already exists.")
        table = CatalogTable(
            id=self.cloud.sequence.next(),
            database=database.name,
            name=given["Name"].lower(),
            created_ms=ctx.now_ms,
            updated_ms=ctx.now_ms,
            created_by=ctx.principal_arn,
            definition=_definition(given),
        )
        for index in PartitionIndexes or ():
            table.indexes.append(index_of(table, index))
        self._save(ctx, CatalogId, table)
        self._tables.versions.put((table.id, table.version), table)
        return {}

    def delete_table(self, ctx: Context, *, DatabaseName: str, Name: str, CatalogId: str | None = None) -> Answer:
        """Its versions, partitions and statistics go with it."""
        self._discard(ctx, CatalogId, self._table(ctx, CatalogId, DatabaseName, Name))
        return {}

    def get_table(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        Name: str,
        CatalogId: str | None = None,
        AuditContext: dict[str, Any] | None = None,
    ) -> Answer:
        table = self._tables.tables.get((*place(ctx, CatalogId), DatabaseName.lower(), Name.lower()))
        if table is None:
            raise EntityNotFound
        return {"Table": table_answer(place(ctx, CatalogId)[0], table)}

    def get_tables(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        CatalogId: str | None = None,
        Expression: str | None = None,
        NextToken: str | None = None,
        MaxResults: int | None = None,
        AttributesToGet: list[str] | None = None,
        AuditContext: dict[str, Any] | None = None,
    ) -> Answer:
        """`Expression` is a regular expression of whole names, in which an asterisk may also stand for any text."""
        database = self._database(ctx, CatalogId, DatabaseName)
        matches = compile_name_pattern(Expression) if Expression else None
        rows, token = page_of_table(
            self._tables.tables,
            (*place(ctx, CatalogId), database.name),
            NextToken,
            MaxResults,
            wanted=lambda key, table: matches is None or matches(table.name),
        )
        catalog_id = place(ctx, CatalogId)[0]
        found = [table_answer(catalog_id, table) for _, table in rows]
        if AttributesToGet is not None:
            members = _members(AttributesToGet)
            found = [{member: table[member] for member in members if member in table} for table in found]
        return {"TableList": found, **token}

    def update_table(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        TableInput: dict[str, Any] | None = None,
        CatalogId: str | None = None,
        Name: str | None = None,
        SkipArchive: bool = False,
        VersionId: str | None = None,
    ) -> Answer:
        """The whole definition is replaced. With `VersionId`, only if that is still the table's version."""
        given = _input(Name, TableInput)
        table = self._table(ctx, CatalogId, DatabaseName, given["Name"])
        if VersionId is not None and VersionId != str(table.version):
            raise ConcurrentModification("Update table failed due to concurrent modifications.")
        if SkipArchive:
            self._tables.versions.delete((table.id, table.version))
        table.definition = _definition(given)
        table.version += 1
        table.updated_ms = ctx.now_ms
        self._save(ctx, CatalogId, table)
        self._tables.versions.put((table.id, table.version), table)
        return {}


def _input(name: str | None, given: dict[str, Any] | None) -> dict[str, Any]:
    # AWS's sentences for these are not recorded.
    if given is None:
        raise InvalidInput("TableInput must be given.")
    if name is not None and name.lower() != given["Name"].lower():
        raise InvalidInput("Name and the name of TableInput must be the same.")
    return given


def _definition(given: dict[str, Any]) -> dict[str, Any]:
    """The definition with the defaults that AWS shows."""
    defaults: dict[str, Any] = {"Retention": 0, "PartitionKeys": []}
    definition = defaults | without(given, "TargetTable", "FederatedTable", "ViewDefinition")
    if "StorageDescriptor" in definition:
        definition["StorageDescriptor"] = storage(definition["StorageDescriptor"])
    return definition


def storage(given: dict[str, Any]) -> dict[str, Any]:
    """A storage descriptor with the defaults that AWS shows."""
    if "SchemaReference" in given:
        raise NotImplementedInFogbank("Fogbank's glue does not implement SchemaReference.")
    return _STORAGE_DEFAULTS | given


def _members(attributes: list[str]) -> list[str]:
    # AWS's sentence is not recorded.
    if "NAME" not in attributes or not set(attributes) <= _ATTRIBUTES.keys():
        raise InvalidInput("AttributesToGet must be NAME, or NAME and TABLE_TYPE.")
    return [member for attribute, member in _ATTRIBUTES.items() if attribute in attributes]


def table_answer(catalog_id: str, table: CatalogTable) -> dict[str, Any]:
    return {
        "Name": table.name,
        "DatabaseName": table.database,
        **table.definition,
        "CreateTime": table.created_ms / 1000,
        "UpdateTime": table.updated_ms / 1000,
        "CreatedBy": table.created_by,
        "IsRegisteredWithLakeFormation": False,
        "CatalogId": catalog_id,
        "VersionId": str(table.version),
        "IsMultiDialectView": False,
    }
