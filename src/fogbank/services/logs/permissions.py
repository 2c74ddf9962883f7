"""Whether a resource's policy lets CloudWatch Logs use it."""

from collections.abc import Mapping

from fogbank.core.context import Context
from fogbank.core.policies import Effect, Request, read_policy

ANY_GROUP = "*"


def lets_logs(
    ctx: Context, document: str, action: str, resource_arn: str, group: str, told: Mapping[str, str] | None = None
) -> bool:
    """Whether the policy allows the action on behalf of that group of the account, or of any of them. `told`: further
    condition keys.
    """
    source = ctx.arn("logs", f"log-group:{group}" if group == ANY_GROUP else f"log-group:{group}:*")
    context = {"aws:sourcearn": source, "aws:sourceaccount": ctx.account, **(told or {})}
    policy = read_policy(document)
    return any(
        policy.decide(Request(principal, action, resource_arn, context)) is Effect.ALLOW
        for principal in principals(ctx)
    )


def principals(ctx: Context) -> tuple[str, str]:
    """What policies may call CloudWatch Logs."""
    return "logs.amazonaws.com", f"logs.{ctx.region}.amazonaws.com"
