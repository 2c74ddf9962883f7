"""AssumeRole. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.policy_evaluation import Kind
from fogbank.core.service import Answer
from fogbank.services.sts.base import Sessions, role_of
from fogbank.services.sts.errors import AccessDenied, ValidationError
from fogbank.services.sts.session_policies import session_policies
from fogbank.services.sts.session_tags import session_tags

CHAINED_MAX_S = 3600  # A session of a role may assume another role for an hour.
ROLE_SESSION_MAX_S = 43_200


class Roles(Sessions):
    """The operation AssumeRole of `StsService`."""

    def assume_role(
        self,
        ctx: Context,
        *,
        RoleArn: str,
        RoleSessionName: str,
        DurationSeconds: int = 3600,
        Policy: str | None = None,
        PolicyArns: list[dict[str, str]] | None = None,
        Tags: list[dict[str, str]] | None = None,
        TransitiveTagKeys: list[str] | None = None,
        ExternalId: str | None = None,
        SerialNumber: str | None = None,
        TokenCode: str | None = None,
        SourceIdentity: str | None = None,
    ) -> Answer:
        """The external id is for the trust policy to look at, which is asked before with `--auth iam`, and never with
        `--auth off`.
        """
        arn, name = role_of(RoleArn)
        if ctx.identity is not None and ctx.identity.kind is Kind.ROOT:
            raise AccessDenied("Roles may not be assumed by root accounts.")
        caller = self._caller(ctx)
        there = ctx.at(account=arn.account)
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
        set_before = caller.source_identity if caller is not None else ""
        if set_before and SourceIdentity not in (None, set_before):
            # AWS's sentence is not published.
            raise AccessDenied("The SourceIdentity of a session cannot be changed by the roles that it assumes.")
        tags, transitive = session_tags(caller, Tags or [], TransitiveTagKeys or [])
        policies = session_policies(there, Policy, PolicyArns, tags)
        source_identity = SourceIdentity or set_before
        key, credentials = self.role_session(
            there,
            name,
            RoleSessionName,
            DurationSeconds,
            tags=tags,
            transitive=transitive,
            policies=policies,
            source_identity=source_identity,
            mfa=self._check_mfa(ctx, SerialNumber, TokenCode),
        )
        answer: dict[str, Any] = {
            "Credentials": credentials,
            "AssumedRoleUser": {"AssumedRoleId": key.user_id, "Arn": key.principal_arn},
        }
        if policies.packed_percent is not None:
            answer["PackedPolicySize"] = policies.packed_percent
        return answer | ({"SourceIdentity": source_identity} if source_identity else {})

    def resource_policy(self, ctx: Context, arn: str) -> str | None:
        """Of a role its trust policy; roles of a closed account trust nobody."""
        if ":role/" not in arn or self.cloud.organizations.is_closed(ctx.account):
            return None
        name = arn.rpartition("/")[2]
        trust: str | None = self.cloud.iam.trust_policy(ctx, name)
        return trust if self.cloud.iam.arn_of(ctx, "role", name) == arn else None

    def _is_held(self, ctx: Context, there: Context) -> bool:
        """Whether this cloud knows the account: the caller's own, or one that has roles."""
        return there.account == ctx.account or bool(self.cloud.iam.list_roles(there, MaxItems=1)["Roles"])
