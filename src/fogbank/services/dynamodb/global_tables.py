"""Global tables, version 2019.11.21: adding regions to a table and taking them away.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GlobalTables.html
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from fogbank.core.context import Context
from fogbank.core.ids import new_id
from fogbank.services.dynamodb import tables as definitions
from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.records import Replica, TableRecord
from fogbank.services.dynamodb.replication import Replication
from fogbank.services.dynamodb.table_access import TableAccess


class GlobalTables(TableAccess):
    """What `DynamoDBService` does to all regions of a global table."""

    _replication: Replication

    def _replica_tables(self, table: TableRecord) -> Iterator[TableRecord]:
        """The table's records in its other regions, to be changed and saved."""
        for region in table.replicas:
            found = self._tables.tables.get((table.account, region, table.name))
            assert found is not None
            yield found

    def _update_replica(self, ctx: Context, table: TableRecord, update: dict[str, Any]) -> None:
        if len(update) != 1:
            raise Validation("Each of ReplicaUpdates must contain one of Create, Update and Delete")
        ((action, wanted),) = update.items()
        region = wanted["RegionName"]
        if region == table.region:
            raise Validation(
                "Cannot add, delete, or update the local region through ReplicaUpdates. Use CreateTable, DeleteTable, "
                "or UpdateTable as required."
            )
        if action == "Create":
            self._add_replica(ctx, table, region, wanted)
            return
        if region not in table.replicas:
            raise Validation(
                "Update global table operation failed because one or more replicas were not part of the global table."
            )
        if action == "Delete":
            replica = self._tables.tables.get((table.account, region, table.name))
            assert replica is not None
            self._leave_global_table(replica)
            del table.replicas[region]
            self._remove(replica)
            return
        for member in (table, *self._replica_tables(table)):
            if region in member.replicas:
                _set_replica(member.replicas[region], wanted)
                self._save(member)
            else:
                if "KMSMasterKeyId" in wanted:
                    self._encrypt(ctx, member, _replica_key(wanted))
                self._set_own(member, wanted)

    def _add_replica(self, ctx: Context, table: TableRecord, region: str, wanted: dict[str, Any]) -> None:
        there = ctx.at(region=region)
        if self._taken(there, table.name):
            raise Validation(
                f"Failed to create a the new replica of table with name: '{table.name}' because one or more replicas "
                "already existed as tables."
            )
        if table.stream is not None and table.stream.view_type != "NEW_AND_OLD_IMAGES":
            raise Validation(
                "One or more parameter values were invalid: Table's StreamViewType must be NEW_AND_OLD_IMAGES"
            )
        new = deepcopy(table)
        new.id, new.uuid, new.region, new.created_ms = self._tables.next_id(), new_id(), region, ctx.now_ms
        new.tags, new.insights, new.deletion_protection, new.point_in_time_recovery = {}, {}, False, False
        new.copies_running, new.restore, new.expiry_id, new.expiry_filling = 0, None, 0, False
        for index in new.indexes:
            index.id, index.backfilling = self._tables.next_id(), False
        new.sse, new.data_key, new.sealing = None, 0, False
        encrypted = (table.sse or {}).get("Enabled") or "KMSMasterKeyId" in wanted
        self._encrypt_new(there, new, _replica_key(wanted) if encrypted else None)
        self._set_own(new, wanted)
        if table.stream is not None:
            self._set_stream(there, new, {"StreamEnabled": True, "StreamViewType": table.stream.view_type})
        home = Replica(since_ms=ctx.now_ms, active=True)
        new.replicas = {table.region: home, **new.replicas}
        for member in (table, *self._replica_tables(table)):
            member.replicas[region] = Replica(since_ms=ctx.now_ms)
            _set_replica(member.replicas[region], wanted)
            self._save(member)
        self._save(new)
        self._replication.fill(ctx, table, region)

    def _set_own(self, table: TableRecord, wanted: dict[str, Any]) -> None:
        """Change what a replica may have different from the others."""
        if "TableClassOverride" in wanted:
            table.table_class = wanted["TableClassOverride"]
        if not table.on_demand and "ProvisionedThroughputOverride" in wanted:
            table.read_units = wanted["ProvisionedThroughputOverride"]["ReadCapacityUnits"]
        definitions.set_maximum(table, wanted.get("OnDemandThroughputOverride"), on_demand=table.on_demand)
        for definition in wanted.get("GlobalSecondaryIndexes", ()):
            index = table.index(definition["IndexName"])
            if index is None:
                raise Validation(f"The table does not have the specified index: {definition['IndexName']}")
            if not table.on_demand and "ProvisionedThroughputOverride" in definition:
                index.read_units = definition["ProvisionedThroughputOverride"]["ReadCapacityUnits"]
            definitions.set_maximum(index, definition.get("OnDemandThroughputOverride"), on_demand=table.on_demand)
        definitions.note_maximum(table)
        self._save(table)

    def _leave_global_table(self, table: TableRecord) -> None:
        """Forget the table in its other regions."""
        for member in self._replica_tables(table):
            member.replicas.pop(table.region, None)
            self._save(member)


def _replica_key(wanted: dict[str, Any]) -> dict[str, Any]:
    """The SSESpecification of a replica: under the key that is named, or DynamoDB's own in the account there."""
    named = {"KMSMasterKeyId": wanted["KMSMasterKeyId"]} if "KMSMasterKeyId" in wanted else {}
    return {"Enabled": True, "SSEType": "KMS", **named}


def _set_replica(replica: Replica, wanted: dict[str, Any]) -> None:
    replica.kms_key = wanted.get("KMSMasterKeyId", replica.kms_key)
    replica.table_class = wanted.get("TableClassOverride", replica.table_class)
