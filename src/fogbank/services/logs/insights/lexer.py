"""From a query's text to tokens.

Whether `/` begins a regular expression or divides depends on where it stands, so the parser asks for what it expects.
"""

import re
from typing import NamedTuple

from fogbank.services.logs.insights.errors import MalformedQuery

_WORD = r"[A-Za-z_@][A-Za-z0-9_@]*"
_QUOTED = r"`[^`]+`"
_STEP = rf"(?:{_WORD}|{_QUOTED}|\d+(?![A-Za-z_@]))"
_TOKEN = re.compile(
    rf"""
    (?P<name>(?:{_WORD}|{_QUOTED})(?:\.{_STEP})*)
    |(?P<period>\d+(?:[A-Za-z]+)(?![A-Za-z0-9_@.]))
    |(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<sign>!=|<=|>=|=~|[=<>+\-*/%^(),|\[\]:])
    """,
    re.VERBOSE | re.DOTALL,
)
_SPACE = re.compile(r"(?:\s|\#[^\n]*)*")
_REGEX = re.compile(r"/(?:[^/\\\n]|\\.)+/")
_STEPS = re.compile(rf"{_QUOTED}|[^.`]+")
_ESCAPED = re.compile(r"""\\(["'\\nrt/])""")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class Token(NamedTuple):
    """`text` is what was written; the end of the query is a token of kind `end`."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def word(self) -> str:
        """The name in lower case where it may be a keyword: it has one step and is not in backticks."""
        return self.text.lower() if self.kind == "name" else ""

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps of a name, without backticks."""
        return tuple(step.strip("`") for step in _STEPS.findall(self.text))

    @property
    def value(self) -> str:
        """What a string or a regular expression stands for."""
        if self.kind == "regex":
            return self.text[1:-1].replace("\\/", "/")
        return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), self.text[1:-1])


class Lexer:
    """Gives one token after another; `token` is the one that is next."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._at = 0
        self.token = self._read()

    def take(self) -> Token:
        token = self.token
        self._at = token.end
        self.token = self._read()
        return token

    def take_regex(self) -> Token | None:
        """A regular expression, if one stands here."""
        found = _REGEX.match(self.text, self.token.start)
        if found is None:
            return None
        self._at = found.end()
        self.token = self._read()
        return Token("regex", found[0], found.start())

    def unexpected(self) -> MalformedQuery:
        """The error that what comes next is not what may stand here."""
        token = self.token
        line = self.text.count("\n", 0, token.start) + 1
        position = token.start - self.text.rfind("\n", 0, token.start)
        shown = token.text or "<EOF>"
        return MalformedQuery(
            f"unexpected symbol found {shown} at line {line} and position {position}", token.start, token.end
        )

    def _read(self) -> Token:
        space = _SPACE.match(self.text, self._at)
        at = space.end() if space else self._at
        if at == len(self.text):
            return Token("end", "", at)
        found = _TOKEN.match(self.text, at)
        if found is None:
            return Token("unknown", self.text[at], at)
        kind = found.lastgroup
        assert kind is not None
        return Token(kind, found[0], at)
