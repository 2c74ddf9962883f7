"""GetMetricData: many metrics and expressions in one request.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import msgspec

from fogbank.core.errors import NotImplementedInFogbank
from fogbank.services.cloudwatch import math_syntax
from fogbank.services.cloudwatch.dimensions import packed_list, unpacked
from fogbank.services.cloudwatch.errors import ValidationError
from fogbank.services.cloudwatch.math_functions import Span, call
from fogbank.services.cloudwatch.math_syntax import InvalidExpression, Node
from fogbank.services.cloudwatch.math_values import Array, TimeSeries, Value, arithmetic, negated
from fogbank.services.cloudwatch.search import FOUND_MAX, Candidate, compile_search
from fogbank.services.cloudwatch.series import Points, is_period
from fogbank.services.cloudwatch.statistics import is_statistic

QUERIES_MAX = 500
DEFAULT_PERIOD_S = 300
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")


class Metric(msgspec.Struct, frozen=True):
    """Which statistic of which metric, of one's own account if none is named; `dimensions` are packed."""

    namespace: str
    name: str
    dimensions: str
    period_s: int
    statistic: str
    unit: str | None = None
    account: str = ""


class Query(msgspec.Struct, kw_only=True):
    """One metric or one expression, checked."""

    id: str
    label: str | None
    wanted: bool
    metric: Metric | None = None
    expression: Node | None = None
    period_s: int = 0


Read = Callable[[Metric], Points]
Candidates = Callable[[str | None], Iterator[tuple[Candidate, str]]]
"""The metrics of a namespace, or all, each with its packed dimensions: what a search looks through."""


def queries_of(given: list[dict[str, Any]]) -> list[Query]:
    """The request's queries, checked."""
    if len(given) > QUERIES_MAX:
        raise ValidationError(f"The collection MetricDataQueries must not have a size greater than {QUERIES_MAX}.")
    ids = [query["Id"] for query in given]
    if len(set(ids)) != len(ids):
        raise ValidationError("The values for parameter Id in MetricDataQueries must be unique.")
    return [_query(query, number) for number, query in enumerate(given, start=1)]


