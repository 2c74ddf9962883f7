"""Importing new tables from S3.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataImport.HowItWorks.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.delegation import kept_caller
from fogbank.core.digest import request_digest
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.services.dynamodb import jobs
from fogbank.services.dynamodb import tables as definitions
from fogbank.services.dynamodb.errors import ImportConflict, ImportNotFound, Validation
from fogbank.services.dynamodb.import_runs import LOG_GROUP, ImportRuns
from fogbank.services.dynamodb.records import Import, Job
from fogbank.services.dynamodb.table_operations import TableOperations

_PARAMETERS = frozenset(
    (
        "AttributeDefinitions",
        "BillingMode",
        "GlobalSecondaryIndexes",
        "KeySchema",
        "OnDemandThroughput",
        "ProvisionedThroughput",
        "SSESpecification",
        "TableName",
    )
)


class Imports(TableOperations):
    """The operations on imports of `DynamoDBService`."""

    _import_runs: ImportRuns

    def import_table(
        self,
        ctx: Context,
        *,
        S3BucketSource: dict[str, Any],
        InputFormat: str,
        TableCreationParameters: dict[str, Any],
        ClientToken: str | None = None,
        InputFormatOptions: dict[str, Any] | None = None,
        InputCompressionType: str = "NONE",
    ) -> Answer:
        if InputFormat not in ("CSV", "DYNAMODB_JSON"):
            raise NotImplementedInFogbank(f"InputFormat {InputFormat} is not implemented in Fogbank.")
        if InputCompressionType not in ("GZIP", "NONE"):
            raise NotImplementedInFogbank(f"InputCompressionType {InputCompressionType} is not implemented in Fogbank.")
        if unknown := TableCreationParameters.keys() - _PARAMETERS:
            raise NotImplementedInFogbank(f"{', '.join(sorted(unknown))} of imports is not implemented in Fogbank.")
        if InputFormatOptions and InputFormat != "CSV":
            raise Validation("InputFormatOptions can only be given with InputFormat CSV")
        digest = request_digest(
            [S3BucketSource, InputFormat, TableCreationParameters, InputFormatOptions, InputCompressionType]
        )
        for _, known in self._tables.imports.scan((ctx.account, ctx.region)):
            if jobs.has_token(known.job, ctx, ClientToken):
                if known.job.digest != digest:
                    raise ImportConflict()
                return {"ImportTableDescription": _describe(known)}
        self.create_table(ctx, **TableCreationParameters)
        table = self._table(ctx, TableCreationParameters["TableName"])
        key = jobs.new_key(ctx, table.name)
        record = Import(
            job=Job(
                arn=f"{table.arn}/import/{key[3]}",
                table_uuid=table.uuid,
                token=ClientToken or "",
                digest=digest,
                started_ms=ctx.now_ms,
                bucket=S3BucketSource["S3Bucket"],
                prefix=S3BucketSource.get("S3KeyPrefix"),
                bucket_owner=S3BucketSource.get("S3BucketOwner"),
                caller=kept_caller(ctx),
            ),
            parameters=TableCreationParameters,
            format=InputFormat,
            options=InputFormatOptions or {},
            compression=InputCompressionType,
            log_group=ctx.arn("logs", f"log-group:{LOG_GROUP}:*"),
        )
        # Nobody uses the table before the import has ended.
        self._tables.tables.delete(key[:3])
        self._tables.restoring.put(key[:3], table)
        self._import_runs.start(ctx, key, record)
        return {"ImportTableDescription": _describe(record)}

    def describe_import(self, ctx: Context, *, ImportArn: str) -> Answer:
        record = self._tables.imports.get(jobs.key_of(ctx, ImportArn))
        if record is None or record.job.arn != ImportArn:
            raise ImportNotFound(f"Import not found: {ImportArn}")
        return {"ImportTableDescription": _describe(record)}

    def list_imports(
        self, ctx: Context, *, TableArn: str | None = None, PageSize: int = jobs.PAGE_MAX, NextToken: str | None = None
    ) -> Answer:
        prefix = (definitions.name_of(TableArn),) if TableArn is not None else ()
        records = (record for _, record in self._tables.imports.scan((ctx.account, ctx.region, *prefix)))
        found, more = jobs.page(ctx, records, NextToken, PageSize)
        return {"ImportSummaryList": [_summary(record) for record in found]} | more


def _summary(record: Import) -> dict[str, Any]:
    job = record.job
    source = {"S3Bucket": job.bucket, "S3KeyPrefix": job.prefix, "S3BucketOwner": job.bucket_owner}
    summary = {
        "ImportArn": job.arn,
        "ImportStatus": job.status,
        "TableArn": job.arn.partition("/import/")[0],
        "S3BucketSource": {member: value for member, value in source.items() if value is not None},
        "CloudWatchLogGroupArn": record.log_group,
        "InputFormat": record.format,
        "StartTime": job.started_ms / 1000,
    }
    return summary | ({"EndTime": job.ended_ms / 1000} if job.ended_ms else {})


def _describe(record: Import) -> dict[str, Any]:
    job = record.job
    description: dict[str, Any] = {
        **_summary(record),
        "TableId": job.table_uuid,
        "InputCompressionType": record.compression,
        "TableCreationParameters": record.parameters,
        "ErrorCount": record.errors,
        "ProcessedSizeBytes": record.size,
        "ProcessedItemCount": record.processed,
        "ImportedItemCount": record.imported,
        **jobs.describe_end(job),
    }
    if job.token:
        description["ClientToken"] = job.token
    if record.options:
        description["InputFormatOptions"] = record.options
    return description
