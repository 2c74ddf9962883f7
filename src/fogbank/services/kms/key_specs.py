"""The kinds of keys: what each may be used for, and by which algorithms.

https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html
"""

from collections.abc import Mapping
from typing import NamedTuple

from fogbank.core.errors import NotImplementedInFogbank

ENCRYPT = "ENCRYPT_DECRYPT"
SIGN = "SIGN_VERIFY"
MAC = "GENERATE_VERIFY_MAC"
AGREE = "KEY_AGREEMENT"
ENCAPSULATE = "ENCAPSULATE_DECAPSULATE"

SYMMETRIC = "SYMMETRIC_DEFAULT"

_OAEP = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
_RSA_SIGNATURES = tuple(
    f"{scheme}_SHA_{bits}" for scheme in ("RSASSA_PKCS1_V1_5", "RSASSA_PSS") for bits in (256, 384, 512)
)
_RSA = {ENCRYPT: _OAEP, SIGN: _RSA_SIGNATURES}
_ED25519 = ("ED25519_SHA_512", "ED25519_PH_SHA_512")


class KeySpec(NamedTuple):
    """`bits` is the size of an RSA key or an HMAC key, `curve` the name of an elliptic curve."""

    algorithms: Mapping[str, tuple[str, ...]]
    """By the key's usage."""
    bits: int = 0
    curve: str = ""


def _curve(curve: str, bits: int, *, agrees: bool = True) -> KeySpec:
    return KeySpec({SIGN: (f"ECDSA_SHA_{bits}",), **({AGREE: ("ECDH",)} if agrees else {})}, curve=curve)


SPECS: dict[str, KeySpec] = {
    SYMMETRIC: KeySpec({ENCRYPT: (SYMMETRIC,)}, bits=256),
    "RSA_2048": KeySpec(_RSA, bits=2048),
    "RSA_3072": KeySpec(_RSA, bits=3072),
    "RSA_4096": KeySpec(_RSA, bits=4096),
    "ECC_NIST_P256": _curve("SECP256R1", 256),
    "ECC_NIST_P384": _curve("SECP384R1", 384),
    "ECC_NIST_P521": _curve("SECP521R1", 512),
    "ECC_SECG_P256K1": _curve("SECP256K1", 256, agrees=False),
    "ECC_NIST_EDWARDS25519": KeySpec({SIGN: _ED25519}),
    **{f"HMAC_{bits}": KeySpec({MAC: (f"HMAC_SHA_{bits}",)}, bits=bits) for bits in (224, 256, 384, 512)},
    **{f"ML_DSA_{size}": KeySpec({SIGN: ("ML_DSA_SHAKE_256",)}) for size in (44, 65, 87)},
    **{f"ML_KEM_{size}": KeySpec({ENCAPSULATE: ("ML_KEM",)}) for size in (768, 1024)},
}

ALGORITHM_MEMBERS = {
    ENCRYPT: "EncryptionAlgorithms",
    SIGN: "SigningAlgorithms",
    MAC: "MacAlgorithms",
    AGREE: "KeyAgreementAlgorithms",
    ENCAPSULATE: "EncapsulationAlgorithms",
}
"""What the metadata of a key of a usage calls its algorithms."""


def known_spec(name: str) -> KeySpec:
    found = SPECS.get(name)
    if found is None:
        raise NotImplementedInFogbank(f"Keys of the spec {name} are not implemented by Fogbank.")
    return found


def is_private_key(spec: str) -> bool:
    """Whether a key of that spec is a pair, whose public half can be had."""
    return spec != SYMMETRIC and not spec.startswith("HMAC_")
