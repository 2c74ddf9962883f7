"""Patterns of names: a regular expression of the whole name.

AWS says that GetTables takes a regular expression, and its own clients send `orders*`, in which the asterisk is any
text, as Hive has it. Both are taken: an asterisk behind `.`, `)` or `]` repeats what it follows, any other is any text.
"""

import re

from fogbank.core.linear_regex import BadExpression, Matches, whole_match
from fogbank.services.glue.errors import InvalidInput

_ASTERISK = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\*", re.DOTALL)


def compile_name_pattern(text: str) -> Matches:
    """What tells whether a name matches. Raises InvalidInput."""

    def translated(found: re.Match[str]) -> str:
        repeats = found[0] != "*" or text[max(found.start() - 1, 0)] in ".)]"
        return found[0] if repeats else ".*"

    try:
        return whole_match(f"(?s){_ASTERISK.sub(translated, text)}")
    except BadExpression:
        # AWS's sentence is not recorded.
        raise InvalidInput(f"The expression {text} is not a pattern that can be matched.") from None
