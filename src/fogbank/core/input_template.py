"""Templates that are filled from an event, and the paths that point into it: EventBridge's and its pipes'.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from fogbank.core.targets import as_text

ABSENT: Any = object()
"""What a path gives for an event that does not have it."""

Lookup = Callable[[Any], Any]

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\*)\]|\[\'([^\']*)\'\]|\[\"([^\"]*)\"\]")


class InvalidInput(Exception):
    """The filled template is not JSON: nothing can be sent."""


def compile_path(path: str) -> Lookup | None:
    """A JSON path (`$.detail.items[0]['a b']`) as a function; None if it is not valid."""
    if not path.startswith("$"):
        return None
    steps: list[str | int | None] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            return None
        name, index, single, double = found.groups()
        if index is not None:
            steps.append(None if index == "*" else int(index))
        else:
            steps.append(next(part for part in (name, single, double) if part is not None))
        at = found.end()
    return lambda event: _walk(event, steps)


def _walk(value: Any, steps: list[str | int | None]) -> Any:
    for at, step in enumerate(steps):
        if step is None or step == "*":
            if not isinstance(value, list):
                return ABSENT
            found = (_walk(item, steps[at + 1 :]) for item in value)
            return [item for item in found if item is not ABSENT]
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return ABSENT
            value = value[step]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return ABSENT
    return value


class InputTemplate:
    """A template with `<placeholders>`. One of text takes what it is given; one of JSON must be so when filled."""

    def __init__(
        self, template: str, placeholder: re.Pattern[str], *, is_text: bool, bare_strings: bool = False
    ) -> None:
        """`placeholder` has one group, the name. `bare_strings`: outside of quotes, a string gets none either."""
        self._is_text = is_text
        self._bare_strings = bare_strings
        self._pieces = _split(template, placeholder)

    def fill(self, value_of: Callable[[str], Any]) -> str:
        """The filled template; `value_of` gives the value of a placeholder, or ABSENT. Raises InvalidInput."""
        parts: list[str] = []
        for piece, name, quoted in self._pieces:
            parts.append(piece)
            if name:
                value = value_of(name)
                parts.append(_in_quotes(value, self._is_text) if quoted else _bare(value, self._bare_strings))
        filled = "".join(parts)
        if self._is_text:
            return filled
        try:
            return as_text(msgspec.json.decode(filled))
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidInput(str(error)) from None


def _split(template: str, placeholder: re.Pattern[str]) -> list[tuple[str, str, bool]]:
    """Text pieces, each with the placeholder behind it and whether that one stands inside quotes."""
    pieces: list[tuple[str, str, bool]] = []
    at, quoted = 0, False
    for found in placeholder.finditer(template):
        piece = template[at : found.start()]
        if (len(re.findall(r'(?<!\\)"', piece)) % 2) == 1:
            quoted = not quoted
        pieces.append((piece, found[1], quoted))
        at = found.end()
    pieces.append((template[at:], "", quoted))
    return pieces


def _bare(value: Any, bare_strings: bool) -> str:
    # A path that the event does not have leaves an empty string, as recorded.
    text = "" if value is ABSENT else value
    return text if bare_strings and isinstance(text, str) else as_text(text)


def _in_quotes(value: Any, is_text: bool) -> str:
    if value is ABSENT:
        return ""
    if isinstance(value, str):
        return as_text(value)[1:-1]
    written = as_text(value)
    # Inside text, objects and lists lose their quotes; inside JSON they keep them and break it.
    return written.replace('"', "") if is_text else written
