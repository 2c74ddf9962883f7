"""Signature version 4: whether a request was signed by whoever it says.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html
Version 4a, which signs for several regions, is verified, too, and for S3 version 2.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import NamedTuple
from urllib.parse import parse_qsl

from fogbank.core.cloud import AccessKey
from fogbank.core.moments import iso_seconds
from fogbank.core.signing import (
    ALGORITHM,
    ALGORITHM_4A,
    EMPTY_HASH,
    TERMINATION,
    is_asymmetric_signature,
    is_signature,
    is_signature_v2,
    sign,
    signing_key,
    string_to_sign,
)
from fogbank.wire.auth_errors import Refused, Why, not_authenticated
from fogbank.wire.canonical import canonical_request
from fogbank.wire.chunk_signatures import STREAMING, ChunkSignatures
from fogbank.wire.protocols.request import RequestData

SKEW_MAX_MS = 15 * 60 * 1000
EXPIRES_MAX_S = 7 * 24 * 3600
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
OWN = "fogbank"
"""What requests to Fogbank's own endpoints are signed for; their bodies may be too large to be hashed."""

_PART = re.compile(r"\s*(Credential|SignedHeaders|Signature)=([^,\s]*)\s*(?:,|\Z)")
_MOMENT = re.compile(r"[0-9]{8}T[0-9]{6}Z\Z")
_SECONDS = re.compile(r"[0-9]{1,12}")
_SIGNATURE_IN_QUERY = re.compile(r"(?:^|&)X-Amz-Signature=[^&]*")
_TOKEN_IN_QUERY = re.compile(r"(?:^|&)X-Amz-Security-Token=[^&]*")
# What clients do otherwise: botocore leaves a query as it was written, and some add the token when all is signed.
_OTHER_FORMS = ({"as_sent": True, "token_signed": True}, {"as_sent": False, "token_signed": False})

_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_MISMATCH_S3 = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)
_UNKNOWN_KEY = "The security token included in the request is invalid."

FindKey = Callable[[str], AccessKey | None]


class Scope(NamedTuple):
    """What a credential says beside the key: version 4a leaves the region out."""

    access_key: str
    date: str
    region: str
    service: str
    text: str
    """The scope as it is signed."""


class Signed(NamedTuple):
    """How a request is signed."""

    algorithm: str
    scope: Scope
    headers: tuple[str, ...]
    signature: str
    moment: str = ""
    expires_s: int | None = None
    """Of a request that is signed in its query."""
    token: str = ""


class Verified(NamedTuple):
    """A signature that is right; chunks of the body are signed behind it."""

    access_key: str
    key: AccessKey
    signed: Signed


