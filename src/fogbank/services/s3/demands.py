"""What an operation needs beyond what its request was asked for: it turns out once objects have been looked at."""

from fogbank.core.context import Context
from fogbank.core.service import Service
from fogbank.services.s3.errors import AccessDenied, UntoldKey

_ARN = "arn:aws:s3:::"


def demand(
    service: Service,
    ctx: Context,
    action: str,
    bucket: str,
    key: str = "",
    *,
    refusal: type[AccessDenied] = AccessDenied,
) -> None:
    """Refuse what the context's identity may not do with an object, or with a bucket."""
    authorizer, identity = service.cloud.authorizer, ctx.identity
    if authorizer is None or identity is None:
        return
    arn = f"{_ARN}{bucket}/{key}" if key else f"{_ARN}{bucket}"
    if not authorizer.decide(ctx, identity, action, arn, {}, service).allowed:
        raise refusal()


def permit_to_miss(service: Service, ctx: Context, bucket: str) -> None:
    """That a key is not there is told to who may list the bucket; others get UntoldKey."""
    demand(service, ctx, "s3:ListBucket", bucket, refusal=UntoldKey)
