"""JSON web tokens (RFC 7519) whose keys never leave KMS: HS256, signed by GenerateMac and checked by VerifyMac."""

import base64
import json
from typing import Any

import boto3

kms = boto3.client("kms")


class InvalidToken(Exception):
    """The token was not made here, was changed, or is no longer valid."""


def sign(claims: dict[str, Any], key: str) -> str:
    unsigned = f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(claims)}"
    made = kms.generate_mac(KeyId=key, MacAlgorithm="HMAC_SHA_256", Message=unsigned.encode())
    return f"{unsigned}.{_text(made['Mac'])}"


def verified(token: str, key: str, *, now_s: float) -> dict[str, Any]:
    """The claims of a token that was signed with the key and has not expired. Raises InvalidToken."""
    unsigned, _, signature = token.rpartition(".")
    try:
        kms.verify_mac(KeyId=key, MacAlgorithm="HMAC_SHA_256", Message=unsigned.encode(), Mac=_bytes(signature))
        header, claims = (json.loads(_bytes(part)) for part in unsigned.split("."))
    except (ValueError, kms.exceptions.KMSInvalidMacException) as error:
        raise InvalidToken("the token was not signed here") from error
    if header.get("alg") != "HS256" or not claims.get("exp", 0) > now_s:
        raise InvalidToken("the token has expired")
    return claims


def _encoded(document: dict[str, Any]) -> str:
    return _text(json.dumps(document, separators=(",", ":")).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
