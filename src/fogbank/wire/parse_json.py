"""JSON input: the fast way, and the way that knows what to say.

The fast way is msgspec's typed decoder. It refuses what AWS would accept in rare cases (a null member, a
date as a string, a number in quotes), and it has no words for what AWS refuses; so whatever it refuses is
decoded again here, member by member.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any

import msgspec

from fogbank.core.errors import AwsError
from fogbank.wire import timestamps
from fogbank.wire.errors import SerializationException
from fogbank.wire.model import Ref, ServiceModel, Shape
from fogbank.wire.parse_typed import INT32, INT64, typed
from fogbank.wire.validate import Violations

Coerce = Callable[[Any], Any]
Refuse = Callable[[Violations], AwsError]

_any = msgspec.json.Decoder()


def decode_any(body: bytes) -> Any:
    """JSON without a type. Raises SerializationException; deep nesting ends in msgspec's recursion guard."""
    try:
        return _any.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        # AWS answers with the code alone; the rest of the sentence is ours.
        raise SerializationException(f"The request body is not valid JSON: {error}") from None


def body_parser(
    model: ServiceModel,
    shape_name: str,
    *,
    validates: bool,
    raw_shapes: frozenset[str],
    refuse: Refuse,
) -> Callable[[bytes], Any]:
    """A function from a JSON document to the parameters of a shape, checked."""
    coerce = coercer(model, shape_name, raw_shapes)

    def slow(body: bytes) -> Any:
        value = decode_any(body)
        try:
            value = coerce(value) if value is not None else {}
            violations = Violations(model, validates=validates, raw_shapes=raw_shapes)
            violations.check_all(shape_name, value)
        except RecursionError:
            raise SerializationException("The request body is nested too deeply.") from None
        if violations.found:
            raise refuse(violations)
        return value

    kind = None if _renames(model, shape_name) else typed(model, shape_name, validates=validates, raw_shapes=raw_shapes)
    if kind is None:
        return lambda body: slow(body or b"{}")
    decode = msgspec.json.Decoder(kind).decode

    def fast(body: bytes) -> Any:
        try:
            return decode(body)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return slow(body or b"{}")

    return fast


def _renames(model: ServiceModel, shape_name: str, seen: set[str] | None = None) -> bool:
    """Whether a member anywhere below has another name on the wire."""
    seen = set() if seen is None else seen
    if shape_name in seen:
        return False
    seen.add(shape_name)
    shape = model.shapes[shape_name]
    for member, ref in shape.members.items():
        if ref.location_name not in (None, member) or ref.location is not None:
            return True
        if _renames(model, ref.shape, seen):
            return True
    inner = [ref for ref in (shape.member, shape.value) if ref is not None]
    return any(_renames(model, ref.shape, seen) for ref in inner)


def coercer(model: ServiceModel, shape_name: str, raw_shapes: frozenset[str], *, by_member: bool = False) -> Coerce:
    """A function from decoded JSON to the parameters of a shape; raises SerializationException as AWS words
    it. `by_member`: keys are the members' own names, as SDKs have them, instead of those on the wire.
    """
    key = ("coerce_json", shape_name, raw_shapes, by_member)
    found: Coerce | None = model.compiled.get(key)
    if found is None:
        # A shape that contains itself finds this stand-in, which looks again when it is called.
        model.compiled[key] = lambda value: model.compiled[key](value)
        found = model.compiled[key] = _coercer(model, shape_name, raw_shapes, by_member)
    return found


def _coercer(model: ServiceModel, shape_name: str, raw_shapes: frozenset[str], by_member: bool) -> Coerce:
    if shape_name in raw_shapes:
        return _as_is
    shape = model.shapes[shape_name]
    if shape.type == "structure":
        return _as_is if shape.document else _structure(model, shape, raw_shapes, by_member)

    def inner(ref: Ref | None) -> Coerce:
        assert ref is not None
        return coercer(model, ref.shape, raw_shapes, by_member=by_member)

    match shape.type:
        case "list":
            return _list(inner(shape.member))
        case "map":
            return _map(inner(shape.key), inner(shape.value))
        case "string" | "character":
            return _string
        case "blob":
            return _blob
        case "boolean":
            return _boolean
        case "float" | "double" | "bigDecimal":
            return _float
        case "timestamp":
            return _timestamp
        case "integer" | "short" | "byte":
            return _integer(*INT32, java="Integer")
        case _:
            return _integer(*INT64, java="Long")


