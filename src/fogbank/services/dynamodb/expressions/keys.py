"""Key condition expressions: one partition key, and a range of the sort key.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html
"""

from functools import lru_cache
from typing import NamedTuple

from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.expressions.bindings import Bindings
from fogbank.services.dynamodb.expressions.lexer import Reader
from fogbank.services.dynamodb.values import (
    BEHIND_COMPONENT,
    COMPONENT_END,
    Value,
    component_bytes,
    escaped_bytes,
    key_bytes,
    part_bytes,
)

_KIND = "KeyConditionExpression"


class KeyRange(NamedTuple):
    """The items wanted: the encoded partition key, and bounds of the encoded sort key (None: no bound)."""

    partition: bytes
    low: bytes | None = None
    high: bytes | None = None
    low_inclusive: bool = True
    high_inclusive: bool = True
    prefix: bytes | None = None

    @property
    def is_whole_partition(self) -> bool:
        return self.low is None and self.high is None and self.prefix is None

    def contains(self, sort: bytes) -> bool:
        if self.prefix is not None:
            return sort.startswith(self.prefix)
        if self.low is not None and (sort < self.low or (sort == self.low and not self.low_inclusive)):
            return False
        return not (self.high is not None and (sort > self.high or (sort == self.high and not self.high_inclusive)))


class _Comparison(NamedTuple):
    """A term as it is written: `#name` and `:value` may stand for what a request binds to them."""

    attribute: str
    sign: str
    values: tuple[str, ...]


class _Term(NamedTuple):
    attribute: str
    sign: str
    values: tuple[Value, ...]


def parse_key_condition(text: str, bindings: Bindings, *, schema: dict[str, str], partition_parts: int = 1) -> KeyRange:
    """`schema` maps the key attributes to their types; so many of them, the first, are the partition key."""
    names = list(schema)
    by_name: dict[str, _Term] = {}
    for comparison in _comparisons(text):
        term = _bound(comparison, bindings)
        if term.attribute in by_name:
            raise Validation(f"Invalid {_KIND}: {_KIND}s must only contain one condition per key")
        by_name[term.attribute] = term
    partition: list[Value] = []
    for name in names[:partition_parts]:
        if name not in by_name:
            raise Validation(f"Query condition missed key schema element: {name}")
        term = by_name.pop(name)
        if term.sign != "=":
            raise Validation("Query key condition not supported")
        _check_type(term, name, schema)
        partition.append(term.values[0])
    found = KeyRange(part_bytes(partition))
    if not by_name:
        return found
    sorts, terms = names[partition_parts:], []
    for name in sorts:
        if name not in by_name:
            break
        _check_type(by_name[name], name, schema)
        terms.append(by_name.pop(name))
    if by_name and len(terms) < len(sorts):
        raise Validation(f"Query condition missed key schema element: {sorts[len(terms)]}")
    if by_name or any(term.sign != "=" for term in terms[:-1]):
        raise Validation("Query key condition not supported")
    if len(sorts) == 1:
        return _bounds(found, terms[0])
    return _bounds_of_parts(found, b"".join(component_bytes(term.values[0]) for term in terms[:-1]), terms[-1])


def _check_type(term: _Term, name: str, schema: dict[str, str]) -> None:
    for value in term.values:
        if schema[name] not in value:
            raise Validation(
                "One or more parameter values were invalid: Condition parameter type does not match schema type"
            )
        if value[schema[name]] == "" and term.sign != "begins_with":
            raise Validation(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain "
                f"an empty {'string' if schema[name] == 'S' else 'binary'} value. Key: {name}"
            )


def _bounds(partition: KeyRange, term: _Term) -> KeyRange:
    first = key_bytes(term.values[0])
    match term.sign:
        case "=":
            return partition._replace(low=first, high=first)
        case "<" | "<=":
            return partition._replace(high=first, high_inclusive=term.sign == "<=")
        case ">" | ">=":
            return partition._replace(low=first, low_inclusive=term.sign == ">=")
        case "BETWEEN":
            _check_between(term)
            return partition._replace(low=first, high=key_bytes(term.values[1]))
        case _:
            return partition._replace(prefix=first)


