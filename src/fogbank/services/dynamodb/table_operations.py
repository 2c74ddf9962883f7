"""Tables and their settings: create, describe, update, delete, list, tag.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithTables.Basics.html
"""

from collections.abc import Iterable, Iterator
from typing import Any

from fogbank.core.context import Context
from fogbank.core.ids import new_id
from fogbank.core.service import Answer, Tagged
from fogbank.core.tags import tag_list
from fogbank.services.dynamodb import tables as definitions
from fogbank.services.dynamodb.backfills import Backfills
from fogbank.services.dynamodb.errors import LimitExceeded, ResourceInUse, ResourceNotFound, Validation
from fogbank.services.dynamodb.global_tables import GlobalTables
from fogbank.services.dynamodb.records import TableRecord
from fogbank.services.dynamodb.resource_policies import ResourcePolicies


class TableOperations(GlobalTables, ResourcePolicies):
    """The operations on tables of `DynamoDBService`."""

    _backfills: Backfills

    def create_table(
        self,
        ctx: Context,
        *,
        TableName: str,
        AttributeDefinitions: list[dict[str, str]],
        KeySchema: list[dict[str, str]],
        BillingMode: str = "PROVISIONED",
        ProvisionedThroughput: dict[str, int] | None = None,
        LocalSecondaryIndexes: list[dict[str, Any]] | None = None,
        GlobalSecondaryIndexes: list[dict[str, Any]] | None = None,
        StreamSpecification: dict[str, Any] | None = None,
        SSESpecification: dict[str, Any] | None = None,
        Tags: list[dict[str, str]] | None = None,
        TableClass: str = "STANDARD",
        DeletionProtectionEnabled: bool = False,
        WarmThroughput: dict[str, int] | None = None,
        OnDemandThroughput: dict[str, int] | None = None,
        ResourcePolicy: str | None = None,
    ) -> Answer:
        TableName = self._own_name(ctx, TableName)
        definitions.check_name(TableName)
        on_demand = BillingMode == "PAY_PER_REQUEST"
        types = definitions.read_types(AttributeDefinitions)
        keys = definitions.read_keys(KeySchema, types)
        reads, writes = definitions.read_units(ProvisionedThroughput, on_demand=on_demand)
        definitions.check_index_lists(LocalSecondaryIndexes, GlobalSecondaryIndexes)
        indexes = [
            definitions.read_index(d, types, local=local, on_demand=on_demand, new_id=self._tables.next_id())
            for local, found in ((True, LocalSecondaryIndexes), (False, GlobalSecondaryIndexes))
            for d in found or ()
        ]
        used = {*keys, *(name for index in indexes for name in index.keys)}
        definitions.check_definitions(types, used)
        for index in indexes:
            if index.local:
                definitions.check_local(index, keys)
        definitions.check_indexes(indexes)
        if self._taken(ctx, TableName):
            raise ResourceInUse(f"Table already exists: {TableName}")
        table = TableRecord(
            id=self._tables.next_id(),
            uuid=new_id(),
            name=TableName,
            account=ctx.account,
            region=ctx.region,
            created_ms=ctx.now_ms,
            keys=keys,
            types=types,
            on_demand=on_demand,
            read_units=reads,
            write_units=writes,
            indexes=indexes,
            tags={tag["Key"]: tag["Value"] for tag in Tags or ()},
            deletion_protection=DeletionProtectionEnabled,
            table_class=TableClass,
        )
        self._encrypt_new(ctx, table, SSESpecification)
        if WarmThroughput is not None:
            definitions.warm_up(table, table, WarmThroughput)
        definitions.set_maximum(table, OnDemandThroughput, on_demand=on_demand)
        definitions.note_maximum(table)
        self._set_stream(ctx, table, StreamSpecification)
        self._save(table)
        if ResourcePolicy is not None:
            self.put_resource_policy(ctx, ResourceArn=table.arn, Policy=ResourcePolicy)
        return {"TableDescription": definitions.describe(table, status="CREATING")}

    def delete_table(self, ctx: Context, *, TableName: str) -> Answer:
        table = self._table(ctx, TableName, wording="Table")
        if table.deletion_protection:
            raise Validation(
                "Resource cannot be deleted as it is currently protected against deletion. "
                "Disable deletion protection first."
            )
        self._leave_global_table(table)
        self._remove(table)
        return {"TableDescription": definitions.describe_deleted(table)}

    def describe_endpoints(self, ctx: Context) -> Answer:
        return {"Endpoints": [{"Address": ctx.endpoint.partition("://")[2], "CachePeriodInMinutes": 1440}]}

    def describe_limits(self, ctx: Context) -> Answer:
        return {
            "AccountMaxReadCapacityUnits": 80_000,
            "AccountMaxWriteCapacityUnits": 80_000,
            "TableMaxReadCapacityUnits": 40_000,
            "TableMaxWriteCapacityUnits": 40_000,
        }

    def describe_table(self, ctx: Context, *, TableName: str) -> Answer:
        ctx = self._at_table(ctx, TableName)
        restoring = self._tables.restoring.get((ctx.account, ctx.region, definitions.name_of(TableName)))
        if restoring is not None:
            return {"Table": definitions.describe(restoring, status="CREATING")}
        table = self._table(ctx, TableName, wording="Table")
        status = "ACTIVE" if self._encryption.is_open(table) else "INACCESSIBLE_ENCRYPTION_CREDENTIALS"
        return {"Table": definitions.describe(table, self._counts.of(table, ctx.now_ms), status=status)}

    def list_tables(self, ctx: Context, *, ExclusiveStartTableName: str | None = None, Limit: int = 100) -> Answer:
        names = sorted(
            key[2]
            for tables in (self._tables.tables, self._tables.restoring)
            for key, _ in tables.scan((ctx.account, ctx.region))
            if ExclusiveStartTableName is None or key[2] > ExclusiveStartTableName
        )
        answer: dict[str, Any] = {"TableNames": names[:Limit]}
        if len(names) > Limit:
            answer["LastEvaluatedTableName"] = names[Limit - 1]
        return answer

    def list_tags_of_resource(self, ctx: Context, *, ResourceArn: str, NextToken: str | None = None) -> Answer:
        table = self._table(ctx, ResourceArn)
        if NextToken is not None:  # All tags are on the one page.
            raise Validation("Invalid NextToken")
        return {"Tags": [{"Key": key, "Value": value} for key, value in table.tags.items()]}

    def tag_resource(self, ctx: Context, *, ResourceArn: str, Tags: list[dict[str, str]]) -> Answer:
        table = self._table(ctx, ResourceArn)
        table.tags |= {tag["Key"]: tag["Value"] for tag in Tags}
        self._save(table)
        return None

    def untag_resource(self, ctx: Context, *, ResourceArn: str, TagKeys: list[str]) -> Answer:
        table = self._table(ctx, ResourceArn)
        table.tags = {key: value for key, value in table.tags.items() if key not in TagKeys}
        self._save(table)
        return None

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for _, table in self._tables.tables.scan((ctx.account, ctx.region)):
            yield Tagged(table.arn, "dynamodb:table", table.tags)

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.tag_resource(ctx, ResourceArn=arn, Tags=tag_list(tags))

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.untag_resource(ctx, ResourceArn=arn, TagKeys=keys)

    def update_table(
        self,
        ctx: Context,
        *,
        TableName: str,
        AttributeDefinitions: list[dict[str, str]] | None = None,
        BillingMode: str | None = None,
        ProvisionedThroughput: dict[str, int] | None = None,
        GlobalSecondaryIndexUpdates: list[dict[str, Any]] | None = None,
        StreamSpecification: dict[str, Any] | None = None,
        SSESpecification: dict[str, Any] | None = None,
        TableClass: str | None = None,
        DeletionProtectionEnabled: bool | None = None,
        WarmThroughput: dict[str, int] | None = None,
        ReplicaUpdates: list[dict[str, Any]] | None = None,
        OnDemandThroughput: dict[str, int] | None = None,
    ) -> Answer:
        table = self._table(ctx, TableName, wording="Table")
        if all(
            given is None
            for given in (
                BillingMode, ProvisionedThroughput, GlobalSecondaryIndexUpdates, StreamSpecification, SSESpecification,
                TableClass, DeletionProtectionEnabled, WarmThroughput, ReplicaUpdates, OnDemandThroughput,
            )
        ):  # fmt: skip
            raise Validation(
                "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates "
                "or SSESpecification or ReplicaUpdates is required"
            )
        if sum("Update" not in update for update in GlobalSecondaryIndexUpdates or ()) > 1:
            raise _one_index_at_a_time()
        for each in (*self._replica_tables(table), table):
            self._change_shared(
                ctx, each, BillingMode, ProvisionedThroughput, WarmThroughput, OnDemandThroughput, AttributeDefinitions,
                GlobalSecondaryIndexUpdates or (),
            )  # fmt: skip
            self._save(each)
        if StreamSpecification is not None:
            self._update_stream(ctx, table, StreamSpecification)
        encrypted = definitions.describe_encryption(table)
        if SSESpecification is not None:
            self._encrypt(ctx, table, SSESpecification)
        if TableClass is not None:
            table.table_class = TableClass
        if DeletionProtectionEnabled is not None:
            table.deletion_protection = DeletionProtectionEnabled
        self._save(table)
        for update in ReplicaUpdates or ():
            self._update_replica(ctx, table, update)
        description = definitions.describe(table, self._counts.of(table, ctx.now_ms), status="UPDATING")
        if encrypted is not None and "SSEDescription" not in description:
            description["SSEDescription"] = encrypted | {"Status": "UPDATING"}
        return {"TableDescription": description}

    def _change_shared(
        self,
        ctx: Context,
        table: TableRecord,
        billing_mode: str | None,
        throughput: dict[str, int] | None,
        warm_throughput: dict[str, int] | None,
        maximum: dict[str, int] | None,
        definitions_given: list[dict[str, str]] | None,
        index_updates: Iterable[dict[str, Any]],
    ) -> None:
        """Change what all replicas of a global table have in common."""
        if throughput is not None or billing_mode is not None:
            _update_throughput(ctx, table, billing_mode, throughput)
        if warm_throughput is not None:
            definitions.warm_up(table, table, warm_throughput)
        definitions.set_maximum(table, maximum, on_demand=table.on_demand)
        if definitions_given is not None:
            table.types |= definitions.read_types(definitions_given)
        for update in index_updates:
            self._update_index(ctx, table, update)
        definitions.note_maximum(table)
        used = {*table.keys, *(name for index in table.indexes for name in index.keys)}
        table.types = {name: kind for name, kind in table.types.items() if name in used}

    def _update_stream(self, ctx: Context, table: TableRecord, specification: dict[str, Any]) -> None:
        if specification["StreamEnabled"] and table.stream is not None:
            raise Validation(f"Table already has an enabled stream: TableName: {table.name}")
        if not specification["StreamEnabled"] and table.stream is None:
            raise Validation(f"Table does not have a stream to disable: TableName: {table.name}")
        if table.stream is not None:
            self._end_stream(table)
        self._set_stream(ctx, table, specification)

    def _update_index(self, ctx: Context, table: TableRecord, update: dict[str, Any]) -> None:
        if len(update) != 1:
            raise Validation(
                "One or more parameter values were invalid: each of GlobalSecondaryIndexUpdates must name exactly one "
                "of Create, Update and Delete"
            )
        ((action, definition),) = update.items()
        if action == "Create":
            if any(index.backfilling for index in table.indexes):
                raise _one_index_at_a_time()
            if table.index(definition["IndexName"]) is not None:
                raise Validation(f"Attempting to create an index which already exists: {definition['IndexName']}")
            index = definitions.read_index(
                definition, table.types, local=False, on_demand=table.on_demand, new_id=self._tables.next_id()
            )
            if sum(not known.local for known in table.indexes) == definitions.GSI_MAX:
                raise LimitExceeded(
                    "Subscriber limit exceeded: GlobalSecondaryIndex count exceeds the per-table limit of "
                    f"{definitions.GSI_MAX}"
                )
            table.indexes.append(index)
            definitions.check_indexes(table.indexes)
            self._backfills.start(ctx, table, index.id)
            return
        found = table.index(definition["IndexName"])
        if found is None or found.local:
            raise ResourceNotFound("Requested resource not found")
        if action == "Delete":
            table.indexes.remove(found)
            table.insights.pop(found.name, None)
            self.cloud.garbage.discard(self._tables.index_items, (found.id,))
            self.cloud.store.after_commit(lambda: self._items.forget((found.id,)))
            return
        if "WarmThroughput" in definition:
            definitions.warm_up(table, found, definition["WarmThroughput"])
        definitions.set_maximum(found, definition.get("OnDemandThroughput"), on_demand=table.on_demand)
        if "ProvisionedThroughput" in definition:
            found.read_units, found.write_units = definitions.read_units(
                definition["ProvisionedThroughput"], on_demand=table.on_demand
            )


def _one_index_at_a_time() -> LimitExceeded:
    return LimitExceeded(
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
    )


def _update_throughput(
    ctx: Context, table: TableRecord, billing_mode: str | None, throughput: dict[str, int] | None
) -> None:
    before = table.on_demand, table.read_units, table.write_units
    if billing_mode is not None:
        table.on_demand = billing_mode == "PAY_PER_REQUEST"
    table.read_units, table.write_units = definitions.read_units(throughput, on_demand=table.on_demand)
    if table.on_demand and not before[0]:
        table.on_demand_since_ms = ctx.now_ms
    if throughput is not None and before == (table.on_demand, table.read_units, table.write_units):
        raise Validation(
            "The provisioned throughput for the table will not change. The requested value equals the current value. "
            f"Current ReadCapacityUnits provisioned for the table: {before[1]}. Requested ReadCapacityUnits: "
            f"{table.read_units}. Current WriteCapacityUnits provisioned for the table: {before[2]}. Requested "
            f"WriteCapacityUnits: {table.write_units}. Refer to the Amazon DynamoDB Developer Guide for current limits "
            "and how to request higher limits."
        )
