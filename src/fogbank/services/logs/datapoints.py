"""Datapoints that log events make, gathered and handed to CloudWatch together."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from fogbank.core.context import Context

VALUES_MAX = 150  # values of one datum of PutMetricData
DATA_MAX = 1000  # data of one PutMetricData
VALUE_MAX = 2.0**360  # PutMetricData: values between -2^360 and 2^360


class Series(NamedTuple):
    """A metric, its unit, and the period in seconds that its values are kept by: a minute, or a second."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    unit: str = "None"
    resolution_s: int = 60


class Datapoints:
    """How often each value of each series was seen in each of its periods."""

    def __init__(self) -> None:
        self._seen: dict[tuple[Series, int], Counter[float]] = {}
        # Data have the latest time that was seen in their period, which may have begun before what CloudWatch takes.
        self._latest_ms: dict[tuple[Series, int], int] = {}

    def add(self, series: Series, at_ms: int, value: float) -> None:
        key = (series, at_ms // (series.resolution_s * 1000))
        self._seen.setdefault(key, Counter())[value] += 1
        self._latest_ms[key] = max(at_ms, self._latest_ms.get(key, 0))

    def publish(self, ctx: Context) -> None:
        """Send what there is to CloudWatch, in the current transaction."""
        by_namespace: dict[str, list[dict[str, Any]]] = {}
        for key, values in self._seen.items():
            series, at_ms = key[0], self._latest_ms[key]
            by_namespace.setdefault(series.namespace, []).extend(_data(series, at_ms, values))
        for namespace, data in by_namespace.items():
            for part in _parts(data, DATA_MAX):
                ctx.cloud.cloudwatch.put_metric_data(ctx, Namespace=namespace, MetricData=part)


def _data(series: Series, at_ms: int, values: Counter[float]) -> Iterator[dict[str, Any]]:
    for part in _parts(list(values.items()), VALUES_MAX):
        yield {
            "MetricName": series.name,
            "Timestamp": at_ms / 1000,
            "Values": [value for value, _ in part],
            "Counts": [float(count) for _, count in part],
            "Unit": series.unit,
            "StorageResolution": series.resolution_s,
            "Dimensions": [{"Name": name, "Value": value} for name, value in series.dimensions],
        }


def _parts(items: list[Any], size: int) -> Iterator[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
