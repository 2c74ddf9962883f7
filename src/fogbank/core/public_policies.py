"""Whether the policy of a resource lets in the public.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html says what S3 calls public;
AWS does not tell it of other services, which are taken to mean the same.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any

from fogbank.core.policy_patterns import listed

# Conditions that tie what is allowed to somebody: with fixed values of one of them a statement is not public.
_TYING_KEYS = frozenset(
    (
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    )
)
_EQUALITIES = frozenset(("stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"))
# Wider address ranges than these are everybody. Private ones are never.
_V4_BITS_MIN = 8
_V6_BITS_MIN = 32


def is_public(document: Mapping[str, Any]) -> bool:
    """Whether any statement of a well-formed policy allows something to somebody who is not fixed."""
    return any(_is_public(statement) for statement in listed(document["Statement"]))


def _is_public(statement: Mapping[str, Any]) -> bool:
    if statement["Effect"] != "Allow":
        return False
    if "NotPrincipal" not in statement and not _everybody(statement["Principal"]):
        return False
    # ForAllValues ties to nobody: it holds for a request that does not have the key at all.
    conditions: Mapping[str, Mapping[str, Any]] = statement.get("Condition", {})
    return not any(
        _ties(operator.lower().removeprefix("foranyvalue:"), key.lower(), listed(values))
        for operator, tests in conditions.items()
        for key, values in tests.items()
    )


def _everybody(principal: Any) -> bool:
    return principal == "*" or "*" in listed(principal.get("AWS"))


def _ties(operator: str, key: str, values: list[Any]) -> bool:
    if operator == "ipaddress" and key == "aws:sourceip":
        return bool(values) and all(_is_narrow(str(value)) for value in values)
    if operator not in _EQUALITIES or key not in _TYING_KEYS:
        return False
    return bool(values) and all(_is_fixed(key, str(value)) for value in values)


def _is_fixed(key: str, value: str) -> bool:
    if "${" in value:
        return False
    if key == "s3:dataaccesspointarn":
        # The name of an access point may have wildcards if the account has none.
        value = ":".join(value.split(":")[:5])
    if key == "aws:userid" and value.endswith(":*"):
        return False
    return "*" not in value and "?" not in value


def _is_narrow(value: str) -> bool:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    bits_min = _V4_BITS_MIN if network.version == 4 else _V6_BITS_MIN
    return network.prefixlen >= bits_min or network.is_private
