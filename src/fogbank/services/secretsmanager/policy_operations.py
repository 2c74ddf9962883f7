"""The resource policies of secrets."""

from typing import Any

from fogbank.core import named_principals
from fogbank.core.context import Context
from fogbank.core.public_policies import is_public
from fogbank.core.service import Answer
from fogbank.services.secretsmanager.base import check_unmanaged
from fogbank.services.secretsmanager.errors import MalformedPolicyDocument, PublicPolicy
from fogbank.services.secretsmanager.policy_documents import parsed
from fogbank.services.secretsmanager.tagging import Tagging


class PolicyOperations(Tagging):
    """The operations on resource policies, of `SecretsManagerService`."""

    def delete_resource_policy(self, ctx: Context, *, SecretId: str) -> Answer:
        found = self._writable(ctx, SecretId)
        check_unmanaged(found)
        found.secret.policy = ""
        self._save(ctx, found)
        return found.answer

    def get_resource_policy(self, ctx: Context, *, SecretId: str) -> Answer:
        found = self._living(ctx, SecretId)
        answer = found.answer
        if found.secret.policy:
            answer["ResourcePolicy"] = named_principals.shown(ctx, found.secret.policy)
        return answer

    def put_resource_policy(
        self, ctx: Context, *, SecretId: str, ResourcePolicy: str, BlockPublicPolicy: bool = False
    ) -> Answer:
        found = self._writable(ctx, SecretId)
        check_unmanaged(found)
        policy = parsed(ResourcePolicy)
        if policy is None:
            raise MalformedPolicyDocument()
        if BlockPublicPolicy and is_public(policy):
            raise PublicPolicy()
        try:
            found.secret.policy = named_principals.kept(ctx, ResourcePolicy)
        except named_principals.NoSuchPrincipal:
            raise MalformedPolicyDocument("This resource policy contains an unsupported principal.") from None
        self._save(ctx, found)
        return found.answer

    def validate_resource_policy(self, ctx: Context, *, ResourcePolicy: str, SecretId: str | None = None) -> Answer:
        """The names and sentences of the checks are not published."""
        if SecretId is not None:
            self._living(ctx, SecretId)
        policy = parsed(ResourcePolicy)
        if policy is None:
            raise MalformedPolicyDocument()
        errors: list[dict[str, Any]] = []
        if is_public(policy):
            errors.append(
                {"CheckName": "PublicPolicy", "ErrorMessage": "The policy allows broad access to the secret."}
            )
        return {"PolicyValidationPassed": not errors, "ValidationErrors": errors}
