"""Imports from S3: a new table with what the objects hold, and what is said of what does not fit."""

import asyncio
import gzip
import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.core.cloud import Cloud
from fogbank.services import SERVICES
from tests.conftest import Aws
from tests.patience import eventually
from tests.services.dynamodb.conftest import MakeTable, key_schema

INDEX = {"IndexName": "by-n", "KeySchema": key_schema("n"), "Projection": {"ProjectionType": "ALL"}}


@pytest.fixture
def bucket(aws: Aws) -> str:
    name = f"imports-{secrets.token_hex(6)}"
    aws("s3").create_bucket(Bucket=name)
    return name


def parameters(**more: Any) -> dict[str, Any]:
    """The table of an import: `id` is its key, and `n` that of an index."""
    return {
        "TableName": f"table-{secrets.token_hex(6)}",
        "AttributeDefinitions": [
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "n", "AttributeType": "N"},
        ],
        "KeySchema": key_schema("id"),
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [INDEX],
        **more,
    }


def imported(aws: Aws, **wanted: Any) -> dict[str, Any]:
    """The description of an import that has ended."""
    arn = aws("dynamodb").import_table(**wanted)["ImportTableDescription"]["ImportArn"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = aws("dynamodb").describe_import(ImportArn=arn)["ImportTableDescription"]
        return found if found["ImportStatus"] != "IN_PROGRESS" else None

    found: dict[str, Any] = eventually(ended)
    return found


def counts(described: dict[str, Any]) -> tuple[int, int, int]:
    return described["ProcessedItemCount"], described["ImportedItemCount"], described["ErrorCount"]


def test_what_a_table_was_exported_to_can_be_imported(aws: Aws, make_table: MakeTable, bucket: str) -> None:
    dynamodb = aws("dynamodb")
    source = make_table("id")
    dynamodb.update_continuous_backups(
        TableName=source, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    items = [
        {"id": {"S": f"{n:03}"}, "n": {"N": str(n % 7)}, "map": {"M": {"set": {"NS": ["1", "2"]}}}} for n in range(700)
    ]
    for first in range(0, len(items), 25):
        puts = [{"PutRequest": {"Item": item}} for item in items[first : first + 25]]
        dynamodb.batch_write_item(RequestItems={source: puts})
    arn = dynamodb.describe_table(TableName=source)["Table"]["TableArn"]
    export = dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket)["ExportDescription"]["ExportArn"]
    eventually(lambda: dynamodb.describe_export(ExportArn=export)["ExportDescription"]["ExportStatus"] == "COMPLETED")
    folder = f"AWSDynamoDB/{export.rpartition('/')[2]}/data/"

    described = imported(
        aws,
        S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": folder},
        InputFormat="DYNAMODB_JSON",
        InputCompressionType="GZIP",
        TableCreationParameters=parameters(),
    )

    assert described["ImportStatus"] == "COMPLETED"
    assert counts(described) == (700, 700, 0)
    table = described["TableCreationParameters"]["TableName"]
    assert dynamodb.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE"
    pages = dynamodb.get_paginator("scan").paginate(TableName=table)
    assert [item for page in pages for item in page["Items"]] == items
    by_n = dynamodb.query(
        TableName=table,
        IndexName="by-n",
        KeyConditionExpression="n = :n",
        ExpressionAttributeValues={":n": {"N": "3"}},
        Select="COUNT",
    )
    assert by_n["Count"] == 100


def test_csv_of_several_objects_is_one_table(aws: Aws, bucket: str) -> None:
    s3 = aws("s3")
    s3.put_object(Bucket=bucket, Key="data/1.csv", Body=b'id,n,text\na,1,"two\nlines"\nb,2,\n')
    s3.put_object(Bucket=bucket, Key="data/2.csv", Body=b"text,id\nlast,b")
    s3.put_object(Bucket=bucket, Key="elsewhere.csv", Body=b"id\nnot this one\n")

    described = imported(
        aws,
        S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": "data/"},
        InputFormat="CSV",
        TableCreationParameters=parameters(),
    )

    assert counts(described) == (3, 3, 0)
    items = aws("dynamodb").scan(TableName=described["TableCreationParameters"]["TableName"])["Items"]
    assert items == [
        {"id": {"S": "a"}, "n": {"N": "1"}, "text": {"S": "two\nlines"}},
        {"id": {"S": "b"}, "text": {"S": "last"}},
    ]


def test_items_that_do_not_fit_are_counted_and_logged_and_the_others_are_there(aws: Aws, bucket: str) -> None:
    lines = ['{"Item": {"id": {"S": "a"}}}', '{"Item": {"id": {"N": "1"}}}', "{", '{"Item": {"id": {"S": "b"}}}']
    aws("s3").put_object(Bucket=bucket, Key="lines.json", Body="\n".join(lines).encode())
    aws("s3").put_object(Bucket=bucket, Key="packed.json", Body=gzip.compress(lines[0].encode(), mtime=0))

    described = imported(
        aws,
        S3BucketSource={"S3Bucket": bucket},
        InputFormat="DYNAMODB_JSON",
        TableCreationParameters=parameters(),
    )

    assert (described["ImportStatus"], described["FailureCode"]) == ("FAILED", "ItemValidationError")
    assert counts(described) == (5, 2, 3), "two lines, and what is no line at all"
    scanned = aws("dynamodb").scan(TableName=described["TableCreationParameters"]["TableName"])
    assert [item["id"]["S"] for item in scanned["Items"]] == ["a", "b"]
    group = described["CloudWatchLogGroupArn"].split(":")[-2]
    events = aws("logs").filter_log_events(logGroupName=group)["events"]
    pointers = [json.loads(event["message"])["itemS3Pointer"] for event in events]
    assert [(pointer["key"], pointer["itemIndex"]) for pointer in pointers] == [
        ("lines.json", 1),
        ("lines.json", 2),
        ("packed.json", 0),
    ]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ({"S3Bucket": "there-is-no-such-bucket"}, "S3NoSuchBucket"),
        ({"S3KeyPrefix": "nothing/here"}, "S3NoSuchKey"),
    ],
)
def test_an_import_of_nothing_fails_and_leaves_no_table(
    aws: Aws, bucket: str, source: dict[str, str], code: str
) -> None:
    described = imported(
        aws,
        S3BucketSource={"S3Bucket": bucket} | source,
        InputFormat="CSV",
        TableCreationParameters=parameters(),
    )

    assert (described["ImportStatus"], described["FailureCode"]) == ("FAILED", code)
    with pytest.raises(aws("dynamodb").exceptions.ResourceNotFoundException):
        aws("dynamodb").describe_table(TableName=described["TableCreationParameters"]["TableName"])


