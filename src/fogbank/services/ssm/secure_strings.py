"""SecureStrings: their values encrypted by KMS."""

import base64

from fogbank.core.context import Context


def seal(ctx: Context, value: str, *, key_id: str, arn: str) -> str:
    """The value as it is stored, and as it is shown to who does not ask for decryption."""
    return base64.b64encode(value.encode()).decode()


def unseal(ctx: Context, sealed: str, *, arn: str) -> str:
    return base64.b64decode(sealed).decode()
