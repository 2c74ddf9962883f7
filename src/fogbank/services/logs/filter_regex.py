"""Regular expressions of filter patterns, in time that is linear in the text, so that no pattern can be slow.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/regex-expressions.html
AWS takes letters, digits, the symbols `: _ # = @ / ; , -` and the operators `^ $ ? [ ] { } | \\ * + .`; there are no
groups. So an expression is a choice of sequences of character sets, each with a number of repetitions. Where Python's
search could try little more than one way at a time, it is used. Any other sequence is followed in all ways at once: bit
N of a number says that what was read so far may stand before place N.
"""

import math
import re
from collections.abc import Callable
from typing import NamedTuple

from fogbank.services.logs.errors import InvalidParameter

Search = Callable[[str], bool]

PLACES_MAX = 2000  # A pattern has up to 1,024 characters; counts in it multiply.
WAYS_MAX = 100  # that Python's search may try from one position

_ALLOWED = re.compile(r"[A-Za-z0-9:_#=@/;,\-^$?\[\]{}|\\*+.]+")
_BRACKETS = r"\[\^?\]?(?:\\.|[^\]\\])*\]"
_SET = re.compile(rf"\\[dDwWsS]|\\x[0-7][0-9A-Fa-f]|\\[^A-Za-z0-9]|{_BRACKETS}|[A-Za-z0-9:_#=@/;,\-.]")
_BRANCHES = re.compile(rf"\\.|{_BRACKETS}|\|")
_COUNT = re.compile(r"\{(\d{1,4})(?:(,)(\d{1,4})?)?\}")
_SIGNS = {"?": (0, 1), "*": (0, None), "+": (1, None)}


class Part(NamedTuple):
    """A set of characters and how often one of them comes; `most` is None if there is no limit."""

    characters: str
    least: int
    most: int | None


def compile_regex(text: str) -> Search:
    """What tells whether the expression occurs in a text. Raises InvalidParameter for what AWS does not take."""
    if _ALLOWED.fullmatch(text) is None:
        raise _refused()
    searches = [_branch(branch) for branch in _branches(text)]
    return searches[0] if len(searches) == 1 else lambda subject: any(search(subject) for search in searches)


def _branches(text: str) -> list[str]:
    """The choices, which `|` separates where it is neither escaped nor in a set."""
    branches, start = [], 0
    for found in _BRANCHES.finditer(text):
        if found[0] == "|":
            branches.append(text[start : found.start()])
            start = found.end()
    return [*branches, text[start:]]


def _branch(text: str) -> Search:
    from_start = text.startswith("^")
    to_end = text.endswith("$") and not text.endswith("\\$")
    parts = _parts(text[from_start : len(text) - to_end])
    if sum(part.least if part.most is None else part.most for part in parts) > PLACES_MAX:
        raise _refused()
    if math.prod(WAYS_MAX + 1 if part.most is None else part.most - part.least + 1 for part in parts) <= WAYS_MAX:
        regex = _compiled(text)
        return lambda subject: regex.search(subject) is not None
    return AllWays(parts, from_start=from_start, to_end=to_end).search


def _parts(text: str) -> list[Part]:
    parts = []
    position = 0
    while position < len(text):
        found = _SET.match(text, position)
        if found is None:
            raise _refused()
        position = found.end()
        least: int = 1
        most: int | None = 1
        if counted := _COUNT.match(text, position):
            position = counted.end()
            least = int(counted[1])
            most = (int(counted[3]) if counted[3] else None) if counted[2] else least
            if most is not None and most < least:
                raise _refused()
        elif text[position : position + 1] in _SIGNS:
            least, most = _SIGNS[text[position]]
            position += 1
        parts.append(Part(found[0], least, most))
    return parts


class AllWays:
    """A sequence that is followed in all ways at once."""

    def __init__(self, parts: list[Part], *, from_start: bool, to_end: bool) -> None:
        self._to_end = to_end
        self._sets: dict[str, tuple[Callable[[str], object], int]] = {}
        self._optional = self._repeated = 0
        place = 0
        for part in parts:
            single = part.most is None and not part.least
            count = 1 if single else part.least if part.most is None else part.most
            matches, places = self._sets.get(part.characters) or (_compiled(part.characters).fullmatch, 0)
            self._sets[part.characters] = matches, places | ((1 << count) - 1) << place
            self._optional |= ((1 << (count - part.least)) - 1) << (place + part.least)
            place += count
            if part.most is None:
                self._repeated |= 1 << (place - 1)
        self._done = 1 << place
        self._begin = self._passed_over(1)
        self._again = 0 if from_start else self._begin
        self._places_of: dict[str, int] = {}

    def search(self, subject: str) -> bool:
        if not self._to_end:
            return self._occurs(subject)
        return self._occurs(subject) or (subject.endswith("\n") and self._occurs(subject[:-1]))

    def _occurs(self, subject: str) -> bool:
        done, again, optional, repeated = self._done, self._again, self._optional, self._repeated
        early = 0 if self._to_end else done
        state = self._begin
        for character in subject:
            if state & early:
                return True
            places = self._places_of.get(character)
            if places is None:
                places = self._places(character)
            state &= places
            state = state << 1 | state & repeated
            state |= (optional + (state & optional)) ^ optional | again
            if not state:
                return False
        return bool(state & done)

    def _passed_over(self, state: int) -> int:
        """With the places behind optional ones: an addition carries a bit to the end of a run of ones."""
        return state | (self._optional + (state & self._optional)) ^ self._optional

    def _places(self, character: str) -> int:
        """The places that take the character. Sets name ASCII only, so that all others are alike."""
        alike = min(character, "\x80")
        places = 0
        for matches, its_places in self._sets.values():
            if matches(alike):
                places |= its_places
        self._places_of[character] = places
        return places


def _compiled(text: str) -> re.Pattern[str]:
    """In Python's notation, which is AWS's for what AWS takes."""
    try:
        return re.compile(text, re.ASCII)
    except re.error:
        raise _refused() from None


def _refused() -> InvalidParameter:
    return InvalidParameter("Invalid filter pattern")
