"""Texts with wildcards and policy variables.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

Context = Mapping[str, str | Sequence[str]]
"""Condition keys in lower case with their values."""
Pattern = Callable[[str, Context], bool]

_GLOBS_MAX = 4096
_VARIABLE = re.compile(r"\$\{([^},]+)(?:,\s*'([^']*)'\s*)?\}")  # Tags have names with spaces.
_NOT_LITERAL = re.compile(r"[*?$]")
_LITERALS = frozenset("*?$")


def listed(value: Any) -> list[Any]:
    """An element of a policy may be one thing or a list of such."""
    return value if isinstance(value, list) else [] if value is None else [value]


def texts(value: Any) -> list[str]:
    return [text for text in listed(value) if isinstance(text, str)]


def values_of(context: Context, key: str) -> Sequence[str] | None:
    value = context.get(key)
    return (value,) if isinstance(value, str) else value


def glob(pattern: str, *, variables: bool) -> Pattern:
    """`*` is any text and `?` any character. A variable's value stands for itself, whatever wildcards it has."""
    if variables and "${" in pattern:
        return lambda text, context: _matches(_segments(_pieces(pattern, context)), text)
    if pattern == "*":
        return lambda text, context: True
    if "*" not in pattern and "?" not in pattern:
        return lambda text, context: text == pattern
    if pattern.find("*") == len(pattern) - 1 and "?" not in pattern:  # The usual ones need no regular expression.
        prefix = pattern[:-1]
        return lambda text, context: text.startswith(prefix)
    segments = _known_segments(pattern)
    return lambda text, context: _matches(segments, text)


def literal_prefix(pattern: str) -> str:
    """What every text begins with that the pattern fits; a `$` may begin a variable."""
    return _NOT_LITERAL.split(pattern, maxsplit=1)[0]


def filled(text: str, context: Context) -> str | None:
    """The text with the values of its variables; None if one has none."""
    whole = ""
    for piece in _pieces(text, context):
        if piece is None:
            return None
        whole += piece.value if isinstance(piece, _Value) else piece
    return whole


class _Value(NamedTuple):
    """What stands for a variable."""

    value: str


def _pieces(pattern: str, context: Context) -> Iterator[str | _Value | None]:
    """Parts of the pattern, and between them the values of its variables, None for one that has none."""
    end = 0
    for match in _VARIABLE.finditer(pattern):
        yield pattern[end : match.start()]
        name, default = match[1].strip(), match[2]
        found = values_of(context, name.lower())
        if name in _LITERALS:
            yield _Value(name)
        elif found is not None and len(found) == 1:
            yield _Value(found[0])
        else:
            yield None if default is None else _Value(default)
        end = match.end()
    yield pattern[end:]


class _Segment(NamedTuple):
    """What lies between two asterisks: texts of one length. Looking for one behind the other takes time in proportion
    to the text, whatever somebody wrote into a policy; a regular expression of the whole could take for ever.
    """

    regex: re.Pattern[str]
    length: int


def _segments(pieces: Iterable[str | _Value | None]) -> list[_Segment] | None:
    sources, lengths = [""], [0]
    for piece in pieces:
        if piece is None:
            return None
        if isinstance(piece, _Value):
            sources[-1] += re.escape(piece.value)
            lengths[-1] += len(piece.value)
            continue
        for number, part in enumerate(piece.split("*")):
            if number:
                sources.append("")
                lengths.append(0)
            sources[-1] += "".join("." if char == "?" else re.escape(char) for char in part)
            lengths[-1] += len(part)
    return [_Segment(re.compile(source, re.DOTALL), length) for source, length in zip(sources, lengths, strict=True)]


@lru_cache(_GLOBS_MAX)
def _known_segments(pattern: str) -> list[_Segment] | None:
    return _segments((pattern,))


def _matches(segments: list[_Segment] | None, text: str) -> bool:
    if segments is None:
        return False
    head, *others = segments
    if not others:
        return head.regex.fullmatch(text) is not None
    end = head.length
    if head.regex.match(text) is None:
        return False
    for segment in others[:-1]:
        found = segment.regex.search(text, end)
        if found is None:
            return False
        end = found.end()
    tail = others[-1]
    start = len(text) - tail.length
    return start >= end and tail.regex.match(text, start) is not None
