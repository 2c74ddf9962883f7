"""`fogbank credentials` and `fogbank audit` on a server that authenticates."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest

from tests.conftest import LiveServer

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a running server."""
    folder: Path = tmp_path_factory.mktemp("data")
    server = LiveServer("--auth", "iam", "--data", str(folder), "--sync", "process")
    yield folder
    assert server.stop() == 0


@pytest.fixture
def run(folder: Path) -> Run:
    def run(*arguments: str, **given: str) -> "subprocess.CompletedProcess[str]":
        bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = {**bare, "FOGBANK_DATA": str(folder), **given}
        command = [sys.executable, "-m", "fogbank", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def test_the_roots_key_is_its_owners_alone_and_can_be_evaluated(folder: Path, run: Run) -> None:
    file = folder / "credentials"
    assert file.stat().st_mode & 0o777 == 0o600
    assert run("credentials").stdout == f"export AWS_SHARED_CREDENTIALS_FILE={file}\n"
    told = json.loads(run("credentials", "--json").stdout)
    assert told["AccessKeyId"] in file.read_text()
    assert json.loads(run("env", "--json").stdout)["AWS_ACCESS_KEY_ID"] == told["AccessKeyId"]


def test_a_credentials_file_that_the_environment_names_is_used(folder: Path, run: Run, tmp_path: Path) -> None:
    given = {"FOGBANK_DATA": str(tmp_path), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials")}
    told = json.loads(run("env", "--json", **given).stdout)
    assert told["AWS_ACCESS_KEY_ID"] in (folder / "credentials").read_text()


def test_the_audit_record_is_printed_with_the_reasons(run: Run) -> None:
    told = json.loads(run("env", "--json").stdout)
    boto3.client(
        "sqs",
        endpoint_url=told["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
    ).create_queue(QueueName="audited")
    lines = [json.loads(line) for line in run("audit", "--json").stdout.splitlines()]
    (asked,) = (line for line in lines if line["service"] == "sqs")
    assert asked["reasons"][0]["allowed"]
    printed = run("audit", "--action", "sqs:").stdout
    assert "arn:aws:iam::000000000000:root  from 127.0.0.1  000000000000 us-east-1" in printed
    assert (
        "    allowed: sqs:CreateQueue on arn:aws:sqs:us-east-1:000000000000:audited by identity-based policy" in printed
    )
    assert run("audit", "--denied").stdout == ""
    assert "--since x: an age is a number" in run("audit", "--since", "x").stderr
