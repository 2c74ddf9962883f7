"""From a parsed expression to statements in the SQL engine's dialect.

Only what is written here reaches the engine: names become references to columns that are there, strings parameters.
A query without aggregates is one statement, run on each batch of records. One with aggregates is a statement that sums
up each batch, and one that sums these up and gives the only record.
"""

from typing import NamedTuple

from fogbank.engines.sql.statement import Parameters, apply, balanced
from fogbank.services.s3.select.errors import SelectError
from fogbank.services.s3.select.functions import Functions, numeric, unified
from fogbank.services.s3.select.output import Output
from fogbank.services.s3.select.sources import Source
from fogbank.services.s3.select.statement import NUMERIC, Sql, Type, call, to_any
from fogbank.services.s3.select.syntax import (
    Aggregate,
    Binary,
    Call,
    Case,
    Cast,
    Expression,
    In,
    Is,
    Like,
    Literal,
    Logic,
    Name,
    Path,
    Select,
    Unary,
)

_DECIMAL_DIGITS_MAX = 38
_INT_MAX = 2**63
# A subexpression may be written several times, as BETWEEN does: nested ones would grow without bounds.
_NODES_MAX = 30_000
_TEXT_MAX = 1024 * 1024


class Plan(NamedTuple):
    """`records` gives texts for each batch, if there are no aggregates; else `partials` is for each batch, `total` for
    all of them."""

    records: str | None
    partials: str | None
    total: str | None
    parameters: dict[str, object]
    limit: int | None


def compile_select(select: Select, source: Source, output: Output, parameters: Parameters, *, now: str) -> Plan:
    """Raises SelectError. `now` is the time as a timestamp's text."""
    compiler = _Compiler(source, parameters, now)
    where = "" if select.where is None else f" WHERE {compiler.condition(select.where, aggregates=False)}"
    if not select.items:
        record = source.star(output)
        return Plan(f"SELECT {record} FROM {source.table}{where}", None, None, parameters.values, select.limit)
    columns = [(item.alias or _implied_name(item.expression, n), compiler.item(item.expression))
               for n, item in enumerate(select.items, start=1)]  # fmt: skip
    record = output.record(columns)
    if not compiler.partials:
        return Plan(f"SELECT {record} FROM {source.table}{where}", None, None, parameters.values, select.limit)
    if compiler.plain:
        raise SelectError("UnsupportedSqlStructure")
    partials = ", ".join(f"{text} AS c{number}" for number, (text, _) in enumerate(compiler.partials))
    merged = ", ".join(f"{merge}(c{number}) AS c{number}" for number, (_, merge) in enumerate(compiler.partials))
    return Plan(
        records=None,
        partials=f"SELECT {partials} FROM {source.table}{where}",
        total=f"SELECT {record} FROM (SELECT {merged} FROM partials)",
        parameters=parameters.values,
        limit=select.limit,
    )


def _implied_name(expression: Expression, position: int) -> str:
    if isinstance(expression, Path) and isinstance(expression.steps[-1], Name):
        return expression.steps[-1].text
    return f"_{position}"


