"""S3 as a destination, in its two forms.

https://docs.aws.amazon.com/firehose/latest/APIReference/API_ExtendedS3DestinationConfiguration.html
"""

import asyncio
from collections import deque
from typing import Any, ClassVar

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.delegation import NotPermitted
from fogbank.services.firehose import conversion, processors, s3_settings
from fogbank.services.firehose.batches import Batches, Hints
from fogbank.services.firehose.destination import S3_RETRY, DeliveryFailed, Destination, Retry, Settings
from fogbank.services.firehose.errors import InvalidArgument
from fogbank.services.firehose.failures import CONVERSION_FAILED, PROCESSING_FAILED, conversion_error_output
from fogbank.services.firehose.object_names import LAMBDA, QUERY, read_prefix, time_zone
from fogbank.services.firehose.records import FAILED, Batch, Chunk, DeliveryStream, items_of
from fogbank.services.firehose.roles import as_role
from fogbank.services.firehose.s3_objects import S3Objects
from fogbank.services.firehose.stream_metrics import StreamMetrics

# Whole batches of records are in memory while they are converted.
CONVERSIONS_AT_ONCE_MAX = 2
LARGE_MB, LARGE_MB_MIN = 128, 64
_PARTITIONING_RETRY_S = 300

_GLUE_DENIED = (
    "Access was denied. Ensure that the trust policy for the provided IAM role allows Firehose to assume the role, and "
    "the access policy allows access to the AWS Glue API."
)


class S3Destination(Destination):
    """S3 with nothing but the common settings."""

    metric: ClassVar[str] = "DeliveryToS3"

    def __init__(self, cloud: Cloud, batches: Batches, objects: S3Objects, metrics: StreamMetrics) -> None:
        self._cloud = cloud
        self._batches = batches
        self._objects = objects
        self._metrics = metrics
        self._conversions = asyncio.Semaphore(CONVERSIONS_AT_ONCE_MAX)

    def complete(self, given: Settings) -> Settings:
        return s3_settings.complete({name: given[name] for name in s3_settings.MEMBERS if name in given})

    def updated(self, settings: Settings, update: Settings) -> Settings:
        return settings | update

    def describe(self, settings: Settings) -> dict[str, Any]:
        return {"S3DestinationDescription": s3_settings.describe(settings)}

    def arn(self, settings: Settings) -> str:
        return str(settings["BucketARN"])

    def roles(self, settings: Settings) -> list[str]:
        return [settings["RoleARN"]]

    def hints(self, settings: Settings) -> Hints:
        return Hints.of(settings["BufferingHints"])

    def backup(self, settings: Settings) -> Settings | None:
        return None

    def errors(self, settings: Settings) -> Settings:
        return settings

    def error_type(self, settings: Settings) -> str:
        return ""

    def retry(self, settings: Settings) -> Retry:
        return S3_RETRY

    async def deliver(self, ctx: Context, stream: DeliveryStream, batch_id: int, batch: Batch) -> None:
        if converts(stream.settings):
            async with self._conversions:
                configuration = stream.settings["DataFormatConversionConfiguration"]
                await self._convert(ctx, stream, batch_id, batch, configuration)
            return
        delimiter = processors.delimiter(stream.settings)
        written = await self._objects.put(ctx, stream, stream.settings, batch_id, batch, delimiter=delimiter)
        await ctx.run(self._batches.remove, stream.id, batch_id)
        self._count(stream, batch, written.records, written.size)

    async def _convert(
        self, ctx: Context, stream: DeliveryStream, batch_id: int, batch: Batch, configuration: dict[str, Any]
    ) -> None:
        try:
            role = configuration["SchemaConfiguration"]["RoleARN"]
            schema = await conversion.read_schema(as_role(ctx, role, stream), configuration)
        except NotPermitted as error:
            raise DeliveryFailed("AccessDenied", _GLUE_DENIED) from error
        except conversion.SchemaNotFound as error:
            raise DeliveryFailed(error.code, str(error)) from error
        chunks = [chunk async for some in self._batches.slices(batch_id) for chunk in some]
        records = [record for chunk in chunks for record in chunk.data]
        in_thread = self._cloud.blobs.in_thread
        converted = await in_thread(conversion.convert, schema, configuration, records)
        if converted.file:
            extension = conversion.file_extension(configuration)
            await self._objects.put_file(ctx, stream, stream.settings, batch, converted.file, extension)
        now_ms = self._cloud.clock.now_ms()
        failures = await in_thread(_error_output, chunks, converted.failed, schema.table, now_ms)
        await ctx.run(self._settle_conversion, stream, batch_id, failures)
        self._count_conversion(stream, records, converted)
        if converted.file:
            self._count(stream, batch, len(records) - len(converted.failed), len(converted.file))

    def _settle_conversion(self, stream: DeliveryStream, batch_id: int, failures: Chunk | None) -> None:
        """What could not be converted becomes error output in the transaction that removes the batch."""
        if not self._batches.is_there(stream.id, batch_id):
            return
        if failures is not None:
            self._batches.append(stream, FAILED, failures, self.hints(stream.settings), partition=CONVERSION_FAILED)
        self._batches.remove(stream.id, batch_id)

    def _count_conversion(self, stream: DeliveryStream, records: list[bytes], converted: conversion.Converted) -> None:
        failed = len(converted.failed)
        failed_size = sum(len(records[each.place]) for each in converted.failed)
        size = sum(map(len, records)) - failed_size
        for outcome, count, total in (("Succeed", len(records) - failed, size), ("Failed", failed, failed_size)):
            self._metrics.add(stream, f"{outcome}Conversion.Records", count)
            self._metrics.add(stream, f"{outcome}Conversion.Bytes", total)

    def _count(self, stream: DeliveryStream, batch: Batch, records: int, size: int) -> None:
        age_ms = self._cloud.clock.now_ms() - batch.opened_ms
        self._metrics.delivered(stream, self.metric, records, size, age_ms)
        if batch.partition_keys:
            self._metrics.add(stream, "DeliveryToS3.ObjectCount", 1)


