"""A solution on a live server: deployed from its template as a user's tools do it, and driven."""

import json
import os
import re
import secrets
import subprocess
import sys
from typing import Any

from tests.conftest import Aws, LiveServer
from tests.packages import zipped
from tests.solutions.modules import SOLUTIONS


def packaged(aws: Aws, solution: str) -> str:
    """The template with its local code in S3, as `aws cloudformation package` leaves it."""
    s3 = aws("s3")
    bucket = f"packages-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=bucket)
    folder = SOLUTIONS / solution
    text = (folder / "template.yaml").read_text()
    for property_, code in set(re.findall(r"(CodeUri|ContentUri): (src/\w+)/", text)):
        sources = sorted((folder / code).rglob("*.py"))
        files = {str(source.relative_to(folder / code)): source.read_bytes() for source in sources}
        s3.put_object(Bucket=bucket, Key=f"{code}.zip", Body=zipped(files))
        text = text.replace(f"{property_}: {code}/", f"{property_}: s3://{bucket}/{code}.zip")
    return text


def deploy(aws: Aws, solution: str, **parameters: str) -> None:
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(
        StackName=solution,
        TemplateBody=packaged(aws, solution),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=solution, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )


def driver(
    server: LiveServer, access_key: str, solution: str, *arguments: str, secret: str = "secret"
) -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "PYTHONPATH": str(SOLUTIONS),
    }
    return subprocess.Popen(
        [sys.executable, str(SOLUTIONS / solution / "drive.py"), "--stack", solution, "--json", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def report_of(driving: "subprocess.Popen[str]") -> Any:
    """What it prints, once it has ended well."""
    out, told = driving.communicate()
    assert driving.returncode == 0, out or told
    return json.loads(out)
