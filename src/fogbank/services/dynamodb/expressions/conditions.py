"""Condition and filter expressions.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

import operator
from collections.abc import Callable
from typing import Any

from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.expressions.bindings import Bindings, lookup, read_path
from fogbank.services.dynamodb.expressions.lexer import Reader
from fogbank.services.dynamodb.values import SETS, TYPES, Item, Value, comparable, decode_binary, equal

Condition = Callable[[Item], bool]
Operand = Callable[[Item], Value | None]

_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FUNCTIONS = ("attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains")
_NESTING_MAX = 150
_IN_MAX = 100


def parse_condition(text: str, kind: str, bindings: Bindings) -> Condition:
    """A predicate over items; `kind` is `ConditionExpression` or `FilterExpression`."""
    reader = Reader(text, kind)
    condition = _or(reader, bindings)
    reader.end()
    return condition


def _or(reader: Reader, bindings: Bindings) -> Condition:
    left = _and(reader, bindings)
    while reader.accept("OR"):
        left = _either(left, _and(reader, bindings))
    return left


def _and(reader: Reader, bindings: Bindings) -> Condition:
    left = _not(reader, bindings)
    while reader.accept("AND"):
        left = _both(left, _not(reader, bindings))
    return left


def _either(a: Condition, b: Condition) -> Condition:
    return lambda item: a(item) or b(item)


def _both(a: Condition, b: Condition) -> Condition:
    return lambda item: a(item) and b(item)


def _not(reader: Reader, bindings: Bindings) -> Condition:
    reader.depth += 1
    if reader.depth > _NESTING_MAX:
        raise Validation(f"Invalid {reader.kind}: The expression has too many nested operators")
    try:
        if reader.accept("NOT"):
            inner = _not(reader, bindings)
            return lambda item: not inner(item)
        if reader.peek().text == "(":
            reader.take()
            inner = _or(reader, bindings)
            reader.expect(")")
            return inner
        return _comparison(reader, bindings)
    finally:
        reader.depth -= 1


def _comparison(reader: Reader, bindings: Bindings) -> Condition:
    token = reader.peek()
    if token.kind == "name" and reader.peek(1).text == "(" and token.text != "size":
        return _function(reader, bindings)
    left = read_operand(reader, bindings)
    sign = reader.take()
    if sign.text in ("=", "<>"):
        right = read_operand(reader, bindings)
        return _equality(left, right, wanted=sign.text == "=")
    if sign.text in _ORDERINGS:
        return _ordering(reader, sign.text, left, read_operand(reader, bindings))
    if sign.text.upper() == "BETWEEN":
        low = read_operand(reader, bindings)
        reader.expect("AND")
        high = read_operand(reader, bindings)
        return _both(_ordering(reader, ">=", left, low), _ordering(reader, "<=", left, high))
    if sign.text.upper() == "IN":
        return _in(reader, bindings, left)
    reader.step_back()
    raise reader.error()


def read_operand(reader: Reader, bindings: Bindings) -> Operand:
    token = reader.peek()
    if token.kind == "value":
        reader.take()
        value = bindings.value(token.text, reader.kind)
        return lambda item: value
    if token.text == "size" and reader.peek(1).text == "(":
        reader.take()
        reader.expect("(")
        path = read_path(reader, bindings)
        reader.expect(")")
        return lambda item: _size(lookup(item, path))
    path = read_path(reader, bindings)
    return lambda item: lookup(item, path)


def _size(value: Value | None) -> Value | None:
    if value is None:
        return None
    ((kind, content),) = value.items()
    if kind == "S":
        return {"N": str(len(content.encode()))}
    if kind == "B":
        return {"N": str(len(decode_binary(content)))}
    if kind in ("M", "L") or kind in SETS:
        return {"N": str(len(content))}
    return None


def _equality(left: Operand, right: Operand, *, wanted: bool) -> Condition:
    def test(item: Item) -> bool:
        a, b = left(item), right(item)
        if a is None or b is None:
            return False if wanted else (a is None) != (b is None)
        return equal(a, b) == wanted

    return test


def _ordering(reader: Reader, sign: str, left: Operand, right: Operand) -> Condition:
    compare = _ORDERINGS[sign]

    def test(item: Item) -> bool:
        a, b = left(item), right(item)
        if a is None or b is None or a.keys() != b.keys():
            return False
        x, y = comparable(a), comparable(b)
        return x is not None and compare(x, y)

    return test


def _in(reader: Reader, bindings: Bindings, left: Operand) -> Condition:
    reader.expect("(")
    choices = [read_operand(reader, bindings)]
    while reader.accept(","):
        choices.append(read_operand(reader, bindings))
    reader.expect(")")
    if len(choices) > _IN_MAX:
        raise Validation(
            f"Invalid {reader.kind}: The IN operator is provided with too many operands; "
            f"number of operands: {len(choices)}"
        )

    def test(item: Item) -> bool:
        value = left(item)
        if value is None:
            return False
        found = (choice(item) for choice in choices)
        return any(other is not None and equal(value, other) for other in found)

    return test


def _function(reader: Reader, bindings: Bindings) -> Condition:
    name = reader.take().text
    if name not in _FUNCTIONS:
        raise Validation(f"Invalid {reader.kind}: Invalid function name; function: {name}")
    reader.expect("(")
    if name in ("attribute_exists", "attribute_not_exists"):
        if reader.peek().kind == "value":
            raise Validation(
                f"Invalid {reader.kind}: Operator or function requires a document path; operator or function: {name}"
            )
        path = read_path(reader, bindings)
        reader.expect(")")
        wanted = name == "attribute_exists"
        return lambda item: (lookup(item, path) is not None) == wanted
    first = read_operand(reader, bindings)
    if not reader.accept(","):
        raise Validation(
            f"Invalid {reader.kind}: Incorrect number of operands for operator or function; operator or function: "
            f"{name}, number of operands: 1"
        )
    literal = reader.peek().kind == "value"
    second = read_operand(reader, bindings)
    reader.expect(")")
    if name == "attribute_type":
        return _attribute_type(reader, first, second)
    if name == "begins_with":
        if literal and next(iter(second({}) or {"?": 0})) not in ("S", "B"):
            kind = next(iter(second({}) or {"?": 0}))
            raise Validation(
                f"Invalid {reader.kind}: Incorrect operand type for operator or function; operator or function: "
                f"begins_with, operand type: {kind}"
            )
        return _begins_with(first, second)
    return _contains(first, second)


def _attribute_type(reader: Reader, first: Operand, second: Operand) -> Condition:
    wanted = (second({}) or {}).get("S")
    if wanted not in TYPES:
        raise Validation(
            f"Invalid {reader.kind}: Invalid attribute type name found; type: {wanted}, valid types: "
            "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}"
        )

    def test(item: Item) -> bool:
        value = first(item)
        return value is not None and wanted in value

    return test


def _begins_with(first: Operand, second: Operand) -> Condition:
    def test(item: Item) -> bool:
        a, b = first(item), second(item)
        if a is None or b is None or a.keys() != b.keys():
            return False
        x, y = comparable(a), comparable(b)
        return isinstance(x, bytes) and x.startswith(y)

    return test


def _contains(first: Operand, second: Operand) -> Condition:
    def test(item: Item) -> bool:
        a, b = first(item), second(item)
        if a is None or b is None:
            return False
        ((kind, content),) = a.items()
        ((wanted, part),) = b.items()
        if kind == "L":
            return any(equal(element, b) for element in content)
        if kind in SETS:
            return wanted == kind[0] and part in content
        if kind == wanted == "S":
            return part in content
        if kind == wanted == "B":
            return decode_binary(part) in decode_binary(content)
        return False

    return test
