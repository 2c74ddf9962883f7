"""Writes the expressions of a query in the SQL engine's dialect.

Only what is written here reaches the engine: names become columns that are there, strings parameters.
"""

from collections.abc import Callable

from fogbank.engines.sql.statement import Parameters, balanced
from fogbank.services.logs.insights.comparisons import compare
from fogbank.services.logs.insights.errors import MalformedQuery
from fogbank.services.logs.insights.functions import Functions, literal_number
from fogbank.services.logs.insights.syntax import (
    Binary,
    Call,
    Element,
    Expression,
    Field,
    In,
    Like,
    Logic,
    Number,
    Period,
    Text,
    Unary,
)
from fogbank.services.logs.insights.values import MISSING, NUMERIC, Sql, number, scalar, text, truth

TEXT_MAX = 1024 * 1024
_ARITHMETIC = {
    "+": "({} + {})",
    "-": "({} - {})",
    "*": "({} * {})",
    "/": "({} / nullif({}, 0))",
    "%": "fmod({}, nullif({}, 0))",
    "^": "pow({}, {})",
}


class Writer:
    """`field` says which column a field is; `call` takes calls that are no functions of a single row."""

    def __init__(
        self,
        parameters: Parameters,
        field: Callable[[Field], Sql],
        timestamp: Callable[[Call], Sql],
        *,
        now_s: int,
        call: Callable[[Call], Sql | None] = lambda node: None,
    ) -> None:
        self._parameters = parameters
        self._field = field
        self._call = call
        self._functions = Functions(parameters, self.write, timestamp, now_s=now_s)

    def write(self, node: Expression) -> Sql:
        written = self._write(node)
        if len(written.text) > TEXT_MAX:
            raise MalformedQuery("The query is too complex.")
        return written

    def condition(self, node: Expression) -> str:
        return truth(self.write(node))

    def _write(self, node: Expression) -> Sql:
        match node:
            case Field():
                return self._field(node)
            case Text():
                return Sql(self._parameters.add(node.value), "string", simple=True, literal=node.value)
            case Number():
                return literal_number(node.value)
            case Period():
                raise MalformedQuery("A period can only be an argument of bin, datefloor or dateceil.")
            case Unary(operator="not"):
                return Sql(f"(NOT {self.condition(node.operand)})", "bool")
            case Unary():
                return Sql(f"(-{number(self.write(node.operand))})", "number")
            case Logic():
                return Sql(balanced(node.operator, [self.condition(one) for one in node.operands]), "bool")
            case Binary():
                return self._binary(node)
            case Like():
                function = "regexp_matches" if node.regex else "contains"
                pattern = self._parameters.add(node.pattern)
                return Sql(f"{function}({text(self.write(node.operand))}, {pattern})", "bool")
            case In():
                return self._in(node)
            case Call():
                return self._call(node) or self._functions.call(node)
            case Element():
                return element(self.write(node.operand), node.key, self._parameters)

    def _binary(self, node: Binary) -> Sql:
        left, right = self.write(node.left), self.write(node.right)
        template = _ARITHMETIC.get(node.operator)
        if template is not None:
            return Sql(template.format(number(left), number(right)), "number")
        return Sql(compare(node.operator, left, right), "bool")

    def _in(self, node: In) -> Sql:
        """Literals of the kind that the value may be are looked for at once, as there may be hundreds."""
        value = scalar(self.write(node.operand))
        options = list(node.options)
        found = ["false"]
        if value.type not in NUMERIC:
            texts = [option.value for option in options if isinstance(option, Text)]
            options = [option for option in options if not isinstance(option, Text)]
            found.append(f"list_contains({self._parameters.add(texts)}::VARCHAR[], {value.text})")
        numbers = [option.value for option in options if isinstance(option, Number)]
        options = [option for option in options if not isinstance(option, Number)]
        found.append(f"list_contains({self._parameters.add(numbers)}::DOUBLE[], {number(value)})")
        found += [compare("=", value, self.write(option)) for option in options]
        return Sql(balanced("OR", found), "bool")


def element(value: Sql, key: str | int, parameters: Parameters) -> Sql:
    """What is under a key of a structure, or at a place in a list; nothing in a value that is neither."""
    if value.type != "json":
        return MISSING
    pointer = f"/{str(key).replace('~', '~0').replace('/', '~1')}"
    return Sql(f"json_extract({value.text}, {parameters.add(pointer)})", "json")
