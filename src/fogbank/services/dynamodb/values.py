"""Attribute values in wire form (`{"S": "text"}`, binary as base64 text): checks, sizes, order.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from fogbank.services.dynamodb.errors import Validation

Value = dict[str, Any]
Item = dict[str, Value]

TYPES = frozenset(("S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"))
SETS = {"SS": "string", "NS": "number", "BS": "binary"}
_DIGITS_MAX = 38
_EXPONENT_MAX, _EXPONENT_MIN = 125, -130
_NESTING_MAX = 32
# A map or list takes three bytes, and one for each of its parts.
_COLLECTION_BYTES = 3
_EXACT = Context(prec=80)


def check_item(item: Mapping[str, Value]) -> int:
    """The item's size. Raises DynamoDB's ValidationException for the first value that cannot be; brings numbers to
    normal form.
    """
    size = 0
    for name, value in item.items():
        if len(name) > 65_535:
            raise Validation("One or more parameter values were invalid: Attribute name is too large")
        size += (len(name) if name.isascii() else len(name.encode())) + check(value)
    return size


def check(value: Value, depth: int = 0) -> int:
    """As `check_item`, for one value."""
    if type(value) is not dict or len(value) != 1:
        if type(value) is dict and len(value) > 1:
            raise Validation(
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "
                "supported datatypes"
            )
        raise Validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    ((kind, content),) = value.items()
    if kind == "S":
        if type(content) is str:
            return len(content) if content.isascii() else len(content.encode())
        _expect(content, str)
    elif kind == "N":
        value["N"] = content = number_text(content)
    elif kind == "B":
        decode_binary(content)
    elif kind == "BOOL":
        _expect(content, bool)
    elif kind == "NULL":
        if content is not True:
            raise Validation(
                "One or more parameter values were invalid: Null attribute value types must have the value of true"
            )
    elif kind in ("M", "L"):
        _expect(content, dict if kind == "M" else list)
        if depth >= _NESTING_MAX:
            raise Validation("Nesting Levels have exceeded supported limits")
        return _check_parts(kind, content, depth + 1)
    elif kind in SETS:
        _check_set(value, kind, content)
    else:
        raise Validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    return value_size(value)


def _check_parts(kind: str, content: Any, depth: int) -> int:
    size = _COLLECTION_BYTES + len(content)
    if kind == "L":
        for part in content:
            size += check(part, depth)
        return size
    for name, part in content.items():
        size += (len(name) if name.isascii() else len(name.encode())) + check(part, depth)
    return size


def _check_set(value: Value, kind: str, content: Any) -> None:
    _expect(content, list)
    if not content:
        raise Validation(f"One or more parameter values were invalid: An {SETS[kind]} set  may not be empty")
    if kind == "NS":
        content = value[kind] = [number_text(part) for part in content]
    for part in content:
        _expect(part, str)
        if kind == "BS":
            decode_binary(part)
    if len(set(content)) != len(content):
        raise Validation(
            f"One or more parameter values were invalid: Input collection [{', '.join(content)}] contains duplicates."
        )


def _expect(content: Any, wanted: type) -> None:
    if type(content) is not wanted:
        raise Validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")


def decode_binary(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise Validation("One or more parameter values were invalid: Invalid base64 in a binary value") from None


def number_text(text: Any) -> str:
    """A number in DynamoDB's normal form, such as `12.5`."""
    if type(text) is str and len(text) < 16 and text.isascii() and text.isdecimal():
        return text.lstrip("0") or "0"
    return text_of(parse_number(text))


