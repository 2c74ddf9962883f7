"""Signatures: AWS's published test vectors, every form that S3 has, and what is refused in which words.

The vectors are the requests of AWS's signing test suite, as signed there, for signature versions 4 and 4a, in headers
and in the query. (Those of the suite that are "unnormalized" are for services that take paths as they are.)
"""

import base64
import datetime
import gzip
import hmac
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fogbank.core.cloud import AccessKey
from fogbank.core.errors import AwsError
from fogbank.wire.compression import unpack
from fogbank.wire.model import ServiceModel
from fogbank.wire.protocols.request import RequestData
from fogbank.wire.sigv2 import SIGNED
from fogbank.wire.sigv4 import Verifier

KEY_ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
MOMENT_MS = int(datetime.datetime(2015, 8, 30, 12, 36, tzinfo=datetime.UTC).timestamp() * 1000)
EXPIRES = MOMENT_MS // 1000 + 60
VECTORS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("signing_vectors.json").read_text())


def verify(
    request: RequestData,
    *,
    service: str = "service",
    protocol: str = "json",
    now_ms: int = MOMENT_MS,
    key: AccessKey | None = None,
) -> str:
    """Whose signature it is; the verifier's refusal, if it is not right."""
    known = key or AccessKey("111122223333", "arn", "id", secret=SECRET)
    verified = Verifier(service, frozenset((service,)), protocol).verify(
        request, lambda access_key: known if access_key == KEY_ID else None, now_ms=now_ms, lag_ms=0
    )
    return verified.access_key if verified is not None else ""


def request_of(vector: dict[str, Any]) -> RequestData:
    path, _, query = vector["target"].partition("?")
    headers: dict[str, str] = {}
    for name, value in vector["headers"]:
        name = name.lower()
        headers[name] = f"{headers[name]},{value.strip()}" if name in headers else value
    return RequestData(vector["method"], path, query, headers, vector["body"].encode())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_published_vectors_are_verified(vector: dict[str, Any]) -> None:
    key = AccessKey("111122223333", "arn", "id", secret=SECRET, session_token=vector.get("token", ""))
    assert verify(request_of(vector), key=key) == KEY_ID


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_vector_that_was_changed_is_refused(vector: dict[str, Any]) -> None:
    key = AccessKey("111122223333", "arn", "id", secret=SECRET, session_token=vector.get("token", ""))
    request = request_of(vector)
    request.path += "x"
    with pytest.raises(AwsError, match="does not match the signature you provided"):
        verify(request, key=key)


# ---- what botocore signs ----------------------------------------------------------------------------------------


def signed(auth: Any, method: str, url: str, body: bytes = b"", **headers: str) -> RequestData:
    """A request as botocore signs it at the present moment."""
    made = AWSRequest(method=method, url=url, data=body, headers=headers)
    auth.add_auth(made)
    prepared = made.prepare()
    parts = urlsplit(prepared.url)
    told = {name.lower(): str(value) for name, value in prepared.headers.items()} | {"host": parts.netloc}
    return RequestData(method, parts.path, parts.query, told, body)


def now_ms() -> int:
    return int(datetime.datetime.now(datetime.UTC).timestamp() * 1000)


CREDENTIALS = Credentials(KEY_ID, SECRET)
PATHS = ["/", "/a b/c", "/%7Ea//b", "/ä?x=ü&y", "/a/../b?b=2&a=1&a=0&c", "/a%2Fb+c?d=e%20f+g"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("service", "make"),
    [
        ("service", lambda: SigV4Auth(CREDENTIALS, "service", "eu-west-1")),
        ("service", lambda: SigV4QueryAuth(CREDENTIALS, "service", "eu-west-1")),
        ("s3", lambda: S3SigV4Auth(CREDENTIALS, "s3", "eu-west-1")),
        ("s3", lambda: S3SigV4QueryAuth(CREDENTIALS, "s3", "eu-west-1")),
    ],
    ids=["header", "query", "s3 header", "s3 query"],
)
def test_what_botocore_signs_is_verified(service: str, make: Callable[[], Any], path: str) -> None:
    url = f"http://localhost:4566{quote(path, safe='/?=&%+')}"
    request = signed(make(), "GET", url)
    assert verify(request, service=service, now_ms=now_ms()) == KEY_ID


# ---- what is refused --------------------------------------------------------------------------------------------


def vector(name: str) -> RequestData:
    return request_of(next(vector for vector in VECTORS if vector["name"] == name))


