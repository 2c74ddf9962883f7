"""Projection expressions: the parts of an item that are returned.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ProjectionExpressions.html
"""

from collections.abc import Callable
from typing import Any

from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.expressions.bindings import Bindings, Path, lookup, path_text, read_path
from fogbank.services.dynamodb.expressions.lexer import Reader
from fogbank.services.dynamodb.values import Item, Value

Projection = Callable[[Item], Item]


def parse_projection(text: str, bindings: Bindings) -> Projection:
    """A function from an item to its projected part."""
    reader = Reader(text, "ProjectionExpression")
    paths = [read_path(reader, bindings)]
    while reader.accept(","):
        paths.append(read_path(reader, bindings))
    reader.end()
    check_overlaps(paths, "ProjectionExpression")
    return projection(paths)


def projection(paths: list[Path]) -> Projection:
    """A function from an item to what it has at these paths."""
    if all(len(path) == 1 for path in paths):
        names = [path[0] for path in paths if isinstance(path[0], str)]
        return lambda item: {name: item[name] for name in names if name in item}
    return lambda item: _project(item, paths)


def check_overlaps(paths: list[Path], kind: str) -> None:
    for i, one in enumerate(paths):
        for other in paths[i + 1 :]:
            short, long = sorted((one, other), key=len)
            if long[: len(short)] == short:
                raise Validation(
                    f"Invalid {kind}: Two document paths overlap with each other; must remove or rewrite one of "
                    f"these paths; path one: {path_text(one)}, path two: {path_text(other)}"
                )


def _project(item: Item, paths: list[Path]) -> Item:
    tree: dict[str | int, Any] = {}
    for path in paths:
        found = lookup(item, path)
        if found is None:
            continue
        node = tree
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1]] = _Leaf(found)
    return {str(name): _build(node) for name, node in tree.items()}


class _Leaf:
    """A found value, told apart from the steps that lead to it."""

    def __init__(self, value: Value) -> None:
        self.value = value


def _build(node: Any) -> Value:
    """A tree of steps as a value: its keys are all names (a map) or all indexes (a list, closed up)."""
    if isinstance(node, _Leaf):
        return node.value
    if all(isinstance(step, int) for step in node):
        return {"L": [_build(node[step]) for step in sorted(node)]}
    return {"M": {step: _build(part) for step, part in node.items()}}
