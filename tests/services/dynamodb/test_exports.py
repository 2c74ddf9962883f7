"""Exports to S3: what the files hold, whatever is written meanwhile and whenever the server ends."""

import asyncio
import base64
import gzip
import hashlib
import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fogbank.core.cloud import Cloud
from fogbank.services import SERVICES
from fogbank.services.dynamodb.records import DataFile
from tests.conftest import Aws, MovableClock
from tests.patience import eventually
from tests.services.dynamodb.conftest import MakeTable, key_schema

Lines = list[dict[str, Any]]
RECOVERY = {"PointInTimeRecoveryEnabled": True}


@pytest.fixture
def bucket(aws: Aws) -> str:
    name = f"exports-{secrets.token_hex(6)}"
    aws("s3").create_bucket(Bucket=name)
    return name


def recoverable(aws: Aws, make_table: MakeTable) -> str:
    table = make_table("id")
    aws("dynamodb").update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=RECOVERY)
    return str(aws("dynamodb").describe_table(TableName=table)["Table"]["TableArn"])


def put(aws: Aws, table: str, name: str, value: str) -> None:
    aws("dynamodb").put_item(TableName=table, Item={"id": {"S": name}, "v": {"S": value}})


def delete(aws: Aws, table: str, name: str) -> None:
    aws("dynamodb").delete_item(TableName=table, Key={"id": {"S": name}})


