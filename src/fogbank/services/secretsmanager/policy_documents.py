"""Whether a document can be the resource policy of a secret, and whether it lets in the public.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_resource-policies.html
"""

from typing import Any

from fogbank.core.json_text import parse
from fogbank.core.policy_patterns import listed, texts

_VERSIONS = ("2008-10-17", "2012-10-17")
_PRINCIPALS = frozenset({"AWS", "Federated", "Service", "CanonicalUser"})

# What narrows down whom a statement with Principal * lets in: https://docs.aws.amazon.com/IAM/latest/UserGuide/
# reference_policies_condition-keys.html
_NARROWING = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principaltag",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "aws:username",
        "aws:vpcsourceip",
    }
)


def is_well_formed(document: str) -> bool:
    policy = parse(document)
    if not isinstance(policy, dict) or policy.get("Version", _VERSIONS[0]) not in _VERSIONS:
        return False
    statements = listed(policy.get("Statement"))
    return bool(statements) and all(_is_statement(each) for each in statements)


def is_public(document: str) -> bool:
    """Whether a well-formed policy allows something to everybody, under no condition that narrows that down."""
    return any(
        statement["Effect"] == "Allow" and _everybody(statement) and not _narrowed(statement)
        for statement in listed(parse(document)["Statement"])
    )


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


def _everybody(statement: dict[str, Any]) -> bool:
    if "NotPrincipal" in statement:
        return True
    principal = statement["Principal"]
    return principal == "*" or "*" in texts(principal.get("AWS"))


def _narrowed(statement: dict[str, Any]) -> bool:
    keys = {key.lower().partition("/")[0] for tests in statement.get("Condition", {}).values() for key in tests}
    return not keys.isdisjoint(_NARROWING)
