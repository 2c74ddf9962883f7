"""Signatures, MACs and shared secrets: what others compute with the public half agrees."""

import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from tests.services.kms.conftest import NewKey

MESSAGE = b"the message"


def scheme(algorithm: str, *, digest: bool) -> tuple[Any, ...]:
    """How `cryptography` verifies what KMS signs by that algorithm."""
    if algorithm in ("ED25519_SHA_512", "ML_DSA_SHAKE_256"):
        return ()
    function: Any = getattr(hashes, "SHA" + algorithm[-3:])()
    hashing = utils.Prehashed(function) if digest else function
    if algorithm.startswith("ECDSA"):
        return (ec.ECDSA(hashing),)
    if "PSS" in algorithm:
        return (padding.PSS(padding.MGF1(function), function.digest_size), hashing)
    return (padding.PKCS1v15(), hashing)


@pytest.mark.parametrize(
    ("spec", "algorithms"),
    [
        (
            "RSA_2048",
            [f"RSASSA_{padding}_SHA_{bits}" for padding in ("PSS", "PKCS1_V1_5") for bits in (256, 384, 512)],
        ),
        ("ECC_NIST_P256", ["ECDSA_SHA_256"]),
        ("ECC_NIST_P384", ["ECDSA_SHA_384"]),
        ("ECC_NIST_P521", ["ECDSA_SHA_512"]),
        ("ECC_SECG_P256K1", ["ECDSA_SHA_256"]),
        ("ECC_NIST_EDWARDS25519", ["ED25519_SHA_512"]),
        ("ML_DSA_44", ["ML_DSA_SHAKE_256"]),
        ("ML_DSA_87", ["ML_DSA_SHAKE_256"]),
    ],
)
def test_a_signature_is_verified_outside(kms: Any, new_key: NewKey, spec: str, algorithms: list[str]) -> None:
    key = new_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")
    public: Any = load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    for algorithm in algorithms:
        signed = kms.sign(KeyId=key, Message=MESSAGE, SigningAlgorithm=algorithm)
        public.verify(signed["Signature"], MESSAGE, *scheme(algorithm, digest=False))
        asked = {"KeyId": key, "SigningAlgorithm": algorithm, "Signature": signed["Signature"]}
        assert kms.verify(**asked, Message=MESSAGE)["SignatureValid"]
        with pytest.raises(kms.exceptions.KMSInvalidSignatureException):
            kms.verify(**asked, Message=b"another")


def test_a_digest_is_signed_as_its_message_is(kms: Any, new_key: NewKey) -> None:
    key = new_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    public: Any = load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    asked = {"KeyId": key, "SigningAlgorithm": "ECDSA_SHA_256"}
    digest = hashlib.sha256(MESSAGE).digest()
    signature = kms.sign(**asked, Message=digest, MessageType="DIGEST")["Signature"]
    public.verify(signature, MESSAGE, *scheme("ECDSA_SHA_256", digest=False))
    assert kms.verify(**asked, Message=MESSAGE, Signature=signature)["SignatureValid"]
    with pytest.raises(ClientError, match="Digest is invalid length for algorithm ECDSA_SHA_256"):
        kms.sign(**asked, Message=MESSAGE, MessageType="DIGEST")


@pytest.mark.parametrize("bits", [224, 256, 384, 512])
def test_a_mac_is_of_its_message(kms: Any, new_key: NewKey, bits: int) -> None:
    key = new_key(KeySpec=f"HMAC_{bits}", KeyUsage="GENERATE_VERIFY_MAC")
    asked = {"KeyId": key, "MacAlgorithm": f"HMAC_SHA_{bits}"}
    mac = kms.generate_mac(**asked, Message=MESSAGE)["Mac"]
    assert len(mac) == bits // 8
    assert kms.verify_mac(**asked, Message=MESSAGE, Mac=mac)["MacValid"]
    with pytest.raises(kms.exceptions.KMSInvalidMacException):
        kms.verify_mac(**asked, Message=b"another", Mac=mac)


@pytest.mark.parametrize(("spec", "curve"), [("ECC_NIST_P256", ec.SECP256R1()), ("ECC_NIST_P521", ec.SECP521R1())])
def test_both_sides_derive_the_same_secret(kms: Any, new_key: NewKey, spec: str, curve: ec.EllipticCurve) -> None:
    key, own = new_key(KeySpec=spec, KeyUsage="KEY_AGREEMENT"), ec.generate_private_key(curve)
    theirs: Any = load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    sent = own.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    derived = kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=sent)
    assert derived["SharedSecret"] == own.exchange(ec.ECDH(), theirs)


def test_a_secret_is_encapsulated_for_a_key(kms: Any, new_key: NewKey) -> None:
    key = new_key(KeySpec="ML_KEM_1024", KeyUsage="ENCAPSULATE_DECAPSULATE")
    public: Any = load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    secret, ciphertext = public.encapsulate()
    asked = {"KeyId": key, "EncapsulationAlgorithm": "ML_KEM"}
    assert kms.decapsulate(**asked, SharedSecretCiphertextBlob=ciphertext)["SharedSecret"] == secret
    made = kms.encapsulate(**asked)
    opened = kms.decapsulate(**asked, SharedSecretCiphertextBlob=made["SharedSecretCiphertextBlob"])
    assert opened["SharedSecret"] == made["SharedSecret"]
