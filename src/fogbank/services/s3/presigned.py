"""Requests that are signed in their query: what can be told of them without a secret.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from fogbank.core.http_message import RequestData
from fogbank.core.moments import iso_seconds
from fogbank.services.s3.errors import AccessDenied, AuthorizationQueryParametersError, InvalidArgument

EXPIRES_MAX_S = 7 * 24 * 3600
_V4 = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires")
_V2 = ("Signature", "Expires", "AWSAccessKeyId")
_ALGORITHMS = ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")
_DATE = re.compile(r"\d{8}T\d{6}Z\Z")
_SIGNED_IN_QUERY = re.compile(r"(?:^|&)(?:X-Amz-(?:Algorithm|Credential|Signature)|AWSAccessKeyId|Signature)=")
_CHECKSUMS = ("x-amz-checksum-", "x-amz-sdk-checksum-")
_NEED_NO_SIGNATURE = ("x-amz-content-sha256",)
_HEADERS_IN_QUERY = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")


def admit(request: RequestData, now_ms: int) -> None:
    """Refuse a presigned request that is malformed or has expired. Parameters with names of headers count as those.

    Except for checksums: the JavaScript SDK signs that of a body which it does not know yet, and AWS takes any other.
    """
    if _SIGNED_IN_QUERY.search(request.query) is None:
        return
    given = dict(parse_qsl(request.query, keep_blank_values=True))
    if "authorization" in request.headers:
        raise InvalidArgument(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
            "parameter or the Authorization header should be specified",
            members={"ArgumentName": "Authorization", "ArgumentValue": request.headers["authorization"]},
        )
    if any(name in given for name in _V4):
        _check_v4(given, request.headers, now_ms)
    else:
        _check_v2(given, now_ms)
    for name, value in given.items():
        header = name.lower()
        if header in _HEADERS_IN_QUERY or (
            header.startswith("x-amz-") and not header.startswith(_CHECKSUMS) and name not in _V4
        ):
            request.headers.setdefault(header, value)


def _check_v4(given: Mapping[str, str], headers: Mapping[str, str], now_ms: int) -> None:
    if not all(name in given for name in _V4):
        raise AuthorizationQueryParametersError(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    if given["X-Amz-Algorithm"] not in _ALGORITHMS:
        raise AuthorizationQueryParametersError(f'X-Amz-Algorithm only supports "{" and ".join(_ALGORITHMS)}"')
    _check_credential(given["X-Amz-Credential"], given["X-Amz-Algorithm"])
    if _DATE.match(given["X-Amz-Date"]) is None or (signed_ms := _milliseconds(given["X-Amz-Date"])) is None:
        raise AuthorizationQueryParametersError(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        )
    expires_s = _seconds(given["X-Amz-Expires"])
    unsigned = _unsigned_headers(given["X-Amz-SignedHeaders"], headers)
    if unsigned:
        raise AccessDenied(
            "There were headers present in the request which were not signed",
            members={"HeadersNotSigned": ", ".join(unsigned)},
        )
    if now_ms > signed_ms + expires_s * 1000:
        raise _expired(signed_ms + expires_s * 1000, now_ms, {"X-Amz-Expires": given["X-Amz-Expires"]})


def _check_credential(credential: str, algorithm: str) -> None:
    scope = credential.rsplit("/", 4 if algorithm == _ALGORITHMS[0] else 3)
    if len(scope) < (5 if algorithm == _ALGORITHMS[0] else 4) or scope[-1] != "aws4_request":
        raise AuthorizationQueryParametersError(
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; "
            'expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )


def _seconds(expires: str) -> int:
    try:
        expires_s = int(expires)
    except ValueError:
        raise AuthorizationQueryParametersError("X-Amz-Expires should be a number") from None
    if expires_s < 0:
        raise AuthorizationQueryParametersError("X-Amz-Expires must be non-negative")
    if expires_s > EXPIRES_MAX_S:
        raise AuthorizationQueryParametersError(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            f"{EXPIRES_MAX_S} seconds"
        )
    return expires_s


def _unsigned_headers(signed: str, headers: Mapping[str, str]) -> list[str]:
    names = signed.lower().split(";")
    return sorted(
        name for name in headers if name.startswith("x-amz-") and name not in names and name not in _NEED_NO_SIGNATURE
    )


def _check_v2(given: Mapping[str, str], now_ms: int) -> None:
    if not all(name in given for name in _V2):
        raise AccessDenied("Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters")
    try:
        expires_ms = int(given["Expires"]) * 1000
    except ValueError:
        raise AccessDenied(f"Invalid date (should be seconds since epoch): {given['Expires']}") from None
    if now_ms > expires_ms:
        raise _expired(expires_ms, now_ms, {})


def _expired(expires_ms: int, now_ms: int, members: Mapping[str, str]) -> AccessDenied:
    times = {"Expires": iso_seconds(max(expires_ms, 0)), "ServerTime": iso_seconds(now_ms)}
    return AccessDenied("Request has expired", members={**members, **times})


def _milliseconds(date: str) -> int | None:
    try:
        return int(datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return None
