"""Which items a WHERE clause names by their keys, and what else it asks of them."""

from typing import NamedTuple

from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.partiql.statements import All, AnyOf, Comparison, Condition, PathOperand
from fogbank.services.dynamodb.values import Item, Value

_SORT_SIGNS = ("=", "<", "<=", ">", ">=", "BETWEEN", "begins_with")


class Wanted(NamedTuple):
    """The partitions that a query reads (None: all, by a scan), a range of the sort key, and the other conditions."""

    partitions: list[Value] | None
    sort: Comparison | None
    rest: list[Condition]


def item_key(where: Condition, keys: list[str]) -> tuple[Item, list[Condition]]:
    """The key of the one item that a write names, and the other conditions."""
    key: Item = {}
    rest = []
    for part in _parts(where):
        name = _attribute(part, ("=",))
        if name in keys and name not in key and isinstance(part, Comparison) and (values := part.constants()):
            key[name] = values[0]
        else:
            rest.append(part)
    if len(key) != len(keys):
        raise Validation("Where clause does not contain a mandatory equality on all key attributes")
    return key, rest


def wanted(where: Condition | None, keys: list[str]) -> Wanted:
    """What to read of a table or index with these keys."""
    partitions: list[Value] | None = None
    sort: Comparison | None = None
    rest: list[Condition] = []
    for part in _parts(where):
        choice = _one_of(part)
        if keys and partitions is None and choice is not None and _attribute(choice, ("=", "IN")) == keys[0]:
            partitions = _distinct(choice.constants() or [])
        elif sort is None and len(keys) > 1 and _attribute(part, _SORT_SIGNS) == keys[1]:
            assert isinstance(part, Comparison)
            sort = part
        else:
            rest.append(part)
    if partitions is None:
        return Wanted(None, None, [where] if where is not None else [])
    return Wanted(partitions, sort, rest)


def _parts(where: Condition | None) -> list[Condition]:
    if where is None:
        return []
    return where.parts if isinstance(where, All) else [where]


def _attribute(part: Condition, signs: tuple[str, ...]) -> str | None:
    """The top-level attribute that a condition with one of the signs compares with constants."""
    if not isinstance(part, Comparison) or part.sign not in signs or part.constants() is None:
        return None
    if not isinstance(part.left, PathOperand) or len(part.left.path) != 1:
        return None
    return str(part.left.path[0])


def _one_of(part: Condition) -> Comparison | None:
    """An equality or IN; alternatives of equalities with one attribute are an IN."""
    if isinstance(part, Comparison):
        return part
    if not isinstance(part, AnyOf):
        return None
    names = {_attribute(alternative, ("=",)) for alternative in part.parts}
    if len(names) != 1 or None in names:
        return None
    comparisons = [alternative for alternative in part.parts if isinstance(alternative, Comparison)]
    return Comparison(comparisons[0].left, "IN", [comparison.right[0] for comparison in comparisons])


def _distinct(values: list[Value]) -> list[Value]:
    found: list[Value] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found
