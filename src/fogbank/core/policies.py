"""What a resource-based policy denies outright; whom it allows what is for the enforcement of IAM to say."""

import re
from collections.abc import Callable
from typing import Any

from fogbank.core.json_text import parse


def denies(document: str, *, caller: str, action: str, resource: str) -> bool:
    """Whether a Deny without conditions takes the action on the resource from the caller, an ARN of IAM or STS."""
    policy = parse(document)
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    return any(
        isinstance(statement, dict)
        and statement.get("Effect") == "Deny"
        and not statement.get("Condition")
        and _applies(statement, "Principal", lambda name: _is_principal(name, caller))
        and _applies(statement, "Action", lambda pattern: _matches(pattern.lower(), action.lower()))
        and _applies(statement, "Resource", lambda pattern: _matches(pattern, resource))
        for statement in _listed(statements)
    )


def _applies(statement: dict[str, Any], element: str, fits: Callable[[str], bool]) -> bool:
    """Whether what is asked for is within the element, or outside of its opposite. One without both is about all."""
    if f"Not{element}" in statement:
        return not any(map(fits, _texts(statement[f"Not{element}"])))
    return element not in statement or any(map(fits, _texts(statement[element])))


def _texts(value: Any) -> list[str]:
    """The texts of an element: one, a list, or the AWS principals."""
    found = value.get("AWS") if isinstance(value, dict) else value
    return [text for text in _listed(found) if isinstance(text, str)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _is_principal(name: str, caller: str) -> bool:
    account = caller.split(":")[4]
    return name in ("*", caller, account, f"arn:aws:iam::{account}:root")


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL) is not None
