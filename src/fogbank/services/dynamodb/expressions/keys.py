"""Key condition expressions: one partition key, and a range of the sort key.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html
"""

from functools import lru_cache
from typing import NamedTuple

from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.expressions.bindings import Bindings
from fogbank.services.dynamodb.expressions.lexer import Reader
from fogbank.services.dynamodb.values import Value, key_bytes

_KIND = "KeyConditionExpression"


class KeyRange(NamedTuple):
    """The items wanted: the partition key's value, and bounds of the encoded sort key (None: no bound)."""

    partition: Value
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


def parse_key_condition(text: str, bindings: Bindings, *, schema: dict[str, str]) -> KeyRange:
    """`schema` maps the key attributes, partition key first, to their types."""
    names = list(schema)
    by_name: dict[str, _Term] = {}
    for comparison in _comparisons(text):
        term = _bound(comparison, bindings)
        if term.attribute in by_name:
            raise Validation(f"Invalid {_KIND}: {_KIND}s must only contain one condition per key")
        by_name[term.attribute] = term
    partition = by_name.pop(names[0], None)
    if partition is None:
        raise Validation(f"Query condition missed key schema element: {names[0]}")
    if partition.sign != "=":
        raise Validation("Query key condition not supported")
    _check_type(partition, names[0], schema)
    if not by_name:
        return KeyRange(partition.values[0])
    if len(names) < 2 or names[1] not in by_name or len(by_name) > 1:
        missed = names[1] if len(names) > 1 and names[1] not in by_name else None
        raise Validation(
            f"Query condition missed key schema element: {missed}" if missed else "Query key condition not supported"
        )
    sort = by_name[names[1]]
    _check_type(sort, names[1], schema)
    return _bounds(partition.values[0], sort)


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


def _bounds(partition: Value, term: _Term) -> KeyRange:
    first = key_bytes(term.values[0])
    match term.sign:
        case "=":
            return KeyRange(partition, first, first)
        case "<" | "<=":
            return KeyRange(partition, high=first, high_inclusive=term.sign == "<=")
        case ">" | ">=":
            return KeyRange(partition, low=first, low_inclusive=term.sign == ">=")
        case "BETWEEN":
            last = key_bytes(term.values[1])
            if first > last:
                raise Validation(
                    f"Invalid {_KIND}: The BETWEEN operator requires upper bound to be greater than or equal to lower "
                    f"bound; lower bound operand: AttributeValue: {_shown(term.values[0])}, upper bound operand: "
                    f"AttributeValue: {_shown(term.values[1])}"
                )
            return KeyRange(partition, first, last)
        case _:
            return KeyRange(partition, prefix=first)


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
