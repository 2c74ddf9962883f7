"""What a parsed query consists of."""

from typing import Literal as OneOf
from typing import NamedTuple, Union

from fogbank.services.logs.insights.lexer import Token


class Field(NamedTuple):
    """A field by its name; the steps of the name are told apart where it is a path into a structure."""

    steps: tuple[str, ...]
    token: Token

    @property
    def name(self) -> str:
        return ".".join(self.steps)


class Text(NamedTuple):
    value: str


class Number(NamedTuple):
    value: float


class Period(NamedTuple):
    """A time span: so many of a unit, `ms` to `w` in milliseconds, or months."""

    length: int
    unit: OneOf["ms", "months"]


class Unary(NamedTuple):
    """`not` and `-`."""

    operator: str
    operand: "Expression"


class Logic(NamedTuple):
    """`and` and `or` of two operands or more."""

    operator: str
    operands: "tuple[Expression, ...]"


class Binary(NamedTuple):
    """Arithmetic and comparison."""

    operator: str
    left: "Expression"
    right: "Expression"


class Like(NamedTuple):
    """A part of a text: as it stands, or a regular expression."""

    operand: "Expression"
    pattern: str
    regex: bool


class In(NamedTuple):
    operand: "Expression"
    options: "tuple[Expression, ...]"


class Call(NamedTuple):
    """A function. `*` as the only argument is none."""

    function: str
    arguments: "tuple[Expression, ...]"
    token: Token


class Element(NamedTuple):
    """`list[0]` and `map["key"]`."""

    operand: "Expression"
    key: str | int


class Regex(NamedTuple):
    """A regular expression in RE2's notation, and where and how the query has it."""

    text: str
    groups: int
    written: str
    start: int
    end: int


Expression = Union[Field, Text, Number, Period, Unary, Logic, Binary, Like, In, Call, Element]  # noqa: UP007


class Item(NamedTuple):
    """An expression with the name that it gets: its alias, or else as it was written."""

    expression: Expression
    name: str
    aliased: bool
    token: Token


class Fields(NamedTuple):
    items: tuple[Item, ...]


class Display(NamedTuple):
    items: tuple[Item, ...]


class Filter(NamedTuple):
    condition: Expression


class Stats(NamedTuple):
    items: tuple[Item, ...]
    keys: tuple[Item, ...]


class SortKey(NamedTuple):
    expression: Expression
    descending: bool


class Sort(NamedTuple):
    keys: tuple[SortKey, ...]


class Limit(NamedTuple):
    rows: int


class Parse(NamedTuple):
    """The regular expression has as many groups as there are names."""

    source: Expression
    regex: str
    names: tuple[str, ...]
    token: Token


class Dedup(NamedTuple):
    fields: tuple[Field, ...]


class Unnest(NamedTuple):
    source: Expression
    name: str
    token: Token


class Source(NamedTuple):
    """`SOURCE logGroups(…)`: the groups to query; no prefixes are all names."""

    prefixes: tuple[str, ...]
    log_class: str
    accounts: tuple[str, ...]


Command = Union[Fields, Display, Filter, Stats, Sort, Limit, Parse, Dedup, Unnest]  # noqa: UP007


class Query(NamedTuple):
    commands: tuple[Command, ...]
    source: Source | None
    regexes: tuple[Regex, ...]