class Verifier:
    """Checks the requests to one service in one protocol, which words the errors."""

    def __init__(self, service: str, signing_names: frozenset[str], protocol: str) -> None:
        self._service = service
        self._names = signing_names
        self._protocol = protocol
        self._s3 = service == "s3"
        self._believes_hash = service in ("s3", OWN)

    def verify(self, request: RequestData, find_key: FindKey, *, now_ms: int, lag_ms: int) -> Verified | None:
        """Whose signature the request has; None if it has none. Raises Refused. `lag_ms` is how far the clock was
        moved ahead of the one that clients have.
        """
        if self._s3 and (
            request.headers.get("authorization", "").startswith("AWS ") or "AWSAccessKeyId=" in request.query
        ):
            return self._verify_v2(request, find_key, now_ms=now_ms, lag_ms=lag_ms)
        signed = self._read(request)
        if signed is None:
            return None
        key = self._key(signed.scope.access_key, signed.token, find_key, now_ms)
        self._check_moment(signed, now_ms, lag_ms)
        self._check_signature(signed, key, request)
        if self._s3 and request.headers.get("x-amz-content-sha256", "").startswith(STREAMING):
            self._watch_chunks(signed, key, request)
        return Verified(signed.scope.access_key, key, signed)

    # ---- what the request says --------------------------------------------------------------------------------------

    def _read(self, request: RequestData) -> Signed | None:
        header = request.headers.get("authorization")
        if header is not None:
            if not header.startswith("AWS4-"):
                self._check_scheme(header)
                return None
            head, mark, signature = header.rpartition("Signature=")
            if not mark or "," in signature:  # It need not be the last part.
                head, signature = header, dict(_PART.findall(header)).get("Signature", "")
            parsed = _parsed(head)
            if parsed is None or not signature:
                raise self._incomplete(header, request)
            token = request.headers.get("x-amz-security-token", "")
            return Signed(*parsed, signature, self._moment(request, header), None, token)
        if "X-Amz-" in request.query and "X-Amz-Algorithm=" in request.query:
            return self._in_query(request)
        return None

    def _check_scheme(self, header: str) -> None:
        """Refuse what would be another way of AWS's to sign. A header of another kind is the application's own."""
        if header.startswith("AWS "):
            raise self._refused(
                Why.UNSUPPORTED,
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
            )
        if self._s3 or header.startswith("AWS"):
            raise self._refused(Why.UNSUPPORTED, "Unsupported Authorization Type")

    def _moment(self, request: RequestData, header: str) -> str:
        moment = request.headers.get("x-amz-date") or _iso_basic(request.headers.get("date", ""))
        if not milliseconds(moment):
            if self._s3:
                raise self._refused(Why.UNSIGNED, "AWS authentication requires a valid Date or x-amz-date header")
            raise self._refused(
                Why.INCOMPLETE,
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
                f"(Hashed with SHA-256 and encoded with Base64) Authorization={_hashed(header)}",
            )
        return moment

    def _incomplete(self, header: str, request: RequestData) -> Refused:
        given = dict(_PART.findall(header.partition(" ")[2]))
        if self._s3:
            return self._refused(
                Why.INCOMPLETE,
                'The authorization header is malformed; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/'
                'REGION/SERVICE/aws4_request".',
            )
        lacking = [f"Authorization header requires '{name}' parameter." for name in _PARTS if not given.get(name)]
        if not lacking:
            lacking = [
                f"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
                f"'{given['Credential']}'"
            ]
        told = f"(Hashed with SHA-256 and encoded with Base64) Authorization={_hashed(header)}"
        return self._refused(Why.INCOMPLETE, f"{' '.join(lacking)} {told}")

    def _in_query(self, request: RequestData) -> Signed | None:
        given = dict(parse_qsl(request.query, keep_blank_values=True))
        algorithm = given.get("X-Amz-Algorithm", "")
        scope = _scope(algorithm, given.get("X-Amz-Credential", ""))
        moment = given.get("X-Amz-Date", "")
        expires = given.get("X-Amz-Expires", "" if self._s3 else "300")
        names = given.get("X-Amz-SignedHeaders", "")
        signature = given.get("X-Amz-Signature", "")
        whole = scope is not None and signature and names and _MOMENT.match(moment) and _SECONDS.fullmatch(expires)
        if not whole or int(expires) > EXPIRES_MAX_S:
            if self._s3:
                return None  # S3 itself tells what its query lacks.
            lacking = [
                f"AWS query-string parameters must include '{name}'." for name in _QUERY_PARTS if not given.get(name)
            ]
            raise self._refused(
                Why.INCOMPLETE,
                f"{' '.join(lacking) or 'The query-string parameters of the signature are malformed.'} "
                "Re-examine the query-string parameters.",
            )
        assert scope is not None
        return Signed(
            algorithm,
            scope,
            tuple(sorted(names.lower().split(";"))),
            signature,
            moment,
            int(expires),
            given.get("X-Amz-Security-Token", ""),
        )

    # ---- whether it is true -----------------------------------------------------------------------------------------

    def _key(self, access_key: str, token: str, find_key: FindKey, now_ms: int) -> AccessKey:
        key = find_key(access_key)
        if key is None or not key.secret or not key.active:
            if self._s3:
                raise self._refused(
                    Why.UNKNOWN_KEY,
                    "The AWS Access Key Id you provided does not exist in our records.",
                    {"AWSAccessKeyId": access_key},
                )
            raise self._refused(Why.UNKNOWN_KEY, _UNKNOWN_KEY)
        if key.session_token != token:
            if self._s3:
                raise self._refused(
                    Why.WRONG_TOKEN,
                    "The provided token is malformed or otherwise invalid.",
                    {"Token-0": token},
                )
            raise self._refused(Why.WRONG_TOKEN, _UNKNOWN_KEY)
        if 0 < key.expires_ms <= now_ms:
            if self._s3:
                raise self._refused(Why.EXPIRED_TOKEN, "The provided token has expired.", {"Token-0": token})
            raise self._refused(Why.EXPIRED_TOKEN, "The security token included in the request is expired")
        return key

    def _verify_v2(self, request: RequestData, find_key: FindKey, *, now_ms: int, lag_ms: int) -> Verified | None:
        from fogbank.wire.sigv2 import read_v2

        signed = read_v2(request)
        if signed is None:
            if "authorization" not in request.headers:
                return None  # S3 itself tells what its query lacks.
            raise self._refused(Why.UNSIGNED, "AWS authentication requires a valid Date or x-amz-date header")
        key = self._key(signed.access_key, signed.token, find_key, now_ms)
        moment = _iso_basic(signed.date) if not signed.expires else ""
        scope = Scope(signed.access_key, moment[:8], "", "s3", "")
        whole = Signed("AWS", scope, (), signed.signature, moment, token=signed.token)
        if signed.expires:
            ends_ms = int(signed.expires) * 1000 if _SECONDS.fullmatch(signed.expires) else 0
            if now_ms - lag_ms > ends_ms:
                raise self._refused(Why.EXPIRED, "Request has expired", _times(ends_ms, now_ms))
        else:
            self._check_skew(whole, milliseconds(moment), now_ms, lag_ms)
        if not is_signature_v2(key.secret, signed.text, signed.signature):
            members = {
                "AWSAccessKeyId": signed.access_key,
                "StringToSign": signed.text,
                "SignatureProvided": signed.signature,
                "StringToSignBytes": signed.text.encode().hex(" "),
            }
            raise self._refused(Why.MISMATCH, _MISMATCH_S3, members)
        return Verified(signed.access_key, key, whole)

    def _check_moment(self, signed: Signed, now_ms: int, lag_ms: int) -> None:
        signed_ms = milliseconds(signed.moment)
        scope = signed.scope
        if scope.date != signed.moment[:8]:
            raise self._refused(
                Why.MISMATCH,
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                f"'{scope.date}' != '{signed.moment[:8]}', from '{signed.moment}'.",
            )
        if scope.service not in self._names:
            right = sorted(self._names)[0]
            raise self._refused(Why.MISMATCH, f"Credential should be scoped to correct service: '{right}'. ")
        if signed.expires_s is not None:
            self._check_expiry(signed, signed_ms, now_ms, lag_ms)
        else:
            self._check_skew(signed, signed_ms, now_ms, lag_ms)

    def _check_skew(self, signed: Signed, signed_ms: int, now_ms: int, lag_ms: int) -> None:
        if abs(now_ms - signed_ms) <= SKEW_MAX_MS or abs(now_ms - lag_ms - signed_ms) <= SKEW_MAX_MS:
            return
        if self._s3:
            raise self._refused(
                Why.SKEWED,
                "The difference between the request time and the current time is too large.",
                {
                    "RequestTime": signed.moment,
                    "ServerTime": iso_seconds(now_ms),
                    "MaxAllowedSkewMilliseconds": str(SKEW_MAX_MS),
                },
            )
        late = now_ms > signed_ms
        limit = _basic(now_ms - SKEW_MAX_MS if late else now_ms + SKEW_MAX_MS)
        told = (
            f"Signature expired: {signed.moment} is now earlier than {limit} ({_basic(now_ms)} - 15 min.)"
            if late
            else f"Signature not yet current: {signed.moment} is still later than {limit} ({_basic(now_ms)} + 15 min.)"
        )
        raise self._refused(Why.SKEWED, told)

    def _check_expiry(self, signed: Signed, signed_ms: int, now_ms: int, lag_ms: int) -> None:
        assert signed.expires_s is not None
        ends_ms = signed_ms + signed.expires_s * 1000
        if signed_ms - SKEW_MAX_MS > now_ms:
            raise self._refused(Why.EXPIRED, "Request is not valid yet")
        if now_ms > ends_ms and now_ms - lag_ms > ends_ms:
            if self._s3:
                told = {"X-Amz-Expires": str(signed.expires_s), **_times(ends_ms, now_ms)}
                raise self._refused(Why.EXPIRED, "Request has expired", told)
            raise self._refused(Why.EXPIRED, f"Signature expired: {signed.moment} is now earlier than {_basic(now_ms)}")

    def _check_signature(self, signed: Signed, key: AccessKey, request: RequestData) -> None:
        if "host" not in signed.headers and ":authority" not in signed.headers:
            raise self._refused(
                Why.MISMATCH, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
            )
        if self._s3:
            if unsigned := unsigned_headers(signed, request.headers):
                raise self._refused(
                    Why.UNSIGNED,
                    "There were headers present in the request which were not signed",
                    {"HeadersNotSigned": ", ".join(sorted(unsigned))},
                )
        elif "x-amz-target" in request.headers and "x-amz-target" not in signed.headers:
            raise self._refused(Why.MISMATCH, "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.")
        canonical = self._canonical(signed, request)
        text = string_to_sign(signed.algorithm, signed.moment, signed.scope.text, canonical)
        if _is_right(signed, key.secret, text, signed.signature):
            return
        if not any(
            _is_right(signed, key.secret, self._text(signed, request, **other), signed.signature)
            for other in _OTHER_FORMS
        ):
            raise self._mismatch(signed, canonical, text)

    def _text(self, signed: Signed, request: RequestData, *, as_sent: bool, token_signed: bool) -> str:
        canonical = self._canonical(signed, request, as_sent=as_sent, token_signed=token_signed)
        return string_to_sign(signed.algorithm, signed.moment, signed.scope.text, canonical)

    def _canonical(
        self, signed: Signed, request: RequestData, *, as_sent: bool = False, token_signed: bool = True
    ) -> str:
        query = request.query if signed.expires_s is None else _SIGNATURE_IN_QUERY.sub("", request.query)
        return canonical_request(
            request.method,
            request.path,
            query if token_signed else _TOKEN_IN_QUERY.sub("", query),
            request.headers,
            signed.headers,
            self._payload_hash(signed, request),
            s3=self._s3,
            as_sent=as_sent,
        )

    def _watch_chunks(self, signed: Signed, key: AccessKey, request: RequestData) -> None:
        """Verify the signatures of the body's chunks, now or while it arrives."""

        def refuse() -> None:
            raise self._refused(Why.MISMATCH, _MISMATCH_S3, {"AWSAccessKeyId": signed.scope.access_key})

        is_right = partial(_is_right, signed, key.secret)
        chunks = ChunkSignatures(signed.algorithm, signed.moment, signed.scope.text, signed.signature, is_right, refuse)
        if isinstance(request.body, bytes):
            chunks.look_at(request.body)
            chunks.look_at(None)
        else:
            request.body.witness = chunks.look_at

    def _payload_hash(self, signed: Signed, request: RequestData) -> str:
        """S3 believes what the header says and looks at the body when it reads it; the others hash what came."""
        told = request.headers.get("x-amz-content-sha256")
        if self._believes_hash or not isinstance(request.body, bytes):
            if told is None and signed.expires_s is None:
                raise self._refused(Why.UNSUPPORTED, "Missing required header for this request: x-amz-content-sha256")
            return told or UNSIGNED_PAYLOAD
        sent = request.body if request.packed is None else request.packed
        return hashlib.sha256(sent).hexdigest() if sent else EMPTY_HASH

    def _mismatch(self, signed: Signed, canonical: str, text: str) -> Refused:
        if not self._s3:
            told = (
                f"{_MISMATCH}\n\nThe Canonical String for this request should have been\n'{canonical}'\n\n"
                f"The String-to-Sign should have been\n'{text}'\n"
            )
            return self._refused(Why.MISMATCH, told)
        members = {
            "AWSAccessKeyId": signed.scope.access_key,
            "StringToSign": text,
            "SignatureProvided": signed.signature,
            "StringToSignBytes": text.encode().hex(" "),
            "CanonicalRequest": canonical,
            "CanonicalRequestBytes": canonical.encode().hex(" "),
        }
        return self._refused(Why.MISMATCH, _MISMATCH_S3, members)

    def _refused(self, why: Why, message: str, members: dict[str, str] | None = None) -> Refused:
        return not_authenticated(why, message, service=self._service, protocol=self._protocol, members=members)