def parse_number(text: Any) -> Decimal:
    if not isinstance(text, str) or not text.isascii() or "_" in text:
        raise Validation("The parameter cannot be converted to a numeric value")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise Validation(f"The parameter cannot be converted to a numeric value: {text}") from None
    if not number.is_finite():
        raise Validation(f"The parameter cannot be converted to a numeric value: {text}")
    if not number:
        return Decimal(0)
    if number.adjusted() > _EXPONENT_MAX:
        raise Validation("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if number.adjusted() < _EXPONENT_MIN:
        raise Validation("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    if (
        len(text) > _DIGITS_MAX
        and len(str(number.as_tuple().digits).strip("(),").replace(", ", "").rstrip("0")) > _DIGITS_MAX
    ):
        raise Validation("Attempting to store more than 38 significant digits in a Number")
    return number


def text_of(number: Decimal) -> str:
    if not number:
        return "0"
    return format(_EXACT.normalize(number) if isinstance(number, Decimal) else number, "f")


def add_numbers(a: str, b: str, *, sign: int = 1) -> str:
    """`a + sign * b`, refused if it needs more than 38 digits."""
    total = _EXACT.add(Decimal(a), Decimal(b) * sign)
    return text_of(parse_number(str(total)))


# ---- sizes ------------------------------------------------------------------------------------------------------


def item_size(item: Mapping[str, Value]) -> int:
    """Bytes that count for limits and capacity: names and values in UTF-8."""
    size = 0
    for name, value in item.items():
        size += (len(name) if name.isascii() else len(name.encode())) + value_size(value)
    return size


def value_size(value: Value) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content) if content.isascii() else len(content.encode())
    if kind == "N":
        # About a byte for two digits, and one for sign and exponent.
        return (len(content.strip("-0.").replace(".", "")) + 1) // 2 + 1
    if kind == "B":
        return int(len(content) * 3 // 4 - content[-2:].count("="))
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "M":
        return _COLLECTION_BYTES + item_size(content) + len(content)
    if kind == "L":
        return _COLLECTION_BYTES + sum(value_size(part) + 1 for part in content)
    return sum(value_size({kind[0]: part}) for part in content)


# ---- order ------------------------------------------------------------------------------------------------------


def key_bytes(value: Value) -> bytes:
    """Bytes that sort as DynamoDB sorts values of one key type; none for a value of another type, which no key has."""
    ((kind, content),) = value.items()
    if kind == "S":
        text: str = content
        return text.encode("utf-8", "surrogatepass")
    if kind == "B":
        return decode_binary(content)
    return _number_bytes(content) if kind == "N" else b""


def part_bytes(values: Sequence[Value]) -> bytes:
    """What a partition key or a sort key of these attributes lies under, in the order of the first, then of the second,
    and so on. Of one attribute alone these are its `key_bytes`.
    """
    return key_bytes(values[0]) if len(values) == 1 else b"".join(map(component_bytes, values))


def component_bytes(value: Value) -> bytes:
    """One of several attributes: ends so that a shorter value sorts before those that begin with it."""
    return escaped_bytes(value) + COMPONENT_END


def escaped_bytes(value: Value) -> bytes:
    return key_bytes(value).replace(b"\x00", b"\x00\xff")


COMPONENT_END = b"\x00\x00"
BEHIND_COMPONENT = b"\x00\x01"
"""In the place of a component's end: sorts behind all that goes on from there."""


def _number_bytes(text: str) -> bytes:
    """Sign, exponent, digits; everything inverted below zero."""
    number = _EXACT.normalize(Decimal(text))
    if not number:
        return b"\x01"
    sign, digits, _ = number.as_tuple()
    head = (number.adjusted() + 1000).to_bytes(2, "big")
    body = head + bytes(digit + 1 for digit in digits)
    if sign:
        return b"\x00" + bytes(255 - byte for byte in body) + b"\xff"
    return b"\x02" + body


def comparable(value: Value) -> Any:
    """A Python value that compares as the scalar does; None for what has no order."""
    ((kind, content),) = value.items()
    if kind == "N":
        return Decimal(content)
    if kind == "S":
        return content.encode("utf-8", "surrogatepass")
    if kind == "B":
        return decode_binary(content)
    return None


def equal(a: Value, b: Value) -> bool:
    """Whether two values are the same; sets have no order."""
    if a == b:
        return True
    kind = next(iter(a))
    if kind != next(iter(b)):
        return False
    if kind in SETS:
        return set(a[kind]) == set(b[kind])
    if kind == "M":
        return a[kind].keys() == b[kind].keys() and all(equal(a[kind][k], b[kind][k]) for k in a[kind])
    if kind == "L":
        return len(a[kind]) == len(b[kind]) and all(equal(x, y) for x, y in zip(a[kind], b[kind], strict=True))
    return False
