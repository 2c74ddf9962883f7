"""Whether a service may act as a role: as its trust policy says."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fogbank.core.arn import parse_arn
from fogbank.core.policies import Effect, Request, read_policy

if TYPE_CHECKING:
    from fogbank.core.context import Context


def may_assume(ctx: "Context", service: str, role_arn: str, conditions: Mapping[str, str] | None = None) -> bool:
    """Whether the role is there and lets in the service, such as `s3.amazonaws.com`, under these condition keys."""
    role = parse_arn(role_arn)
    if role is None or not role.resource.startswith("role/"):
        return False
    name = role.resource.rpartition("/")[2]
    trust = ctx.cloud.iam.trust_policy(ctx.at(account=role.account), name)
    request = Request(service, "sts:AssumeRole", role_arn, dict(conditions or {}))
    return trust is not None and read_policy(trust).decide(request) is Effect.ALLOW