def unsigned_headers(signed: Signed, headers: Mapping[str, str]) -> list[str]:
    """What somebody put beside the headers that a caller of S3 signed, such as the source of a copy. The body's hash is
    signed in any case.
    """
    return [
        name
        for name in headers
        if name.startswith("x-amz-") and name not in signed.headers and name != "x-amz-content-sha256"
    ]


def _is_right(signed: Signed, secret: str, text: str, signature: str) -> bool:
    scope = signed.scope
    if signed.algorithm == ALGORITHM_4A:
        return is_asymmetric_signature(scope.access_key, secret, text, signature)
    return is_signature(signing_key(secret, scope.date, scope.region, scope.service), text, signature)


def sign_own(
    method: str, path: str, query: str, host: str, *, access_key: str, secret: str, now_ms: int
) -> dict[str, str]:
    """The headers that sign a request to one of Fogbank's own endpoints."""
    moment, region = _basic(now_ms), "us-east-1"
    headers = {"host": host, "x-amz-content-sha256": UNSIGNED_PAYLOAD, "x-amz-date": moment}
    canonical = canonical_request(method, path, query, headers, headers, UNSIGNED_PAYLOAD, s3=False)
    scope = f"{moment[:8]}/{region}/{OWN}/{TERMINATION}"
    signature = sign(signing_key(secret, moment[:8], region, OWN), string_to_sign(ALGORITHM, moment, scope, canonical))
    told = f"Credential={access_key}/{scope}, SignedHeaders={';'.join(headers)}, Signature={signature}"
    return {name: value for name, value in headers.items() if name != "host"} | {"authorization": f"{ALGORITHM} {told}"}