class ExtendedS3Destination(S3Destination):
    """S3 with processing, conversion, dynamic partitioning and backup."""

    def complete(self, given: Settings) -> Settings:
        partitioning = _partitioning(given.get("DynamicPartitioningConfiguration"))
        converted = given.get("DataFormatConversionConfiguration", {"Enabled": False}).get("Enabled", True)
        large = partitioning["Enabled"] or converted
        size_mb = LARGE_MB if large else s3_settings.BUFFERED_MB
        settings = s3_settings.complete(given, size_mb=size_mb, partitioned=partitioning["Enabled"])
        if large and settings["BufferingHints"]["SizeInMBs"] < LARGE_MB_MIN:
            why = "Dynamic Partitioning" if partitioning["Enabled"] else "data format conversion"
            raise InvalidArgument(f"BufferingHints.SizeInMBs must be at least {LARGE_MB_MIN} when {why} is enabled.")
        time_zone(settings.get("CustomTimeZone", ""))
        settings["S3BackupMode"] = given.get("S3BackupMode", "Disabled")
        if "S3BackupConfiguration" in given:
            settings["S3BackupConfiguration"] = s3_settings.complete(given["S3BackupConfiguration"])
        elif settings["S3BackupMode"] == "Enabled":
            raise InvalidArgument("S3BackupConfiguration must be specified when S3BackupMode is Enabled")
        if "DataFormatConversionConfiguration" in given:
            found = {"Enabled": True, **given["DataFormatConversionConfiguration"]}
            settings["DataFormatConversionConfiguration"] = found
            if converted:
                conversion.check_conversion(found)
                if settings["CompressionFormat"] != "UNCOMPRESSED":
                    raise InvalidArgument(
                        "CompressionFormat must be UNCOMPRESSED when data format conversion is enabled."
                    )
        if "DynamicPartitioningConfiguration" in given:
            settings["DynamicPartitioningConfiguration"] = partitioning
        configuration = processors.complete(given.get("ProcessingConfiguration"), given["RoleARN"])
        if "ProcessingConfiguration" in given:
            settings["ProcessingConfiguration"] = configuration
        _check_processing(settings, processors.read(configuration), partitioned=partitioning["Enabled"])
        return settings

    def updated(self, settings: Settings, update: Settings) -> Settings:
        after = settings | update
        if "DataFormatConversionConfiguration" in update:
            before = settings.get("DataFormatConversionConfiguration", {})
            after["DataFormatConversionConfiguration"] = conversion.updated(
                before, update["DataFormatConversionConfiguration"]
            )
        backup = after.pop("S3BackupUpdate", None)
        if backup is not None:
            after["S3BackupConfiguration"] = settings.get("S3BackupConfiguration", {}) | backup
        if settings and is_partitioned(settings) != is_partitioned(after):
            raise InvalidArgument("Dynamic Partitioning can only be enabled when a delivery stream is created.")
        return after

    def describe(self, settings: Settings) -> dict[str, Any]:
        """In both ways: clients that know only the older one find what they know."""
        extended = dict(settings)
        if "S3BackupConfiguration" in extended:
            extended["S3BackupDescription"] = s3_settings.describe(extended.pop("S3BackupConfiguration"))
        return {
            "S3DestinationDescription": s3_settings.describe(settings),
            "ExtendedS3DestinationDescription": extended,
        }

    def roles(self, settings: Settings) -> list[str]:
        roles = [settings["RoleARN"]]
        if "S3BackupConfiguration" in settings:
            roles.append(settings["S3BackupConfiguration"]["RoleARN"])
        if converts(settings):
            roles.append(settings["DataFormatConversionConfiguration"]["SchemaConfiguration"]["RoleARN"])
        return roles

    def backup(self, settings: Settings) -> Settings | None:
        found: Settings | None = settings["S3BackupConfiguration"] if settings["S3BackupMode"] == "Enabled" else None
        return found

    def error_type(self, settings: Settings) -> str:
        return PROCESSING_FAILED if is_partitioned(settings) else ""

    def retry(self, settings: Settings) -> Retry:
        if not is_partitioned(settings):
            return S3_RETRY
        duration_s = settings["DynamicPartitioningConfiguration"]["RetryOptions"]["DurationInSeconds"]
        return S3_RETRY._replace(duration_ms=duration_s * 1000)


