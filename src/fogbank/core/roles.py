"""Whether a service may act as a role: as its trust policy says."""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from fogbank.core.arn import parse_arn
from fogbank.core.errors import AwsError
from fogbank.core.policies import Effect, Request, read_policy

if TYPE_CHECKING:
    from fogbank.core.context import Context


def may_assume(ctx: "Context", service: str, role_arn: str, conditions: Mapping[str, str] | None = None) -> bool:
    """Whether the role is there and lets in the service, such as `s3.amazonaws.com`, under these condition keys."""
    role = parse_arn(role_arn)
    if role is None or not role.resource.startswith("role/"):
        return False
    try:
        name = role.resource.rpartition("/")[2]
        found = ctx.cloud.iam.get_role(ctx.at(account=role.account), RoleName=name)["Role"]
    except AwsError:
        return False
    request = Request(service, "sts:AssumeRole", role_arn, dict(conditions or {}))
    return read_policy(unquote(str(found["AssumeRolePolicyDocument"]))).decide(request) is Effect.ALLOW
