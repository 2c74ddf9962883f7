"""From a statement's text to tokens, and reading them."""

import re
from typing import NamedTuple

from fogbank.services.dynamodb.errors import Validation

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
    |"(?P<quoted>(?:[^"]|"")+)"
    |'(?P<string>(?:[^']|'')*)'
    |(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<sign><<|>>|<>|!=|<=|>=|[=<>(){}\[\]:,.*?;+-])
    )""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """`word` and `quoted` are names (a word may be a keyword), `string` and `number` literals."""

    kind: str
    text: str


END = Token("end", "<EOF>")


def malformed(what: str) -> Validation:
    # The beginning is AWS's; what follows it there depends on a parser that is not published.
    return Validation(f"Statement wasn't well formed, can't be processed: {what}")


def tokenize(text: str) -> list[Token]:
    tokens, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise malformed(f"Unexpected character: {text[at:].lstrip()[:1]}")
        assert match.lastgroup is not None
        kind, found = match.lastgroup, match[match.lastgroup]
        if kind == "string":
            found = found.replace("''", "'")
        elif kind == "quoted":
            found = found.replace('""', '"')
        tokens.append(Token(kind, found))
        at = match.end()
    return tokens


class Reader:
    """Reads tokens from left to right. Keywords are given in upper case, signs as they are."""

    def __init__(self, text: str) -> None:
        self._tokens = tokenize(text)
        self._at = 0

    def peek(self, ahead: int = 0) -> Token:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else END

    def take(self) -> Token:
        token = self.peek()
        self._at += 1
        return token

    def at(self, *wanted: str) -> bool:
        """Whether the next tokens are these keywords and signs."""
        return all(_is(self.peek(ahead), text) for ahead, text in enumerate(wanted))

    def accept(self, *wanted: str) -> bool:
        if not self.at(*wanted):
            return False
        self._at += len(wanted)
        return True

    def expect(self, *wanted: str) -> None:
        for text in wanted:
            if not self.accept(text):
                raise self.error()

    def error(self) -> Validation:
        return malformed(f"Unexpected token: {self.peek().text}")


def _is(token: Token, text: str) -> bool:
    return token.text.upper() == text if token.kind == "word" else token.kind == "sign" and token.text == text
