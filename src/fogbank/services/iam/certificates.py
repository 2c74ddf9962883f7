"""Certificates and public keys as they are uploaded: read, and refused where they are not what they should be."""

from typing import TYPE_CHECKING

from fogbank.services.iam.errors import InvalidPublicKey, KeyPairMismatch, MalformedCertificate

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509 import Certificate

SSH_BITS_MIN = 2048


def read_certificate(text: str) -> "Certificate":
    from cryptography.x509 import load_pem_x509_certificate

    try:
        return load_pem_x509_certificate(text.strip().encode())
    except ValueError:
        raise MalformedCertificate(
            "Unable to parse certificate. Please ensure the certificate is in PEM format."
        ) from None


def check_key(certificate: "Certificate", private_key: str) -> None:
    """The private key must be the certificate's. AWS's sentences for these are not published."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(private_key.strip().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise MalformedCertificate(
            "Unable to parse private key. Please ensure the private key is in PEM format and is not encrypted."
        ) from None
    if key.public_key() != certificate.public_key():
        raise KeyPairMismatch("The private key does not match the public key of the certificate.")


def check_chain(certificate: "Certificate", chain: str) -> None:
    """Each certificate of the chain must have signed the one before it."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.x509 import load_pem_x509_certificates

    verified = -1
    try:
        for issuer in load_pem_x509_certificates(chain.strip().encode()):
            certificate.verify_directly_issued_by(issuer)
            certificate = issuer
            verified += 1
    except (ValueError, TypeError, InvalidSignature):
        raise MalformedCertificate(
            "Unable to validate certificate chain. The certificate chain must start with the immediate signing "
            "certificate, followed by any intermediaries in order. The index within the chain of the invalid "
            f"certificate is: {verified}"
        ) from None


def read_public_key(text: str) -> "RSAPublicKey":
    """An RSA key in SSH's encoding or as PEM."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key, load_ssh_public_key

    load = load_pem_public_key if text.lstrip().startswith("-----BEGIN") else load_ssh_public_key
    try:
        key = load(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidPublicKey("The SSH public key is malformed.") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < SSH_BITS_MIN:
        raise InvalidPublicKey(f"The SSH public key must be an RSA key of at least {SSH_BITS_MIN} bits.")
    return key
