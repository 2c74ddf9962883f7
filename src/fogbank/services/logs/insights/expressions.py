"""The expressions of queries, by precedence."""

from collections.abc import Callable

from fogbank.core.numerals import whole_number
from fogbank.services.logs.insights.errors import MalformedQuery
from fogbank.services.logs.insights.lexer import Lexer, Token
from fogbank.services.logs.insights.parse_patterns import checked_regex
from fogbank.services.logs.insights.periods import period
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
    Regex,
    Text,
    Unary,
)

DEPTH_MAX = 30
LENGTH_MAX = 60  # operators one after the other, other than `and` and `or`
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")


class Expressions:
    """Reads expressions; `taken` is the token that was read last."""

    def __init__(self, text: str) -> None:
        self.lexer = Lexer(text)
        self.taken = self.lexer.token
        self.regexes: list[Regex] = []
        self._depth = 0

    def expression(self) -> Expression:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise MalformedQuery("The expression is nested too deeply.", self.lexer.token.start)
        found = self._logic("or", self._conjunction)
        self._depth -= 1
        return found

    def _conjunction(self) -> Expression:
        return self._logic("and", self._negation)

    def _logic(self, operator: str, read: Callable[[], Expression]) -> Expression:
        operands = [read()]
        while self._takes_word(operator):
            operands.append(read())
        return operands[0] if len(operands) == 1 else Logic(operator, tuple(operands))

    def _negation(self) -> Expression:
        negations = 0
        while self._takes_word("not"):
            negations += 1
        operand = self._comparison()
        return Unary("not", operand) if negations % 2 else operand

    def _comparison(self) -> Expression:
        left = self._sum()
        length = 0
        while True:
            length = self._longer(length)
            if self.lexer.token.kind == "sign" and self.lexer.token.text in _COMPARISONS:
                operator = self._take().text
                left = Binary(operator, left, self._sum())
            elif self._takes("=~"):
                left = self._like(left, regex_only=True)
            elif self._takes_word("like"):
                left = self._like(left)
            elif self._takes_word("in"):
                left = self._in(left)
            elif self._takes_word("not"):
                if self._takes_word("like"):
                    left = Unary("not", self._like(left))
                elif self._takes_word("in"):
                    left = Unary("not", self._in(left))
                else:
                    raise self.lexer.unexpected()
            else:
                return left

    def _like(self, operand: Expression, *, regex_only: bool = False) -> Like:
        pattern = self.lexer.take_regex()
        if pattern is not None:
            self.taken = pattern
            return Like(operand, self.regex(pattern)[0].text, True)
        token = self.lexer.token
        if token.kind != "string":
            raise self.lexer.unexpected()
        self._take()
        if regex_only:
            return Like(operand, self.regex(token)[0].text, True)
        return Like(operand, token.value, False)

    def _in(self, operand: Expression) -> In:
        self._expect("[")
        options: list[Expression] = []
        while not self._takes("]"):
            if options:
                self._expect(",")
            options.append(self.expression())
        return In(operand, tuple(options))

    def _sum(self) -> Expression:
        return self._chain(self._product, "+-")

    def _product(self) -> Expression:
        return self._chain(self._power, "*/%")

    def _power(self) -> Expression:
        """Of several, the last two come first."""
        powers = [self._signed()]
        while self._takes("^"):
            powers.append(self._signed())
            self._longer(len(powers))
        found = powers.pop()
        while powers:
            found = Binary("^", powers.pop(), found)
        return found

    def _signed(self) -> Expression:
        if not self._takes("-"):
            return self.postfix()
        operand = self.postfix()
        return Number(-operand.value) if isinstance(operand, Number) else Unary("-", operand)

    def postfix(self) -> Expression:
        """What an expression is made of, with elements of lists and maps."""
        found = self._primary()
        length = 0
        while self._takes("["):
            length = self._longer(length)
            token = self.lexer.token
            key: str | int
            if token.kind == "number" and (index := whole_number(token.text)) is not None:
                key = index
            elif token.kind == "string":
                key = token.value
            else:
                raise self.lexer.unexpected()
            self._take()
            self._expect("]")
            found = Element(found, key)
            while self.lexer.token.text == ".":
                self._take()
                name = self.lexer.token
                if name.kind != "name":
                    raise self.lexer.unexpected()
                self._take()
                for step in name.steps:
                    found = Element(found, step)
        return found

    def _primary(self) -> Expression:
        token = self.lexer.token
        match token.kind:
            case "string":
                self._take()
                return Text(token.value)
            case "number":
                self._take()
                return Number(float(token.text))
            case "period":
                found = period(token)
                self._take()
                return found
            case "name":
                self._take()
                return self._call(token) if self.lexer.token.text == "(" else _field(token)
        if not self._takes("("):
            raise self.lexer.unexpected()
        inner = self.expression()
        self._expect(")")
        return inner

    def _call(self, name: Token) -> Call:
        self._expect("(")
        arguments: list[Expression] = []
        if self._takes("*"):
            self._expect(")")
            return Call(name.word, (), name)
        while not self._takes(")"):
            if arguments:
                self._expect(",")
            arguments.append(self.expression())
        return Call(name.word, tuple(arguments), name)

    def regex(self, token: Token) -> tuple[Regex, tuple[str, ...]]:
        """The expression and the names of its groups."""
        regex, names = checked_regex(token)
        self.regexes.append(regex)
        return regex, names

    # ---- tokens -------------------------------------------------------------------------------------------------

    def _chain(self, read: Callable[[], Expression], operators: str) -> Expression:
        left = read()
        length = 0
        while self.lexer.token.kind == "sign" and self.lexer.token.text in operators:
            operator = self._take().text
            left = Binary(operator, left, read())
            length = self._longer(length)
        return left

    def _longer(self, length: int) -> int:
        """What follows what is nested in the tree that comes of it."""
        if length == LENGTH_MAX:
            raise MalformedQuery("The expression is too long.", self.lexer.token.start)
        return length + 1

    def _take(self) -> Token:
        self.taken = self.lexer.take()
        return self.taken

    def _takes(self, sign: str) -> bool:
        if self.lexer.token.kind != "sign" or self.lexer.token.text != sign:
            return False
        self._take()
        return True

    def _takes_word(self, word: str) -> bool:
        if self.lexer.token.word != word:
            return False
        self._take()
        return True

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            raise self.lexer.unexpected()

    def _expect_word(self, word: str) -> None:
        if not self._takes_word(word):
            raise self.lexer.unexpected()


def _field(token: Token) -> Expression:
    """Truth is a number in Insights."""
    if token.word in ("true", "false"):
        return Number(float(token.word == "true"))
    return Field(token.steps, token)
