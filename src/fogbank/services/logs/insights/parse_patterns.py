"""The patterns of `parse` and `like`: globs, and regular expressions as the SQL engine takes them.

The engine's expressions are RE2's, which have no look-around and no back-references, so that they take linear time.
"""

import re

from fogbank.services.logs.insights.errors import MalformedQuery
from fogbank.services.logs.insights.lexer import Token
from fogbank.services.logs.insights.syntax import Regex

_PIECE = re.compile(
    r"\\.|\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\\])*\]|\((?:\?P?<(?P<name>\w+)>|\?:|\?[a-zA-Z-]+[:)])?|.", re.DOTALL
)


def glob_regex(glob: str) -> str:
    """Each `*` is a group: up to what follows it, or to the end."""
    pieces = glob.split("*")
    last = len(pieces) - 1
    text = "(?s)" + ("^" if pieces[0] == "" else "")
    for index, piece in enumerate(pieces):
        text += re.escape(piece)
        if index < last:
            text += "(.*)" if index == last - 1 and pieces[last] == "" else "(.*?)"
    return text


def checked_regex(token: Token) -> tuple[Regex, tuple[str, ...]]:
    """The expression in RE2's notation, and the names of its groups. Whether it is sound, the engine says.

    Where groups have names, the others capture nothing.
    """
    text, unnamed = "", 0
    names: list[str] = []
    written = token.value
    named = any(piece["name"] for piece in _PIECE.finditer(written))
    for piece in _PIECE.finditer(written):
        found, name = piece[0], piece["name"]
        if name:
            names.append(name)
            found = f"(?P<{name}>"
        elif found == "(":
            if written[piece.end() : piece.end() + 1] == "?":  # Look-around and the like.
                raise _invalid(token)
            unnamed += 1
            found = "(?:" if named else "("
        elif re.fullmatch(r"\\[1-9]", found):
            raise _invalid(token)
        text += found
    if len(set(names)) != len(names):
        raise _invalid(token)
    groups = len(names) if named else unnamed
    return Regex(text, groups, token.text, token.start, token.end), tuple(names)


def _invalid(token: Token) -> MalformedQuery:
    return MalformedQuery(f"Invalid regular expression {token.text}", token.start, token.end)
