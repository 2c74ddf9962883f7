"""`fogbank deploy`: a template with its local code becomes a stack, resource by resource before the user's eyes."""

import argparse
import json
import re
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
# A stack in one of these has no resources and cannot be updated.
_NEVER_MADE = ("ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS")
# The second event of a creation, which tells no more than the resource's physical id.
_ONLY_NAMED = "Resource creation Initiated"
_COLOURS = {"COMPLETE": "green", "PROGRESS": "yellow", "FAILED": "red"}


def deploy(options: argparse.Namespace) -> None:
    file = Path(options.template)
    stack = options.stack or _stack_name(file.resolve().parent.name)
    outputs = deploy_stack(options, file, stack, _parameters(options.parameters))
    if options.json:
        print(json.dumps({"stack": stack, "outputs": outputs}))
        return
    for name, value in outputs.items():
        print(f"{name} = {value}")


def _stack_name(folder: str) -> str:
    """A folder's name as a stack may be called: letters, digits and hyphens, a letter first."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", folder).strip("-")
    return name if name[:1].isalpha() else f"stack-{name}"


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
    screen = _screen(quiet=options.json)
    if _status(cloudformation, stack) in _NEVER_MADE:
        screen.print(f"[yellow]{stack} was never made: what is left of it is deleted first[/]")
        cloudformation.delete_stack(StackName=stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    seen = {event["EventId"] for event in _events(cloudformation, stack)}
    try:
        if _status(cloudformation, stack) is not None:
            cloudformation.update_stack(**request)
        else:
            cloudformation.create_stack(**request)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if message != "No updates are to be performed.":
            raise Failure(f"{stack}: {' '.join(message.split())}") from None
        screen.print(f"{stack} is as the template says: nothing to do")
    return _follow(cloudformation, stack, seen, screen)


def _screen(*, quiet: bool) -> Any:
    """Where progress is shown. Nothing is wrapped: each event is one line, whatever reads it."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, quiet=quiet, soft_wrap=True)


def _status(cloudformation: Any, stack: str) -> str | None:
    try:
        status: str = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError:
        return None
    return status


def _events(cloudformation: Any, stack: str) -> list[dict[str, Any]]:
    """The stack's events, oldest first."""
    try:
        pages = list(cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack))
    except ClientError:
        return []
    return [event for page in pages for event in page["StackEvents"]][::-1]


def _follow(cloudformation: Any, stack: str, seen: set[str], screen: Any) -> dict[str, str]:
    """Show the stack's events until it is done; its outputs."""
    from rich.markup import escape

    reason = ""
    while True:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        for event in _events(cloudformation, stack):
            if event["EventId"] in seen:
                continue
            seen.add(event["EventId"])
            status, why = event["ResourceStatus"], event.get("ResourceStatusReason", "")
            if why == _ONLY_NAMED:
                continue
            if status.endswith("FAILED") and not reason:
                reason = f"{event['LogicalResourceId']}: {why}"
            colour = next((c for word, c in _COLOURS.items() if word in status), "white")
            line = f"{event['ResourceType']:<36} {event['LogicalResourceId']}  {why}"
            screen.print(f"[{colour}]{status:<28}[/] {escape(line.rstrip())}")
        status = found["StackStatus"]
        if not status.endswith("IN_PROGRESS"):
            break
        time.sleep(_POLL_S)
    sys.stderr.flush()
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise Failure(f"{stack} is {status}: {reason or found.get('StackStatusReason', 'no reason given')}")
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
