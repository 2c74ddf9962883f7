"""The capacities of tables and global secondary indexes, as Application Auto Scaling and CloudWatch see them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/AutoScaling.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.scaling import ScalableDimension, Utilization
from fogbank.services.dynamodb.errors import ResourceNotFound, Validation
from fogbank.services.dynamodb.records import Index, TableRecord
from fogbank.services.dynamodb.table_access import TableAccess
from fogbank.services.dynamodb.tables import check_name

NAMESPACE = "AWS/DynamoDB"
ROLE = "dynamodb.application-autoscaling.amazonaws.com"
PUBLISHED_EVERY_MS = 300_000


class Capacity(ScalableDimension):
    """Reads or writes a second of a table, `table/T`, or of an index, `table/T/index/I`."""

    role = ROLE
    steps = False
    cooldown_s = 0

    def __init__(self, tables: "ScalableTables", kind: str, unit: str) -> None:
        self._tables = tables
        self._of_index = kind == "index"
        self._unit = unit
        self.name = f"dynamodb:{kind}:{unit}CapacityUnits"
        self.noun = f"{unit.lower()} capacity units"

    def capacity(self, ctx: Context, resource_id: str) -> int:
        table, index = self._find(ctx, resource_id)
        if table.on_demand:  # AWS's sentence is not published.
            raise Validation(f"The capacity mode of the DynamoDB table is on-demand: {resource_id}")
        owner = index or table
        return owner.read_units if self._unit == "Read" else owner.write_units

    def set_capacity(self, ctx: Context, resource_id: str, units: int) -> None:
        table, index = self._find(ctx, resource_id)
        owner = index or table
        throughput = {"ReadCapacityUnits": owner.read_units, "WriteCapacityUnits": owner.write_units}
        throughput[f"{self._unit}CapacityUnits"] = units
        change: dict[str, Any] = {"ProvisionedThroughput": throughput}
        if index is not None:
            change = {"GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": index.name, **change}}]}
        ctx.cloud.dynamodb.update_table(ctx, TableName=table.name, **change)

    def predefined(self, resource_id: str, name: str) -> Utilization | None:
        if name != f"DynamoDB{self._unit}CapacityUtilization":
            return None
        parts = resource_id.split("/")
        return Utilization(
            namespace=NAMESPACE,
            used=f"Consumed{self._unit}CapacityUnits",
            provisioned=f"Provisioned{self._unit}CapacityUnits",
            dimensions={"TableName": parts[1]} | ({"GlobalSecondaryIndexName": parts[3]} if self._of_index else {}),
        )

    def _find(self, ctx: Context, resource_id: str) -> tuple[TableRecord, Index | None]:
        parts = resource_id.split("/")
        if parts[0] != "table" or parts[2:3] != (["index"] if self._of_index else []) or len(parts) > 4:
            raise Validation("Unsupported service namespace, resource type or scalable dimension")
        return self._tables.scaled(ctx, resource_id, parts[1], parts[3] if self._of_index else None)


class ScalableTables(TableAccess):
    """What `DynamoDBService` offers to be scaled, and the metrics of what is provisioned."""

    _published_ms = 0

    def scalable_dimensions(self) -> list[ScalableDimension]:
        return [Capacity(self, kind, unit) for kind in ("table", "index") for unit in ("Read", "Write")]

    def scaled(
        self, ctx: Context, resource_id: str, table_name: str, index_name: str | None
    ) -> tuple[TableRecord, Index | None]:
        try:
            check_name(table_name)
            table = self._table(ctx, table_name)
        except (ResourceNotFound, Validation):
            raise Validation(f"DynamoDB table does not exist: {resource_id}") from None
        index = table.index(index_name) if index_name is not None else None
        if index_name is not None and (index is None or index.local):
            raise Validation(f"DynamoDB index does not exist: {resource_id}")
        return table, index

    def publish_provisioned(self, now_ms: int) -> None:
        """Every five minutes, what each table and global index has."""
        if now_ms - self._published_ms < PUBLISHED_EVERY_MS:
            return
        self._published_ms = now_ms
        for _, table in self._tables.tables.scan():
            if table.on_demand:
                continue
            owners: list[tuple[TableRecord | Index, dict[str, str]]] = [(table, {})]
            owners += [(i, {"GlobalSecondaryIndexName": i.name}) for i in table.indexes if not i.local]
            for owner, names in owners:
                dimensions = {"TableName": table.name, **names}
                for unit, value in (("Read", owner.read_units), ("Write", owner.write_units)):
                    self.cloud.metrics.add(
                        table.account, table.region, NAMESPACE, f"Provisioned{unit}CapacityUnits", dimensions, value,
                        "Count",
                    )  # fmt: skip
