"""The arithmetic of AWS's signatures: keys and what they sign.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import base64
import hashlib
import hmac
from functools import lru_cache

EMPTY_HASH = hashlib.sha256(b"").hexdigest()
ALGORITHM = "AWS4-HMAC-SHA256"
ALGORITHM_4A = "AWS4-ECDSA-P256-SHA256"
TERMINATION = "aws4_request"

_KEYS_MAX = 4096
_BLOCK_BYTES = 64
# Order of the group of P-256 less two: a candidate beyond it is no key.
_P256_N_LESS_TWO = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551 - 2


@lru_cache(_KEYS_MAX)  # A client signs with the same one for a day.
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, TERMINATION):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


class SigningState:
    """HMAC-SHA256 with one key (RFC 2104) for many texts, which may begin alike: what they share is hashed once.

    Every request pays for this: copies of keyed hashes take a third of what `hmac.digest` does.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        """The key is no longer than a block."""
        block = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner, self._outer = (hashlib.sha256(bytes([byte ^ mask for byte in block])) for mask in (0x36, 0x5C))

    def begin(self, text: str) -> "hashlib._Hash":
        """The hash of a text that goes on: `end` a copy of it with what follows."""
        begun = self._inner.copy()
        begun.update(text.encode())
        return begun

    def end(self, begun: "hashlib._Hash") -> str:
        """The signature of the text so far."""
        outer = self._outer.copy()
        outer.update(begun.digest())
        return outer.hexdigest()


@lru_cache(_KEYS_MAX)
def signing_state(key: bytes) -> SigningState:
    return SigningState(key)


def sign(key: bytes, text: str) -> str:
    state = signing_state(key)
    return state.end(state.begin(text))


def is_signature(key: bytes, text: str, signature: str) -> bool:
    return signature.isascii() and hmac.compare_digest(sign(key, text), signature)


def is_signature_v2(secret: str, text: str, signature: str) -> bool:
    """Version 2, which S3 still takes."""
    right = base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1"))
    return hmac.compare_digest(right, signature.encode())


def string_to_sign(algorithm: str, moment: str, scope: str, canonical_request: str) -> str:
    return f"{algorithm}\n{moment}\n{scope}\n{hashlib.sha256(canonical_request.encode()).hexdigest()}"


@lru_cache(_KEYS_MAX)
def asymmetric_private_value(access_key: str, secret: str) -> int:
    """The private key of signature version 4a, derived by NIST SP 800-108 in counter mode."""
    for counter in range(1, 255):
        context = access_key.encode() + bytes((counter,))
        message = b"\x00\x00\x00\x01" + ALGORITHM_4A.encode() + b"\x00" + context + b"\x00\x00\x01\x00"
        candidate = int.from_bytes(hmac.digest(f"AWS4A{secret}".encode(), message, "sha256"), "big")
        if candidate <= _P256_N_LESS_TWO:
            return candidate + 1
    raise ValueError("no key can be derived")


def is_asymmetric_signature(access_key: str, secret: str, text: str, signature: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    public = ec.derive_private_key(asymmetric_private_value(access_key, secret), ec.SECP256R1()).public_key()
    try:
        public.verify(bytes.fromhex(signature), text.encode(), ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True
