"""What metric math computes with: scalars, time series and arrays of time series."""

import operator
from collections.abc import Callable, Iterable

import msgspec

from fogbank.services.cloudwatch.math_syntax import InvalidExpression
from fogbank.services.cloudwatch.series import Points


class TimeSeries(msgspec.Struct):
    """Values over time, sparse. `id` is that of the metric's query; `period_s` is 0 where there is none."""

    points: Points
    label: str = ""
    id: str = ""
    period_s: int = 0

    def with_points(self, points: Points) -> "TimeSeries":
        return TimeSeries(points, self.label, self.id, self.period_s)


Array = list[TimeSeries]
Value = float | TimeSeries | Array


def times(series: Iterable[TimeSeries]) -> list[int]:
    """Every time at which one of the series has a value."""
    return sorted({at_ms for one in series for at_ms in one.points})


def arithmetic(sign: str, left: Value, right: Value) -> Value:
    """An operator on two values. A missing value counts as 0; what cannot be computed is dropped."""
    if isinstance(left, list):
        if isinstance(right, list):
            raise InvalidExpression(f"Unsupported operand type(s) for {sign}: '[TimeSeries]' and '[TimeSeries]'")
        return [_series(sign, one, right) for one in left]
    if isinstance(right, list):
        return [_series(sign, left, one) for one in right]
    if isinstance(left, TimeSeries) or isinstance(right, TimeSeries):
        return _series(sign, left, right)
    result = _compute(sign, left, right)
    if result is None:
        raise InvalidExpression("Division by zero")
    return result


def negated(value: Value) -> Value:
    return arithmetic("-", 0.0, value)


def mapped(value: Value, change: Callable[[TimeSeries], TimeSeries]) -> Value:
    """A change of each series; scalars have none."""
    if isinstance(value, list):
        return [change(one) for one in value]
    if isinstance(value, TimeSeries):
        return change(value)
    raise InvalidExpression("Expected a time series, found a scalar")


def _series(sign: str, left: float | TimeSeries, right: float | TimeSeries) -> TimeSeries:
    both = [one for one in (left, right) if isinstance(one, TimeSeries)]
    result: Points = {}
    for at_ms in times(both):
        value = _compute(sign, _at(left, at_ms), _at(right, at_ms))
        if value is not None:
            result[at_ms] = value
    return both[0].with_points(result)


def _at(value: float | TimeSeries, at_ms: int) -> float:
    return value.points.get(at_ms, 0.0) if isinstance(value, TimeSeries) else value


_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    "<=": lambda a, b: float(a <= b),
    ">=": lambda a, b: float(a >= b),
    "<": lambda a, b: float(a < b),
    ">": lambda a, b: float(a > b),
    "&&": lambda a, b: float(a != 0 and b != 0),
    "||": lambda a, b: float(a != 0 or b != 0),
}


def _compute(sign: str, left: float, right: float) -> float | None:
    try:
        result = _OPERATIONS[sign](left, right)
    except (ZeroDivisionError, OverflowError):
        return None
    return None if isinstance(result, complex) else result
