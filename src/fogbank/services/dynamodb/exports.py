"""Exporting tables to S3: all of a table at a moment, or what changed in it between two times.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.HowItWorks.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.delegation import kept_caller
from fogbank.core.digest import request_digest
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.services.dynamodb import jobs
from fogbank.services.dynamodb import tables as definitions
from fogbank.services.dynamodb.backups import Backups, restorable
from fogbank.services.dynamodb.errors import (
    ExportConflict,
    ExportNotFound,
    InvalidExportTime,
    PointInTimeRecoveryUnavailable,
    Validation,
)
from fogbank.services.dynamodb.export_files import folder
from fogbank.services.dynamodb.export_runs import ExportRuns
from fogbank.services.dynamodb.journal import moment_at
from fogbank.services.dynamodb.records import Export, Job, TableRecord

_MINUTE_MS = 60 * 1000
INCREMENT_MIN_MS, INCREMENT_MAX_MS = 15 * _MINUTE_MS, 24 * 60 * _MINUTE_MS


class Exports(Backups):
    """The operations on exports of `DynamoDBService`."""

    _export_runs: ExportRuns

    def export_table_to_point_in_time(
        self,
        ctx: Context,
        *,
        TableArn: str,
        S3Bucket: str,
        ExportTime: float | None = None,
        ClientToken: str | None = None,
        S3BucketOwner: str | None = None,
        S3Prefix: str | None = None,
        S3SseAlgorithm: str = "AES256",
        S3SseKmsKeyId: str = "",
        ExportFormat: str = "DYNAMODB_JSON",
        ExportType: str = "FULL_EXPORT",
        IncrementalExportSpecification: dict[str, Any] | None = None,
    ) -> Answer:
        if ExportFormat != "DYNAMODB_JSON":
            raise NotImplementedInFogbank(f"ExportFormat {ExportFormat} is not implemented in Fogbank.")
        if S3SseKmsKeyId and S3SseAlgorithm != "KMS":
            # AWS's sentence is not published.
            raise Validation("S3SseKmsKeyId can only be given with S3SseAlgorithm KMS")
        table = self._backed_up(ctx, TableArn)
        request = [
            TableArn, S3Bucket, ExportTime, S3BucketOwner, S3Prefix, ExportType, IncrementalExportSpecification,
            *([S3SseAlgorithm, S3SseKmsKeyId] if S3SseAlgorithm == "KMS" else []),
        ]  # fmt: skip
        digest = request_digest(request)
        for _, known in self._tables.exports.scan((ctx.account, ctx.region, table.name)):
            if jobs.has_token(known.job, ctx, ClientToken):
                if known.job.digest != digest:
                    raise ExportConflict()
                return {"ExportDescription": _describe(known)}
        if not table.point_in_time_recovery:
            raise PointInTimeRecoveryUnavailable(f"Point in time recovery is not enabled for table '{table.name}'")
        key = jobs.new_key(ctx, table.name)
        job = Job(
            arn=f"{table.arn}/export/{key[3]}",
            table_uuid=table.uuid,
            token=ClientToken or "",
            digest=digest,
            started_ms=ctx.now_ms,
            bucket=S3Bucket,
            prefix=S3Prefix,
            bucket_owner=S3BucketOwner,
            caller=kept_caller(ctx),
        )
        if ExportType == "INCREMENTAL_EXPORT":
            export = _of_changes(ctx, job, table, IncrementalExportSpecification or {})
        elif IncrementalExportSpecification is not None:
            raise Validation("IncrementalExportSpecification can only be given with ExportType INCREMENTAL_EXPORT")
        else:
            export = self._of_moment(ctx, job, table, ExportTime)
        export.sse_algorithm, export.sse_key = S3SseAlgorithm, S3SseKmsKeyId
        self._export_runs.start(ctx, key, export)
        return {"ExportDescription": _describe(export)}

    def describe_export(self, ctx: Context, *, ExportArn: str) -> Answer:
        export = self._tables.exports.get(jobs.key_of(ctx, ExportArn))
        if export is None or export.job.arn != ExportArn:
            raise ExportNotFound(f"Export not found: {ExportArn}")
        return {"ExportDescription": _describe(export)}

    def list_exports(
        self,
        ctx: Context,
        *,
        TableArn: str | None = None,
        MaxResults: int = jobs.PAGE_MAX,
        NextToken: str | None = None,
    ) -> Answer:
        prefix = (definitions.name_of(TableArn),) if TableArn is not None else ()
        exports = (export for _, export in self._tables.exports.scan((ctx.account, ctx.region, *prefix)))
        found, more = jobs.page(ctx, exports, NextToken, MaxResults)
        return {"ExportSummaries": [_summary(export) for export in found]} | more

    def _of_moment(self, ctx: Context, job: Job, table: TableRecord, wanted_s: float | None) -> Export:
        if wanted_s is None:
            now = self._journal.now()
            return Export(job, ctx.now_ms, now.number, now.time_ms)
        at_ms = round(wanted_s * 1000)
        _check_time(ctx, table, at_ms)
        moment = moment_at(at_ms)
        return Export(job, at_ms, moment.number, moment.time_ms)


def _of_changes(ctx: Context, job: Job, table: TableRecord, wanted: dict[str, Any]) -> Export:
    if "ExportFromTime" not in wanted:
        raise Validation("ExportFromTime must be given for an incremental export")
    from_ms = round(wanted["ExportFromTime"] * 1000)
    to_ms = round(wanted["ExportToTime"] * 1000) if "ExportToTime" in wanted else ctx.now_ms
    for at_ms in (from_ms, to_ms):
        _check_time(ctx, table, at_ms)
    if not INCREMENT_MIN_MS <= to_ms - from_ms <= INCREMENT_MAX_MS:
        # AWS's sentence is not published.
        raise Validation("The time from ExportFromTime to ExportToTime must be 15 minutes to 24 hours")
    view = wanted.get("ExportViewType", "NEW_AND_OLD_IMAGES")
    return Export(job, ctx.now_ms, 0, 0, from_ms=from_ms, to_ms=to_ms, view=view)


def _check_time(ctx: Context, table: TableRecord, at_ms: int) -> None:
    earliest, _ = restorable(table, ctx.now_ms)
    if not earliest <= at_ms <= ctx.now_ms:
        # AWS's sentence is not published.
        raise InvalidExportTime(f"The export time must be between {earliest / 1000} and {ctx.now_ms / 1000}")


def _summary(export: Export) -> dict[str, Any]:
    return {
        "ExportArn": export.job.arn,
        "ExportStatus": export.job.status,
        "ExportType": "INCREMENTAL_EXPORT" if export.view else "FULL_EXPORT",
    }


def _describe(export: Export) -> dict[str, Any]:
    job = export.job
    description: dict[str, Any] = {
        **_summary(export),
        "StartTime": job.started_ms / 1000,
        "TableArn": job.arn.partition("/export/")[0],
        "TableId": job.table_uuid,
        "ExportTime": export.at_ms / 1000,
        "S3Bucket": job.bucket,
        "S3SseAlgorithm": export.sse_algorithm,
        "ExportFormat": "DYNAMODB_JSON",
        **jobs.describe_end(job),
    }
    for member, value in (
        ("ClientToken", job.token),
        ("S3Prefix", job.prefix),
        ("S3BucketOwner", job.bucket_owner),
        ("S3SseKmsKeyId", export.sse_key),
    ):
        if value:
            description[member] = value
    if export.view:
        description["IncrementalExportSpecification"] = {
            "ExportFromTime": export.from_ms / 1000,
            "ExportToTime": export.to_ms / 1000,
            "ExportViewType": export.view,
        }
    if job.status == "COMPLETED":
        description["ExportManifest"] = f"{folder(export)}manifest-summary.json"
        description["BilledSizeBytes"] = export.size
        description["ItemCount"] = export.items
    return description
