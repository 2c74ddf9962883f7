"""The stack that a driver drives."""

from typing import Any

from botocore.exceptions import ClientError


class NotDeployed(Exception):
    """There is no such stack."""


def outputs(cloudformation: Any, stack: str) -> dict[str, str]:
    """What the stack says of itself. Raises NotDeployed."""
    try:
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        raise NotDeployed(f"there is no stack {stack}: {error.response['Error']['Message']}") from None
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
