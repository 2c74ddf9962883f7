"""WellRight on a live server: deployed from its template, driven, killed, and compared with its input."""

import io
import json
import os
import re
import secrets
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import Aws, LiveServer

HERE = Path(__file__).resolve().parents[2] / "solutions" / "wellright"


def packaged(aws: Aws, template: str) -> str:
    """The template with its local code in S3, as `aws cloudformation package` leaves it."""
    s3 = aws("s3")
    bucket = f"packages-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=bucket)
    text = (HERE / template).read_text()
    for folder in set(re.findall(r"CodeUri: (src/\w+)/", text)):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as packed:
            for source in sorted((HERE / folder).glob("*.py")):
                packed.write(source, source.name)
        s3.put_object(Bucket=bucket, Key=f"{folder}.zip", Body=archive.getvalue())
        text = text.replace(f"CodeUri: {folder}/", f"CodeUri: s3://{bucket}/{folder}.zip")
    return text


def deploy(aws: Aws, **parameters: str) -> None:
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(
        StackName="wellright",
        TemplateBody=packaged(aws, "template.yaml"),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="wellright", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def driver(server: LiveServer, account: str, *arguments: str) -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    return subprocess.Popen(
        [sys.executable, str(HERE / "drive.py"), "--stack", "wellright", "--json", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def report_of(driving: "subprocess.Popen[str]") -> dict[str, Any]:
    out, told = driving.communicate()
    assert driving.returncode == 0, out or told
    report: dict[str, Any] = json.loads(out)
    return report


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
    deploy(lambda service: wellright.client(service, account=account), **settings)
    report = report_of(driver(wellright, account, "--entries", "56"))
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
        deploy(aws)
        driving = driver(server, account, "--entries", "2000", "--capped-only")
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
