"""Metric math. The tables of AWS's guide are among the cases; `-` is a missing value."""

from collections.abc import Iterator
from typing import Any

import pytest

from fogbank.core.errors import NotImplementedInFogbank
from fogbank.services.cloudwatch.errors import ValidationError
from fogbank.services.cloudwatch.metric_data import Metric, evaluate, queries_of
from fogbank.services.cloudwatch.search import Candidate

MINUTE_MS = 60_000
START_MS = 1_800_000_000_000 // 3_600_000 * 3_600_000


def points(values: list[Any]) -> dict[int, float]:
    return {START_MS + at * MINUTE_MS: float(value) for at, value in enumerate(values) if value != "-"}


def metric(name: str) -> dict[str, Any]:
    stat = {"Metric": {"Namespace": "N", "MetricName": name}, "Period": 60, "Stat": "Sum"}
    return {"Id": name, "MetricStat": stat, "ReturnData": False}


def results(expression: str, *, metrics: dict[str, list[Any]], label: str | None = None, **more: str) -> Any:
    given = [metric(name) for name in metrics]
    given += [{"Id": name, "Expression": text, "ReturnData": False} for name, text in more.items()]
    given.append({"Id": "result", "Expression": expression} | ({"Label": label} if label is not None else {}))
    size = max(len(values) for values in metrics.values())

    def read(wanted: Metric) -> dict[int, float]:
        return points(metrics[wanted.name])

    def candidates(namespace: str | None) -> Iterator[tuple[Candidate, str]]:
        assert namespace in (None, "N")
        return iter([(Candidate("N", name, {}), "") for name in metrics])

    return evaluate(queries_of(given), read, candidates, start_ms=START_MS, end_ms=START_MS + size * MINUTE_MS)


def computed(expression: str, **metrics: list[Any]) -> list[Any]:
    (series,) = results(expression, metrics=metrics)
    size = max(len(values) for values in metrics.values())
    return [series.points.get(START_MS + at * MINUTE_MS, "-") for at in range(size)]


