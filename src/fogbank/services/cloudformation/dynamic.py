"""Dynamic references: `{{resolve:ssm:name}}` inside a property, read when the resource is made.

Only Parameter Store's plain values are there; a reference to another store is refused before anything is created.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

import re
from collections.abc import Iterator
from typing import Any

from fogbank.core.context import Context
from fogbank.services.cloudformation.errors import ValidationError

MARK = "{{resolve:"
REFERENCE = re.compile(r"\{\{resolve:([a-z-]+):([^{}]*)\}\}")
SOURCE = "ssm"


def is_dynamic(value: Any) -> bool:
    return isinstance(value, str) and MARK in value


def check(value: Any) -> None:
    """Refuse references to stores that Fogbank cannot read."""
    for text in _texts(value):
        for source, _ in REFERENCE.findall(text):
            if source != SOURCE:
                raise ValidationError(f"Dynamic references to {source} are not implemented by Fogbank")


async def resolve(ctx: Context, value: Any) -> Any:
    """`value` with every reference replaced."""
    if isinstance(value, dict):
        return {key: await resolve(ctx, item) for key, item in value.items()}
    if isinstance(value, list):
        return [await resolve(ctx, item) for item in value]
    if not is_dynamic(value):
        return value
    check(value)
    found = {name: await parameter(ctx, name) for _, name in REFERENCE.findall(value)}
    missing = [name for name, text in found.items() if text is None]
    if missing:
        raise ValidationError(f"Parameters: [{', '.join(missing)}] could not be found. ")
    return REFERENCE.sub(lambda match: str(found[match[2]]), value)


async def parameter(ctx: Context, name: str) -> str | None:
    """The value of an SSM parameter, None if there is none."""
    answer = await ctx.call(ctx.cloud.ssm.get_parameters, Names=[name])
    found = answer["Parameters"]
    return str(found[0]["Value"]) if found else None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif is_dynamic(value):
        yield value
