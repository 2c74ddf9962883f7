"""Powertools for AWS Lambda in deployed functions, from a layer; packaged by `fogbank deploy`."""

import json
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.clients.tools import HERE, eventually, look, python_tool, python_version


def powertools(endpoint: str) -> str:
    programs = python_tool("powertools", "aws-lambda-powertools[tracer]")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "app"
        shutil.copytree(HERE / "powertools_app", folder)
        _make_layer(programs, folder)
        deploy = [sys.executable, "-m", "fogbank", "deploy", str(folder / "template.yaml"), "--stack", "shop", "--json"]
        done = subprocess.run([*deploy, "--endpoint", endpoint], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        outputs = json.loads(done.stdout)["outputs"]
    _check_idempotency(endpoint, outputs)
    _check_batches(endpoint, outputs)
    return python_version(programs, "aws-lambda-powertools")


def _make_layer(programs: Path, folder: Path) -> None:
    """A layer's archive has its packages under python/."""
    (site,) = programs.parent.glob("lib/python*/site-packages")
    layer = folder / "layer"
    kept = ("aws_lambda_powertools", "aws_xray_sdk", "jmespath", "typing_extensions.py", "wrapt")
    for name in kept:
        source, target = site / name, layer / "python" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copyfile(source, target)
    shutil.make_archive(str(folder / "layer"), "zip", layer)


def _check_idempotency(endpoint: str, outputs: dict[str, str]) -> None:
    client = look(endpoint, "lambda")

    def pay(**event: Any) -> tuple[str | None, Any]:
        answer = client.invoke(FunctionName=outputs["Pay"], Payload=json.dumps(event))
        return answer.get("FunctionError"), json.load(answer["Payload"])

    error, first = pay(order="1")
    assert error is None, first
    assert first["mode"] == "strict"
    assert pay(order="1") == (None, first)
    assert pay(order="2")[1]["payment"] != first["payment"]
    assert pay(order="3", fail=True)[0] == "Unhandled"
    assert pay(order="3")[0] is None, "a payment that failed cannot be tried again"
    lines = eventually(lambda: _lines_of(endpoint, outputs["Pay"], "paid", 3), "what the logger wrote")
    assert {line["service"] for line in lines} == {"payments"}
    eventually(lambda: _measured(endpoint) >= 3, "the metric that was printed")


def _measured(endpoint: str) -> float:
    """The sum of the metric that Powertools has printed in the embedded metric format."""
    now = datetime.now(UTC)
    found = look(endpoint, "cloudwatch").get_metric_statistics(
        Namespace="Shop",
        MetricName="Payments",
        Dimensions=[{"Name": "service", "Value": "payments"}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=3600,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in found["Datapoints"]))


def _lines_of(endpoint: str, function: str, message: str, count: int) -> list[Any]:
    """The function's structured log lines with this message, once there are so many."""
    logs = look(endpoint, "logs")
    group = f"/aws/lambda/{function}"
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    events = logs.filter_log_events(logGroupName=group, filterPattern=f'"{message}"')["events"]
    lines = [json.loads(event["message"]) for event in events]
    return [line for line in lines if line["message"] == message] if len(lines) >= count else []


def _check_batches(endpoint: str, outputs: dict[str, str]) -> None:
    sqs, dynamodb = look(endpoint, "sqs"), look(endpoint, "dynamodb")
    bodies = [f"good-{number}" for number in range(8)] + ["bad-1", "bad-2"]
    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
    sqs.send_message_batch(QueueUrl=outputs["Orders"], Entries=entries)

    def worked() -> dict[str, str]:
        items = dynamodb.scan(TableName=outputs["Memory"])["Items"]
        return {item["id"]["S"]: item["attempts"]["N"] for item in items if "attempts" in item}

    eventually(lambda: len(worked()) == 8, "the good messages worked off")
    assert worked() == {f"good-{number}": "1" for number in range(8)}

    def refused() -> bool:
        counts = sqs.get_queue_attributes(QueueUrl=outputs["Refused"], AttributeNames=["ApproximateNumberOfMessages"])
        return bool(counts["Attributes"]["ApproximateNumberOfMessages"] == "2")

    eventually(refused, "the bad messages in the dead-letter queue")
