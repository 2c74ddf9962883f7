"""Smartsheet's own rules, without a server."""

from itertools import pairwise
from typing import Any

import cfnlint.api
import pytest
from tests.solutions.modules import SOLUTIONS, module

FOLDER = "smartsheet-functions"
modes = module(f"{FOLDER}/modes.py")
day = module(f"{FOLDER}/day.py")


def test_the_day_begins_and_ends_in_the_night() -> None:
    whole = day.Day()
    assert whole.at(0).quiet
    assert whole.at(whole.minutes - 0.01).quiet
    assert whole.at(whole.minutes + 1).quiet


def test_each_surge_comes_out_of_nothing_within_seconds() -> None:
    for begin, height, _ in day.SURGES:
        assert day.Day().at(begin - 0.1).quiet
        reached = day.Day().at(begin + day.RISE)
        assert (reached.views, reached.changes) == pytest.approx(height)


def test_between_surges_environments_are_ended_and_capacity_is_kept() -> None:
    """Idle for more than ten minutes: ended. Fifteen quiet minutes: scaled in."""
    lasts = day.RISE + day.PEAK + day.LASTS + day.FALL
    gaps = [later[0] - earlier[0] - lasts for earlier, later in pairwise(day.SURGES)]
    assert all(10 < gap < 15 for gap in gaps)
    assert day.NIGHT > 20


@pytest.mark.parametrize(
    ("samples", "percentile"),
    [([], 1), ([0, 0], 1), ([0, 3], 3), ([1.0] * 94 + [9.0] * 6, 9), ([1.0] * 96 + [9.0] * 4, 1)],
)
def test_idle_minutes_say_nothing_of_how_many_were_at_work(samples: list[float], percentile: int) -> None:
    assert day.percentile_of_concurrency(samples) == percentile


def run(mode: str, *, spilled: int = 0, provisioned: int = 0, ready_s: int = 0) -> dict[str, Any]:
    reports = {"invocations": 100.0, "billed_ms": 100_000.0, "init_ms": 0.0, "restores": 0.0}
    function = {"invocations": 100, "spilled": spilled, "provisioned": provisioned, "reports": reports}
    seen = {"kinds": {"provisioned-concurrency": provisioned} if provisioned else {}}
    names = ("views", "changes")
    return {
        "mode": mode,
        "snapshots": mode == modes.SNAPSTART,
        "minutes": 1,
        **dict.fromkeys(names, seen),
        "functions": dict.fromkeys(names, function),
        "ready_s": dict.fromkeys(names, ready_s),
    }


def test_environments_that_are_ready_are_paid_by_the_clock_and_make_durations_cheaper() -> None:
    cost = module(f"{FOLDER}/cost.py")
    x86, arm = (cost.PRICES[name] for name in ("x86", "arm"))
    requests = 200 / 1e6 * 0.2
    on_demand = cost.bill(run(modes.ON_DEMAND), speed=1)
    assert on_demand["x86"] == pytest.approx(requests + 200 * x86["gb_second"])
    assert on_demand["arm"] == pytest.approx(requests + 200 * arm["gb_second"])
    assert cost.bill(run(modes.ON_DEMAND), speed=6)["x86"] == pytest.approx(6 * on_demand["x86"])
    ready = cost.bill(run(modes.STATIC, provisioned=90, spilled=10, ready_s=60), speed=1)
    assert ready["x86"] == pytest.approx(
        requests
        + 20 * x86["gb_second"]
        + 180 * x86["provisioned_duration_gb_second"]
        + 120 * x86["provisioned_gb_second"]
    )


def test_arm_costs_a_fifth_less() -> None:
    prices = module(f"{FOLDER}/cost.py").PRICES
    for name, price in prices["x86"].items():
        assert prices["arm"][name] / price == pytest.approx(0.8, abs=0.001)


def test_the_template_is_such_as_aws_would_take() -> None:
    assert [str(found) for found in cfnlint.api.lint_file(SOLUTIONS / FOLDER / "template.yaml")] == []