def exported(aws: Aws, **wanted: Any) -> dict[str, Any]:
    """The description of an export that has ended."""
    arn = aws("dynamodb").export_table_to_point_in_time(**wanted)["ExportDescription"]["ExportArn"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = aws("dynamodb").describe_export(ExportArn=arn)["ExportDescription"]
        return found if found["ExportStatus"] != "IN_PROGRESS" else None

    found: dict[str, Any] = eventually(ended)
    return found


def read(aws: Aws, bucket: str, key: str) -> bytes:
    return bytes(aws("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def lines(aws: Aws, described: dict[str, Any]) -> tuple[dict[str, Any], Lines]:
    """The summary and the lines of all data files, found as a reader of exports finds them."""
    bucket = described["S3Bucket"]
    summary = json.loads(read(aws, bucket, described["ExportManifest"]))
    found: Lines = []
    for text in read(aws, bucket, summary["manifestFilesS3Key"]).splitlines():
        file = json.loads(text)
        content = read(aws, bucket, file["dataFileS3Key"])
        assert base64.b64encode(hashlib.md5(content).digest()).decode() == file["md5Checksum"]
        of_file = [json.loads(line) for line in gzip.decompress(content).splitlines()]
        assert len(of_file) == file["itemCount"]
        found += of_file
    return summary, found


def test_a_full_export_holds_the_table_as_it_was_at_a_moment(
    aws: Aws, clock: MovableClock, make_table: MakeTable, bucket: str
) -> None:
    arn = recoverable(aws, make_table)
    for name in ("kept", "changed", "gone"):
        put(aws, arn, name, "then")
    clock.advance(s=10)
    at = datetime.fromtimestamp(clock.now_ms() // 1000, UTC)
    clock.advance(s=10)
    put(aws, arn, "changed", "later")
    put(aws, arn, "new", "later")
    delete(aws, arn, "gone")

    described = exported(aws, TableArn=arn, S3Bucket=bucket, S3Prefix="nightly", ExportTime=at)
    summary, found = lines(aws, described)

    items = {name: {"id": {"S": name}, "v": {"S": "then"}} for name in ("changed", "gone", "kept")}
    assert found == [{"Item": item} for item in items.values()]
    export_id = described["ExportArn"].rpartition("/")[2]
    assert described["ExportManifest"] == f"nightly/AWSDynamoDB/{export_id}/manifest-summary.json"
    assert (described["ItemCount"], described["BilledSizeBytes"]) == (3, 36)
    assert (summary["itemCount"], summary["exportType"], summary["version"]) == (3, "FULL_EXPORT", "2020-06-30")
    keys = {entry["Key"] for entry in aws("s3").list_objects_v2(Bucket=bucket)["Contents"]}
    folder = f"nightly/AWSDynamoDB/{export_id}"
    named = ("_started", "manifest-files.json", "manifest-files.checksum", "manifest-summary.json")
    assert {f"{folder}/{name}" for name in (*named, "manifest-summary.checksum")} < keys
    assert lines(aws, exported(aws, TableArn=arn, S3Bucket=bucket))[1] == [
        {"Item": {"id": {"S": name}, "v": {"S": value}}}
        for name, value in (("changed", "later"), ("kept", "then"), ("new", "later"))
    ]


def test_an_incremental_export_holds_what_changed_between_two_times(
    aws: Aws, clock: MovableClock, make_table: MakeTable, bucket: str
) -> None:
    arn = recoverable(aws, make_table)
    for name in ("kept", "changed", "gone"):
        put(aws, arn, name, "then")
    clock.advance(s=10)
    start = datetime.fromtimestamp(clock.now_ms() // 1000, UTC)
    clock.advance(s=10)
    put(aws, arn, "changed", "between")
    put(aws, arn, "changed", "later")
    put(aws, arn, "new", "later")
    delete(aws, arn, "gone")
    put(aws, arn, "brief", "later")
    delete(aws, arn, "brief")
    clock.advance(s=1800)
    end = datetime.fromtimestamp(clock.now_ms() // 1000, UTC)
    clock.advance(s=10)
    put(aws, arn, "changed", "too late")

    times = {"ExportFromTime": start, "ExportToTime": end}
    wanted: dict[str, Any] = {"TableArn": arn, "S3Bucket": bucket, "ExportType": "INCREMENTAL_EXPORT"}
    described = exported(aws, **wanted, IncrementalExportSpecification=times)
    summary, found = lines(aws, described)
    times["ExportViewType"] = "NEW_IMAGE"
    _, only_new = lines(aws, exported(aws, **wanted, IncrementalExportSpecification=times))

    images = {
        line["Keys"]["id"]["S"]: tuple(line.get(image, {}).get("v", {}).get("S") for image in ("OldImage", "NewImage"))
        for line in found
    }
    assert images == {"changed": ("then", "later"), "gone": ("then", None), "new": (None, "later")}
    written_ms = {int(line["Metadata"]["WriteTimestampMicros"]["N"]) // 1000 for line in found}
    assert all(start.timestamp() * 1000 <= ms < end.timestamp() * 1000 for ms in written_ms)
    assert (summary["exportType"], summary["outputView"]) == ("INCREMENTAL_EXPORT", "NEW_AND_OLD_IMAGES")
    assert {line["Keys"]["id"]["S"]: "OldImage" in line for line in only_new} == dict.fromkeys(images, False)
    with pytest.raises(aws("dynamodb").exceptions.ClientError, match="15 minutes"):
        exported(aws, **wanted, IncrementalExportSpecification={"ExportFromTime": end})


def test_an_export_of_an_empty_table_has_one_empty_file(aws: Aws, make_table: MakeTable, bucket: str) -> None:
    described = exported(aws, TableArn=recoverable(aws, make_table), S3Bucket=bucket)

    assert lines(aws, described)[1] == []
    assert described["ItemCount"] == 0


def test_an_export_into_no_bucket_fails_and_says_why(aws: Aws, make_table: MakeTable) -> None:
    arn = recoverable(aws, make_table)

    described = exported(aws, TableArn=arn, S3Bucket="there-is-no-such-bucket")

    assert (described["ExportStatus"], described["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    aws("dynamodb").delete_table(TableName=arn)  # It is not read any more.


def test_a_client_token_begins_one_export_and_lists_have_pages(
    aws: Aws, clock: MovableClock, make_table: MakeTable, bucket: str
) -> None:
    dynamodb = aws("dynamodb")
    arn = recoverable(aws, make_table)
    wanted = {"TableArn": arn, "S3Bucket": bucket, "ClientToken": "once"}
    first = exported(aws, **wanted)

    assert exported(aws, **wanted)["ExportArn"] == first["ExportArn"]
    with pytest.raises(dynamodb.exceptions.ExportConflictException):
        exported(aws, **wanted, S3Prefix="elsewhere")
    clock.advance(s=8 * 3600)
    second = exported(aws, **wanted)["ExportArn"]
    page = dynamodb.list_exports(TableArn=arn, MaxResults=1)
    last = dynamodb.list_exports(TableArn=arn, MaxResults=1, NextToken=page["NextToken"])
    assert [found["ExportSummaries"][0]["ExportArn"] for found in (page, last)] == [first["ExportArn"], second]
    assert "NextToken" not in last


def test_an_export_needs_recovery_and_a_time_that_can_be_recovered(
    aws: Aws, make_table: MakeTable, bucket: str
) -> None:
    dynamodb = aws("dynamodb")
    table = make_table("id")
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]

    with pytest.raises(dynamodb.exceptions.PointInTimeRecoveryUnavailableException):
        exported(aws, TableArn=arn, S3Bucket=bucket)
    with pytest.raises(dynamodb.exceptions.TableNotFoundException):
        exported(aws, TableArn=f"{arn}-not", S3Bucket=bucket)
    with pytest.raises(dynamodb.exceptions.InvalidExportTimeException):
        exported(
            aws, TableArn=recoverable(aws, make_table), S3Bucket=bucket, ExportTime=datetime(2020, 1, 1, tzinfo=UTC)
        )
    with pytest.raises(dynamodb.exceptions.ExportNotFoundException):
        dynamodb.describe_export(ExportArn=f"{arn}/export/01234567890123-a1b2c3d4")
    with pytest.raises(dynamodb.exceptions.ClientError, match="ION"):
        exported(aws, TableArn=arn, S3Bucket=bucket, ExportFormat="ION")


def test_an_export_goes_on_behind_its_last_file_after_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fogbank.services.dynamodb.export_runs._FILE_BYTES", 20_000)
    monkeypatch.setattr("fogbank.services.dynamodb.export_runs._SLICE_BYTES", 5_000)
    items = [{"id": {"S": f"{n:04}"}, "v": {"S": "then"}} for n in range(2000)]

    async def run() -> None:
        cloud = Cloud(tmp_path, services=SERVICES, sync="process")

        async def call(service: str, operation: str, **parameters: Any) -> Any:
            ctx = cloud.context(account="000000000000", region="us-east-1")
            return await ctx.call(getattr(cloud.service(service), operation), **parameters)

        await call("s3", "create_bucket", Bucket="exports")
        created = await call(
            "dynamodb",
            "create_table",
            TableName="large",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=key_schema("id"),
        )
        await call(
            "dynamodb", "update_continuous_backups", TableName="large", PointInTimeRecoverySpecification=RECOVERY
        )
        with cloud.store.transaction():
            ctx = cloud.context(account="000000000000", region="us-east-1")
            for item in items:
                cloud.dynamodb.put_item(ctx, TableName="large", Item=item)
        arn = created["TableDescription"]["TableArn"]
        answer = await call("dynamodb", "export_table_to_point_in_time", TableArn=arn, S3Bucket="exports")
        export = answer["ExportDescription"]["ExportArn"]

        def files() -> list[DataFile]:
            return next(record.files for _, record in cloud.dynamodb._tables.exports.scan())

        while len(files()) < 2:
            await asyncio.sleep(0)
        with cloud.store.transaction():
            cloud.dynamodb.put_item(ctx, TableName="large", Item=items[-1] | {"v": {"S": "later"}})
        assert len(files()) < 5, "the crash comes in the middle"
        await cloud.tasks.stop()
        cloud.store.close()

        cloud = Cloud(tmp_path, services=SERVICES, sync="process")
        await cloud.start()
        while cloud.outbox.pending():
            await asyncio.sleep(0)
        described = (await call("dynamodb", "describe_export", ExportArn=export))["ExportDescription"]
        assert (described["ExportStatus"], described["ItemCount"]) == ("COMPLETED", len(items))
        found = []
        for file in files():
            answer = await call("s3", "get_object", Bucket="exports", Key=file.key)
            body = answer["Body"] if isinstance(answer["Body"], bytes) else await answer["Body"].read()
            found += [json.loads(line)["Item"] for line in gzip.decompress(body).splitlines()]
        assert found == items
        await cloud.stop()

    asyncio.run(run())
