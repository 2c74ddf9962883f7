"""The policies of forms that browsers post: what a form may say and how long.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fogbank.services.s3.errors import AccessDenied, InvalidPolicyDocument

# What proves a policy need not be in it.
_NEED_NO_CONDITION = ("x-amz-signature", "awsaccesskeyid", "signature", "policy", "file")
_LENGTH_RANGE = "content-length-range"


class PostPolicy:
    """A policy that is well-formed. Field names are compared in lower case, values as they are."""

    def __init__(self, text: str) -> None:
        """`text` is the policy's JSON in Base64. Raises InvalidPolicyDocument."""
        document = _document(text)
        self._expires_ms = _expiration_ms(document)
        if not isinstance(document.get("conditions"), list):
            raise _invalid("Policy missing conditions.")
        self._conditions = [_condition(condition) for condition in document["conditions"]]

    def check(self, now_ms: int, fields: Mapping[str, str]) -> tuple[int, int] | None:
        """Raises AccessDenied if the form may not say what it says. How long its file may be, if the policy tells.

        `fields` are those of the form, and the `bucket` that it is sent to.
        """
        if now_ms >= self._expires_ms:
            raise AccessDenied("Invalid according to Policy: Policy expired.")
        length_range = None
        covered = set()
        for operator, name, value in self._conditions:
            if operator == _LENGTH_RANGE:
                length_range = _length_range(name, value)
                continue
            covered.add(name[1:].lower())
            if not name.startswith("$") or not _holds(operator, fields.get(name[1:].lower()), name, value):
                raise _failed([operator, name, value])
        extra = [
            name
            for name in fields
            if name not in covered and name not in _NEED_NO_CONDITION and not name.startswith("x-ignore-")
        ]
        if extra:
            raise AccessDenied(f"Invalid according to Policy: Extra input fields: {', '.join(extra)}")
        return length_range


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(base64.b64decode(text, validate=True))
    except binascii.Error:
        raise _invalid("Invalid Base64 encoding.") from None
    except (ValueError, RecursionError):  # Also what UTF-8 raises.
        raise _invalid("Invalid JSON.") from None
    if not isinstance(document, dict):
        raise _invalid("Invalid JSON.")
    return document


def _expiration_ms(document: dict[str, Any]) -> int:
    value = document.get("expiration")
    if value is None:
        raise _invalid("Policy missing expiration.")
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _invalid(f"Invalid 'expiration' value: '{value}'") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _condition(condition: Any) -> tuple[str, Any, Any]:
    if isinstance(condition, dict):
        if len(condition) != 1:
            raise _invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
        ((name, value),) = condition.items()
        if not isinstance(value, str):
            raise _invalid("Invalid Simple-Condition: value must be a string.")
        return "eq", f"${name}", value
    if not isinstance(condition, list) or len(condition) != 3 or not isinstance(condition[0], str):
        raise _invalid("Invalid Condition: a condition must be a list of three entries.")
    operator, name, value = condition
    if operator.lower() not in ("eq", "starts-with", _LENGTH_RANGE):
        raise _invalid(f"Invalid Condition: unknown operation '{operator}'.")
    if operator.lower() != _LENGTH_RANGE and not (isinstance(name, str) and isinstance(value, str)):
        raise _invalid("Invalid Condition: name and value must be strings.")
    return operator.lower(), name, value


def _holds(operator: str, given: str | None, name: str, value: str) -> bool:
    if operator == "eq":
        return given == value
    if name.lower() == "$content-type":  # It may list several, and each has to fit.
        return all(part.strip().startswith(value) for part in (given or "").split(","))
    return (given or "").startswith(value)


def _length_range(low: Any, high: Any) -> tuple[int, int]:
    try:
        return int(low), int(high)
    except (TypeError, ValueError):
        raise _failed([_LENGTH_RANGE, low, high]) from None


def _failed(condition: list[Any]) -> AccessDenied:
    shown = json.dumps(condition, ensure_ascii=False)
    return AccessDenied(f"Invalid according to Policy: Policy Condition failed: {shown}")


def _invalid(reason: str) -> InvalidPolicyDocument:
    # Of these reasons that of simple conditions is recorded from AWS, the others are worded like it.
    return InvalidPolicyDocument(f"Invalid Policy: {reason}")
