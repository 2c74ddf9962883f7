"""JSON that remembers where each value stands, for error messages that point at it as AWS's do.

EventBridge's messages end in ` at [Source: (String)"…"; line: 1, column: 11]`, where the column is
behind the token that was read last; of a string whose text was not looked at yet, only the quote was read.
"""

import json
import re
from collections.abc import Iterator

import msgspec

Scalar = str | int | float | bool | None

# Far above what fits into a pattern of 4,096 characters that means something; keeps recursion within bounds.
_DEPTH_MAX = 200
# The parser that AWS uses quotes this much of its source.
_QUOTED_MAX = 500

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[^\s,:{}\[\]\"]+")
_VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None}


class SourceError(Exception):
    """The text is not what it should be; `str()` is the reason with the place."""


class Leaf(msgspec.Struct):
    """A string, number, boolean or null."""

    value: Scalar
    start: int
    end: int

    @property
    def seen(self) -> int:
        """How far the parser has read when it knows the kind of this value."""
        return self.start + 1 if isinstance(self.value, str) else self.end


class Array(msgspec.Struct):
    items: "list[Node]"
    start: int
    end: int

    @property
    def seen(self) -> int:
        return self.start + 1


class Object(msgspec.Struct):
    members: "dict[str, Node]"
    start: int
    end: int

    @property
    def seen(self) -> int:
        return self.start + 1


Node = Leaf | Array | Object


class Source:
    """A JSON text and its tree."""

    def __init__(self, text: str) -> None:
        self.text = text

    def error(self, reason: str, at: int) -> SourceError:
        """The reason, pointing behind the character at index `at - 1`."""
        before = self.text[:at]
        line = before.count("\n") + 1
        column = at - (before.rfind("\n") + 1) + 1
        quoted = f'"{self.text[:_QUOTED_MAX]}"'
        if len(self.text) > _QUOTED_MAX:
            quoted += f"[truncated {len(self.text) - _QUOTED_MAX} chars]"
        return SourceError(f"{reason}\n at [Source: (String){quoted}; line: {line}, column: {column}]")

    def parse(self) -> Node:
        node, end = self._value(self._skip(0), 0)
        if self._skip(end) != len(self.text):
            raise self._unexpected(self._skip(end), "a single JSON value")
        return node

    def _value(self, at: int, depth: int) -> tuple[Node, int]:
        if depth > _DEPTH_MAX:
            raise self.error("Pattern is nested too deeply", at)
        head = self.text[at : at + 1]
        if head == "{":
            return self._object(at, depth)
        if head == "[":
            return self._array(at, depth)
        if head == '"':
            text, end = self._string(at)
            return Leaf(text, at, end), end
        if head and head in "-0123456789":
            found = _NUMBER.match(self.text, at)
            if found is None:
                raise self._unexpected(at + 1, "digit (0-9) to follow minus sign, for valid numeric value")
            digits = found.group()
            # An integer of thousands of digits is a float's infinity here; Python refuses to convert it.
            number = int(digits) if digits.lstrip("-").isdigit() and len(digits) < 400 else float(digits)
            return Leaf(number, at, found.end()), found.end()
        word = _WORD.match(self.text, at)
        if word is None or (word.group() not in _WORDS and not word.group()[0].isalpha()):
            raise self._unexpected(at, f"a valid value {_VALUES}")
        if word.group() not in _WORDS:
            raise self.error(f"Unrecognized token '{word.group()}': was expecting {_VALUES}", word.end())
        return Leaf(_WORDS[word.group()], at, word.end()), word.end()

    def _object(self, start: int, depth: int) -> tuple[Object, int]:
        members: dict[str, Node] = {}
        at = self._skip(start + 1)
        if self.text[at : at + 1] != "}":
            while True:
                if self.text[at : at + 1] != '"':
                    raise self._unexpected(at, "double-quote to start field name")
                key, at = self._string(at)
                at = self._skip(at)
                if self.text[at : at + 1] != ":":
                    raise self._unexpected(at, "a colon to separate field name and value")
                members[key], at = self._value(self._skip(at + 1), depth + 1)
                at = self._skip(at)
                if self.text[at : at + 1] == "}":
                    break
                if self.text[at : at + 1] != ",":
                    raise self._unexpected(at, "comma to separate Object entries")
                at = self._skip(at + 1)
        return Object(members, start, at + 1), at + 1

    def _array(self, start: int, depth: int) -> tuple[Array, int]:
        items: list[Node] = []
        at = self._skip(start + 1)
        if self.text[at : at + 1] != "]":
            while True:
                item, at = self._value(at, depth + 1)
                items.append(item)
                at = self._skip(at)
                if self.text[at : at + 1] == "]":
                    break
                if self.text[at : at + 1] != ",":
                    raise self._unexpected(at, "comma to separate Array entries")
                at = self._skip(at + 1)
        return Array(items, start, at + 1), at + 1

    def _string(self, at: int) -> tuple[str, int]:
        found = _STRING.match(self.text, at)
        if found is None:
            raise self.error("Unexpected end-of-input in VALUE_STRING", len(self.text))
        text: str = json.loads(found.group())
        return text, found.end()

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return found.end() if found is not None else at

    def _unexpected(self, at: int, expected: str) -> SourceError:
        if at >= len(self.text):
            return self.error("Unexpected end-of-input", len(self.text))
        character = self.text[at]
        reason = f"Unexpected character ('{character}' (code {ord(character)})): was expecting {expected}"
        return self.error(reason, at)


def scalars(value: object) -> Iterator[Scalar]:
    """The scalars of a value of an event: itself, or those of a list, however nested; objects have none."""
    if isinstance(value, list):
        for item in value:
            yield from scalars(item)
    elif not isinstance(value, dict):
        yield value  # type: ignore[misc]
