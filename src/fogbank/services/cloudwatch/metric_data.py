"""GetMetricData: many metrics in one request.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from collections.abc import Callable
from typing import Any

import msgspec

from fogbank.core.errors import NotImplementedInFogbank
from fogbank.services.cloudwatch.dimensions import packed_list
from fogbank.services.cloudwatch.errors import ValidationError
from fogbank.services.cloudwatch.statistics import is_statistic

MINUTE_S = 60


class Query(msgspec.Struct, kw_only=True):
    """One metric, checked."""

    id: str
    label: str
    namespace: str
    name: str
    dimensions: str
    period_s: int
    statistic: str
    unit: str | None


def queries_of(given: list[dict[str, Any]]) -> list[Query]:
    """The request's queries whose data is wanted."""
    ids = [query["Id"] for query in given]
    if len(set(ids)) != len(ids):
        raise ValidationError("The values for parameter Id in MetricDataQueries must be unique.")
    found = [_query(query, number) for number, query in enumerate(given, start=1)]
    return [query for query, raw in zip(found, given, strict=True) if raw.get("ReturnData", True)]


def _query(given: dict[str, Any], number: int) -> Query:
    where = f"MetricDataQueries.member.{number}"
    if ("Expression" in given) == ("MetricStat" in given):
        raise ValidationError(
            f"Exactly one of the parameters {where}.Expression and {where}.MetricStat must be specified."
        )
    for name in ("Expression", "AccountId"):
        if name in given:
            raise NotImplementedInFogbank(f"Fogbank's GetMetricData does not implement {name} yet.")
    stat = given["MetricStat"]
    period_s, statistic = stat["Period"], stat["Stat"]
    if period_s in (1, 5, 10, 20, 30):
        raise NotImplementedInFogbank("Fogbank's GetMetricData does not implement periods below a minute yet.")
    if period_s <= 0 or period_s % MINUTE_S:
        raise ValidationError(f"The parameter {where}.MetricStat.Period must be a multiple of 60.")
    if not is_statistic(statistic):
        raise ValidationError(f"The value {statistic} for parameter {where}.MetricStat.Stat is not supported.")
    metric = stat["Metric"]
    return Query(
        id=given["Id"],
        label=given.get("Label") or metric["MetricName"],
        namespace=metric["Namespace"],
        name=metric["MetricName"],
        dimensions=packed_list(metric.get("Dimensions")),
        period_s=period_s,
        statistic=statistic,
        unit=stat.get("Unit"),
    )


Series = list[tuple[int, float]]


def page(
    queries: list[Query], read: Callable[[Query], Series], *, offset: int, points_max: int, ascending: bool
) -> tuple[list[dict[str, Any]], int | None]:
    """Results from the `offset`th point of each metric on, and where the next page starts if there is one."""
    each = max(points_max // max(len(queries), 1), 1)
    rows: list[dict[str, Any]] = []
    more = False
    for query in queries:
        points = read(query)
        if not ascending:
            points.reverse()
        shown = points[offset : offset + each]
        partial = len(points) > offset + each
        more = more or partial
        row: dict[str, Any] = {"Id": query.id, "Label": query.label}
        row["Timestamps"] = [at_ms / 1000 for at_ms, _ in shown]
        row["Values"] = [value for _, value in shown]
        row["StatusCode"] = "PartialData" if partial else "Complete"
        rows.append(row)
    return rows, offset + each if more else None
