"""Whether a policy of users, groups and roles is well-formed, in IAM's words and in the order in which it looks.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
IAM reads a document several times: for its syntax, as an older parser would, which is strict with cases and dates, and
then for what its actions and resources name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fogbank.core.json_text import parse
from fogbank.core.policy_conditions import is_operator
from fogbank.core.policy_grammar import ELEMENTS, SYNTAX, TOP, VERSIONS, MalformedPolicy, check_sids
from fogbank.core.policy_patterns import listed

_LEGACY = "The policy failed legacy parsing"
_EXCLUSIVE = (("Action", "NotAction"), ("Resource", "NotResource"))
_PARTITIONS = frozenset(
    ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc", "*")
)
_ARN_PARTS = 6
_IAM_PATHS = (
    "user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/", "policy/",
    "sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/",
)  # fmt: skip
_VENDOR = re.compile(r"[a-zA-Z0-9\-_.]+")
_INTEGER = re.compile(r"[+-]?\d{1,19}")
_MOMENT = re.compile(
    r"\d{1,9}(-(0?[1-9]|1[0-2])(-(0?[1-9]|[12]\d|3[01]))?)?"
    r"([Tt](([01]?\d|2[0-4])(:[0-5]\d(:[0-5]\d([.,]\d{1,9})?)?)?)?(Z|z|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)?)?"
)
Statement = Mapping[str, Any]


def check_identity_policy(text: str, *, managed: bool = False) -> None:
    """A policy of a user, a group or a role, a managed policy, a session's policy. Raises MalformedPolicy.

    A managed policy must say that it is of the present version; the others may leave it out, as SAM's do.
    """
    document = parse(text)
    if not isinstance(document, dict):
        raise MalformedPolicy(SYNTAX)
    statements = listed(document.get("Statement"))
    _check_syntax(document, statements)
    if managed and document.get("Version") != "2012-10-17":
        raise MalformedPolicy("Policy document must be version 2012-10-17 or greater.")
    if any("Principal" in statement or "NotPrincipal" in statement for statement in statements):
        raise MalformedPolicy("Policy document should not specify a principal.")
    for statement in statements:
        _check_as_of_old(statement)
    check_sids(statements)
    if not all(_either(statement, "Action", "NotAction") for statement in statements):
        raise MalformedPolicy("Policy statement must contain actions.")
    for statement in statements:
        for resource in _either(statement, "Resource", "NotResource"):
            _check_resource(resource)
    for statement in statements:
        for action in _either(statement, "Action", "NotAction"):
            _check_action(action)
    if not all(_either(statement, "Resource", "NotResource") for statement in statements):
        raise MalformedPolicy("Policy statement must contain resources.")


# ---- steps ------------------------------------------------------------------------------------------------------


def _either(statement: Statement, name: str, other: str) -> list[str]:
    return listed(statement.get(name, statement.get(other)))


def _check_syntax(document: Mapping[str, Any], statements: Sequence[Any]) -> None:
    well_formed = (
        document.keys() <= TOP
        and document.get("Version", VERSIONS[0]) in VERSIONS
        and isinstance(document.get("Id", ""), str)
        and bool(statements)
        and all(isinstance(each, dict) and _has_syntax(each) for each in statements)
    )
    if not well_formed:
        raise MalformedPolicy(SYNTAX)


def _has_syntax(statement: Statement) -> bool:
    effect = statement.get("Effect")
    return (
        statement.keys() <= ELEMENTS
        and isinstance(statement.get("Sid", ""), str)
        and isinstance(effect, str)
        and effect.lower() in ("allow", "deny")
        and not any(statement.keys() >= set(pair) for pair in _EXCLUSIVE)
        and all(isinstance(text, str) for pair in _EXCLUSIVE for text in _either(statement, *pair))
        and isinstance(statement.get("Condition", {}), dict)
        and all(_is_test(operator, tests) for operator, tests in statement.get("Condition", {}).items())
    )


def _is_test(operator: str, tests: Any) -> bool:
    """An operator that tests nothing may have any name."""
    return isinstance(tests, dict) and (
        not tests or (is_operator(operator) and not any(isinstance(each, dict | list) for each in _wanted(tests)))
    )


def _wanted(tests: Mapping[str, Any]) -> Iterator[Any]:
    return (value for values in tests.values() for value in listed(values))


def _check_as_of_old(statement: Statement) -> None:
    dates = (
        str(value)
        for operator, tests in statement.get("Condition", {}).items()
        if "date" in operator.lower()
        for value in _wanted(tests)
    )
    if (
        statement["Effect"] not in ("Allow", "Deny")
        or not all(_is_moment(date) for date in dates)
        or not all(_is_old_arn(resource) for resource in _either(statement, "Resource", "NotResource"))
    ):
        raise MalformedPolicy(_LEGACY)


def _is_moment(text: str) -> bool:
    if "${" in text:
        return True
    if _INTEGER.fullmatch(text):
        return -(2**63) <= int(text) < 2**63
    return _MOMENT.fullmatch(text) is not None


def _is_old_arn(resource: str) -> bool:
    """Of the parts behind the service's name there are all or none, where no wildcard stands for them, as in
    `arn:aws:s3:*`. What is no ARN of a partition is left to the newer parser.
    """
    parts = resource.split(":", _ARN_PARTS - 1)
    if parts[0] != "arn" or len(parts) < 3 or parts[1] not in _PARTITIONS:
        return True
    return bool(parts[2]) and (len(parts) in (3, _ARN_PARTS) or resource.endswith("*"))


def _check_resource(resource: str) -> None:
    if resource == "*":
        return
    if ":" not in resource:
        raise MalformedPolicy(f'Resource {resource} must be in ARN format or "*".')
    parts = ["arn", *resource.split(":", _ARN_PARTS - 1)[1:]]
    parts += ["*"] * (_ARN_PARTS - len(parts))
    _, partition, vendor, region, _, path = parts
    if partition not in _PARTITIONS and "${" not in partition:
        raise MalformedPolicy(f'Partition "{partition}" is not valid for resource "{":".join(parts)}".')
    if not resource.startswith("arn:"):
        raise MalformedPolicy(f'Resource {resource} must be in ARN format or "*".')
    if "?" in vendor or ("*" in vendor and (vendor != "*" or resource.count(":") < 2)):
        raise MalformedPolicy("Resource vendor must be fully qualified and cannot contain regexes.")
    if vendor == "iam":
        if region not in ("", "*"):
            raise MalformedPolicy(f"IAM resource {resource} cannot contain region information.")
        if path not in ("*", "root") and not path.startswith((*_IAM_PATHS, "${")):
            raise MalformedPolicy(f'IAM resource path must either be "*" or start with {", ".join(_IAM_PATHS)}.')
    if vendor == "s3" and region not in ("", "*") and not path.startswith("accesspoint/"):
        raise MalformedPolicy(f"Resource {resource} can not contain region information.")


def _check_action(action: str) -> None:
    if action == "*":
        return
    vendor, colon, rest = action.partition(":")
    if not colon:
        raise MalformedPolicy("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if ":" in rest:
        raise MalformedPolicy("Actions/Condition can contain only one colon.")
    if not _VENDOR.fullmatch(vendor):
        raise MalformedPolicy(f"Vendor {vendor} is not valid")
