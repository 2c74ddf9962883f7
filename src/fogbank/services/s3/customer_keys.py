"""Encryption under keys that the customer sends with each request (SSE-C).

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html

The key itself is never stored: a salted HMAC of it tells whether a later request brings the same one.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, NamedTuple

from fogbank.services.s3.body_keys import BodyKey, new_salt
from fogbank.services.s3.errors import AccessDenied, InvalidArgument, InvalidEncryptionAlgorithm, InvalidRequest

_ARGUMENT = "x-amz-server-side-encryption"
_KEY_BYTES = 32


class CustomerKey(NamedTuple):
    """A key as a request brings it, checked."""

    key: bytes
    md5: str

    @classmethod
    def given(cls, parameters: Mapping[str, Any], *, source: bool = False) -> "CustomerKey | None":
        """The key to encrypt with, or None if the request has nothing of one. `source`: that of a copy's source."""
        found = _parameters(parameters, source)
        if found is None:
            return None
        algorithm, text, md5 = found
        _check_algorithm(algorithm)
        key = _decoded(text)
        if len(key) != _KEY_BYTES:
            raise InvalidArgument("The secret key was invalid for the specified algorithm.", members=_named())
        if _md5(key) != md5:
            raise InvalidArgument(
                "The calculated MD5 hash of the key did not match the hash that was provided.", members=_named()
            )
        return cls(key, md5)

    @classmethod
    def to_read(cls, parameters: Mapping[str, Any], verifier: str, *, source: bool = False) -> "CustomerKey | None":
        """The key to read an object with whose key left that `verifier` (empty: it is not encrypted so)."""
        found = _parameters(parameters, source)
        if found is not None:
            _check_algorithm(found[0])
        if not verifier:
            if found is not None:
                raise InvalidRequest("The encryption parameters are not applicable to this object.")
            return None
        if found is None:
            raise InvalidRequest(
                "The object was stored using a form of Server Side Encryption. "
                "The correct parameters must be provided to retrieve the object."
            )
        _, text, md5 = found
        brought = cls(_decoded(text), md5)
        if len(brought.key) != _KEY_BYTES or _md5(brought.key) != md5 or not brought.made(verifier):
            raise AccessDenied(
                "Requests specifying Server Side Encryption with Customer provided keys must provide "
                "the correct secret key."
            )
        return brought

    def verifier(self) -> str:
        """What is stored in place of the key."""
        salt = new_salt()
        return f"{salt}:{self._hmac(salt).hex()}"

    def made(self, verifier: str) -> bool:
        salt, _, digest = verifier.partition(":")
        return hmac.compare_digest(self._hmac(salt).hex(), digest)

    @property
    def body_key(self) -> BodyKey:
        return BodyKey(self.key)

    def _hmac(self, salt: str) -> bytes:
        return hmac.digest(self.key, salt.encode(), "sha256")


def _parameters(parameters: Mapping[str, Any], source: bool) -> tuple[str | None, str, str] | None:
    prefix = "CopySource" if source else ""
    algorithm, key, md5 = (parameters.get(f"{prefix}SSECustomer{name}") for name in ("Algorithm", "Key", "KeyMD5"))
    if algorithm is None and key is None and md5 is None:
        return None
    return algorithm, key or "", md5 or ""


def _check_algorithm(algorithm: str | None) -> None:
    if algorithm is None:
        raise InvalidArgument(
            "Requests specifying Server Side Encryption with Customer provided keys must provide a valid "
            "encryption algorithm.",
            members=_named(),
        )
    if algorithm != "AES256":
        raise InvalidEncryptionAlgorithm(members=_named(algorithm))


def _decoded(text: str) -> bytes:
    if not text:
        raise InvalidArgument(
            "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate "
            "secret key.",
            members=_named(),
        )
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


def _md5(key: bytes) -> str:
    return base64.b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode()


def _named(value: str | None = None) -> dict[str, str]:
    return {"ArgumentName": _ARGUMENT} | ({} if value is None else {"ArgumentValue": value})
