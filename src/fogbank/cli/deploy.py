"""`fogbank deploy`: a template with its local code becomes a stack, resource by resource before the user's eyes."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from fogbank.cli.client import aws
from fogbank.cli.failure import Failure
from fogbank.cli.package import package

_POLL_S = 0.05
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_COLOURS = {"COMPLETE": "green", "PROGRESS": "yellow", "FAILED": "red"}


def deploy(options: argparse.Namespace) -> None:
    file = Path(options.template)
    stack = options.stack or file.resolve().parent.name
    outputs = deploy_stack(options, file, stack, _parameters(options.parameters))
    if options.json:
        print(json.dumps({"stack": stack, "outputs": outputs}))
        return
    for name, value in outputs.items():
        print(f"{name} = {value}")


def _parameters(given: list[str]) -> dict[str, str]:
    for text in given:
        if "=" not in text:
            raise Failure(f"{text}: parameters are given as KEY=VALUE")
    return dict(text.split("=", 1) for text in given)


def deploy_stack(options: argparse.Namespace, file: Path, stack: str, parameters: dict[str, str]) -> dict[str, str]:
    """Create or update the stack and wait until it is done; its outputs."""
    from fogbank.services.cloudformation.errors import ValidationError
    from fogbank.services.cloudformation.template import load

    try:
        template = load(file.read_text())
    except OSError as error:
        raise Failure(f"cannot read {file}: {error.strerror}") from None
    except ValidationError as error:
        raise Failure(f"{file}: {error.message}") from None
    cloudformation = aws(options, "cloudformation")
    account = aws(options, "sts").get_caller_identity()["Account"]
    region = cloudformation.meta.region_name
    package(template, file.resolve().parent, aws(options, "s3"), f"fogbank-artifacts-{account}-{region}")
    request = {
        "StackName": stack,
        "TemplateBody": json.dumps(template),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": _CAPABILITIES,
    }
    seen = {event["EventId"] for event in _events(cloudformation, stack)}
    try:
        if _exists(cloudformation, stack):
            cloudformation.update_stack(**request)
        else:
            cloudformation.create_stack(**request)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if message != "No updates are to be performed.":
            raise Failure(f"{stack}: {message}") from None
    return _follow(cloudformation, stack, seen, quiet=options.json)


def _exists(cloudformation: Any, stack: str) -> bool:
    try:
        cloudformation.describe_stacks(StackName=stack)
    except ClientError:
        return False
    return True


def _events(cloudformation: Any, stack: str) -> list[dict[str, Any]]:
    """The stack's events, oldest first."""
    try:
        pages = list(cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack))
    except ClientError:
        return []
    return [event for page in pages for event in page["StackEvents"]][::-1]


def _follow(cloudformation: Any, stack: str, seen: set[str], *, quiet: bool) -> dict[str, str]:
    from rich.console import Console

    console = Console(stderr=True, highlight=False, quiet=quiet)
    reason = ""
    while True:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        for event in _events(cloudformation, stack):
            if event["EventId"] in seen:
                continue
            seen.add(event["EventId"])
            status, why = event["ResourceStatus"], event.get("ResourceStatusReason", "")
            if status.endswith("FAILED") and not reason:
                reason = f"{event['LogicalResourceId']}: {why}"
            colour = next((c for word, c in _COLOURS.items() if word in status), "white")
            console.print(f"[{colour}]{status:<28}[/] {event['ResourceType']:<36} {event['LogicalResourceId']}  {why}")
        status = found["StackStatus"]
        if not status.endswith("IN_PROGRESS"):
            break
        time.sleep(_POLL_S)
    sys.stderr.flush()
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise Failure(f"{stack} is {status}: {reason or found.get('StackStatusReason', 'no reason given')}")
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
