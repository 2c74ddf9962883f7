"""AWS STS. https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html"""

import base64
import secrets
from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import AccessKey
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.json_text import parse
from fogbank.core.service import Answer, Service
from fogbank.services.sts.errors import AccessDenied, InvalidParameterValue, MalformedPolicyDocument, ValidationError
from fogbank.services.sts.session_tags import session_tags

CHAINED_MAX_S = 3600  # A session of a role may assume another role for an hour.
ROLE_SESSION_MAX_S = 43_200
KEY_ID_LENGTH = 20


class StsService(Service):
    """Temporary credentials and who the caller is.

    A role can be assumed by anyone while IAM is not enforced, and in an account that nobody has made roles in, it need
    not exist. Federation by SAML and web identities, session policies and MFA answer NotImplemented.
    """

    name = "sts"

    def assume_role(
        self,
        ctx: Context,
        *,
        RoleArn: str,
        RoleSessionName: str,
        DurationSeconds: int = 3600,
        Tags: list[dict[str, str]] | None = None,
        TransitiveTagKeys: list[str] | None = None,
        ExternalId: str | None = None,
        SourceIdentity: str | None = None,
    ) -> Answer:
        """The external id is for the trust policy to look at, which is not evaluated."""
        arn = parse_arn(RoleArn)
        if arn is None or not arn.resource.startswith("role/"):
            raise ValidationError(f"{RoleArn} is invalid")
        caller = self._caller(ctx)
        there = ctx.at(account=arn.account)
        name = arn.resource.rpartition("/")[2]
        role = self._role(there, name)
        if role is None and self._is_held(ctx, there):
            raise AccessDenied(
                f"User: {ctx.principal_arn} is not authorized to perform: sts:AssumeRole on resource: {RoleArn}"
            )
        if DurationSeconds > (role["MaxSessionDuration"] if role is not None else ROLE_SESSION_MAX_S):
            raise ValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        chained = caller is not None and ":assumed-role/" in caller.principal_arn
        if chained and DurationSeconds > CHAINED_MAX_S:
            raise ValidationError(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            )
        tags, transitive = session_tags(caller, Tags or [], TransitiveTagKeys or [])
        key, credentials = self.role_session(
            there, name, RoleSessionName, DurationSeconds, tags=tags, transitive=transitive
        )
        answer: dict[str, Any] = {
            "Credentials": credentials,
            "AssumedRoleUser": {"AssumedRoleId": key.user_id, "Arn": key.principal_arn},
        }
        return answer | ({"SourceIdentity": SourceIdentity} if SourceIdentity is not None else {})

    def role_session(
        self,
        ctx: Context,
        role_name: str,
        session_name: str,
        seconds: int,
        *,
        tags: dict[str, str] | None = None,
        transitive: list[str] | None = None,
    ) -> tuple[AccessKey, dict[str, Any]]:
        """A session of a role of the context's account, and its `Credentials`; services use it to act for a role."""
        role = self._role(ctx, role_name)
        role_id = role["RoleId"] if role is not None else _made_up_id(role_name)
        key = AccessKey(
            account=ctx.account,
            principal_arn=f"arn:aws:sts::{ctx.account}:assumed-role/{role_name}/{session_name}",
            user_id=f"{role_id}:{session_name}",
            tags=tags or {},
            transitive=transitive or [],
        )
        return key, self._issue(ctx, key, seconds)

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
        """A session policy must be JSON; as nothing is denied, it has nothing to limit."""
        caller = self._caller(ctx)
        if caller is not None and (caller.session_token or ":assumed-role/" in caller.principal_arn):
            raise AccessDenied("Cannot call GetFederationToken with session credentials")
        if Policy is not None and not isinstance(parse(Policy), dict):
            raise MalformedPolicyDocument("This policy contains invalid Json")
        tags, _ = session_tags(None, Tags or [], [])
        key = AccessKey(
            account=ctx.account,
            principal_arn=f"arn:aws:sts::{ctx.account}:federated-user/{Name}",
            user_id=f"{ctx.account}:{Name}",
            tags=tags,
        )
        return {
            "Credentials": self._issue(ctx, key, DurationSeconds),
            "FederatedUser": {"FederatedUserId": key.user_id, "Arn": key.principal_arn},
            "PackedPolicySize": 0,
        }

    def get_session_token(self, ctx: Context, *, DurationSeconds: int = 43_200) -> Answer:
        caller = self._caller(ctx)
        if caller is not None and caller.session_token:
            raise AccessDenied("Cannot call GetSessionToken with session credentials")
        identity = self.get_caller_identity(ctx)
        assert identity is not None
        key = AccessKey(account=ctx.account, principal_arn=identity["Arn"], user_id=identity["UserId"])
        return {"Credentials": self._issue(ctx, key, DurationSeconds)}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _caller(self, ctx: Context) -> AccessKey | None:
        return self.cloud.access_keys.get((ctx.access_key,)) if ctx.access_key else None

    def _is_held(self, ctx: Context, there: Context) -> bool:
        """Whether this cloud knows the account: the caller's own, or one that has roles."""
        return there.account == ctx.account or bool(self.cloud.iam.list_roles(there, MaxItems=1)["Roles"])

    def _role(self, ctx: Context, name: str) -> dict[str, Any] | None:
        try:
            role: dict[str, Any] = self.cloud.iam.get_role(ctx, RoleName=name)["Role"]
        except AwsError:
            return None
        return role

    def _issue(self, ctx: Context, key: AccessKey, seconds: int) -> dict[str, Any]:
        key.expires_ms = ctx.now_ms + seconds * 1000
        key.secret, key.session_token = secrets.token_urlsafe(30), secrets.token_urlsafe(96)
        return {
            "AccessKeyId": self.cloud.issue_access_key("ASIA", key),
            "SecretAccessKey": key.secret,
            "SessionToken": key.session_token,
            "Expiration": key.expires_ms / 1000,
        }


def _made_up_id(role: str) -> str:
    """The id of a role that does not exist: the same for the same name."""
    return f"AROA{role.encode().hex().upper()[:17].ljust(17, '0')}"


def _account_in(key_id: str) -> str:
    """The account that AWS writes into its key ids: 40 of the bits behind the prefix, in base 32."""
    try:
        number = int.from_bytes(base64.b32decode(key_id[4:])[:6], "big")
    except ValueError:
        raise InvalidParameterValue(f"The access key ID {key_id} is not valid.") from None
    return f"{(number & 0x7FFFFFFFFF80) >> 7:012d}"
