"""SAM CLI with functions in Java, which `sam build` has Maven build, without containers."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.clients.tools import HERE, Missing, environment, eventually, look, python_tool, python_version, run

STACK = "sam-java-stack"


def sam_java(endpoint: str) -> str:
    if shutil.which("mvn") is None or shutil.which("javac") is None:
        raise Missing("Maven or a JDK is not installed")
    programs = python_tool("sam", "aws-sam-cli")
    program = str(programs / "sam")
    env = environment(endpoint, SAM_CLI_TELEMETRY="0")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "app"
        shutil.copytree(HERE / "sam_java_app", folder)
        run([program, "build"], env=env, cwd=folder)
        deploy = [program, "deploy", "--stack-name", STACK, "--resolve-s3", "--capabilities", "CAPABILITY_IAM"]
        run(deploy, env=env, cwd=folder)
    (stack,) = look(endpoint, "cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    _check_messages(endpoint, outputs)
    _check_requests(endpoint, outputs["Totals"])
    return python_version(programs, "aws-sam-cli")


def _check_messages(endpoint: str, outputs: dict[str, str]) -> None:
    attributes = {"sender": {"DataType": "String", "StringValue": "ü"}}
    sqs = look(endpoint, "sqs")
    sqs.send_message(QueueUrl=outputs["QueueUrl"], MessageBody="one", MessageAttributes=attributes)
    name = outputs["QueueUrl"].rpartition("/")[2]
    expected = f"order one of ü by arn:aws:sqs:us-east-1:000000000000:{name}"
    group = f"/aws/lambda/{outputs['Orders']}"

    def logged() -> bool:
        logs = look(endpoint, "logs")
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return False
        return any(event["message"] == expected for event in logs.filter_log_events(logGroupName=group)["events"])

    eventually(logged, "the message in the log")


def _check_requests(endpoint: str, function: str) -> None:
    request: dict[str, Any] = {
        "httpMethod": "GET",
        "path": "/totals",
        "headers": {"Accept": "*/*"},
        "requestContext": {"identity": {"sourceIp": "192.0.2.1"}},
        "isBase64Encoded": False,
    }
    answer = look(endpoint, "lambda").invoke(FunctionName=function, Payload=json.dumps(request))
    assert json.load(answer["Payload"]) == {"statusCode": 200, "body": "GET /totals from 192.0.2.1"}
