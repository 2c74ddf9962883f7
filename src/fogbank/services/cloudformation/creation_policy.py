"""CreationPolicy: a resource is complete only when it was signalled often enough (SignalResource).

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-creationpolicy.html
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.numerals import whole_number
from fogbank.services.cloudformation.errors import Cancelled, ValidationError
from fogbank.services.cloudformation.walk import Halt

TYPES = frozenset((
    "AWS::AppStream::Fleet", "AWS::AutoScaling::AutoScalingGroup", "AWS::CloudFormation::WaitCondition",
    "AWS::EC2::Instance",
))  # fmt: skip
TIMEOUT_S_MAX = 12 * 3600  # "The maximum time that you can specify is 12 hours"
DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


class CreationPolicy(msgspec.Struct):
    count: int
    timeout_s: int


def of(resource: Mapping[str, Any]) -> CreationPolicy | None:
    """What a resource of a template asks for."""
    policy = resource.get("CreationPolicy")
    if not policy:
        return None
    if resource["Type"] not in TYPES or not isinstance(policy, dict) or set(policy) - {"ResourceSignal"}:
        raise ValidationError(f"CreationPolicy is not supported for resources of type {resource['Type']}")
    signal = policy.get("ResourceSignal") or {}
    return CreationPolicy(count=_count(signal.get("Count", 1)), timeout_s=_seconds(str(signal.get("Timeout", "PT5M"))))


def _count(value: Any) -> int:
    count = whole_number(str(value))
    if count is None:
        raise ValidationError(f"CreationPolicy: Count must be a number, not {value}")
    return count


def _seconds(text: str) -> int:
    match = DURATION.fullmatch(text)
    parts = [int(part or 0) for part in match.groups()] if match else [0]
    days, hours, minutes, seconds = parts if len(parts) == 4 else (0, 0, 0, 0)
    found = days * 86_400 + hours * 3600 + minutes * 60 + seconds
    if not 0 < found <= TIMEOUT_S_MAX:
        raise ValidationError(f"CreationPolicy: Timeout must be an ISO 8601 duration of at most 12 hours, not {text}")
    return found


async def wait(
    ctx: Context, stack_id: str, logical_id: str, policy: CreationPolicy, halt: Halt, *, until_ms: int
) -> None:
    """Until the resource has as many SUCCESS signals as its policy asks for; that long, and no longer."""
    signals = ctx.cloud.cloudformation.signals
    while True:
        arrived = signals.listen(stack_id, logical_id)
        found = signals.of(stack_id, logical_id)
        failed = next((name for name, signal in found.items() if signal.status == "FAILURE"), None)
        if failed is not None:
            raise ValidationError(f"Received FAILURE signal with UniqueId {failed}")
        if len(found) >= policy.count:
            return
        if await halt.gives_up(ctx.cloud.clock, arrived, until_ms=until_ms):
            if halt.asked:
                raise Cancelled
            raise ValidationError(f"Failed to receive {policy.count} resource signal(s) within the specified duration")
