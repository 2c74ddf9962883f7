"""WellRight on a live server: deployed from its template, driven, and compared with its input."""

import io
import json
import os
import re
import secrets
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
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


def deploy(aws: Aws, stack: str, template: str, **parameters: str) -> None:
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=packaged(aws, template),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def drive(server: LiveServer, account: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    ran = subprocess.run(
        [sys.executable, str(HERE / "drive.py"), "--stack", "wellright", "--json", *arguments],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ran.stdout, ran.stderr
    return ran.returncode, json.loads(ran.stdout)


@pytest.mark.timeout(300)
def test_every_entry_counts_exactly_once_with_and_without_maximum_concurrency(
    server: LiveServer, aws: Aws, account: str
) -> None:
    deploy(aws, "wellright", "template.yaml")
    code, report = drive(server, account, "--entries", "600")
    assert code == 0, report
    for run in (report["without_maximum_concurrency"], report["with_maximum_concurrency"]):
        assert run["entries"] == 600
        assert (run["lost"], run["duplicated"], run["leaderboard_matches"]) == (0, 0, True)
    assert report["with_maximum_concurrency"]["dlq_depth"] == 0


@pytest.mark.timeout(120)
def test_another_programme_is_added_without_touching_the_others(aws: Aws) -> None:
    deploy(aws, "wellright", "template.yaml")
    cloudformation = aws("cloudformation")
    before = cloudformation.describe_stack_events(StackName="wellright")["StackEvents"]
    deploy(aws, "mindfulness", "programme.yaml", CoreStack="wellright")
    after = cloudformation.describe_stack_events(StackName="wellright")["StackEvents"]
    assert [e["EventId"] for e in after] == [e["EventId"] for e in before]
    assert cloudformation.describe_stacks(StackName="mindfulness")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
