"""Filter patterns over plain text: terms, quoted phrases and regular expressions, optional (?) or excluded (-)."""

import re
from collections.abc import Callable

from fogbank.services.logs.filter_regex import compile_regex
from fogbank.services.logs.filter_scanner import REGEX_MAX, refuse

_TERM = re.compile(r'\s*([?-]?)\s*(?:"((?:[^"\\]|\\.)*)"|%([^%]*)%|([A-Za-z0-9_]+)(?=\s|$))')
Contains = Callable[[str], bool]


def compile_terms(text: str) -> Contains:
    """What tells whether a message has all the terms, none of the excluded and, if there are any, an optional one."""
    required: list[Contains] = []
    optional: list[Contains] = []
    excluded: list[Contains] = []
    position = regexes = 0
    while position < len(text):
        found = _TERM.match(text, position)
        if found is None:
            refuse()
        sign, quoted, regex, bare = found.groups()
        if regex is not None:
            regexes += 1
            term = compile_regex(regex)
        else:
            term = _contains(bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        {"": required, "?": optional, "-": excluded}[sign].append(term)
        position = found.end()
    if regexes > REGEX_MAX:
        refuse()

    def matches(message: str) -> bool:
        return (
            all(term(message) for term in required)
            and not any(term(message) for term in excluded)
            and (not optional or any(term(message) for term in optional))
        )

    return matches


def _contains(term: str) -> Contains:
    return lambda message: term in message
