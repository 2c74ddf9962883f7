"""What the Data Catalog stores.

Names of databases, tables and functions are in lower case. A table has a number that no other table ever gets: its
versions (the latest one among them), partitions and statistics lie under it, so that those of a deleted table can be
removed later.
"""

from typing import Any

import msgspec

from fogbank.core.store import Record, Store


class Database(Record):
    """`definition` is the DatabaseInput without its name."""

    name: str
    created_ms: int
    definition: dict[str, Any]
    tags: dict[str, str] = {}


class PartitionIndex(Record):
    name: str
    keys: list[str]


class CatalogTable(Record):
    """A table, or a version of it. `definition` is the TableInput without its name."""

    id: int
    database: str
    name: str
    created_ms: int
    updated_ms: int
    created_by: str
    definition: dict[str, Any]
    version: int = 0
    indexes: list[PartitionIndex] = []

    @property
    def partition_keys(self) -> list[dict[str, Any]]:
        keys: list[dict[str, Any]] = self.definition.get("PartitionKeys", [])
        return keys


class Partition(Record):
    """`definition` is the PartitionInput without its values."""

    values: list[str]
    created_ms: int
    definition: dict[str, Any]


class Function(Record):
    """`definition` is the UserDefinedFunctionInput without its name."""

    name: str
    created_ms: int
    definition: dict[str, Any]


class Policy(Record):
    text: str
    hash: str
    created_ms: int
    updated_ms: int


class ColumnStatistics(Record):
    """`given` is as in the API."""

    given: dict[str, Any]


class GlueTables:
    """All but the policy begin with the catalog's id and region, or with the number of a table."""

    def __init__(self, store: Store) -> None:
        self.databases = store.table("glue.databases", key=(str, str, str), value=Database)
        self.tables = store.table("glue.tables", key=(str, str, str, str), value=CatalogTable)
        self.versions = store.table("glue.table_versions", key=(int, int), value=CatalogTable)
        self.partitions = store.table("glue.partitions", key=(int, str), value=Partition)
        self.statistics = store.table("glue.column_statistics", key=(int, str, str), value=ColumnStatistics)
        self.functions = store.table("glue.functions", key=(str, str, str, str), value=Function)
        self.policies = store.table("glue.policies", key=(str, str), value=Policy)


def partition_key(values: list[str]) -> str:
    """The values of a partition as one part of a key."""
    return msgspec.json.encode(values).decode()
