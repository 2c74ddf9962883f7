"""Metrics of the requests to buckets that have metrics configurations.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html#s3-request-cloudwatch-metrics
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fogbank.services.s3.named_configs import METRICS, NamedConfigs
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.request_facts import Facts

_NAMESPACE = "AWS/S3"
_LISTS = frozenset(("BUCKET", "BUCKETVERSIONS", "UPLOADS"))
_KINDS = {
    "GET": "GetRequests",
    "PUT": "PutRequests",
    "COPY": "PutRequests",
    "DELETE": "DeleteRequests",
    "HEAD": "HeadRequests",
    "POST": "PostRequests",
}


class RequestMetrics(NamedConfigs):
    """Counts requests by the filters of the buckets that they go to."""

    def _meter(self, bucket: BucketRecord, facts: Facts) -> None:
        """Count a request that has been answered, for every configuration whose filter it passes."""
        for configuration in self._named(bucket.name, METRICS):
            if not self._passes(bucket, facts, configuration.get("Filter", {})):
                continue
            dimensions = {"BucketName": bucket.name, "FilterId": configuration["Id"]}
            for name, value, unit in _measured(facts):
                self.cloud.metrics.add(bucket.account, bucket.region, _NAMESPACE, name, dimensions, value, unit)

    def _passes(self, bucket: BucketRecord, facts: Facts, given: Mapping[str, Any]) -> bool:
        wanted = {**given, **given.get("And", {})}
        if "AccessPointArn" in wanted:
            return False  # There are none that a request could have come through.
        if not facts.key.startswith(wanted.get("Prefix", "")):
            return False
        tags = [*wanted.get("Tags", ()), *([wanted["Tag"]] if "Tag" in wanted else ())]
        if not tags:
            return True
        version = self._tables.objects.get((bucket.name, facts.key))
        return version is not None and all(version.tags.get(tag["Key"]) == tag["Value"] for tag in tags)


def _measured(facts: Facts) -> Iterator[tuple[str, float, str]]:
    yield "AllRequests", 1, "Count"
    kind = "ListRequests" if facts.method == "GET" and facts.resource in _LISTS else _KINDS.get(facts.method)
    if facts.resource == "SELECT":
        kind = "SelectRequests"
    if facts.resource == "MULTI_OBJECT_DELETE":
        kind = "DeleteRequests"
    if kind is not None:
        yield kind, 1, "Count"
    yield "4xxErrors", int(400 <= facts.status < 500), "Count"
    yield "5xxErrors", int(facts.status >= 500), "Count"
    yield "FirstByteLatency", facts.duration_ms, "Milliseconds"
    yield "TotalRequestLatency", facts.duration_ms, "Milliseconds"
    if facts.bytes_in:
        yield "BytesUploaded", facts.bytes_in, "Bytes"
    if facts.bytes_out:
        yield "BytesDownloaded", facts.bytes_out, "Bytes"
