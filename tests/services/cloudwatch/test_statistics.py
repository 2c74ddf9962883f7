"""Statistics that look at each sample."""

import pytest

from fogbank.services.cloudwatch.distribution import Distribution, Summary
from fogbank.services.cloudwatch.statistics import is_statistic, statistic

HUNDRED = Distribution({float(value): 1.0 for value in range(1, 101)})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("p95", 95.0),
        ("p99.9", 100.0),
        ("tm90", 45.5),
        ("TM(:90%)", 45.5),
        ("TM(10%:90%)", 50.5),
        ("TM(2%:98%)", 50.5),
        ("TM(80%:)", 90.5),
        ("TM(50:60)", 55.5),
        ("IQM", 50.5),
        ("tc90", 90.0),
        ("TC(50:60)", 10.0),
        ("TC(:0.5)", 0.0),
        ("ts90", 4095.0),
        ("TS(80%:)", 1810.0),
        ("wm90", 50.05),
        ("WM(10%:90%)", 50.4),
        ("PR(:30)", 30.0),
        ("PR(10:20)", 10.0),
        ("PR(90:)", 10.0),
    ],
)
def test_extended_statistics_are_right_to_a_percent(name: str, expected: float) -> None:
    assert is_statistic(name)
    assert statistic(HUNDRED, name) == pytest.approx(expected, rel=0.01, abs=0.01)


def test_samples_at_a_bound_count_in_part() -> None:
    uneven = Distribution({1.0: 5.0, 100.0: 5.0})
    assert statistic(uneven, "tm75") == pytest.approx((5 * 1 + 2.5 * 100) / 7.5)


@pytest.mark.parametrize("name", ["p101", "tm101", "TM(90%:10%)", "TM(1:2%)", "PR(10%:20%)", "TM(:)", "tm", "Median"])
def test_what_is_no_statistic_is_known_as_such(name: str) -> None:
    assert not is_statistic(name)


@pytest.mark.parametrize("name", ["p50", "tm90", "PR(:1)"])
def test_there_are_none_of_summaries_and_of_negative_values(name: str) -> None:
    assert statistic(Distribution({1.0: 1.0}, Summary(2, 3, 1, 2)), name) is None
    assert statistic(Distribution({-1.0: 1.0, 2.0: 1.0}), name) is None
