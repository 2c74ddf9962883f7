"""What CloudFormation may do for a stack: what the stack's role may, or else what may whoever asked for the operation.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html

Of a handler's calls those are asked for that AWS's handler of the type needs permissions for. What others Fogbank's
handler makes is its own business. A few types have no such list: of them all is asked for that changes something.
"""

from functools import partial

from fogbank.core.asking import Demanded, asking, everything
from fogbank.core.context import Context
from fogbank.core.delegation import NotPermitted, acting_as, on_behalf_of
from fogbank.services.cloudformation import schema
from fogbank.services.cloudformation.errors import ValidationError
from fogbank.services.cloudformation.records import Stack

PRINCIPAL = "cloudformation.amazonaws.com"
_SESSION = "AWSCloudFormation"
_READS = ("Get", "List", "Describe")


def through_cloudformation(ctx: Context) -> Context:
    """The context in which CloudFormation reads for its caller what a template names."""
    identity = ctx.identity
    if identity is None:
        return ctx
    there = ctx.at()
    if identity.assumed_by != PRINCIPAL and identity.services[-1:] != (PRINCIPAL,):
        there.identity = identity._replace(services=(*identity.services, PRINCIPAL))
    return asking(there)


def of_stack(ctx: Context, stack: Stack, demanded: Demanded = everything) -> Context:
    """The context as the stack's operation has it. Its policies are read anew: they may have changed meanwhile."""
    if ctx.cloud.authorizer is None:
        return ctx
    if stack.role_arn:
        try:
            there = acting_as(ctx, stack.role_arn, PRINCIPAL, session_name=_SESSION)
        except NotPermitted:
            raise ValidationError(f"Role {stack.role_arn} is invalid or cannot be assumed") from None
        return asking(there, demanded)
    if stack.caller is None:  # Begun where nothing was authorized.
        return ctx
    return asking(on_behalf_of(ctx, stack.caller, PRINCIPAL), demanded)


def of_handler(ctx: Context, stack: Stack, type_name: str, verb: str) -> Context:
    """The same for the handler that creates, updates or deletes a resource of the type."""
    return of_stack(ctx, stack, partial(_demanded, type_name, verb))


def _demanded(type_name: str, verb: str, action: str) -> bool:
    listed = schema.permissions(type_name, verb)
    if listed is None:
        return not action.partition(":")[2].startswith(_READS)
    # Versions of S3's objects have actions of their own, which the lists leave out.
    names = (action.lower(), action.lower().removesuffix("version"))
    return any(names[0].startswith(each[:-1]) if each.endswith("*") else each in names for each in listed)
