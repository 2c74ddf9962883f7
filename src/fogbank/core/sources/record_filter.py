"""Filter criteria of event source mappings and pipes.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-filtering.html
"""

from typing import Any

from fogbank.core import json_text
from fogbank.core.patterns import compile_pattern


class Filter:
    """Patterns of which one must match; without patterns everything passes."""

    def __init__(self, patterns: list[str]) -> None:
        self._matches = [compile_pattern(pattern) for pattern in patterns]

    def passes(self, record: dict[str, Any]) -> bool:
        if not self._matches:
            return True
        view = record
        if isinstance(body := record.get("body"), str):
            view = {**record, "body": _parsed(body)}
        return any(match(view) for match in self._matches)


def _parsed(body: str) -> Any:
    """A body that is a JSON object is matched by its members, any other as text."""
    value = json_text.parse(body)
    return value if isinstance(value, dict) else body
