"""Parameter policies: when a parameter goes, and when somebody is told that it will or that it has not changed.

https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-policies.html
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from fogbank.core.json_text import parse
from fogbank.services.ssm.errors import (
    IncompatiblePolicy,
    InvalidPolicyAttribute,
    InvalidPolicyType,
    PoliciesLimitExceeded,
)
from fogbank.services.ssm.records import Policy

POLICIES_MAX = 10
EXPIRATION = "Expiration"
EXPIRATION_NOTIFICATION = "ExpirationNotification"
NO_CHANGE_NOTIFICATION = "NoChangeNotification"
_UNITS_MS = {"Hours": 3_600_000, "Days": 86_400_000}
_VERSION = "1.0"


def read_policies(text: str, now_ms: int) -> list[Policy]:
    """The policies of PutParameter's JSON; `[{}]` has none."""
    document = parse(text)
    if not isinstance(document, list) or not all(isinstance(each, dict) for each in document):
        raise InvalidPolicyAttribute()
    given = [each for each in document if each]
    if len(given) > POLICIES_MAX:
        raise PoliciesLimitExceeded()
    kinds = [each.get("Type") for each in given]
    if not set(kinds) <= {EXPIRATION, EXPIRATION_NOTIFICATION, NO_CHANGE_NOTIFICATION}:
        raise InvalidPolicyType()
    if kinds.count(EXPIRATION) > 1 or (EXPIRATION_NOTIFICATION in kinds and EXPIRATION not in kinds):
        raise IncompatiblePolicy()
    if any(each.get("Version") != _VERSION or not isinstance(each.get("Attributes"), dict) for each in given):
        raise InvalidPolicyAttribute()
    expires_ms = next((_timestamp(each) for each in given if each["Type"] == EXPIRATION), 0)
    return [_policy(each, expires_ms, now_ms) for each in given]


def _policy(given: dict[str, Any], expires_ms: int, now_ms: int) -> Policy:
    text = msgspec.json.encode(given).decode()
    match given["Type"]:
        case "Expiration":
            return Policy(EXPIRATION, text, expires_ms)
        case "ExpirationNotification":
            return Policy(EXPIRATION_NOTIFICATION, text, expires_ms - _span(given, "Before"))
        case _:
            after_ms = _span(given, "After")
            return Policy(NO_CHANGE_NOTIFICATION, text, now_ms + after_ms, after_ms)


def _timestamp(given: dict[str, Any]) -> int:
    """A moment as Java's ISO_INSTANT and ISO_OFFSET_DATE_TIME write it."""
    try:
        moment = datetime.fromisoformat(given["Attributes"].get("Timestamp", ""))
        return int(moment.astimezone(UTC).timestamp() * 1000) if moment.tzinfo is not None else _refuse()
    except (TypeError, ValueError, OverflowError):
        return _refuse()


def _span(given: dict[str, Any], member: str) -> int:
    amount, unit = given["Attributes"].get(member), given["Attributes"].get("Unit")
    if not isinstance(amount, str) or not amount.isascii() or not amount.isdecimal() or len(amount) > 5:
        return _refuse()
    if unit not in _UNITS_MS or int(amount) < 1:
        return _refuse()
    return int(amount) * _UNITS_MS[unit]


def _refuse() -> int:
    raise InvalidPolicyAttribute()
