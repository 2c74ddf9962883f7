"""Stack policies: which resources an update may touch, and how.

Without a policy everything is allowed; with one, what no statement allows is denied, and a Deny wins.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from fogbank.services.cloudformation.errors import ValidationError
from fogbank.services.cloudformation.records import Stack

BODY_BYTES_MAX = 16_384  # SetStackPolicy: "Maximum length of 16384"
INVALID = "Error validating stack policy: Invalid stack policy"
KEYS = frozenset(("Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"))
ACTIONS = frozenset(("Update:*", "Update:Modify", "Update:Replace", "Update:Delete"))
CONDITIONS = frozenset(("StringEquals", "StringLike"))


def parse(text: str) -> list[dict[str, Any]]:
    """The statements of a policy; an empty object is one that allows nothing."""
    try:
        policy = json.loads(text)
    except ValueError:
        raise ValidationError(INVALID) from None
    if not isinstance(policy, dict) or policy.keys() - {"Statement", "Version", "Id"}:
        raise ValidationError(INVALID)
    statements = policy.get("Statement", [])
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not all(map(_is_valid, statements)):
        raise ValidationError(INVALID)
    return statements


def _is_valid(statement: Any) -> bool:
    if not isinstance(statement, dict) or statement.keys() - KEYS:
        return False
    conditions = statement.get("Condition", {})
    return (
        statement.get("Effect") in ("Allow", "Deny")
        and statement.get("Principal") == "*"
        and ("Action" in statement) != ("NotAction" in statement)
        and ("Resource" in statement) != ("NotResource" in statement)
        and all(action in ACTIONS for action in _listed(statement.get("Action", statement.get("NotAction"))))
        and isinstance(conditions, dict)
        and conditions.keys() <= CONDITIONS
        and all(isinstance(test, dict) and test.keys() == {"ResourceType"} for test in conditions.values())
    )


def check(stack: Stack, logical_id: str, type_name: str, action: str) -> None:
    """Refuse what the policy of the stack's update does not allow: `action` is such as `Update:Replace`."""
    text = stack.update_policy or stack.policy
    if not text or text.strip() == "{}":
        return
    allowed = False
    for number, statement in enumerate(parse(text), 1):
        if not _applies(statement, logical_id, type_name, action):
            continue
        if statement["Effect"] == "Deny":
            told = " ".join(_listed(statement.get("Action", statement.get("NotAction"))))
            of = " ".join(_listed(statement.get("Resource", statement.get("NotResource"))))
            raise ValidationError(
                f"Action denied by stack policy: Statement [#{number}] does not allow [{told}] for resource [{of}]"
            )
        allowed = True
    if not allowed:
        raise ValidationError(
            f"Action not allowed by stack policy: no statement allows [{action}] "
            f"for resource [LogicalResourceId/{logical_id}]"
        )


def _applies(statement: Mapping[str, Any], logical_id: str, type_name: str, action: str) -> bool:
    if "Action" in statement:
        acts = any(_matches(pattern, action) for pattern in _listed(statement["Action"]))
    else:
        acts = not any(_matches(pattern, action) for pattern in _listed(statement["NotAction"]))
    name = f"LogicalResourceId/{logical_id}"
    if "Resource" in statement:
        named = any(_matches(pattern, name) for pattern in _listed(statement["Resource"]))
    else:
        named = not any(_matches(pattern, name) for pattern in _listed(statement["NotResource"]))
    return acts and named and all(
        any(_matches(pattern, type_name) for pattern in _listed(test["ResourceType"]))
        for test in (statement.get("Condition") or {}).values()
    )  # fmt: skip


def _matches(pattern: str, value: str) -> bool:
    """`*` stands for anything; Resource patterns without it must be equal."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), value) is not None


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(item) for item in value or ()]
