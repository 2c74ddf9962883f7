"""What enrichment and target are given of each event.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html
Placeholders are `<$.path>` and `<aws.pipes.…>`. The body of a queue's message is looked into where a path leads below
it, if it is JSON.
"""

import re
from collections.abc import Callable
from typing import Any

from fogbank.core import json_text
from fogbank.core.context import Context
from fogbank.core.input_template import ABSENT, InputTemplate, compile_path
from fogbank.core.moments import iso_seconds
from fogbank.core.targets import as_text
from fogbank.services.pipes.errors import Invalid
from fogbank.services.pipes.records import Pipe

_PLACEHOLDER = re.compile(r"<(\$[^<>]*|aws\.pipes\.[a-z.\-]+)>")
_PREDEFINED = frozenset(
    {
        "aws.pipes.pipe-arn",
        "aws.pipes.pipe-name",
        "aws.pipes.source-arn",
        "aws.pipes.enrichment-arn",
        "aws.pipes.target-arn",
        "aws.pipes.event.ingestion-time",
        "aws.pipes.event",
        "aws.pipes.event.json",
    }
)

Event = Any
# From an event to the text that is sent for it. Raises InvalidInput.
Transform = Callable[[Event], str]


def check_template(template: str | None) -> None:
    for name in _PLACEHOLDER.findall(template or ""):
        if name.startswith("$"):
            if compile_path(name) is None:
                raise Invalid(f"InputTemplate has an invalid path: {name}")
        elif name not in _PREDEFINED:
            raise Invalid(f"InputTemplate has an unknown variable: {name}")


def transform(ctx: Context, name: str, pipe: Pipe, template: str | None) -> Transform:
    """The template as a function; without one an event is sent as it is."""
    if not template:
        return lambda event: event if isinstance(event, str) else as_text(event)
    is_text = not template.lstrip().startswith(("{", "["))
    compiled = InputTemplate(template, _PLACEHOLDER, is_text=is_text, bare_strings=is_text)
    constants = {
        "aws.pipes.pipe-arn": pipe_arn(ctx, name),
        "aws.pipes.pipe-name": name,
        "aws.pipes.source-arn": pipe.source,
        "aws.pipes.enrichment-arn": pipe.enrichment,
        "aws.pipes.target-arn": pipe.target,
    }
    paths = {path: compile_path(path) for path in _PLACEHOLDER.findall(template) if path.startswith("$")}

    def value_of(event: Event, placeholder: str) -> Any:
        path = paths.get(placeholder)
        if path is not None:
            return path(_opened(event))
        if placeholder == "aws.pipes.event.ingestion-time":
            return iso_seconds(ctx.cloud.clock.now_ms())
        return constants.get(placeholder, event)

    return lambda event: compiled.fill(lambda placeholder: value_of(event, placeholder))


def resolve(setting: str | None, event: Event) -> str | None:
    """A target parameter, which may be a path into the event."""
    if setting is None or not setting.startswith("$"):
        return setting
    path = compile_path(setting)
    value = path(_opened(event)) if path is not None else ABSENT
    if value is ABSENT:
        raise Invalid(f"The event has no {setting}.")
    return value if isinstance(value, str) else as_text(value)


def pipe_arn(ctx: Context, name: str) -> str:
    return ctx.arn("pipes", f"pipe/{name}")


def _opened(event: Event) -> Event:
    if not isinstance(event, dict) or not isinstance(event.get("body"), str):
        return event
    body = json_text.parse(event["body"])
    return {**event, "body": body} if isinstance(body, dict | list) else event
