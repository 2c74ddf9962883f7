"""AddPermission and RemovePermission: statements of the queue's policy.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html
"""

import json
from typing import Any

from fogbank.core import named_principals
from fogbank.core.context import Context
from fogbank.core.policy_grammar import MalformedPolicy
from fogbank.core.policy_patterns import listed
from fogbank.services.sqs.errors import InvalidAttributeValue, InvalidParameterValue
from fogbank.services.sqs.records import Queue

_ACTIONS = {
    name.lower(): name
    for name in (
        "*", "SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes",
        "GetQueueUrl", "ListDeadLetterSourceQueues", "PurgeQueue",
    )
}  # fmt: skip


def keep_principals(ctx: Context, attributes: dict[str, str]) -> None:
    """Put the policy that a queue is given, if there is one, into the form in which it is kept."""
    if policy := attributes.get("Policy"):
        attributes["Policy"] = named_principals.checked(ctx, policy, _refusal)


def _refusal(fault: MalformedPolicy) -> InvalidAttributeValue:
    return InvalidAttributeValue("Invalid value for the parameter Policy.")


def add(queue: Queue, label: str, accounts: list[str], actions: list[str]) -> str:
    """The queue's policy with a statement more."""
    policy = _policy(queue)
    if any(statement.get("Sid") == label for statement in policy["Statement"]):
        raise InvalidParameterValue(f"Value {label} for parameter Label is invalid. Reason: Already exists.")
    for action in actions:
        if action.lower() not in _ACTIONS:
            raise InvalidParameterValue(
                f"Value SQS:{action} for parameter ActionName is invalid. Reason: Only the queue owner is allowed "
                "to invoke this action."
            )
    principals = [f"arn:aws:iam::{account}:root" for account in accounts]
    names = [f"SQS:{_ACTIONS[action.lower()]}" for action in actions]
    policy["Statement"].append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": _one_or_all(principals)},
            "Action": _one_or_all(names),
            "Resource": queue.arn,
        }
    )
    return json.dumps(policy, separators=(",", ":"))


def remove(queue: Queue, label: str) -> str:
    """The queue's policy without the statement; empty if it was the last one."""
    policy = _policy(queue)
    kept = [statement for statement in policy["Statement"] if statement.get("Sid") != label]
    if len(kept) == len(policy["Statement"]):
        raise InvalidParameterValue(f"Value {label} for parameter Label is invalid. Reason: can't find label.")
    policy["Statement"] = kept
    return json.dumps(policy, separators=(",", ":")) if kept else ""


def _policy(queue: Queue) -> dict[str, Any]:
    text = queue.attributes.get("Policy")
    if text:
        policy: dict[str, Any] = json.loads(text)
        policy["Statement"] = listed(policy.get("Statement"))  # A single one need not be in a list.
        return policy
    return {"Version": "2008-10-17", "Id": f"{queue.arn}/SQSDefaultPolicy", "Statement": []}


def _one_or_all(names: list[str]) -> str | list[str]:
    return names[0] if len(names) == 1 else names
