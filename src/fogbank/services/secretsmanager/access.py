"""What secrets tell where requests are authorized: their ARNs, policies, tags and condition keys."""

from fogbank.core.context import Context
from fogbank.services.secretsmanager.base import SecretsBase
from fogbank.services.secretsmanager.errors import AccessDenied, ResourceNotFound, Validation
from fogbank.services.secretsmanager.records import Secret


class Access(SecretsBase):
    def arn_of(self, ctx: Context, secret_id: str) -> str:
        """The ARN of the secret that a request means; of one that there is none of, as far as it is known."""
        try:
            return self._find(ctx, secret_id).arn
        except (ResourceNotFound, Validation):
            return secret_id if secret_id.startswith("arn:") else ctx.arn("secretsmanager", f"secret:{secret_id}")

    def resource_policy(self, ctx: Context, arn: str) -> str | None:
        secret = self._secret_at(ctx, arn)
        return secret.policy or None if secret is not None else None

    def resource_tags(self, ctx: Context, arn: str) -> dict[str, str]:
        secret = self._secret_at(ctx, arn)
        return secret.tags or {} if secret is not None else {}

    def facts_of(self, ctx: Context, arn: str) -> dict[str, str]:
        """The condition keys that a secret tells about itself."""
        secret = self._secret_at(ctx, arn)
        if secret is None:
            return {}
        told = {
            "SecretPrimaryRegion": secret.primary_region,
            "resource/AllowRotationLambdaArn": secret.rotation.function,
        }
        return {f"secretsmanager:{name}": value for name, value in told.items() if value}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _secret_at(self, ctx: Context, arn: str) -> Secret | None:
        try:
            return self._find(ctx, arn).secret
        except (ResourceNotFound, Validation):
            return None

    def _check_leave(self, ctx: Context, operation: str, secret_id: str) -> None:
        """Raise AccessDenied unless who asks for several secrets may do that with this one."""
        authorizer = self.cloud.authorizer
        if authorizer is None or ctx.identity is None:
            return
        arn = self.arn_of(ctx, secret_id)
        told = {"secretsmanager:SecretId": secret_id, **self.facts_of(ctx, arn)}
        refusal = authorizer.refusal(ctx, ctx.identity, f"secretsmanager:{operation}", arn, told, self)
        if refusal is not None:
            raise AccessDenied(refusal.sentence)
