"""How bodies are encrypted that have a key, whoever it is from: a customer with each request, or KMS.

Each piece of a body is encrypted by AES-256 in counter mode, so that a range can be read from anywhere, under a key of
its own that is made of the body's and the piece's salt: no two pieces share a key stream.
"""

import hmac
import secrets
from collections.abc import Callable
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_BLOCK_BYTES = 16

Transform = Callable[[bytes | memoryview], bytes]


def new_salt() -> str:
    return secrets.token_hex(16)


class BodyKey(NamedTuple):
    key: bytes

    def transform(self, salt: str, offset: int) -> Transform:
        """Encrypts and decrypts (it is the same) what lies from `offset` on in the piece of that salt."""
        counter = (offset // _BLOCK_BYTES).to_bytes(_BLOCK_BYTES, "big")
        piece_key = hmac.digest(self.key, salt.encode(), "sha256")
        cipher = Cipher(algorithms.AES(piece_key), modes.CTR(counter)).encryptor()
        cipher.update(bytes(offset % _BLOCK_BYTES))
        return cipher.update
