"""Step scaling: its rules, its ranges, its roundings."""

from typing import Any

import pytest

from fogbank.services.applicationautoscaling import stepping
from fogbank.services.applicationautoscaling.errors import Invalid


def steps(*given: tuple[float | None, float | None, int], **more: Any) -> dict[str, Any]:
    def step(low: float | None, high: float | None, amount: int) -> dict[str, Any]:
        bounds = {"MetricIntervalLowerBound": low, "MetricIntervalUpperBound": high}
        return {"ScalingAdjustment": amount} | {name: value for name, value in bounds.items() if value is not None}

    return {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [step(*one) for one in given]} | more


OUT = steps((0, 10, 0), (10, 20, 10), (20, None, 30))
IN = steps((-10, 0, 0), (-20, -10, -10), (None, -20, -30))


@pytest.mark.parametrize(
    ("policy", "delta", "amount"),
    [
        (OUT, 0, 0), (OUT, 9.9, 0), (OUT, 10, 10), (OUT, 19.9, 10), (OUT, 20, 30), (OUT, 1e9, 30), (OUT, -1, None),
        (IN, 0, 0), (IN, -9.9, 0), (IN, -10, -10), (IN, -19.9, -10), (IN, -20, -30), (IN, -1e9, -30), (IN, 1, None),
        (steps((None, 0, -1), (0, None, 1)), 0, 1),
    ],
)  # fmt: skip
def test_a_range_has_its_bound_that_is_nearer_to_the_threshold(
    policy: dict[str, Any], delta: float, amount: int | None
) -> None:
    stepping.check(policy)
    assert stepping.adjustment(policy, delta) == amount


@pytest.mark.parametrize(
    ("kind", "amount", "least", "capacity", "wanted"),
    [
        ("ChangeInCapacity", 3, None, 5, 8),
        ("ChangeInCapacity", -3, None, 2, 0),
        ("ExactCapacity", 4, None, 9, 4),
        ("PercentChangeInCapacity", 25, None, 4, 5),
        ("PercentChangeInCapacity", 25, 2, 4, 6),
        ("PercentChangeInCapacity", 127, None, 10, 22),
        ("PercentChangeInCapacity", 5, None, 10, 11),
        ("PercentChangeInCapacity", -5, None, 10, 9),
        ("PercentChangeInCapacity", -67, None, 10, 4),
        ("PercentChangeInCapacity", 0, 2, 10, 10),
    ],
)
def test_percentages_are_rounded_towards_zero_and_never_to_nothing(
    kind: str, amount: int, least: int | None, capacity: int, wanted: int
) -> None:
    assert stepping.wanted({"AdjustmentType": kind, "MinAdjustmentMagnitude": least}, amount, capacity) == wanted


def test_the_values_of_an_alarm_are_aggregated_and_a_state_that_was_set_is_at_the_threshold() -> None:
    values = [60.0, 80.0, 100.0]
    for kind, delta in ((None, 30.0), ("Average", 30.0), ("Minimum", 10.0), ("Maximum", 50.0)):
        assert stepping.breach({"MetricAggregationType": kind}, values, 50.0) == delta
    assert stepping.breach({}, [], 50.0) == 0


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"StepAdjustments": [{"ScalingAdjustment": 1}]}, "AdjustmentType"),
        (steps(), "At least one"),
        (steps((None, None, 1)), "both be null"),
        (steps((0, 10, 1), (11, None, 2)), "have a gap"),
        (steps((0, 10, 1), (9, None, 2)), "overlap"),
        (steps((0, None, 1), (5, None, 2)), "At most one"),
        (steps((0, 10, 1)), "null upper bound"),
        (steps((-10, 0, 1)), "null lower bound"),
        (steps((5, 5, 1)), "greater than its lower"),
        (steps((0, None, 1), MinAdjustmentMagnitude=1), "MinAdjustmentMagnitude"),
        (steps((0, None, -1), AdjustmentType="ExactCapacity"), "negative"),
        (steps(*((n, n + 1, 1) for n in range(20)), (20, None, 1)), "at most 20"),
    ],
)
def test_steps_that_contradict_each_other_are_refused(policy: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        stepping.check(policy)
