"""The limit of batches in flight, second by second, without a queue."""

import pytest

from fogbank.services.lambda_.queue_scaling import Scaling


@pytest.mark.parametrize(
    ("maximum", "busy_s", "allowed"),
    [
        (None, 0, 5),
        (None, 1, 10),
        (None, 60, 305),
        (None, 3_600, 1_250),
        (2, 0, 2),
        (2, 60, 2),
        (10, 0, 10),
        (100, 0, 10),
        (100, 3_600, 100),
    ],
)
def test_batches_in_flight_grow_by_300_a_minute_while_messages_wait(
    maximum: int | None, busy_s: int, allowed: int
) -> None:
    scaling = Scaling(maximum, 0)
    for second in range(busy_s + 1):
        scaling.waiting(second * 1000)
    assert scaling.allowed == allowed


def test_an_empty_queue_takes_the_limit_back_to_its_first_value() -> None:
    scaling = Scaling(None, 0)
    scaling.waiting(60_000)
    scaling.empty(61_000)
    assert scaling.allowed == 5


def test_failures_halve_the_limit_once_a_second_and_never_below_two() -> None:
    scaling = Scaling(None, 0)
    scaling.waiting(3_000)
    for at_ms in (3_000, 3_001, 3_999):
        scaling.failed(at_ms)
    assert scaling.allowed == 10
    for second in range(4, 60):
        scaling.failed(second * 1000)
    assert scaling.allowed == 2


def test_the_limit_grows_again_after_a_failure() -> None:
    scaling = Scaling(None, 0)
    scaling.failed(0)
    scaling.waiting(10_000)
    assert scaling.allowed == 52
