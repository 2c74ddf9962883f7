"""Dynamic references: `{{resolve:ssm:name:version}}` inside a property, read when the resource is made.

Those to plain parameters are part of a resource's properties from then on. Those to secrets stay references: what they
refer to is known to the resource's handler and to nothing else, so that no record, event or description has it, and
a secret that changes changes no resource.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.json_text import parse
from fogbank.services.cloudformation.errors import ValidationError

MARK = "{{resolve:"
REFERENCE = re.compile(r"\{\{resolve:([a-z-]+):([^{}]*)\}\}")
_ARN_PARTS = 7

Read = Callable[[Context, str], Awaitable[str]]

# Where `ssm-secure` may stand, of the types that there are.
_SECURE_PROPERTIES = {
    "AWS::IAM::User": ("LoginProfile/Password",),
    "AWS::KinesisFirehose::DeliveryStream": (
        "RedshiftDestinationConfiguration/Password",
        "RedshiftDestinationConfiguration/Username",
    ),
}


def is_dynamic(value: Any) -> bool:
    return isinstance(value, str) and MARK in value


def check(type_name: str, properties: dict[str, Any]) -> None:
    """Refuse references to stores that there are none of, and to secure parameters where they may not stand."""
    for path, text in _texts(properties):
        for source, _ in REFERENCE.findall(text):
            if source not in _SOURCES:
                raise NotImplementedInFogbank(f"Dynamic references to {source} are not implemented by Fogbank.")
            if source == "ssm-secure" and path not in _SECURE_PROPERTIES.get(type_name, ()):
                raise ValidationError(f"SSM Secure reference is not supported in: [{type_name}/Properties/{path}]")


async def resolve(ctx: Context, value: Any) -> Any:
    """`value` with every reference to a plain parameter replaced."""
    return await _replaced(ctx, value, _PLAIN)


async def reveal(ctx: Context, value: Any) -> Any:
    """`value` with every reference to a secret replaced, too: for whoever makes the resource, and not to be kept."""
    return await _replaced(ctx, value, _SECRET)


async def parameter(ctx: Context, name: str) -> str | None:
    """The value of an SSM parameter for a parameter of a template, None if there is none."""
    answer = await ctx.call(ctx.cloud.ssm.get_parameters, Names=[name])
    if not answer["Parameters"]:
        return None
    (found,) = answer["Parameters"]
    if found["Type"] == "SecureString":
        raise ValidationError(f"Parameters [{name}] referenced by template have types not supported by CloudFormation.")
    return str(found["Value"])


async def _replaced(ctx: Context, value: Any, readers: dict[str, Read]) -> Any:
    if isinstance(value, dict):
        return {key: await _replaced(ctx, item, readers) for key, item in value.items()}
    if isinstance(value, list):
        return [await _replaced(ctx, item, readers) for item in value]
    if not is_dynamic(value):
        return value
    found = {
        (source, reference): await readers[source](ctx, reference)
        for source, reference in REFERENCE.findall(value)
        if source in readers
    }
    return REFERENCE.sub(lambda match: found.get((match[1], match[2]), match[0]), value)


async def _plain_parameter(ctx: Context, reference: str) -> str:
    return await _parameter(ctx, "ssm", reference)


async def _secure_parameter(ctx: Context, reference: str) -> str:
    return await _parameter(ctx, "ssm-secure", reference)


async def _parameter(ctx: Context, source: str, reference: str) -> str:
    answer = await ctx.call(ctx.cloud.ssm.get_parameters, Names=[reference], WithDecryption=source == "ssm-secure")
    if not answer["Parameters"]:
        raise ValidationError(f"Parameters: [{source}:{reference}] could not be found. ")
    (found,) = answer["Parameters"]
    if (found["Type"] == "SecureString") != (source == "ssm-secure"):
        words = "Secure" if source == "ssm" else "Non-secure"
        raise ValidationError(
            f"{words} reference is not supported for {source}: [{found['Name']}] is a {found['Type']}"
        )
    return str(found["Value"])


async def _secret(ctx: Context, reference: str) -> str:
    """`secret-id:SecretString:json-key:version-stage:version-id`, of which the id alone is enough."""
    parts = reference.split(":")
    whole = _ARN_PARTS if reference.startswith("arn:") else 1
    kind, key, stage, version, *more = [*parts[whole:], "", "", "", ""][: max(len(parts) - whole, 4)]
    if more or kind not in ("", "SecretString"):
        raise ValidationError(f"Invalid dynamic reference: [secretsmanager:{reference}]")
    which = {"VersionStage": stage, "VersionId": version}
    answer = await ctx.call(
        ctx.cloud.secretsmanager.get_secret_value,
        SecretId=":".join(parts[:whole]),
        **{name: value for name, value in which.items() if value},
    )
    text = str(answer.get("SecretString", ""))
    return _member(text, key) if key else text


def _member(text: str, key: str) -> str:
    document = parse(text)
    if not isinstance(document, dict):
        raise ValidationError("Could not parse SecretString JSON")
    if key not in document:
        raise ValidationError("Could not find a value associated with JSONKey in SecretString")
    value = document[key]
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text with a reference in it, and where it stands."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, f"{path}/{name}" if path else str(name))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, path)
    elif is_dynamic(value):
        yield path, value


_PLAIN: dict[str, Read] = {"ssm": _plain_parameter}
_SECRET: dict[str, Read] = {"ssm-secure": _secure_parameter, "secretsmanager": _secret}
_SOURCES = _PLAIN.keys() | _SECRET.keys()
