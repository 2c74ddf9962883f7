"""Filter patterns over plain text: terms, quoted phrases, optional (?) and excluded (-) ones.

JSON and space-delimited patterns are not there yet and are refused by name.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import re
from collections.abc import Callable

from fogbank.core.errors import NotImplementedInFogbank
from fogbank.services.logs.errors import InvalidParameter

Matches = Callable[[str], bool]
_TERM = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))')
_BARE_TERM = re.compile(r"[A-Za-z0-9_]+")


def compile_filter(pattern: str) -> Matches:
    """What tells whether a message matches the pattern."""
    text = pattern.strip()
    if text.startswith(("{", "[", "%")):
        kind = {"{": "JSON", "[": "space-delimited", "%": "regular expression"}[text[0]]
        raise NotImplementedInFogbank(f"Fogbank's CloudWatch Logs does not implement {kind} filter patterns yet.")
    required, optional, excluded = _terms(text)

    def matches(message: str) -> bool:
        return (
            all(term in message for term in required)
            and not any(term in message for term in excluded)
            and (not optional or any(term in message for term in optional))
        )

    return matches


def _terms(text: str) -> tuple[list[str], list[str], list[str]]:
    required: list[str] = []
    optional: list[str] = []
    excluded: list[str] = []
    position = 0
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            raise InvalidParameter("Invalid filter pattern")
        sign, quoted, bare = match.groups()
        if quoted is None and _BARE_TERM.fullmatch(bare) is None:
            raise InvalidParameter("Invalid filter pattern")
        term = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        {"": required, "?": optional, "-": excluded}[sign].append(term)
        position = match.end()
    return required, optional, excluded
