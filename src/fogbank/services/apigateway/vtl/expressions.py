"""References (`$a.b(1)[2]`) and the expressions of directives.

https://velocity.apache.org/engine/1.7/vtl-reference.html
"""

import operator
import re
from collections.abc import Callable
from typing import Any

from fogbank.services.apigateway.vtl import values
from fogbank.services.apigateway.vtl.errors import TemplateError
from fogbank.services.apigateway.vtl.values import ArrayList, to_text

Variables = dict[str, Any]
Expression = Callable[[Variables], Any]
Combine = Callable[[Expression, Expression], Expression]
Step = Callable[[Any, Variables], Any]

DEPTH_MAX = 60
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_SPACE = re.compile(r"\s*")
_OPERATORS: tuple[dict[str, Combine], ...]


class Reference:
    """`$name` and the steps from it. A value for a text: what is null is written as nothing."""

    def __init__(self, name: str, steps: list[Step], last: tuple[Expression, bool] | None) -> None:
        self.name = name
        self.steps = steps
        self.last = last
        """The key of the last step, and whether it can be set."""

    def __call__(self, variables: Variables) -> Any:
        value = variables.get(self.name)
        for step in self.steps:
            value = step(value, variables)
        return value

    def assign(self, variables: Variables, new: Any) -> None:
        if not self.steps:
            variables[self.name] = new
            return
        if self.last is None or not self.last[1]:
            raise TemplateError(f"${self.name} cannot be set")
        value = variables.get(self.name)
        for step in self.steps[:-1]:
            value = step(value, variables)
        values.put(value, self.last[0](variables), new)


