"""Tags in the two forms that AWS's APIs have: a list of pairs, and a map; and whose they are."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fogbank.core.context import Context

_RESERVED = "aws:"
_OF_STACKS = "aws:cloudformation:"


def reserved(ctx: "Context", keys: Iterable[str]) -> str | None:
    """The first of the keys that only AWS may give: CloudFormation gives those that tell of a resource's stack."""
    mine = _OF_STACKS if ctx.makes_stacks else None
    found = (key for key in keys if key.lower().startswith(_RESERVED))
    return next((key for key in found if mine is None or not key.startswith(mine)), None)


def given(tags: Mapping[str, str]) -> dict[str, str]:
    """Those that are no tags of AWS's: limits count no others."""
    return {key: value for key, value in tags.items() if not key.lower().startswith(_RESERVED)}


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_map(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or ()}
