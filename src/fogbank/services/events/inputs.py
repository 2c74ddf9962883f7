"""What a target is sent: the event, a constant, a part of the event, or a template filled from it.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fogbank.core.targets import as_text
from fogbank.services.events.records import Target

_ABSENT = object()
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\*)\]|\[\'([^\']*)\'\]|\[\"([^\"]*)\"\]")
_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.\-]+)>")
PREDEFINED = frozenset(
    {
        "aws.events.rule-arn",
        "aws.events.rule-name",
        "aws.events.event.ingestion-time",
        "aws.events.event",
        "aws.events.event.json",
    }
)

# From the event, its JSON text, and the moment it came in, to what the target is sent.
MakeInput = Callable[[Mapping[str, Any], str, str], str]
Lookup = Callable[[Any], Any]


class InvalidInput(Exception):
    """The filled template is not JSON: nothing can be sent."""


def compile_input(target: Target, *, rule_arn: str, rule_name: str) -> MakeInput:
    """The target's input settings as a function of an event."""
    if target.input is not None:
        constant = target.input
        return lambda event, text, ingested: constant
    if target.input_path is not None and target.input_path != "$":
        lookup = compile_path(target.input_path)
        assert lookup is not None, "PutTargets has checked the path"
        return lambda event, text, ingested: as_text(_or_none(lookup(event)))
    if target.transformer is not None:
        paths = {name: compile_path(path) for name, path in target.transformer.paths.items()}
        return _compile_template(target.transformer.template, paths, rule_arn=rule_arn, rule_name=rule_name)
    return lambda event, text, ingested: text


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
                return _ABSENT
            found = (_walk(item, steps[at + 1 :]) for item in value)
            return [item for item in found if item is not _ABSENT]
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return _ABSENT
            value = value[step]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return _ABSENT
    return value


def _or_none(value: Any) -> Any:
    return None if value is _ABSENT else value


def invalid_placeholder(template: str, names: Mapping[str, str]) -> str | None:
    """The first placeholder of the template that is neither a path's name nor predefined."""
    for name in _PLACEHOLDER.findall(template):
        if name not in names and name not in PREDEFINED:
            return str(name)
    return None


def _compile_template(template: str, paths: Mapping[str, Lookup | None], *, rule_arn: str, rule_name: str) -> MakeInput:
    """A template that begins with a quote is text; any other is JSON and must be so when filled."""
    text_template = template.lstrip().startswith('"')
    pieces = _split(template)

    def value_of(name: str, event: Mapping[str, Any], ingested: str) -> Any:
        lookup = paths.get(name)
        if lookup is not None:
            return lookup(event)
        match name:
            case "aws.events.rule-arn":
                return rule_arn
            case "aws.events.rule-name":
                return rule_name
            case "aws.events.event.ingestion-time":
                return ingested
            case "aws.events.event":
                return _without_detail(event, ingested)
            case _:
                return event

    def fill(event: Mapping[str, Any], text: str, ingested: str) -> str:
        parts: list[str] = []
        for piece, name, quoted in pieces:
            parts.append(piece)
            if name:
                value = value_of(name, event, ingested)
                parts.append(_in_quotes(value, text_template) if quoted else _bare(value))
        filled = "".join(parts)
        if not text_template:
            try:
                return as_text(msgspec.json.decode(filled))
            except msgspec.DecodeError as error:
                raise InvalidInput(str(error)) from None
        return filled

    return fill


def _split(template: str) -> list[tuple[str, str, bool]]:
    """Text pieces, each with the placeholder behind it and whether that one stands inside quotes."""
    pieces: list[tuple[str, str, bool]] = []
    at, quoted = 0, False
    for found in _PLACEHOLDER.finditer(template):
        piece = template[at : found.start()]
        if (len(re.findall(r'(?<!\\)"', piece)) % 2) == 1:
            quoted = not quoted
        pieces.append((piece, found[1], quoted))
        at = found.end()
    pieces.append((template[at:], "", quoted))
    return pieces


def _bare(value: Any) -> str:
    # A path that the event does not have leaves an empty string, as recorded.
    return '""' if value is _ABSENT else as_text(value)


def _in_quotes(value: Any, text_template: bool) -> str:
    if value is _ABSENT:
        return ""
    if isinstance(value, str):
        return as_text(value)[1:-1]
    written = as_text(value)
    # Inside text, objects and lists lose their quotes; inside JSON they keep them and break it.
    return written.replace('"', "") if text_template else written


def _without_detail(event: Mapping[str, Any], ingested: str) -> dict[str, Any]:
    """`<aws.events.event>`: no detail, the type in camel case, the time that of ingestion."""
    return {
        "version": event.get("version"),
        "id": event.get("id"),
        "detailType": event.get("detail-type"),
        "source": event.get("source"),
        "account": event.get("account"),
        "time": ingested,
        "region": event.get("region"),
        "resources": event.get("resources"),
    }
