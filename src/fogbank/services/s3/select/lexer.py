"""From an expression's text to tokens."""

import re
from typing import NamedTuple

from fogbank.services.s3.select.errors import SelectError

_TOKEN = re.compile(
    r"""(?:\s|--[^\n]*|/\*.*?\*/)*(?:
    (?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
    |"(?P<quoted>(?:[^"]|"")*)"
    |'(?P<string>(?:[^']|'')*)'
    |`(?P<ion>[^`]*)`
    |(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<operator><>|!=|<=|>=|\|\||[=<>+\-*/%])
    |(?P<sign>[(){}\[\],.:;])
    |(?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_SIGNS = {
    "(": "LEFT_PAREN",
    ")": "RIGHT_PAREN",
    "[": "LEFT_BRACKET",
    "]": "RIGHT_BRACKET",
    "{": "LEFT_CURLY",
    "}": "RIGHT_CURLY",
    ",": "COMMA",
    ".": "DOT",
    ":": "COLON",
    ";": "SEMICOLON",
}
# Words that cannot be names unless they are quoted; of the longer list in AWS's reference those that the grammar needs.
KEYWORDS = frozenset(
    """all and any as asc between by case cast create cross delete desc distinct drop else end escape except exists
    false from full group having in inner insert intersect into is join left like limit missing natural not null on or
    order outer right select then true union unpivot update values when where""".upper().split()
)


class Token(NamedTuple):
    """`word` and `quoted` are names (a word may be a keyword), `string`, `number` and `ion` literals."""

    kind: str
    text: str
    line: int
    column: int

    @property
    def keyword(self) -> str:
        """The word in upper case where it is a keyword; else nothing."""
        word = self.text.upper()
        return word if self.kind == "word" and word in KEYWORDS else ""

    @property
    def place(self) -> str:
        return f"at line {self.line}, column {self.column}"

    @property
    def type_name(self) -> str:
        """What error messages call it."""
        match self.kind:
            case "word":
                return "KEYWORD" if self.keyword else "IDENTIFIER"
            case "quoted":
                return "QUOTED_IDENTIFIER"
            case "operator":
                return "STAR" if self.text == "*" else "OPERATOR"
            case "sign":
                return _SIGNS[self.text]
            case "end":
                return "EOF"
            case _:
                return "LITERAL"

    @property
    def shown(self) -> str:
        if self.kind == "end":
            return "EOF"
        text = self.text.lower() if self.keyword else self.text
        return f"{self.type_name}:{text if self.kind == 'number' else repr(text)}"


def tokenize(text: str) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    while True:
        match = _TOKEN.match(text, at)
        if match is None:
            rest = re.compile(r"\s*").match(text, at)
            assert rest is not None
            line, column = _place(text, rest.end())
            raise SelectError("LexerInvalidChar", f"Invalid character at line {line}, column {column}.")
        kind = match.lastgroup
        assert kind is not None
        found = match[kind]
        if kind == "string":
            found = found.replace("''", "'")
        elif kind == "quoted":
            found = found.replace('""', '"')
        start = match.start(kind) - (kind in ("string", "quoted", "ion"))
        tokens.append(Token(kind, found, *_place(text, start)))
        if kind == "end":
            return tokens
        at = match.end()


def _place(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
