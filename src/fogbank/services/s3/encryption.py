"""How an object is to be encrypted: what the request asks for, else what its bucket does by default.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html

Only SSE-C changes what lies on the disk. S3's own keys and those of KMS (which Fogbank does not have yet) would
be held by the same machine; which of them an object has is kept and told, with the ETags that follow from it.
"""

import base64
import binascii
import re
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from fogbank.core.context import Context
from fogbank.services.s3.customer_keys import CustomerKey
from fogbank.services.s3.errors import InvalidArgument, KmsKeyNotFound

_METHODS = ("AES256", "aws:kms", "aws:kms:dsse")
_KMS = ("aws:kms", "aws:kms:dsse")
_KEY_ID = re.compile(r"(?:mrk-)?[0-9a-f-]{32,36}\Z")
ENCRYPTION_HEADERS = ("ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled", "SSEKMSEncryptionContext")
"""What is stored of the encryption among an object's headers."""
_DEFAULT = {"SSEAlgorithm": "AES256"}
_AWS_MANAGED = uuid.UUID("c9f1a1c5-6f0e-4b9e-8f6b-5d1c3c1c8a53")  # The namespace of the ids of `aws/s3` keys.


class Encryption(NamedTuple):
    """How one object is to be kept."""

    headers: dict[str, Any]
    """What is stored beside the object and comes back with it."""
    key: CustomerKey | None = None

    @property
    def etag_is_md5(self) -> bool:
        """Else the ETag tells nothing about the contents."""
        return self.key is None and self.headers.get("ServerSideEncryption") not in _KMS

    def members(self) -> dict[str, Any]:
        """What the answer to a write tells."""
        return self.headers if self.key is None else key_members(self.key)


def key_members(key: CustomerKey | None) -> dict[str, Any]:
    return {} if key is None else {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": key.md5}


def requested(ctx: Context, parameters: Mapping[str, Any], default: Mapping[str, Any] | None) -> Encryption:
    """The encryption that the parameters of a write ask for. `default` is the bucket's encryption configuration."""
    method = parameters.get("ServerSideEncryption")
    if method is not None and any(name.startswith("SSECustomer") for name in parameters):
        raise InvalidArgument(
            "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
            members={"ArgumentName": "x-amz-server-side-encryption", "ArgumentValue": method},
        )
    key = CustomerKey.given(parameters)
    if key is not None:
        return Encryption({}, key)
    rule = ((default or {}).get("Rules") or [{}])[0]
    if method is None:
        return Encryption(_by_default(ctx, parameters, rule))
    if method not in _METHODS:
        raise InvalidArgument(
            "The encryption method specified is not supported",
            members={"ArgumentName": "x-amz-server-side-encryption", "ArgumentValue": method},
        )
    key_id = parameters.get("SSEKMSKeyId")
    if method in _KMS:
        return Encryption(_by_kms(ctx, method, parameters, key_id, rule))
    if key_id is not None:
        raise _needs_kms(method)
    return Encryption({"ServerSideEncryption": method})


def _by_default(ctx: Context, parameters: Mapping[str, Any], rule: Mapping[str, Any]) -> dict[str, Any]:
    default = rule.get("ApplyServerSideEncryptionByDefault") or _DEFAULT
    if parameters.get("SSEKMSKeyId") is not None:
        raise _needs_kms("null")
    method = default["SSEAlgorithm"]
    if method not in _KMS:
        return {"ServerSideEncryption": method}
    return _by_kms(ctx, method, parameters, default.get("KMSMasterKeyID"), rule)


def _by_kms(
    ctx: Context, method: str, parameters: Mapping[str, Any], key_id: str | None, rule: Mapping[str, Any]
) -> dict[str, Any]:
    headers: dict[str, Any] = {"ServerSideEncryption": method, "SSEKMSKeyId": _key_arn(ctx, key_id)}
    # A bucket key saves requests to KMS; the two layers of DSSE have none.
    if parameters.get("BucketKeyEnabled", rule.get("BucketKeyEnabled")) and method == "aws:kms":
        headers["BucketKeyEnabled"] = True
    context = parameters.get("SSEKMSEncryptionContext")
    if context is not None:
        _check_context(context)
        headers["SSEKMSEncryptionContext"] = context
    return headers


def _needs_kms(method: str) -> InvalidArgument:
    return InvalidArgument(
        "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
        members={"ArgumentName": "x-amz-server-side-encryption", "ArgumentValue": method},
    )


def _key_arn(ctx: Context, key_id: str | None) -> str:
    """The ARN that S3 tells for a key: also for its id alone, and without one that of the account's `aws/s3`."""
    if key_id is None:
        return ctx.arn("kms", f"key/{uuid.uuid5(_AWS_MANAGED, f'{ctx.account}:{ctx.region}')}")
    if key_id.startswith("arn:"):
        parts = key_id.split(":", 5)
        if len(parts) < 6 or parts[2] != "kms" or parts[3] != ctx.region:
            raise KmsKeyNotFound(f"Invalid arn {parts[3] if len(parts) > 3 else key_id}")
        return key_id
    if key_id.startswith("alias/"):
        return ctx.arn("kms", key_id)
    if not _KEY_ID.match(key_id):
        raise KmsKeyNotFound(f"Invalid keyId '{key_id}'")
    return ctx.arn("kms", f"key/{key_id}")


def _check_context(text: str) -> None:
    try:
        msgspec.json.decode(base64.b64decode(text, validate=True), type=dict[str, str])
    except (binascii.Error, msgspec.DecodeError):
        raise InvalidArgument(
            "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON "
            "which represents a string-string map",
            members={"ArgumentName": "x-amz-server-side-encryption-context", "ArgumentValue": text},
        ) from None
