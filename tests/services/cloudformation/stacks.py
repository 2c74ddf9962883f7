"""What the CloudFormation tests share: stacks made and awaited."""

import json
from typing import Any


def body(template: Any) -> str:
    return template if isinstance(template, str) else json.dumps(template)


def create(cloudformation: Any, template: Any, name: str = "shop", **options: Any) -> dict[str, Any]:
    cloudformation.create_stack(StackName=name, TemplateBody=body(template), **options)
    return wait(cloudformation, name)


def update(cloudformation: Any, template: Any, name: str = "shop", **options: Any) -> dict[str, Any]:
    cloudformation.update_stack(StackName=name, TemplateBody=body(template), **options)
    return wait(cloudformation, name)


def wait(cloudformation: Any, name: str = "shop") -> dict[str, Any]:
    while True:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            found: dict[str, Any] = stack
            return found


def wait_for(cloudformation: Any, logical_id: str, status: str, name: str = "shop") -> dict[str, Any]:
    """A resource, once it has the status."""
    while True:
        for found in cloudformation.list_stack_resources(StackName=name)["StackResourceSummaries"]:
            if found["LogicalResourceId"] == logical_id and found["ResourceStatus"] == status:
                resource: dict[str, Any] = found
                return resource


def reasons(cloudformation: Any, name: str = "shop") -> list[str]:
    """Why things happened, first to last."""
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return [event["ResourceStatusReason"] for event in events[::-1] if "ResourceStatusReason" in event]


def queues(aws: Any) -> set[str]:
    return {url.rpartition("/")[2] for url in aws("sqs").list_queues().get("QueueUrls", [])}


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
