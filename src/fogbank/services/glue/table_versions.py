"""The versions of a table: what it is, and what it was before each update that archived it."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.pages import page_of_table
from fogbank.core.service import Answer
from fogbank.services.glue.base import GlueBase, place
from fogbank.services.glue.errors import EntityNotFound, InvalidInput, detail
from fogbank.services.glue.records import CatalogTable
from fogbank.services.glue.tables import table_answer


class TableVersions(GlueBase):
    """The operations on versions of tables, of `GlueService`. The latest version is the table itself."""

    def batch_delete_table_version(
        self, ctx: Context, *, DatabaseName: str, TableName: str, VersionIds: list[str], CatalogId: str | None = None
    ) -> Answer:
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        errors = []
        for version_id in VersionIds:
            try:
                self._delete_version(table, version_id)
            except AwsError as error:
                errors.append({"TableName": table.name, "VersionId": version_id, "ErrorDetail": detail(error)})
        return {"Errors": errors}

    def delete_table_version(
        self, ctx: Context, *, DatabaseName: str, TableName: str, VersionId: str, CatalogId: str | None = None
    ) -> Answer:
        self._delete_version(self._table(ctx, CatalogId, DatabaseName, TableName), VersionId)
        return {}

    def get_table_version(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        TableName: str,
        CatalogId: str | None = None,
        VersionId: str | None = None,
        AuditContext: dict[str, Any] | None = None,
    ) -> Answer:
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        wanted = table if VersionId is None else self._version(table, VersionId)
        return {"TableVersion": _answer(place(ctx, CatalogId)[0], wanted)}

    def get_table_versions(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        TableName: str,
        CatalogId: str | None = None,
        NextToken: str | None = None,
        MaxResults: int | None = None,
        AuditContext: dict[str, Any] | None = None,
    ) -> Answer:
        """The latest comes first."""
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        rows, token = page_of_table(self._tables.versions, (table.id,), NextToken, MaxResults, reverse=True)
        catalog_id = place(ctx, CatalogId)[0]
        return {"TableVersions": [_answer(catalog_id, version) for _, version in rows], **token}

    def _version(self, table: CatalogTable, version_id: str) -> CatalogTable:
        version = self._tables.versions.get((table.id, _number(version_id)))
        if version is None:
            raise EntityNotFound("Version not found.")
        return version

    def _delete_version(self, table: CatalogTable, version_id: str) -> None:
        if version_id == str(table.version):
            # AWS's sentence is not recorded.
            raise InvalidInput("The latest version of a table cannot be deleted.")
        if not self._tables.versions.delete((table.id, _number(version_id))):
            raise EntityNotFound("Version not found.")


def _number(version_id: str) -> int:
    if not (version_id.isascii() and version_id.isdigit() and len(version_id) < 19):
        raise InvalidInput("Version id is not an integer.")
    return int(version_id)


def _answer(catalog_id: str, version: CatalogTable) -> dict[str, Any]:
    return {"Table": table_answer(catalog_id, version), "VersionId": str(version.version)}