class Scanner:
    """A place in a template's text."""

    def __init__(self, text: str, at: int = 0) -> None:
        self.text = text
        self.at = at
        self._depth = 0

    def space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def take(self, token: str) -> bool:
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def take_spaced(self, token: str) -> bool:
        self.space()
        return self.take(token)

    def demand(self, token: str) -> None:
        if not self.take_spaced(token):
            raise TemplateError(f"expected {token!r} at {self.text[self.at : self.at + 20]!r}")

    def match(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found[0]

    # ---- references

    def reference(self) -> Reference | None:
        """The reference that begins here with `$`; None, with nothing taken, if it is a `$` and no more."""
        begin = self.at
        self.at += 1
        self.take("!")
        formal = self.take("{")
        name = self.match(_NAME)
        if name is None:
            self.at = begin
            return None
        steps: list[Step] = []
        last: tuple[Expression, bool] | None = None
        while (found := self._step()) is not None:
            step, last = found
            steps.append(step)
        if formal and not self.take("}"):
            self.at = begin
            return None
        return Reference(name, steps, last)

    def _step(self) -> tuple[Step, tuple[Expression, bool]] | None:
        if self.take("["):
            key = self.expression()
            self.demand("]")
            return (lambda value, variables: values.item(value, key(variables))), (key, True)
        if not (self.text.startswith(".", self.at) and _NAME.match(self.text, self.at + 1)):
            return None
        self.at += 1
        name = self.match(_NAME)
        assert name is not None
        if not self.take("("):
            return (lambda value, variables: values.prop(value, name)), ((lambda variables: name), True)
        arguments = self._list(")")

        def call(value: Any, variables: Variables) -> Any:
            return values.call(value, name, [argument(variables) for argument in arguments])

        return call, ((lambda variables: name), False)

    def _list(self, end: str) -> list[Expression]:
        found: list[Expression] = []
        while not self.take_spaced(end):
            if found:
                self.demand(",")
            found.append(self.expression())
        return found

    # ---- expressions

    def expression(self) -> Expression:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise TemplateError("the expression is nested too deeply")
        found = self._binary(0)
        self._depth -= 1
        return found

    def _binary(self, level: int) -> Expression:
        if level == len(_OPERATORS):
            return self._unary()
        left = self._binary(level + 1)
        while (combine := self._operator(_OPERATORS[level])) is not None:
            left = combine(left, self._binary(level + 1))
        return left

    def _operator(self, operators: dict[str, Combine]) -> Combine | None:
        self.space()
        for token, combine in operators.items():
            if not self.text.startswith(token, self.at):
                continue
            end = self.at + len(token)
            if token.isalpha() and _NAME.match(self.text, end):
                continue
            self.at = end
            return combine
        return None

    def _unary(self) -> Expression:
        self.space()
        if self.text.startswith("!", self.at) and not self.text.startswith("!=", self.at):
            self.at += 1
            return _negated(self._unary())
        begin = self.at
        if self.match(_NAME) == "not":
            return _negated(self._unary())
        self.at = begin
        return self._primary()

    def _primary(self) -> Expression:
        self.space()
        character = self.text[self.at : self.at + 1]
        if character == "$":
            reference = self.reference()
            if reference is not None:
                return reference
        elif character == "(":
            self.at += 1
            inner = self.expression()
            self.demand(")")
            return inner
        elif character == "'" or character == '"':
            return self._quoted(character)
        elif character == "[":
            return self._bracketed()
        elif character == "{":
            return self._map()
        elif (number := self.match(_NUMBER)) is not None:
            constant: Any = float(number) if "." in number else int(number)
            return lambda variables: constant
        elif (word := self.match(_NAME)) in ("true", "false", "null"):
            value = {"true": True, "false": False}.get(word)
            return lambda variables: value
        raise TemplateError(f"no expression at {self.text[self.at : self.at + 20]!r}")

    def _quoted(self, quote: str) -> Expression:
        end = self.at + 1
        pieces: list[str] = []
        while True:
            stop = self.text.find(quote, end)
            if stop < 0:
                raise TemplateError("a text has no end")
            pieces.append(self.text[end:stop])
            end = stop + 1
            if not self.text.startswith(quote, end):
                break
            pieces.append(quote)  # A doubled quote stands for one.
            end += 1
        self.at = end
        text = "".join(pieces)
        if quote == "'" or ("$" not in text and "#" not in text):
            return lambda variables: text
        from fogbank.services.apigateway.vtl.template import Template  # a text in double quotes is a template itself

        inner = Template(text)
        return lambda variables: inner.render(variables)

    def _bracketed(self) -> Expression:
        self.at += 1
        if self.take_spaced("]"):
            return lambda variables: ArrayList()
        first = self.expression()
        if self.take_spaced(".."):
            last = self.expression()
            self.demand("]")
            return lambda variables: _range(first(variables), last(variables))
        items = [first]
        while self.take_spaced(","):
            items.append(self.expression())
        self.demand("]")
        return lambda variables: ArrayList(each(variables) for each in items)

    def _map(self) -> Expression:
        self.at += 1
        pairs: list[tuple[Expression, Expression]] = []
        while not self.take_spaced("}"):
            if pairs:
                self.demand(",")
            key = self.expression()
            self.demand(":")
            pairs.append((key, self.expression()))
        return lambda variables: {to_text(key(variables)): value(variables) for key, value in pairs}


RANGE_MAX = 10_000


def _range(first: Any, last: Any) -> ArrayList:
    if not isinstance(first, int) or not isinstance(last, int) or abs(last - first) > RANGE_MAX:
        raise TemplateError("a range goes from one whole number to another")
    step = 1 if last >= first else -1
    return ArrayList(range(first, last + step, step))


def _or(left: Expression, right: Expression) -> Expression:
    return lambda variables: values.truth(left(variables)) or values.truth(right(variables))


def _and(left: Expression, right: Expression) -> Expression:
    return lambda variables: values.truth(left(variables)) and values.truth(right(variables))


def _negated(inner: Expression) -> Expression:
    return lambda variables: not values.truth(inner(variables))


def _both(calculate: Callable[[Any, Any], Any]) -> Combine:
    """An operator that looks at both of its sides."""
    return lambda left, right: lambda variables: calculate(left(variables), right(variables))


def _unequal(left: Any, right: Any) -> bool:
    return not values.equal(left, right)


def _ordered(compare: Callable[[Any, Any], bool]) -> Combine:
    return _both(lambda left, right: _numbers(left, right) and bool(compare(left, right)))


def _calculated(calculate: Callable[[Any, Any], Any]) -> Combine:
    return _both(lambda left, right: calculate(left, right) if _numbers(left, right) else None)


def _numbers(left: Any, right: Any) -> bool:
    return isinstance(left, int | float) and isinstance(right, int | float)


def _plus(left: Any, right: Any) -> Any:
    if _numbers(left, right):
        return left + right
    return to_text(left) + to_text(right) if isinstance(left, str) or isinstance(right, str) else None


def _divide(left: Any, right: Any) -> Any:
    if right == 0:
        return None
    if isinstance(left, float) or isinstance(right, float):
        return left / right
    quotient = abs(left) // abs(right)  # Java cuts off towards zero.
    return quotient if (left < 0) == (right < 0) else -quotient


def _modulo(left: Any, right: Any) -> Any:
    return None if right == 0 else left - right * _divide(left, right)


_LESS_OR_EQUAL = _ordered(operator.le)
_GREATER_OR_EQUAL = _ordered(operator.ge)
_LESS = _ordered(operator.lt)
_GREATER = _ordered(operator.gt)
# From what binds least to what binds most; longer tokens before those that they begin with.
_OPERATORS = (
    {"||": _or, "or": _or},
    {"&&": _and, "and": _and},
    {"==": _both(values.equal), "eq": _both(values.equal), "!=": _both(_unequal), "ne": _both(_unequal)},
    {
        "<=": _LESS_OR_EQUAL,
        "le": _LESS_OR_EQUAL,
        ">=": _GREATER_OR_EQUAL,
        "ge": _GREATER_OR_EQUAL,
        "<": _LESS,
        "lt": _LESS,
        ">": _GREATER,
        "gt": _GREATER,
    },
    {"+": _both(_plus), "-": _calculated(operator.sub)},
    {"*": _calculated(operator.mul), "/": _calculated(_divide), "%": _calculated(_modulo)},
)
