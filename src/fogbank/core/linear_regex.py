"""Regular expressions that come from outside, in time that is linear in the text, so that none can be slow.

Python's engine tries one way after the other, and an expression can have more ways than there is time; while it tries,
everybody waits. Here all ways are followed at once: an expression becomes a graph of states, and each set of states
that occurs is remembered with where a character leads. Taken is what Java's and Python's expressions have in common:
sets, groups, choices, repetitions, the flags i and s in front, and ^ and $ as the ends of the text. What cannot be
followed so (references, looking around, edges of words) is refused.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

Matches = Callable[[str], bool]

STATES_MAX = 2_000  # Counts multiply.
_SEEN_MAX = 1_000  # remembered sets of states, each with a character
_DEPTH_MAX = 50
_SET = re.compile(
    r"\\[dDwWsStnrf]|\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\[^A-Za-z0-9]|\[\^?\]?(?:\\.|[^\]\\\[&])*\]|[^\\\[(){|*+?^$]"
)
_COUNT = re.compile(r"\{(\d{1,3})(?:(,)(\d{1,3})?)?\}")
_FLAGS = re.compile(r"\(\?([is]+)\)")
_SIGNS = {"?": (0, 1), "+": (1, None), "*": (0, None)}
# The ends of a text stand before and behind it as if they were characters, which no set has.
_BEGIN, _END = "\0begin", "\0end"


class BadExpression(Exception):
    """The text is no expression, or one that cannot be followed in all ways at once."""


class _Characters(NamedTuple):
    one_of: re.Pattern[str]


class _Sequence(NamedTuple):
    parts: list["_Node"]


class _Choice(NamedTuple):
    among: list["_Node"]


class _Repeated(NamedTuple):
    """`most` is None if there is no limit."""

    what: "_Node"
    least: int
    most: int | None


class _Edge(NamedTuple):
    """An end of the text."""

    which: str


_Node = _Characters | _Edge | _Sequence | _Choice | _Repeated
_ANYTHING = _Repeated(_Choice([_Characters(re.compile(".", re.DOTALL)), _Edge(_BEGIN), _Edge(_END)]), 0, None)


@lru_cache(maxsize=500)
def whole_match(expression: str) -> Matches:
    """What tells whether the expression matches a text as a whole. Raises BadExpression."""
    begin, end = (_Repeated(_Edge(which), 0, 1) for which in (_BEGIN, _END))
    return _Graph(_Sequence([begin, _Reader(expression).whole(), end])).matches


@lru_cache(maxsize=500)
def search(expression: str) -> Matches:
    """What tells whether the expression occurs in a text. Raises BadExpression."""
    return _Graph(_Sequence([_ANYTHING, _Reader(expression).whole(), _ANYTHING])).matches


class _Reader:
    """The grammar."""

    def __init__(self, text: str) -> None:
        flags = _FLAGS.match(text)
        self._at = flags.end() if flags is not None else 0
        self._text = text
        self._flags = re.RegexFlag(0)
        for letter in flags[1] if flags is not None else "":
            self._flags |= re.IGNORECASE if letter == "i" else re.DOTALL

    def whole(self) -> "_Node":
        node = self._choices(depth=0)
        if self._at < len(self._text):
            raise self._refused()
        return node

    def _choices(self, depth: int) -> "_Node":
        if depth > _DEPTH_MAX:
            raise self._refused()
        among: list[_Node] = [self._sequence(depth)]
        while self._take("|"):
            among.append(self._sequence(depth))
        return _Choice(among)

    def _sequence(self, depth: int) -> "_Node":
        parts: list[_Node] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            parts.append(self._repeated(depth))
        return _Sequence(parts)

    def _repeated(self, depth: int) -> "_Node":
        atom = self._atom(depth)
        counts = self._counts()
        if counts is None:
            return atom
        self._take("?")  # A lazy one matches the same texts.
        return _Repeated(atom, *counts)

    def _counts(self) -> tuple[int, int | None] | None:
        if counted := _COUNT.match(self._text, self._at):
            self._at = counted.end()
            least = int(counted[1])
            most = (int(counted[3]) if counted[3] else None) if counted[2] else least
            if most is not None and most < least:
                raise self._refused()
            return least, most
        return next((counts for sign, counts in _SIGNS.items() if self._take(sign)), None)

    def _atom(self, depth: int) -> "_Node":
        if self._take("^"):
            return _Edge(_BEGIN)
        if self._take("$"):
            return _Edge(_END)
        if self._take("(?:") or (not self._text.startswith("(?", self._at) and self._take("(")):
            inner = self._choices(depth + 1)
            if not self._take(")"):
                raise self._refused()
            return inner
        found = _SET.match(self._text, self._at)
        if found is None:
            raise self._refused()
        self._at = found.end()
        try:
            # Java's sets may be in each other, which is refused; all others are the same in both.
            return _Characters(re.compile(found[0], self._flags))
        except re.error:
            raise self._refused() from None

    def _take(self, sign: str) -> bool:
        taken = self._text.startswith(sign, self._at)
        self._at += len(sign) if taken else 0
        return taken

    def _refused(self) -> BadExpression:
        return BadExpression(f"{self._text} is not an expression that can be followed in all ways at once")


class _Graph:
    """Free edges are taken without a character; every state has at most one other edge."""

    def __init__(self, whole: _Node) -> None:
        self._free: list[list[int]] = []
        self._edges: dict[int, tuple[Callable[[str], object], int]] = {}
        self._seen: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        begin = self._state()
        self._end = self._build(whole, begin)
        self._begin = self._reached({begin})

    def matches(self, text: str) -> bool:
        states = self._begin
        for character in (_BEGIN, *text, _END):
            following = self._seen.get((states, character))
            if following is None:
                edges = [self._edges[state] for state in states if state in self._edges]
                following = self._reached({to for takes, to in edges if takes(character)})
                if len(self._seen) >= _SEEN_MAX:
                    self._seen.clear()
                self._seen[states, character] = following
            if not following:
                return False
            states = following
        return self._end in states

    def _reached(self, states: set[int]) -> frozenset[int]:
        reached, waiting = set(states), list(states)
        while waiting:
            for state in self._free[waiting.pop()]:
                if state not in reached:
                    reached.add(state)
                    waiting.append(state)
        return frozenset(reached)

    def _build(self, node: _Node, begin: int) -> int:
        """Put the node behind the state `begin`; the state behind it."""
        match node:
            case _Characters(one_of):
                end = self._state()
                self._edges[self._state_behind(begin)] = one_of.fullmatch, end
            case _Edge(which):
                end = self._state()
                self._edges[self._state_behind(begin)] = which.__eq__, end
            case _Sequence(parts):
                end = begin
                for part in parts:
                    end = self._build(part, end)
            case _Choice(among):
                end = self._state()
                for choice in among:
                    self._free[self._build(choice, self._state_behind(begin))].append(end)
            case _Repeated(what, least, most):
                end = self._repeat(what, begin, least, most)
        return end

    def _repeat(self, what: _Node, begin: int, least: int, most: int | None) -> int:
        """Copies of the node one behind the other; the last one again and again if there is no limit."""
        end = self._state()
        last = begin
        for number in range(max(least, 1) if most is None else most):
            before = self._state_behind(last)
            if number >= least:
                self._free[before].append(end)
            last = self._build(what, before)
            if most is None and number == max(least, 1) - 1:
                self._free[last].append(before)
        self._free[last].append(end)
        return end

    def _state_behind(self, state: int) -> int:
        behind = self._state()
        self._free[state].append(behind)
        return behind

    def _state(self) -> int:
        if len(self._free) >= STATES_MAX:
            raise BadExpression(f"the expression needs more than {STATES_MAX} states")
        self._free.append([])
        return len(self._free) - 1
