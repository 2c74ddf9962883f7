"""Which rules of a bus may match an event, without asking each of a thousand.

A rule that wants a field to be one of some texts can only match an event that has one of them there. Each rule is
entered under the texts of one such field, the one that sets it apart best; a rule without any is asked every time.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Path = tuple[str, ...]
# So few rules are asked faster than they are looked up.
FEW = 8


class RuleIndex(Generic[T]):
    """The rules of one bus, given with their event patterns as JSON texts."""

    def __init__(self, rules: Sequence[tuple[str, T]]) -> None:
        self.rules = [rule for _, rule in rules]
        self._always: list[int] = []
        self._by_text: dict[Path, dict[str, list[int]]] = {}
        fields = [dict(_exact_fields(json.loads(pattern))) for pattern, _ in rules] if len(rules) > FEW else []
        shared = Counter((path, text) for found in fields for path, texts in found.items() for text in texts)
        for position, found in enumerate(fields):
            if not found:
                self._always.append(position)
                continue
            path = min(found, key=lambda path: max(shared[path, text] for text in found[path]))
            for text in found[path]:
                self._by_text.setdefault(path, {}).setdefault(text, []).append(position)

    def candidates(self, event: Mapping[str, Any]) -> list[T]:
        """The rules that may match, in the order of the bus; every rule that does match is among them."""
        if len(self.rules) <= FEW:
            return self.rules
        positions = set(self._always)
        for path, by_text in self._by_text.items():
            for text in _texts(event, path):
                if text is None:
                    positions.update(*by_text.values())
                else:
                    positions.update(by_text.get(text, ()))
        return [self.rules[position] for position in sorted(positions)]


def _exact_fields(pattern: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, frozenset[str]]]:
    """The fields of a pattern that must be one of a list of texts. `$or` and dotted names are left to the pattern."""
    for key, wanted in pattern.items():
        if key == "$or" or "." in key:
            continue
        if isinstance(wanted, dict):
            yield from _exact_fields(wanted, (*above, key))
        elif all(isinstance(text, str) for text in wanted):
            yield (*above, key), frozenset(wanted)


def _texts(value: Any, path: Path) -> Iterator[str | None]:
    """The texts of an event under a path, through arrays; None where a dotted name may stand for a part of it."""
    if isinstance(value, list):
        for element in value:
            yield from _texts(element, path)
    elif not path:
        if isinstance(value, str):
            yield value
    elif isinstance(value, dict):
        if path[0] in value:
            yield from _texts(value[path[0]], path[1:])
        elif any("." in name for name in value):
            yield None