def _as_is(value: Any) -> Any:
    return value


def _structure(model: ServiceModel, shape: Shape, raw_shapes: frozenset[str], by_member: bool) -> Coerce:
    members = {
        key: (member, coercer(model, ref.shape, raw_shapes, by_member=by_member))
        for member, ref in shape.members.items()
        if by_member or ref.location is None
        for key in (_either_case(member) if by_member else (ref.location_name or member,))
    }

    def coerce(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _misplaced(value, "a structure")
        answer = {}
        for key, inner in value.items():
            member = members.get(key)
            if member is not None and inner is not None:
                answer[member[0]] = member[1](inner)
        return answer

    return coerce


def _either_case(member: str) -> tuple[str, str]:
    """SDKs agree about a member's name but for its first letter."""
    return member, member[0].swapcase() + member[1:]


def _list(element: Coerce) -> Coerce:
    def coerce(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise _misplaced(value, "a list")
        if None in value:
            raise SerializationException("A list in the request has a null element, which no operation takes.")
        return [element(inner) for inner in value]

    return coerce


def _map(key: Coerce, element: Coerce) -> Coerce:
    def coerce(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _misplaced(value, "a map")
        return {key(name): element(inner) for name, inner in value.items() if inner is not None}

    return coerce


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise _unfit(value, "a String")


def _blob(value: Any) -> bytes:
    if isinstance(value, bytes):  # CBOR has byte strings
        return value
    if not isinstance(value, str):
        raise _unfit(value, "a Blob")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise SerializationException("Invalid Base64 in a binary value") from None


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise _unfit(value, "a Boolean")


def _float(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    raise _unfit(value, "a Double")


def _timestamp(value: Any) -> float:
    if isinstance(value, bool):
        raise _unfit(value, "a Timestamp")
    try:
        if isinstance(value, int | float):
            return timestamps.in_range(value)
        if isinstance(value, str):
            return timestamps.parse(value)
    except ValueError:
        raise SerializationException(f"Unparseable date: {str(value)[:100]}") from None
    raise _unfit(value, "a Timestamp")


def _integer(low: int, high: int, *, java: str) -> Coerce:
    def coerce(value: Any) -> int:
        if isinstance(value, str):
            try:
                value = float(value) if len(value) < 64 else None
            except ValueError:
                value = None
            if value is None:
                raise SerializationException(f"STRING_VALUE can not be converted to {_an(java)}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _unfit(value, _an(java))
        # Java's narrowing drops a fraction; what does not fit is refused.
        if not low <= value <= high:
            raise SerializationException(f"NUMBER_VALUE can not be converted to {_an(java)}")
        return int(value)

    return coerce


def _an(word: str) -> str:
    return f"{'an' if word[0] in 'AEIOU' else 'a'} {word}"


def _misplaced(value: Any, what: str) -> SerializationException:
    if isinstance(value, dict):
        return SerializationException("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return SerializationException("Start of list found where not expected.")
    return SerializationException(f"{_token(value)} can not be converted to {what}")


def _unfit(value: Any, what: str) -> SerializationException:
    if isinstance(value, dict | list):
        return _misplaced(value, what)
    return SerializationException(f"{_token(value)} can not be converted to {what}")


def _token(value: Any) -> str:
    match value:
        case bool():
            return "TRUE_VALUE" if value else "FALSE_VALUE"
        case int() | float():
            return "NUMBER_VALUE"
        case None:
            return "NULL_VALUE"
        case _:
            return "STRING_VALUE"
