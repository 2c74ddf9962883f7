"""A second reading of event patterns, made to be plain and not fast: the event is a list of facts.

A fact is the path to a scalar, the scalar, and which element of each list on the way it belongs to. A pattern matches
if a fact can be found for each of its leaves so that all of them agree about the elements.
"""

import fnmatch
import ipaddress
import re
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

Path = tuple[str, ...]


class Fact(NamedTuple):
    path: Path
    value: Any
    elements: dict[Path, int]


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    facts = list(_facts(event, (), {}))
    return any(_agree(leaves, facts) for leaves in _leaf_sets(pattern, ()))


def _facts(value: Any, path: Path, elements: dict[Path, int]) -> Iterator[Fact]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _facts(inner, (*path, key), elements)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            # Scalars of a list do not bind it: two leaves may be met by different ones.
            bound = {**elements, path: place} if isinstance(inner, dict) else elements
            yield from _facts(inner, path, bound)
    else:
        yield Fact(path, value, elements)


def _leaf_sets(pattern: dict[str, Any], path: Path) -> list[list[tuple[Path, list[Any]]]]:
    """Every choice of branches of `$or`, as the leaves that must all match."""
    sets: list[list[tuple[Path, list[Any]]]] = [[]]
    for key, value in pattern.items():
        if key == "$or":
            choices = [leaves for branch in value for leaves in _leaf_sets(branch, path)]
        elif isinstance(value, dict):
            choices = _leaf_sets(value, (*path, key))
        else:
            choices = [[((*path, key), value)]]
        sets = [one + other for one, other in product(sets, choices)]
    return sets


def _agree(leaves: list[tuple[Path, list[Any]]], facts: list[Fact]) -> bool:
    options: list[list[dict[Path, int]]] = []
    for path, alternatives in leaves:
        found = [fact.elements for fact in facts if fact.path == path and _any(alternatives, fact.value)]
        if {"exists": False} in alternatives and not any(fact.path == path for fact in facts):
            found.append({})
        options.append(found)
    for choice in product(*options):
        bound: dict[Path, int] = {}
        if all(bound.setdefault(path, place) == place for elements in choice for path, place in elements.items()):
            return True
    return False


def _any(alternatives: list[Any], value: Any) -> bool:
    return any(_test(alternative, value) for alternative in alternatives)


def _test(wanted: Any, value: Any) -> bool:
    if not isinstance(wanted, dict):
        return _same(wanted, value)
    ((name, operand),) = wanted.items()
    if name == "exists":
        return bool(operand)
    if name == "anything-but":
        if isinstance(operand, dict):
            ((inner, words),) = operand.items()
            return not _any([{inner: word} for word in (words if isinstance(words, list) else [words])], value)
        return not _any(operand if isinstance(operand, list) else [operand], value)
    if name == "numeric":
        signs = zip(operand[::2], operand[1::2], strict=True)
        return type(value) in (int, float) and all(_compare(sign, value, bound) for sign, bound in signs)
    if not isinstance(value, str):
        return False
    match name:
        case "prefix":
            return re.match(re.escape(operand), value) is not None
        case "suffix":
            return re.search(re.escape(operand) + r"\Z", value) is not None
        case "equals-ignore-case":
            return value.lower() == operand.lower()
        case "wildcard":
            return fnmatch.fnmatchcase(value, operand.replace("[", "[[]"))
        case _:
            return (
                ipaddress.ip_address(value) in ipaddress.ip_network(operand, strict=False) if _is_ip(value) else False
            )


def _same(wanted: Any, value: Any) -> bool:
    numbers = (int, float)
    if type(wanted) in numbers and type(value) in numbers:
        return bool(wanted == value)
    return type(wanted) is type(value) and bool(wanted == value)


def _compare(sign: str, value: float, bound: float) -> bool:
    return {"<": value < bound, "<=": value <= bound, ">": value > bound, ">=": value >= bound, "=": value == bound}[
        sign
    ]


def _is_ip(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True
