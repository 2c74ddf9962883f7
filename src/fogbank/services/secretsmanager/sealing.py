"""The values of secrets as they lie in the store: encrypted, each under a data key of its own.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
KMS is asked on behalf of who asks for the secret, so that a key can keep away whom the secret would let in.
"""

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.envelope import Envelope
from fogbank.core.errors import AwsError
from fogbank.services.secretsmanager.errors import AccessDenied, DecryptionFailure, EncryptionFailure

DEFAULT_KEY = "alias/aws/secretsmanager"


class Sealing:
    def __init__(self, cloud: Cloud) -> None:
        self._envelope = Envelope(cloud, "secretsmanager")

    def seal(self, ctx: Context, value: bytes, *, key_id: str, secret_arn: str, version: str) -> bytes:
        """`key_id` as the secret has it; a key that has no account of its own is one of the secret's account."""
        try:
            return self._envelope.seal(ctx, _whole(key_id, secret_arn), value, _context(secret_arn, version))
        except AwsError as error:
            raise _refusal(error, EncryptionFailure) from None

    def unseal(self, ctx: Context, sealed: bytes, *, secret_arn: str, version: str) -> bytes:
        try:
            return self._envelope.open(ctx, sealed, _context(secret_arn, version))
        except AwsError as error:
            raise _refusal(error, DecryptionFailure) from None


def _context(secret_arn: str, version: str) -> dict[str, str]:
    return {"SecretARN": secret_arn, "SecretVersionId": version}


def _whole(key_id: str, secret_arn: str) -> str:
    key_id = key_id or DEFAULT_KEY
    if key_id.startswith("arn:"):
        return key_id
    _, _, _, region, account = secret_arn.split(":")[:5]
    resource = key_id if key_id.startswith("alias/") else f"key/{key_id}"
    return f"arn:aws:kms:{region}:{account}:{resource}"


def _refusal(error: AwsError, failure: type[AwsError]) -> AwsError:
    if error.code == "AccessDeniedException":
        return AccessDenied("Access to KMS is not allowed", headers=error.headers)
    return failure() if error.sender else error
