"""How an object is to be encrypted: what the request asks for, else what its bucket does by default.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html

A customer's key and one of KMS change what lies on the disk; the two layers of DSSE are one here. S3's own keys do not:
they would lie beside what they lock and cost every object of every bucket; that an object has them is told.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from fogbank.core.envelope import DataKey
from fogbank.services.s3.body_keys import BodyKey
from fogbank.services.s3.customer_keys import CustomerKey
from fogbank.services.s3.errors import InvalidArgument

_METHODS = ("AES256", "aws:kms", "aws:kms:dsse")
_KMS = ("aws:kms", "aws:kms:dsse")
_AWS_MANAGED = "alias/aws/s3"
ENCRYPTION_HEADERS = ("ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled", "SSEKMSEncryptionContext")
"""What is stored of the encryption among an object's headers."""
_DEFAULT = {"SSEAlgorithm": "AES256"}


class Encryption(NamedTuple):
    """How one object is to be kept."""

    headers: dict[str, Any]
    """What is stored beside the object and comes back with it."""
    key: CustomerKey | None = None
    data_key: DataKey | None = None
    """Of KMS, if the headers say that it is under one."""

    @property
    def needs_data_key(self) -> bool:
        return self.headers.get("ServerSideEncryption") in _KMS

    @property
    def body_key(self) -> BodyKey | None:
        """What the body is encrypted with; None if it is not."""
        if self.key is not None:
            return self.key.body_key
        return BodyKey(self.data_key.plaintext) if self.data_key is not None else None

    @property
    def etag_is_md5(self) -> bool:
        """Else the ETag tells nothing about the contents."""
        return self.key is None and not self.needs_data_key

    def members(self) -> dict[str, Any]:
        """What the answer to a write tells."""
        return self.headers if self.key is None else key_members(self.key)


def key_members(key: CustomerKey | None) -> dict[str, Any]:
    return {} if key is None else {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": key.md5}


def requested(parameters: Mapping[str, Any], default: Mapping[str, Any] | None) -> Encryption:
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
        return Encryption(_by_default(parameters, rule))
    if method not in _METHODS:
        raise InvalidArgument(
            "The encryption method specified is not supported",
            members={"ArgumentName": "x-amz-server-side-encryption", "ArgumentValue": method},
        )
    key_id = parameters.get("SSEKMSKeyId")
    if method in _KMS:
        return Encryption(_by_kms(method, parameters, key_id, rule))
    if key_id is not None:
        raise _needs_kms(method)
    return Encryption({"ServerSideEncryption": method})


def _by_default(parameters: Mapping[str, Any], rule: Mapping[str, Any]) -> dict[str, Any]:
    default = rule.get("ApplyServerSideEncryptionByDefault") or _DEFAULT
    if parameters.get("SSEKMSKeyId") is not None:
        raise _needs_kms("null")
    method = default["SSEAlgorithm"]
    if method not in _KMS:
        return {"ServerSideEncryption": method}
    return _by_kms(method, parameters, default.get("KMSMasterKeyID"), rule)


def _by_kms(method: str, parameters: Mapping[str, Any], key_id: str | None, rule: Mapping[str, Any]) -> dict[str, Any]:
    headers: dict[str, Any] = {"ServerSideEncryption": method, "SSEKMSKeyId": key_id or _AWS_MANAGED}
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


def _check_context(text: str) -> None:
    try:
        msgspec.json.decode(base64.b64decode(text, validate=True), type=dict[str, str])
    except (binascii.Error, msgspec.DecodeError):
        raise InvalidArgument(
            "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON "
            "which represents a string-string map",
            members={"ArgumentName": "x-amz-server-side-encryption-context", "ArgumentValue": text},
        ) from None
