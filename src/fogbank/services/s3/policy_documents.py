"""Bucket policies: which documents are policies.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from fogbank.core.policy_patterns import glob, listed
from fogbank.services.s3.errors import InvalidPrincipal, MalformedPolicy
from fogbank.services.s3.policy_actions import OF_BUCKETS, OF_OBJECTS, OF_OTHERS

BYTES_MAX = 20 * 1024
_NOT_JSON = "Policies must be valid JSON and the first byte must be '{'"
_FIELDS = frozenset(("Version", "Id", "Statement"))
_STATEMENT_FIELDS = frozenset(
    ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")
)
_VERSIONS = ("2012-10-17", "2008-10-17")
_PRINCIPAL_KINDS = frozenset(("AWS", "Service", "Federated", "CanonicalUser"))
_AWS_PRINCIPAL = re.compile(
    r"\*|\d{12}|A[A-Z]{3}\w{12,}|arn:aws[a-z-]*:iam::cloudfront:user/[^*?]+|"
    r"arn:aws[a-z-]*:(iam|sts)::\d{12}:(root|(user|role|assumed-role|federated-user)/[^*?]+)"
)
_SERVICE_PRINCIPAL = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")
_RESOURCE = re.compile(r"arn:aws[a-z-]*:s3:::(?P<bucket>[^/]+)(?P<key>/.*)?", re.DOTALL)

_OPERATOR = re.compile(
    r"((ForAllValues|ForAnyValue):)?("
    r"String(Not)?Equals(IgnoreCase)?|String(Not)?Like|(Numeric|Date)((Not)?Equals|(Less|Greater)Than(Equals)?)|"
    r"Bool|BinaryEquals|(Not)?IpAddress|Arn(Not)?(Equals|Like)|Null)(IfExists)?",
    re.IGNORECASE,
)


def parsed(text: str, bucket: str) -> dict[str, Any]:
    """The document of a policy of that bucket; MalformedPolicy in AWS's words if it is none."""
    try:
        document = json.loads(text)
    except ValueError:
        raise MalformedPolicy(_NOT_JSON) from None
    if not isinstance(document, dict) or not text.startswith("{"):
        raise MalformedPolicy(_NOT_JSON)
    if len(text.encode()) > BYTES_MAX:
        raise MalformedPolicy(f"Normalized policy document exceeds the maximum allowed size of {BYTES_MAX} bytes")
    _check_fields(document, _FIELDS)
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        raise MalformedPolicy("The policy must contain a valid version string")
    if "Statement" not in document:
        raise MalformedPolicy("Missing required field Statement")
    statements = listed(document["Statement"])
    if not statements:
        raise MalformedPolicy("Could not parse the policy: Statement is empty!")
    for statement in statements:
        _check_statement(statement, bucket)
    sids = [statement["Sid"] for statement in statements if "Sid" in statement]
    if len(set(sids)) < len(sids):
        raise MalformedPolicy("Statement IDs (SID) in a single policy must be unique.")
    return document


def _check_statement(statement: Any, bucket: str) -> None:
    if not isinstance(statement, dict):
        raise MalformedPolicy("Invalid policy syntax.")
    _check_fields(statement, _STATEMENT_FIELDS)
    if "Effect" not in statement:
        raise MalformedPolicy("Missing required field Effect")
    if statement["Effect"] not in ("Allow", "Deny"):
        raise MalformedPolicy(f"Invalid effect: {statement['Effect']}")
    if "Principal" not in statement and "NotPrincipal" not in statement:
        raise MalformedPolicy("Missing required field Principal")
    for one, other in (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource")):
        if one in statement and other in statement:
            raise MalformedPolicy(f"Statement/policy cannot contain both {one} and {other}")
        if one not in statement and other not in statement:
            raise MalformedPolicy("Statement is missing required element")
    _check_principal(statement.get("Principal", statement.get("NotPrincipal")))
    actions = _texts(statement.get("Action", statement.get("NotAction")), "Policy has invalid action")
    resources = _texts(statement.get("Resource", statement.get("NotResource")), "Policy has invalid resource")
    levels = [_levels_of_resource(resource, bucket) for resource in resources]
    for action in actions:
        applies = _levels_of_action(action)
        if "Action" in statement and "Resource" in statement and not any(applies & level for level in levels):
            raise MalformedPolicy("Action does not apply to any resource(s) in statement")
    _check_condition(statement.get("Condition", {}))


def _check_fields(found: Mapping[str, Any], known: frozenset[str]) -> None:
    for name in found:
        if name not in known:
            raise MalformedPolicy(f"Unknown field {name}")


def _check_principal(principal: Any) -> None:
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal or not principal.keys() <= _PRINCIPAL_KINDS:
        raise MalformedPolicy("Invalid policy syntax.")
    for kind, values in principal.items():
        for value in listed(values):
            pattern = {"AWS": _AWS_PRINCIPAL, "Service": _SERVICE_PRINCIPAL}.get(kind)
            if not isinstance(value, str) or (pattern is not None and pattern.fullmatch(value) is None):
                raise InvalidPrincipal(kind, value)


def _check_condition(condition: Any) -> None:
    if not isinstance(condition, dict) or not all(isinstance(tests, dict) for tests in condition.values()):
        raise MalformedPolicy("Invalid policy syntax.")
    for operator, tests in condition.items():
        if _OPERATOR.fullmatch(operator) is None:
            raise MalformedPolicy(f"Invalid Condition type : {operator}")
        if not all(":" in key for key in tests):
            raise MalformedPolicy("Policy has an invalid condition key")


def _texts(value: Any, refusal: str) -> list[str]:
    values = listed(value)
    if not values or not all(isinstance(text, str) for text in values):
        raise MalformedPolicy(refusal)
    return values


_BUCKET, _OBJECTS = 1, 2


def _levels_of_action(action: str) -> int:
    """Whether an action applies to the bucket, to its objects, or both (bits)."""
    if action == "*":
        return _BUCKET | _OBJECTS
    service, _, name = action.partition(":")
    found = (_BUCKET if _any(OF_BUCKETS, name) else 0) | (_OBJECTS if _any(OF_OBJECTS, name) else 0)
    if service.lower() != "s3" or not (found or _any(OF_OTHERS, name)):
        raise MalformedPolicy("Policy has invalid action")
    return found


def _levels_of_resource(resource: str, bucket: str) -> int:
    if resource == "*":
        return _BUCKET | _OBJECTS
    match = _RESOURCE.fullmatch(resource)
    if match is None or not _any((bucket,), match["bucket"]):
        raise MalformedPolicy("Policy has invalid resource")
    if match["key"] is not None:
        return _OBJECTS
    return _BUCKET | _OBJECTS if match["bucket"].endswith("*") else _BUCKET


def _any(names: Iterable[str], pattern: str) -> bool:
    matches = glob(pattern.lower(), variables=False)
    return any(matches(name.lower(), {}) for name in names)