class _Compiler:
    def __init__(self, source: Source, parameters: Parameters, now: str) -> None:
        self._source = source
        self._parameters = parameters
        self._functions = Functions(parameters, self._write, now)
        self.partials: list[tuple[str, str]] = []
        """What to compute for each batch, and the aggregate function that joins these."""
        self.plain = False
        """Whether a column is read outside of aggregates."""
        self._inside = False
        self._aggregates = True
        self._nodes = 0

    def item(self, expression: Expression) -> Sql:
        return self._write(expression)

    def condition(self, expression: Expression, *, aggregates: bool) -> str:
        self._aggregates = aggregates
        text = self._bool(expression)
        self._aggregates, self.plain = True, False
        return text

    def _write(self, node: Expression) -> Sql:
        self._nodes += 1
        if self._nodes > _NODES_MAX:
            raise SelectError("MaxOperatorsExceeded")
        written = self._write_node(node)
        if len(written.text) > _TEXT_MAX:
            raise SelectError("MaxOperatorsExceeded")
        return written

    def _write_node(self, node: Expression) -> Sql:
        match node:
            case Path():
                self.plain = self.plain or not self._inside
                return self._source.path(node.steps)
            case Literal():
                return self._literal(node)
            case Logic():
                return Sql(balanced(node.operator, [f"({self._bool(one)})" for one in node.operands]), "bool")
            case Unary(operator="NOT"):
                return Sql(f"(NOT ({self._bool(node.operand)}))", "bool")
            case Unary():
                operand = self._number(node.operand)
                return Sql(f"(-{operand.text})", operand.type)
            case Binary():
                return self._binary(node)
            case In():
                return Sql(self._in(node), "bool")
            case Is():
                return self._is(node)
            case Like():
                return self._like(node)
            case Cast():
                return self._cast(node)
            case Case():
                return self._case(node)
            case Call():
                return self._functions.write(node)
            case Aggregate():
                return self._aggregate(node)

    def _literal(self, node: Literal) -> Sql:
        match node.kind:
            case "string":
                return Sql(self._parameters.add(node.text), "string", simple=True)
            case "int":
                if not -_INT_MAX <= int(node.text) < _INT_MAX:
                    raise SelectError("IntegerOverflow")
                return Sql(f"({node.text})::BIGINT", "int", simple=True)
            case "decimal":
                digits = node.text.lstrip("-").rstrip(".")
                if len(digits.replace(".", "")) > _DECIMAL_DIGITS_MAX:
                    return Sql(f"({node.text})::DOUBLE", "float", simple=True)
                return Sql(f"({node.text.rstrip('.')})", "decimal", simple=True)
            case "float":
                return Sql(f"({node.text})::DOUBLE", "float", simple=True)
            case "bool":
                return Sql(node.text, "bool", simple=True)
            case "timestamp":
                failure = self._parameters.add("ValueParseFailure|")
                return Sql(f"s3_string_to_timestamp({self._parameters.add(node.text)}, {failure})", "timestamp")
            case kind:
                return Sql("NULL", "null", simple=True, may_miss=kind == "missing")

    # ---- operators ----------------------------------------------------------------------------------------------

    def _bool(self, node: Expression) -> str:
        value = self._write(node)
        match value.type:
            case "bool":
                return value.text
            case "null":
                return "NULL::BOOL"
            case "any":
                return call("s3_bool", value)
        raise SelectError("InvalidDataType")

    def _number(self, node: Expression) -> Sql:
        value = self._write(node)
        if value.type in NUMERIC:
            return value
        if value.type == "any":
            return Sql(apply(lambda text: f"s3_number({text}, 'InvalidDataType')", value), "number")
        if value.type == "null":
            return Sql("NULL::BIGINT", "int", simple=True)
        raise SelectError("InvalidDataType")

    def _binary(self, node: Binary) -> Sql:
        if node.operator == "||":
            pieces = [self._functions.string(side) for side in (node.left, node.right)]
            return Sql(f"({' || '.join(pieces)})", "string")
        if node.operator not in ("+", "-", "*", "/", "%"):
            return Sql(self._comparison(node), "bool")
        left, right = self._number(node.left), self._number(node.right)
        type_ = numeric({left.type, right.type})
        if node.operator in ("+", "-", "*"):
            return Sql(f"({left.text} {node.operator} {right.text})", type_)
        divisor = call("s3_unless_zero", right)
        if node.operator == "%":
            return Sql(f"({left.text} % {divisor})", type_)
        if type_ == "int":
            return Sql(f"({left.text} // {divisor})", "int")
        return Sql(f"({left.text} / {divisor})", "float" if type_ == "float" else "number")

    def _comparison(self, node: Binary) -> str:
        """Values of different types are not equal, and of none of them can be said that it is the greater one."""
        left, right = self._write(node.left), self._write(node.right)
        types = {left.type, right.type}
        if "null" in types:
            return "NULL::BOOL"
        if types == {"timestamp"}:
            return f"({call('s3_utc', left)} {node.operator} {call('s3_utc', right)})"
        if "any" in types:
            pair = (Sql(to_any(side), "any", side.simple) for side in (left, right))
            if node.operator == "=":
                return call("s3_equal", *pair)
            if node.operator == "<>":
                return f"(NOT {call('s3_equal', *pair)})"
            return f"({call('s3_compare', *pair)} {node.operator} 0)"
        if len(types) == 1 or types <= NUMERIC:
            return f"({left.text} {node.operator} {right.text})"
        if node.operator not in ("=", "<>"):
            return "NULL::BOOL"
        known = f"({left.text}) IS NOT NULL AND ({right.text}) IS NOT NULL"
        return f"(CASE WHEN {known} THEN {'false' if node.operator == '=' else 'true'} END)"

    def _in(self, node: In) -> str:
        """Options of one type, as they mostly are, are looked up at once; others are compared one by one."""
        value = self._write(node.operand)
        kinds = {option.kind if isinstance(option, Literal) else "" for option in node.options}
        if kinds == {"string"} and value.type in ("string", "any"):
            options = ", ".join(self._write(option).text for option in node.options)
            if value.type == "string":
                return f"({value.text} IN ({options}))"
            write = "CASE WHEN NOT s3_absent({0}) THEN json_type({0}) = 'VARCHAR' AND s3_text({0}) IN ({1}) END".format
            return apply(lambda text: write(text, options), value)
        if kinds == {"int"} and value.type in ("int", "any"):
            options = ", ".join(self._write(option).text for option in node.options)
            if value.type == "int":
                return f"({value.text} IN ({options}))"
            write = (
                "CASE WHEN s3_is_integer({0}) THEN {0}::HUGEINT IN ({1}) "
                "WHEN s3_is_number({0}) THEN {0}::DOUBLE IN ({1}) WHEN NOT s3_absent({0}) THEN false END"
            ).format
            return apply(lambda text: write(text, options), value)
        equal = [self._comparison(Binary("=", node.operand, option, node.token)) for option in node.options]
        return balanced("OR", equal)

    def _is(self, node: Is) -> Sql:
        value = self._write(node.operand)
        if value.type == "any":
            text = f"({value.text} IS NULL)" if node.what == "MISSING" else call("s3_absent", value)
        elif node.what == "MISSING" and not value.may_miss:
            text = "false"
        else:
            text = f"({value.text} IS NULL)"
        return Sql(text, "bool")

    def _like(self, node: Like) -> Sql:
        sides = [self._write(side) for side in (node.operand, node.pattern)]
        for side in sides:
            if side.type not in ("string", "any", "null"):
                raise SelectError("LikeInvalidInputs")
        texts = [
            apply(lambda text: f"s3_string({text}, 'LikeInvalidInputs')", side) if side.type == "any" else side.text
            for side in sides
        ]
        if node.escape is None:
            return Sql(f"({texts[0]} LIKE {texts[1]})", "bool")
        escape = node.escape
        if not isinstance(escape, Literal) or escape.kind != "string" or len(escape.text) != 1:
            raise SelectError("EvaluatorLikePatternInvalidEscapeSequence")
        if isinstance(node.pattern, Literal):
            _check_escapes(node.pattern.text, escape.text)
        return Sql(f"({texts[0]} LIKE {texts[1]} ESCAPE {self._parameters.add(escape.text)})", "bool")

    def _case(self, node: Case) -> Sql:
        conditions = [self._bool(condition) for condition, _ in node.whens]
        results = [self._write(result) for _, result in node.whens]
        otherwise = Sql("NULL", "null") if node.otherwise is None else self._write(node.otherwise)
        texts, type_ = unified([*results, otherwise])
        whens = " ".join(f"WHEN {one} THEN {text}" for one, text in zip(conditions, texts, strict=False))
        return Sql(f"(CASE {whens} ELSE {texts[-1]} END)", type_)

    def _cast(self, node: Cast) -> Sql:
        value = self._write(node.operand)
        sized = ""
        if node.type == "decimal" and node.parameters:
            digits, scale = (*node.parameters, 0)[:2]
            if not (1 <= digits <= _DECIMAL_DIGITS_MAX and 0 <= scale <= digits and len(node.parameters) <= 2):
                raise SelectError("ParseInvalidTypeParam")
            sized = f"DECIMAL({digits}, {scale})"
        text = self._cast_text(value, node.type)
        if sized:
            return Sql(f"({text})::{sized}", "decimal")
        return Sql(text, _CAST_TYPES[node.type])

    def _cast_text(self, value: Sql, target: str) -> str:
        if value.type == target or (target == "decimal" and value.type == "loose"):
            return value.text
        if value.type == "null":
            return f"NULL::{_ENGINE_TYPES[target]}" if target != "timestamp" else "NULL"
        if target == "timestamp":
            return self._to_timestamp(value)
        if value.type in ("string", "any") and target != "string":
            return call(f"s3_{'any' if value.type == 'any' else 'string'}_to_{target}", value)
        if target == "string":
            return self._to_string(value)
        if value.type == "timestamp":
            raise self._cast_failed(value.type, target)
        if target == "int" and value.type in NUMERIC:
            return f"trunc({value.text})::BIGINT"
        return f"({value.text})::{_ENGINE_TYPES[target]}"

    def _to_timestamp(self, value: Sql) -> str:
        if value.type not in ("string", "any"):
            raise self._cast_failed(value.type, "timestamp")
        failure = self._parameters.add(f"CastFailed|{self._cast_failed('string', 'timestamp').message}")
        text = value.text if value.type == "string" else call("s3_any_to_string", value)
        return apply(lambda once: f"s3_string_to_timestamp({once}, {failure})", Sql(text, "string", value.simple))

    def _to_string(self, value: Sql) -> str:
        match value.type:
            case "timestamp":
                return call("s3_timestamp_text", value)
            case "any":
                return call("s3_any_to_string", value)
            case "float":
                return call("s3_float_text", value)
            case "loose":
                return call("s3_decimal_text", value)
            case "number":
                return f"printf('%.15g', {value.text})"
            case _:
                return f"({value.text})::VARCHAR"

    @staticmethod
    def _cast_failed(source: str, target: str) -> SelectError:
        return SelectError(
            "CastFailed",
            f"Attempt to convert from one data type to another failed: cast from {source.upper()} to {target.upper()}.",
        )

    # ---- aggregates ---------------------------------------------------------------------------------------------

    def _aggregate(self, node: Aggregate) -> Sql:
        if self._inside or not self._aggregates:
            raise SelectError("UnsupportedSqlStructure")
        self._inside = True
        try:
            return self._aggregate_of(node)
        finally:
            self._inside = False

    def _aggregate_of(self, node: Aggregate) -> Sql:
        if node.argument is None:
            return Sql(f"coalesce({self._partial('count(*)', 'sum')}, 0)", "int")
        if node.function == "COUNT":
            value = self._write(node.argument)
            text = call("s3_present", value) if value.type == "any" else value.text
            return Sql(f"coalesce({self._partial(f'count({text})', 'sum')}, 0)", "int")
        value = self._write(node.argument)
        if value.type == "any":
            text = apply(lambda text: f"s3_number({text}, 'IncorrectSqlFunctionArgumentType')", value)
            value = Sql(text, "number")
        if value.type == "null":
            return value
        comparable = node.function in ("MIN", "MAX") and value.type == "string"
        if value.type not in NUMERIC and not comparable:
            raise SelectError("IncorrectSqlFunctionArgumentType")
        if node.function in ("MIN", "MAX"):
            function = node.function.lower()
            return Sql(self._partial(f"{function}({value.text})", function), value.type)
        total = self._partial(f"sum({value.text})", "sum")
        if node.function == "SUM":
            return Sql(total, value.type)
        count = self._partial(f"count({value.text})", "sum")
        return Sql(f"({total} / nullif({count}, 0))", "float" if value.type == "float" else "number")

    def _partial(self, text: str, merge: str) -> str:
        self.partials.append((text, merge))
        return f"c{len(self.partials) - 1}"


_ENGINE_TYPES = {
    "bool": "BOOL",
    "int": "BIGINT",
    "float": "DOUBLE",
    "decimal": "DECIMAL(38, 10)",
    "string": "VARCHAR",
}
_CAST_TYPES: dict[str, Type] = {
    "bool": "bool",
    "int": "int",
    "float": "float",
    "decimal": "loose",
    "string": "string",
    "timestamp": "timestamp",
}


def _check_escapes(pattern: str, escape: str) -> None:
    at = 0
    while (at := pattern.find(escape, at)) >= 0:
        if pattern[at + 1 : at + 2] not in ("%", "_", escape):
            raise SelectError("EvaluatorLikePatternInvalidEscapeSequence")
        at += 2
