"""Values for shapes: every member that a shape has, with characters that protocols tend to lose."""

from datetime import UTC, datetime
from typing import Any

from botocore.model import Shape

TEXT = 'a & <b> "ü" +%/'
HEADER_TEXT = "plain-value"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def sample(shape: Shape, *, depth: int = 0, header: bool = False) -> Any:
    """A value of a shape as boto3 takes and gives it."""
    match shape.type_name:
        case "structure":
            return _structure(shape, depth)
        case "list":
            if depth > 4:
                return []
            return [sample(shape.member, depth=depth + 1, header=header)]
        case "map":
            if depth > 4:
                return {}
            key = shape.key.enum[0] if getattr(shape.key, "enum", None) else "x-key"
            return {key: sample(shape.value, depth=depth + 1, header=header)}
        case "string" | "character":
            if shape.enum:
                return shape.enum[0]
            return HEADER_TEXT if header else TEXT
        case "blob":
            return b"\x00\xffblob"
        case "boolean":
            return True
        case "timestamp":
            return MOMENT
        case "float" | "double":
            return 1.5
        case _:
            return 7


def _structure(shape: Shape, depth: int) -> dict[str, Any]:
    if getattr(shape, "is_document_type", False):
        return {"free": [1, "form"]}
    value: dict[str, Any] = {}
    for name, member in shape.members.items():
        nested = member.type_name in ("structure", "list", "map")
        if nested and depth > 3 and name not in shape.required_members:
            continue
        if member.serialization.get("eventstream"):
            continue
        location = member.serialization.get("location")
        if location == "statusCode":
            value[name] = 200
            continue
        header = location in ("header", "headers") or bool(member.serialization.get("xmlAttribute"))
        value[name] = sample(member, depth=depth + 1, header=header)
        if getattr(shape, "is_tagged_union", False):
            break
    return value


def as_numbers(value: Any) -> Any:
    """The same value as handlers see it: timestamps as epoch seconds."""
    match value:
        case datetime():
            return value.timestamp()
        case dict():
            return {key: as_numbers(inner) for key, inner in value.items()}
        case list():
            return [as_numbers(inner) for inner in value]
        case _:
            return value
