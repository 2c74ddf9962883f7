"""A definition made ready to serve: which resource a path means, and what methods refer to."""

from typing import Any
from urllib.parse import unquote

from fogbank.services.apigateway.records import Definition, Document, Resource

PLANS_MAX = 256


class _Node:
    __slots__ = ("children", "greedy", "name", "resource", "variable")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.variable: _Node | None = None
        self.greedy: _Node | None = None
        self.name = ""
        """Of the path parameter that leads here."""
        self.resource: Resource | None = None


class Plan:
    def __init__(self, definition: Definition) -> None:
        self.settings = definition.settings
        self.models = {model.name: model.schema for model in definition.models}
        self.validators = {validator.id: validator for validator in definition.validators}
        self.gateway_responses = {response.type: response for response in definition.gateway_responses}
        self.authorizers = {authorizer.id: authorizer for authorizer in definition.authorizers}
        self.binary_types: list[str] = definition.settings.get("binaryMediaTypes") or []
        self.compiled: dict[str, Any] = {}
        """What is made of models when they are first needed."""
        self._root = _Node()
        for resource in definition.resources:
            self._add(resource)

    def _add(self, resource: Resource) -> None:
        node = self._root
        for part in resource.path.split("/")[1:]:
            if not part:
                continue
            if part.startswith("{"):
                name = part[1:-1]
                if name.endswith("+"):
                    node.greedy = node.greedy or _Node()
                    node = node.greedy
                else:
                    node.variable = node.variable or _Node()
                    node = node.variable
                node.name = name.removesuffix("+")
            else:
                node = node.children.setdefault(part, _Node())
        node.resource = resource

    def find(self, path: str, http_method: str) -> tuple[Resource, dict[str, str], Document] | None:
        """The resource, its path parameters and the method; the most specific resource that has the method."""
        segments = path.strip("/").split("/") if path.strip("/") else []
        for resource, values in _walk(self._root, segments, 0):
            method = resource.methods.get(http_method) or resource.methods.get("ANY")
            if method is not None:
                return resource, values, method
        return None


def _walk(node: _Node, segments: list[str], at: int) -> "list[tuple[Resource, dict[str, str]]]":
    """What the path may mean, best first: a literal part goes before a variable one, that before a greedy one."""
    if at == len(segments):
        return [(node.resource, {})] if node.resource is not None else []
    found = []
    segment = unquote(segments[at])
    child = node.children.get(segment)
    if child is not None:
        found += _walk(child, segments, at + 1)
    if node.variable is not None and segment:
        name = node.variable.name
        found += [(resource, {name: segment, **values}) for resource, values in _walk(node.variable, segments, at + 1)]
    if node.greedy is not None and node.greedy.resource is not None:
        # As recorded: what a greedy part holds is handed on as it was sent.
        found.append((node.greedy.resource, {node.greedy.name: "/".join(segments[at:])}))
    return found
