"""Literal values in statements, and the parameters that stand for them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.data-types.html
"""

from collections.abc import Sequence

from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.partiql.lexer import Reader, malformed
from fogbank.services.dynamodb.values import Item, Value, check

_CONSTANTS: dict[str, Value] = {"TRUE": {"BOOL": True}, "FALSE": {"BOOL": False}, "NULL": {"NULL": True}}
_SETS = {"S": "SS", "N": "NS", "B": "BS"}
_NESTING_MAX = 32


class Literals:
    """Reads the literals of one statement, and hands out its parameters in order."""

    def __init__(self, reader: Reader, parameters: Sequence[Value]) -> None:
        self._reader = reader
        self._parameters = parameters
        self._used = 0
        self._depth = 0

    def follow(self) -> bool:
        """Whether a literal comes next."""
        token = self._reader.peek()
        if token.kind == "sign":
            return token.text in ("?", "[", "{", "<<", "-", "+")
        return token.kind in ("string", "number") or (token.kind == "word" and token.text.upper() in _CONSTANTS)

    def read(self) -> Value:
        self._depth += 1
        if self._depth > _NESTING_MAX:
            raise Validation("Nesting Levels have exceeded supported limits")
        value = self._value()
        self._depth -= 1
        check(value)
        return value

    def finish(self) -> None:
        if self._used != len(self._parameters):
            raise _wrong_number()

    def _value(self) -> Value:
        reader = self._reader
        if reader.accept("?"):
            self._used += 1
            if self._used > len(self._parameters):
                raise _wrong_number()
            return self._parameters[self._used - 1]
        if reader.accept("["):
            return {"L": self._sequence("]")}
        if reader.accept("{"):
            return {"M": self._members()}
        if reader.accept("<<"):
            return _set_of(self._sequence(">>"))
        sign = "-" if reader.accept("-") else ""
        if not sign:
            reader.accept("+")
        token = reader.take()
        if token.kind == "number":
            return {"N": sign + token.text}
        if token.kind == "string" and not sign:
            return {"S": token.text}
        if token.kind == "word" and token.text.upper() in _CONSTANTS:
            return dict(_CONSTANTS[token.text.upper()])
        raise malformed(f"Unexpected token: {token.text}")

    def _sequence(self, closing: str) -> list[Value]:
        values: list[Value] = []
        while not self._reader.accept(closing):
            if values:
                self._reader.expect(",")
            values.append(self.read())
        return values

    def _members(self) -> Item:
        members: Item = {}
        while not self._reader.accept("}"):
            if members:
                self._reader.expect(",")
            name = self._reader.take()
            if name.kind not in ("string", "quoted"):
                raise malformed(f"Unexpected token: {name.text}")
            self._reader.expect(":")
            members[name.text] = self.read()
        return members


def _set_of(values: list[Value]) -> Value:
    kinds = {kind for value in values for kind in value}
    if len(kinds) != 1 or not kinds <= set(_SETS):
        raise malformed("A set consists of strings, of numbers or of binary values")
    kind = kinds.pop()
    return {_SETS[kind]: [value[kind] for value in values]}


def _wrong_number() -> Validation:
    return Validation("Number of parameters in request and statement don't match.")
