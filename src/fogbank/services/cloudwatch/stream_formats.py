"""What a metric stream sends: a datapoint as JSON or as a summary of OpenTelemetry, and many in a record.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-metric-streams-formats.html
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from fogbank.core.metrics import MINUTE_MS
from fogbank.services.cloudwatch.protobuf import double, fixed64, message, text, varint

RECORD_BYTES = 512 * 1024  # Half of what a record of Firehose may have.
_NS = 1_000_000
# https://ucum.org, as AWS maps its units to them.
_UNITS = {
    "Seconds": "s",
    "Second": "s",
    "Microseconds": "us",
    "Milliseconds": "ms",
    "Bytes": "By",
    "Kilobytes": "kBy",
    "Megabytes": "MBy",
    "Gigabytes": "GBy",
    "Terabytes": "TBy",
    "Bits": "bit",
    "Kilobits": "kbit",
    "Megabits": "Mbit",
    "Gigabits": "Gbit",
    "Terabits": "Tbit",
    "Percent": "%",
    "Count": "{Count}",
    "None": "1",
}


class Update(msgspec.Struct, frozen=True):
    """One metric's minute; `more` are the statistics that the stream adds."""

    namespace: str
    name: str
    dimensions: list[dict[str, str]]
    unit: str
    at_ms: int
    count: float
    total: float
    minimum: float
    maximum: float
    more: dict[str, float]


class Origin(msgspec.Struct, frozen=True):
    """Which stream of which account sends."""

    account: str
    region: str
    stream: str

    @property
    def arn(self) -> str:
        return f"arn:aws:cloudwatch:{self.region}:{self.account}:metric-stream/{self.stream}"


Records = Callable[[Origin, Iterable[Update]], Iterator[bytes]]


def _json_records(origin: Origin, updates: Iterable[Update]) -> Iterator[bytes]:
    """A line for each update."""
    return (b"".join(lines) for lines in _parts(json.dumps(_document(origin, one)).encode() + b"\n" for one in updates))


def _document(origin: Origin, update: Update) -> dict[str, Any]:
    value = {"max": update.maximum, "min": update.minimum, "sum": update.total, "count": update.count}
    return {
        "metric_stream_name": origin.stream,
        "account_id": origin.account,
        "region": origin.region,
        "namespace": update.namespace,
        "metric_name": update.name,
        "dimensions": {one["Name"]: one["Value"] for one in update.dimensions},
        "timestamp": update.at_ms,
        "value": value | update.more,
        "unit": update.unit,
    }


def _opentelemetry(point: Callable[[Update], bytes]) -> Records:
    """An ExportMetricsServiceRequest with its length before it, as a record; `point` is a version's data point."""

    def records(origin: Origin, updates: Iterable[Update]) -> Iterator[bytes]:
        for metrics in _parts(message(2, _metric(one, point(one))) for one in updates):
            resource = message(1, _resource(origin))
            request = message(1, resource + message(2, b"".join(metrics)))
            yield varint(len(request)) + request

    return records


def _resource(origin: Origin) -> bytes:
    attributes = {
        "cloud.provider": "aws",
        "cloud.account.id": origin.account,
        "cloud.region": origin.region,
        "aws.exporter.arn": origin.arn,
    }
    return b"".join(message(1, _attribute(name, text(1, value))) for name, value in attributes.items())


def _metric(update: Update, point: bytes) -> bytes:
    """`Metric` with a summary: the numbers of these fields are the same in both versions."""
    name = text(1, f"amazonaws.com/{update.namespace}/{update.name}") + text(3, _unit(update.unit))
    return name + message(11, message(1, point))


def _point_07(update: Update) -> bytes:
    """Version 0.7 has labels, which are texts."""
    labels = {"Namespace": update.namespace, "MetricName": update.name}
    labels |= {one["Name"]: one["Value"] for one in update.dimensions}
    return b"".join(message(1, text(1, name) + text(2, value)) for name, value in labels.items()) + _values(update)


def _point_10(update: Update) -> bytes:
    """Version 1.0 has attributes, one of which holds all dimensions."""
    pairs = b"".join(message(1, _attribute(one["Name"], text(1, one["Value"]))) for one in update.dimensions)
    attributes = [
        _attribute("Namespace", text(1, update.namespace)),
        _attribute("MetricName", text(1, update.name)),
        _attribute("Dimensions", message(6, pairs)),
    ]
    return _values(update) + b"".join(message(7, attribute) for attribute in attributes)


def _values(update: Update) -> bytes:
    """The extremes are the quantiles 0 and 1, percentiles lie between them."""
    quantiles = {0.0: update.minimum, 1.0: update.maximum}
    quantiles |= {float(name[1:]) / 100: value for name, value in update.more.items()}
    ends_ms = update.at_ms + MINUTE_MS
    head = fixed64(2, update.at_ms * _NS) + fixed64(3, ends_ms * _NS) + fixed64(4, round(update.count))
    points = (double(1, quantile) + double(2, value) for quantile, value in sorted(quantiles.items()))
    return head + double(5, update.total) + b"".join(message(6, point) for point in points)


def _attribute(name: str, value: bytes) -> bytes:
    return text(1, name) + message(2, value)


def _unit(name: str) -> str:
    """Both sides of a rate, as of `Bytes/Second`, are mapped."""
    return "/".join(_UNITS.get(part, part) for part in name.split("/"))


def _parts(encoded: Iterable[bytes]) -> Iterator[list[bytes]]:
    """As many as fit into a record."""
    part: list[bytes] = []
    size = 0
    for data in encoded:
        if part and size + len(data) > RECORD_BYTES:
            yield part
            part, size = [], 0
        part.append(data)
        size += len(data)
    if part:
        yield part


FORMATS: dict[str, Records] = {
    "json": _json_records,
    "opentelemetry0.7": _opentelemetry(_point_07),
    "opentelemetry1.0": _opentelemetry(_point_10),
}
