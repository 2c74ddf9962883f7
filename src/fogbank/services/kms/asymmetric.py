"""What is computed with pairs of keys: RSA encryption, signatures, agreement, encapsulation."""

from typing import Any

from cryptography.exceptions import InvalidSignature as BadSignature
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key

from fogbank.core.errors import NotImplementedInFogbank
from fogbank.services.kms.errors import InvalidCiphertext, InvalidSignature, Validation
from fogbank.services.kms.key_material import private_key
from fogbank.services.kms.key_specs import SPECS

_MU_BYTES = 64


def _hash(algorithm: str) -> hashes.HashAlgorithm:
    """By the end of the algorithm's name, such as `…_SHA_256`."""
    found: hashes.HashAlgorithm = getattr(hashes, "SHA" + algorithm.rpartition("_")[2])()
    return found


# ---- encryption ------------------------------------------------------------------------------------------------------


def _oaep(algorithm: str) -> padding.OAEP:
    return padding.OAEP(mgf=padding.MGF1(_hash(algorithm)), algorithm=_hash(algorithm), label=None)


def plaintext_bytes_max(spec: str, algorithm: str) -> int:
    return SPECS[spec].bits // 8 - 2 * _hash(algorithm).digest_size - 2


def encrypt(material: bytes, plaintext: bytes, spec: str, algorithm: str) -> bytes:
    most = plaintext_bytes_max(spec, algorithm)
    if len(plaintext) > most:
        raise Validation(f"Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {most} bytes.")
    text: bytes = private_key(material).public_key().encrypt(plaintext, _oaep(algorithm))
    return text


def decrypt(material: bytes, ciphertext: bytes, algorithm: str) -> bytes:
    try:
        text: bytes = private_key(material).decrypt(ciphertext, _oaep(algorithm))
    except ValueError:
        raise InvalidCiphertext() from None
    return text


# ---- signatures ------------------------------------------------------------------------------------------------------


def sign(material: bytes, message: bytes, message_type: str, algorithm: str) -> bytes:
    key = private_key(material)
    if algorithm == "ML_DSA_SHAKE_256" and message_type == "EXTERNAL_MU":
        _check_mu(message)
        signature: bytes = key.sign_mu(message)
    else:
        signature = key.sign(message, *_scheme(message, message_type, algorithm))
    return signature


def verify(material: bytes, message: bytes, message_type: str, algorithm: str, signature: bytes) -> None:
    """Raises InvalidSignature unless the key made the signature of the message."""
    key = private_key(material).public_key()
    try:
        if algorithm == "ML_DSA_SHAKE_256" and message_type == "EXTERNAL_MU":
            _check_mu(message)
            key.verify_mu(signature, message)
        else:
            key.verify(signature, message, *_scheme(message, message_type, algorithm))
    except BadSignature:
        raise InvalidSignature() from None


def _scheme(message: bytes, message_type: str, algorithm: str) -> tuple[Any, ...]:
    """What a key's `sign` and `verify` are told beside the message. Raises what AWS answers to messages that do not
    fit.
    """
    if algorithm == "ED25519_PH_SHA_512":
        raise NotImplementedInFogbank("The signing algorithm ED25519_PH_SHA_512 is not implemented by Fogbank.")
    if algorithm in ("ED25519_SHA_512", "ML_DSA_SHAKE_256"):
        if message_type != "RAW":
            raise Validation(f"MessageType {message_type} is not valid for algorithm {algorithm}.")
        return ()
    if message_type == "EXTERNAL_MU":
        raise Validation(f"MessageType {message_type} is not valid for algorithm {algorithm}.")
    function = _hash(algorithm)
    if message_type == "DIGEST" and len(message) != function.digest_size:
        raise Validation(f"Digest is invalid length for algorithm {algorithm}.")
    hashing = utils.Prehashed(function) if message_type == "DIGEST" else function
    if algorithm.startswith("ECDSA"):
        return (ec.ECDSA(hashing),)
    if "PSS" in algorithm:
        return (padding.PSS(mgf=padding.MGF1(function), salt_length=function.digest_size), hashing)
    return (padding.PKCS1v15(), hashing)


def _check_mu(message: bytes) -> None:
    if len(message) != _MU_BYTES:
        raise Validation("Digest is invalid length for algorithm ML_DSA_SHAKE_256.")


# ---- agreement and encapsulation -------------------------------------------------------------------------------------


def agree(material: bytes, public_key: bytes) -> bytes:
    """The secret that is shared with who has the private half of that public key."""
    key = private_key(material)
    try:
        other = load_der_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm):
        raise Validation("") from None
    if not isinstance(other, ec.EllipticCurvePublicKey) or other.curve.name != key.curve.name:
        raise Validation("")
    secret: bytes = key.exchange(ec.ECDH(), other)
    return secret


def encapsulate(material: bytes) -> tuple[bytes, bytes]:
    """A new secret, and its ciphertext for the key."""
    secret, ciphertext = private_key(material).public_key().encapsulate()
    return secret, ciphertext


def decapsulate(material: bytes, ciphertext: bytes) -> bytes:
    try:
        secret: bytes = private_key(material).decapsulate(ciphertext)
    except ValueError:
        raise InvalidCiphertext() from None
    return secret


def ciphertext_bytes(material: bytes) -> int:
    """How long the ciphertexts of an RSA key are."""
    size: int = private_key(material).key_size
    return size // 8
