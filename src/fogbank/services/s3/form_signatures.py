"""Who signed the policy of a form: asked where requests are authenticated.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
"""

from collections.abc import Mapping

from fogbank.core.cloud import Cloud
from fogbank.core.policy_evaluation import ANONYMOUS, Identity
from fogbank.core.signing import ALGORITHM, TERMINATION, is_signature, is_signature_v2, signing_key
from fogbank.services.s3.errors import AccessDenied, InvalidAccessKeyId, InvalidRequest, SignatureDoesNotMatch


def signer_of_form(cloud: Cloud, access_key: str | None, fields: Mapping[str, str], *, now_ms: int) -> Identity:
    """The identity behind the signature by that key; nobody's, if there is none. Raises what is wrong with it."""
    if access_key is None:
        return ANONYMOUS
    signature = fields["x-amz-signature"] if "x-amz-credential" in fields else fields["signature"]
    key = cloud.access_keys.peek((access_key,)) if cloud.access_keys.is_key((access_key,)) else None
    if key is None or not key.secret or not key.active or 0 < key.expires_ms <= now_ms:
        raise InvalidAccessKeyId(members={"AWSAccessKeyId": access_key})
    if key.session_token != fields.get("x-amz-security-token", ""):
        raise AccessDenied("The provided token is malformed or otherwise invalid.")
    if not _is_signed(fields, key.secret, signature):
        raise SignatureDoesNotMatch(
            members={
                "AWSAccessKeyId": access_key,
                "StringToSign": fields["policy"],
                "SignatureProvided": signature,
                "StringToSignBytes": fields["policy"].encode().hex(" "),
            }
        )
    assert cloud.authorizer is not None
    return cloud.authorizer.identity_of(access_key, key)


def _is_signed(fields: Mapping[str, str], secret: str, signature: str) -> bool:
    """By version 2, or by version 4."""
    if "x-amz-credential" not in fields:
        return is_signature_v2(secret, fields["policy"], signature)
    parts = fields["x-amz-credential"].split("/")
    if fields["x-amz-algorithm"] != ALGORITHM or len(parts) != 5 or parts[4] != TERMINATION:
        raise InvalidRequest(
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
        )
    _, date, region, service, _ = parts
    return is_signature(signing_key(secret, date, region, service), fields["policy"], signature)
