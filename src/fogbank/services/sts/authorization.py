"""What STS's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html
"""

from fogbank.core.authorization import NOTHING, Authorization, Parameters, Source, Wording, need
from fogbank.core.context import Context
from fogbank.core.policy_evaluation import Identity, Kind
from fogbank.services.sts.base import user_name
from fogbank.services.sts.errors import AccessDenied


def _second_factor(ctx: Context, parameters: Parameters) -> str | None:
    """Whether the request itself shows a code of the caller's MFA device, for trust policies to ask."""
    if "SerialNumber" not in parameters or "TokenCode" not in parameters:
        return None
    name = user_name(ctx.cloud.access_keys.peek((ctx.access_key,)))
    serial, code = str(parameters["SerialNumber"]), str(parameters["TokenCode"])
    return "true" if name is not None and ctx.cloud.iam.shows_mfa_code(ctx, name, serial, code) else None


def _age_of_second_factor(ctx: Context, parameters: Parameters) -> str | None:
    return "0" if _second_factor(ctx, parameters) else None


_ROLE_FACTS: dict[str, Source] = {
    "sts:ExternalId": "{ExternalId}",
    "sts:RoleSessionName": "{RoleSessionName}",
    "sts:SourceIdentity": "{SourceIdentity}",
    "sts:TransitiveTagKeys": "{TransitiveTagKeys[]}",
    "sts:DurationSeconds": "{DurationSeconds}",
    "aws:MultiFactorAuthPresent": _second_factor,
    "aws:MultiFactorAuthAge": _age_of_second_factor,
}


def _closed_to(identity: Identity, operation: str) -> AccessDenied | None:
    """Sessions of users assume roles, federated users not even that.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
    """
    if operation == "GetCallerIdentity" or operation.startswith("AssumeRoleWith"):
        return None
    closed = identity.kind is Kind.FEDERATED or (identity.is_plain_session and operation != "AssumeRole")
    return AccessDenied(f"Cannot call {operation} with session credentials") if closed else None


AUTHORIZATION = Authorization(
    "sts",
    closed_to=_closed_to,
    wording=Wording.SHORT,
    policy_decides=frozenset(("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")),
    unsigned=frozenset(("AssumeRoleWithSAML", "AssumeRoleWithWebIdentity")),
    operations={
        "AssumeRole": (
            need("{RoleArn}", tags="Tags", keys=_ROLE_FACTS),
            need("{RoleArn}", action="TagSession", when="Tags", tags="Tags", keys=_ROLE_FACTS),
            need("{RoleArn}", action="SetSourceIdentity", when="SourceIdentity", keys=_ROLE_FACTS),
        ),
        "AssumeRoleWithSAML": NOTHING,
        "AssumeRoleWithWebIdentity": NOTHING,
        "DecodeAuthorizationMessage": need("*"),
        "GetAccessKeyInfo": need("*"),
        "GetCallerIdentity": NOTHING,
        "GetFederationToken": need("arn:{partition}:sts::{account}:federated-user/{Name}", tags="Tags"),
        "GetSessionToken": NOTHING,
    },
)
