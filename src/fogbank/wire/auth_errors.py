"""What AWS says to requests that it cannot authenticate or does not allow: by families of protocols.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from fogbank.core.authorization import Authorization
from fogbank.core.authorization_message import HEADER
from fogbank.core.authorizer import Asked
from fogbank.core.delegation import NotPermitted
from fogbank.core.errors import AwsError


class Refused(AwsError):
    """A request that is not let in; code and status are the protocol's."""

    def __init__(
        self, message: str, *, code: str, query_code: str, status: int, members: Mapping[str, str] | None = None
    ) -> None:
        self.code = code  # type: ignore[misc]  # shadows the class's on purpose, as do the two below
        self.query_code = query_code  # type: ignore[misc]
        self.status = status  # type: ignore[misc]
        super().__init__(message, members=members)


class _Codes(NamedTuple):
    """By family: the query protocols and their XML relatives, those with JSON or CBOR, S3."""

    query: str
    json: str
    s3: str
    s3_status: int = 403


class Why(Enum):
    """Why a request is not authenticated."""

    UNSIGNED = _Codes("MissingAuthenticationToken", "MissingAuthenticationTokenException", "AccessDenied")
    INCOMPLETE = _Codes("IncompleteSignature", "IncompleteSignatureException", "AuthorizationHeaderMalformed", 400)
    UNKNOWN_KEY = _Codes("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId")
    WRONG_TOKEN = _Codes("InvalidClientTokenId", "UnrecognizedClientException", "InvalidToken", 400)
    MISMATCH = _Codes("SignatureDoesNotMatch", "InvalidSignatureException", "SignatureDoesNotMatch")
    SKEWED = _Codes("SignatureDoesNotMatch", "InvalidSignatureException", "RequestTimeTooSkewed")
    EXPIRED = _Codes("RequestExpired", "InvalidSignatureException", "AccessDenied")
    EXPIRED_TOKEN = _Codes("ExpiredToken", "ExpiredTokenException", "ExpiredToken", 400)
    UNSUPPORTED = _Codes("IncompleteSignature", "IncompleteSignatureException", "InvalidRequest", 400)


_JSON = ("json", "smithy-rpc-v2-cbor", "amz-cbor")


def not_authenticated(
    why: Why, message: str, *, service: str, protocol: str, members: Mapping[str, str] | None = None
) -> Refused:
    codes: _Codes = why.value
    query_code = codes.query
    if service == "s3":
        code, query_code, status = codes.s3, codes.s3, codes.s3_status
    elif protocol in _JSON:
        code, status = codes.json, 400
    elif protocol == "rest-json":
        code, status = codes.json, 403
    else:
        code, status = codes.query, 403
    return Refused(message, code=code, query_code=query_code, status=status, members=members)


class Denied(Refused, NotPermitted):
    """A request of somebody who is known and may not; `asked` says what it was about."""

    asked: Sequence[Asked] = ()


def not_authorized(
    sentence: str, *, table: Authorization, protocol: str, asked: Sequence[Asked], request_id: str, message: str
) -> Denied:
    """`message` is the encoded one, for those who may decode it; empty if there is none."""
    in_json = protocol in _JSON or protocol == "rest-json"
    code = table.denied or ("AccessDeniedException" if in_json else "AccessDenied")
    status = table.denied_status or (400 if protocol in _JSON else 403)
    denied = Denied(sentence, code=code, query_code=table.denied or "AccessDenied", status=status)
    denied.asked = asked
    if message:
        denied.headers = {HEADER: message}
    denied.action, denied.request_id = asked[-1].action, request_id
    return denied
