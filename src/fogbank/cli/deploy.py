"""`fogbank deploy`: a template with its local code becomes a stack, resource by resource before the user's eyes."""

import argparse
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from fogbank.cli.client import aws, endpoint
from fogbank.cli.failure import Failure
from fogbank.cli.package import Artifacts, load_template, package

if TYPE_CHECKING:
    from fogbank.cli.progress import Progress

_POLL_S = 0.05
# A longer template is given by its URL.
_BODY_BYTES_MAX = 51_200
_API_URL = re.compile(r"https://([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(/.*)")
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
# A stack in one of these has no resources and cannot be updated.
_NEVER_MADE = ("ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS")


def deploy(options: argparse.Namespace) -> None:
    file = Path(options.template)
    stack = options.stack or _stack_name(file.resolve().parent.name)
    outputs = deploy_stack(options, file, stack, _parameters(options.parameters))
    if options.json:
        print(json.dumps({"stack": stack, "outputs": outputs}))
        return
    for name, value in outputs.items():
        print(f"{name} = {value}")
        if (here := _local_url(value, endpoint(options))) is not None:
            print(f"{' ' * len(name)}   here: {here}")


def _local_url(value: str, endpoint: str) -> str | None:
    """Where an output that is a REST API's URL on AWS is reached on this machine."""
    match = _API_URL.fullmatch(value)
    return None if match is None else f"{endpoint}/_aws/execute-api/{match[1]}{match[2]}"


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
    from fogbank.cli.progress import Progress

    template = load_template(file)
    cloudformation = aws(options, "cloudformation")
    account = aws(options, "sts").get_caller_identity()["Account"]
    region = cloudformation.meta.region_name
    artifacts = Artifacts(aws(options, "s3"), f"fogbank-artifacts-{account}-{region}")
    package(template, file.resolve().parent, artifacts)
    body = json.dumps(template)
    large = len(body.encode()) > _BODY_BYTES_MAX
    request = {
        "StackName": stack,
        **({"TemplateURL": artifacts.keep_template(template)} if large else {"TemplateBody": body}),
        "Capabilities": _CAPABILITIES,
    }
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    progress = Progress(stack, quiet=options.json)
    if _status(cloudformation, stack) in _NEVER_MADE:
        progress.say(f"{stack} was never made: what is left of it is deleted first")
        cloudformation.delete_stack(StackName=stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    seen: set[str] = set()
    for _ in _new_events(cloudformation, stack, seen):
        pass
    try:
        if _status(cloudformation, stack) is not None:
            kept = _kept_parameters(_described(cloudformation, stack), template, parameters)
            cloudformation.update_stack(**request, Parameters=[*given, *kept])
        else:
            cloudformation.create_stack(**request, Parameters=given)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if message != "No updates are to be performed.":
            raise Failure(f"{stack}: {' '.join(message.split())}") from None
        progress.say(f"{stack} is as the template says: nothing to do")
        return _outputs(_described(cloudformation, stack))
    with progress.shown():
        found, reason = _follow(cloudformation, stack, seen, progress)
    if found["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        why = reason or found.get("StackStatusReason", "no reason given")
        raise Failure(f"{stack} is {found['StackStatus']}: {why}")
    return _outputs(found)


def _status(cloudformation: Any, stack: str) -> str | None:
    try:
        return str(_described(cloudformation, stack)["StackStatus"])
    except ClientError:
        return None


def _kept_parameters(
    described: dict[str, Any], template: dict[str, Any], given: dict[str, str]
) -> list[dict[str, Any]]:
    """What is not given stays as it is, as with `aws cloudformation deploy`; UpdateStack alone takes the defaults."""
    known = {each["ParameterKey"] for each in described.get("Parameters", [])}
    return [
        {"ParameterKey": name, "UsePreviousValue": True}
        for name in template.get("Parameters", {})
        if name in known and name not in given
    ]


def _described(cloudformation: Any, stack: str) -> dict[str, Any]:
    found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    return found


def _outputs(described: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def _new_events(cloudformation: Any, stack: str, seen: set[str]) -> Iterator[dict[str, Any]]:
    """The stack's events that were not seen before, oldest first."""
    found = []
    try:
        pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
        for event in (event for page in pages for event in page["StackEvents"]):
            if event["EventId"] in seen:
                break
            found.append(event)
    except ClientError:
        return  # There is no such stack yet.
    seen.update(event["EventId"] for event in found)
    yield from reversed(found)


def _follow(cloudformation: Any, stack: str, seen: set[str], progress: "Progress") -> tuple[dict[str, Any], str]:
    """Show the stack's events until it is done; its description, and why the first resource failed if one did."""
    reason = ""
    while True:
        found = _described(cloudformation, stack)
        for event in _new_events(cloudformation, stack, seen):
            if event["ResourceStatus"].endswith("FAILED") and not reason:
                reason = f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            progress.tell(event)
        if not found["StackStatus"].endswith("IN_PROGRESS"):
            return found, reason
        time.sleep(_POLL_S)