@pytest.mark.parametrize(
    ("expression", "metrics", "expected"),
    [
        ("a + b * 2", {"a": [1, 2], "b": [3, "-"]}, [7, 2]),
        ("(a + b) * 2 ^ 2", {"a": [1, 2], "b": [3, 4]}, [16, 24]),
        ("-a - -1", {"a": [1, 2]}, [0, -1]),
        ("a / b", {"a": [1, 2], "b": [2, 0]}, [0.5, "-"]),
        ("a / PERIOD(a)", {"a": [60, 120]}, [1, 2]),
        ("a < b", {"a": [30, 20, 0, 0], "b": [20, "-", 20, "-"]}, [0, 0, 1, 0]),
        ("a >= 30", {"a": [30, 20, 0, 0]}, [1, 0, 0, 0]),
        ("a > 15 AND b > 15", {"a": [30, 20, 0, 0], "b": [20, "-", 20, "-"]}, [1, 0, 0, 0]),
        ("a > 15 || b > 15", {"a": [30, 20, 0, 0], "b": [20, "-", 20, "-"]}, [1, 1, 1, 0]),
        ("IF(a, b, c)", {"a": [1, 1, 0, 0, "-"], "b": [30, "-", 0, 0, 30], "c": [0, 0, 20, "-", 20]},
         [30, 0, 20, "-", "-"]),
        ("IF(a, 5, c)", {"a": [1, 1, 0, 0, "-"], "c": [0, 0, 20, "-", 20]}, [5, 5, 20, "-", "-"]),
        ("IF(a, b, 5)", {"a": [1, 1, 0, 0, "-"], "b": [30, "-", 0, 0, 30]}, [30, 0, 5, 5, "-"]),
        ("IF(a < 400, a)", {"a": [100, 500, 300]}, [100, "-", 300]),
        ("SUM([a, b])", {"a": [1, "-", 3], "b": [10, 20, "-"]}, [11, 20, 3]),
        ("SUM(METRICS())", {"a": [1, 2], "b": [10, 20]}, [11, 22]),
        ('SUM(METRICS("err"))', {"err1": [1, 2], "ok": [10, 20], "err2": [1, 1]}, [2, 3]),
        ("AVG([a, b])", {"a": [1, "-"], "b": [3, 4]}, [2, 2]),
        ("MAX([a, b]) - MIN([a, b])", {"a": [1, 9], "b": [3, 4]}, [2, 5]),
        ("a - AVG(a)", {"a": [1, 2, 3]}, [-1, 0, 1]),
        ("a / SUM(a)", {"a": [1, 3]}, [0.25, 0.75]),
        ("DATAPOINT_COUNT([a, b])", {"a": [1, "-"], "b": [1, 1]}, [2, 1]),
        ("a * METRIC_COUNT(METRICS())", {"a": [1], "b": [1]}, [2]),
        ("FILL(a, 0)", {"a": [1, "-", 3]}, [1, 0, 3]),
        ("FILL(a, REPEAT)", {"a": ["-", 1, "-", "-"]}, ["-", 1, 1, 1]),
        ("FILL(a, LINEAR)", {"a": [1, "-", "-", 4]}, [1, 2, 3, 4]),
        ("FILL(a, b)", {"a": [1, "-", "-"], "b": [7, 8, "-"]}, [1, 8, "-"]),
        ("DIFF(a)", {"a": [1, 4, 2]}, ["-", 3, -2]),
        ("DIFF_TIME(a)", {"a": [1, "-", 2]}, ["-", "-", 120]),
        ("RATE(a)", {"a": [0, 60, 30]}, ["-", 1, -0.5]),
        ("RUNNING_SUM(a)", {"a": [1, 2, 3]}, [1, 3, 6]),
        ("ABS(CEIL(a)) + FLOOR(b)", {"a": [-1.5, 2.1], "b": [1.9, 0]}, [2, 3]),
        ("LOG10(a)", {"a": [100, 0]}, [2, "-"]),
        ("STDDEV([a, b])", {"a": [1], "b": [3]}, [1]),
        ("TIME_SERIES(5)", {"a": [1, "-"]}, [5, 5]),
        ("HOUR(a) * 0 + MINUTE(a)", {"a": [1, "-", 1]}, [0, 1, 2]),
        ("FIRST(SORT([a, b], AVG, DESC))", {"a": [1, 2], "b": [3, 4]}, [3, 4]),
        ("LAST(SORT(METRICS(), SUM, DESC, 2))", {"a": [1], "b": [3], "c": [2]}, [2]),
        ("SUM(SLICE(SORT(METRICS(), MAX, ASC), 1))", {"a": [1], "b": [3], "c": [2]}, [5]),
        ("SUM(REMOVE_EMPTY(METRICS()))", {"a": [1], "b": ["-"]}, [1]),
        ("SUM(SEARCH('{N} MetricName=\"wanted\"', 'Sum', 60))", {"wanted": [1], "other": [5]}, [1]),
    ],
)  # fmt: skip
def test_an_expression_has_the_value_of_the_guide(
    expression: str, metrics: dict[str, list[Any]], expected: list[Any]
) -> None:
    assert computed(expression, **metrics) == expected


def test_expressions_build_on_each_other() -> None:
    (series,) = results("e1 / 2", metrics={"a": [4]}, e1="a * a")
    assert list(series.points.values()) == [8]


def test_an_array_gives_a_result_for_each_series() -> None:
    found = results("METRICS() * 2", metrics={"a": [1], "b": [2]}, label="twice")
    assert [(series.label, list(series.points.values())) for series in found] == [("twice a", [2]), ("twice b", [4])]


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("a +", "Invalid syntax"),
        ("(a", "Invalid syntax"),
        ("a ? b", "Invalid syntax"),
        ("zz * 2", "Undefined variable 'zz'"),
        ("NONSENSE(a)", "Unknown function 'NONSENSE'"),
        ("AVG(a)", "must be a time series, not a scalar"),
        ("SORT(a)", "Invalid number of arguments for function 'SORT'"),
        ("METRICS() + METRICS()", "Unsupported operand"),
        ("result + 1", "refers to itself"),
        ("(" * 5000 + "a" + ")" * 5000, "nested too deeply"),
    ],
)
def test_an_expression_that_cannot_be_is_an_error_of_its_query(expression: str, sentence: str) -> None:
    with pytest.raises(ValidationError, match=rf"Error in expression 'result': .*{sentence}"):
        results(expression, metrics={"a": [1]})


def test_a_query_of_metrics_insights_is_told_from_metric_math() -> None:
    with pytest.raises(NotImplementedInFogbank, match="Metrics Insights"):
        results('SELECT SUM(a) FROM "Namespace"', metrics={"a": [1]})