_PARTS = ("Credential", "Signature", "SignedHeaders")
_QUERY_PARTS = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")


@lru_cache(4096)  # All but the signature stays the same for a day.
def _parsed(header: str) -> tuple[str, Scope, tuple[str, ...]] | None:
    """The algorithm, the scope and the signed headers of an Authorization header."""
    algorithm, _, rest = header.partition(" ")
    found = _PART.findall(rest)
    given = dict(found)
    scope = _scope(algorithm, given.get("Credential", ""))
    names = given.get("SignedHeaders", "")
    if scope is None or not names or len(given) < len(found):  # A part that is there twice could be read in two ways.
        return None
    return algorithm, scope, tuple(sorted(names.lower().split(";")))


def _scope(algorithm: str, credential: str) -> Scope | None:
    if algorithm == ALGORITHM:
        parts = credential.rsplit("/", 4)
        if len(parts) != 5 or parts[4] != TERMINATION:
            return None
        access_key, date, region, service, _ = parts
    elif algorithm == ALGORITHM_4A:
        parts = credential.rsplit("/", 3)
        if len(parts) != 4 or parts[3] != TERMINATION:
            return None
        access_key, date, service, _ = parts
        region = ""
    else:
        return None
    return Scope(access_key, date, region, service, "/".join(parts[1:]))


def _times(ends_ms: int, now_ms: int) -> dict[str, str]:
    return {"Expires": iso_seconds(ends_ms), "ServerTime": iso_seconds(now_ms)}


def _hashed(text: str) -> str:
    import base64

    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@lru_cache(64)
def milliseconds(moment: str) -> int:
    try:
        return int(datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return 0


def _basic(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def _iso_basic(date: str) -> str:
    """A Date header, as HTTP or ISO 8601 write it, in the form of X-Amz-Date."""
    from email.utils import parsedate_to_datetime

    if not date or _MOMENT.match(date):
        return date
    try:
        return parsedate_to_datetime(date).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    except (ValueError, OverflowError):
        return ""
