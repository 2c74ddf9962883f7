"""Filter patterns over JSON: `{ $.user.id = 1 && ($.action = "GET*" || $.error IS NULL) }`."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from fogbank.services.logs.filter_scanner import Scanner, refuse

_STEP = re.compile(r"\.?\[\s*(?:(\d+)|(\*)|[\"']([^\"']+)[\"'])\s*\]|\.(\*|[A-Za-z0-9_\-]+)")
_WORD = re.compile(r"(IS|NOT)\s+(NULL|TRUE|FALSE|EXISTS)\b")

Selector = tuple[str | int, ...]
Test = Callable[[Any], bool]
_WORDS: dict[tuple[str, str], Callable[[list[Any]], bool]] = {
    ("IS", "NULL"): lambda found: None in found,
    ("IS", "TRUE"): lambda found: any(value is True for value in found),
    ("IS", "FALSE"): lambda found: any(value is False for value in found),
    ("NOT", "EXISTS"): lambda found: not found,
}


def compile_json(text: str) -> tuple[Test, dict[str, Selector]]:
    """What tells whether a document matches, and the selectors that the pattern mentions, by their text."""
    scanner = Scanner(text)
    selectors: dict[str, Selector] = {}
    scanner.expect("{")

    def one() -> Test:
        start = _skip(scanner)
        selector = _selector(scanner)
        selectors[scanner.text[start : scanner.at]] = selector
        word = scanner.match(_WORD)
        if word is not None:
            known = _WORDS.get((word[1], word[2])) or refuse()
            return lambda document: known(list(select(document, selector)))
        condition = scanner.condition()
        return lambda document: any(condition(value) for value in select(document, selector) if _is_value(value))

    test = scanner.any_of_all(one)
    scanner.expect("}")
    if not scanner.done():
        refuse()
    return test, selectors


def parse_selector(text: str) -> Selector:
    scanner = Scanner(text)
    selector = _selector(scanner)
    return selector if scanner.done() else refuse()


def select(document: Any, selector: Selector) -> Iterator[Any]:
    """The values that a selector points to; `*` goes over all members of an array or an object."""
    if not selector:
        yield document
        return
    step, rest = selector[0], selector[1:]
    if step == "*":
        inner = document if isinstance(document, list) else document.values() if isinstance(document, dict) else ()
        for value in inner:
            yield from select(value, rest)
    elif isinstance(step, int):
        if isinstance(document, list) and step < len(document):
            yield from select(document[step], rest)
    elif isinstance(document, dict) and step in document:
        yield from select(document[step], rest)


def document_of(message: str) -> Any:
    """The object that a message is; None for any other."""
    if not message.lstrip().startswith("{"):
        return None
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        return None


def as_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _is_value(value: Any) -> bool:
    # A selector that points to an array or an object matches nothing, whatever the operator.
    return value is not None and not isinstance(value, list | dict)


def _skip(scanner: Scanner) -> int:
    scanner.space()
    return scanner.at


def _selector(scanner: Scanner) -> Selector:
    scanner.expect("$")
    steps: list[str | int] = []
    while (found := _STEP.match(scanner.text, scanner.at)) is not None:
        index, star, quoted, name = found.groups()
        steps.append(int(index) if index else star or quoted or name)
        scanner.at = found.end()
    return tuple(steps) if steps else refuse()
