"""The condition operators of IAM's policy language.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
"""

import base64
import binascii
import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fogbank.core.policy_patterns import Context, filled, glob, values_of

Condition = Callable[[Context], bool]
Test = Callable[[str, str, Context, bool], bool]
"""Whether a value of the request (first) fits one of the policy (second); the last says whether variables are known."""

_NULL = "null"
_IF_EXISTS = "ifexists"
_FOR_ALL, _FOR_ANY = "forallvalues:", "foranyvalue:"


def condition(operator: str, key: str, wanted: list[Any], variables: bool) -> Condition:
    """One test of a statement's Condition. An operator that there is not never holds."""
    key = key.lower()
    values = [_text(value) for value in wanted]
    if operator.lower() == _NULL:
        absent = "true" in values
        # A set without values is nothing, too.
        return lambda context: (not values_of(context, key)) == absent
    quantifier, positive, negated, lenient = _parts(operator)
    test = _TESTS.get(positive)
    if test is None or (negated and positive not in _NEGATABLE):
        return lambda context: False

    def fits(value: str, context: Context) -> bool:
        return any(test(value, one, context, variables) for one in values) is not negated

    def holds(context: Context) -> bool:
        given = values_of(context, key)
        if not given:
            # A key that is not there differs from everything, and all of its values fit.
            return lenient or quantifier == _FOR_ALL or (negated and quantifier != _FOR_ANY)
        if quantifier == _FOR_ANY:
            return any(fits(value, context) for value in given)
        # Of several values each must fit; but without a quantifier one equal value is enough, as one unequal is not.
        if quantifier == _FOR_ALL or negated:
            return all(fits(value, context) for value in given)
        return any(fits(value, context) for value in given)

    return holds


def is_operator(text: str) -> bool:
    """Whether there is such an operator. It may be written in any case."""
    _, positive, negated, _ = _parts(text)
    return text.lower() == _NULL or (positive in _TESTS and (not negated or positive in _NEGATABLE))


def _parts(operator: str) -> tuple[str, str, bool, bool]:
    """Its quantifier, the operator itself without a Not, whether there was one, and whether the key may be absent."""
    name = operator.lower()
    quantifier = next((each for each in (_FOR_ALL, _FOR_ANY) if name.startswith(each)), "")
    name = name.removeprefix(quantifier)
    lenient = name.endswith(_IF_EXISTS)
    name = name.removesuffix(_IF_EXISTS)
    return quantifier, name.replace("not", "", 1), "not" in name, lenient


def _text(value: Any) -> str:
    """Policies may write numbers and truth values without quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)


# ---- operators ------------------------------------------------------------------------------------------


def _equals(value: str, wanted: str, context: Context, variables: bool) -> bool:
    return value == (filled(wanted, context) if variables and "${" in wanted else wanted)


def _equals_ignoring_case(value: str, wanted: str, context: Context, variables: bool) -> bool:
    found = filled(wanted, context) if variables and "${" in wanted else wanted
    return found is not None and value.casefold() == found.casefold()


def _like(value: str, wanted: str, context: Context, variables: bool) -> bool:
    return glob(wanted, variables=variables)(value, context)


def _arn_like(value: str, wanted: str, context: Context, variables: bool) -> bool:
    """Part by part: a wildcard does not reach over a colon of the first five."""
    parts, patterns = value.split(":", 5), wanted.split(":", 5)
    return len(parts) == len(patterns) == 6 and all(
        glob(pattern, variables=variables)(part, context) for part, pattern in zip(parts, patterns, strict=True)
    )


def _bool(value: str, wanted: str, context: Context, variables: bool) -> bool:
    return value.lower() == wanted.lower()


def _binary(value: str, wanted: str, context: Context, variables: bool) -> bool:
    try:
        return base64.b64decode(value, validate=True) == base64.b64decode(wanted, validate=True)
    except binascii.Error:
        return False


def _ip_address(value: str, wanted: str, context: Context, variables: bool) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _compared(read: Callable[[str], float], compare: Callable[[float, float], bool]) -> Test:
    def test(value: str, wanted: str, context: Context, variables: bool) -> bool:
        try:
            return compare(read(value), read(wanted))
        except ValueError:
            return False

    return test


def _moment(text: str) -> float:
    """Seconds since 1970, written so or by ISO 8601."""
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "equals": lambda a, b: a == b,
    "lessthan": lambda a, b: a < b,
    "lessthanequals": lambda a, b: a <= b,
    "greaterthan": lambda a, b: a > b,
    "greaterthanequals": lambda a, b: a >= b,
}
_TESTS: dict[str, Test] = {
    "stringequals": _equals,
    "stringequalsignorecase": _equals_ignoring_case,
    "stringlike": _like,
    "arnequals": _arn_like,  # AWS's are the same, too.
    "arnlike": _arn_like,
    "bool": _bool,
    "binaryequals": _binary,
    "ipaddress": _ip_address,
    **{f"numeric{name}": _compared(float, compare) for name, compare in _COMPARISONS.items()},
    **{f"date{name}": _compared(_moment, compare) for name, compare in _COMPARISONS.items()},
}
_NEGATABLE = frozenset(
    (
        "stringequals",
        "stringequalsignorecase",
        "stringlike",
        "arnequals",
        "arnlike",
        "ipaddress",
        "numericequals",
        "dateequals",
    )
)
