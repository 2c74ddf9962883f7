"""Data keys for the services of this cloud: what `core/envelope.py` asks KMS for."""

from collections.abc import Mapping

from fogbank.core.context import Context
from fogbank.services.kms.access import Access
from fogbank.services.kms.key_specs import SYMMETRIC


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
        found = self._key_to_encrypt(ctx, key, action, SYMMETRIC)
        self._check_use(ctx, found, f"kms:{action}", context, via)
        return self._encrypt(found, plaintext, context, SYMMETRIC), found.arn

    def open_data_key(self, ctx: Context, blob: bytes, context: Mapping[str, str], *, via: str) -> bytes:
        """The plaintext of a data key."""
        found = self._decrypt(ctx, "Decrypt", blob, context, None, SYMMETRIC)
        self._check_use(ctx, found.key, "kms:Decrypt", context, via)
        return found.plaintext
