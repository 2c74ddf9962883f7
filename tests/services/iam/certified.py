"""Names with keys and certificates, for tests."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

STARTS = datetime(2020, 1, 1, tzinfo=UTC)


class Certified(NamedTuple):
    """A name with its key and its certificate."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def body(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def private(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def certified(common_name: str, issuer: Certified | None = None) -> Certified:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(
        issuer_name=issuer.name if issuer is not None else name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=STARTS,
        not_valid_after=STARTS + timedelta(days=36_500),
    )
    return Certified(name, key, builder.sign(issuer.key if issuer is not None else key, hashes.SHA256()))
