"""The grammar of S3 Select.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-select-sql-reference.html. The words of syntax errors are those
that users of the real service have recorded, as far as there are any.
"""

import re
from collections.abc import Callable

from fogbank.core.numerals import whole_number
from fogbank.services.s3.select.errors import SelectError
from fogbank.services.s3.select.lexer import Token, tokenize
from fogbank.services.s3.select.syntax import (
    Aggregate,
    Binary,
    Call,
    Case,
    Cast,
    Expression,
    In,
    Index,
    Is,
    Item,
    Like,
    Literal,
    Logic,
    Name,
    Path,
    Select,
    Step,
    Unary,
    Wild,
)

EXPRESSION_BYTES_MAX = 256 * 1024
_DEPTH_MAX = 60  # Each level of nesting takes a dozen calls.
_OPERANDS_MAX = 10_000

AGGREGATES = frozenset(("AVG", "COUNT", "MAX", "MIN", "SUM"))
DATE_PARTS = frozenset(("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "TIMEZONE_HOUR", "TIMEZONE_MINUTE"))
TYPES = {
    "BOOL": "bool",
    "BOOLEAN": "bool",
    "INT": "int",
    "INTEGER": "int",
    "SMALLINT": "int",
    "BIGINT": "int",
    "FLOAT": "float",
    "DOUBLE": "float",
    "REAL": "float",
    "DECIMAL": "decimal",
    "DEC": "decimal",
    "NUMERIC": "decimal",
    "STRING": "string",
    "CHAR": "string",
    "CHARACTER": "string",
    "VARCHAR": "string",
    "TIMESTAMP": "timestamp",
}
_COMPARISONS = frozenset(("=", "<>", "!=", "<", "<=", ">", ">="))
TIMESTAMP = re.compile(
    r"\d{4}T|\d{4}-\d\dT|\d{4}-\d\d-\d\dT?|\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?"
)


def parse(text: str) -> Select:
    """Raises SelectError."""
    if len(text.encode()) > EXPRESSION_BYTES_MAX:
        raise SelectError("ExpressionTooLong")
    return _Parser(tokenize(text)).select()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    # ---- tokens -------------------------------------------------------------------------------------------------

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        if token.kind != "end":
            self._at += 1
        return token

    def _is(self, *words: str) -> bool:
        return self._next.keyword in words if words[0].isalpha() else self._is_sign(words[0])

    def _is_sign(self, sign: str) -> bool:
        return self._next.kind in ("sign", "operator") and self._next.text == sign

    def _accept(self, word: str) -> bool:
        found = self._is(word)
        if found:
            self._at += 1
        return found

    def _accept_word(self, *words: str) -> str:
        """A word that is a keyword in this place only."""
        found = self._next.text.upper() if self._next.kind == "word" else ""
        if found not in words:
            return ""
        self._at += 1
        return found

    def _expect_keyword(self, word: str) -> None:
        if not self._accept(word):
            found = self._next
            raise SelectError("ParseExpectedKeyword", f"Expected keyword {word}, found {found.shown} {found.place}.")

    def _expect_sign(self, sign: str, code: str) -> None:
        if not self._accept(sign):
            if code == "ParseUnexpectedToken":
                raise self._unexpected()
            raise SelectError(code)

    def _unexpected(self) -> SelectError:
        token = self._next
        if token.type_name == "OPERATOR":
            return SelectError("ParseUnexpectedOperator", f"Unexpected operator {token.shown} {token.place}.")
        return SelectError("ParseUnexpectedToken", f"Unexpected token found {token.shown} {token.place}.")

    # ---- the statement ------------------------------------------------------------------------------------------

    def select(self) -> Select:
        if not self._accept("SELECT"):
            if self._is("CREATE", "DELETE", "DROP", "INSERT", "UPDATE", "VALUES"):
                raise SelectError("UnsupportedSqlOperation")
            raise self._unexpected()
        items = self._items()
        if not self._accept("FROM"):
            if self._next.kind == "end" or self._next.keyword:
                raise SelectError("ParseSelectMissingFrom")
            raise self._unexpected()
        source = self._source()
        alias = self._source_alias()
        where = self._expression() if self._accept("WHERE") else None
        self._refuse_other_clauses()
        limit = self._limit() if self._accept("LIMIT") else None
        self._accept(";")
        if self._next.kind != "end":
            raise self._unexpected()
        return self._without_alias_star(Select(items, source, alias, where, limit))

    def _items(self) -> tuple[Item, ...]:
        if self._is("FROM") or self._next.kind == "end":
            raise SelectError("ParseEmptySelect")
        if self._is("DISTINCT", "ALL"):
            raise SelectError("ParseUnsupportedSelect")
        if self._accept("*"):
            if self._is(","):
                raise SelectError("ParseAsteriskIsNotAloneInSelectList")
            return ()
        items = [self._item()]
        while self._accept(","):
            if self._is("*"):
                raise SelectError("ParseAsteriskIsNotAloneInSelectList")
            items.append(self._item())
        return tuple(items)

    def _item(self) -> Item:
        expression = self._expression()
        if self._accept("AS"):
            return Item(expression, self._alias())
        named = self._next.kind == "quoted" or (self._next.kind == "word" and not self._next.keyword)
        return Item(expression, self._alias() if named else None)

    def _alias(self) -> str:
        token = self._next
        if token.kind not in ("word", "quoted") or token.keyword:
            raise SelectError("ParseExpectedIdentForAlias")
        return self._take().text

    def _source(self) -> tuple[Step, ...]:
        token = self._next
        if token.kind not in ("word", "quoted") or token.text.upper() != "S3OBJECT":
            if self._is("(", "SELECT"):
                raise SelectError("UnsupportedSqlStructure")
            if token.kind in ("word", "quoted"):
                raise SelectError(
                    "InvalidTableAlias",
                    f"Invalid table alias is specified {token.place}. Please check the file and try again.",
                )
            raise self._unexpected()
        self._take()
        steps = self._steps(wild=True)
        if steps and steps[0] != Wild(fields=False):
            raise SelectError("InvalidDataSource")
        return steps[1:]

    def _source_alias(self) -> str | None:
        if self._accept("AS"):
            return self._alias()
        if self._is(","):
            raise SelectError("MultipleDataSourcesUnsupported", "Multiple data sources are not supported.")
        named = self._next.kind == "quoted" or (self._next.kind == "word" and not self._next.keyword)
        return self._alias() if named else None

    def _refuse_other_clauses(self) -> None:
        if self._is("CROSS", "INNER", "JOIN", "LEFT", "NATURAL", "OUTER", "RIGHT", "FULL"):
            raise SelectError("ParseMalformedJoin")
        if self._is("GROUP", "HAVING", "ORDER", "UNION", "INTERSECT", "EXCEPT"):
            raise SelectError("UnsupportedSqlStructure")

    def _limit(self) -> int:
        negative = self._accept("-")
        token = self._take()
        limit = whole_number(token.text)
        if token.kind != "number" or limit is None:
            raise SelectError("ParseExpectedNumber")
        if negative and limit:
            raise SelectError("EvaluatorNegativeLimit")
        return min(limit, 2**63 - 1)

    def _without_alias_star(self, select: Select) -> Select:
        """`SELECT s.* FROM S3Object s` is `SELECT *`."""
        for item in select.items:
            path = item.expression
            if isinstance(path, Path) and any(isinstance(step, Wild) for step in path.steps):
                if len(select.items) > 1 or len(path.steps) != 2 or item.alias is not None:
                    raise SelectError("UnsupportedSqlStructure")
                return select._replace(items=())
        return select

    # ---- expressions, the loosest operators first ---------------------------------------------------------------

    def _expression(self) -> Expression:
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise SelectError("MaxOperatorsExceeded")
        found = self._or()
        self._depth -= 1
        return found

    def _or(self) -> Expression:
        return self._logic("OR", self._and)

    def _and(self) -> Expression:
        return self._logic("AND", self._not)

    def _logic(self, operator: str, operand: Callable[[], Expression]) -> Expression:
        operands = [operand()]
        while self._accept(operator):
            operands.append(operand())
        if len(operands) > _OPERANDS_MAX:
            raise SelectError("MaxOperatorsExceeded")
        return operands[0] if len(operands) == 1 else Logic(operator, tuple(operands))

    def _not(self) -> Expression:
        count = 0
        while self._accept("NOT"):
            count += 1
        found = self._comparison()
        return found if count % 2 == 0 else Unary("NOT", found)

    def _comparison(self) -> Expression:
        left = self._sum()
        while True:
            token = self._next
            if token.kind == "operator" and token.text in _COMPARISONS:
                self._take()
                left = Binary("<>" if token.text == "!=" else token.text, left, self._sum(), token)
            elif self._accept("IS"):
                negated = self._accept("NOT")
                left = _negated(Is(left, self._is_what()), negated)
            elif self._is("NOT", "IN", "LIKE", "BETWEEN"):
                left = self._membership(left)
            else:
                return left

    def _is_what(self) -> str:
        for word in ("NULL", "MISSING"):
            if self._accept(word):
                return word
        found = self._next
        raise SelectError("ParseExpectedTypeName", f"Expected type name, found {found.shown} {found.place}.")

    def _membership(self, left: Expression) -> Expression:
        token = self._next
        negated = self._accept("NOT")
        if self._accept("BETWEEN"):
            low = self._sum()
            self._expect_keyword("AND")
            bounds = (Binary(">=", left, low, token), Binary("<=", left, self._sum(), token))
            return _negated(Logic("AND", bounds), negated)
        if self._accept("LIKE"):
            pattern = self._sum()
            return _negated(Like(left, pattern, self._sum() if self._accept("ESCAPE") else None), negated)
        if not self._accept("IN"):
            raise self._unexpected()
        self._expect_sign("(", "ParseUnexpectedToken")
        options: list[Expression] = []
        while not options or self._accept(","):
            options.append(self._expression())
        self._expect_sign(")", "ParseUnexpectedToken")
        if len(options) > _OPERANDS_MAX:
            raise SelectError("MaxOperatorsExceeded")
        return _negated(In(left, tuple(options), token), negated)

    def _sum(self) -> Expression:
        return self._arithmetic(("+", "-", "||"), self._product)

    def _product(self) -> Expression:
        return self._arithmetic(("*", "/", "%"), self._sign)

    def _arithmetic(self, operators: tuple[str, ...], operand: Callable[[], Expression]) -> Expression:
        left = operand()
        for _ in range(_DEPTH_MAX):
            token = self._next
            if token.kind != "operator" or token.text not in operators:
                return left
            self._take()
            left = Binary(token.text, left, operand(), token)
        raise SelectError("MaxOperatorsExceeded")

    def _sign(self) -> Expression:
        negative = False
        while self._next.kind == "operator" and self._next.text in ("+", "-"):
            negative ^= self._take().text == "-"
        found = self._primary()
        if not negative:
            return found
        if isinstance(found, Literal) and found.kind in ("int", "decimal", "float"):
            return found._replace(text=f"-{found.text}")
        return Unary("-", found)

    def _primary(self) -> Expression:
        token = self._next
        if token.kind == "string":
            return Literal("string", self._take().text)
        if token.kind == "number":
            return _number(self._take().text)
        if token.kind == "ion":
            return _ion(self._take())
        if self._accept("("):
            if self._is("SELECT"):
                raise SelectError("UnsupportedSqlStructure")
            found = self._expression()
            self._expect_sign(")", "ParseUnexpectedToken")
            return found
        if token.keyword:
            return self._keyword_expression(token)
        if (
            token.kind == "word"
            and self._tokens[self._at + 1].text == "("
            and self._tokens[self._at + 1].kind == "sign"
        ):
            return self._call()
        if token.kind in ("word", "quoted"):
            self._take()
            return Path((Name(token.text, token.kind == "quoted", token), *self._steps(wild=False)))
        raise self._unexpected()

    def _keyword_expression(self, token: Token) -> Expression:
        match token.keyword:
            case "TRUE" | "FALSE":
                return Literal("bool", self._take().keyword)
            case "NULL":
                self._take()
                return Literal("null", "NULL")
            case "MISSING":
                self._take()
                return Literal("missing", "NULL")
            case "CASE":
                return self._case()
            case "CAST":
                return self._cast()
            case "SELECT":
                raise SelectError("UnsupportedSqlStructure")
        raise self._unexpected()

    def _steps(self, *, wild: bool) -> tuple[Step, ...]:
        steps: list[Step] = []
        while True:
            if self._accept("."):
                steps.append(self._dot_step())
            elif self._accept("["):
                steps.append(self._bracket_step())
                self._expect_sign("]", "ParseUnexpectedToken")
            else:
                return tuple(steps)
            if len(steps) > _DEPTH_MAX:
                raise SelectError("MaxOperatorsExceeded")
            if isinstance(steps[-1], Wild) and not wild and not (steps[-1].fields and len(steps) == 1):
                raise SelectError("UnsupportedSqlStructure")

    def _dot_step(self) -> Step:
        token = self._next
        if self._accept("*"):
            return Wild(fields=True)
        if token.kind not in ("word", "quoted"):
            raise SelectError(
                "ParseInvalidPathComponent",
                f"Invalid Path component, expecting either an IDENTIFIER or STAR, got: {token.type_name},"
                f"{token.place}.",
            )
        self._take()
        return Name(token.text, token.kind == "quoted", token)

    def _bracket_step(self) -> Step:
        token = self._take()
        if token.kind == "string":
            return Name(token.text, True, token)
        if token.kind == "number" and token.text.isdecimal() and len(token.text) < 10:
            return Index(int(token.text))
        if token.kind == "operator" and token.text == "*":
            return Wild(fields=False)
        self._at -= token.kind != "end"
        raise self._unexpected()

    def _case(self) -> Expression:
        self._take()
        operand = None if self._is("WHEN") else self._expression()
        whens: list[tuple[Expression, Expression]] = []
        while True:
            token = self._next
            if not self._accept("WHEN"):
                break
            condition = self._expression()
            if operand is not None:
                condition = Binary("=", operand, condition, token)
            self._expect_keyword("THEN")
            whens.append((condition, self._expression()))
        if not whens:
            raise SelectError("ParseExpectedWhenClause")
        otherwise = self._expression() if self._accept("ELSE") else None
        self._expect_keyword("END")
        return Case(tuple(whens), otherwise)

    def _cast(self) -> Expression:
        token = self._take()
        self._expect_sign("(", "ParseExpectedLeftParenAfterCast")
        operand = self._expression()
        if not self._accept("AS"):
            raise SelectError("ParseCastArity")
        named = self._take()
        if named.kind != "word" or named.text.upper() not in TYPES:
            raise SelectError("ParseExpectedTypeName", f"Expected type name, found {named.shown} {named.place}.")
        parameters: list[int] = []
        if self._accept("("):
            while not parameters or self._accept(","):
                number = self._take()
                parameter = whole_number(number.text)
                if number.kind != "number" or parameter is None:
                    raise SelectError("ParseExpectedNumber")
                parameters.append(parameter)
            self._expect_sign(")", "ParseUnexpectedToken")
        self._accept_word("PRECISION")
        self._expect_sign(")", "ParseExpectedRightParenBuiltinFunctionCall")
        return Cast(operand, TYPES[named.text.upper()], tuple(parameters), token)

    def _call(self) -> Expression:
        token = self._take()
        name = token.text.upper()
        self._expect_sign("(", "ParseUnexpectedToken")
        if name in AGGREGATES:
            return self._aggregate(name, token)
        word = ""
        if name in ("DATE_ADD", "DATE_DIFF", "EXTRACT"):
            word = self._accept_word(*DATE_PARTS)
            if not word:
                raise SelectError("ParseExpectedDatePart")
            if name == "EXTRACT":
                self._expect_keyword("FROM")
            else:
                self._expect_sign(",", "ParseExpectedArgumentDelimiter")
        elif name == "TRIM":
            word = self._accept_word("LEADING", "TRAILING", "BOTH")
            self._accept("FROM")
        arguments = self._arguments(name)
        self._expect_sign(")", "ParseExpectedRightParenBuiltinFunctionCall")
        return Call(name, arguments, token, word)

    def _arguments(self, function: str) -> tuple[Expression, ...]:
        if self._is(")"):
            return ()
        arguments = [self._expression()]
        while self._accept(",") or self._accept_separator(function):
            arguments.append(self._expression())
        return tuple(arguments)

    def _accept_separator(self, function: str) -> bool:
        match function:
            case "SUBSTRING":
                return self._accept("FROM") or bool(self._accept_word("FOR"))
            case "TRIM":
                return self._accept("FROM")
        return False

    def _aggregate(self, name: str, token: Token) -> Expression:
        if self._accept("*"):
            if name != "COUNT":
                raise SelectError("ParseUnsupportedCallWithStar")
            self._expect_sign(")", "ParseExpectedRightParenBuiltinFunctionCall")
            return Aggregate("COUNT", None, token)
        if self._is("DISTINCT"):
            raise SelectError("UnsupportedSqlStructure")
        if self._is(")"):
            raise SelectError("ParseNonUnaryAgregateFunctionCall")
        argument = self._expression()
        if self._is(","):
            raise SelectError("ParseNonUnaryAgregateFunctionCall")
        self._expect_sign(")", "ParseExpectedRightParenBuiltinFunctionCall")
        return Aggregate(name, argument, token)


def _negated(expression: Expression, negated: bool) -> Expression:
    return Unary("NOT", expression) if negated else expression


def _number(text: str) -> Literal:
    if "e" in text.lower():
        return Literal("float", text)
    return Literal("decimal" if "." in text else "int", text)


def _ion(token: Token) -> Literal:
    """A literal of Amazon Ion in backticks: https://amazon-ion.github.io/ion-docs/docs/spec.html."""
    text = token.text.strip()
    if TIMESTAMP.fullmatch(text):
        return Literal("timestamp", text)
    if text in ("true", "false"):
        return Literal("bool", text)
    if text == "null":
        return Literal("null", "NULL")
    if re.fullmatch(r"-?\d+", text):
        return Literal("int", text)
    if match := re.fullmatch(r"(-?\d+(?:\.\d*)?)(?:[dD]([+-]?\d+))?", text):
        return Literal("decimal", match[1]) if match[2] is None else Literal("float", f"{match[1]}e{match[2]}")
    if re.fullmatch(r"-?\d+(\.\d*)?[eE][+-]?\d+", text):
        return Literal("float", text)
    if match := re.fullmatch(r'"((?:[^"\\])*)"', text):
        return Literal("string", match[1])
    raise SelectError("LexerInvalidIONLiteral", f"Invalid Ion literal {token.place}.")
