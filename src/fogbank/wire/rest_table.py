"""Which operation of a REST service a method, a path and a query mean.

A trie over the segments of the models' request URIs: a literal goes before a label (`{Bucket}`), a label
before a greedy one (`{Key+}`). Operations that share a path are told apart by the query keys in their URI
(`?uploads`), then by the query parameters and headers that they require (`partNumber`, `x-amz-copy-source`).
"""

from collections.abc import Mapping
from urllib.parse import unquote

from fogbank.wire.model import OperationModel, ServiceModel
from fogbank.wire.parse_form import pairs


class Candidate:
    """An operation at the end of a path."""

    __slots__ = ("deprecated", "headers", "literals", "name", "parameters")

    def __init__(self, service: ServiceModel, operation: OperationModel, query: str) -> None:
        self.name = operation.name
        self.deprecated = operation.deprecated
        self.literals = [
            (name, value if "=" in query else None)
            for name, value in (pairs(query) if query else [])
            if name != "x-id"  # tells operations apart in logs only
        ]
        required = service.shapes[operation.input.shape] if operation.input is not None else None
        refs = [] if required is None else [(name, required.members[name]) for name in required.required]
        self.parameters = [ref.location_name or name for name, ref in refs if ref.location == "querystring"]
        self.headers = [(ref.location_name or name).lower() for name, ref in refs if ref.location == "header"]

    def score(self, query: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, int, int, bool] | None:
        """How well a request fits; None if a part of the URI is absent."""
        for name, value in self.literals:
            if name not in query or (value and query[name] != value):
                return None
        if not self.parameters and not self.headers:
            return (len(self.literals), 0, 0, not self.deprecated)
        required = [name in query for name in self.parameters] + [name in headers for name in self.headers]
        return (len(self.literals), -required.count(False), len(required), not self.deprecated)


class _Node:
    __slots__ = ("greedy", "here", "label", "literals", "plain")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.label: _Node | None = None
        self.greedy: _Node | None = None
        self.here: dict[str, list[Candidate]] = {}
        self.plain: dict[str, list[Candidate]] = {}
        """Of those, the ones whose URI has no query."""


class RestTable:
    """The operations of one REST service by their URIs."""

    def __init__(self, service: ServiceModel) -> None:
        self._root = _Node()
        for operation in service.operations.values():
            path, _, query = operation.request_uri.partition("?")
            node = self._root
            for segment in _segments(path):
                node = _below(node, segment)
            candidate = Candidate(service, operation, query)
            node.here.setdefault(operation.method, []).append(candidate)
            if not candidate.literals:
                node.plain.setdefault(operation.method, []).append(candidate)

    def find(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> str | None:
        """The name of the operation, or None."""
        parsed: dict[str, str] | None = None
        for node in _walk(self._root, path.split("/")[1:], 0):
            candidates = (node.here if query else node.plain).get(method)
            if not candidates:
                continue
            if parsed is None:
                parsed = dict(pairs(query)) if query else {}
            best: tuple[tuple[int, int, int, bool], str] | None = None
            for candidate in candidates:
                score = candidate.score(parsed, headers)
                if score is not None and (best is None or score > best[0]):
                    best = (score, candidate.name)
            if best is not None:
                return best[1]
        return None


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _below(node: _Node, segment: str) -> _Node:
    if segment.endswith("+}"):
        node.greedy = node.greedy or _Node()
        return node.greedy
    if segment.startswith("{"):
        node.label = node.label or _Node()
        return node.label
    return node.literals.setdefault(segment, _Node())


def _walk(node: _Node, segments: list[str], at: int) -> "list[_Node]":
    """The ends of all ways through the trie, best first."""
    if at == len(segments) or (at == len(segments) - 1 and segments[at] == ""):
        return [node]
    ends: list[_Node] = []
    segment = segments[at]
    literal = node.literals.get(segment) or (node.literals.get(unquote(segment)) if "%" in segment else None)
    if literal is not None:
        ends += _walk(literal, segments, at + 1)
    if node.label is not None and segment:
        ends += _walk(node.label, segments, at + 1)
    if node.greedy is not None:
        ends += _behind_greedy(node.greedy, segments, at)
    return ends


def _behind_greedy(node: _Node, segments: list[str], at: int) -> list[_Node]:
    """A greedy label may have literals after it (`/tags/{arn+}/list`)."""
    ends: list[_Node] = []
    if node.literals:
        for end in range(at + 1, len(segments)):
            literal = node.literals.get(segments[end])
            if literal is not None:
                ends += _walk(literal, segments, end + 1)
    return [*ends, node]
