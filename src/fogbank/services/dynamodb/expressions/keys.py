"""Key condition expressions: one partition key, and a range of the sort key.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html
"""

from typing import NamedTuple

from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.expressions.bindings import Bindings, read_path
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

    def contains(self, sort: bytes) -> bool:
        if self.prefix is not None:
            return sort.startswith(self.prefix)
        if self.low is not None and (sort < self.low or (sort == self.low and not self.low_inclusive)):
            return False
        return not (self.high is not None and (sort > self.high or (sort == self.high and not self.high_inclusive)))


class _Term(NamedTuple):
    attribute: str
    sign: str
    values: tuple[Value, ...]


def parse_key_condition(text: str, bindings: Bindings, *, schema: dict[str, str]) -> KeyRange:
    """`schema` maps the key attributes, partition key first, to their types."""
    reader = Reader(text, _KIND)
    terms = [*_term(reader, bindings)]
    while reader.peek().kind != "end":
        if reader.keyword() == "OR":
            raise Validation(f"Invalid operator used in {_KIND}: OR")
        reader.expect("AND")
        terms += _term(reader, bindings)
    names = list(schema)
    by_name: dict[str, _Term] = {}
    for term in terms:
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


def _term(reader: Reader, bindings: Bindings) -> list[_Term]:
    if reader.peek().text == "(":
        reader.take()
        terms = _term(reader, bindings)
        while reader.accept("AND"):
            terms += _term(reader, bindings)
        reader.expect(")")
        return terms
    if reader.peek().text == "begins_with" and reader.peek(1).text == "(":
        reader.take()
        reader.expect("(")
        name = _attribute(reader, bindings)
        reader.expect(",")
        value = _value(reader, bindings)
        reader.expect(")")
        if next(iter(value)) not in ("S", "B"):
            raise Validation(
                f"Invalid {_KIND}: Incorrect operand type for operator or function; operator or function: begins_with, "
                f"operand type: {next(iter(value))}"
            )
        return [_Term(name, "begins_with", (value,))]
    if reader.peek().kind == "value":
        value = _value(reader, bindings)
        sign = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}.get(reader.take().text)
        if sign is None:
            reader.step_back()
            raise reader.error()
        return [_Term(_attribute(reader, bindings), sign, (value,))]
    if reader.keyword() == "NOT":
        raise Validation(f"Invalid operator used in {_KIND}: NOT")
    name = _attribute(reader, bindings)
    sign = reader.take().text.upper()
    if sign == "BETWEEN":
        low = _value(reader, bindings)
        reader.expect("AND")
        return [_Term(name, sign, (low, _value(reader, bindings)))]
    if sign in ("<>", "IN"):
        raise Validation(f"Invalid operator used in {_KIND}: {sign}")
    if sign not in ("=", "<", "<=", ">", ">="):
        reader.step_back()
        raise reader.error()
    return [_Term(name, sign, (_value(reader, bindings),))]


def _attribute(reader: Reader, bindings: Bindings) -> str:
    path = read_path(reader, bindings)
    if len(path) != 1 or not isinstance(path[0], str):
        raise Validation(f"Invalid {_KIND}: {_KIND}s cannot have conditions on nested attributes")
    return path[0]


def _value(reader: Reader, bindings: Bindings) -> Value:
    token = reader.take()
    if token.kind != "value":
        reader.step_back()
        raise reader.error()
    return bindings.value(token.text, _KIND)