def refused(request: RequestData, **options: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        verify(request, **options)
    return caught.value


CODES = [
    # what is wrong, the code in JSON, in the query protocol, and in S3
    ("mismatch", "InvalidSignatureException", "SignatureDoesNotMatch", "SignatureDoesNotMatch"),
    ("late", "InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed"),
    ("early", "InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed"),
    ("incomplete", "IncompleteSignatureException", "IncompleteSignature", "AuthorizationHeaderMalformed"),
    ("unknown key", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"),
    ("inactive key", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"),
    ("expired key", "ExpiredTokenException", "ExpiredToken", "ExpiredToken"),
    ("wrong token", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidToken"),
]


@pytest.mark.parametrize(("wrong", "in_json", "in_query", "in_s3"), CODES, ids=[row[0] for row in CODES])
def test_each_protocol_has_its_own_code(wrong: str, in_json: str, in_query: str, in_s3: str) -> None:
    for protocol, service, code in (
        ("json", "service", in_json),
        ("query", "service", in_query),
        ("rest-xml", "s3", in_s3),
    ):
        request, options = vector("v4 get-vanilla header"), dict[str, Any]()
        if service == "s3":
            request.headers["authorization"] = request.headers["authorization"].replace("/service/", "/s3/")
            request.headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"
        match wrong:
            case "mismatch":
                request.headers["authorization"] = request.headers["authorization"][:-1] + "0"
            case "late":
                options["now_ms"] = MOMENT_MS + 15 * 60_000 + 1
            case "early":
                options["now_ms"] = MOMENT_MS - 15 * 60_000 - 1
            case "incomplete":
                request.headers["authorization"] = "AWS4-HMAC-SHA256 SignedHeaders=host"
            case "unknown key":
                request.headers["authorization"] = request.headers["authorization"].replace(KEY_ID, "AKIDOTHER")
            case "inactive key":
                options["key"] = AccessKey("1", "arn", "id", secret=SECRET, active=False)
            case "expired key":
                options["key"] = AccessKey("1", "arn", "id", secret=SECRET, expires_ms=MOMENT_MS)
            case "wrong token":
                options["key"] = AccessKey("1", "arn", "id", secret=SECRET, session_token="t")
        error = refused(request, service=service, protocol=protocol, **options)
        served = error.code if protocol == "json" else error.query_code
        assert served == code


def test_a_mismatch_tells_what_should_have_been_signed() -> None:
    request = vector("v4 get-vanilla header")
    request.headers["authorization"] = request.headers["authorization"][:-1] + "0"
    assert refused(request).message == (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details.\n\n"
        "The Canonical String for this request should have been\n"
        "'GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'\n\n"
        "The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20150830T123600Z\n"
        "20150830/us-east-1/service/aws4_request\n"
        "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63'\n"
    )


def test_a_presigned_request_ends() -> None:
    request = vector("v4 get-vanilla query")
    assert verify(request, now_ms=MOMENT_MS + 3600_000) == KEY_ID
    assert refused(request, now_ms=MOMENT_MS + 3600_001).message.startswith("Signature expired: 20150830T123600Z")


def test_the_host_must_be_signed() -> None:
    request = vector("v4 get-vanilla header")
    request.headers["authorization"] = request.headers["authorization"].replace("host;x-amz-date", "x-amz-date")
    assert refused(request).message == "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."


def test_what_changes_a_request_must_be_signed() -> None:
    request = vector("v4 get-vanilla header")
    request.headers["x-amz-target"] = "Service.DeleteEverything"
    assert refused(request).message == "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization."
    request = signed(S3SigV4Auth(CREDENTIALS, "s3", "eu-west-1"), "PUT", "http://localhost:4566/b/k")
    request.headers |= {"x-amz-copy-source": "/secret/key", "x-amz-acl": "public-read", "range": "bytes=0-1"}
    error = refused(request, service="s3", protocol="rest-xml", now_ms=now_ms())
    assert (error.code, error.message) == (
        "AccessDenied",
        "There were headers present in the request which were not signed",
    )
    assert error.members["HeadersNotSigned"] == "x-amz-acl, x-amz-copy-source"


@pytest.mark.parametrize("place", ["before", "behind"])
def test_no_part_of_the_header_is_there_twice(place: str) -> None:
    """Else it might be one key's for who routes, and another's for who verifies."""
    request = vector("v4 get-vanilla header")
    other = "Credential=AKIDOTHER/20150830/us-east-1/service/aws4_request"
    scheme, _, parts = request.headers["authorization"].partition(" ")
    assert verify(request) == KEY_ID
    told = f"{other}, {parts}" if place == "before" else f"{parts}, {other}"
    request.headers["authorization"] = f"{scheme} {told}"
    assert refused(request).code == "IncompleteSignatureException"


def test_a_parameter_does_not_stand_in_for_a_header_that_was_not_signed() -> None:
    """Version 2 signs parameters with names of headers as headers."""
    text = f"PUT\n\n\n{EXPIRES}\nx-amz-copy-source:/b/open\n/b/k"
    signature = quote(base64.b64encode(hmac.digest(SECRET.encode(), text.encode(), "sha1")), safe="")
    query = f"x-amz-copy-source=%2Fb%2Fopen&AWSAccessKeyId={KEY_ID}&Expires={EXPIRES}&Signature={signature}"
    request = RequestData("PUT", "/b/k", query, {"host": "localhost:4566"}, b"")
    assert verify(request, service="s3", protocol="rest-xml") == KEY_ID
    request.headers["x-amz-copy-source"] = "/b/secret"
    assert refused(request, service="s3", protocol="rest-xml").code == "SignatureDoesNotMatch"


def test_version_2_signs_every_parameter_that_makes_another_operation() -> None:
    named = {
        parameter.partition("=")[0]
        for operation in ServiceModel.load("s3").operations.values()
        for parameter in operation.request_uri.partition("?")[2].split("&")
        if parameter and not parameter.startswith("list-type=")  # Objects are listed with and without it.
    }
    assert named - SIGNED == set()


@pytest.mark.parametrize(
    "date", ["Fri, 31 Dec 9999 23:59:59 -0500", "Mon, 1 Jan 2024 00:00:00 +99999999999999999999", "soon"]
)
def test_a_date_that_is_none_is_refused(date: str) -> None:
    request = vector("v4 get-vanilla header")
    del request.headers["x-amz-date"]
    request.headers["date"] = date
    assert refused(request).code == "IncompleteSignatureException"


@pytest.mark.parametrize("seconds", ["604801", "9" * 5000, "-1", ""])
def test_a_presigned_request_is_good_for_a_week_at_most(seconds: str) -> None:
    request = vector("v4 get-vanilla query")
    request.query = re.sub("X-Amz-Expires=[0-9]+", f"X-Amz-Expires={seconds}", request.query)
    assert refused(request).code == "IncompleteSignatureException"


def test_a_compressed_body_is_signed_as_it_is_sent() -> None:
    packed = gzip.compress(b'{"MetricData": []}')
    auth = SigV4Auth(CREDENTIALS, "service", "us-east-1")
    request = signed(auth, "POST", "http://localhost:4566/", packed, **{"content-encoding": "gzip"})
    unpack(request)
    assert request.body == b'{"MetricData": []}'
    assert verify(request, now_ms=now_ms()) == KEY_ID
    request.packed = gzip.compress(b"another body")
    assert refused(request, now_ms=now_ms()).code == "InvalidSignatureException"


def test_a_request_without_a_signature_is_nobodys() -> None:
    assert verify(RequestData("GET", "/", "", {"host": "h"}, b"")) == ""
    assert verify(RequestData("GET", "/", "", {"host": "h", "authorization": "Bearer x"}, b"")) == ""


# ---- bodies in signed chunks: the example of S3's documentation ---------------------------------------------------

# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
EXAMPLE_KEY, EXAMPLE_SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
EXAMPLE_MS = int(datetime.datetime(2013, 5, 24, tzinfo=datetime.UTC).timestamp() * 1000)
SIGNATURES = (
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)


def chunked(*signatures: str) -> RequestData:
    sizes = (65_536, 1024, 0)
    body = b"".join(
        b"%x;chunk-signature=%b\r\n%b\r\n" % (size, signature.encode(), b"a" * size)
        for size, signature in zip(sizes, signatures, strict=True)
    )
    signed_headers = (
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
        "x-amz-storage-class"
    )
    headers = {
        "host": "s3.amazonaws.com",
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "authorization": f"AWS4-HMAC-SHA256 Credential={EXAMPLE_KEY}/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={signed_headers},"
        "Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        "content-length": "66824",
    }
    return RequestData("PUT", "/examplebucket/chunkObject.txt", "", headers, body)


def verify_chunks(request: RequestData) -> str:
    key = AccessKey("111122223333", "arn", "id", secret=EXAMPLE_SECRET)
    verified = Verifier("s3", frozenset(("s3",)), "rest-xml").verify(
        request, lambda access_key: key, now_ms=EXAMPLE_MS, lag_ms=0
    )
    return verified.access_key if verified is not None else ""


def test_signed_chunks_are_verified() -> None:
    assert verify_chunks(chunked(*SIGNATURES)) == EXAMPLE_KEY


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_chunk_with_another_signature_is_refused(number: int) -> None:
    signatures = [*SIGNATURES]
    signatures[number] = "0" * 64
    with pytest.raises(AwsError, match="does not match the signature you provided"):
        verify_chunks(chunked(*signatures))


def test_chunks_that_end_too_early_are_refused() -> None:
    request = chunked(*SIGNATURES)
    assert isinstance(request.body, bytes)
    request.body = request.body[: request.body.index(SIGNATURES[2].encode()) - 20]
    with pytest.raises(AwsError, match="does not match the signature you provided"):
        verify_chunks(request)


@pytest.mark.parametrize("size", [b"-10000", b"+400", b"0x400", b"1_0", b"", b"0" * 17])
def test_a_chunk_whose_size_is_none_is_refused(size: bytes) -> None:
    request = chunked(*SIGNATURES)
    assert isinstance(request.body, bytes)
    request.body = request.body.replace(b"10000;", size + b";", 1)
    with pytest.raises(AwsError, match="does not match the signature you provided"):
        verify_chunks(request)
