"""Patterns of names: a regular expression of the whole name, in time that is linear in the name.

AWS says that GetTables takes a regular expression, and its own clients send `orders*`, in which the asterisk is any
text, as Hive has it. Both are taken: an asterisk behind `.`, `)` or `]` repeats what it follows, any other is any text.
A pattern comes from outside and is tried on the loop that serves everybody, so all ways to match are followed at once:
the pattern becomes a graph of states, and each set of states that occurs is remembered with where a character leads.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from fogbank.services.glue.errors import InvalidInput

Matches = Callable[[str], bool]

STATES_MAX = 2_000  # A pattern has up to 2,048 characters; counts in it multiply.
_DEPTH_MAX = 50
_SET = re.compile(r"\\[dDwWsS]|\\[^A-Za-z0-9]|\[\^?\]?(?:\\.|[^\]\\\[&])*\]|[^\\\[\](){}|*+?^$]")
_COUNT = re.compile(r"\{(\d{1,3})(?:(,)(\d{1,3})?)?\}")
_SIGNS = {"?": (0, 1), "+": (1, None), "*": (0, None)}


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


_Node = _Characters | _Sequence | _Choice | _Repeated
_ANY = _Characters(re.compile(".", re.DOTALL))


def compile_name_pattern(text: str) -> Matches:
    """What tells whether a name matches. Raises InvalidInput."""
    reader = _Reader(text)
    whole = reader.choices(depth=0)
    if reader.at < len(text):
        raise reader.refused()
    try:
        return _Graph(whole).matches
    except _TooLarge:
        raise reader.refused() from None


class _Reader:
    """The pattern's grammar. What Java has beside it (flags, groups with names, looking around) is refused."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0

    def choices(self, depth: int) -> _Node:
        if depth > _DEPTH_MAX:
            raise self.refused()
        among: list[_Node] = [self._sequence(depth)]
        while self._take("|"):
            among.append(self._sequence(depth))
        return _Choice(among)

    def _sequence(self, depth: int) -> _Node:
        parts: list[_Node] = []
        while self.at < len(self._text) and self._text[self.at] not in "|)":
            if self._take("^") or self._take("$"):  # The whole name is matched anyway.
                continue
            parts.append(self._repeated(depth))
        return _Sequence(parts)

    def _repeated(self, depth: int) -> _Node:
        if self._take("*"):  # As Hive has it.
            return _Repeated(_ANY, 0, None)
        atom = self._atom(depth)
        if counted := _COUNT.match(self._text, self.at):
            self.at = counted.end()
            least = int(counted[1])
            most = (int(counted[3]) if counted[3] else None) if counted[2] else least
            if most is not None and most < least:
                raise self.refused()
            return _Repeated(atom, least, most)
        for sign, (least, most) in _SIGNS.items():
            if (sign != "*" or self._text[self.at - 1] in ".)]") and self._take(sign):
                return _Repeated(atom, least, most)
        return atom

    def _atom(self, depth: int) -> _Node:
        if not self._text.startswith("(?", self.at) and self._take("("):
            inner = self.choices(depth + 1)
            if not self._take(")"):
                raise self.refused()
            return inner
        found = _SET.match(self._text, self.at)
        if found is None:
            raise self.refused()
        self.at = found.end()
        try:
            # Java's sets may be in each other, which is refused; all others are the same in both.
            return _Characters(re.compile(found[0], re.DOTALL))
        except re.error:
            raise self.refused() from None

    def _take(self, character: str) -> bool:
        taken = self._text.startswith(character, self.at)
        self.at += taken
        return taken

    def refused(self) -> InvalidInput:
        # AWS's sentence is not recorded.
        return InvalidInput(f"The expression {self._text} is not a pattern that can be matched.")


class _TooLarge(Exception):
    """The graph has too many states."""


class _Graph:
    """Free edges are taken without a character; every state has at most one other edge."""

    def __init__(self, whole: _Node) -> None:
        self._free: list[list[int]] = []
        self._edges: dict[int, tuple[re.Pattern[str], int]] = {}
        self._seen: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        begin = self._state()
        self._end = self._build(whole, begin)
        self._begin = self._reached({begin})

    def matches(self, name: str) -> bool:
        states = self._begin
        for character in name:
            following = self._seen.get((states, character))
            if following is None:
                edges = [self._edges[state] for state in states if state in self._edges]
                following = self._reached({to for characters, to in edges if characters.fullmatch(character)})
                self._seen[states, character] = following
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
                self._edges[self._state_behind(begin)] = one_of, end
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
            raise _TooLarge
        self._free.append([])
        return len(self._free) - 1