def _query(given: dict[str, Any], number: int) -> Query:
    where = f"MetricDataQueries.member.{number}"
    query_id = given["Id"]
    if not _ID.fullmatch(query_id):
        raise ValidationError(
            f"The value {query_id} for parameter {where}.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
        )
    if ("Expression" in given) == ("MetricStat" in given):
        raise ValidationError(
            f"Exactly one of the parameters {where}.Expression and {where}.MetricStat must be specified."
        )
    query = Query(id=query_id, label=given.get("Label"), wanted=given.get("ReturnData", True))
    if "MetricStat" in given:
        query.metric = metric_of(given["MetricStat"], f"{where}.MetricStat", given.get("AccountId", ""))
        query.period_s = query.metric.period_s
        return query
    if "AccountId" in given:
        raise NotImplementedInFogbank("Fogbank's cloudwatch does not implement expressions with an AccountId.")
    query.period_s = given.get("Period", 0)
    if query.period_s and not is_period(query.period_s):
        raise ValidationError(f"The parameter {where}.Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
    try:
        query.expression = math_syntax.parse(given["Expression"])
    except InvalidExpression as error:
        raise _in_expression(query_id, error) from error
    return query


def metric_of(stat: dict[str, Any], where: str, account: str = "") -> Metric:
    """A `MetricStat` of a request."""
    metric = stat["Metric"]
    if not is_period(stat["Period"]):
        raise ValidationError(f"The parameter {where}.Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
    if not is_statistic(stat["Stat"]):
        raise ValidationError(f"The value {stat['Stat']} for parameter {where}.Stat is not supported.")
    return Metric(
        namespace=metric["Namespace"],
        name=metric["MetricName"],
        dimensions=packed_list(metric.get("Dimensions")),
        period_s=stat["Period"],
        statistic=stat["Stat"],
        unit=stat.get("Unit"),
        account=account,
    )


def evaluate(
    queries: list[Query], read: Read, candidates: Candidates, *, start_ms: int, end_ms: int
) -> list[TimeSeries]:
    """The time series of the queries whose data is wanted, with the query's id and label."""
    evaluation = _Evaluation(queries, read, candidates, start_ms, end_ms)
    results: list[TimeSeries] = []
    for query in queries:
        if query.wanted:
            results += evaluation.result(query)
    return results


class _Evaluation:
    """One request's values, each computed once and when it is first needed."""

    def __init__(self, queries: list[Query], read: Read, candidates: Candidates, start_ms: int, end_ms: int) -> None:
        self._queries = {query.id: query for query in queries}
        self._names = _default_labels(queries)
        self._read = read
        self._candidates = candidates
        periods = [query.period_s for query in queries if query.period_s]
        self._span = Span(start_ms, end_ms, min(periods, default=DEFAULT_PERIOD_S))
        self._values: dict[str, Value] = {}
        self._under_way: set[str] = set()

    def result(self, query: Query) -> Array:
        value = self._value(query)
        if isinstance(value, TimeSeries):
            return [TimeSeries(value.points, self._label(query, value), query.id)]
        if isinstance(value, list):
            return [
                TimeSeries(series.points, f"{query.label or ''} {series.label}".strip(), query.id) for series in value
            ]
        raise _in_expression(query.id, InvalidExpression("The result must be a time series, not a scalar"))

    def _label(self, query: Query, value: TimeSeries) -> str:
        if query.label is not None:
            return query.label
        return value.label if query.metric is not None else query.id

    def _value(self, query: Query) -> Value:
        if query.id in self._values:
            return self._values[query.id]
        if query.metric is not None:
            label = query.label if query.label is not None else self._names[query.id]
            value: Value = TimeSeries(self._read(query.metric), label, query.id, query.metric.period_s)
        else:
            assert query.expression is not None
            if query.id in self._under_way:
                raise _in_expression(query.id, InvalidExpression("The expression refers to itself"))
            self._under_way.add(query.id)
            try:
                value = self._evaluate(query.expression)
            except InvalidExpression as error:
                raise _in_expression(query.id, error) from error
        self._values[query.id] = value
        return value

    def _evaluate(self, node: Node) -> Value:
        match node:
            case math_syntax.Number(value):
                return value
            case math_syntax.Name(name):
                query = self._queries.get(name)
                if query is None:
                    raise InvalidExpression(f"Undefined variable '{name}'")
                return self._value(query)
            case math_syntax.Negation(operand):
                return negated(self._evaluate(operand))
            case math_syntax.Operation(sign, left, right):
                return arithmetic(sign, self._evaluate(left), self._evaluate(right))
            case math_syntax.Series(items):
                return self._array(items)
            case math_syntax.Call(function, arguments):
                return self._call(function, arguments)
            case math_syntax.Text():
                raise InvalidExpression("Invalid syntax")

    def _array(self, items: tuple[Node, ...]) -> Array:
        found: Array = []
        for item in items:
            value = self._evaluate(item)
            if isinstance(value, float):
                raise InvalidExpression("An array has time series only")
            found += value if isinstance(value, list) else [value]
        return found

    def _call(self, function: str, arguments: tuple[Node, ...]) -> Value:
        if function == "METRICS":
            return self._metrics(arguments)
        if function == "SEARCH":
            return self._search(arguments)
        return call(function, [self._argument(argument) for argument in arguments], self._span)

    def _argument(self, node: Node) -> Value | str:
        match node:
            case math_syntax.Text(text):
                return text
            case math_syntax.Name(name) if name.isupper() and name not in self._queries:
                return name
        return self._evaluate(node)

    def _metrics(self, arguments: tuple[Node, ...]) -> Array:
        match arguments:
            case ():
                part = ""
            case (math_syntax.Text(part),):
                pass
            case _:
                raise InvalidExpression("Invalid argument for function 'METRICS'")
        found = [query for query in self._queries.values() if query.metric is not None and part in query.id]
        return [value for query in found if isinstance(value := self._value(query), TimeSeries)]

    def _search(self, arguments: tuple[Node, ...]) -> Array:
        match arguments:
            case (math_syntax.Text(text), math_syntax.Text(statistic)):
                period_s = self._span.period_s
            case (math_syntax.Text(text), math_syntax.Text(statistic), math_syntax.Number(number)):
                period_s = int(number)
            case _:
                raise InvalidExpression("Invalid argument for function 'SEARCH'")
        if not is_statistic(statistic) or not is_period(period_s):
            raise InvalidExpression("Invalid argument for function 'SEARCH'")
        search = compile_search(text)
        found = list(islice((one for one in self._candidates(search.namespace) if search.matches(one[0])), FOUND_MAX))
        labels = _distinct_labels([(metric.name, *metric.dimensions.values()) for metric, _ in found])
        series = []
        for label, (metric, dimensions) in zip(labels, found, strict=True):
            points = self._read(Metric(metric.namespace, metric.name, dimensions, period_s, statistic))
            series.append(TimeSeries(points, label, period_s=period_s))
        return [one for one in series if one.points]


def _default_labels(queries: list[Query]) -> dict[str, str]:
    """Labels of the metrics that are given none: the name, and what else tells them apart."""
    unnamed = [query for query in queries if query.metric is not None and query.label is None]
    parts = []
    for query in unnamed:
        assert query.metric is not None
        values = (one["Value"] for one in unpacked(query.metric.dimensions))
        parts.append((query.metric.name, " ".join(values), query.metric.statistic, str(query.metric.period_s)))
    labels = {query.id: part[0] for query, part in zip(unnamed, parts, strict=True)}
    if len(set(labels.values())) == len(labels):
        return labels
    shown = [place == 0 or len(set(column)) > 1 for place, column in enumerate(zip(*parts, strict=True))]
    return {
        query.id: " ".join(value for value, show in zip(part, shown, strict=True) if show and value)
        for query, part in zip(unnamed, parts, strict=True)
    }


def _distinct_labels(parts: list[tuple[str, ...]]) -> list[str]:
    """What tells found metrics apart: their names and dimensions as far as they differ."""
    width = max((len(part) for part in parts), default=0)
    differs = [len({part[place : place + 1] for part in parts}) > 1 for place in range(width)]
    return [" ".join(value for value, shown in zip(part, differs, strict=False) if shown) or part[0] for part in parts]


def _in_expression(query_id: str, error: InvalidExpression) -> ValidationError:
    return ValidationError(f"Error in expression '{query_id}': {error}")


def page(
    results: list[TimeSeries], *, offset: int, points_max: int, ascending: bool
) -> tuple[list[dict[str, Any]], int | None]:
    """Results from the `offset`th point of each series on, and where the next page starts if there is one."""
    each = max(points_max // max(len(results), 1), 1)
    rows: list[dict[str, Any]] = []
    more = False
    for result in results:
        points = sorted(result.points.items(), reverse=not ascending)
        shown = points[offset : offset + each]
        partial = len(points) > offset + each
        more = more or partial
        row: dict[str, Any] = {"Id": result.id, "Label": result.label}
        row["Timestamps"] = [at_ms / 1000 for at_ms, _ in shown]
        row["Values"] = [value for _, value in shown]
        row["StatusCode"] = "PartialData" if partial else "Complete"
        rows.append(row)
    return rows, offset + each if more else None
