"""What a parsed expression consists of. Nodes keep the token that they began with where an error may name its place."""

from typing import NamedTuple, Union

from fogbank.services.s3.select.lexer import Token


class Name(NamedTuple):
    """A step of a path by name; names in quotes are case-sensitive."""

    text: str
    exact: bool
    token: Token


class Index(NamedTuple):
    """A step of a path by position in an array."""

    at: int


class Wild(NamedTuple):
    """A step of a path to everything: `[*]` in an array, `.*` in an object."""

    fields: bool


Step = Name | Index | Wild


class Path(NamedTuple):
    steps: tuple[Step, ...]


class Literal(NamedTuple):
    """`kind` is string, int, decimal, float, bool, timestamp, null or missing; all texts but a string's are checked."""

    kind: str
    text: str


class Unary(NamedTuple):
    """`NOT` and `-`."""

    operator: str
    operand: "Expression"


class Logic(NamedTuple):
    """`AND` and `OR` of two operands or more."""

    operator: str
    operands: "tuple[Expression, ...]"


class Binary(NamedTuple):
    """Arithmetic, comparison and `||`."""

    operator: str
    left: "Expression"
    right: "Expression"
    token: Token


class In(NamedTuple):
    operand: "Expression"
    options: "tuple[Expression, ...]"
    token: Token


class Is(NamedTuple):
    """`IS NULL` and `IS MISSING`."""

    operand: "Expression"
    what: str


class Like(NamedTuple):
    operand: "Expression"
    pattern: "Expression"
    escape: "Expression | None"


class Cast(NamedTuple):
    operand: "Expression"
    type: str
    parameters: tuple[int, ...]
    token: Token


class Case(NamedTuple):
    """Both forms: the simple one is written as comparisons with its operand."""

    whens: "tuple[tuple[Expression, Expression], ...]"
    otherwise: "Expression | None"


class Call(NamedTuple):
    """A function; `word` is its keyword where it has one: a date part, or the side of TRIM."""

    function: str
    arguments: "tuple[Expression, ...]"
    token: Token
    word: str = ""


class Aggregate(NamedTuple):
    """`argument` is None for `COUNT(*)`."""

    function: str
    argument: "Expression | None"
    token: Token


Expression = Union[Path, Literal, Unary, Logic, Binary, In, Is, Like, Cast, Case, Call, Aggregate]  # noqa: UP007


class Item(NamedTuple):
    """One projection of the SELECT list."""

    expression: Expression
    alias: str | None


class Select(NamedTuple):
    """`items` is empty for `SELECT *`. `source` is the path behind `S3Object`."""

    items: tuple[Item, ...]
    source: tuple[Step, ...]
    alias: str | None
    where: Expression | None
    limit: int | None
