"""JSON Web Tokens of identity providers: taken apart, and their signatures verified with the provider's keys.

RFC 7515 (signatures), RFC 7517 (keys), RFC 7519 (tokens).
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fogbank.core.json_text import parse

_CURVES = {"ES256": ("P-256", 32), "ES384": ("P-384", 48), "ES512": ("P-521", 66)}
_RSA = frozenset(("RS256", "RS384", "RS512"))


class NoToken(Exception):
    """The text is no token, or none that can be verified."""


class WebToken(NamedTuple):
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes

    @property
    def issuer(self) -> str:
        """Without the scheme, as providers are named."""
        return str(self.claims.get("iss", "")).removeprefix("https://").rstrip("/")

    @property
    def audiences(self) -> list[str]:
        """Who the token is for; if it was asked for by somebody else, that party."""
        found = self.claims.get("azp") or self.claims.get("aud") or []
        return [str(one) for one in (found if isinstance(found, list) else [found])]

    def is_signed_by(self, keys: Sequence[Mapping[str, Any]]) -> bool:
        """Whether one of these JSON Web Keys made the signature: the one that the header names, if it names one."""
        key_id = self.header.get("kid")
        return any(self._verifies(key) for key in keys if key_id is None or key.get("kid") == key_id)

    def _verifies(self, key: Mapping[str, Any]) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        algorithm = str(self.header.get("alg"))
        digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}.get(algorithm[2:])
        try:
            if algorithm in _RSA and key.get("kty") == "RSA" and digest is not None:
                numbers = rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"]))
                numbers.public_key().verify(self.signature, self.signed, padding.PKCS1v15(), digest)
                return True
            if algorithm in _CURVES and key.get("kty") == "EC" and digest is not None:
                curve_name, size = _CURVES[algorithm]
                if key.get("crv") != curve_name or len(self.signature) != 2 * size:
                    return False
                curve = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}[curve_name]
                point = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), curve)
                halves = (int.from_bytes(part, "big") for part in (self.signature[:size], self.signature[size:]))
                point.public_key().verify(encode_dss_signature(*halves), self.signed, ec.ECDSA(digest))
                return True
        except (InvalidSignature, KeyError, NoToken, ValueError):
            return False
        return False


def read_token(text: str) -> WebToken:
    parts = text.split(".")
    if len(parts) != 3:
        raise NoToken
    header, claims = (parse(_decoded(part)) for part in parts[:2])
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise NoToken
    return WebToken(header, claims, f"{parts[0]}.{parts[1]}".encode(), _decoded(parts[2]))


def _decoded(text: Any) -> bytes:
    if not isinstance(text, str):
        raise NoToken
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise NoToken from None


def _number(text: Any) -> int:
    return int.from_bytes(_decoded(text), "big")
