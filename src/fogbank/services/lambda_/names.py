"""The ways to name a function: name, partial ARN, ARN, each with or without a qualifier."""

import re
from typing import NamedTuple

from fogbank.core.context import Context
from fogbank.services.lambda_.errors import InvalidParameterValue, ResourceNotFound

_NAME = re.compile(
    r"(?:arn:(?P<partition>aws[a-zA-Z-]*)?:lambda:)?(?:(?P<region>[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?"
    r"(?:(?P<account>\d{12}):)?(?:function:)?(?P<name>[a-zA-Z0-9_.-]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9_-]+))?"
)


_ALIAS = re.compile(r"(?!\d+$)[a-zA-Z0-9_-]+")


class FunctionName(NamedTuple):
    """Which function in which account; `qualifier` is empty if none was given."""

    account: str
    name: str
    qualifier: str

    def latest(self) -> "FunctionName":
        """The same, with `$LATEST` where there is no qualifier: as the errors of some operations name it."""
        return self if self.qualifier else self._replace(qualifier="$LATEST")


def parse_name(ctx: Context, text: str, qualifier: str | None = None) -> FunctionName:
    match = _NAME.fullmatch(text)
    if match is None:
        raise InvalidParameterValue(
            f"1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {_NAME.pattern}"
        )
    region = match["region"]
    if region and region != ctx.region:
        raise ResourceNotFound(f"Functions from '{region}' are not reachable in this region ('{ctx.region}')")
    inner = match["qualifier"] or ""
    if inner and qualifier and inner != qualifier:
        raise InvalidParameterValue(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    return FunctionName(match["account"] or ctx.account, match["name"], qualifier or inner)


def function_arn(ctx: Context, account: str, name: str, qualifier: str = "") -> str:
    arn = f"arn:aws:lambda:{ctx.region}:{account}:function:{name}"
    return f"{arn}:{qualifier}" if qualifier else arn


def is_alias(qualifier: str) -> bool:
    """Whether a qualifier names an alias, and no version."""
    return _ALIAS.fullmatch(qualifier) is not None
