"""Parsing statements, by hand: the grammar that DynamoDB takes is small.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.statements.html
"""

from collections.abc import Sequence

from fogbank.core.numerals import whole_number
from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.expressions.bindings import Path
from fogbank.services.dynamodb.partiql.lexer import Reader, malformed
from fogbank.services.dynamodb.partiql.literals import Literals
from fogbank.services.dynamodb.partiql.statements import (
    All,
    AnyOf,
    Appended,
    Assign,
    Change,
    ChangeSet,
    Comparison,
    Condition,
    Delete,
    Exists,
    Insert,
    Missing,
    Not,
    Operand,
    PathOperand,
    Remove,
    Select,
    SizeOperand,
    Statement,
    Sum,
    Term,
    Update,
    ValueOperand,
)
from fogbank.services.dynamodb.values import Value

_NESTING_MAX = 100
_SIGNS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_CALLS = ("BEGINS_WITH", "CONTAINS", "ATTRIBUTE_TYPE")
_RETURNS = {
    ("ALL", "OLD"): "ALL_OLD",
    ("ALL", "NEW"): "ALL_NEW",
    ("MODIFIED", "OLD"): "UPDATED_OLD",
    ("MODIFIED", "NEW"): "UPDATED_NEW",
}


def parse_statement(text: str, parameters: Sequence[Value]) -> Statement:
    """The statement, with the parameters in place of its question marks."""
    return _Parser(text, parameters).statement()


