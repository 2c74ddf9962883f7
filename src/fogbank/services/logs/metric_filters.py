"""Metric filters: datapoints of CloudWatch made from the events that match a pattern.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html
"""

import re
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.logs.datapoints import VALUE_MAX, Datapoints, Series
from fogbank.services.logs.errors import InvalidParameter, LimitExceeded, ResourceNotFound
from fogbank.services.logs.filter_pattern import Match, compile_filter
from fogbank.services.logs.filter_scanner import number_of
from fogbank.services.logs.groups import Groups, only_standard
from fogbank.services.logs.pages import page
from fogbank.services.logs.records import Group, LogsTables, MetricFilter
from fogbank.services.logs.transformers import Arrivals

FILTERS_MAX = 100  # metric filters of one log group
DIMENSIONS_MAX = 3
NAMESPACE_MAX = 255
_SELECTOR = re.compile(r"\$.+")


class MetricFilters(Groups):
    """The operations on metric filters of `LogsService`."""

    def delete_metric_filter(self, ctx: Context, *, logGroupName: str, filterName: str) -> Answer:
        group = self._group(ctx, logGroupName)
        if not self._tables.metric_filters.delete((group.id, filterName)):
            raise ResourceNotFound("The specified metric filter does not exist.")
        return None

    def describe_metric_filters(
        self,
        ctx: Context,
        *,
        logGroupName: str | None = None,
        filterNamePrefix: str = "",
        metricName: str | None = None,
        metricNamespace: str | None = None,
        nextToken: str | None = None,
        limit: int = 50,
    ) -> Answer:
        if (metricName is None) != (metricNamespace is None):
            raise InvalidParameter("If you include the metricName parameter, you must also include metricNamespace.")
        if logGroupName is not None:
            groups = [self._group(ctx, logGroupName)]
        else:
            groups = [group for _, group in self._tables.groups.scan((ctx.account, ctx.region))]
        rows = [
            _row(group, found)
            for group in groups
            for _, found in self._tables.metric_filters.scan((group.id,))
            if found.name.startswith(filterNamePrefix)
            and (metricName is None or (found.metric, found.namespace) == (metricName, metricNamespace))
        ]
        rows.sort(key=lambda row: (row["filterName"], row["logGroupName"]))
        return page("metricFilters", rows, nextToken, limit)

    def put_metric_filter(
        self,
        ctx: Context,
        *,
        logGroupName: str,
        filterName: str,
        filterPattern: str,
        metricTransformations: list[dict[str, Any]],
        applyOnTransformedLogs: bool = False,
    ) -> Answer:
        group = self._group(ctx, logGroupName)
        only_standard(group, "PutMetricFilter")
        compile_filter(filterPattern)
        (wanted,) = metricTransformations
        key = (group.id, filterName)
        known = self._tables.metric_filters.get(key)
        if known is None and self._tables.metric_filters.count((group.id,)) >= FILTERS_MAX:
            raise LimitExceeded()
        dimensions = dict(wanted.get("dimensions") or {})
        _check_namespace(wanted["metricNamespace"])
        _check_transformation(wanted["metricValue"], wanted.get("defaultValue"), dimensions)
        found = MetricFilter(
            name=filterName,
            pattern=filterPattern,
            created_ms=ctx.now_ms,
            metric=wanted["metricName"],
            namespace=wanted["metricNamespace"],
            value=wanted["metricValue"],
            default=wanted.get("defaultValue"),
            unit=wanted.get("unit", ""),
            dimensions=dimensions,
            transformed=applyOnTransformedLogs,
        )
        self._tables.metric_filters.put(key, found)
        self._tables.quiet.discard(group.id)
        return None

    def test_metric_filter(self, ctx: Context, *, filterPattern: str, logEventMessages: list[str]) -> Answer:
        matches = compile_filter(filterPattern)
        tried = ((number, message, matches(message)) for number, message in enumerate(logEventMessages, start=1))
        return {
            "matches": [
                {"eventNumber": number, "eventMessage": message, "extractedValues": dict(match.extracted)}
                for number, message, match in tried
                if match is not None
            ]
        }


def publish(ctx: Context, tables: LogsTables, group: Group, arrivals: Arrivals) -> bool:
    """Send what the group's metric filters make of new events to CloudWatch, in the current transaction; whether the
    group has any.
    """
    points = Datapoints()
    filters = list(tables.metric_filters.values((group.id,)))
    for found in filters:
        matches = compile_filter(found.pattern)
        for _, at_ms, message in arrivals.of(found.transformed):
            point = _point(found, matches(message))
            if point is not None:
                value, dimensions = point
                points.add(Series(found.namespace, found.metric, dimensions, found.unit or "None"), at_ms, value)
    points.publish(ctx)
    return bool(filters)


def _point(found: MetricFilter, match: Match | None) -> tuple[float, tuple[tuple[str, str], ...]] | None:
    """The value and the dimensions of one event; None if it makes no datapoint."""
    if match is None:
        return None if found.default is None else (found.default, ())
    text = match.value(found.value) if found.value.startswith("$") else found.value
    value = number_of(text)
    if value is None or abs(value) > VALUE_MAX:
        return None
    dimensions = []
    for name, selector in found.dimensions.items():
        content = match.value(selector)
        if content is None:
            return None  # An event without a dimension's field makes no datapoint.
        dimensions.append((name, content))
    return value, tuple(dimensions)


def _check_namespace(namespace: Any) -> None:
    if not isinstance(namespace, str) or not 0 < len(namespace) <= NAMESPACE_MAX or namespace.startswith("AWS/"):
        raise InvalidParameter("Invalid metric transformation: the metric namespace is not valid.")


def _check_transformation(value: str, default: float | None, dimensions: dict[str, str]) -> None:
    constant = 0.0 if value.startswith("$") else number_of(value)
    if constant is None or max(abs(constant), abs(default or 0.0)) > VALUE_MAX:
        raise InvalidParameter("Invalid metric transformation: the metric value must be a number or a field.")
    if dimensions and default is not None:
        raise InvalidParameter(
            "Invalid metric transformation: dimensions and default value are mutually exclusive properties."
        )
    if len(dimensions) > DIMENSIONS_MAX:
        raise InvalidParameter(f"Invalid metric transformation: a metric can have up to {DIMENSIONS_MAX} dimensions.")
    if not all(_SELECTOR.fullmatch(selector) for selector in dimensions.values()):
        raise InvalidParameter("Invalid metric transformation: the value of a dimension must be a field.")


def _row(group: Group, found: MetricFilter) -> dict[str, Any]:
    transformation: dict[str, Any] = {
        "metricName": found.metric,
        "metricNamespace": found.namespace,
        "metricValue": found.value,
    }
    if found.default is not None:
        transformation["defaultValue"] = found.default
    if found.unit:
        transformation["unit"] = found.unit
    if found.dimensions:
        transformation["dimensions"] = found.dimensions
    return {
        "filterName": found.name,
        "filterPattern": found.pattern,
        "metricTransformations": [transformation],
        "creationTime": found.created_ms,
        "logGroupName": group.name,
        "applyOnTransformedLogs": found.transformed,
    }
