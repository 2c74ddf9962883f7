"""Whose rights an integration has that names credentials: a role's, or the caller's.

https://docs.aws.amazon.com/apigateway/latest/developerguide/permissions.html
"""

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.delegation import NotPermitted, acting_as
from fogbank.core.errors import AwsError
from fogbank.services.apigateway.execution.call import Call

PRINCIPAL = "apigateway.amazonaws.com"


def acting_with(call: Call, credentials: str) -> Context:
    """The context as an integration's role has it, or the caller for `arn:aws:iam::*:user/*`. Raises NotPermitted."""
    arn = parse_arn(credentials)
    if arn is None or arn.service != "iam":
        raise NotPermitted(f"{credentials} is no role")
    if arn.resource.startswith("user/"):
        there = call.ctx.at()
        if there.identity is not None:
            there.identity = there.identity._replace(services=(PRINCIPAL,))
        return there
    if call.ctx.cloud.authorizer is None:
        _check_there(call, credentials, arn.account)
    return acting_as(call.ctx, credentials, PRINCIPAL)


def _check_there(call: Call, role: str, account: str) -> None:
    """A role of another account cannot be seen from here."""
    if account != call.api.account:
        return
    try:
        call.ctx.cloud.iam.get_role(call.ctx, RoleName=role.rpartition("/")[2])
    except AwsError as error:
        raise NotPermitted(error.message) from error
