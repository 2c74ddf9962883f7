"""Reading an import from S3, behind the request that asked for it: a batch of records a turn.

How many records of which object are in the table is written with them, so that an import goes on behind them after a
crash. The table appears when the import ends; what fails as a whole leaves none.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.services.dynamodb import jobs
from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.import_files import CsvItems, MalformedObject, RecordReader, json_item
from fogbank.services.dynamodb.items import Items, check_size
from fogbank.services.dynamodb.jobs import JobKey
from fogbank.services.dynamodb.records import DynamoDBTables, Import, StoredItem, TableRecord
from fogbank.services.dynamodb.values import Item, check_item

LOG_GROUP = "/aws-dynamodb/imports"
_KIND = "dynamodb.import"
_RECORDS_PER_BATCH = 200
_BYTES_PER_BATCH = 256 * 1024
# Beyond so many, errors are counted and not logged any more.
ERRORS_LOGGED_MAX = 10_000
_NO_OBJECT = ("S3NoSuchKey", "There is no object with the given prefix.")
_ITEM_ERRORS = (
    "ItemValidationError",
    "Some of the items failed validation checks. Please check CloudWatch error logs for more details.",
)

Batch = list[tuple[int, bytes]]
"""Records with their places in the object, the first has 0."""


class ImportRun(msgspec.Struct):
    """An import that is to be read, or to be gone on with."""

    key: JobKey


class ImportRuns:
    """Reads imports behind the commits that ask for them. `remove` removes a table that failed to be imported."""

    def __init__(
        self, cloud: Cloud, tables: DynamoDBTables, items: Items, *, remove: Callable[[TableRecord], None]
    ) -> None:
        self._cloud = cloud
        self._tables = tables
        self._items = items
        self._remove = remove
        cloud.outbox.handler(_KIND, self._run, payload=ImportRun, on_exhausted=self._give_up)

    def start(self, ctx: Context, key: JobKey, record: Import) -> None:
        self._tables.imports.put(key, record)
        logs = self._cloud.logs
        steps: tuple[tuple[Callable[..., Any], dict[str, str]], ...] = (
            (logs.create_log_group, {}),
            (logs.create_log_stream, {"logStreamName": key[3]}),
        )
        for create, named in steps:
            with suppress(AwsError), self._cloud.store.transaction():  # The group may be there already.
                create(ctx, logGroupName=LOG_GROUP, **named)
        self._cloud.outbox.put(ctx, _KIND, lane=record.job.arn, payload=ImportRun(key))

    async def _run(self, ctx: Context, run: ImportRun) -> None:
        if self._import(run.key).job.status != "IN_PROGRESS":
            return
        try:
            while (object_key := await self._next_object(ctx, self._import(run.key))) is not None:
                await self._read_object(ctx, run.key, object_key)
        except AwsError as error:
            await ctx.run(self._give_up, ctx, run, error)
        else:
            await ctx.run(self._end, ctx, run.key)

    async def _next_object(self, ctx: Context, record: Import) -> str | None:
        if record.object_key and not record.object_done:
            return record.object_key
        there = jobs.with_rights(ctx, record.job)
        page = await there.call(
            there.cloud.s3.list_objects_v2,
            Bucket=record.job.bucket,
            Prefix=record.job.prefix or "",
            StartAfter=record.object_key,
            MaxKeys=1,
            **_owner(record),
        )
        return next((str(entry["Key"]) for entry in page.get("Contents", ())), None)

    async def _read_object(self, ctx: Context, key: JobKey, object_key: str) -> None:
        record = self._import(key)
        done = record.object_records if object_key == record.object_key else 0
        table = self._table(key)
        csv_items = CsvItems(record.options.get("Csv", {}), table.types) if record.format == "CSV" else None
        read_item = json_item if csv_items is None else csv_items.item
        batch: Batch = []
        batch_bytes = seen = 0
        malformed = ""
        try:
            async for raw in self._records(ctx, record, object_key):
                if csv_items is not None and csv_items.wants_header:
                    csv_items.read_header(raw)
                    continue
                seen += 1
                if seen <= done:
                    if seen % _RECORDS_PER_BATCH == 0:
                        await asyncio.sleep(0)  # Everybody else's turn.
                    continue
                batch.append((seen - 1, raw))
                batch_bytes += len(raw)
                if len(batch) == _RECORDS_PER_BATCH or batch_bytes >= _BYTES_PER_BATCH:
                    await ctx.run(self._write, ctx, key, object_key, batch, read_item)
                    batch, batch_bytes = [], 0
        except (MalformedObject, Validation) as error:  # Validation: the header is none.
            malformed = str(error)
        await ctx.run(self._write, ctx, key, object_key, batch, read_item, ends=True, malformed=malformed)

    async def _records(self, ctx: Context, record: Import, object_key: str) -> AsyncIterator[bytes]:
        there = jobs.with_rights(ctx, record.job)
        answer = await there.call(there.cloud.s3.get_object, Bucket=record.job.bucket, Key=object_key, **_owner(record))
        body, reader = answer["Body"], RecordReader(gzip=record.compression == "GZIP", quotes=record.format == "CSV")
        if isinstance(body, bytes):
            for raw in reader.feed(body):
                yield raw
        else:
            async for chunk in body:
                for raw in reader.feed(chunk):
                    yield raw
        for raw in reader.finish():
            yield raw

    def _write(
        self,
        ctx: Context,
        key: JobKey,
        object_key: str,
        batch: Batch,
        read_item: Callable[[bytes], Item],
        *,
        ends: bool = False,
        malformed: str = "",
    ) -> None:
        """Put the items of a batch into the table; with `ends`, the object has no more of them."""
        record, table = self._import(key), self._table(key)
        if object_key != record.object_key:
            record.object_key, record.object_records = object_key, 0
        errors: list[tuple[int, str]] = []
        for position, raw in batch:
            try:
                self._put(ctx, table, read_item(raw))
            except Validation as error:
                errors.append((position, error.message))
            record.size += len(raw) + 1
        record.processed += len(batch)
        record.imported += len(batch) - len(errors)
        record.object_records += len(batch)
        record.object_done = ends
        if malformed:
            errors.append((record.object_records, malformed))
        self._log(ctx, record, key[3], errors[: max(ERRORS_LOGGED_MAX - record.errors, 0)])
        record.errors += len(errors)
        self._tables.imports.put(key, record)

    def _put(self, ctx: Context, table: TableRecord, item: Item) -> None:
        stored = StoredItem(check_item(item), item)
        check_size(stored)
        key = self._items.key_of_item(table, item)
        self._items.put(ctx, table, key, self._items.get(key), stored)

    def _log(self, ctx: Context, record: Import, stream: str, errors: list[tuple[int, str]]) -> None:
        if not errors:
            return
        now_ms = self._cloud.clock.now_ms()
        pointer = {"bucket": record.job.bucket, "key": record.object_key}
        events = [
            {
                "timestamp": now_ms,
                "message": msgspec.json.encode(
                    {
                        "level": "ERROR",
                        "importArn": record.job.arn,
                        "itemS3Pointer": pointer | {"itemIndex": position},
                        "errorMessages": [message],
                    }
                ).decode(),
            }
            for position, message in errors
        ]
        with suppress(AwsError), self._cloud.store.transaction():  # Somebody may have deleted the group or the stream.
            self._cloud.logs.put_log_events(
                ctx.refreshed(), logGroupName=LOG_GROUP, logStreamName=stream, logEvents=events
            )

    def _end(self, ctx: Context, key: JobKey) -> None:
        record, table = self._import(key), self._table(key)
        if not record.object_key and record.job.prefix:  # An empty bucket is an empty table.
            self._fail(key, _NO_OBJECT)
            return
        jobs.end(record.job, self._cloud.clock.now_ms(), _ITEM_ERRORS if record.errors else None)
        self._tables.imports.put(key, record)
        self._tables.restoring.delete(key[:3])
        self._tables.tables.put(key[:3], table)

    def _give_up(self, ctx: Context, run: ImportRun, error: Exception) -> None:
        self._fail(run.key, jobs.failure_of(error))

    def _fail(self, key: JobKey, failure: tuple[str, str]) -> None:
        record, table = self._import(key), self._table(key)
        jobs.end(record.job, self._cloud.clock.now_ms(), failure)
        self._tables.imports.put(key, record)
        self._tables.restoring.delete(key[:3])
        self._remove(table)

    def _import(self, key: JobKey) -> Import:
        record = self._tables.imports.get(key)
        assert record is not None
        return record

    def _table(self, key: JobKey) -> TableRecord:
        table = self._tables.restoring.get(key[:3])
        assert table is not None, "a table that is imported cannot be deleted"
        return table


def _owner(record: Import) -> dict[str, str]:
    return {} if record.job.bucket_owner is None else {"ExpectedBucketOwner": record.job.bucket_owner}
