"""Who besides its owner may use a layer version: whom its policy names.

https://docs.aws.amazon.com/lambda/latest/dg/permissions-layer-cross-account.html
"""

from fogbank.core.context import Context
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.services.lambda_.errors import AccessDenied
from fogbank.services.lambda_.records import Layer
from fogbank.services.lambda_.statements import document_of

_ACTION = "lambda:GetLayerVersion"


def check_shared(ctx: Context, version_arn: str, layer: Layer) -> None:
    """Raises AccessDenied, unless the policy lets the context's account use the layer version of another."""
    request = Request(ctx.principal_arn, _ACTION, version_arn, {"aws:principalaccount": ctx.account})
    if read_policy(document_of(layer.policy)).decide(request) is not Effect.ALLOW:
        raise AccessDenied(
            f"User: {ctx.principal_arn} is not authorized to perform: {_ACTION} on resource: {version_arn} "
            f"because no resource-based policy allows the {_ACTION} action"
        )
