"""Backups on demand, and restoring tables from them or to a point in time.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Backup-and-Restore.html
"""

import secrets
from copy import deepcopy
from typing import Any

from fogbank.core.context import Context
from fogbank.core.ids import new_id
from fogbank.core.service import Answer
from fogbank.services.dynamodb import tables as definitions
from fogbank.services.dynamodb.copies import Copies, Copy
from fogbank.services.dynamodb.errors import (
    BackupInUse,
    BackupNotFound,
    InvalidRestoreTime,
    PointInTimeRecoveryUnavailable,
    TableAlreadyExists,
    TableNotFound,
    Validation,
)
from fogbank.services.dynamodb.journal import DAY_MS, Journal, moment_at
from fogbank.services.dynamodb.records import Backup, Restore, TableRecord
from fogbank.services.dynamodb.table_access import TableAccess

PAGE_MAX = 100
RECOVERY_DAYS_MAX = 35
# A point in time can be restored some minutes after it: AWS says typically five.
RECOVERY_LAG_MS = 5 * 60 * 1000


class Backups(TableAccess):
    """The operations on backups of `DynamoDBService`."""

    _copies: Copies
    _journal: Journal

    def create_backup(self, ctx: Context, *, TableName: str, BackupName: str) -> Answer:
        table = self._backed_up(ctx, TableName)
        key = (table.name, f"{ctx.now_ms:014d}-{secrets.token_hex(4)}")
        backup = Backup(
            id=self._tables.next_id(),
            name=BackupName,
            arn=f"{table.arn}/backup/{key[1]}",
            table=table,
            created_ms=ctx.now_ms,
            data_key=self._encryption.key_for_backup(ctx, table),
        )
        self._tables.backups.put((ctx.account, ctx.region, *key), backup)
        self._copies.start(ctx, Copy(moment=self._journal.now(), table=table.name, into_backup=key))
        return {"BackupDetails": _details(backup)}

    def describe_backup(self, ctx: Context, *, BackupArn: str) -> Answer:
        return {"BackupDescription": _describe(self._backup(ctx, BackupArn)[1])}

    def list_backups(
        self,
        ctx: Context,
        *,
        TableName: str | None = None,
        Limit: int = PAGE_MAX,
        TimeRangeLowerBound: float | None = None,
        TimeRangeUpperBound: float | None = None,
        ExclusiveStartBackupArn: str | None = None,
        BackupType: str = "ALL",
    ) -> Answer:
        table = (definitions.name_of(TableName),) if TableName is not None else ()
        after = None if ExclusiveStartBackupArn is None else (ctx.account, ctx.region, *_key(ExclusiveStartBackupArn))
        found = [
            backup
            for _, backup in self._tables.backups.scan((ctx.account, ctx.region, *table), after=after)
            if (TimeRangeLowerBound is None or backup.created_ms >= TimeRangeLowerBound * 1000)
            and (TimeRangeUpperBound is None or backup.created_ms < TimeRangeUpperBound * 1000)
            and BackupType in ("ALL", "USER")
        ]
        answer: dict[str, Any] = {"BackupSummaries": [_summary(backup) for backup in found[:Limit]]}
        if len(found) > Limit:
            answer["LastEvaluatedBackupArn"] = found[Limit - 1].arn
        return answer

    def delete_backup(self, ctx: Context, *, BackupArn: str) -> Answer:
        key, backup = self._backup(ctx, BackupArn)
        if not backup.available or backup.restores_running:
            raise BackupInUse(f"Backup is in use: {BackupArn}")
        self._tables.backups.delete((ctx.account, ctx.region, *key))
        self.cloud.garbage.discard(self._tables.backup_items, (backup.id,))
        description = _describe(backup)
        description["BackupDetails"]["BackupStatus"] = "DELETED"
        return {"BackupDescription": description}

    def restore_table_from_backup(
        self,
        ctx: Context,
        *,
        TargetTableName: str,
        BackupArn: str,
        BillingModeOverride: str | None = None,
        ProvisionedThroughputOverride: dict[str, int] | None = None,
        GlobalSecondaryIndexOverride: list[dict[str, Any]] | None = None,
        LocalSecondaryIndexOverride: list[dict[str, Any]] | None = None,
        SSESpecificationOverride: dict[str, Any] | None = None,
        OnDemandThroughputOverride: dict[str, int] | None = None,
    ) -> Answer:
        key, backup = self._backup(ctx, BackupArn)
        if not backup.available:
            raise BackupInUse(f"Backup is in use: {BackupArn}")
        if backup.data_key:
            self._encryption.check_key(ctx, backup.data_key)
        target = self._restored(
            ctx, TargetTableName, backup.table, BillingModeOverride, ProvisionedThroughputOverride,
            GlobalSecondaryIndexOverride, LocalSecondaryIndexOverride, SSESpecificationOverride,
            OnDemandThroughputOverride,
        )  # fmt: skip
        target.restore = Restore(backup.table.arn, backup.arn, backup.created_ms)
        return self._start_restore(ctx, target, Copy(from_backup=key, restored=target.name))

    def restore_table_to_point_in_time(
        self,
        ctx: Context,
        *,
        TargetTableName: str,
        SourceTableName: str | None = None,
        SourceTableArn: str | None = None,
        UseLatestRestorableTime: bool = False,
        RestoreDateTime: float | None = None,
        BillingModeOverride: str | None = None,
        ProvisionedThroughputOverride: dict[str, int] | None = None,
        GlobalSecondaryIndexOverride: list[dict[str, Any]] | None = None,
        LocalSecondaryIndexOverride: list[dict[str, Any]] | None = None,
        SSESpecificationOverride: dict[str, Any] | None = None,
        OnDemandThroughputOverride: dict[str, int] | None = None,
    ) -> Answer:
        source = self._backed_up(ctx, SourceTableName or SourceTableArn or "")
        if not source.point_in_time_recovery:
            raise PointInTimeRecoveryUnavailable(f"Point in time recovery is not enabled for table '{source.name}'")
        if UseLatestRestorableTime == (RestoreDateTime is not None):
            raise Validation("Exactly one of UseLatestRestorableTime and RestoreDateTime must be specified")
        earliest, latest = restorable(source, ctx.now_ms)
        at_ms = latest if RestoreDateTime is None else round(RestoreDateTime * 1000)
        if not earliest <= at_ms <= latest:
            # AWS's sentence is not published.
            raise InvalidRestoreTime(f"The restore time must be between {earliest / 1000} and {latest / 1000}")
        self._encryption.check(ctx, source)
        target = self._restored(
            ctx, TargetTableName, source, BillingModeOverride, ProvisionedThroughputOverride,
            GlobalSecondaryIndexOverride, LocalSecondaryIndexOverride, SSESpecificationOverride,
            OnDemandThroughputOverride,
        )  # fmt: skip
        target.restore = Restore(source.arn, "", at_ms)
        return self._start_restore(ctx, target, Copy(moment=moment_at(at_ms), table=source.name, restored=target.name))

    def describe_continuous_backups(self, ctx: Context, *, TableName: str) -> Answer:
        table = self._backed_up(ctx, TableName)
        return {"ContinuousBackupsDescription": _continuous_backups(table, ctx.now_ms)}

    def update_continuous_backups(
        self, ctx: Context, *, TableName: str, PointInTimeRecoverySpecification: dict[str, Any]
    ) -> Answer:
        table = self._backed_up(ctx, TableName)
        enabled = PointInTimeRecoverySpecification["PointInTimeRecoveryEnabled"]
        if enabled and not table.point_in_time_recovery:
            table.recovery_since_ms = ctx.now_ms
        table.recovery_days = PointInTimeRecoverySpecification.get("RecoveryPeriodInDays", RECOVERY_DAYS_MAX)
        table.point_in_time_recovery = enabled
        self._save(table)
        return {"ContinuousBackupsDescription": _continuous_backups(table, ctx.now_ms)}

    # ---- helpers ------------------------------------------------------------------------------------------------

    def _backed_up(self, ctx: Context, name: str) -> TableRecord:
        """The table, whose absence has another name in these operations."""
        table = self._tables.tables.get((ctx.account, ctx.region, self._own_name(ctx, name)))
        if table is None:
            raise TableNotFound(f"Table not found: {name}")
        return table

    def _backup(self, ctx: Context, arn: str) -> tuple[tuple[str, str], Backup]:
        key = _key(arn)
        backup = self._tables.backups.get((ctx.account, ctx.region, *key))
        if backup is None or backup.arn != arn:
            raise BackupNotFound(f"Backup not found: {arn}")
        return key, backup

    def _restored(
        self,
        ctx: Context,
        name: str,
        source: TableRecord,
        billing_mode: str | None,
        throughput: dict[str, int] | None,
        global_indexes: list[dict[str, Any]] | None,
        local_indexes: list[dict[str, Any]] | None,
        encryption: dict[str, Any] | None,
        maximum: dict[str, int] | None,
    ) -> TableRecord:
        """A new table as the source was defined. Streams, expiry, tags and the like are not restored, as in AWS."""
        definitions.check_name(name)
        if self._taken(ctx, name):
            raise TableAlreadyExists(f"Table already exists: {name}")
        on_demand = source.on_demand if billing_mode is None else billing_mode == "PAY_PER_REQUEST"
        units = (source.read_units, source.write_units)
        if throughput is not None or on_demand != source.on_demand:
            units = definitions.read_units(throughput, on_demand=on_demand)
        target = TableRecord(
            id=self._tables.next_id(),
            uuid=new_id(),
            name=name,
            account=ctx.account,
            region=ctx.region,
            created_ms=ctx.now_ms,
            keys=source.keys,
            types=source.types,
            on_demand=on_demand,
            read_units=units[0],
            write_units=units[1],
            table_class=source.table_class,
            max_read_units=source.max_read_units,
            max_write_units=source.max_write_units,
        )
        self._encrypt_new(ctx, target, source.sse if encryption is None else encryption)
        definitions.set_maximum(target, maximum, on_demand=on_demand)
        for local, wanted in ((True, local_indexes), (False, global_indexes)):
            kept = None if wanted is None else {definition["IndexName"] for definition in wanted}
            for index in source.indexes:
                if index.local == local and (kept is None or index.name in kept):
                    target.indexes.append(deepcopy(index))
                    target.indexes[-1].id, target.indexes[-1].backfilling = self._tables.next_id(), False
        definitions.note_maximum(target)
        used = {*target.keys, *(key for index in target.indexes for key in index.keys)}
        target.types = {key: kind for key, kind in source.types.items() if key in used}
        return target

    def _start_restore(self, ctx: Context, target: TableRecord, copy: Copy) -> Answer:
        self._tables.restoring.put((ctx.account, ctx.region, target.name), target)
        self._copies.start(ctx, copy)
        return {"TableDescription": definitions.describe(target, status="CREATING")}


