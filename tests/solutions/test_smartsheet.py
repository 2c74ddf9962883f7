"""Smartsheet on a live server: surges, and environments that are kept ready for them in each of the ways."""

from typing import Any

import pytest
from tests.conftest import Aws, LiveServer
from tests.solutions.deployed import deploy, driver, report_of

SMALL = ("--scale", "0.05", "--speed", "60", "--surges", "1", "--modes", "scaled", "snapstart")


@pytest.mark.timeout(400)
def test_environments_are_kept_ready_and_nothing_is_lost(server: LiveServer, aws: Aws, account: str) -> None:
    deploy(aws, "smartsheet-functions", HandshakeMs="400")
    report: dict[str, Any] = report_of(driver(server, account, "smartsheet-functions", *SMALL))
    for run in report["runs"]:
        assert run["views"]["requests"] > 0
        assert run["views"]["failed"] == {}
        assert run["changes"]["lost"] == 0
        assert all(function["throttles"] == function["errors"] == 0 for function in run["functions"].values())
    scaled, snapstart = report["runs"]
    assert scaled["views"]["kinds"].get("provisioned-concurrency", 0) > 0
    assert scaled["functions"]["views"]["provisioned"] > 0
    assert scaled["timeline"]["ready"]["views"][-1] == 1
    assert snapstart["functions"]["views"]["reports"]["restores"] > 0
