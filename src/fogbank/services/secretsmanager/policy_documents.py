"""Whether a document can be the resource policy of a secret.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_resource-policies.html
"""

from typing import Any

from fogbank.core.json_text import parse
from fogbank.core.policy_patterns import listed

_VERSIONS = ("2008-10-17", "2012-10-17")
_PRINCIPALS = frozenset({"AWS", "Federated", "Service", "CanonicalUser"})


def parsed(document: str) -> dict[str, Any] | None:
    """The policy; None if it is not well-formed."""
    policy = parse(document)
    if not isinstance(policy, dict) or policy.get("Version", _VERSIONS[0]) not in _VERSIONS:
        return None
    statements = listed(policy.get("Statement"))
    return policy if statements and all(_is_statement(each) for each in statements) else None


def _is_statement(given: Any) -> bool:
    if not isinstance(given, dict) or given.get("Effect") not in ("Allow", "Deny"):
        return False
    for element in ("Action", "Resource"):
        values = [given[name] for name in (element, f"Not{element}") if name in given]
        if len(values) != 1 or not listed(values[0]) or not all(isinstance(text, str) for text in listed(values[0])):
            return False
    principals = [given[name] for name in ("Principal", "NotPrincipal") if name in given]
    return len(principals) == 1 and _is_principal(principals[0]) and _is_condition(given.get("Condition", {}))


def _is_principal(given: Any) -> bool:
    return given == "*" or (isinstance(given, dict) and bool(given) and given.keys() <= _PRINCIPALS)


def _is_condition(given: Any) -> bool:
    return isinstance(given, dict) and all(isinstance(tests, dict) for tests in given.values())
