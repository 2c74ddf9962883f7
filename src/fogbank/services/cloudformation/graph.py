"""Which resource waits for which."""

from collections.abc import Iterator, Mapping
from typing import Any

from fogbank.services.cloudformation.errors import ValidationError
from fogbank.services.cloudformation.intrinsics import GET_ATT, SUB, Resolver, function_of

Graph = dict[str, frozenset[str]]


def build(resources: Mapping[str, Any], *, known: frozenset[str], resolver: Resolver) -> Graph:
    """Logical id -> the logical ids it needs. Only the taken branch of an Fn::If counts.

    `known` are all resources of the template, also those whose condition is false.
    """
    graph: Graph = {}
    for name, resource in resources.items():
        needs = set(references(resource.get("Properties") or {}, resolver))
        depends = resource.get("DependsOn") or []
        explicit = {depends} if isinstance(depends, str) else set(depends)
        missing = sorted(item for item in explicit | needs if item not in known and item not in resolver.names)
        if missing:
            raise ValidationError(
                "Template format error: Unresolved resource dependencies "
                f"[{', '.join(missing)}] in the Resources block of the template"
            )
        absent = sorted(needs & (known - resources.keys()))
        if absent:
            raise ValidationError(
                "Template format error: Unresolved resource dependencies "
                f"[{', '.join(absent)}] in the Resources block of the template"
            )
        graph[name] = frozenset((needs | explicit) & resources.keys())
    check_cycles(graph)
    return graph


def references(value: Any, resolver: Resolver | None) -> Iterator[str]:
    """The names that `value` refers to with Ref, Fn::GetAtt or Fn::Sub."""
    name = function_of(value)
    if name == "Ref":
        if not isinstance(value["Ref"], str):
            raise ValidationError("Template error: every Ref object must have a single String value.")
        if resolver is None or value["Ref"] not in resolver.names:
            yield str(value["Ref"])
    elif name == "Fn::GetAtt":
        path = value[name]
        if not path or not isinstance(path, (str, list)) or (isinstance(path, list) and not isinstance(path[0], str)):
            raise ValidationError(GET_ATT)
        yield str(path).split(".", 1)[0] if isinstance(path, str) else str(path[0])
    elif name == "Fn::Sub":
        yield from _sub_references(value[name], resolver)
    elif name == "Fn::If" and resolver is not None:
        branches = value[name]
        if isinstance(branches, list) and len(branches) == 3:
            yield from references(branches[1 if resolver.condition(str(branches[0])) else 2], resolver)
    elif isinstance(value, dict):
        for item in value.values():
            yield from references(item, resolver)
    elif isinstance(value, list):
        for item in value:
            yield from references(item, resolver)


def attribute_references(value: Any) -> Iterator[str]:
    """The resources whose attributes `value` uses with Fn::GetAtt or in a Fn::Sub."""
    name = function_of(value)
    if name == "Fn::Sub":
        text = value[name][0] if isinstance(value[name], list) else value[name]
        yield from (found.split(".", 1)[0].strip() for found in SUB.findall(str(text)) if "." in found)
        yield from attribute_references(value[name][1:] if isinstance(value[name], list) else [])
    elif name == "Fn::GetAtt":
        yield from references(value, None)
    elif isinstance(value, dict):
        for item in value.values():
            yield from attribute_references(item)
    elif isinstance(value, list):
        for item in value:
            yield from attribute_references(item)


def _sub_references(value: Any, resolver: Resolver | None) -> Iterator[str]:
    text, own = value if isinstance(value, list) and len(value) == 2 else (value, {})
    if isinstance(text, str) and isinstance(own, dict):
        for found in SUB.findall(text):
            name = found.strip()
            if name.startswith("!") or name in own or (resolver is not None and name in resolver.names):
                continue
            yield name.split(".", 1)[0]
        yield from references(list(own.values()), resolver)


def in_order(graph: Graph) -> list[str]:
    """The names, each after all that it needs."""
    left = dict(graph)
    found: list[str] = []
    while left:
        free = [name for name, needs in left.items() if not needs & left.keys()]
        if not free:
            break
        for name in free:
            del left[name]
        found += free
    return found


def check_cycles(graph: Graph) -> None:
    left = set(graph) - set(in_order(graph))
    if left:
        raise ValidationError(
            f"Circular dependency between resources: [{', '.join(name for name in graph if name in left)}]"
        )
