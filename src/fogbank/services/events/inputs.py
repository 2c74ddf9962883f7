"""What a target is sent: the event, a constant, a part of the event, or a template filled from it.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from fogbank.core.input_template import ABSENT, InputTemplate, Lookup, compile_path
from fogbank.core.targets import as_text
from fogbank.services.events.records import Target

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


def _or_none(value: Any) -> Any:
    return None if value is ABSENT else value


def invalid_placeholder(template: str, names: Mapping[str, str]) -> str | None:
    """The first placeholder of the template that is neither a path's name nor predefined."""
    for name in _PLACEHOLDER.findall(template):
        if name not in names and name not in PREDEFINED:
            return str(name)
    return None


def _compile_template(template: str, paths: Mapping[str, Lookup | None], *, rule_arn: str, rule_name: str) -> MakeInput:
    """A template that begins with a quote is text; any other is JSON and must be so when filled."""
    filled = InputTemplate(template, _PLACEHOLDER, is_text=template.lstrip().startswith('"'))

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

    return lambda event, text, ingested: filled.fill(lambda name: value_of(name, event, ingested))


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
