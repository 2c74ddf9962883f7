"""The embedded metric format: log events that say which of their members are metrics.

What is not in the format as a whole makes no datapoint and is a parsing error; what breaks a limit of the format or of
PutMetricData makes none and is a validation error. Both are counted in AWS/Logs.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.json_text import NOT_JSON, parse
from fogbank.services.logs.datapoints import VALUE_MAX, Datapoints, Series
from fogbank.services.logs.records import Arrived, Group

DIMENSIONS_MAX = 30  # of one dimension set
METRICS_MAX = 100  # of one directive
VALUES_MAX = 100  # of one metric in one event
NAME_MAX = 255  # of namespaces and metrics in PutMetricData
DIMENSION_NAME_MAX = 250
DIMENSION_VALUE_MAX = 1024
TOO_OLD_MS = 14 * 86_400_000  # PutMetricData: timestamps between two weeks past and two hours ahead
TOO_NEW_MS = 2 * 3_600_000
_SIZES = (
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
)
UNITS = frozenset(
    (
        *("Seconds", "Microseconds", "Milliseconds", "Percent", "None"),
        *(f"{what}{rate}" for what in ("Count", *_SIZES) for rate in ("", "/Second")),
    )
)
_MARK = '"_aws"'


class _Metric(msgspec.Struct):
    name: str = msgspec.field(name="Name")
    unit: str = msgspec.field(name="Unit", default="None")
    resolution_s: int = msgspec.field(name="StorageResolution", default=60)


class _Directive(msgspec.Struct):
    namespace: str = msgspec.field(name="Namespace")
    dimensions: list[list[str]] = msgspec.field(name="Dimensions")
    metrics: list[_Metric] = msgspec.field(name="Metrics")


class _Metadata(msgspec.Struct):
    directives: list[_Directive] = msgspec.field(name="CloudWatchMetrics")
    timestamp: float = msgspec.field(name="Timestamp")


class _Invalid(Exception):
    """A limit of the format is broken."""


def embedded(ctx: Context, arrived: list[Arrived]) -> list[Arrived]:
    """The events that may be in the format."""
    return arrived if _claimed(ctx) else [event for event in arrived if _MARK in event[2]]


def publish_embedded(ctx: Context, group: Group, events: Iterable[Arrived]) -> None:
    """Send the metrics in events to CloudWatch, in the current transaction."""
    claimed = _claimed(ctx)
    points, unparsed, invalid = Datapoints(), 0, 0
    for _, _, message in events:
        document = _document(message)
        if document is None:
            unparsed += claimed or '"CloudWatchMetrics"' in message
            continue
        metadata = _metadata(document)
        if metadata is None:
            unparsed += claimed or _says_metrics(document)
            continue
        for directive in metadata.directives:
            invalid += _extract(points, document, directive, metadata.timestamp, ctx.now_ms)
    points.publish(ctx)
    for metric, count in (("EMFParsingErrors", unparsed), ("EMFValidationErrors", invalid)):
        if count:
            dimensions = {"LogGroupName": group.name}
            ctx.cloud.metrics.add(ctx.account, ctx.region, "AWS/Logs", metric, dimensions, count, "None")


def _claimed(ctx: Context) -> bool:
    """Whether the request says that its events are in the format, which needs not be said any more."""
    return ctx.headers.get("x-amzn-logs-format") == "json/emf"


def _document(message: str) -> dict[str, Any] | None:
    # Lambda's loggers put time, request id and level before what is logged, with a tab behind each.
    before, brace, _ = message.partition("{")
    if not brace or not (before.strip() == "" or before.endswith("\t")):
        return None
    found = parse(message[len(before) :])
    return found if found is not NOT_JSON and isinstance(found, dict) else None


def _metadata(document: dict[str, Any]) -> _Metadata | None:
    try:
        return msgspec.convert(document.get("_aws"), _Metadata)
    except msgspec.ValidationError:
        return None


def _says_metrics(document: dict[str, Any]) -> bool:
    """Other things than metrics may be told under `_aws` too."""
    told = document.get("_aws")
    return isinstance(told, dict) and "CloudWatchMetrics" in told


def _extract(points: Datapoints, document: dict[str, Any], directive: _Directive, at: float, now_ms: int) -> int:
    """Add a directive's datapoints; how many of its parts are invalid."""
    try:
        _check_directive(directive, at, now_ms)
        sets = list(dict.fromkeys(tuple(_dimensions(document, names)) for names in directive.dimensions))
    except _Invalid:
        return 1
    invalid = 0
    for metric in directive.metrics:
        try:
            values = _values(document, metric)
        except _Invalid:
            invalid += 1
            continue
        for dimensions in sets:
            series = Series(directive.namespace, metric.name, dimensions, metric.unit, metric.resolution_s)
            for value in values:
                points.add(series, int(at), value)
    return invalid


def _check_directive(directive: _Directive, at_ms: float, now_ms: int) -> None:
    namespace = directive.namespace
    if not (
        namespace.strip()
        and len(namespace) <= NAME_MAX
        and not namespace.startswith("AWS/")
        and directive.dimensions
        and len(directive.metrics) <= METRICS_MAX
        and now_ms - TOO_OLD_MS <= at_ms <= now_ms + TOO_NEW_MS
    ):
        raise _Invalid


def _dimensions(document: dict[str, Any], names: list[str]) -> Iterator[tuple[str, str]]:
    if len(names) > DIMENSIONS_MAX:
        raise _Invalid
    for name in names:
        value = document.get(name)
        if not isinstance(value, str) or not value.strip() or len(value) > DIMENSION_VALUE_MAX:
            raise _Invalid
        if not 0 < len(name) <= DIMENSION_NAME_MAX:
            raise _Invalid
        yield name, value


def _values(document: dict[str, Any], metric: _Metric) -> list[float]:
    if not 0 < len(metric.name) <= NAME_MAX or metric.unit not in UNITS or metric.resolution_s not in (1, 60):
        raise _Invalid
    given: Any = document.get(metric.name)
    values: list[Any] = given if isinstance(given, list) else [given]
    if len(values) > VALUES_MAX or not all(_is_value(value) for value in values):
        raise _Invalid
    return [float(value) for value in values]


def _is_value(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= VALUE_MAX
