"""Data keys for the services of this cloud: what `core/envelope.py` asks KMS for."""

import secrets
from collections.abc import Mapping

from fogbank.core.context import Context
from fogbank.services.kms.encryption import Encryption
from fogbank.services.kms.key_specs import SYMMETRIC

_DATA_KEY_BYTES = 32


class DataKeys(Encryption):
    """What KMS does for services, on behalf of whom the context names. Its errors are those of the API."""

    def new_data_key(self, ctx: Context, key: str, context: Mapping[str, str], *, via: str) -> tuple[bytes, bytes, str]:
        """A new data key as plaintext and as ciphertext, and the ARN of the key that it was encrypted with.

        `key` is an id, an alias or an ARN of one, `via` the service that asks.
        """
        found = self._key_to_encrypt(ctx, key, "GenerateDataKey", SYMMETRIC)
        plaintext = secrets.token_bytes(_DATA_KEY_BYTES)
        return plaintext, self._encrypt(found, plaintext, context, SYMMETRIC), found.arn

    def open_data_key(self, ctx: Context, blob: bytes, context: Mapping[str, str], *, via: str) -> bytes:
        """The plaintext of a data key."""
        return self._decrypt(ctx, "Decrypt", blob, context, None, SYMMETRIC).plaintext
