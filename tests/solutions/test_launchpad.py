"""Launchpad on a live server that enforces policies: tenants in two accounts, and some of them hostile."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.auth.conftest import GuardedServer, User
from tests.solutions.deployed import deploy, driver, report_of

SMALL = ("--tenants", "25", "--functions", "8", "--seconds", "4", "--rate", "8", "--rounds", "1")
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
# Every hostile act: there is a snippet for each but the flood of requests, which comes from outside.
ACTS = {
    "break_out", "fill_disk", "flood_log", "flood_requests", "fork_bomb", "hog_memory", "hog_processors",
    "invoke_neighbour", "reach_network", "read_environments", "read_files", "signal_everybody", "stay_behind",
    "steal_records", "use_role",
}  # fmt: skip


@pytest.fixture
def strict() -> Iterator[GuardedServer]:
    server = GuardedServer("--ephemeral")
    yield server
    assert server.stop() == 0


@pytest.mark.timeout(900)
def test_hostile_tenants_reach_nothing_and_nobody(strict: GuardedServer) -> None:
    operator = User(strict, "operator")
    strict.as_caller("iam", strict.root).attach_user_policy(UserName=operator.name, PolicyArn=ADMINISTRATOR)
    deploy(operator.client, "launchpad")
    access_key, secret = operator.key
    report: dict[str, Any] = report_of(driver(strict, access_key, "launchpad", *SMALL, secret=secret))
    assert report["wrong"] == []
    assert report["acts"].keys() == ACTS
    assert {name: act["seen"] for name, act in report["acts"].items() if act["breaches"]} == {}
    assert report["acts"]["use_role"]["seen"] == "all refused"
    assert [each for each in report["borders"] if each[1] != each[2]] == []
    assert report["listener"] == 0
    assert report["left"] == []
    assert report["metrics_wrong"] == []
    assert "(no tag)" not in report["costs"]
    assert len({row["@log"] for row in report["trace"]["rows"]}) == 3
