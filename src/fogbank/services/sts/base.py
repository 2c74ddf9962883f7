"""What the kinds of temporary credentials share: who asks for them, and how they are issued."""

import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from fogbank.core.arn import Arn, parse_arn
from fogbank.core.cloud import AccessKey
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.core.policy_evaluation import Identity, Kind
from fogbank.core.request_facts import RequestFacts
from fogbank.core.service import Service
from fogbank.services.sts.errors import AccessDenied, ValidationError
from fogbank.services.sts.session_policies import SessionPolicies, session_policies

_NO_POLICIES = SessionPolicies(None, None, None)


class Federated(NamedTuple):
    """Who comes from an identity provider, as far as it was verified."""

    provider: str
    """The provider's ARN."""
    session_name: str
    facts: Mapping[str, list[str]]
    """Condition keys for the trust policy, in lower case."""
    tags: Mapping[str, str]
    transitive: list[str]
    source_identity: str

    def told(self) -> dict[str, str | list[str]]:
        """All condition keys that the trust policy can ask for, beside those of every request."""
        told: dict[str, str | list[str]] = {**self.facts, "sts:rolesessionname": self.session_name}
        if self.source_identity:
            told["sts:sourceidentity"] = self.source_identity
        if self.transitive:
            told["sts:transitivetagkeys"] = self.transitive
        if self.tags:
            told |= {f"aws:requesttag/{key.lower()}": value for key, value in self.tags.items()}
            told["aws:tagkeys"] = list(self.tags)
        return told


class Sessions(Service):
    """The steps that the operations of `StsService` are made of."""

    def role_session(
        self,
        ctx: Context,
        role_name: str,
        session_name: str,
        seconds: int,
        *,
        tags: dict[str, str] | None = None,
        transitive: list[str] | None = None,
        policies: SessionPolicies = _NO_POLICIES,
        source_identity: str = "",
        mfa: bool = False,
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
            session_policies=policies.documents,
            session_policy_arns=policies.arns,
            source_identity=source_identity,
            mfa=mfa,
        )
        return key, self._issue(ctx, key, seconds)

    def _federated_session(
        self,
        there: Context,
        role_arn: str,
        action: str,
        who: "Federated",
        seconds: int,
        policy: str | None,
        policy_arns: list[dict[str, str]] | None,
    ) -> dict[str, Any]:
        """A session of a role for whom its trust policy lets in; the part of the answer that every federation has."""
        _, name = role_of(role_arn)
        role = self._role(there, name)
        actions = [action]
        actions += ["sts:TagSession"] if who.tags else []
        actions += ["sts:SetSourceIdentity"] if who.source_identity else []
        context = RequestFacts(there, Identity(Kind.FEDERATED, ""), who.told)
        trust = read_policy(self.cloud.iam.trust_policy(there, name) or "{}")
        asked = [Request(who.provider, each, role_arn, context) for each in actions]
        if role is None or not all(trust.decide(request) is Effect.ALLOW for request in asked):
            raise AccessDenied(f"Not authorized to perform {action}")
        if seconds > role["MaxSessionDuration"]:
            raise ValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        policies = session_policies(there, policy, policy_arns, who.tags)
        key, credentials = self.role_session(
            there,
            name,
            who.session_name,
            seconds,
            tags=dict(who.tags),
            transitive=who.transitive,
            policies=policies,
            source_identity=who.source_identity,
        )
        answer: dict[str, Any] = {
            "Credentials": credentials,
            "AssumedRoleUser": {"AssumedRoleId": key.user_id, "Arn": key.principal_arn},
        }
        if policies.packed_percent is not None:
            answer["PackedPolicySize"] = policies.packed_percent
        return answer | ({"SourceIdentity": who.source_identity} if who.source_identity else {})

    def _caller(self, ctx: Context) -> AccessKey | None:
        return self.cloud.access_keys.get((ctx.access_key,)) if ctx.access_key else None

    def _role(self, ctx: Context, name: str) -> dict[str, Any] | None:
        try:
            role: dict[str, Any] = self.cloud.iam.get_role(ctx, RoleName=name)["Role"]
        except AwsError:
            return None
        return role

    def _issue(self, ctx: Context, key: AccessKey, seconds: int) -> dict[str, Any]:
        key.issued_ms, key.expires_ms = ctx.now_ms, ctx.now_ms + seconds * 1000
        key.secret, key.session_token = secrets.token_urlsafe(30), secrets.token_urlsafe(96)
        return {
            "AccessKeyId": self.cloud.issue_access_key("ASIA", key),
            "SecretAccessKey": key.secret,
            "SessionToken": key.session_token,
            "Expiration": key.expires_ms / 1000,
        }

    def _check_mfa(self, ctx: Context, serial: str | None, code: str | None) -> bool:
        """Whether the caller showed a second factor, which must be right if it was shown."""
        if serial is None and code is None:
            return False
        if serial is None or code is None:
            raise ValidationError("Both SerialNumber and TokenCode must be specified.")
        name = user_name(self._caller(ctx))
        taken = None if name is None else self.cloud.iam.takes_mfa_code(ctx, name, serial, code)
        if taken is None:
            raise AccessDenied(
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number "
                "is valid and associated with this user."
            )
        if not taken:
            raise AccessDenied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")
        return True


def role_of(arn: str) -> tuple[Arn, str]:
    """The parts of a role's ARN, and the role's name."""
    parsed = parse_arn(arn)
    if parsed is None or not parsed.resource.startswith("role/"):
        raise ValidationError(f"{arn} is invalid")
    return parsed, parsed.resource.rpartition("/")[2]


def user_name(key: AccessKey | None) -> str | None:
    """The name of the IAM user whose lasting key it is; None for any other."""
    if key is None or key.session_token or ":user/" not in key.principal_arn:
        return None
    return key.principal_arn.rpartition("/")[2]


def is_root(key: AccessKey | None) -> bool:
    """Who has no key that was issued is the account's root."""
    return key is None or key.principal_arn.endswith(":root")


def _made_up_id(role: str) -> str:
    """The id of a role that does not exist: the same for the same name."""
    return f"AROA{role.encode().hex().upper()[:17].ljust(17, '0')}"
