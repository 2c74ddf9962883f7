"""Indexes of partitions: kept and described. A filter finds the same partitions with and without them."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.pages import page
from fogbank.core.service import Answer
from fogbank.services.glue.base import GlueBase
from fogbank.services.glue.errors import AlreadyExists, EntityNotFound, InvalidInput, ResourceNumberLimitExceeded
from fogbank.services.glue.records import CatalogTable, PartitionIndex

INDEXES_MAX = 3  # a table's quota


class PartitionIndexes(GlueBase):
    """The operations on partition indexes, of `GlueService`. An index is active once it was made."""

    def create_partition_index(
        self,
        ctx: Context,
        *,
        DatabaseName: str,
        TableName: str,
        PartitionIndex: dict[str, Any],
        CatalogId: str | None = None,
    ) -> Answer:
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        table.indexes.append(index_of(table, PartitionIndex))
        self._save(ctx, CatalogId, table)
        return {}

    def delete_partition_index(
        self, ctx: Context, *, DatabaseName: str, TableName: str, IndexName: str, CatalogId: str | None = None
    ) -> Answer:
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        kept = [index for index in table.indexes if index.name != IndexName.lower()]
        if len(kept) == len(table.indexes):
            raise EntityNotFound(f"Index with the given indexName : {IndexName} does not exist")
        table.indexes = kept
        self._save(ctx, CatalogId, table)
        return {}

    def get_partition_indexes(
        self, ctx: Context, *, DatabaseName: str, TableName: str, CatalogId: str | None = None,
        NextToken: str | None = None,
    ) -> Answer:  # fmt: skip
        table = self._table(ctx, CatalogId, DatabaseName, TableName)
        types = {key["Name"]: key.get("Type", "") for key in table.partition_keys}
        indexes = {index.name: index for index in table.indexes}
        names, token = page(sorted(indexes), NextToken, None)
        found = [
            {
                "IndexName": name,
                "Keys": [{"Name": key, "Type": types.get(key, "")} for key in indexes[name].keys],
                "IndexStatus": "ACTIVE",
            }
            for name in names
        ]
        return {"PartitionIndexDescriptorList": found, **token}


def index_of(table: CatalogTable, given: dict[str, Any]) -> PartitionIndex:
    """The index that a request describes, as another one of the table. AWS's sentences are not recorded."""
    name, keys = given["IndexName"].lower(), given["Keys"]
    if any(index.name == name for index in table.indexes):
        raise AlreadyExists(f"Index with the given indexName : {name} already exists")
    if len(table.indexes) == INDEXES_MAX:
        raise ResourceNumberLimitExceeded(f"A table can have at most {INDEXES_MAX} partition indexes.")
    known = {key["Name"] for key in table.partition_keys}
    unknown = [key for key in keys if key not in known]
    if unknown or len(set(keys)) < len(keys):
        raise InvalidInput("The keys of a partition index must be different partition keys of its table.")
    if any(set(index.keys) == set(keys) for index in table.indexes):
        raise AlreadyExists("There is another index with the same keys.")
    return PartitionIndex(name=name, keys=list(keys))