def test_an_import_of_a_whole_bucket_that_is_empty_makes_an_empty_table(aws: Aws, bucket: str) -> None:
    described = imported(
        aws, S3BucketSource={"S3Bucket": bucket}, InputFormat="DYNAMODB_JSON", TableCreationParameters=parameters()
    )

    assert (described["ImportStatus"], described["ErrorCount"], described["ImportedItemCount"]) == ("COMPLETED", 0, 0)
    assert aws("dynamodb").scan(TableName=described["TableCreationParameters"]["TableName"])["Count"] == 0


def test_a_client_token_begins_one_import_and_a_taken_name_none(aws: Aws, bucket: str) -> None:
    dynamodb = aws("dynamodb")
    aws("s3").put_object(Bucket=bucket, Key="1.csv", Body=b"id\na\n")
    wanted: dict[str, Any] = {
        "S3BucketSource": {"S3Bucket": bucket},
        "InputFormat": "CSV",
        "TableCreationParameters": parameters(),
        "ClientToken": "once",
    }
    first = imported(aws, **wanted)

    assert imported(aws, **wanted)["ImportArn"] == first["ImportArn"]
    with pytest.raises(dynamodb.exceptions.ImportConflictException):
        imported(aws, **wanted | {"TableCreationParameters": parameters()})
    with pytest.raises(dynamodb.exceptions.ResourceInUseException):
        imported(aws, **wanted | {"ClientToken": "again"})
    for member, value in (("InputFormat", "ION"), ("InputCompressionType", "ZSTD")):
        with pytest.raises(ClientError, match=value):
            imported(aws, **wanted | {member: value, "ClientToken": "again"})
    (summary,) = dynamodb.list_imports()["ImportSummaryList"]
    assert summary["ImportArn"] == first["ImportArn"]
    with pytest.raises(dynamodb.exceptions.ImportNotFoundException):
        dynamodb.describe_import(ImportArn=first["ImportArn"] + "0")


def test_an_import_goes_on_behind_its_last_record_after_a_crash(tmp_path: Path) -> None:
    async def run() -> None:
        cloud = Cloud(tmp_path, services=SERVICES, sync="process")

        async def call(service: str, operation: str, **parameters: Any) -> Any:
            ctx = cloud.context(account="000000000000", region="us-east-1")
            return await ctx.call(getattr(cloud.service(service), operation), **parameters)

        await call("s3", "create_bucket", Bucket="imports")
        for name in "ab":
            lines = [f"{name}{n:05},{n}" for n in range(3000)]
            await call("s3", "put_object", Bucket="imports", Key=name, Body="\n".join(["id,n", *lines]).encode())
        answer = await call(
            "dynamodb",
            "import_table",
            S3BucketSource={"S3Bucket": "imports"},
            InputFormat="CSV",
            TableCreationParameters=parameters(TableName="large"),
        )
        arn = answer["ImportTableDescription"]["ImportArn"]

        async def described() -> dict[str, Any]:
            found: dict[str, Any] = await call("dynamodb", "describe_import", ImportArn=arn)
            return dict(found["ImportTableDescription"])

        while (await described())["ImportedItemCount"] < 4000:
            await asyncio.sleep(0)
        assert (await described())["ImportStatus"] == "IN_PROGRESS", "the crash comes in the middle"
        assert (await call("dynamodb", "describe_table", TableName="large"))["Table"]["TableStatus"] == "CREATING"
        await cloud.tasks.stop()
        cloud.store.close()

        cloud = Cloud(tmp_path, services=SERVICES, sync="process")
        await cloud.start()
        while cloud.outbox.pending():
            await asyncio.sleep(0)
        found = await described()
        assert (found["ImportStatus"], counts(found)) == ("COMPLETED", (6000, 6000, 0)), "each record once"
        assert cloud.dynamodb._tables.items.count() == 6000
        assert cloud.dynamodb._tables.index_items.count() == 6000
        await cloud.stop()

    asyncio.run(run())
