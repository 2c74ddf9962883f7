"""Whether a policy that names principals is well-formed, in IAM's words; those of identities have another parser.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
What a document is called in the error's code is for the service to say that takes it in.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fogbank.core.json_text import parse
from fogbank.core.policy_conditions import is_operator
from fogbank.core.policy_patterns import listed

SYNTAX = "Syntax errors in policy."
_NO_JSON = "This policy contains invalid Json"
_PREFACED = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
VERSIONS = ("2008-10-17", "2012-10-17")
TOP = frozenset(("Version", "Id", "Statement"))
ELEMENTS = frozenset(
    (
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    )
)
_SID = re.compile(r"[0-9A-Za-z]*")
_TRUST_ACTIONS = frozenset(
    (
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:setcontext",
        "sts:setsourceidentity",
        "sts:tagsession",
        "sts:*",
    )
)
_PRINCIPAL_KINDS = frozenset(("AWS", "Service", "Federated", "CanonicalUser"))
_ACCOUNT_OR_ID = re.compile(r"\*|\d{12}|A[A-Z]{3}[A-Z0-9]{12,}")
_PRINCIPAL_ARN = re.compile(
    r"arn:[\w-]+:iam::\d{12}:(root|(user|role)/.+)|arn:[\w-]+:sts::\d{12}:(assumed-role/[^/]+/.+|federated-user/.+)"
)


class MalformedPolicy(Exception):
    """What is wrong with a document; the text is IAM's sentence."""


def check_trust_policy(text: str) -> None:
    """The policy of a role that says who may assume it. Whether those are there is not asked here."""
    document = _document(text, _NO_JSON)
    _check_fields(document, TOP, ("Statement",))
    statements = listed(document["Statement"])
    for statement in statements:
        if not isinstance(statement, dict):
            raise MalformedPolicy(SYNTAX)
        for prohibited in ("Resource", "NotResource"):
            if prohibited in statement:
                raise MalformedPolicy(f"Has prohibited field {prohibited}")
        required = ["Effect"]
        required += [] if "NotPrincipal" in statement else ["Principal"]
        required += [] if "NotAction" in statement else ["Action"]
        _check_fields(statement, ELEMENTS, required)
        if str(statement["Effect"]).lower() not in ("allow", "deny"):  # in any case, here only
            raise MalformedPolicy(f"Invalid effect: {statement['Effect']}")
        actions = _texts(statement, "Action", "NotAction", missing="Missing required field Action")
        if not {action.lower() for action in actions} <= _TRUST_ACTIONS:
            raise MalformedPolicy("AssumeRole policy may only specify STS AssumeRole actions.")
        for kind, name in principals_of(statement):
            if kind == "AWS" and not (name == "*" or re.fullmatch(r"\d{12}", name) or _PRINCIPAL_ARN.fullmatch(name)):
                raise MalformedPolicy(f'Invalid principal in policy: "{kind}":"{name}"')
        _check_condition(statement.get("Condition", {}))
    check_sids(statements)


def check_resource_policy(text: str, *, any_name: bool = False) -> None:
    """The policy of a resource, which must say whose. Which actions and resources it may be about, and whether it must
    name any, is for the resource's service to say. With `any_name` what is called an AWS principal need not be one.
    """
    document = _document(text, _NO_JSON)
    _check_fields(document, TOP, ("Statement",))
    if document.get("Version", VERSIONS[0]) not in VERSIONS:
        raise MalformedPolicy("The policy must contain a valid version string")
    for statement in listed(document["Statement"]):
        if not isinstance(statement, dict):
            raise MalformedPolicy(SYNTAX)
        for pair in (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource")):
            if statement.keys() >= set(pair):
                raise MalformedPolicy(f"Statement/policy cannot contain both {pair[0]} and {pair[1]}")
        required = ["Effect"]
        required += [] if "NotPrincipal" in statement else ["Principal"]
        required += [] if "NotAction" in statement else ["Action"]
        _check_fields(statement, ELEMENTS, required)
        if statement["Effect"] not in ("Allow", "Deny"):
            raise MalformedPolicy(f"Invalid effect: {statement['Effect']}")
        _texts(statement, "Action", "NotAction", missing="Missing required field Action")
        for kind, name in principals_of(statement):
            known = _ACCOUNT_OR_ID.fullmatch(name) or _PRINCIPAL_ARN.fullmatch(name)
            if kind == "AWS" and not (known or any_name):
                raise MalformedPolicy(f'Invalid principal in policy: "{kind}":"{name}"')
        _check_condition(statement.get("Condition", {}))


def principals_of(statement: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The principals that a statement names, each with its kind."""
    given = statement.get("Principal", statement.get("NotPrincipal"))
    if given == "*":
        yield "AWS", "*"
        return
    if not isinstance(given, dict) or not given.keys() <= _PRINCIPAL_KINDS:
        raise MalformedPolicy("Invalid principal in policy")
    for kind, names in given.items():
        for name in listed(names):
            if not isinstance(name, str):
                raise MalformedPolicy("Invalid principal in policy")
            yield kind, name


def check_sids(statements: Iterable[Mapping[str, Any]]) -> None:
    """What holds of the names of a policy's statements."""
    seen: set[str] = set()
    for sid in (statement["Sid"] for statement in statements if statement.get("Sid")):
        if not isinstance(sid, str) or not _SID.fullmatch(sid):
            raise MalformedPolicy(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
                "[0-9A-Za-z]*"
            )
        if sid in seen:
            raise MalformedPolicy("Statement IDs (SID) in a single policy must be unique.")
        seen.add(sid)


# ---- steps ------------------------------------------------------------------------------------------------------


def _document(text: str, sentence: str) -> dict[str, Any]:
    document = parse(text)
    if not isinstance(document, dict):
        raise MalformedPolicy(sentence)
    return document


def _check_fields(given: Mapping[str, Any], known: Iterable[str], required: Iterable[str]) -> None:
    for name in given:
        if name not in known:
            raise MalformedPolicy(f"Unknown field {name}")
    for name in required:
        if not given.get(name):
            raise MalformedPolicy(f"Missing required field {name}")


def _texts(statement: Mapping[str, Any], *names: str, missing: str) -> list[str]:
    found = [text for name in names for text in listed(statement.get(name))]
    if not found:
        raise MalformedPolicy(missing)
    if not all(isinstance(text, str) for text in found):
        raise MalformedPolicy(SYNTAX)
    return found


def _check_condition(given: Any) -> None:
    if not isinstance(given, dict):
        raise MalformedPolicy(SYNTAX)
    for operator, tests in given.items():
        if not is_operator(operator) or not isinstance(tests, dict):
            raise MalformedPolicy(SYNTAX)
        for key, values in tests.items():
            if ":" not in key:
                raise MalformedPolicy(_PREFACED)
            if any(isinstance(value, dict | list) for value in listed(values)):
                raise MalformedPolicy(SYNTAX)
