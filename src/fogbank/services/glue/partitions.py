"""Partitions of the tables of the Data Catalog."""

import zlib
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.pages import page_of_table
from fogbank.core.service import Answer
from fogbank.services.glue.base import GlueBase, place, without
from fogbank.services.glue.errors import AlreadyExists, EntityNotFound, InvalidInput, detail
from fogbank.services.glue.partition_expression import compile_expression
from fogbank.services.glue.records import CatalogTable, Partition, partition_key
from fogbank.services.glue.tables import storage


class Partitions(GlueBase):
    """The operations on partitions, of `GlueService`. Those on batches do what they can and tell what they cannot."""

    def batch_create_partition(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        TableName: str,
        PartitionInputList: list[dict[str, Any]],
        CatalogId: str | None = None,
    ) -> Answer:
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        errors = []
        for given in PartitionInputList:
            try:
                self._create(ctx, table, given)
            except AwsError as error:
                errors.append({"PartitionValues": given.get("Values", []), "ErrorDetail": detail(error)})
        return {"Errors": errors}

    def batch_delete_partition(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        TableName: str,
        PartitionsToDelete: list[dict[str, Any]],
        CatalogId: str | None = None,
    ) -> Answer:
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        errors = []
        for given in PartitionsToDelete:
            try:
                self._delete(table, given["Values"])
            except AwsError as error:
                errors.append({"PartitionValues": given["Values"], "ErrorDetail": detail(error)})
        return {"Errors": errors}

    def batch_get_partition(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        TableName: str,
        PartitionsToGet: list[dict[str, Any]],
        CatalogId: str | None = None,
        AuditContext: dict[str, Any] | None = None,
    ) -> Answer:
        """Those that are not there are left out."""
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        catalog_id = place(ctx, CatalogId)[0]
        asked = {partition_key(given["Values"]): given for given in PartitionsToGet}
        rows = [self._tables.partitions.get((table.id, key)) for key in asked]
        return {
            "Partitions": [_answer(catalog_id, table, partition) for partition in rows if partition is not None],
            "UnprocessedKeys": [],
        }

    def batch_update_partition(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        TableName: str,
        Entries: list[dict[str, Any]],
        CatalogId: str | None = None,
    ) -> Answer:
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        errors = []
        for entry in Entries:
            try:
                self._update(table, entry["PartitionValueList"], entry["PartitionInput"])
            except AwsError as error:
                errors.append({"PartitionValueList": entry["PartitionValueList"], "ErrorDetail": detail(error)})
        return {"Errors": errors}

    def create_partition(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        TableName: str,
        PartitionInput: dict[str, Any],
        CatalogId: str | None = None,
    ) -> Answer:
        self._create(ctx, self._table(ctx, CatalogId, DatabaseName, TableName), PartitionInput)
        return {}

    def delete_partition(
        self, ctx: Context, *, DatabaseName: str, TableName: str, PartitionValues: list[str],
        CatalogId: str | None = None,
    ) -> Answer:  # fmt: skip
        self._delete(self._table(ctx, CatalogId, DatabaseName, TableName), PartitionValues)
        return {}

    def get_partition(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        TableName: str,
        PartitionValues: list[str],
        CatalogId: str | None = None,
        AuditContext: dict[str, Any] | None = None,
    ) -> Answer:
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        partition = self._partition(table, PartitionValues)
        return {"Partition": _answer(place(ctx, CatalogId)[0], table, partition)}

    def get_partitions(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        TableName: str,
        CatalogId: str | None = None,
        Expression: str | None = None,
        NextToken: str | None = None,
        Segment: dict[str, int] | None = None,
        MaxResults: int | None = None,
        ExcludeColumnSchema: bool = False,
        AuditContext: dict[str, Any] | None = None,
    ) -> Answer:
        """The segments share the partitions among them: each is in one, whatever else there is."""
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        test = compile_expression(Expression, table.partition_keys) if Expression and Expression.strip() else None
        number, segments = (Segment["SegmentNumber"], Segment["TotalSegments"]) if Segment else (0, 1)
        if number >= segments:
            # AWS's sentence is not recorded.
            raise InvalidInput("SegmentNumber must be less than TotalSegments.")

        def wanted(key: tuple[Any, ...], partition: Partition) -> bool:
            if segments > 1 and zlib.crc32(key[1].encode()) % segments != number:
                return False
            return test is None or test(partition.values)

        rows, token = page_of_table(self._tables.partitions, (table.id,), NextToken, MaxResults, wanted=wanted)
        catalog_id = place(ctx, CatalogId)[0]
        found = [_answer(catalog_id, table, partition) for _, partition in rows]
        if ExcludeColumnSchema:
            for answer in found:
                answer.get("StorageDescriptor", {}).pop("Columns", None)
        return {"Partitions": found, **token}

    def update_partition(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        TableName: str,
        PartitionValueList: list[str],
        PartitionInput: dict[str, Any],
        CatalogId: str | None = None,
    ) -> Answer:
        """The whole definition is replaced; with other values, the partition moves to them."""
        self._update(self._table(ctx, CatalogId, DatabaseName, TableName), PartitionValueList, PartitionInput)
        return {}

    # ---- what they share -----------------------------------------------------------------------------------------

    def _partition(self, table: CatalogTable, values: list[str]) -> Partition:
        found = self._tables.partitions.get((table.id, partition_key(values)))
        if found is None:
            raise EntityNotFound("Cannot find partition.")
        return found

    def _create(self, ctx: Context, table: CatalogTable, given: dict[str, Any]) -> None:
        self._put_new(table, Partition(_values(table, given), ctx.now_ms, _definition(given)))

    def _put_new(self, table: CatalogTable, partition: Partition) -> None:
        key = (table.id, partition_key(partition.values))
        if self._tables.partitions.get(key) is not None:
            raise AlreadyExists("Partition already exists.")
        self._tables.partitions.put(key, partition)

    def _update(self, table: CatalogTable, values: list[str], given: dict[str, Any]) -> None:
        partition = self._partition(table, values)
        moved = Partition(_values(table, given), partition.created_ms, _definition(given))
        if moved.values == values:
            self._tables.partitions.put((table.id, partition_key(values)), moved)
            return
        self._put_new(table, moved)
        self._delete(table, values)

    def _delete(self, table: CatalogTable, values: list[str]) -> None:
        key = partition_key(values)
        if not self._tables.partitions.delete((table.id, key)):
            raise EntityNotFound("Cannot find partition.")
        self._tables.statistics.delete_all((table.id, key))


def _values(table: CatalogTable, given: dict[str, Any]) -> list[str]:
    values: list[str] = given.get("Values", [])
    if len(values) != len(table.partition_keys):
        raise InvalidInput("The number of partition keys do not match the number of partition values")
    return values


def _definition(given: dict[str, Any]) -> dict[str, Any]:
    definition = without(given, name="Values")
    if "StorageDescriptor" in definition:
        definition["StorageDescriptor"] = storage(definition["StorageDescriptor"])
    return definition


def _answer(catalog_id: str, table: CatalogTable, partition: Partition) -> dict[str, Any]:
    return {
        "Values": partition.values,
        "DatabaseName": table.database,
        "TableName": table.name,
        "CreationTime": partition.created_ms / 1000,
        **partition.definition,
        "CatalogId": catalog_id,
    }
