"""The functions of metric math.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#metric-math-syntax-functions-list
"""

import math
import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import accumulate, pairwise

import msgspec

from fogbank.core.errors import NotImplementedInFogbank
from fogbank.services.cloudwatch.math_syntax import InvalidExpression
from fogbank.services.cloudwatch.math_values import Array, TimeSeries, Value, mapped, times
from fogbank.services.cloudwatch.series import Points

POINTS_MAX = 100_800  # of one answer of GetMetricData, and so of one series that an expression makes up
NOT_THERE = frozenset(("ANOMALY_DETECTION_BAND", "DB_PERF_INSIGHTS", "INSIGHT_RULE_METRIC", "LAMBDA", "SERVICE_QUOTA"))


class Span(msgspec.Struct, frozen=True):
    """The time that a request is about, and the period of its grid."""

    start_ms: int
    end_ms: int
    period_s: int

    def grid(self, period_s: int = 0) -> range:
        step = (period_s or self.period_s) * 1000
        moments = range(self.start_ms // step * step, self.end_ms, step)
        if len(moments) > POINTS_MAX:
            raise InvalidExpression(f"The expression would have more than {POINTS_MAX} data points")
        return moments


Arguments = Sequence[Value | str]
"""What a function is called with; keywords and texts are strings."""


def call(name: str, arguments: Arguments, span: Span) -> Value:
    """The value of a function. Raises InvalidExpression."""
    if name in NOT_THERE:
        raise NotImplementedInFogbank(f"Fogbank's metric math does not implement {name} yet.")
    if name in _EACH:
        (value,) = _taken(name, arguments, 1)
        return mapped(value, lambda series: series.with_points(_EACH[name](series.points)))
    if name in _TOGETHER:
        (value,) = _taken(name, arguments, 1)
        return _together(_TOGETHER[name], value)
    if name in _CALENDAR:
        (value,) = _taken(name, arguments, 1)
        read = _CALENDAR[name]
        return mapped(
            value,
            lambda series: series.with_points({at_ms: read(_moment(at_ms)) for at_ms in span.grid(series.period_s)}),
        )
    function = _OTHERS.get(name)
    if function is None:
        raise InvalidExpression(f"Unknown function '{name}'")
    return function(arguments, span)


def _taken(name: str, arguments: Arguments, least: int, most: int | None = None) -> list[Value]:
    """The arguments, none of which is a word."""
    if not least <= len(arguments) <= (most or least):
        raise InvalidExpression(f"Invalid number of arguments for function '{name}'")
    values = [argument for argument in arguments if not isinstance(argument, str)]
    if len(values) != len(arguments):
        raise InvalidExpression(f"Invalid argument for function '{name}'")
    return values


def _array(value: Value | str) -> Array:
    if isinstance(value, TimeSeries):
        return [value]
    if isinstance(value, list):
        return value
    raise InvalidExpression("Expected an array of time series")


def _scalar(value: Value | str) -> float:
    if isinstance(value, int | float):
        return float(value)
    raise InvalidExpression("Expected a scalar")


# ---- each series by itself ----------------------------------------------------------------------------------------


def _valued(function: Callable[[float], float]) -> Callable[[Points], Points]:
    def apply(points: Points) -> Points:
        result: Points = {}
        for at_ms, value in points.items():
            try:
                result[at_ms] = float(function(value))
            except ValueError:
                continue  # The logarithm of what has none: the data point is dropped.
        return result

    return apply


def _diff(points: Points) -> Points:
    return {later: points[later] - points[earlier] for earlier, later in pairwise(points)}


def _diff_time(points: Points) -> Points:
    return {later: (later - earlier) / 1000 for earlier, later in pairwise(points)}


def _rate(points: Points) -> Points:
    return {
        later: (points[later] - points[earlier]) / ((later - earlier) / 1000) for earlier, later in pairwise(points)
    }


def _running_sum(points: Points) -> Points:
    return dict(zip(points, accumulate(points.values()), strict=True))


_EACH: dict[str, Callable[[Points], Points]] = {
    "ABS": _valued(abs),
    "CEIL": _valued(math.ceil),
    "FLOOR": _valued(math.floor),
    "LOG": _valued(math.log),
    "LOG10": _valued(math.log10),
    "DIFF": _diff,
    "DIFF_TIME": _diff_time,
    "RATE": _rate,
    "RUNNING_SUM": _running_sum,
}


# ---- a series to a scalar, an array to a series -------------------------------------------------------------------


def _together(aggregate: Callable[[list[float], int], float], value: Value) -> Value:
    """Of one series the aggregate of all its values, of an array that of each time."""
    if isinstance(value, list):
        moments = times(value)
        result = {}
        for at_ms in moments:
            present = [series.points[at_ms] for series in value if at_ms in series.points]
            result[at_ms] = aggregate(present, len(value))
        return TimeSeries(result, period_s=min((series.period_s for series in value), default=0))
    if isinstance(value, TimeSeries):
        present = list(value.points.values())
        return aggregate(present, len(present)) if present else 0.0
    return value


def _deviation(present: list[float], total: int) -> float:
    return statistics.pstdev([*present, *[0.0] * (total - len(present))])


# The aggregate of the values that are there, and of how many there could be: a missing one counts as 0.
_TOGETHER: dict[str, Callable[[list[float], int], float]] = {
    "AVG": lambda present, total: math.fsum(present) / total,
    "DATAPOINT_COUNT": lambda present, total: float(len(present)),
    "MAX": lambda present, total: max(present),
    "MIN": lambda present, total: min(present),
    "STDDEV": _deviation,
    "SUM": lambda present, total: math.fsum(present),
}


# ---- the calendar -------------------------------------------------------------------------------------------------


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


_CALENDAR: dict[str, Callable[[datetime], float]] = {
    "MINUTE": lambda moment: float(moment.minute),
    "HOUR": lambda moment: float(moment.hour),
    "DAY": lambda moment: float(moment.isoweekday()),
    "DATE": lambda moment: float(moment.day),
    "MONTH": lambda moment: float(moment.month),
    "YEAR": lambda moment: float(moment.year),
    "EPOCH": lambda moment: moment.timestamp(),
}


# ---- the others ---------------------------------------------------------------------------------------------------


def _fill(arguments: Arguments, span: Span) -> Value:
    if len(arguments) != 2:
        raise InvalidExpression("Invalid number of arguments for function 'FILL'")
    value, filler = arguments
    if isinstance(value, str | int | float):
        raise InvalidExpression("Invalid argument for function 'FILL'")
    return mapped(value, lambda series: series.with_points(_filled(series, filler, span)))


def _filled(series: TimeSeries, filler: Value | str, span: Span) -> Points:
    grid = span.grid(series.period_s)
    known = series.points
    match filler:
        case "REPEAT":
            return _repeated(known, grid)
        case "LINEAR":
            return _interpolated(known, grid)
        case str():
            raise InvalidExpression("Invalid argument for function 'FILL'")
    if isinstance(filler, list):
        raise InvalidExpression("Invalid argument for function 'FILL'")
    filled = {}
    for at_ms in sorted({*grid, *known}):
        other = filler.points.get(at_ms) if isinstance(filler, TimeSeries) else float(filler)
        if at_ms in known:
            filled[at_ms] = known[at_ms]
        elif other is not None:
            filled[at_ms] = other
    return filled


def _repeated(known: Points, grid: range) -> Points:
    filled: Points = {}
    last: float | None = None
    for at_ms in sorted({*grid, *known}):
        last = known.get(at_ms, last)
        if last is not None:
            filled[at_ms] = last
    return filled


def _interpolated(known: Points, grid: range) -> Points:
    """A straight line between neighbours, and the nearest value before the first and behind the last."""
    moments = list(known)
    if not moments:
        return {}
    filled: Points = {}
    behind = 0  # the first known time that is not before the present one
    for at_ms in sorted({*grid, *known}):
        while behind < len(moments) and moments[behind] < at_ms:
            behind += 1
        if at_ms in known or behind == 0:
            filled[at_ms] = known[moments[behind]]
        elif behind == len(moments):
            filled[at_ms] = known[moments[-1]]
        else:
            left, right = moments[behind - 1], moments[behind]
            share = (at_ms - left) / (right - left)
            filled[at_ms] = known[left] + (known[right] - known[left]) * share
    return filled


def _if(arguments: Arguments, span: Span) -> Value:
    values = _taken("IF", arguments, 2, 3)
    condition, chosen = values[0], values[1]
    other = values[2] if len(values) == 3 else None
    if any(isinstance(value, list) for value in values):
        raise InvalidExpression("IF does not take an array of time series")
    if isinstance(condition, TimeSeries):
        result: Points = {}
        for at_ms, truth in condition.points.items():
            value = _value_at(chosen, at_ms, 0.0) if truth else _value_at(other, at_ms, None)
            if value is not None:
                result[at_ms] = value
        return condition.with_points(result)
    if condition:
        return chosen
    return other if other is not None else TimeSeries({})


def _value_at(value: Value | None, at_ms: int, missing: float | None) -> float | None:
    if isinstance(value, TimeSeries):
        return value.points.get(at_ms, missing)
    return value if isinstance(value, int | float) else None


def _sort(arguments: Arguments, span: Span) -> Value:
    if not 3 <= len(arguments) <= 4:
        raise InvalidExpression("Invalid number of arguments for function 'SORT'")
    aggregate, order = arguments[1], arguments[2]
    if aggregate not in ("AVG", "MIN", "MAX", "SUM") or order not in ("ASC", "DESC"):
        raise InvalidExpression("Invalid argument for function 'SORT'")
    function = _TOGETHER[aggregate]

    def rank(series: TimeSeries) -> float:
        present = list(series.points.values())
        return function(present, len(present)) if present else -math.inf

    found = sorted(_array(arguments[0]), key=rank, reverse=order == "DESC")
    return found[: int(_scalar(arguments[3]))] if len(arguments) == 4 else found


def _slice(arguments: Arguments, span: Span) -> Value:
    values = _taken("SLICE", arguments, 2, 3)
    bounds = [int(_scalar(value)) for value in values[1:]]
    return _array(values[0])[bounds[0] : bounds[1] if len(bounds) == 2 else None]


def _end(place: int) -> Callable[[Arguments, Span], Value]:
    def pick(arguments: Arguments, span: Span) -> Value:
        (value,) = _taken("FIRST", arguments, 1)
        found = _array(value)
        return found[place] if found else TimeSeries({})

    return pick


def _metric_count(arguments: Arguments, span: Span) -> Value:
    (value,) = _taken("METRIC_COUNT", arguments, 1)
    return float(len(_array(value)))


def _period(arguments: Arguments, span: Span) -> Value:
    (value,) = _taken("PERIOD", arguments, 1)
    if not isinstance(value, TimeSeries) or not value.id:
        raise InvalidExpression("PERIOD takes a metric")
    return float(value.period_s)


def _remove_empty(arguments: Arguments, span: Span) -> Value:
    (value,) = _taken("REMOVE_EMPTY", arguments, 1)
    return [series for series in _array(value) if series.points]


def _time_series(arguments: Arguments, span: Span) -> Value:
    (value,) = _taken("TIME_SERIES", arguments, 1)
    return TimeSeries(dict.fromkeys(span.grid(), _scalar(value)), period_s=span.period_s)


_OTHERS: dict[str, Callable[[Arguments, Span], Value]] = {
    "FILL": _fill,
    "FIRST": _end(0),
    "IF": _if,
    "LAST": _end(-1),
    "METRIC_COUNT": _metric_count,
    "PERIOD": _period,
    "REMOVE_EMPTY": _remove_empty,
    "SLICE": _slice,
    "SORT": _sort,
    "TIME_SERIES": _time_series,
}
