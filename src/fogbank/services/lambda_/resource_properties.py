"""Properties of CloudFormation types as Lambda's operations take them."""

import json
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import AwsError

_NUMBERS = frozenset(
    {
        "BatchSize",
        "MaximumBatchingWindowInSeconds",
        "MaximumConcurrency",
        "MaximumEventAgeInSeconds",
        "MaximumRecordAgeInSeconds",
        "MaximumRetryAttempts",
        "MaxAge",
        "MemorySize",
        "ParallelizationFactor",
        "Size",
        "Timeout",
        "TumblingWindowInSeconds",
    }
)
_BOOLEANS = frozenset({"AllowCredentials", "BisectBatchOnFunctionError", "Enabled", "InvokedViaFunctionUrl"})


def taken(properties: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: typed(name, properties[name]) for name in names if properties.get(name) is not None}


def typed(name: str, value: Any) -> Any:
    """Templates may write numbers and booleans as text, and text as numbers; the API takes neither."""
    if name in _NUMBERS:
        return int(value)
    if name in _BOOLEANS:
        return value if isinstance(value, bool) else value == "true"
    if name == "Pattern" and isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, dict):
        return {inner: typed(inner, each) for inner, each in value.items()}
    if isinstance(value, list):
        return [typed("", each) for each in value]
    return _text(value)


def _text(value: Any) -> str:
    """JSON's true in a template becomes `true`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


async def gone_is_fine(work: Any) -> None:
    try:
        await work
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise


async def set_tags(ctx: Context, arn: str, tags: dict[str, str]) -> None:
    """Give a resource these tags and no others."""
    service = ctx.cloud.lambda_
    present = (await ctx.call(service.list_tags, Resource=arn))["Tags"]
    if dropped := [key for key in present if key not in tags]:
        await ctx.call(service.untag_resource, Resource=arn, TagKeys=dropped)
    if tags:
        await ctx.call(service.tag_resource, Resource=arn, Tags=tags)
