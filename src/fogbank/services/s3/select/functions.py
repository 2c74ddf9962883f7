"""The functions of S3 Select.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-select-sql-reference-sql-functions.html
"""

import re
from collections.abc import Callable

from fogbank.engines.sql.statement import Parameters, apply
from fogbank.services.s3.select.errors import SelectError
from fogbank.services.s3.select.statement import NUMERIC, Sql, Type, call, to_any
from fogbank.services.s3.select.syntax import Call, Expression, Literal

_WRONG_TYPE = "IncorrectSqlFunctionArgumentType"
_PRECISIONS = {"YEAR": 0, "MONTH": 1, "DAY": 2, "HOUR": 3, "MINUTE": 3, "SECOND": 4}
# What the engine computes with a field of type `at`, and how: https://docs.aws.amazon.com/AmazonS3/latest/userguide/
# s3-select-sql-reference-date.html has the list of symbols.
_SYMBOLS = {
    "y": "year(v.at)::VARCHAR",
    "yy": "s3_two(year(v.at) % 100)",
    "yyyy": "lpad(year(v.at)::VARCHAR, 4, '0')",
    "M": "month(v.at)::VARCHAR",
    "MM": "s3_two(month(v.at))",
    "MMM": "strftime(v.at, '%b')",
    "MMMM": "strftime(v.at, '%B')",
    "MMMMM": "strftime(v.at, '%B')[1]",
    "d": "day(v.at)::VARCHAR",
    "dd": "s3_two(day(v.at))",
    "a": "strftime(v.at, '%p')",
    "h": "strftime(v.at, '%-I')",
    "hh": "strftime(v.at, '%I')",
    "H": "hour(v.at)::VARCHAR",
    "HH": "s3_two(hour(v.at))",
    "m": "minute(v.at)::VARCHAR",
    "mm": "s3_two(minute(v.at))",
    "s": "second(v.at)::VARCHAR",
    "ss": "s3_two(second(v.at))",
    "n": "(microsecond(v.at) % 1000000 * 1000)::VARCHAR",
    "X": "CASE WHEN v.off % 60 = 0 THEN left(s3_zone(v, '', 'Z'), 3) ELSE s3_zone(v, '', 'Z') END",
    "XX": "s3_zone(v, '', 'Z')",
    "XXXX": "s3_zone(v, '', 'Z')",
    "XXX": "s3_zone(v, ':', 'Z')",
    "XXXXX": "s3_zone(v, ':', 'Z')",
    "x": "CASE WHEN v.off % 60 = 0 THEN left(s3_zone(v, '', '+00'), 3) ELSE s3_zone(v, '', '+00') END",
    "xx": "s3_zone(v, '', '+0000')",
    "xxxx": "s3_zone(v, '', '+0000')",
    "xxx": "s3_zone(v, ':', '+00:00')",
    "xxxxx": "s3_zone(v, ':', '+00:00')",
}
_FRACTION_DIGITS_MAX = 9
_PIECE = re.compile(r"'(?:[^']|'')*'?|([A-Za-z])\1*|[^A-Za-z']+")


