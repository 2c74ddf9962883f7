"""What services do on somebody's behalf: with a role that they were given, or in their own name.

Where requests are not authorized nothing is asked here, either. Where they are, a service with a role may do what the
role's policies allow; one without a role needs the policy of the resource, which can look at `aws:SourceArn`.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import AccessKey
from fogbank.core.errors import AwsError
from fogbank.core.policy_evaluation import Identity, Kind
from fogbank.core.roles import may_assume

if TYPE_CHECKING:
    from fogbank.core.context import Context

SENDING = {
    "events": "events:PutEvents",
    "firehose": "firehose:PutRecord",
    "kinesis": "kinesis:PutRecord",
    "lambda": "lambda:InvokeFunction",
    "logs": "logs:PutLogEvents",
    "sns": "sns:Publish",
    "sqs": "sqs:SendMessage",
}
"""What sending something to a target is called, by the target's service."""


class NotPermitted(AwsError):
    """A service may not do what it was to do: the role or the resource's policy does not let it."""

    code = "AccessDeniedException"
    status = 403
    action = ""
    """What it was, such as `sqs:SendMessage`."""
    request_id = ""


def acting_as(
    ctx: "Context",
    role_arn: str,
    service: str,
    conditions: Mapping[str, str] | None = None,
    *,
    session_name: str = "",
) -> "Context":
    """The context as `service`, such as `scheduler.amazonaws.com`, has it with a role. Raises NotPermitted if there is
    no such role, or none that trusts the service under these condition keys. The session is named after the service if
    not otherwise.
    """
    if ctx.cloud.authorizer is None:
        return ctx
    found: Identity | None = ctx.cloud.iam.identity_of_role(role_arn, session_name or service.partition(".")[0])
    if found is None or not may_assume(ctx, service, role_arn, conditions):
        raise NotPermitted(f"{service} is not authorized to assume role {role_arn}")
    there = ctx.at()
    there.identity = found._replace(assumed_by=service)
    return there


def in_name_of(ctx: "Context", service: str, source_arn: str) -> "Context":
    """The context as `service` has it without a role, for what happens to the source."""
    if ctx.cloud.authorizer is None:
        return ctx
    there = ctx.at()
    there.identity = Identity(Kind.SERVICE, service, ctx.account, source_arn=source_arn)
    return there


def kept_caller(ctx: "Context") -> AccessKey | None:
    """Who asks, to be kept with what a service does later on their behalf: it goes on with the same rights however long
    it takes, even when the caller's session has ended. None where nothing is authorized.
    """
    identity = ctx.identity
    if identity is None:
        return None
    key = ctx.cloud.access_keys.peek((ctx.access_key,)) if ctx.access_key else None
    if key is not None and key.principal_arn == identity.arn:
        return msgspec.structs.replace(key, secret="", session_token="")
    return AccessKey(account=identity.account, principal_arn=identity.arn, user_id=identity.user_id)


def on_behalf_of(ctx: "Context", caller: AccessKey | None, service: str) -> "Context":
    """The context in which a service, such as `dynamodb.amazonaws.com`, goes on with what that caller asked for. The
    caller's policies are read anew: they may have changed meanwhile. Without a caller, who asked where nothing was
    authorized, it is as it is.
    """
    if ctx.cloud.authorizer is None or caller is None:
        return ctx
    there = ctx.at()
    there.identity = ctx.cloud.iam.identity_of(caller)._replace(services=(service,))
    return there


def permit(ctx: "Context", action: str, arn: str, conditions: Mapping[str, str] | None = None) -> None:
    """Raises NotPermitted unless the service that the context is of may do that under these condition keys. Other
    callers have been asked when their requests came in.
    """
    authorizer, identity = ctx.cloud.authorizer, ctx.identity
    if authorizer is None or identity is None or not identity.is_service:
        return
    place = parse_arn(arn)
    if place is None:
        return
    package = "lambda_" if place.service == "lambda" else place.service
    service = ctx.cloud.service(package) if ctx.cloud.has(package) else None
    refusal = authorizer.refusal(ctx, identity, action, arn, conditions or {}, service)
    if refusal is not None:
        denied = NotPermitted(refusal.sentence)
        denied.action, denied.request_id = action, ctx.request_id
        raise denied


Permission = Callable[["Context", str, str], None]
"""Raises NotPermitted unless an action on a resource is allowed."""


def permission_of(role_arn: str, service: str, conditions: Mapping[str, str] | None = None) -> Permission:
    """What a service asks before each thing that it does with a role."""
    return lambda ctx, action, arn: permit(acting_as(ctx, role_arn, service, conditions), action, arn)


def permit_sending(ctx: "Context", arn: str) -> None:
    """The same for sending something to a target."""
    if ctx.identity is None:
        return
    place = parse_arn(arn)
    if place is not None and (action := SENDING.get(place.service)) is not None:
        permit(ctx, action, arn)
