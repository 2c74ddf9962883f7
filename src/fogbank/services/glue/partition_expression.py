"""The expressions with which GetPartitions filters: conditions of SQL on a table's partition keys.

https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html
Values of partitions are texts, and are compared as the key's type says. An expression that cannot be read is the
caller's mistake; a partition whose value is not of its key's type makes the filter fail (`InvalidStateException`).
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from fogbank.core.policy_patterns import glob
from fogbank.services.glue.errors import InvalidInput, InvalidState

Test = Callable[[Sequence[str]], bool]

_DEPTH_MAX = 100
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^']|'')*')
      | (?P<number>-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<name>[A-Za-z_][\w$]*|`[^`]+`|"[^"]+")
      | (?P<sign><>|!=|<=|>=|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE,
)
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_WORDS = frozenset(("AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS", "NULL"))


class _Kind(NamedTuple):
    """How values of a type are read; `noun` and `title` are what AWS calls them in its sentences."""

    read: Callable[[str], Any]
    noun: str
    title: str


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError(text)
    return value


def _timestamp(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


_TEXT = _Kind(str, "a string", "String")
_INTEGRAL = _Kind(int, "an integer", "Integral")
_DECIMAL = _Kind(_decimal, "a decimal", "Decimal")
_DATE = _Kind(date.fromisoformat, "a date", "Date")
_TIMESTAMP = _Kind(_timestamp, "a timestamp", "Timestamp")
_KINDS = {
    **dict.fromkeys(("string", "char", "varchar"), _TEXT),
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint", "long"), _INTEGRAL),
    "decimal": _DECIMAL,
    "date": _DATE,
    "timestamp": _TIMESTAMP,
}


class _Key(NamedTuple):
    """A partition key: where its value stands among those of a partition, and what it is."""

    position: int
    kind: _Kind


class _Literal(NamedTuple):
    text: str
    quoted: bool = False


def compile_expression(text: str, partition_keys: Sequence[Mapping[str, Any]]) -> Test:
    """What tells whether the values of a partition satisfy the expression. Raises InvalidInput; the test raises
    InvalidState.
    """
    reader = _Reader(_tokens(text), partition_keys)
    test = reader.any_of(depth=0)
    if reader.peek() is not None:
        raise _invalid()
    return test


def _tokens(text: str) -> list[str]:
    """The tokens; literals that are texts keep their quotes. Brackets around a single operand are left out."""
    tokens: list[str] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if found is None:
            raise _invalid()
        position = found.end()
        token = found[0].strip()
        if found["name"] and token.upper() in _WORDS:
            token = token.upper()
        if token == ")" and tokens[-2:-1] == ["("] and tokens[-3:-2] != ["IN"] and _is_operand(tokens[-1]):
            tokens[-2:] = tokens[-1:]
        else:
            tokens.append(token)
    return tokens


def _is_operand(token: str) -> bool:
    return token not in _WORDS and token not in _COMPARISONS and token not in ("(", ")", ",")


class _Reader:
    def __init__(self, tokens: list[str], partition_keys: Sequence[Mapping[str, Any]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._keys = {key["Name"].lower(): (number, key) for number, key in enumerate(partition_keys)}

    def peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def any_of(self, depth: int) -> Test:
        tests = [self._all_of(depth)]
        while self._take("OR"):
            tests.append(self._all_of(depth))
        return tests[0] if len(tests) == 1 else lambda values: any(test(values) for test in tests)

    def _all_of(self, depth: int) -> Test:
        tests = [self._condition(depth)]
        while self._take("AND"):
            tests.append(self._condition(depth))
        return tests[0] if len(tests) == 1 else lambda values: all(test(values) for test in tests)

    def _condition(self, depth: int) -> Test:
        if depth > _DEPTH_MAX:
            raise _invalid()
        negated = False
        while self._take("NOT"):
            negated = not negated
        if self._take("("):
            test = self.any_of(depth + 1)
            self._expect(")")
        else:
            test = self._predicate()
        return _negated(test) if negated else test

    def _predicate(self) -> Test:
        left = self._operand()
        word = self._next()
        if word in _COMPARISONS:
            right = self._operand()
            if isinstance(left, _Literal):
                left, right, word = right, left, _MIRRORED.get(word, word)
            return self._comparison(word, left, right)
        key = self._key_of(left)
        if word == "IS":
            # A partition has all of its values, and none of them is NULL.
            is_not = self._take("NOT")
            self._expect("NULL")
            return lambda values: is_not
        negated = word == "NOT"
        if negated:
            word = self._next()
        test = self._membership(word, key)
        return _negated(test) if negated else test

    def _comparison(self, sign: str, left: _Key | _Literal, right: _Key | _Literal) -> Test:
        compare, key = _COMPARISONS[sign], self._key_of(left)
        if isinstance(right, _Key):
            other = right
            return lambda values: compare(_value(key, values), _value(other, values))
        wanted = _constant(key, right)
        return lambda values: compare(_value(key, values), wanted)

    def _membership(self, word: str, key: _Key) -> Test:
        match word:
            case "IN":
                self._expect("(")
                among = [_constant(key, self._literal())]
                while self._take(","):
                    among.append(_constant(key, self._literal()))
                self._expect(")")
                return lambda values: _value(key, values) in among
            case "BETWEEN":
                least = _constant(key, self._literal())
                self._expect("AND")
                most = _constant(key, self._literal())
                return lambda values: least <= _value(key, values) <= most
            case "LIKE":
                if key.kind is not _TEXT:
                    raise InvalidInput(f"{key.kind.title} data type doesn't support operation 'LIKE'")
                like = _like(self._literal().text)
                return lambda values: like(values[key.position])
        raise _invalid()

    def _operand(self) -> _Key | _Literal:
        token = self._next()
        if token.startswith("'"):
            return _Literal(token[1:-1].replace("''", "'"), quoted=True)
        if token[0].isdigit() or token[0] in "-.":
            return _Literal(token)
        return self._key(token.strip('`"'))

    def _key(self, name: str) -> _Key:
        found = self._keys.get(name.lower())
        if found is None:
            raise _invalid()
        position, key = found
        type_name = key.get("Type", "")
        kind = _KINDS.get(type_name.partition("(")[0].strip().lower())
        if kind is None:
            raise InvalidInput(f"Unknown type : '{type_name}'")
        return _Key(position, kind)

    def _key_of(self, operand: _Key | _Literal) -> _Key:
        if isinstance(operand, _Literal):
            raise _invalid()
        return operand

    def _literal(self) -> _Literal:
        operand = self._operand()
        if isinstance(operand, _Key):
            raise _invalid()
        return operand

    def _next(self) -> str:
        token = self.peek()
        if token is None:
            raise _invalid()
        self._at += 1
        return token

    def _take(self, token: str) -> bool:
        taken = self.peek() == token
        self._at += taken
        return taken

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise _invalid()


def _constant(key: _Key, literal: _Literal) -> Any:
    if key.kind in (_DATE, _TIMESTAMP) and not literal.quoted:
        raise _invalid()  # 2026-01-01 is a subtraction.
    try:
        return key.kind.read(literal.text)
    except (ValueError, InvalidOperation):
        raise InvalidInput(_misfit(literal.text, key)) from None


def _value(key: _Key, values: Sequence[str]) -> Any:
    text = values[key.position]
    try:
        return key.kind.read(text)
    except (ValueError, InvalidOperation):
        raise InvalidState(_misfit(text, key)) from None


def _misfit(text: str, key: _Key) -> str:
    return f'For input string: "{text}" is not {key.kind.noun}.'


def _like(pattern: str) -> Callable[[str], bool]:
    """`%` is any text and `_` any character; a backslash takes their meaning away."""
    pieces = re.split(r"(\\[%_\\]|[%_])", pattern)
    wildcards = {"%": "*", "_": "?"}
    texts = [wildcards.get(piece) or _plain(piece.removeprefix("\\") if _escaped(piece) else piece) for piece in pieces]
    matches = glob("".join(texts), variables=True)
    return lambda text: matches(text, {})


def _escaped(piece: str) -> bool:
    return len(piece) == 2 and piece[0] == "\\" and piece[1] in "%_\\"


def _plain(text: str) -> str:
    """The text as the glob has it, in which some characters mean something."""
    return re.sub(r"[*?$]", lambda found: f"${{{found[0]}}}", text)


def _negated(test: Test) -> Test:
    return lambda values: not test(values)


def _invalid() -> InvalidInput:
    return InvalidInput("Invalid partition expression!")