class Functions:
    """Writes calls of functions; `compile_` writes their arguments."""

    def __init__(self, parameters: Parameters, compile_: Callable[[Expression], Sql], now: str) -> None:
        self._parameters = parameters
        self._compile = compile_
        self._now = now

    def write(self, node: Call) -> Sql:
        writer = _WRITERS.get(node.function)
        if writer is None:
            raise SelectError("UnsupportedFunction")
        method, least, most = writer
        if not least <= len(node.arguments) <= most:
            raise SelectError("EvaluatorInvalidArguments")
        return method(self, node)

    def _coalesce(self, node: Call) -> Sql:
        values = [self._compile(argument) for argument in node.arguments]
        texts, type_ = unified(values)
        if type_ == "any":
            texts = [call("s3_present", Sql(text, "any")) for text in texts]
        return Sql(f"coalesce({', '.join(texts)})", type_)

    def _nullif(self, node: Call) -> Sql:
        first, second = (self._compile(argument) for argument in node.arguments)
        (one, other), type_ = unified([first, second])
        if type_ == "any":
            pair = Sql(one, "any", first.simple), Sql(other, "any", second.simple)
            return Sql(apply(lambda a, b: f"CASE WHEN s3_equal({a}, {b}) THEN NULL ELSE {a} END", *pair), "any")
        if type_ == "timestamp":
            write = "CASE WHEN s3_utc({0}) = s3_utc({1}) THEN NULL ELSE {0} END".format
            return Sql(apply(write, first, second), type_)
        return Sql(f"nullif({one}, {other})", type_)

    def _lower(self, node: Call) -> Sql:
        return Sql(f"lower({self.string(node.arguments[0])})", "string")

    def _upper(self, node: Call) -> Sql:
        return Sql(f"upper({self.string(node.arguments[0])})", "string")

    def _char_length(self, node: Call) -> Sql:
        return Sql(f"length({self.string(node.arguments[0])})", "int")

    def _substring(self, node: Call) -> Sql:
        text = Sql(self.string(node.arguments[0]), "string")
        first = Sql(self._integer(node.arguments[1]), "int")
        if len(node.arguments) == 2:
            return Sql(f"substring({text.text}, greatest({first.text}, 1))", "string")
        return Sql(call("s3_substring", text, first, Sql(self._integer(node.arguments[2]), "int")), "string")

    def _trim(self, node: Call) -> Sql:
        function = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(node.word, "trim")
        *removed, text = (self.string(argument) for argument in node.arguments)
        return Sql(f"{function}({text}, {removed[0] if removed else self._parameters.add(' ')})", "string")

    def _utcnow(self, node: Call) -> Sql:
        return Sql(f"s3_string_to_timestamp({self._parameters.add(self._now)}, '')", "timestamp")

    def _to_timestamp(self, node: Call) -> Sql:
        failure = self._parameters.add("ValueParseFailure|")
        value = Sql(self.string(node.arguments[0]), "string")
        return Sql(apply(lambda text: f"s3_string_to_timestamp({text}, {failure})", value), "timestamp")

    def _date_add(self, node: Call) -> Sql:
        if node.word not in _PRECISIONS:
            raise SelectError("ParseExpectedDatePart")
        unit = f"to_{node.word.lower()}s"
        number = "INTEGER" if node.word in ("YEAR", "MONTH", "DAY") else "BIGINT"
        return Sql(
            apply(
                lambda quantity, t: (
                    f"{{'at': {t}.at + {unit}(({quantity})::{number}), 'off': {t}.off, "
                    f"'p': greatest({t}.p, {_PRECISIONS[node.word]})}}"
                ),
                Sql(self._integer(node.arguments[0]), "int"),
                self._timestamp(node.arguments[1]),
            ),
            "timestamp",
        )

    def _date_diff(self, node: Call) -> Sql:
        if node.word not in _PRECISIONS:
            raise SelectError("ParseExpectedDatePart")
        first, second = (self._timestamp(argument) for argument in node.arguments)
        return Sql(f"date_sub('{node.word}', {call('s3_utc', first)}, {call('s3_utc', second)})", "int")

    def _extract(self, node: Call) -> Sql:
        value = self._timestamp(node.arguments[0])
        match node.word:
            case "TIMEZONE_HOUR":
                text = f"({value.text}).off // 60"
            case "TIMEZONE_MINUTE":
                text = f"({value.text}).off % 60"
            case _:
                text = f"{node.word.lower()}(({value.text}).at)"
        return Sql(text, "int")

    def _to_string(self, node: Call) -> Sql:
        pattern = node.arguments[1]
        if not isinstance(pattern, Literal) or pattern.kind != "string":
            raise SelectError("EvaluatorInvalidTimestampFormatPattern")
        pieces = [self._piece(match.group()) for match in _PIECE.finditer(pattern.text)]
        text = " || ".join(pieces) if pieces else "''"
        return Sql(f"list_transform([{self._timestamp(node.arguments[0]).text}], lambda v: {text})[1]", "string")

    def _piece(self, piece: str) -> str:
        if piece.startswith("'"):
            if len(piece) == 1 or not piece.endswith("'"):
                raise SelectError("EvaluatorUnterminatedTimestampFormatPatternToken")
            return self._parameters.add(piece[1:-1].replace("''", "'") if len(piece) > 2 else "'")
        if not piece[0].isalpha():
            return self._parameters.add(piece)
        if piece[0] == "S" and len(piece) <= _FRACTION_DIGITS_MAX:
            return f"left(strftime(v.at, '%f') || '000', {len(piece)})"
        if piece not in _SYMBOLS:
            raise SelectError("EvaluatorInvalidTimestampFormatPatternSymbol")
        return _SYMBOLS[piece]

    # ---- arguments of a type

    def string(self, argument: Expression) -> str:
        value = self._compile(argument)
        match value.type:
            case "string":
                return value.text
            case "null":
                return "NULL::VARCHAR"
            case "any":
                return apply(lambda text: f"s3_string({text}, '{_WRONG_TYPE}')", value)
        raise SelectError(_WRONG_TYPE)

    def _integer(self, argument: Expression) -> str:
        value = self._compile(argument)
        match value.type:
            case "int":
                return value.text
            case "null":
                return "NULL::BIGINT"
            case "any":
                return apply(lambda text: f"s3_number({text}, '{_WRONG_TYPE}')::BIGINT", value)
        raise SelectError(_WRONG_TYPE)

    def _timestamp(self, argument: Expression) -> Sql:
        value = self._compile(argument)
        if value.type != "timestamp":
            raise SelectError(_WRONG_TYPE)
        return value


_WRITERS: dict[str, tuple[Callable[[Functions, Call], Sql], int, int]] = {
    "COALESCE": (Functions._coalesce, 1, 1000),
    "NULLIF": (Functions._nullif, 2, 2),
    "LOWER": (Functions._lower, 1, 1),
    "UPPER": (Functions._upper, 1, 1),
    "CHAR_LENGTH": (Functions._char_length, 1, 1),
    "CHARACTER_LENGTH": (Functions._char_length, 1, 1),
    "SUBSTRING": (Functions._substring, 2, 3),
    "TRIM": (Functions._trim, 1, 2),
    "UTCNOW": (Functions._utcnow, 0, 0),
    "TO_TIMESTAMP": (Functions._to_timestamp, 1, 1),
    "TO_STRING": (Functions._to_string, 2, 2),
    "DATE_ADD": (Functions._date_add, 2, 2),
    "DATE_DIFF": (Functions._date_diff, 2, 2),
    "EXTRACT": (Functions._extract, 1, 1),
}


def unified(values: list[Sql]) -> tuple[list[str], Type]:
    """The values as ones of one type, which may be any."""
    types = {value.type for value in values} - {"null"}
    if not types:
        return [value.text for value in values], "null"
    if len(types) == 1:
        return [value.text for value in values], types.pop()
    if types <= NUMERIC:
        return [value.text for value in values], numeric(types)
    return [to_any(value) for value in values], "any"


def numeric(types: set[Type]) -> Type:
    """The type of a number that is computed from numbers of these types."""
    for type_ in ("float", "number"):
        if type_ in types:
            return type_
    return "int" if types == {"int"} else "loose"
