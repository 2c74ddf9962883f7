"""Who may call a function URL.

https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html: the function's policy has to let everybody in where nobody
is authenticated; of those who sign, it decides about other accounts'.
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.core.policy_evaluation import ANONYMOUS
from fogbank.services.lambda_.errors import ResourceNotFound
from fogbank.services.lambda_.names import FunctionName, function_arn
from fogbank.services.lambda_.permissions import Permissions
from fogbank.services.lambda_.records import FunctionUrl
from fogbank.services.lambda_.statements import document_of

_ACTION = "lambda:InvokeFunctionUrl"


def may_call(ctx: Context, permissions: Permissions, name: FunctionName, url: FunctionUrl) -> bool:
    """`ctx` is the caller's, in the region of the URL."""
    signed = url.auth_type == "AWS_IAM"
    if (authorizer := ctx.cloud.authorizer) is not None:
        arn = function_arn(ctx, name.account, name.name, name.qualifier)
        told = {"lambda:functionurlauthtype": url.auth_type, "lambda:functionarn": arn}
        identity = (ctx.identity or ANONYMOUS) if signed else ANONYMOUS
        return authorizer.decide(ctx, identity, _ACTION, arn, told, ctx.cloud.service("lambda_")).allowed
    if signed and ctx.access_key is None:
        return False
    decision = _policy_says(ctx, permissions, name, url)
    if signed and ctx.account == name.account:
        return decision is not Effect.DENY
    return decision is Effect.ALLOW


def _policy_says(ctx: Context, permissions: Permissions, name: FunctionName, url: FunctionUrl) -> Effect | None:
    try:
        document = document_of(permissions.policy(ctx, name).statements)
    except ResourceNotFound:
        return None
    context = {"lambda:functionurlauthtype": url.auth_type, "aws:sourceip": ctx.peer}
    principal, user_id = "", ""
    if url.auth_type == "AWS_IAM":
        principal, user_id = ctx.principal_arn, ctx.user_id
        context["aws:principalaccount"] = ctx.account
        context["aws:principalarn"] = principal
    arn = function_arn(ctx, name.account, name.name, name.qualifier)
    return read_policy(document).decide(Request(principal, _ACTION, arn, context, user_id=user_id))


def caller_of(ctx: Context, url: FunctionUrl) -> dict[str, Any]:
    """What the event says of who asks."""
    if url.auth_type != "AWS_IAM":
        return {"accountId": "anonymous"}
    return {
        "accountId": ctx.account,
        "authentication": None,
        "authorizer": {
            "iam": {
                "accessKey": ctx.access_key,
                "accountId": ctx.account,
                "callerId": ctx.user_id,
                "cognitoIdentity": None,
                "principalOrgId": None,
                "userArn": ctx.principal_arn,
                "userId": ctx.user_id,
            }
        },
    }
