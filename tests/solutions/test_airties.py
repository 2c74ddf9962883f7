"""Airties on a live server: deployed from its template, driven through a day, killed, and compared with its input."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Aws, LiveServer
from tests.solutions.deployed import deploy, driver, report_of

SMALL = ("--devices", "200", "--rounds", "12", "--step", "20", "--live-minutes", "0")


def check(report: dict[str, Any], messages: int) -> None:
    found = report["audit"]
    assert found["samples"] == messages
    assert {name: found[name] for name in ("lost", "different", "duplicates", "out_of_order")} == {
        "lost": 0,
        "different": 0,
        "duplicates": 0,
        "out_of_order": 0,
    }
    assert report["load"]["acknowledged"] > messages  # some are sent twice
    assert report["load"]["out_of_order"] == 0
    assert report["retrieval"]["wrong"] == 0
    assert report["sums"] == {"lines": report["sums"]["lines"], "wrong": 0}
    assert max(report["load"]["timeline"]["shards"]) >= 4
    assert report["load"]["other_shards"] == [1]
    for alarm in ("age", "reader"):
        states = report["alarms"][alarm]
        assert "ALARM" in states
        assert states[-1] == "OK"


@pytest.mark.timeout(300)
def test_no_sample_is_lost_or_out_of_order_though_readers_and_server_are_killed(tmp_path: Path, account: str) -> None:
    server = LiveServer("--data", str(tmp_path), "--virtual-clock")

    def aws(service: str) -> Any:
        return server.client(service, account=account)

    try:
        # Small batches: so the reader is behind for more than one after its outage, whatever shards the few devices are
        # in, and its age is told.
        deploy(aws, "airties", BatchSize="5", IteratorAgeAlarmMs="150000")
        driving = driver(server, account, "airties", *SMALL)
        wait_for_files(aws, 10)
        assert kill_functions(server.pid) > 0
        wait_for_files(aws, 40)
        server.kill()
        server = LiveServer("--data", str(tmp_path), "--virtual-clock", "--port", str(server.port))
        report = report_of(driving)
        check(report, 2_400)
        check_fetch(server, account, report["fleet"])
    finally:
        server.stop()


def check_fetch(server: LiveServer, account: str, fleet: dict[str, Any]) -> None:
    """A device's samples of half the day, one after the other, and what that took."""
    device, first_ms = f"ap-{fleet['name']}-000017", fleet["from_ms"]
    fetching = driver(server, account, "airties", "fetch", device, str(first_ms), str(first_ms + 43_200_000))
    out, told = fetching.communicate()
    samples = json.loads(out)
    assert {sample["device"] for sample in samples} == {device}
    assert [sample["seq"] for sample in samples] == list(range(len(samples)))
    assert 0 < len(samples) < 12
    assert f"{len(samples)} samples: 1 Query, {len(samples)} range GET" in told


def wait_for_files(aws: Aws, wanted: int) -> None:
    """Until so many bulk files are there: the day is under way, that is."""
    outputs = aws("cloudformation").describe_stacks(StackName="airties")["Stacks"][0]["Outputs"]
    bucket = next(o["OutputValue"] for o in outputs if o["OutputKey"] == "Samples")
    while aws("s3").list_objects_v2(Bucket=bucket, Prefix="bulk/")["KeyCount"] < wanted:
        time.sleep(0.05)


def kill_functions(server: int) -> int:
    """Ends the processes of the server's functions at once; how many there were."""
    parents = {process: parent_of(process) for process in map(int, filter(str.isdigit, os.listdir("/proc")))}
    zygotes = {process for process, parent in parents.items() if parent == server}
    functions = [process for process, parent in parents.items() if parent in zygotes]
    for process in functions:
        os.kill(process, signal.SIGKILL)
    return len(functions)


def parent_of(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # It has ended meanwhile.
        return 0
