"""The stack that a driver drives: its outputs, its parameters, and clients of the services that it is made of."""

import os
import time
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
CONNECTIONS = 16
ATTEMPTS = 10
POLL_S = 0.5


class NotDeployed(Exception):
    """There is no such stack."""


class DeployedStack:
    """A stack that is there; raises NotDeployed if it is not. So many requests are under way at a time at most."""

    def __init__(self, name: str, *, connections: int = CONNECTIONS) -> None:
        self.name = name
        self._connections = connections
        self._clients: dict[str, Any] = {}
        self.outputs = outputs(self.client("cloudformation"), name)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                region_name=os.environ.get("AWS_REGION", os.environ.get("AWS_DEFAULT_REGION", "us-east-1")),
                config=Config(
                    retries={"mode": "standard", "max_attempts": ATTEMPTS},
                    read_timeout=60,
                    max_pool_connections=self._connections,
                ),
            )
        return self._clients[service]

    def set_parameters(self, **wanted: object) -> None:
        set_parameters(self.client("cloudformation"), self.name, **wanted)


def outputs(cloudformation: Any, stack: str) -> dict[str, str]:
    """What the stack says of itself. Raises NotDeployed."""
    try:
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        raise NotDeployed(f"there is no stack {stack}: {error.response['Error']['Message']}") from None
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def set_parameters(cloudformation: Any, stack: str, **wanted: object) -> None:
    """An update with the template as it is and some parameters changed, as an operator would do it."""
    described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    now = {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}
    changed = {key: str(value) for key, value in wanted.items() if now[key] != str(value)}
    if not changed:
        return
    kept = [{"ParameterKey": key, "UsePreviousValue": True} for key in now if key not in changed]
    cloudformation.update_stack(
        StackName=stack,
        UsePreviousTemplate=True,
        Capabilities=CAPABILITIES,
        Parameters=[*kept, *({"ParameterKey": key, "ParameterValue": value} for key, value in changed.items())],
    )
    settled(cloudformation, stack, "UPDATE_COMPLETE")


def settled(cloudformation: Any, stack: str, wanted: str) -> None:
    """Once the stack is made or changed. Raises RuntimeError if it is not as wanted then."""
    while True:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        if not found["StackStatus"].endswith("IN_PROGRESS"):
            break
        time.sleep(POLL_S)
    if found["StackStatus"] != wanted:
        raise RuntimeError(f"{stack} is {found['StackStatus']}: {found.get('StackStatusReason')}")
