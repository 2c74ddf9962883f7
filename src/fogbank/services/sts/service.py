"""AWS STS. https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html"""

import base64

from fogbank.core.authorization_message import NoSuchMessage, decoded
from fogbank.core.cloud import AccessKey
from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.sts.base import is_root
from fogbank.services.sts.errors import AccessDenied, InvalidAuthorizationMessage, InvalidParameterValue
from fogbank.services.sts.roles import Roles
from fogbank.services.sts.saml import Saml
from fogbank.services.sts.session_policies import session_policies
from fogbank.services.sts.session_tags import session_tags
from fogbank.services.sts.web_identity import WebIdentity

KEY_ID_LENGTH = 20
ROOT_MAX_S = 3600  # Sessions of an account's root end after an hour, whatever was asked for.


class StsService(Roles, WebIdentity, Saml):
    """Temporary credentials and who the caller is.

    With `--auth iam` a role is assumed by whom its trust policy lets in. With `--auth off` it can be assumed by anyone,
    and in an account that nobody has made roles in, it need not exist. Who comes from an identity provider is always
    checked. AssumeRoot and tokens for other identity providers answer NotImplemented.
    """

    name = "sts"

    def decode_authorization_message(self, ctx: Context, *, EncodedMessage: str) -> Answer:
        """Messages are in a header of each answer that denies something to somebody of the account."""
        try:
            return {"DecodedMessage": decoded(self.cloud, ctx.account, EncodedMessage)}
        except NoSuchMessage:
            raise InvalidAuthorizationMessage() from None

    def get_access_key_info(self, ctx: Context, *, AccessKeyId: str) -> Answer:
        known = self.cloud.access_keys.get((AccessKeyId,))
        if known is not None:
            return {"Account": known.account}
        if len(AccessKeyId) == KEY_ID_LENGTH and AccessKeyId.startswith(("AKIA", "ASIA")):
            return {"Account": _account_in(AccessKeyId)}
        return {"Account": self.cloud.account_of(AccessKeyId)}

    def get_caller_identity(self, ctx: Context) -> Answer:
        key = self._caller(ctx)
        if key is None:
            return {"UserId": ctx.account, "Account": ctx.account, "Arn": f"arn:aws:iam::{ctx.account}:root"}
        return {"UserId": key.user_id, "Account": key.account, "Arn": key.principal_arn}

    def get_federation_token(
        self,
        ctx: Context,
        *,
        Name: str,
        DurationSeconds: int = 43_200,
        Policy: str | None = None,
        PolicyArns: list[dict[str, str]] | None = None,
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        """The session may do what both its policies and those of the caller allow; without policies, nothing."""
        caller = self._caller(ctx)
        if caller is not None and (caller.session_token or ":assumed-role/" in caller.principal_arn):
            raise AccessDenied("Cannot call GetFederationToken with session credentials")
        tags, _ = session_tags(None, Tags or [], [])
        policies = session_policies(ctx, Policy, PolicyArns, tags)
        key = AccessKey(
            account=ctx.account,
            principal_arn=f"arn:aws:sts::{ctx.account}:federated-user/{Name}",
            user_id=f"{ctx.account}:{Name}",
            tags=tags,
            issuer_arn=ctx.principal_arn,
            issuer_id=caller.user_id if caller is not None else "",
            session_policies=policies.documents,
            session_policy_arns=policies.arns,
        )
        return {
            "Credentials": self._issue(ctx, key, _limited(caller, DurationSeconds)),
            "FederatedUser": {"FederatedUserId": key.user_id, "Arn": key.principal_arn},
            "PackedPolicySize": policies.packed_percent or 0,
        }

    def get_session_token(
        self,
        ctx: Context,
        *,
        DurationSeconds: int = 43_200,
        SerialNumber: str | None = None,
        TokenCode: str | None = None,
    ) -> Answer:
        caller = self._caller(ctx)
        if caller is not None and caller.session_token:
            raise AccessDenied("Cannot call GetSessionToken with session credentials")
        identity = self.get_caller_identity(ctx)
        assert identity is not None
        key = AccessKey(
            account=ctx.account,
            principal_arn=identity["Arn"],
            user_id=identity["UserId"],
            mfa=self._check_mfa(ctx, SerialNumber, TokenCode),
        )
        return {"Credentials": self._issue(ctx, key, _limited(caller, DurationSeconds))}


def _limited(caller: AccessKey | None, seconds: int) -> int:
    return min(seconds, ROOT_MAX_S) if is_root(caller) else seconds


def _account_in(key_id: str) -> str:
    """The account that AWS writes into its key ids: 40 of the bits behind the prefix, in base 32."""
    try:
        number = int.from_bytes(base64.b32decode(key_id[4:])[:6], "big")
    except ValueError:
        raise InvalidParameterValue(f"The access key ID {key_id} is not valid.") from None
    return f"{(number & 0x7FFFFFFFFF80) >> 7:012d}"
