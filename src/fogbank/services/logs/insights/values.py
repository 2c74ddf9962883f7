"""Expressions in the SQL engine's dialect, and their conversions."""

from typing import Literal, NamedTuple

from fogbank.engines.sql.statement import apply

Type = Literal["any", "string", "number", "bool", "time", "json"]
"""`any` is a text that is taken for a number where it looks like one; `time` is in milliseconds; `json` is a structure
that jsonParse made."""

NUMERIC = frozenset(("number", "bool", "time"))


class Sql(NamedTuple):
    """An expression. One that is `simple` may be written several times. `literal` is what a literal stands for."""

    text: str
    type: Type
    simple: bool = False
    literal: str | float | None = None


MISSING = Sql("NULL::VARCHAR", "any", simple=True)


def number(value: Sql) -> str:
    match value.type:
        case "number":
            return value.text
        case "bool" | "time":
            return f"({value.text})::DOUBLE"
        case "json":
            return f"cwl_number({apply(_scalar, value)})"
        case _:
            return f"cwl_number({value.text})"


def text(value: Sql) -> str:
    """As a text to compute with."""
    match value.type:
        case "number":
            return f"cwl_exact({value.text})"
        case _:
            return shown(value)


def shown(value: Sql) -> str:
    """As the answer shows it."""
    match value.type:
        case "any" | "string":
            return value.text
        case "number":
            return f"cwl_show({value.text})"
        case "bool":
            return f"cwl_flag({value.text})"
        case "time":
            return f"cwl_time({value.text})"
        case "json":
            return apply(lambda once: f"cwl_shown_json({once})", value)


def truth(value: Sql) -> str:
    return value.text if value.type == "bool" else f"({number(value)} <> 0)"


def scalar(value: Sql) -> Sql:
    """A structure as the value that it is, if it is one."""
    return Sql(apply(_scalar, value), "any") if value.type == "json" else value


def _scalar(once: str) -> str:
    return f"cwl_scalar({once})"
