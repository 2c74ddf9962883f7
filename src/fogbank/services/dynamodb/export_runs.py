"""Writing an export to S3, behind the request that asked for it: file by file, read a slice a turn.

What is in S3 is noted with the last key in it, so that an export goes on behind its last file after a crash. The
table's journal tells what items were, so that it does not matter when they are read.
"""

import asyncio
from collections.abc import Iterator
from itertools import islice

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.services.dynamodb import jobs
from fogbank.services.dynamodb.export_files import (
    DataFileWriter,
    change_line,
    data_key,
    folder,
    full_line,
    manifests,
    md5_text,
)
from fogbank.services.dynamodb.items import Key
from fogbank.services.dynamodb.jobs import JobKey
from fogbank.services.dynamodb.journal import Journal, Moment, moment_at
from fogbank.services.dynamodb.records import DataFile, DynamoDBTables, Export, TableRecord

_KIND = "dynamodb.export"
_FILE_BYTES = 16 * 1024 * 1024
_SLICE_BYTES = 128 * 1024
_KEYS_PER_SLICE = 500


class ExportRun(msgspec.Struct):
    """An export that is to be written, or to be gone on with."""

    key: JobKey


class ExportRuns:
    """Writes exports behind the commits that ask for them."""

    def __init__(self, cloud: Cloud, tables: DynamoDBTables, journal: Journal) -> None:
        self._cloud = cloud
        self._tables = tables
        self._journal = journal
        cloud.outbox.handler(_KIND, self._run, payload=ExportRun, on_exhausted=self._give_up)

    def start(self, ctx: Context, key: JobKey, export: Export) -> None:
        self._tables.exports.put(key, export)
        self._tables.count_copies(key[:3], 1)
        self._cloud.outbox.put(ctx, _KIND, lane=export.job.arn, payload=ExportRun(key))

    async def _run(self, ctx: Context, run: ExportRun) -> None:
        export = self._export(run.key)
        if export.job.status != "IN_PROGRESS":
            return
        try:
            await self._put(ctx, export, f"{folder(export)}_started", b"")
            more = True
            while more:
                file, after, more = await self._read_file(ctx, run.key, export)
                written = await self._write_file(ctx, export, file)
                export = await ctx.run(self._note_file, run.key, written, file.size, after)
            for key, content in manifests(export, self._cloud.clock.now_ms()).items():
                await self._put(ctx, export, key, content)
        except AwsError as error:
            await ctx.run(self._give_up, ctx, run, error)
        else:
            await ctx.run(self._end, run.key, None)

    async def _read_file(
        self, ctx: Context, key: JobKey, export: Export
    ) -> tuple[DataFileWriter, tuple[bytes, bytes] | None, bool]:
        """The next file, the last key that was looked at for it, and whether there may be more behind."""
        file, after, more = DataFileWriter(), export.after, True
        while more and file.line_bytes < _FILE_BYTES:
            after, more = await ctx.run(self._add_slice, key, export, file, after)
            await asyncio.sleep(0)  # Everybody else's turn.
        return file, after, more

    def _add_slice(
        self, key: JobKey, export: Export, file: DataFileWriter, after: tuple[bytes, bytes] | None
    ) -> tuple[tuple[bytes, bytes] | None, bool]:
        table = self._tables.tables.peek(key[:3])
        assert table is not None, "a table that is exported cannot be deleted"
        full_at = file.line_bytes + _SLICE_BYTES
        looked_at = 0
        for item_key, line, size in islice(self._lines(table, export, after), _KEYS_PER_SLICE):
            looked_at += 1
            after = item_key[1:]
            if line is not None:
                file.add(line, size)
            if file.line_bytes >= full_at:
                return after, True
        return after, looked_at == _KEYS_PER_SLICE

    def _lines(
        self, table: TableRecord, export: Export, after: tuple[bytes, bytes] | None
    ) -> Iterator[tuple[Key, bytes | None, int]]:
        """Line and charged size of each item, in the order of their keys; None: it has no part in the export."""
        if not export.view:
            moment = Moment(export.moment_number, export.moment_ms)
            for key in self._journal.keys(table.id, after=after):
                stored = self._journal.item_at(key, moment)
                yield (key, None, 0) if stored is None else (key, full_line(stored), stored.size)
            return
        for key in self._journal.changed_keys(table.id, after=after):
            written_ms = self._journal.last_change_ms(key, from_ms=export.from_ms, to_ms=export.to_ms)
            old = self._journal.item_at(key, moment_at(export.from_ms - 1))
            new = self._journal.item_at(key, moment_at(export.to_ms - 1))
            kept = new or old
            if written_ms is None or kept is None:  # What was put and deleted in that time leaves no trace.
                yield key, None, 0
                continue
            shown = old if export.view == "NEW_AND_OLD_IMAGES" else None
            keys = {name: kept.item[name] for name in table.keys}
            size = (new.size if new else 0) + (shown.size if shown else 0)
            yield key, change_line(keys, written_ms=written_ms, new=new, old=shown), size

    async def _write_file(self, ctx: Context, export: Export, file: DataFileWriter) -> DataFile:
        key, content = data_key(export, len(export.files)), file.finish()
        etag = await self._put(ctx, export, key, content)
        return DataFile(key, file.items, md5_text(content), etag)

    async def _put(self, ctx: Context, export: Export, key: str, content: bytes) -> str:
        given = {} if export.job.bucket_owner is None else {"ExpectedBucketOwner": export.job.bucket_owner}
        if export.sse_algorithm == "KMS":
            given["ServerSideEncryption"] = "aws:kms"
            given |= {"SSEKMSKeyId": export.sse_key} if export.sse_key else {}
        there = jobs.with_rights(ctx, export.job)
        answer = await there.call(there.cloud.s3.put_object, Bucket=export.job.bucket, Key=key, Body=content, **given)
        return str(answer["ETag"]).strip('"')

    def _export(self, key: JobKey) -> Export:
        export = self._tables.exports.get(key)
        assert export is not None
        return export

    def _note_file(self, key: JobKey, file: DataFile, size: int, after: tuple[bytes, bytes] | None) -> Export:
        export = self._export(key)
        export.files.append(file)
        export.items += file.items
        export.size += size
        export.after = after
        self._tables.exports.put(key, export)
        return export

    def _give_up(self, ctx: Context, run: ExportRun, error: Exception) -> None:
        self._end(run.key, jobs.failure_of(error))

    def _end(self, key: JobKey, failure: tuple[str, str] | None) -> None:
        export = self._export(key)
        jobs.end(export.job, self._cloud.clock.now_ms(), failure)
        self._tables.exports.put(key, export)
        self._tables.count_copies(key[:3], -1)
