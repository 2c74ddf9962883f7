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


def test_a_surge_rises_from_hundreds_to_tens_of_thousands_of_events_a_second_within_minutes() -> None:
    for surge in [surge for surge in day.SURGES if surge.rise]:
        before, first, last = (
            day.Day().at(minute) for minute in (surge.begin - 0.1, surge.begin + day.AT_ONCE, surge.at_height)
        )
        assert before.quiet
        assert 100 <= (first.views + first.changes) * day.USERS < 1_000
        assert (last.views + last.changes) * day.USERS > 10_000
        assert first.rising
        assert not last.rising
        assert surge.rise <= 3


def test_at_the_full_hour_the_load_comes_out_of_nothing() -> None:
    surge = day.SURGES[-1]
    assert day.Day().at(surge.begin - 0.1).quiet
    reached = day.Day().at(surge.begin + day.AT_ONCE)
    assert (reached.views, reached.changes) == pytest.approx(surge.height)


def test_the_load_grows_at_an_even_rate() -> None:
    surge = day.SURGES[0]
    quarters = [day.Day().at(surge.begin + day.AT_ONCE + surge.rise * share).views for share in (0, 0.25, 0.5, 0.75)]
    assert [later / earlier for earlier, later in pairwise(quarters)] == pytest.approx([quarters[1] / quarters[0]] * 3)


def test_no_quiet_step_goes_past_the_beginning_of_a_surge() -> None:
    whole = day.Day(surges=2)
    for surge in whole.surges:
        begun = surge.begin - 0.25 + whole.until_surge(surge.begin - 0.25)
        assert whole.at(begun).rising
        assert not whole.at(begun).quiet
        assert (whole.at(begun).views, whole.at(begun).changes) == pytest.approx(surge.early)
    assert whole.until_surge(whole.surges[-1].end) == float("inf")


def test_between_surges_environments_are_ended_and_capacity_is_kept() -> None:
    """Idle for more than ten minutes: ended. Fifteen quiet minutes: scaled in."""
    assert all(10 < later.begin - earlier.end < 15 for earlier, later in pairwise(day.SURGES))
    assert day.NIGHT > 20


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
    on_demand = cost.bill(run(modes.ON_DEMAND), speed=1, users=1)
    assert on_demand["x86"] == pytest.approx(requests + 200 * x86["gb_second"])
    assert on_demand["arm"] == pytest.approx(requests + 200 * arm["gb_second"])
    assert cost.bill(run(modes.ON_DEMAND), speed=6, users=1)["x86"] == pytest.approx(6 * on_demand["x86"])
    assert cost.bill(run(modes.ON_DEMAND), speed=1, users=5)["x86"] == pytest.approx(5 * on_demand["x86"])
    ready = cost.bill(run(modes.STATIC, provisioned=90, spilled=10, ready_s=60), speed=1, users=1)
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
