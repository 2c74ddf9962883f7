"""The functions of `stats`: what they keep of a batch of events, how this is merged, and what it comes to.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Stats.html
What can be summed up is. Percentiles, deviations and distinct values are computed from all values, which are kept.
"""

from collections.abc import Callable
from typing import NamedTuple

from fogbank.services.logs.insights.errors import MalformedQuery
from fogbank.services.logs.insights.functions import check_arguments
from fogbank.services.logs.insights.syntax import Call, Number
from fogbank.services.logs.insights.values import NUMERIC, Sql, Type, number, text


class Kept(NamedTuple):
    """A value of a batch. In `merge`, `{0}` and so on are the kept values of the same function."""

    batch: str
    merge: str


class Aggregate(NamedTuple):
    """`total` is an expression on the kept values."""

    kept: tuple[Kept, ...]
    total: str
    type: Type


def is_aggregate(node: Call) -> bool:
    return node.function in _AGGREGATES or node.function in _OTHERS


def aggregate(node: Call, write: Callable[..., Sql], order: Callable[[Call], str]) -> Aggregate:
    """`order` gives what tells which of two events is earlier."""
    if node.function == "count" and not node.arguments:
        return Aggregate((Kept("count(*)", "sum({0})"),), "{0}::DOUBLE", "number")
    least = most = 2 if node.function == "pct" else 1
    check_arguments(node, least, most)
    value = write(node.arguments[0])
    if node.function in ("earliest", "latest"):
        return _at_end("min" if node.function == "earliest" else "max", value, order(node))
    if node.function == "pct":
        percent = node.arguments[1]
        if not isinstance(percent, Number) or not 0 <= percent.value <= 100:
            raise MalformedQuery("A percentile is a number from 0 to 100.", node.token.start, node.token.end)
        return _percentile(value, percent.value)
    return _AGGREGATES[node.function](value)


def _count(value: Sql) -> Aggregate:
    return Aggregate((Kept(f"count({value.text})", "sum({0})"),), "{0}::DOUBLE", "number")


def _distinct(value: Sql) -> Aggregate:
    kept = Kept(
        f"list(DISTINCT {text(value)}) FILTER (({value.text}) IS NOT NULL)", "list_distinct(flatten(list({0})))"
    )
    return Aggregate((kept,), "coalesce(len({0}), 0)::DOUBLE", "number")


def _sum(value: Sql) -> Aggregate:
    return Aggregate((Kept(f"sum({number(value)})", "sum({0})"),), "{0}", "number")


def _average(value: Sql) -> Aggregate:
    kept = (Kept(f"sum({number(value)})", "sum({0})"), Kept(f"count({number(value)})", "sum({1})"))
    return Aggregate(kept, "({0} / nullif({1}, 0))", "number")


def _values(value: Sql) -> Kept:
    return Kept(f"coalesce(list({number(value)}) FILTER (({number(value)}) IS NOT NULL), [])", "flatten(list({0}))")


def _percentile(value: Sql, percent: float) -> Aggregate:
    return Aggregate((_values(value),), f"list_aggregate({{0}}, 'quantile_cont', {percent / 100!r})", "number")


def _deviation(value: Sql) -> Aggregate:
    return Aggregate((_values(value),), "list_aggregate({0}, 'stddev_samp')", "number")


def _extreme(function: str) -> Callable[[Sql], Aggregate]:
    """Numbers are compared as numbers; texts only count where there is no number."""

    def write(value: Sql) -> Aggregate:
        if value.type in NUMERIC:
            return Aggregate((Kept(f"{function}({value.text})", f"{function}({{0}})"),), "{0}", value.type)
        kept = (
            Kept(f"{function}({number(value)})", f"{function}({{0}})"),
            Kept(f"{function}({text(value)})", f"{function}({{1}})"),
        )
        return Aggregate(kept, "coalesce(cwl_exact({0}), {1})", "any")

    return write


def _sorted(function: str) -> Callable[[Sql], Aggregate]:
    """Texts sort before numbers, as in `sort`."""

    def write(value: Sql) -> Aggregate:
        row = f"{{'n': coalesce({number(value)}, '-infinity'), 't': {text(value)}}}"
        kept = Kept(f"{function}({row}) FILTER (({value.text}) IS NOT NULL)", f"{function}({{0}})")
        return Aggregate((kept,), "{0}.t", "any")

    return write


def _at_end(function: str, value: Sql, order: str) -> Aggregate:
    kept = (
        Kept(f"arg_{function}({value.text}, {order})", f"arg_{function}({{0}}, {{1}})"),
        Kept(f"{function}({order}) FILTER (({value.text}) IS NOT NULL)", f"{function}({{1}})"),
    )
    return Aggregate(kept, "{0}", value.type)


_OTHERS = frozenset(("earliest", "latest", "pct"))
_AGGREGATES: dict[str, Callable[[Sql], Aggregate]] = {
    "count": _count,
    "count_distinct": _distinct,
    "sum": _sum,
    "avg": _average,
    "min": _extreme("min"),
    "max": _extreme("max"),
    "median": lambda value: _percentile(value, 50),
    "stddev": _deviation,
    "sortsfirst": _sorted("min"),
    "sortslast": _sorted("max"),
}
