"""Pieces of a statement in the SQL engine's dialect."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from fogbank.engines.sql.statement import apply

Type = Literal["string", "int", "float", "number", "decimal", "loose", "bool", "timestamp", "any", "null"]
"""`any` is a value of JSON. `number` is a float that was computed from exact numbers, and is shown without the digits
that this made inexact; `loose` is a decimal with more digits behind the point than its value has."""

NUMERIC = frozenset(("int", "float", "number", "decimal", "loose"))


class Sql(NamedTuple):
    """An expression. One that is `simple` may be written several times; where one `may_miss`, its NULL is MISSING."""

    text: str
    type: Type
    simple: bool = False
    may_miss: bool = False


def call(function: str, *arguments: Sql) -> str:
    return apply(lambda *texts: f"{function}({', '.join(texts)})", *arguments)


def to_any(value: Sql) -> str:
    """As a value of JSON."""
    match value.type:
        case "any":
            return value.text
        case "null":
            return "NULL::JSON"
        case "timestamp":
            return f"to_json({call('s3_timestamp_text', value)})"
        case _:
            return f"to_json({value.text})"


_TEXTS: Mapping[Type, str] = {
    "float": "s3_float_text",
    "loose": "s3_decimal_text",
    "timestamp": "s3_timestamp_text",
    "any": "s3_flat",
}


def to_text(value: Sql) -> str:
    """As a field of CSV, before it is quoted; NULL for what is null or missing."""
    match value.type:
        case "string":
            return value.text
        case "null":
            return "NULL::VARCHAR"
        case "number":
            return f"printf('%.15g', {value.text})"
        case "int" | "decimal" | "bool":
            return f"({value.text})::VARCHAR"
        case _:
            return call(_TEXTS[value.type], value)


def to_json_text(value: Sql) -> str:
    """As text of JSON; NULL for what is missing."""
    match value.type:
        case "any":
            return f"json({value.text})::VARCHAR"
        case "string" | "timestamp":
            text = f"to_json({to_text(value)})::VARCHAR"
        case _:
            text = to_text(value)
    return text if value.may_miss else f"coalesce({text}, 'null')"
