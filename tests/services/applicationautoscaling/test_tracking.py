"""When target tracking's alarms go off, and what capacity they lead to."""

import pytest

from fogbank.services.applicationautoscaling.tracking import Tracking

UTILIZATION, METRIC = Tracking(70.0, of_utilization=True), Tracking(50.0, of_utilization=False)


def test_the_thresholds_of_a_utilization_follow_the_capacity_and_those_of_a_metric_the_target() -> None:
    assert UTILIZATION.thresholds(5) == (210.0, 150.0)
    assert UTILIZATION.thresholds(100) == (4200.0, 3000.0)
    assert METRIC.thresholds(5) == METRIC.thresholds(100) == (50.0, 45.0)
    assert (UTILIZATION.high_periods, METRIC.high_periods) == (2, 3)


@pytest.mark.parametrize(
    ("tracking", "capacity", "value", "wanted"),
    [
        (UTILIZATION, 5, 210.0, 5),
        (UTILIZATION, 5, 211.0, 6),
        (UTILIZATION, 5, 4200.0, 100),
        (UTILIZATION, 100, 0.0, 0),
        (METRIC, 4, 50.0, 4),
        (METRIC, 4, 75.0, 6),
        (METRIC, 10, 12.0, 3),
    ],
)
def test_the_capacity_wanted_brings_the_metric_to_its_target(
    tracking: Tracking, capacity: int, value: float, wanted: int
) -> None:
    assert tracking.wanted(capacity, value) == wanted
