"""Pieces of statements, for services that write a dialect of their own in the engine's.

Users' strings are parameters: none of them is ever part of a statement's text.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

_PARAMETER = re.compile(r'"(?:[^"]|"")*"|\$(?P<name>\w+)')  # Not within the name of a column.


class Piece(Protocol):
    """An expression's text; one that is `simple` may be written several times."""

    @property
    def text(self) -> str: ...

    @property
    def simple(self) -> bool: ...


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


def apply(write: Callable[..., str], *arguments: Piece) -> str:
    """What `write` makes of the arguments' texts, each of which is computed once however often `write` repeats it."""
    if all(argument.simple for argument in arguments):
        return write(*(argument.text for argument in arguments))
    names = [f"a{number}" for number in range(len(arguments))]
    packed = ", ".join(f"{name} := {argument.text}" for name, argument in zip(names, arguments, strict=True))
    return f"list_transform([struct_pack({packed})], lambda v: {write(*(f'v.{name}' for name in names))})[1]"


def balanced(operator: str, operands: list[str]) -> str:
    """Many operands as a tree of little depth: engines limit how deep expressions are."""
    if len(operands) == 1:
        return operands[0]
    middle = len(operands) // 2
    return f"({balanced(operator, operands[:middle])} {operator} {balanced(operator, operands[middle:])})"