def _key(arn: str) -> tuple[str, str]:
    """The table's name and the backup's id."""
    table, _, backup = definitions.name_of(arn).partition("/backup/")
    return table, backup


def _details(backup: Backup) -> dict[str, Any]:
    return {
        "BackupArn": backup.arn,
        "BackupName": backup.name,
        "BackupSizeBytes": backup.size,
        "BackupStatus": "AVAILABLE" if backup.available else "CREATING",
        "BackupType": "USER",
        "BackupCreationDateTime": backup.created_ms / 1000,
    }


def _summary(backup: Backup) -> dict[str, Any]:
    table = backup.table
    return {"TableName": table.name, "TableId": table.uuid, "TableArn": table.arn, **_details(backup)}


def _describe(backup: Backup) -> dict[str, Any]:
    table = definitions.describe(backup.table)
    features: dict[str, Any] = {
        member: table[member]
        for member in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes", "SSEDescription")
        if member in table
    }
    for index in features.get("LocalSecondaryIndexes", ()):
        _keep_only(index, ("IndexName", "KeySchema", "Projection"))
    for index in features.get("GlobalSecondaryIndexes", ()):
        _keep_only(index, ("IndexName", "KeySchema", "Projection", "ProvisionedThroughput"))
    if "StreamSpecification" in table:
        features["StreamDescription"] = table["StreamSpecification"]
    if backup.table.ttl_attribute:
        features["TimeToLiveDescription"] = {
            "TimeToLiveStatus": "ENABLED",
            "AttributeName": backup.table.ttl_attribute,
        }
    return {
        "BackupDetails": _details(backup),
        "SourceTableDetails": {
            "TableName": table["TableName"],
            "TableId": table["TableId"],
            "TableArn": table["TableArn"],
            "TableSizeBytes": backup.size,
            "KeySchema": table["KeySchema"],
            "TableCreationDateTime": table["CreationDateTime"],
            "ProvisionedThroughput": {
                member: table["ProvisionedThroughput"][member] for member in ("ReadCapacityUnits", "WriteCapacityUnits")
            },
            "ItemCount": backup.items,
            "BillingMode": "PAY_PER_REQUEST" if backup.table.on_demand else "PROVISIONED",
        },
        "SourceTableFeatureDetails": features,
    }


def _keep_only(description: dict[str, Any], members: tuple[str, ...]) -> None:
    for member in description.keys() - set(members):
        del description[member]


def restorable(table: TableRecord, now_ms: int) -> tuple[int, int]:
    """The first and the last moment that the table can be restored to."""
    earliest = max(table.recovery_since_ms, now_ms - table.recovery_days * DAY_MS)
    return earliest, max(earliest, now_ms - RECOVERY_LAG_MS)


def _continuous_backups(table: TableRecord, now_ms: int) -> dict[str, Any]:
    recovery: dict[str, Any] = {"PointInTimeRecoveryStatus": "DISABLED"}
    if table.point_in_time_recovery:
        earliest, latest = restorable(table, now_ms)
        recovery = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": table.recovery_days,
            "EarliestRestorableDateTime": earliest / 1000,
            "LatestRestorableDateTime": latest / 1000,
        }
    return {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery}
