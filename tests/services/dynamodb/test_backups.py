"""Backups, and tables restored from them or to a point in time."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.patience import eventually
from tests.services.dynamodb.conftest import MakeTable, key_schema

INDEX = {"IndexName": "by-v", "KeySchema": key_schema("v"), "Projection": {"ProjectionType": "ALL"}}


def fill(aws: Aws, table: str, names: range, value: str) -> None:
    for first in range(names.start, names.stop, 25):
        items = [{"id": {"S": f"{n:04}"}, "v": {"S": value}} for n in range(first, min(first + 25, names.stop))]
        aws("dynamodb").batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item}} for item in items]})


def contents(aws: Aws, table: str) -> dict[str, str]:
    pages = aws("dynamodb").get_paginator("scan").paginate(TableName=table)
    return {item["id"]["S"]: item["v"]["S"] for page in pages for item in page["Items"]}


def until_restored(aws: Aws, table: str) -> dict[str, Any]:
    def described() -> dict[str, Any] | None:
        found: dict[str, Any] = aws("dynamodb").describe_table(TableName=table)["Table"]
        return found if found["TableStatus"] == "ACTIVE" else None

    found: dict[str, Any] = eventually(described)
    assert found["RestoreSummary"]["RestoreInProgress"] is False
    return found


def until_available(aws: Aws, arn: str) -> dict[str, Any]:
    def described() -> dict[str, Any] | None:
        found: dict[str, Any] = aws("dynamodb").describe_backup(BackupArn=arn)["BackupDescription"]
        return found if found["BackupDetails"]["BackupStatus"] == "AVAILABLE" else None

    found: dict[str, Any] = eventually(described)
    return found


def test_a_backup_holds_the_table_as_it_was_whatever_is_written_while_it_is_taken(
    aws: Aws, make_table: MakeTable
) -> None:
    dynamodb = aws("dynamodb")
    table = make_table("id", GlobalSecondaryIndexes=[INDEX], types={"v": "S"})
    fill(aws, table, range(1100), "old")
    before = contents(aws, table)

    arn = dynamodb.create_backup(TableName=table, BackupName="nightly")["BackupDetails"]["BackupArn"]
    fill(aws, table, range(1000, 1150), "new")
    dynamodb.delete_item(TableName=table, Key={"id": {"S": "0999"}})
    dynamodb.put_item(TableName=table, Item={"id": {"S": "0999"}, "v": {"S": "again"}})
    dynamodb.delete_item(TableName=table, Key={"id": {"S": "0998"}})
    described = until_available(aws, arn)
    dynamodb.restore_table_from_backup(TargetTableName=f"{table}-copy", BackupArn=arn)
    restored = until_restored(aws, f"{table}-copy")

    assert described["SourceTableDetails"]["ItemCount"] == 1100
    assert contents(aws, f"{table}-copy") == before
    assert restored["RestoreSummary"]["SourceBackupArn"] == arn
    found = dynamodb.query(
        TableName=f"{table}-copy",
        IndexName="by-v",
        KeyConditionExpression="v = :v",
        ExpressionAttributeValues={":v": {"S": "old"}},
        Select="COUNT",
    )
    assert found["Count"] == 1100


def test_a_table_is_restored_as_it_was_at_a_time(aws: Aws, clock: MovableClock, make_table: MakeTable) -> None:
    dynamodb = aws("dynamodb")
    table = make_table("id")
    fill(aws, table, range(3), "first")
    recovery = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7}
    dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=recovery)
    clock.advance(s=10)
    fill(aws, table, range(1, 2), "second")
    clock.advance(s=10)
    at = datetime.fromtimestamp(clock.now_ms() // 1000, UTC)
    wanted = contents(aws, table)
    clock.advance(s=10)
    fill(aws, table, range(1, 5), "third")
    dynamodb.delete_item(TableName=table, Key={"id": {"S": "0000"}})

    with pytest.raises(dynamodb.exceptions.InvalidRestoreTimeException):
        dynamodb.restore_table_to_point_in_time(
            SourceTableName=table, TargetTableName=f"{table}-early", RestoreDateTime=at
        )
    clock.advance(s=300)
    dynamodb.restore_table_to_point_in_time(
        SourceTableName=table,
        TargetTableName=f"{table}-then",
        RestoreDateTime=at,
        BillingModeOverride="PAY_PER_REQUEST",
    )
    dynamodb.restore_table_to_point_in_time(
        SourceTableName=table, TargetTableName=f"{table}-now", UseLatestRestorableTime=True
    )
    until_restored(aws, f"{table}-then")
    until_restored(aws, f"{table}-now")

    assert contents(aws, f"{table}-then") == wanted == {"0000": "first", "0001": "second", "0002": "first"}
    assert contents(aws, f"{table}-now") == contents(aws, table)
    described = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert described["PointInTimeRecoveryDescription"]["RecoveryPeriodInDays"] == 7


def test_what_a_table_was_is_forgotten_after_its_recovery_period(
    aws: Aws, clock: MovableClock, make_table: MakeTable
) -> None:
    dynamodb = aws("dynamodb")
    table = make_table("id")
    begun = datetime.fromtimestamp(clock.now_ms() // 1000 + 1, UTC)
    recovery = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 1}
    dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=recovery)
    clock.advance(s=25 * 3600)

    with pytest.raises(dynamodb.exceptions.InvalidRestoreTimeException):
        dynamodb.restore_table_to_point_in_time(
            SourceTableName=table, TargetTableName=f"{table}-copy", RestoreDateTime=begun
        )


def test_backups_are_listed_and_outlive_their_table_until_they_are_deleted(
    aws: Aws, clock: MovableClock, make_table: MakeTable
) -> None:
    dynamodb = aws("dynamodb")
    table, other = make_table("id"), make_table("id")
    arns = []
    for name in ("one", "two", "three"):
        clock.advance(s=1)
        arns.append(dynamodb.create_backup(TableName=table, BackupName=name)["BackupDetails"]["BackupArn"])
        until_available(aws, arns[-1])
    until_available(aws, dynamodb.create_backup(TableName=other, BackupName="other")["BackupDetails"]["BackupArn"])
    dynamodb.delete_table(TableName=table)

    first = dynamodb.list_backups(TableName=table, Limit=2)
    rest = dynamodb.list_backups(TableName=table, ExclusiveStartBackupArn=first["LastEvaluatedBackupArn"])
    listed = first["BackupSummaries"] + rest["BackupSummaries"]
    assert [backup["BackupName"] for backup in listed] == ["one", "two", "three"]
    assert len(dynamodb.list_backups()["BackupSummaries"]) == 4
    deleted = dynamodb.delete_backup(BackupArn=arns[0])["BackupDescription"]
    assert deleted["BackupDetails"]["BackupStatus"] == "DELETED"
    with pytest.raises(dynamodb.exceptions.BackupNotFoundException):
        dynamodb.describe_backup(BackupArn=arns[0])
    dynamodb.restore_table_from_backup(TargetTableName=table, BackupArn=arns[1])
    until_restored(aws, table)


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("create_backup", {"TableName": "nowhere", "BackupName": "abc"}, "TableNotFoundException"),
        ("describe_continuous_backups", {"TableName": "nowhere"}, "TableNotFoundException"),
        (
            "restore_table_to_point_in_time",
            {"SourceTableName": "TABLE", "TargetTableName": "other", "UseLatestRestorableTime": True},
            "PointInTimeRecoveryUnavailableException",
        ),
        (
            "delete_backup",
            {"BackupArn": "arn:aws:dynamodb:us-east-1:000000000000:table/nowhere/backup/0123456789-abcdef"},
            "BackupNotFoundException",
        ),
    ],
)
def test_what_is_not_there_has_an_error_of_its_own(
    aws: Aws, make_table: MakeTable, operation: str, parameters: dict[str, Any], code: str
) -> None:
    table = make_table("id")
    given = {
        name: value.replace("TABLE", table) if isinstance(value, str) else value for name, value in parameters.items()
    }

    with pytest.raises(ClientError) as refusal:
        getattr(aws("dynamodb"), operation)(**given)

    assert refusal.value.response["Error"]["Code"] == code


def test_a_table_that_exists_is_not_restored_over(aws: Aws, make_table: MakeTable) -> None:
    table = make_table("id")
    arn = aws("dynamodb").create_backup(TableName=table, BackupName="abc")["BackupDetails"]["BackupArn"]
    until_available(aws, arn)

    with pytest.raises(aws("dynamodb").exceptions.TableAlreadyExistsException):
        aws("dynamodb").restore_table_from_backup(TargetTableName=table, BackupArn=arn)
