"""Whether a policy document is well-formed, in IAM's words.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
IAM reads policies of identities and trust policies by two parsers, whose sentences differ. What a document is called in
the error's code is for the service to say that takes it in.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fogbank.core.json_text import parse
from fogbank.core.policy_conditions import is_operator
from fogbank.core.policy_patterns import listed

_SYNTAX = "Syntax errors in policy."
_PREFACED = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
_VERSIONS = ("2008-10-17", "2012-10-17")
_TOP = frozenset(("Version", "Id", "Statement"))
_ELEMENTS = frozenset(
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
_PARTITIONS = frozenset(
    ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc", "*")
)
_VENDOR = re.compile(r"[a-zA-Z0-9\-_]+")
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
_PRINCIPAL_ARN = re.compile(
    r"arn:[\w-]+:iam::\d{12}:(root|(user|role)/.+)|arn:[\w-]+:sts::\d{12}:(assumed-role/[^/]+/.+|federated-user/.+)"
)


class MalformedPolicy(Exception):
    """What is wrong with a document; the text is IAM's sentence."""


def check_identity_policy(text: str, *, managed: bool = False) -> None:
    """A policy of a user, a group or a role, a managed policy, a session's policy.

    A managed policy must say that it is of the present version; the others may leave it out, as SAM's do.
    """
    document = _document(text, _SYNTAX)
    if not document.keys() <= _TOP or document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        raise MalformedPolicy(_SYNTAX)
    if managed and document.get("Version") != "2012-10-17":
        raise MalformedPolicy("Policy document must be version 2012-10-17 or greater.")
    statements = listed(document.get("Statement"))
    if not statements:
        raise MalformedPolicy(_SYNTAX)
    for statement in statements:
        if not isinstance(statement, dict) or not statement.keys() <= _ELEMENTS:
            raise MalformedPolicy(_SYNTAX)
        if statement.get("Effect") not in ("Allow", "Deny") or {"Action", "NotAction"} <= statement.keys():
            raise MalformedPolicy(_SYNTAX)
        if {"Resource", "NotResource"} <= statement.keys():
            raise MalformedPolicy(_SYNTAX)
        if "Principal" in statement or "NotPrincipal" in statement:
            raise MalformedPolicy("Policy document should not specify a principal.")
        _check_actions(_texts(statement, "Action", "NotAction", missing="Policy statement must contain actions."))
        _check_resources(
            _texts(statement, "Resource", "NotResource", missing="Policy statement must contain resources.")
        )
        _check_condition(statement.get("Condition", {}))
    _check_sids(statements)


def check_trust_policy(text: str) -> None:
    """The policy of a role that says who may assume it. Whether those are there is not asked here."""
    document = _document(text, "This policy contains invalid Json")
    _check_fields(document, _TOP, ("Statement",))
    statements = listed(document["Statement"])
    for statement in statements:
        if not isinstance(statement, dict):
            raise MalformedPolicy(_SYNTAX)
        for prohibited in ("Resource", "NotResource"):
            if prohibited in statement:
                raise MalformedPolicy(f"Has prohibited field {prohibited}")
        required = ["Effect"]
        required += [] if "NotPrincipal" in statement else ["Principal"]
        required += [] if "NotAction" in statement else ["Action"]
        _check_fields(statement, _ELEMENTS, required)
        if str(statement["Effect"]).lower() not in ("allow", "deny"):  # in any case, here only
            raise MalformedPolicy(f"Invalid effect: {statement['Effect']}")
        actions = _texts(statement, "Action", "NotAction", missing="Missing required field Action")
        if not {action.lower() for action in actions} <= _TRUST_ACTIONS:
            raise MalformedPolicy("AssumeRole policy may only specify STS AssumeRole actions.")
        for kind, name in principals_of(statement):
            if kind == "AWS" and not (name == "*" or re.fullmatch(r"\d{12}", name) or _PRINCIPAL_ARN.fullmatch(name)):
                raise MalformedPolicy(f'Invalid principal in policy: "{kind}":"{name}"')
        _check_condition(statement.get("Condition", {}))
    _check_sids(statements)


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
        raise MalformedPolicy(_SYNTAX)
    return found


def _check_actions(actions: Iterable[str]) -> None:
    for action in actions:
        if action == "*":
            continue
        vendor, colon, rest = action.partition(":")
        if not colon:
            raise MalformedPolicy(_PREFACED)
        if ":" in rest:
            raise MalformedPolicy("Actions/Condition can contain only one colon.")
        if not _VENDOR.fullmatch(vendor):
            raise MalformedPolicy(f"Vendor {vendor} is not valid")


def _check_resources(resources: Iterable[str]) -> None:
    for resource in resources:
        if resource == "*":
            continue
        parts = resource.split(":", 5)
        if parts[0] != "arn":
            raise MalformedPolicy(f'Resource {resource} must be in ARN format or "*".')
        if len(parts) > 1 and parts[1] not in _PARTITIONS and "${" not in parts[1]:
            raise MalformedPolicy(f'Partition "{parts[1]}" is not valid for resource "{resource}".')
        # The last part may be missing altogether, where a wildcard stands for it: `arn:aws:s3:*`.
        if len(parts) < 3 or (len(parts) < 6 and not resource.endswith("*")):
            raise MalformedPolicy("The policy failed legacy parsing")
        if "?" in parts[2] or ("*" in parts[2] and parts[2] != "*"):
            raise MalformedPolicy("Resource vendor must be fully qualified and cannot contain regexes.")


def _check_condition(given: Any) -> None:
    if not isinstance(given, dict):
        raise MalformedPolicy(_SYNTAX)
    for operator, tests in given.items():
        if not is_operator(operator) or not isinstance(tests, dict):
            raise MalformedPolicy(_SYNTAX)
        for key, values in tests.items():
            if ":" not in key:
                raise MalformedPolicy(_PREFACED)
            if any(isinstance(value, dict | list) for value in listed(values)):
                raise MalformedPolicy(_SYNTAX)


def _check_sids(statements: Iterable[Mapping[str, Any]]) -> None:
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
