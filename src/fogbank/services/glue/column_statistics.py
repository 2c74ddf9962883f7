"""Statistics of the columns of tables and partitions: what others computed, kept for whoever plans queries."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.glue.errors import EntityNotFound, detail
from fogbank.services.glue.partitions import Partitions
from fogbank.services.glue.records import CatalogTable, ColumnStatistics, partition_key

_OF_THE_TABLE = ""  # No partition has this key.


class Statistics(Partitions):
    """The operations on column statistics, of `GlueService`."""

    def delete_column_statistics_for_partition(
        self, ctx: Context, *, DatabaseName: str, TableName: str, PartitionValues: list[str], ColumnName: str,
        CatalogId: str | None = None,
    ) -> Answer:  # fmt: skip
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        return self._delete_statistics(table, self._key(table, PartitionValues), ColumnName)

    def delete_column_statistics_for_table(
        self, ctx: Context, *, DatabaseName: str, TableName: str, ColumnName: str, CatalogId: str | None = None
    ) -> Answer:
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        return self._delete_statistics(table, _OF_THE_TABLE, ColumnName)

    def get_column_statistics_for_partition(
        self, ctx: Context, *, DatabaseName: str, TableName: str, PartitionValues: list[str], ColumnNames: list[str],
        CatalogId: str | None = None,
    ) -> Answer:  # fmt: skip
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        return self._get_statistics(table, self._key(table, PartitionValues), ColumnNames)

    def get_column_statistics_for_table(
        self, ctx: Context, *, DatabaseName: str, TableName: str, ColumnNames: list[str], CatalogId: str | None = None
    ) -> Answer:
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        return self._get_statistics(table, _OF_THE_TABLE, ColumnNames)

    def update_column_statistics_for_partition(
        self, ctx: Context, *, DatabaseName: str, TableName: str, PartitionValues: list[str],
        ColumnStatisticsList: list[dict[str, Any]], CatalogId: str | None = None,
    ) -> Answer:  # fmt: skip
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        return self._update_statistics(table, self._key(table, PartitionValues), ColumnStatisticsList)

    def update_column_statistics_for_table(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        TableName: str,
        ColumnStatisticsList: list[dict[str, Any]],
        CatalogId: str | None = None,
    ) -> Answer:
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        return self._update_statistics(table, _OF_THE_TABLE, ColumnStatisticsList)

    # ---- what they share -----------------------------------------------------------------------------------------

    def _key(self, table: CatalogTable, values: list[str]) -> str:
        return partition_key(self._partition(table, values).values)

    def _delete_statistics(self, table: CatalogTable, key: str, column: str) -> Answer:
        if not self._tables.statistics.delete((table.id, key, column)):
            raise _not_found(column)
        return {}

    def _get_statistics(self, table: CatalogTable, key: str, columns: list[str]) -> Answer:
        found, errors = [], []
        for column in columns:
            statistics = self._tables.statistics.get((table.id, key, column))
            if statistics is None:
                errors.append({"ColumnName": column, "Error": detail(_not_found(column))})
            else:
                found.append(statistics.given)
        return {"ColumnStatisticsList": found, "Errors": errors}

    def _update_statistics(self, table: CatalogTable, key: str, given: list[dict[str, Any]]) -> Answer:
        columns = table.definition.get("StorageDescriptor", {}).get("Columns", []) + table.partition_keys
        known = {column["Name"] for column in columns}
        errors = []
        for statistics in given:
            column = statistics["ColumnName"]
            if column in known:
                self._tables.statistics.put((table.id, key, column), ColumnStatistics(statistics))
            else:
                errors.append({"ColumnStatistics": statistics, "Error": detail(_unknown(column))})
        return {"Errors": errors}


# AWS's sentences for these are not recorded.


def _not_found(column: str) -> EntityNotFound:
    return EntityNotFound(f"Column statistics for column {column} not found.")


def _unknown(column: str) -> EntityNotFound:
    return EntityNotFound(f"Column {column} not found.")
