"""SecureStrings: their values encrypted by KMS.

https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
Of a standard parameter KMS encrypts the value itself, of an advanced one a data key. Either way who asks for the value
has to be let in by the key, and the encryption context names the parameter.
"""

import base64

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.envelope import Envelope
from fogbank.core.errors import AwsError
from fogbank.services.ssm.errors import AccessDenied, InvalidKeyId

ADVANCED = "Advanced"


class SecureStrings:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._envelope = Envelope(cloud, "ssm")

    def seal(self, ctx: Context, value: str, *, tier: str, key_id: str, arn: str) -> str:
        """The value as it is stored, and as it is shown to who does not ask for decryption."""
        context, text = {"PARAMETER_ARN": arn}, value.encode()
        try:
            if tier == ADVANCED:
                sealed = self._envelope.seal(ctx, key_id, text, context)
            else:
                via = f"ssm.{ctx.region}.amazonaws.com"
                sealed, _ = self._cloud.kms.seal_data_key(ctx, key_id, text, context, via=via, action="Encrypt")
        except AwsError as error:
            raise _refusal(ctx, error) from None
        return base64.b64encode(sealed).decode()

    def unseal(self, ctx: Context, sealed: str, *, tier: str, arn: str) -> str:
        opened = self._envelope.open if tier == ADVANCED else self._envelope.open_data_key
        try:
            return opened(ctx, base64.b64decode(sealed), {"PARAMETER_ARN": arn}).decode()
        except AwsError as error:
            raise _refusal(ctx, error) from None


def _refusal(ctx: Context, error: AwsError) -> AwsError:
    """KMS's error in the words of who calls it for somebody else."""
    sentence = (
        f"{error.message} (Service: AWSKMS; Status Code: {error.status}; Error Code: {error.code}; "
        f"Request ID: {ctx.request_id}; Proxy: null)"
    )
    if error.code == "AccessDeniedException":
        return AccessDenied(sentence, headers=error.headers)
    return InvalidKeyId(sentence) if error.sender else error