class _Parser:
    def __init__(self, text: str, parameters: Sequence[Value]) -> None:
        self._reader = Reader(text)
        self._literals = Literals(self._reader, parameters)
        self._depth = 0

    def statement(self) -> Statement:
        reader = self._reader
        statement: Statement
        if reader.accept("SELECT"):
            statement = self._select()
        elif reader.accept("INSERT", "INTO"):
            statement = self._insert()
        elif reader.accept("UPDATE"):
            statement = self._update()
        elif reader.accept("DELETE", "FROM"):
            statement = self._delete()
        elif reader.accept("EXISTS"):
            reader.expect("(", "SELECT")
            statement = Exists(self._select())
            reader.expect(")")
        else:
            raise reader.error()
        reader.accept(";")
        if reader.peek().kind != "end":
            raise reader.error()
        self._literals.finish()
        return statement

    # ---- statements ---------------------------------------------------------------------------------------------

    def _select(self) -> Select:
        reader = self._reader
        paths: list[Path] = []
        if not reader.accept("*"):
            paths.append(self._path())
            while reader.accept(","):
                paths.append(self._path())
        reader.expect("FROM")
        table = self._name()
        index = self._name() if reader.accept(".") else None
        where = self._condition() if reader.accept("WHERE") else None
        order: list[tuple[str, bool]] = []
        if reader.accept("ORDER", "BY"):
            if where is None:
                raise Validation("Must have WHERE clause in the statement when using ORDER BY clause.")
            order.append(self._ordering())
            while reader.accept(","):
                order.append(self._ordering())
        return Select(table, index, paths, where, order)

    def _ordering(self) -> tuple[str, bool]:
        name = self._name()
        if self._reader.accept("DESC"):
            return name, False
        self._reader.accept("ASC")
        return name, True

    def _insert(self) -> Insert:
        table = self._name()
        self._reader.expect("VALUE")
        value = self._literals.read()
        if "M" not in value:
            raise malformed("Expected a tuple after VALUE")
        return Insert(table, value["M"])

    def _update(self) -> Update:
        table = self._name()
        changes: list[Change] = []
        while True:
            if self._reader.accept("SET"):
                read = self._assignment
            elif self._reader.accept("REMOVE"):
                read = self._removal
            else:
                break
            changes.append(read())
            while self._reader.accept(","):
                changes.append(read())
        if not changes:
            raise self._reader.error()
        return Update(table, changes, self._where(), self._returning())

    def _delete(self) -> Delete:
        table, where, returns = self._name(), self._where(), self._returning()
        if returns not in ("NONE", "ALL_OLD"):
            raise malformed("DELETE returns ALL OLD only")
        return Delete(table, where, returns)

    def _where(self) -> Condition:
        if not self._reader.accept("WHERE"):
            raise malformed("Expected a WHERE clause")
        return self._condition()

    def _returning(self) -> str:
        if not self._reader.accept("RETURNING"):
            return "NONE"
        for words, returns in _RETURNS.items():
            if self._reader.accept(*words):
                self._reader.expect("*")
                return returns
        raise self._reader.error()

    # ---- changes ------------------------------------------------------------------------------------------------

    def _assignment(self) -> Change:
        path = self._path()
        self._reader.expect("=")
        for name, clause in (("SET_ADD", "ADD"), ("SET_DELETE", "DELETE")):
            if self._reader.accept(name, "("):
                of = self._path()
                self._reader.expect(",")
                value = self._literals.read()
                self._reader.expect(")")
                if of != path:
                    raise malformed(f"{name.lower()} changes the set that it is assigned to")
                return ChangeSet(clause, path, value)
        return Assign(path, self._sum())

    def _removal(self) -> Change:
        return Remove(self._path())

    def _sum(self) -> Term:
        left = self._term()
        for sign in ("+", "-"):
            if self._reader.accept(sign):
                return Sum(left, sign, self._term())
        return left

    def _term(self) -> Term:
        if self._reader.accept("LIST_APPEND", "("):
            first = self._term()
            self._reader.expect(",")
            second = self._term()
            self._reader.expect(")")
            return Appended(first, second)
        if self._literals.follow():
            return ValueOperand(self._literals.read())
        return PathOperand(self._path())

    # ---- conditions ---------------------------------------------------------------------------------------------

    def _condition(self) -> Condition:
        parts = [self._conjunction()]
        while self._reader.accept("OR"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else AnyOf(parts)

    def _conjunction(self) -> Condition:
        parts = [self._negation()]
        while self._reader.accept("AND"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else All(parts)

    def _negation(self) -> Condition:
        self._depth += 1
        if self._depth > _NESTING_MAX:
            raise malformed("The condition is nested too deeply")
        try:
            if self._reader.accept("NOT"):
                return Not(self._negation())
            if self._reader.accept("("):
                inner = self._condition()
                self._reader.expect(")")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Condition:
        reader = self._reader
        for call in _CALLS:
            if reader.accept(call, "("):
                left = self._operand()
                reader.expect(",")
                right = self._operand()
                reader.expect(")")
                return Comparison(left, call.lower(), [right])
        if reader.at("EXISTS", "("):
            raise Validation("EXISTS can only be used as a statement of a transaction")
        left = self._operand()
        if reader.accept("IS"):
            return self._kind_of(left)
        if reader.accept("NOT", "IN"):
            return Not(Comparison(left, "IN", self._choices()))
        if reader.accept("IN"):
            return Comparison(left, "IN", self._choices())
        if reader.accept("BETWEEN"):
            low = self._operand()
            reader.expect("AND")
            return Comparison(left, "BETWEEN", [low, self._operand()])
        sign = _SIGNS.get(reader.peek().text) if reader.peek().kind == "sign" else None
        if sign is None:
            raise reader.error()
        reader.take()
        return Comparison(left, sign, [self._operand()])

    def _kind_of(self, operand: Operand) -> Condition:
        """Behind IS: `[NOT] MISSING` or `[NOT] NULL`."""
        if not isinstance(operand, PathOperand):
            raise self._reader.error()
        negated = self._reader.accept("NOT")
        condition: Condition
        if self._reader.accept("MISSING"):
            condition = Missing(operand.path)
        else:
            self._reader.expect("NULL")
            condition = Comparison(operand, "attribute_type", [ValueOperand({"S": "NULL"})])
        return Not(condition) if negated else condition

    def _choices(self) -> list[Operand]:
        """Behind IN: a list in brackets or parentheses."""
        closing = ")" if self._reader.accept("(") else "]"
        if closing == "]":
            self._reader.expect("[")
        choices = [self._operand()]
        while self._reader.accept(","):
            choices.append(self._operand())
        self._reader.expect(closing)
        return choices

    def _operand(self) -> Operand:
        if self._reader.accept("SIZE", "("):
            path = self._path()
            self._reader.expect(")")
            return SizeOperand(path)
        if self._literals.follow():
            return ValueOperand(self._literals.read())
        return PathOperand(self._path())

    # ---- names --------------------------------------------------------------------------------------------------

    def _path(self) -> Path:
        steps: list[str | int] = [self._name()]
        while True:
            if self._reader.accept("."):
                steps.append(self._name())
            elif self._reader.accept("["):
                token = self._reader.take()
                if token.kind == "string":
                    steps.append(token.text)
                elif token.kind == "number" and (index := whole_number(token.text)) is not None:
                    steps.append(index)
                else:
                    raise malformed(f"Unexpected path component: {token.text}")
                self._reader.expect("]")
            else:
                return tuple(steps)

    def _name(self) -> str:
        if self._reader.peek().kind not in ("word", "quoted"):
            raise self._reader.error()
        return self._reader.take().text
