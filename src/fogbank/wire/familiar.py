"""Requests that are signed as others before: most of what verifying them takes is done once.

A client signs all day with one key and the same names of headers, and in one second the same beginning of the string
to sign over and over. What of that stays the same is kept; a body's hash and three blocks of SHA-256 are left to do.

Only what is plainly right is told so here. All else is left to `sigv4`, which knows every form and words the refusals.
"""

import hashlib
import hmac
from operator import itemgetter
from typing import NamedTuple

from fogbank.core.clock import Clock
from fogbank.core.policy_evaluation import Identity
from fogbank.core.signing import ALGORITHM, signing_key, signing_state
from fogbank.wire.canonical import canonical_request
from fogbank.wire.chunk_signatures import STREAMING
from fogbank.wire.protocols.request import RequestData
from fogbank.wire.sigv4 import SKEW_MAX_MS, Signed, Verified, milliseconds, unsigned_headers

_BEGINNINGS_MAX = 64
_TOKEN = "x-amz-security-token"  # the name of a header


class Beginning(NamedTuple):
    """What requests with the same head have in common."""

    signed_ms: int
    canonical: "hashlib._Hash | None"
    """Of the canonical request, up to the hash of the body; None of S3, whose requests are all different there."""
    text: "hashlib._Hash"
    """Of the string to sign, up to the hash of the canonical request."""


class Familiar:
    """One caller, as it signs the requests of one operation. It is to be forgotten once anything changes that says
    what the key is and whom it stands for.
    """

    __slots__ = (
        "_beginnings",
        "_clock",
        "_expires_ms",
        "_s3",
        "_signed",
        "_state",
        "_token",
        "_values",
        "access_key",
        "account",
        "identity",
        "region",
    )

    def __init__(self, verified: Verified, identity: Identity, clock: Clock, *, s3: bool) -> None:
        """`verified` is a signature that `is_familiar`."""
        key, signed = verified.key, verified.signed
        scope = signed.scope
        self.identity = identity
        self.access_key = verified.access_key
        self.account = key.account
        self.region = scope.region
        self._clock = clock
        self._signed = signed
        self._s3 = s3
        self._token = key.session_token
        self._expires_ms = key.expires_ms or None
        self._values = itemgetter(*signed.headers)
        self._state = signing_state(signing_key(key.secret, scope.date, scope.region, scope.service))
        self._beginnings: dict[object, Beginning] = {}
        """By what of their head is the same; of S3 by their moments alone."""

    def has_signed(self, request: RequestData, signature: str, now_ms: int) -> bool:
        """Whether the signature is plainly that of the caller, and in time."""
        headers, body = request.headers, request.body
        try:
            values = self._values(headers)
        except KeyError:
            return False
        said = headers["x-amz-date"] if self._s3 else (request.method, request.path, request.query, values)
        known = self._beginnings.get(said)
        begun = known or self._begin(request)
        age_ms = now_ms - begun.signed_ms
        if not -SKEW_MAX_MS <= age_ms <= SKEW_MAX_MS and abs(age_ms - self._clock.offset_ms) > SKEW_MAX_MS:
            return False
        if headers.get(_TOKEN, "") != self._token:
            return False
        if self._expires_ms is not None and self._expires_ms <= now_ms:
            return False
        if self._s3:
            told = headers.get("x-amz-content-sha256")
            if told is None or told.startswith(STREAMING) or unsigned_headers(self._signed, headers):
                return False
        elif isinstance(body, bytes):
            told = hashlib.sha256(body).hexdigest()
        else:
            return False
        if begun.canonical is None:
            canonical = hashlib.sha256(self._canonical(request, told).encode())
        else:
            canonical = begun.canonical.copy()
            canonical.update(told.encode())
        text = begun.text.copy()
        text.update(canonical.hexdigest().encode())
        if not signature.isascii() or not hmac.compare_digest(self._state.end(text), signature):
            return False
        if known is None:
            self._keep(said, begun)
        return True

    def _begin(self, request: RequestData) -> Beginning:
        signed = self._signed
        moment = request.headers["x-amz-date"]
        return Beginning(
            milliseconds(moment) if moment[:8] == signed.scope.date else 0,
            None if self._s3 else hashlib.sha256(self._canonical(request, "").encode()),
            self._state.begin(f"{signed.algorithm}\n{moment}\n{signed.scope.text}\n"),
        )

    def _canonical(self, request: RequestData, payload_hash: str) -> str:
        return canonical_request(
            request.method,
            request.path,
            request.query,
            request.headers,
            self._signed.headers,
            payload_hash,
            s3=self._s3,
        )

    def _keep(self, said: object, begun: Beginning) -> None:
        """Only what is rightly signed is kept: nobody else can make it be."""
        if len(self._beginnings) >= _BEGINNINGS_MAX:
            self._beginnings.clear()
        self._beginnings[said] = begun


def is_familiar(signed: Signed) -> bool:
    """Whether more requests that are signed so can be told by a `Familiar`."""
    return signed.algorithm == ALGORITHM and signed.expires_s is None and "x-amz-date" in signed.headers
