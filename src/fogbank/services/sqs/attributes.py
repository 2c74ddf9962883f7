"""Queue attributes: names, defaults, ranges and their errors.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

import json
from collections.abc import Mapping

from fogbank.core.arn import parse_arn
from fogbank.core.numerals import whole_number
from fogbank.services.sqs.errors import InvalidAttributeName, InvalidAttributeValue
from fogbank.services.sqs.records import Queue

RANGES = {
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
DEFAULTS = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}
FIFO_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}
_BOOLEANS = frozenset(("ContentBasedDeduplication", "FifoQueue", "SqsManagedSseEnabled"))
_CHOICES = {
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
_TEXTS = frozenset(("KmsMasterKeyId", "Policy", "RedriveAllowPolicy", "RedrivePolicy"))
SETTABLE = frozenset((*RANGES, *_BOOLEANS, *_CHOICES, *_TEXTS))
SOURCE_QUEUES_MAX = 10  # In a RedriveAllowPolicy.
COMPUTED = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
)
READABLE = frozenset((*SETTABLE, *COMPUTED))


def check(attributes: Mapping[str, str], *, fifo: bool) -> None:
    """Raise AWS's error for the first attribute that a queue of this kind cannot have."""
    for name, value in attributes.items():
        if name not in SETTABLE:
            raise InvalidAttributeName(f"Unknown Attribute {name}.")
        if not fifo:
            if name in _CHOICES:
                raise InvalidAttributeName(f"You can specify the {name} only when FifoQueue is set to true.")
            if name == "ContentBasedDeduplication":
                raise InvalidAttributeName(f"Unknown Attribute {name}.")
        if not _valid(name, value):
            raise InvalidAttributeValue(f"Invalid value for the parameter {name}.")
        if name == "RedrivePolicy" and value:
            redrive_policy(value)
        if name == "RedriveAllowPolicy" and value:
            _check_redrive_allow_policy(value)


def normal(name: str, value: str) -> str:
    """The value as AWS gives it back."""
    return value.lower() if name in _BOOLEANS else value


def _valid(name: str, value: str) -> bool:
    if name in RANGES:
        low, high = RANGES[name]
        number = whole_number(value)
        return number is not None and low <= number <= high
    if name in _BOOLEANS:
        return value.lower() in ("true", "false")
    if name in _CHOICES:
        return value in _CHOICES[name]
    if name == "RedriveAllowPolicy" and value:
        try:
            return isinstance(json.loads(value), dict)
        except ValueError:
            return False
    return True


def redrive_policy(text: str) -> tuple[str, int]:
    """The dead-letter queue's ARN and maxReceiveCount of a RedrivePolicy."""
    invalid = InvalidAttributeValue(f"Value {text} for parameter RedrivePolicy is invalid. Reason: ")
    try:
        policy = json.loads(text)
    except ValueError:
        raise InvalidAttributeValue(invalid.message + "Redrive policy is not a valid JSON map.") from None
    if not isinstance(policy, dict):
        raise InvalidAttributeValue(invalid.message + "Redrive policy is not a valid JSON map.")
    for name in ("maxReceiveCount", "deadLetterTargetArn"):
        if name not in policy:
            raise InvalidAttributeValue(
                invalid.message + f"Redrive policy does not contain mandatory attribute: {name}."
            )
    try:
        receives_max = int(policy["maxReceiveCount"])
    except (TypeError, ValueError):
        receives_max = 0
    if not 1 <= receives_max <= 1000:
        raise InvalidAttributeValue(
            invalid.message + "Invalid value for maxReceiveCount: "
            f"{policy['maxReceiveCount']}, valid values are from 1 to 1000 both inclusive."
        )
    target = policy["deadLetterTargetArn"]
    if not isinstance(target, str) or (parsed := parse_arn(target)) is None or parsed.service != "sqs":
        raise InvalidAttributeValue(invalid.message + "Invalid value for deadLetterTargetArn.")
    return target, receives_max


def allows_redrive(policy: str, source_arn: str) -> bool:
    """Whether a dead-letter queue with this RedriveAllowPolicy takes messages of that queue."""
    if not policy:
        return True
    allowed = json.loads(policy)
    permission = allowed["redrivePermission"]
    return permission == "allowAll" or (permission == "byQueue" and source_arn in allowed["sourceQueueArns"])


def _check_redrive_allow_policy(text: str) -> None:
    # Worded after RedrivePolicy's errors; none of these is recorded.
    policy = json.loads(text)
    permission, arns = policy.get("redrivePermission"), policy.get("sourceQueueArns")
    reason = None
    if permission not in ("allowAll", "denyAll", "byQueue"):
        reason = "redrivePermission must be allowAll, denyAll or byQueue."
    elif permission != "byQueue" and arns is not None:
        reason = "sourceQueueArns is allowed only with redrivePermission byQueue."
    elif permission == "byQueue" and not (isinstance(arns, list) and 1 <= len(arns) <= SOURCE_QUEUES_MAX):
        reason = f"sourceQueueArns must have between 1 and {SOURCE_QUEUES_MAX} entries."
    if reason is not None:
        raise InvalidAttributeValue(f"Value {text} for parameter RedriveAllowPolicy is invalid. Reason: {reason}")


def settings(queue: Queue) -> dict[str, str]:
    """All attributes with AWS's defaults, without the computed ones."""
    merged = DEFAULTS | (FIFO_DEFAULTS if queue.fifo else {}) | queue.attributes
    if merged.get("KmsMasterKeyId"):
        merged.setdefault("KmsDataKeyReusePeriodSeconds", "300")
        merged["SqsManagedSseEnabled"] = "false"
    else:
        merged.pop("KmsDataKeyReusePeriodSeconds", None)
    if queue.fifo:
        merged["FifoQueue"] = "true"
    return {name: value for name, value in merged.items() if value != ""}


def number(queue: Queue, name: str) -> int:
    return int(queue.attributes.get(name) or DEFAULTS[name])


def is_true(queue: Queue, name: str) -> bool:
    return queue.attributes.get(name, "").lower() == "true"
