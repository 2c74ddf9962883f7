"""What keys are made of: random bytes for symmetric and HMAC keys, a private key in PKCS #8 for pairs."""

import hashlib
import secrets
from functools import lru_cache
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from fogbank.services.kms.key_specs import SPECS, is_private_key

_PUBLIC_EXPONENT = 65537
_LOADED_MAX = 256
_MAKERS: dict[str, Any] = {
    "ECC_NIST_EDWARDS25519": ed25519.Ed25519PrivateKey,
    "ML_DSA_44": mldsa.MLDSA44PrivateKey,
    "ML_DSA_65": mldsa.MLDSA65PrivateKey,
    "ML_DSA_87": mldsa.MLDSA87PrivateKey,
    "ML_KEM_768": mlkem.MLKEM768PrivateKey,
    "ML_KEM_1024": mlkem.MLKEM1024PrivateKey,
}


class UnfitMaterial(Exception):
    """The material is not of the key's spec."""


def takes_long(spec: str) -> bool:
    """Whether making such a key is too slow for the loop that serves everybody."""
    return spec.startswith("RSA_")


def generate(spec: str) -> bytes:
    """New material for a key of that spec; any thread may call it."""
    kind = SPECS[spec]
    if not is_private_key(spec):
        return secrets.token_bytes(kind.bits // 8)
    key: Any
    if spec.startswith("RSA_"):
        key = rsa.generate_private_key(public_exponent=_PUBLIC_EXPONENT, key_size=kind.bits)
    elif kind.curve:
        key = ec.generate_private_key(getattr(ec, kind.curve)())
    else:
        key = _MAKERS[spec].generate()
    return serialized(key)


def serialized(key: Any) -> bytes:
    text: bytes = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return text


def public_part(spec: str, material: bytes) -> bytes:
    """The public half, as a SubjectPublicKeyInfo."""
    text: bytes = private_key(material).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return text


@lru_cache(_LOADED_MAX)
def private_key(material: bytes) -> Any:
    """The key to compute with. That it is sound was seen when it was made or imported: that takes long for RSA."""
    return load_der_private_key(material, None, unsafe_skip_rsa_key_validation=True)


def check(spec: str, material: bytes) -> None:
    """Raise UnfitMaterial unless somebody else's material can be that of a key of the spec."""
    kind = SPECS[spec]
    if not is_private_key(spec):
        if len(material) != kind.bits // 8:
            raise UnfitMaterial()
        return
    try:
        key: Any = load_der_private_key(material, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnfitMaterial() from None
    if spec.startswith("RSA_"):
        fits = isinstance(key, rsa.RSAPrivateKey) and key.key_size == kind.bits
    elif kind.curve:
        fits = isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == kind.curve.lower()
    else:
        fits = isinstance(key, _MAKERS[spec])
    if not fits:
        raise UnfitMaterial()


def material_id(key_id: str, material: bytes) -> str:
    """An id that the same material has in the same key, and that says nothing about it."""
    return hashlib.sha256(b"fogbank key material\0" + key_id.encode() + b"\0" + material).hexdigest()
