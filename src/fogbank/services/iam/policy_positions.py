"""Where in a policy's text its statements are, as the policy simulator tells."""

import json
import re
from functools import lru_cache
from typing import Any, NamedTuple

_SPACE = re.compile(r"\s*")
_DECODER = json.JSONDecoder()


class Position(NamedTuple):
    """Both count from 1."""

    line: int
    column: int


class Span(NamedTuple):
    """Behind the opening and behind the closing brace: where IAM's parser is when it has read them."""

    start: Position
    end: Position


@lru_cache(64)
def statement_spans(text: str) -> list[Span]:
    """The places of the statements of a policy that is JSON."""
    at = _value_of("Statement", text)
    if at is None:
        return []
    if text[at] != "[":
        return [_span(text, at)]
    spans = []
    at = _after_space(text, at + 1)
    while text[at] != "]":
        spans.append(_span(text, at))
        at = _after_space(text, _decoded(text, at)[1])
        if text[at] == ",":
            at = _after_space(text, at + 1)
    return spans


def _value_of(wanted: str, text: str) -> int | None:
    """Where the value of a member of the outermost object begins."""
    at = _after_space(text, _after_space(text, 0) + 1)
    while text[at] != "}":
        name, at = _decoded(text, at)
        at = _after_space(text, _after_space(text, at) + 1)  # behind the colon
        if name == wanted:
            return at
        at = _after_space(text, _decoded(text, at)[1])
        if text[at] == ",":
            at = _after_space(text, at + 1)
    return None


def _decoded(text: str, at: int) -> tuple[Any, int]:
    return _DECODER.raw_decode(text, at)


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None  # It matches nothing, too.
    return found.end()


def _span(text: str, at: int) -> Span:
    return Span(_position(text, at + 1), _position(text, _decoded(text, at)[1]))


def _position(text: str, at: int) -> Position:
    line_start = text.rfind("\n", 0, at) + 1
    return Position(text.count("\n", 0, at) + 1, at - line_start + 1)