def is_partitioned(settings: Settings) -> bool:
    return bool(settings.get("DynamicPartitioningConfiguration", {}).get("Enabled"))


def converts(settings: Settings) -> bool:
    return bool(settings.get("DataFormatConversionConfiguration", {}).get("Enabled"))


def _partitioning(given: Settings | None) -> Settings:
    retry = {"DurationInSeconds": _PARTITIONING_RETRY_S}
    found = {"Enabled": False, **(given or {})}
    if found["Enabled"]:
        found["RetryOptions"] = retry | found.get("RetryOptions", {})
    return found


def _check_processing(settings: Settings, processing: processors.Processing, *, partitioned: bool) -> None:
    if not partitioned:
        if processing.query is not None:
            raise InvalidArgument(
                "MetadataExtraction processor can only be present when Dynamic Partitioning is enabled."
            )
        if processing.split is not None:
            raise InvalidArgument(
                "RecordDeAggregation processor can only be present when Dynamic Partitioning is enabled."
            )
        return
    keys = read_prefix(settings.get("Prefix", "")).keys
    if not keys:
        raise InvalidArgument(
            "S3 Prefix should contain Dynamic Partitioning namespaces when Dynamic Partitioning is enabled."
        )
    if any(key.startswith(QUERY) for key in keys) and processing.query is None:
        raise InvalidArgument(f"MetadataExtraction processor should be present when S3 Prefix has {QUERY} namespace.")
    if any(key.startswith(LAMBDA) for key in keys) and processing.function is None:
        raise InvalidArgument(f"Lambda processor should be present when S3 Prefix has {LAMBDA} namespace.")
    if not any(key.startswith(QUERY) for key in keys) and processing.query is not None:
        raise InvalidArgument(
            f"S3 Prefix should contain {QUERY} namespace when MetadataExtraction processor is present."
        )


def _error_output(
    chunks: list[Chunk], failed: list[conversion.Failed], table: dict[str, str], now_ms: int
) -> Chunk | None:
    """The lines of error output for the records that could not be converted; on a thread."""
    lines: list[bytes] = []
    arrived_ms = now_ms
    start = 0
    waiting = deque(failed)
    for chunk in chunks:
        end = start + len(chunk.data)
        items = list(items_of(chunk)) if waiting and waiting[0].place < end else []
        while waiting and waiting[0].place < end:
            each = waiting.popleft()
            item = items[each.place - start]
            arrived_ms = min(arrived_ms, item.arrived_ms)
            lines.append(conversion_error_output(item, each.code, each.message, table, now_ms))
        start = end
    return Chunk(arrived_ms, lines) if lines else None
