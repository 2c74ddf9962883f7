"""WellRight on a live server: deployed from its template, driven, killed, and compared with its input."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import Aws, LiveServer
from tests.solutions.deployed import deploy, driver, report_of


def check_run(run: dict[str, Any], entries: int) -> None:
    assert run["entries"] == entries
    newcomer = run["newcomer"]
    assert newcomer["counted"] == newcomer["entries"] > 0
    for counted in (run, newcomer):
        assert (counted["lost"], counted["duplicated"], counted["leaderboard_matches"]) == (0, 0, True)


@pytest.fixture
def wellright() -> Iterator[LiveServer]:
    """A server whose clock nobody moves: the driver asks CloudWatch about the time that has passed for it."""
    live = LiveServer("--ephemeral")
    yield live
    live.stop()


@pytest.mark.timeout(300)
def test_the_cap_ends_failures_every_entry_counts_once_and_a_programme_joins_under_load(
    wellright: LiveServer, account: str
) -> None:
    # Without a cap five batches start where two may run; one that waits for its visibility timeout is dead at once.
    settings = {"ReservedConcurrency": "2", "BatchSize": "5", "PartnerLatencyMs": "2000", "MaxReceiveCount": "1"}
    deploy(lambda service: wellright.client(service, account=account), "wellright", **settings)
    report = report_of(driver(wellright, account, "wellright", "--entries", "56"))
    first, second = report["without_maximum_concurrency"], report["with_maximum_concurrency"]
    for run in (first, second):
        check_run(run, 56)
    assert first["newcomer"]["joined_s"] > 0
    assert not first["newcomer"]["others_touched"]
    assert first["function_throttles"] > 0
    assert report["redriven"] == first["dlq_depth"] >= first["failed_messages"] > 0
    assert (second["failed_messages"], second["dlq_depth"], second["throttles"]) == (0, 0, 0)


@pytest.mark.timeout(300)
def test_a_server_killed_in_the_middle_of_a_burst_loses_no_entry(tmp_path: Path, account: str) -> None:
    server = LiveServer("--data", str(tmp_path))

    def aws(service: str) -> Any:
        return server.client(service, account=account)

    try:
        deploy(aws, "wellright")
        driving = driver(server, account, "wellright", "--entries", "2000", "--capped-only")
        wait_for_burst(aws)
        server.kill()
        server = LiveServer("--data", str(tmp_path), "--port", str(server.port))
        check_run(report_of(driving)["with_maximum_concurrency"], 2000)
    finally:
        server.stop()


def wait_for_burst(aws: Aws) -> None:
    """Until the newcomer has joined and messages are being worked on: in the middle, that is."""
    outputs = aws("cloudformation").describe_stacks(StackName="wellright")["Stacks"][0]["Outputs"]
    queue = next(o["OutputValue"] for o in outputs if o["OutputKey"] == "StepsQueue")
    working = "ApproximateNumberOfMessagesNotVisible"
    while not (
        newcomer_status(aws) == "CREATE_COMPLETE"
        and int(aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=[working])["Attributes"][working])
    ):
        time.sleep(0.05)


def newcomer_status(aws: Aws) -> str:
    try:
        found = aws("cloudformation").describe_stacks(StackName="wellright-mindfulness")
    except ClientError:
        return "not there"
    return str(found["Stacks"][0]["StackStatus"])
