"""AWS STS. https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html"""

import secrets
from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import AccessKey
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.service import Answer, Service


class ValidationError(AwsError):
    code = "ValidationError"


class StsService(Service):
    """Temporary credentials and who the caller is. Federation, session policies, MFA: NotImplemented."""

    name = "sts"

    def assume_role(self, ctx: Context, *, RoleArn: str, RoleSessionName: str, DurationSeconds: int = 3600) -> Answer:
        arn = parse_arn(RoleArn)
        if arn is None or not arn.resource.startswith("role/"):
            raise ValidationError(f"{RoleArn} is invalid")
        role = arn.resource.rpartition("/")[2]
        principal = f"arn:aws:sts::{arn.account}:assumed-role/{role}/{RoleSessionName}"
        user_id = f"AROA{role.upper().encode().hex().upper()[:16].ljust(16, '0')}:{RoleSessionName}"
        credentials = self._issue(ctx, arn.account, principal, user_id, DurationSeconds)
        return {"Credentials": credentials, "AssumedRoleUser": {"AssumedRoleId": user_id, "Arn": principal}}

    def get_access_key_info(self, ctx: Context, *, AccessKeyId: str) -> Answer:
        return {"Account": self.cloud.account_of(AccessKeyId)}

    def get_caller_identity(self, ctx: Context) -> Answer:
        key = self.cloud.access_keys.get((ctx.access_key,)) if ctx.access_key else None
        if key is None:
            return {"UserId": ctx.account, "Account": ctx.account, "Arn": f"arn:aws:iam::{ctx.account}:root"}
        return {"UserId": key.user_id, "Account": key.account, "Arn": key.principal_arn}

    def get_session_token(self, ctx: Context, *, DurationSeconds: int = 43_200) -> Answer:
        caller = self.get_caller_identity(ctx)
        assert caller is not None
        return {"Credentials": self._issue(ctx, ctx.account, caller["Arn"], caller["UserId"], DurationSeconds)}

    def _issue(self, ctx: Context, account: str, principal: str, user_id: str, seconds: int) -> dict[str, Any]:
        expires_ms = ctx.now_ms + seconds * 1000
        secret, token = secrets.token_urlsafe(30), secrets.token_urlsafe(96)
        key = AccessKey(account, principal, user_id, expires_ms=expires_ms, secret=secret, session_token=token)
        access_key = self.cloud.issue_access_key("ASIA", key)
        return {
            "AccessKeyId": access_key,
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": expires_ms / 1000,
        }
