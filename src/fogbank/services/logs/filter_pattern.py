"""Filter patterns: which messages match, and what a match extracts.

A pattern in braces is about JSON (`filter_json`), one in brackets about space-delimited fields (`filter_columns`), any
other about terms (`filter_terms`).
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from fogbank.services.logs.filter_columns import compile_columns
from fogbank.services.logs.filter_json import as_value, compile_json, document_of, parse_selector, select
from fogbank.services.logs.filter_terms import compile_terms


class Match(msgspec.Struct):
    """A message that matched: the fields that the pattern names, and the document if it is about JSON."""

    extracted: Mapping[str, str]
    document: Any = None

    def value(self, selector: str) -> str | None:
        """What `$.latency` or `$bytes` is in the message; None if it is not there."""
        if self.document is None:
            return self.extracted.get(selector)
        found = next(select(self.document, parse_selector(selector)), None)
        return None if found is None else as_value(found)


class Filter(Protocol):
    """A compiled pattern."""

    def __call__(self, message: str) -> Match | None: ...


@lru_cache(maxsize=1024)
def compile_filter(pattern: str) -> Filter:
    """What matches messages. Raises InvalidParameter for a pattern that AWS refuses."""
    text = pattern.strip()
    if text.startswith("{"):
        return _json_filter(text)
    if text.startswith("["):
        columns = compile_columns(text)

        def match_columns(message: str) -> Match | None:
            found = columns(message)
            return None if found is None else Match(found)

        return match_columns
    matches = compile_terms(text)
    return lambda message: Match({}) if matches(message) else None


def _json_filter(text: str) -> Filter:
    test, selectors = compile_json(text)

    def match(message: str) -> Match | None:
        document = document_of(message)
        if document is None or not test(document):
            return None
        found = {name: next(select(document, selector), None) for name, selector in selectors.items()}
        return Match({name: as_value(value) for name, value in found.items() if value is not None}, document)

    return match
