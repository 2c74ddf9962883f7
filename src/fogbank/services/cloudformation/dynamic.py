"""Dynamic references: `{{resolve:ssm:name:version}}` inside a property, read when the resource is made.

Secrets Manager is not there: a reference to it is refused before anything is created.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

import re
from collections.abc import Iterator
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.services.cloudformation.errors import ValidationError

MARK = "{{resolve:"
REFERENCE = re.compile(r"\{\{resolve:([a-z-]+):([^{}]*)\}\}")
SOURCES = ("ssm", "ssm-secure")


def is_dynamic(value: Any) -> bool:
    return isinstance(value, str) and MARK in value


def check(value: Any) -> None:
    """Refuse references to stores that Fogbank cannot read."""
    for text in _texts(value):
        for source, _ in REFERENCE.findall(text):
            if source not in SOURCES:
                raise NotImplementedInFogbank(f"Dynamic references to {source} are not implemented by Fogbank.")


async def resolve(ctx: Context, value: Any) -> Any:
    """`value` with every reference replaced."""
    if isinstance(value, dict):
        return {key: await resolve(ctx, item) for key, item in value.items()}
    if isinstance(value, list):
        return [await resolve(ctx, item) for item in value]
    if not is_dynamic(value):
        return value
    check(value)
    found = {reference: await _read(ctx, *reference) for reference in REFERENCE.findall(value)}
    return REFERENCE.sub(lambda match: found[match[1], match[2]], value)


async def _read(ctx: Context, source: str, reference: str) -> str:
    name, colon, version = reference.rpartition(":")
    if not colon or not version.isdecimal():
        name, version = reference, ""
    answer = await ctx.call(ctx.cloud.ssm.get_parameters, Names=[name], WithDecryption=True)
    if not answer["Parameters"]:
        raise ValidationError(f"Parameters: [{source}:{reference}] could not be found. ")
    (parameter,) = answer["Parameters"]
    if (parameter["Type"] == "SecureString") != (source == "ssm-secure"):
        words = "Secure" if source == "ssm" else "Non-secure"
        raise ValidationError(f"{words} reference is not supported for {source}: [{name}] is a {parameter['Type']}")
    if version and int(version) != parameter["Version"]:
        raise NotImplementedInFogbank(
            f"Fogbank keeps no earlier versions of parameters: {name} has version {parameter['Version']}."
        )
    return str(parameter["Value"])


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
