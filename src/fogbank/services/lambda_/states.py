"""What a function goes through while it is changed.

https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
A change is in effect when it is answered. That it is under way shows for a moment: no other is taken meanwhile.
"""

import uuid

from fogbank.core.context import Context
from fogbank.services.lambda_.errors import ResourceConflict
from fogbank.services.lambda_.names import FunctionName, function_arn
from fogbank.services.lambda_.records import Configuration

UPDATE_MS = 300  # AWS takes a second or more; this is long enough to be seen


def begin_update(ctx: Context, config: Configuration) -> None:
    """A version is changed, or made by a change of `$LATEST`: it has another revision while that is under way."""
    config.settles_ms = ctx.now_ms + UPDATE_MS
    config.interim_revision = str(uuid.uuid4())


def is_settled(ctx: Context, config: Configuration) -> bool:
    return ctx.now_ms >= config.settles_ms


def revision_of(ctx: Context, config: Configuration) -> str:
    """The revision that callers are told and may name."""
    return config.revision if is_settled(ctx, config) else config.interim_revision


def check_settled(ctx: Context, name: FunctionName, config: Configuration) -> None:
    if not is_settled(ctx, config):
        raise ResourceConflict(
            "The operation cannot be performed at this time. An update is in progress for resource: "
            f"{function_arn(ctx, name.account, name.name)}"
        )