def _bounds_of_parts(partition: KeyRange, before: bytes, term: _Term) -> KeyRange:
    """The same for one attribute of several: those before it are given, those behind it may be anything."""
    value = before + escaped_bytes(term.values[0])
    beginning, behind = value + COMPONENT_END, value + BEHIND_COMPONENT
    last = before.removesuffix(COMPONENT_END) + BEHIND_COMPONENT if before else None
    match term.sign:
        case "=":
            return partition._replace(prefix=beginning)
        case "<" | "<=":
            high = beginning if term.sign == "<" else behind
            return partition._replace(low=before, high=high, high_inclusive=False)
        case ">" | ">=":
            return partition._replace(low=behind if term.sign == ">" else beginning, high=last)
        case "BETWEEN":
            _check_between(term)
            return partition._replace(low=beginning, high=before + escaped_bytes(term.values[1]) + BEHIND_COMPONENT)
        case _:
            return partition._replace(prefix=value)


def _check_between(term: _Term) -> None:
    low, high = term.values
    if key_bytes(low) > key_bytes(high):
        raise Validation(
            f"Invalid {_KIND}: The BETWEEN operator requires upper bound to be greater than or equal to lower "
            f"bound; lower bound operand: AttributeValue: {_shown(low)}, upper bound operand: "
            f"AttributeValue: {_shown(high)}"
        )


def _shown(value: Value) -> str:
    ((kind, content),) = value.items()
    return f"{{{kind}:{content}}}"


@lru_cache(maxsize=2048)
def _comparisons(text: str) -> tuple[_Comparison, ...]:
    """What the expression says, whatever is bound to its placeholders; requests repeat their few expressions."""
    reader = Reader(text, _KIND)
    found = _read_comparisons(reader)
    while reader.peek().kind != "end":
        if reader.keyword() == "OR":
            raise Validation(f"Invalid operator used in {_KIND}: OR")
        reader.expect("AND")
        found += _read_comparisons(reader)
    return tuple(found)


def _bound(comparison: _Comparison, bindings: Bindings) -> _Term:
    name = bindings.name(comparison.attribute, _KIND)
    values = tuple(bindings.value(text, _KIND) for text in comparison.values)
    if comparison.sign == "begins_with" and next(iter(values[0])) not in ("S", "B"):
        raise Validation(
            f"Invalid {_KIND}: Incorrect operand type for operator or function; operator or function: begins_with, "
            f"operand type: {next(iter(values[0]))}"
        )
    return _Term(name, comparison.sign, values)


def _read_comparisons(reader: Reader) -> list[_Comparison]:
    if reader.peek().text == "(":
        reader.take()
        found = _read_comparisons(reader)
        while reader.accept("AND"):
            found += _read_comparisons(reader)
        reader.expect(")")
        return found
    if reader.peek().text == "begins_with" and reader.peek(1).text == "(":
        reader.take()
        reader.expect("(")
        name = _attribute(reader)
        reader.expect(",")
        value = _value(reader)
        reader.expect(")")
        return [_Comparison(name, "begins_with", (value,))]
    if reader.peek().kind == "value":
        value = _value(reader)
        sign = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}.get(reader.take().text)
        if sign is None:
            reader.step_back()
            raise reader.error()
        return [_Comparison(_attribute(reader), sign, (value,))]
    if reader.keyword() == "NOT":
        raise Validation(f"Invalid operator used in {_KIND}: NOT")
    name = _attribute(reader)
    sign = reader.take().text.upper()
    if sign == "BETWEEN":
        low = _value(reader)
        reader.expect("AND")
        return [_Comparison(name, sign, (low, _value(reader)))]
    if sign in ("<>", "IN"):
        raise Validation(f"Invalid operator used in {_KIND}: {sign}")
    if sign not in ("=", "<", "<=", ">", ">="):
        reader.step_back()
        raise reader.error()
    return [_Comparison(name, sign, (_value(reader),))]


def _attribute(reader: Reader) -> str:
    token = reader.take()
    if token.kind != "name":
        reader.step_back()
        raise reader.error()
    if reader.peek().text in (".", "["):
        raise Validation(f"Invalid {_KIND}: {_KIND}s cannot have conditions on nested attributes")
    return token.text


def _value(reader: Reader) -> str:
    token = reader.take()
    if token.kind == "name":
        raise Validation(
            f"Invalid {_KIND}: Invalid condition in {_KIND}: Multiple attribute names used in one condition"
        )
    if token.kind != "value":
        reader.step_back()
        raise reader.error()
    return token.text
