"""From an expression's text to tokens, and reading them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
"""

import re
from functools import lru_cache
from typing import NamedTuple

from fogbank.services.dynamodb.errors import Validation

_TOKEN = re.compile(
    r"\s*(?:(?P<name>#?[A-Za-z_][A-Za-z0-9_]*|#[0-9][A-Za-z0-9_]*)|(?P<value>:[A-Za-z0-9_]+)|(?P<number>\d+)"
    r"|(?P<sign><>|<=|>=|[=<>(),.\[\]+-]))"
)
SIZE_MAX = 4096


class Token(NamedTuple):
    """`word` is what `Reader.accept` compares: keywords are upper case, placeholders of values are no words."""

    kind: str
    text: str
    at: int
    word: str


@lru_cache(maxsize=2048)
def tokenize(text: str, kind: str) -> tuple[Token, ...]:
    """All tokens; `kind` (such as `ConditionExpression`) names the expression in errors."""
    if not text.strip():
        raise Validation(f"Invalid {kind}: The expression can not be empty;")
    if len(text.encode()) > SIZE_MAX:
        raise Validation(
            f"Invalid {kind}: Expression size has exceeded the maximum allowed size; expression size: {len(text)}"
        )
    tokens, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            rest = text[at:].lstrip()
            raise Validation(
                f'Invalid {kind}: Syntax error; token: "{rest[:1]}", near: "{text[max(at - 5, 0) : at + 6].strip()}"'
            )
        tokens.append(_token(match))
        at = match.end()
    return tuple(tokens)


def _token(match: re.Match[str]) -> Token:
    kind = match.lastgroup
    assert kind is not None
    text = match[kind]
    plain = kind == "name" and not text.startswith("#")
    return Token(kind, text, match.start(kind), text.upper() if plain else "" if kind == "value" else text)


class Reader:
    """Reads tokens from left to right."""

    def __init__(self, text: str, kind: str) -> None:
        self.kind = kind
        self._text = text
        self._tokens = tokenize(text, kind)
        self._at = 0
        self.depth = 0

    def peek(self, ahead: int = 0) -> Token:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else Token("end", "<EOF>", len(self._text), "<EOF>")

    def take(self) -> Token:
        token = self.peek()
        self._at += 1
        return token

    def step_back(self) -> None:
        """Unread the last token, so that an error names it."""
        self._at -= 1

    def keyword(self) -> str:
        """The next token in upper case if it is a plain word, else its text."""
        token = self.peek()
        return token.word or token.text

    def accept(self, text: str) -> bool:
        """Take the next token if it is this keyword or sign; whether it was."""
        if self._at < len(self._tokens) and self._tokens[self._at].word == text:
            self._at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.error()

    def error(self) -> Validation:
        token = self.peek()
        around = [self._tokens[i].text for i in range(max(self._at - 1, 0), min(self._at + 2, len(self._tokens)))]
        near = self._text[self._tokens[max(self._at - 1, 0)].at :] if token.kind == "end" else " ".join(around)
        return Validation(f'Invalid {self.kind}: Syntax error; token: "{token.text}", near: "{near.strip()}"')

    def end(self) -> None:
        if self.peek().kind != "end":
            raise self.error()
