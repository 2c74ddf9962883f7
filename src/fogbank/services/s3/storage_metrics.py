"""What lies in the buckets, told to CloudWatch at every midnight and to `fogbank status` whenever it asks.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html#s3-cloudwatch-metrics
"""

from typing import Any

from msgspec.structs import replace

from fogbank.core.alarms import Alarm, Alarms
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services.s3.base import S3Base
from fogbank.services.s3.fields import storage
from fogbank.services.s3.lifecycle_rules import midnight_after
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.records import Usage

_MIDNIGHT = ("midnight",)
_NAMESPACE = "AWS/S3"
_TYPES = {
    "STANDARD": "StandardStorage",
    "REDUCED_REDUNDANCY": "ReducedRedundancyStorage",
    "STANDARD_IA": "StandardIAStorage",
    "ONEZONE_IA": "OneZoneIAStorage",
    "INTELLIGENT_TIERING": "IntelligentTieringFAStorage",
    "GLACIER_IR": "GlacierInstantRetrievalStorage",
    "GLACIER": "GlacierStorage",
    "DEEP_ARCHIVE": "DeepArchiveStorage",
}


class StorageMetrics(S3Base):
    """Tells how much lies in each bucket."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._storage_midnights = Alarms(cloud, "s3.storage_midnights", key=(str,), ring=self._tell_storage)

    async def start(self) -> None:
        await super().start()
        await self.cloud.store.run(self._take_over_usage)
        self._storage_midnights.resume()

    def status(self) -> dict[str, Any]:
        """Every bucket with what is in it, the largest first."""
        totals = self._usages.totals()
        found: list[dict[str, Any]] = []
        for (name,), _ in self._tables.buckets.scan():
            total = totals.get(name, Usage())
            found.append({"name": name, "objects": total.objects, "bytes": total.size})
        return {"buckets": sorted(found, key=lambda row: (-row["bytes"], row["name"]))}

    def _tell_storage_daily(self, ctx: Context) -> None:
        """See to it that CloudWatch hears of a new bucket; in the transaction that makes it."""
        if self._storage_midnights.get(_MIDNIGHT) is None:
            self._storage_midnights.set(_MIDNIGHT, midnight_after(ctx.now_ms, 0))

    def _tell_storage(self, key: Any, alarm: Alarm) -> None:
        buckets = [bucket for _, bucket in self._tables.buckets.scan()]
        for bucket in buckets:
            usages = self._usages.of_bucket(bucket.name)
            for storage_class, usage in usages.items():
                if storage_class in _TYPES:
                    self._add_metric(bucket, "BucketSizeBytes", _TYPES[storage_class], usage.size, "Bytes")
            objects = sum(usage.objects for usage in usages.values())
            if objects:
                self._add_metric(bucket, "NumberOfObjects", "AllStorageTypes", objects, "Count")
        if buckets:
            self._storage_midnights.set(_MIDNIGHT, midnight_after(self.cloud.clock.now_ms(), 0))

    def _add_metric(self, bucket: BucketRecord, name: str, storage_type: str, value: float, unit: str) -> None:
        dimensions = {"BucketName": bucket.name, "StorageType": storage_type}
        self.cloud.metrics.add(bucket.account, bucket.region, _NAMESPACE, name, dimensions, value, unit)

    def _take_over_usage(self) -> None:
        """Count what is in buckets of older data folders, which did not keep count."""
        uncounted = [bucket for _, bucket in self._tables.buckets.scan() if not bucket.counted]
        for bucket in uncounted:
            self._count(bucket)
            self._tell_storage_daily(self.cloud.context(account=bucket.account, region=bucket.region))

    def _count(self, bucket: BucketRecord) -> None:
        found: dict[str, Usage] = {}

        def add(storage_class: str, size: int) -> None:
            usage = found.setdefault(storage_class, Usage())
            usage.objects += 1
            usage.size += size

        for table in (self._tables.objects, self._tables.versions):
            for version in table.values((bucket.name,)):
                add(storage(version), version.size)
        for (_, _, upload_id), _ref in self._tables.uploads_of.scan((bucket.name,)):
            upload = self._tables.uploads.get((upload_id,))
            if upload is not None:
                for part in self._tables.parts.values((upload_id,)):
                    add(storage(upload), part.size)
        self._usages.set(bucket.name, found)
        self._tables.buckets.put((bucket.name,), replace(bucket, counted=True))
