"""An alarm's state from its last values: the tables of AWS's guide (oldest value first, `-` is missing)."""

import pytest

from fogbank.services.cloudwatch.alarm_state import Rule, decide, samples_needed

STATES = {"O": "OK", "A": "ALARM", "I": "INSUFFICIENT_DATA", "K": "kept"}


def state(values: str, *, periods: int, datapoints: int, missing: str) -> str:
    rule = Rule("GreaterThanThreshold", 5.0, periods, datapoints, missing)
    known = {"0": 0.0, "X": 9.0, "-": None}
    recent = [(at, known[value]) for at, value in enumerate(values.split())]
    return decide(rule, recent[::-1], "kept").state


@pytest.mark.parametrize(
    ("values", "datapoints", "expected"),
    [
        # Three out of three, five values read: missing, ignore, breaching, notBreaching.
        ("0 - X - X", 3, "OOOO"),
        ("0 - - - -", 3, "OOOO"),
        ("- - - - -", 3, "IKAO"),
        ("0 X X - X", 3, "AAAA"),
        ("- - X - -", 3, "AKAO"),
        ("- - - X -", 3, "KKAO"),
        ("- - - - X", 3, "KKAO"),
        # Two out of three.
        ("0 - X - X", 2, "AAAA"),
        ("0 0 X 0 X", 2, "AAAA"),
        ("0 - X - -", 2, "OOAO"),
        ("- - - - 0", 2, "OOAO"),
        ("- - - X -", 2, "AKAO"),
        ("- - - - X", 2, "KKAO"),
    ],
)
def test_missing_values_count_as_the_alarm_says(values: str, datapoints: int, expected: str) -> None:
    kinds = ("missing", "ignore", "breaching", "notBreaching")
    found = [state(values, periods=3, datapoints=datapoints, missing=missing) for missing in kinds]
    assert found == [STATES[letter] for letter in expected]


def test_the_reason_tells_the_values_that_decided() -> None:
    rule = Rule("GreaterThanThreshold", 5.0, 2, 1, "missing")
    verdict = decide(rule, [(1_800_000_000_000, 9.0), (1_799_999_940_000, 1.0)], "OK")
    assert verdict.reason == (
        "Threshold Crossed: 1 out of the last 2 datapoints [9.0 (15/01/27 08:00:00)] was greater than the threshold "
        "(5.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )


@pytest.mark.parametrize(
    ("statistic", "needed"),
    [("p50", 20.0), ("p90", 100.0), ("p99", 1000.0), ("p10", 100.0), ("p100", None), ("Average", None), ("tm99", None)],
)
def test_a_percentile_needs_so_many_samples_to_be_significant(statistic: str, needed: float | None) -> None:
    assert samples_needed(statistic) == needed
