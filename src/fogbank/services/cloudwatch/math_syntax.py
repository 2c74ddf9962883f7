"""The syntax of metric math: from text to a tree.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import re

import msgspec

from fogbank.core.errors import NotImplementedInFogbank

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^<>(),\[\]]))"
)
_QUERY = re.compile(r"\s*SELECT\s", re.IGNORECASE)
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
DEPTH_MAX = 100


class InvalidExpression(Exception):
    """An expression that metric math does not have; the text says what is wrong with it."""


class Number(msgspec.Struct, tag=True, frozen=True):
    value: float


class Text(msgspec.Struct, tag=True, frozen=True):
    value: str


class Name(msgspec.Struct, tag=True, frozen=True):
    """The id of a query, or a keyword such as REPEAT or DESC."""

    value: str


class Series(msgspec.Struct, tag=True, frozen=True):
    """`[m1, m2]`."""

    items: "tuple[Node, ...]"


class Call(msgspec.Struct, tag=True, frozen=True):
    function: str
    arguments: "tuple[Node, ...]"


class Negation(msgspec.Struct, tag=True, frozen=True):
    operand: "Node"


class Operation(msgspec.Struct, tag=True, frozen=True):
    sign: str
    left: "Node"
    right: "Node"


Node = Number | Text | Name | Series | Call | Negation | Operation


def parse(expression: str) -> Node:
    if _QUERY.match(expression):
        raise NotImplementedInFogbank("Fogbank's CloudWatch does not implement queries of Metrics Insights (SELECT).")
    parser = _Parser(_tokens(expression))
    tree = parser.either(0)
    if parser.peek() != ("end", ""):
        raise InvalidExpression("Invalid syntax")
    return tree


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            raise InvalidExpression("Invalid syntax")
        kind, value = found.lastgroup, found[found.lastgroup]
        if kind == "name" and value in ("AND", "OR"):
            kind, value = "sign", {"AND": "&&", "OR": "||"}[value]
        tokens.append(("text" if kind in ("single", "double") else kind, value))
        position = found.end()
    return tokens


class _Parser:
    """One method per level of precedence, from the loosest."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def either(self, depth: int) -> Node:
        if depth > DEPTH_MAX:
            raise InvalidExpression("The expression is nested too deeply")
        node = self._both(depth)
        while self._take("||"):
            node = Operation("||", node, self._both(depth))
        return node

    def _take(self, *signs: str) -> str:
        kind, value = self.peek()
        if kind == "sign" and value in signs:
            self._at += 1
            return value
        return ""

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise InvalidExpression("Invalid syntax")

    def _both(self, depth: int) -> Node:
        node = self._comparison(depth)
        while self._take("&&"):
            node = Operation("&&", node, self._comparison(depth))
        return node

    def _comparison(self, depth: int) -> Node:
        node = self._sum(depth)
        while sign := self._take(*_COMPARISONS):
            node = Operation(sign, node, self._sum(depth))
        return node

    def _sum(self, depth: int) -> Node:
        node = self._product(depth)
        while sign := self._take("+", "-"):
            node = Operation(sign, node, self._product(depth))
        return node

    def _product(self, depth: int) -> Node:
        node = self._signed(depth)
        while sign := self._take("*", "/"):
            node = Operation(sign, node, self._signed(depth))
        return node

    def _signed(self, depth: int) -> Node:
        if depth > DEPTH_MAX:
            raise InvalidExpression("The expression is nested too deeply")
        if self._take("-"):
            return Negation(self._signed(depth + 1))
        base = self._atom(depth)
        return Operation("^", base, self._signed(depth + 1)) if self._take("^") else base

    def _atom(self, depth: int) -> Node:
        kind, value = self.peek()
        self._at += 1
        match kind:
            case "number":
                return Number(float(value))
            case "text":
                return Text(value)
            case "name":
                return Call(value, self._list(")", depth)) if self._take("(") else Name(value)
        if value == "(":
            inner = self.either(depth + 1)
            self._expect(")")
            return inner
        if value == "[":
            return Series(self._list("]", depth))
        raise InvalidExpression("Invalid syntax")

    def _list(self, end: str, depth: int) -> tuple[Node, ...]:
        if self._take(end):
            return ()
        items = [self.either(depth + 1)]
        while self._take(","):
            items.append(self.either(depth + 1))
        self._expect(end)
        return tuple(items)
