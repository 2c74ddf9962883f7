"""Pieces of a statement in the SQL engine's dialect."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

Type = Literal["string", "int", "float", "number", "decimal", "loose", "bool", "timestamp", "any", "null"]
"""`any` is a value of JSON. `number` is a float that was computed from exact numbers, and is shown without the digits
that this made inexact; `loose` is a decimal with more digits behind the point than its value has."""

NUMERIC = frozenset(("int", "float", "number", "decimal", "loose"))


_PARAMETER = re.compile(r'"(?:[^"]|"")*"|\$(?P<name>\w+)')  # Not within the name of a column.


class Sql(NamedTuple):
    """An expression. One that is `simple` may be written several times; where one `may_miss`, its NULL is MISSING."""

    text: str
    type: Type
    simple: bool = False
    may_miss: bool = False


class Parameters:
    """The strings of a statement: none of them is ever part of its text."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def add(self, value: Any) -> str:
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"${name}"


class Statement:
    """A statement's text, and which parameters it has: engines take no others."""

    def __init__(self, text: str) -> None:
        self.text = text
        names = (match["name"] for match in _PARAMETER.finditer(text))
        self._names = frozenset(name for name in names if name is not None)

    def parameters(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: values[name] for name in self._names}


def apply(write: Callable[..., str], *arguments: Sql) -> str:
    """What `write` makes of the arguments' texts, each of which is computed once however often `write` repeats it."""
    if all(argument.simple for argument in arguments):
        return write(*(argument.text for argument in arguments))
    names = [f"a{number}" for number in range(len(arguments))]
    packed = ", ".join(f"{name} := {argument.text}" for name, argument in zip(names, arguments, strict=True))
    return f"list_transform([struct_pack({packed})], lambda v: {write(*(f'v.{name}' for name in names))})[1]"


def call(function: str, *arguments: Sql) -> str:
    return apply(lambda *texts: f"{function}({', '.join(texts)})", *arguments)


def balanced(operator: str, operands: list[str]) -> str:
    """Many operands as a tree of little depth: engines limit how deep expressions are."""
    if len(operands) == 1:
        return operands[0]
    middle = len(operands) // 2
    return f"({balanced(operator, operands[:middle])} {operator} {balanced(operator, operands[middle:])})"


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
