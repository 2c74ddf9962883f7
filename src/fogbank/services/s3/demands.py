"""What an operation needs beyond what its request was asked for: it turns out once objects have been looked at."""

from collections.abc import Mapping, Sequence
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Service
from fogbank.services.s3.errors import AccessDenied, UntoldKey

_ARN = "arn:aws:s3:::"


def demand(
    service: Service,
    ctx: Context,
    action: str,
    parameters: Mapping[str, Any],
    *,
    told: Mapping[str, str] | None = None,
    refusal: type[AccessDenied] = AccessDenied,
) -> None:
    """Refuse what the context's identity may not do with the bucket, or with the object in it, that the parameters
    name; they may say more about it. `told` are condition keys beside that.
    """
    authorizer, identity = service.cloud.authorizer, ctx.identity
    if authorizer is None or identity is None:
        return
    from fogbank.services.s3.condition_keys import facts_of

    def facts() -> Mapping[str, str | Sequence[str]]:
        return {**facts_of(ctx, parameters), **(told or {})}

    key = f"/{parameters['Key']}" if "Key" in parameters else ""
    refused = authorizer.refusal(ctx, identity, action, f"{_ARN}{parameters['Bucket']}{key}", facts, service)
    if refused is not None:
        raise refusal(headers=refused.headers)


def permit_to_miss(service: Service, ctx: Context, bucket: str) -> None:
    """That a key is not there is told to who may list the bucket; others get UntoldKey."""
    demand(service, ctx, "s3:ListBucket", {"Bucket": bucket}, refusal=UntoldKey)
