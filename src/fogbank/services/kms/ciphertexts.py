"""The ciphertexts of symmetric keys.

One says whose key and which of its materials it was made with; that, and the encryption context, are authenticated with
the plaintext by AES-256-GCM, so that nothing of it can be changed. To clients it is opaque.
"""

import secrets
import struct
import uuid
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fogbank.services.kms.errors import InvalidCiphertext

_FORMAT = 1
_MULTI_REGION = "mrk-"
_NONCE_BYTES = 12
# format, whether the key is multi-Region, its account, id and material
_HEADER = struct.Struct(">BBQ16s16s")
_CIPHERS_MAX = 1024


class Header(NamedTuple):
    """What a ciphertext says about itself. `material` is the beginning of the material's id."""

    account: str
    key_id: str
    material: str


def encrypt(
    secret: bytes, plaintext: bytes, context: Mapping[str, str], *, account: str, key_id: str, material_id: str
) -> bytes:
    header = _HEADER.pack(
        _FORMAT,
        key_id.startswith(_MULTI_REGION),
        int(account),
        uuid.UUID(key_id.removeprefix(_MULTI_REGION)).bytes,
        bytes.fromhex(material_id)[:16],
    )
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return header + nonce + _cipher(secret).encrypt(nonce, plaintext, header + canonical(context))


def read_header(blob: bytes) -> Header:
    """Raises InvalidCiphertext if it is no ciphertext of a symmetric key."""
    if len(blob) < _HEADER.size + _NONCE_BYTES:
        raise InvalidCiphertext()
    version, multi_region, account, key_id, material = _HEADER.unpack_from(blob)
    if version != _FORMAT or multi_region > 1 or account > 999_999_999_999:
        raise InvalidCiphertext()
    found = uuid.UUID(bytes=key_id)
    return Header(f"{account:012d}", f"{_MULTI_REGION}{found.hex}" if multi_region else str(found), material.hex())


def decrypt(secret: bytes, blob: bytes, context: Mapping[str, str]) -> bytes:
    header, nonce = blob[: _HEADER.size], blob[_HEADER.size : _HEADER.size + _NONCE_BYTES]
    try:
        return _cipher(secret).decrypt(nonce, blob[_HEADER.size + _NONCE_BYTES :], header + canonical(context))
    except InvalidTag:
        raise InvalidCiphertext() from None


def canonical(context: Mapping[str, str]) -> bytes:
    """An encryption context as bytes that no other one has; the order of its pairs means nothing."""
    parts = [text.encode() for pair in sorted(context.items()) for text in pair]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


@lru_cache(_CIPHERS_MAX)
def _cipher(secret: bytes) -> AESGCM:
    return AESGCM(secret)
