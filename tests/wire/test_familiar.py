"""A familiar signature is told as the verifier tells it, or is left to the verifier."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.credentials import Credentials

from fogbank.core.clock import Clock
from fogbank.core.cloud import AccessKey
from fogbank.core.policy_evaluation import Identity, Kind
from fogbank.wire.familiar import Familiar, is_familiar
from fogbank.wire.protocols.request import RequestData
from fogbank.wire.sigv4 import SKEW_MAX_MS, Verifier, milliseconds
from tests.wire.test_signatures import signed

KEY_ID, SECRET = "AKIDEXAMPLE", "a secret"
IDENTITY = Identity(Kind.USER, "arn:aws:iam::111122223333:user/somebody")
URL = "http://localhost:4566/"


def made(body: bytes = b"{}", url: str = URL, *, token: str | None = None, **headers: str) -> RequestData:
    return signed(SigV4Auth(Credentials(KEY_ID, SECRET, token), "sqs", "us-east-1"), "POST", url, body, **headers)


def made_for_s3(body: bytes = b"", url: str = URL + "bucket/key", **headers: str) -> RequestData:
    return signed(S3SigV4Auth(Credentials(KEY_ID, SECRET), "s3", "us-east-1"), "PUT", url, body, **headers)


def moment_of(request: RequestData) -> int:
    return milliseconds(request.headers["x-amz-date"])


def familiar_with(request: RequestData, *, service: str = "sqs", clock: Clock | None = None, **key: Any) -> Familiar:
    """Whoever has signed that."""
    known = AccessKey("111122223333", IDENTITY.arn, "id", secret=SECRET, **key)
    verified = Verifier(service, frozenset((service,)), "json").verify(
        request, lambda access_key: known, now_ms=moment_of(request), lag_ms=0
    )
    assert verified is not None
    assert is_familiar(verified.signed)
    return Familiar(verified, IDENTITY, clock or Clock(), s3=service == "s3")


def is_right(familiar: Familiar, request: RequestData, *, later_ms: int = 0) -> bool:
    signature = request.headers["authorization"].rpartition("Signature=")[2]
    return familiar.has_signed(request, signature, moment_of(request) + later_ms)


@pytest.mark.parametrize("headers", [{}, {"X-Amz-Target": "AmazonSQS.SendMessage"}, {"X-Amz-Meta": "two  spaces"}])
def test_requests_of_the_same_caller_are_right(headers: dict[str, str]) -> None:
    familiar = familiar_with(made(**headers))
    for body in (b"{}", b"", b'{"MessageBody": "x"}', bytes(range(256)) * 100):
        for path in ("", "a/path", "a%20path/"):
            assert is_right(familiar, made(body, URL + path, **headers))


def change_the_body(request: RequestData) -> None:
    request.body = b"{ }"


def change_the_method(request: RequestData) -> None:
    request.method = "GET"


def change_the_path(request: RequestData) -> None:
    request.path = "/other"


def change_the_query(request: RequestData) -> None:
    request.query = "Action=DeleteQueue"


def change_a_signed_header(request: RequestData) -> None:
    request.headers["x-amz-target"] = "AmazonSQS.DeleteQueue"


def take_a_signed_header_away(request: RequestData) -> None:
    del request.headers["x-amz-target"]


def say_another_second(request: RequestData) -> None:
    now = datetime.datetime.fromtimestamp(moment_of(request) / 1000 + 1, datetime.UTC)
    request.headers["x-amz-date"] = now.strftime("%Y%m%dT%H%M%SZ")


def change_the_signature(request: RequestData) -> None:
    last = request.headers["authorization"][-1]
    request.headers["authorization"] = request.headers["authorization"][:-1] + ("0" if last != "0" else "1")


def sign_with_letters_of_no_signature(request: RequestData) -> None:
    request.headers["authorization"] = request.headers["authorization"][:-1] + "ä"


def leave_the_signature_out(request: RequestData) -> None:
    request.headers["authorization"] = request.headers["authorization"][:-64]


def bring_a_token(request: RequestData) -> None:
    request.headers["x-amz-security-token"] = "token"


CHANGES = (
    change_the_body,
    change_the_method,
    change_the_path,
    change_the_query,
    change_a_signed_header,
    take_a_signed_header_away,
    say_another_second,
    change_the_signature,
    sign_with_letters_of_no_signature,
    leave_the_signature_out,
    bring_a_token,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_was_changed_is_not_right(change: Callable[[RequestData], None]) -> None:
    request = made(**{"X-Amz-Target": "AmazonSQS.SendMessage"})
    familiar = familiar_with(request)
    for _ in range(2):
        assert is_right(familiar, request)
    change(request)
    for _ in range(2):
        assert not is_right(familiar, request)


@pytest.mark.parametrize("later_ms", [SKEW_MAX_MS + 1, -SKEW_MAX_MS - 1])
def test_what_was_signed_long_ago_is_not_right(later_ms: int) -> None:
    request = made()
    familiar = familiar_with(request)
    assert is_right(familiar, request)
    assert not is_right(familiar, request, later_ms=later_ms)


def test_a_clock_that_was_moved_ahead_makes_nothing_late() -> None:
    request, clock = made(), Clock(virtual=True)
    clock.advance(10 * SKEW_MAX_MS)
    familiar = familiar_with(request, clock=clock)
    assert is_right(familiar, request, later_ms=10 * SKEW_MAX_MS)
    assert not is_right(familiar, request, later_ms=12 * SKEW_MAX_MS)


def test_a_session_has_its_token_and_its_end() -> None:
    request = made(token="token")
    familiar = familiar_with(request, session_token="token", expires_ms=moment_of(request) + 1000)
    assert is_right(familiar, request)
    assert not is_right(familiar, request, later_ms=1000)
    assert not is_right(familiar, made())
    assert not is_right(familiar, made(token="another"))


def test_a_hash_that_s3_is_told_is_believed_and_a_body_in_signed_chunks_is_left_to_the_verifier() -> None:
    familiar = familiar_with(made_for_s3(), service="s3")
    request = made_for_s3(b"body")
    assert is_right(familiar, request)
    request.headers["x-amz-content-sha256"] = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    assert not is_right(familiar, request)
    del request.headers["x-amz-content-sha256"]
    assert not is_right(familiar, request)


def test_what_nobody_signed_is_left_to_the_verifier() -> None:
    request = made_for_s3()
    familiar = familiar_with(request, service="s3")
    assert is_right(familiar, request)
    request.headers["x-amz-acl"] = "public-read"
    assert not is_right(familiar, request)
