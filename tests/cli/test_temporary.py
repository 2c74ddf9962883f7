"""`fogbank run --ephemeral`: a server for one run, and who drives it."""

import argparse
import os
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest

from fogbank.cli import client, run
from fogbank.cli.failure import Failure
from fogbank.cli.main import build_parser
from fogbank.cli.temporary import temporary_server

UNUSED = {"auth": None, "function_network": None, "untrusted": None, "compute": None}


def options(**given: str) -> argparse.Namespace:
    return argparse.Namespace(**UNUSED | given, endpoint=None)


def test_where_policies_are_enforced_an_operator_drives_and_the_clock_still_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(run.solutions_folder()))
    from driving.clock import MovedClock, clock_of_the_cloud

    before = dict(os.environ)
    chosen = options(function_network="none")
    with temporary_server(chosen, auth="iam"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", chosen.endpoint)
        caller: dict[str, Any] = client.aws(chosen, "sts").get_caller_identity()
        clock = clock_of_the_cloud()
        began = clock.now()
        clock.wait(3600)
        moved_s = (clock.now() - began).total_seconds()
    monkeypatch.undo()
    assert caller["Arn"].endswith(":user/operator")
    assert isinstance(clock, MovedClock)
    assert moved_s >= 3600
    assert dict(os.environ) == before


def test_what_is_said_of_the_server_goes_before_what_the_solution_is_meant_for() -> None:
    chosen = options(auth="off")
    with temporary_server(chosen, auth="iam"):
        assert client.aws(chosen, "sts").get_caller_identity()["Arn"].endswith(":root")


def test_a_run_that_is_told_to_end_takes_its_server_along() -> None:
    command = [sys.executable, "-m", "fogbank", "run", "wellright", "--ephemeral"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        endpoint = running.stderr.readline().split()[-1]
        running.terminate()
        running.stderr.read()
    assert running.returncode == -signal.SIGTERM
    # What it wrote to is open until the server has ended, too.
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", int(endpoint.rpartition(":")[2])))


@pytest.mark.parametrize(("solution", "auth"), [("launchpad", "iam"), ("wellright", "off")])
def test_a_solutions_template_says_whether_policies_are_enforced(solution: str, auth: str) -> None:
    assert run._auth(run.solutions_folder() / solution / "template.yaml") == auth


def test_options_of_a_server_are_refused_where_none_is_started() -> None:
    parsed = build_parser().parse_args(["run", "wellright", "--auth", "iam", "--function-network", "full"])
    with pytest.raises(Failure, match="--auth and --function-network: only for a temporary server"):
        run.run(parsed)
