"""JSONPath, as mapping templates and parameter mappings have it.

https://goessner.net/articles/JsonPath/: members, indices, slices, wildcards, unions and descent. A path that can mean
one place gives its value, or None; one that can mean several gives a list. Filters and scripts are not there.
"""

import re
from functools import lru_cache
from typing import Any, NamedTuple

_MEMBER = re.compile(r"\.\.?(?:(?P<name>[^.\[\]\s()]+))")
_BRACKET = re.compile(r"\[\s*((?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\]'\"])+)\s*\]")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
_PARTS = re.compile(r"\s*('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^,]+?)\s*(?:,|\Z)")
_SLICE = re.compile(r"(-?\d+)?:(-?\d+)?(?::(-?\d+))?")
_INDEX = re.compile(r"-?\d+")


class _Step(NamedTuple):
    descend: bool
    selectors: tuple[str | int | slice | None, ...]
    """None stands for all."""

    @property
    def single(self) -> bool:
        return not self.descend and len(self.selectors) == 1 and isinstance(self.selectors[0], str | int)


def find(document: Any, path: str) -> Any:
    """Raises ValueError for what is no path."""
    steps = _parsed(path)
    found = [document]
    for step in steps:
        if step.descend:
            found = [inner for value in found for inner in _all_below(value)]
        found = [inner for value in found for selector in step.selectors for inner in _selected(value, selector)]
    if all(step.single for step in steps):
        return found[0] if found else None
    return found


@lru_cache(512)
def _parsed(path: str) -> tuple[_Step, ...]:
    path = path.strip()
    if not path.startswith("$"):
        path = f"$.{path}"
    steps: list[_Step] = []
    at = 1
    while at < len(path):
        descend = path.startswith("..", at)
        if (match := _BRACKET.match(path, at + 2 if descend else at)) is not None:
            selectors = tuple(_selector(part) for part in _PARTS.findall(match[1]))
        elif (match := _MEMBER.match(path, at)) is not None:
            selectors = (None if match["name"] == "*" else match["name"],)
        else:
            raise ValueError(f"this is no JSONPath that is understood: {path}")
        steps.append(_Step(descend, selectors))
        at = match.end()
    return tuple(steps)


def _selector(text: str) -> str | int | slice | None:
    if text == "*":
        return None
    if (quoted := _QUOTED.fullmatch(text)) is not None:
        inner = quoted[1] if quoted[1] is not None else quoted[2]
        return re.sub(r"\\(.)", r"\1", inner)
    if _INDEX.fullmatch(text):
        return int(text)
    if (cut := _SLICE.fullmatch(text)) is not None:
        return slice(*(int(part) if part else None for part in cut.groups()))
    if text.startswith(("?", "(")):
        raise ValueError(f"filters and scripts in JSONPath are not there: {text}")
    return text


def _selected(value: Any, selector: str | int | slice | None) -> list[Any]:
    if isinstance(value, dict):
        if selector is None:
            return list(value.values())
        return [value[selector]] if isinstance(selector, str) and selector in value else []
    if isinstance(value, list):
        if selector is None:
            return value
        if isinstance(selector, slice):
            return value[selector]
        if isinstance(selector, int) and -len(value) <= selector < len(value):
            return [value[selector]]
    return []


def _all_below(value: Any) -> list[Any]:
    found = [value]
    for each in found:
        if isinstance(each, dict):
            found += each.values()
        elif isinstance(each, list):
            found += each
    return found
