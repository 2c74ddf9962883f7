"""Signatures of notifications, which a receiver verifies with the certificate that their SigningCertURL leads to.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.store import Record

# What is signed, in this order, of what the document has.
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
# AWS's key has 2048 bits. This one guards nothing, is verified by the same procedure, and signs six times as fast.
_KEY_BITS = 1024
_VALID = timedelta(days=30 * 365)
_PREFIX = "SimpleNotificationService-"

Sign = Callable[[bytes], bytes]


class SigningKey(Record):
    """The one key of a data folder and its certificate, both as PEM; `id` is part of the certificate's URL."""

    id: str
    private: bytes
    certificate: bytes


class Signer:
    """Signs with a key that is made at first use. The cryptography library is not imported before."""

    def __init__(self, cloud: Cloud) -> None:
        self._keys = cloud.store.table("sns.signing_keys", key=(str,), value=SigningKey)
        self._loaded: tuple[str, dict[str, Sign]] = ("", {})

    def sign(self, ctx: Context, document: Mapping[str, str], version: str) -> str:
        """The `Signature` of a document: SHA-1 in version 1, SHA-256 in version 2."""
        text = "".join(f"{name}\n{document[name]}\n" for name in _SIGNED[document["Type"]] if name in document)
        key = self._key(ctx)
        if self._loaded[0] != key.id:
            self._loaded = (key.id, _signers(key))
        return base64.b64encode(self._loaded[1][version](text.encode())).decode()

    def certificate_url(self, ctx: Context) -> str:
        return f"{ctx.endpoint}/{_PREFIX}{self._key(ctx).id}.pem"

    def certificate(self, file_name: str) -> bytes | None:
        """The certificate under that name, as `certificate_url` gives it."""
        key = self._keys.peek(("",))
        return key.certificate if key is not None and file_name == f"{_PREFIX}{key.id}.pem" else None

    def _key(self, ctx: Context) -> SigningKey:
        key = self._keys.peek(("",))
        if key is None:
            key = _new_key(ctx.now_ms)
            self._keys.put(("",), key)
        return key


def _new_key(now_ms: int) -> SigningKey:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = rsa.generate_private_key(65537, _KEY_BITS)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    day = datetime.fromtimestamp(now_ms // 1000, UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(day)
        .not_valid_after(day + _VALID)
        .sign(private, hashes.SHA256())
    )
    return SigningKey(
        id=certificate.fingerprint(hashes.SHA256()).hex()[:32],
        private=private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        certificate=certificate.public_bytes(serialization.Encoding.PEM),
    )


def _signers(key: SigningKey) -> dict[str, Sign]:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    private = serialization.load_pem_private_key(key.private, None)
    assert isinstance(private, rsa.RSAPrivateKey)
    pkcs, sha1, sha256 = padding.PKCS1v15(), hashes.SHA1(), hashes.SHA256()
    return {"1": lambda text: private.sign(text, pkcs, sha1), "2": lambda text: private.sign(text, pkcs, sha256)}


class Seal:
    """The signatures of one message: what several subscribers get is signed once."""

    def __init__(self, signer: Signer, ctx: Context, version: str) -> None:
        self._signer = signer
        self._ctx = ctx
        self.version = version
        self._signed: dict[str, str] = {}

    @property
    def certificate_url(self) -> str:
        return self._signer.certificate_url(self._ctx)

    def sign(self, document: Mapping[str, str]) -> str:
        """The signature of a document of this message; documents differ in their `Message` only."""
        text = document["Message"]
        signature = self._signed.get(text)
        if signature is None:
            signature = self._signed[text] = self._signer.sign(self._ctx, document, self.version)
        return signature
