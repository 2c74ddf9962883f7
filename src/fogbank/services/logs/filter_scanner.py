"""What the structured filter patterns share: a scanner over the pattern, and the conditions on one value.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import math
import operator
import re
from collections.abc import Callable
from typing import Any, NoReturn

from fogbank.services.logs.errors import InvalidParameter
from fogbank.services.logs.filter_regex import Search, compile_regex

Condition = Callable[[Any], bool]
"""Whether a value meets a condition. Values are strings, numbers and booleans."""

REGEX_MAX = 2  # regular expressions in one pattern
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PERCENT = re.compile(r"%([^%]*)%")
_BARE = re.compile(r"[^\s\"%()\[\]{},&|=<>!]+")
_OPERATORS = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}


def refuse() -> NoReturn:
    raise InvalidParameter("Invalid filter pattern")


class Scanner:
    """A position in a pattern. What does not fit is answered with AWS's one sentence."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.regexes = 0

    def space(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def done(self) -> bool:
        self.space()
        return self.at >= len(self.text)

    def take(self, literal: str) -> bool:
        """Go over `literal` (and the space before it) if it comes next."""
        self.space()
        if self.text.startswith(literal, self.at):
            self.at += len(literal)
            return True
        return False

    def expect(self, literal: str) -> None:
        if not self.take(literal):
            refuse()

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self.space()
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def regex(self) -> Search | None:
        found = self.match(_PERCENT)
        if found is None:
            return None
        self.regexes += 1
        if self.regexes > REGEX_MAX:
            refuse()
        return compile_regex(found[1])

    def condition(self) -> Condition:
        """A comparison: its operator and its operand."""
        sign = next((sign for sign in _OPERATORS if self.take(sign)), None)
        if sign is None:
            refuse()
        regex = self.regex()
        if regex is not None:
            return _equality(sign, lambda value: regex(_text(value)))
        quoted = self.match(_QUOTED)
        if quoted is not None:
            return _equality(sign, _like(re.sub(r"\\(.)", r"\1", quoted[1])))
        bare = self.match(_BARE)
        if bare is None:
            refuse()
        if _NUMBER.fullmatch(bare[0]):
            return _numeric(_OPERATORS[sign], float(bare[0]))
        return _equality(sign, _like(bare[0]))

    def any_of_all(self, one: Callable[[], Callable[[Any], bool]]) -> Callable[[Any], bool]:
        """`one || one && one`, with parentheses; && binds closer."""
        branches = [self._all_of(one)]
        while self.take("||"):
            branches.append(self._all_of(one))
        return branches[0] if len(branches) == 1 else lambda subject: any(branch(subject) for branch in branches)

    def _all_of(self, one: Callable[[], Callable[[Any], bool]]) -> Callable[[Any], bool]:
        parts = [self._part(one)]
        while self.take("&&"):
            parts.append(self._part(one))
        return parts[0] if len(parts) == 1 else lambda subject: all(part(subject) for part in parts)

    def _part(self, one: Callable[[], Callable[[Any], bool]]) -> Callable[[Any], bool]:
        if not self.take("("):
            return one()
        inner = self.any_of_all(one)
        self.expect(")")
        return inner


def _equality(sign: str, matches: Condition) -> Condition:
    match sign:
        case "=":
            return matches
        case "!=":
            return lambda value: not matches(value)
        case _:
            refuse()


def _like(text: str) -> Condition:
    """A string with `*` at its beginning or end standing for anything; within the string it is itself."""
    start, end = text.startswith("*"), len(text) > 1 and text.endswith("*")
    core = text[start : len(text) - end]
    if start and end:
        return lambda value: core in _text(value)
    if start:
        return lambda value: _text(value).endswith(core)
    if end:
        return lambda value: _text(value).startswith(core)
    return lambda value: _text(value) == core


def _numeric(compare: Callable[[float, float], bool], wanted: float) -> Condition:
    def matches(value: Any) -> bool:
        number = number_of(value)
        if number is None:
            return compare is operator.ne
        return compare(number, wanted)

    return matches


def number_of(value: Any) -> float | None:
    """The number that a value is, or is the text of; one that is too large is infinite."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
