"""Keys for the services of this cloud: what `core/envelope.py` asks KMS for, and grants that services make themselves.

Each use is recorded as CloudTrail tells it: on behalf of whom the context names, or of the service alone.
https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html
"""

import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

from fogbank.core import audit
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.services.kms.access import Access, service_of
from fogbank.services.kms.key_specs import SYMMETRIC
from fogbank.services.kms.records import Grant

_KEY_BYTES = 32


class DataKeys(Access):
    """What KMS does for services, on behalf of whom the context names. Its errors are those of the API."""

    def seal_data_key(
        self,
        ctx: Context,
        key: str,
        plaintext: bytes,
        context: Mapping[str, str],
        *,
        via: str,
        action: str = "GenerateDataKey",
    ) -> tuple[bytes, str]:
        """The data key encrypted, and the ARN of the key that it was encrypted with.

        `key` is an id, an alias or an ARN of one, `via` the service that asks. What is no data key but a value itself
        needs leave for the `action` Encrypt.
        """
        told: dict[str, Any] = {"KeyId": key, "EncryptionContext": context}
        if action == "Encrypt":
            told["EncryptionAlgorithm"] = SYMMETRIC
        else:
            told |= {"KeySpec": "AES_256"} if len(plaintext) == _KEY_BYTES else {"NumberOfBytes": len(plaintext)}
        try:
            found = self._key_to_encrypt(ctx, key, action, SYMMETRIC)
            self._check_use(ctx, found, f"kms:{action}", context, via)
            sealed = self._encrypt(found, plaintext, context, SYMMETRIC)
        except AwsError as error:
            self._record(ctx, action, told, via, error=error)
            raise
        self._record(ctx, action, told, via, found.arn)
        return sealed, found.arn

    def open_data_key(self, ctx: Context, blob: bytes, context: Mapping[str, str], *, via: str) -> bytes:
        """The plaintext of a data key."""
        told = {"EncryptionContext": context, "EncryptionAlgorithm": SYMMETRIC}
        try:
            found = self._decrypt(ctx, "Decrypt", blob, context, None, SYMMETRIC)
            self._check_use(ctx, found.key, "kms:Decrypt", context, via)
        except AwsError as error:
            self._record(ctx, "Decrypt", told, via, error=error)
            raise
        self._record(ctx, "Decrypt", told, via, found.key.arn)
        return found.plaintext

    def grant_to_service(
        self, ctx: Context, key: str, operations: list[str], context: Mapping[str, str], *, via: str
    ) -> str:
        """The id of a new grant to the service `via` for what it does by itself in that encryption context.

        Whom the context names must be allowed to make it.
        """
        told = {
            "KeyId": key,
            "GranteePrincipal": via,
            "RetiringPrincipal": via,
            "Operations": operations,
            "Constraints": {"EncryptionContextSubset": context},
        }
        try:
            found = self._key(ctx, key, alias=True, foreign=True)
            facts = {"kms:GrantIsForAWSResource": "true", "kms:GrantOperations": operations}
            self._check_use(ctx, found, "kms:CreateGrant", context, via, facts)
        except AwsError as error:
            self._record(ctx, "CreateGrant", told, via, error=error)
            raise
        grant = Grant(
            id=secrets.token_hex(32),
            grantee=via,
            operations=operations,
            created_ms=ctx.now_ms,
            issuer=ctx.account,
            retiring=via,
            context_subset=dict(context),
        )
        self._tables.grants.put((*found.place, grant.id), grant)
        self._record(ctx, "CreateGrant", told, via, found.arn, answer={"GrantId": grant.id, "KeyId": found.arn})
        return grant.id

    def has_grant(self, key_arn: str, grant_id: str) -> bool:
        """Whether the grant is there still."""
        key = self._key_at(key_arn)
        return key is not None and self._tables.grants.peek((*key.place, grant_id)) is not None

    def retire_service_grant(self, ctx: Context, key_arn: str, grant_id: str, *, via: str) -> None:
        """The service needs its grant no more, which may be gone."""
        key = self._key_at(key_arn)
        if key is not None and self._tables.grants.delete((*key.place, grant_id)):
            self._record(ctx, "RetireGrant", {"KeyId": key_arn, "GrantId": grant_id}, via, key_arn)

    def _record(
        self,
        ctx: Context,
        operation: str,
        parameters: Mapping[str, Any],
        via: str,
        key_arn: str = "",
        *,
        answer: Mapping[str, Any] | None = None,
        error: AwsError | None = None,
    ) -> None:
        service = service_of(via)
        made = audit.entry(
            ctx,
            service="kms",
            operation=operation,
            read_only=operation not in ("CreateGrant", "RetireGrant"),
            data=False,
            parameters=parameters,
            answer=answer,
            error=error.code if error is not None else "",
            error_message=error.message if error is not None else "",
            resources=[key_arn] if key_arn else [],
        )
        alone = ctx.identity is None and ctx.access_key is None
        principal = service if alone else made.principal
        made = msgspec.structs.replace(made, invoked_by=service, agent=service, principal=principal)
        add = self.cloud.audit.add_later if made.read_only or error is not None else self.cloud.audit.add
        add(ctx, made)
