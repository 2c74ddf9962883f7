"""Addresses that are signed in their query."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.services.s3.conftest import Send

V4 = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires"]
V2 = ["AWSAccessKeyId", "Signature", "Expires"]
Query = Callable[..., str]


@pytest.fixture
def v4(clock: Any, account: str) -> Query:
    """The query of a request that is signed at the server's time; the signature is not looked at."""

    def query(**changed: str | None) -> str:
        now = datetime.fromtimestamp(clock.now_ms() // 1000, UTC)
        given = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{account}/{now:%Y%m%d}/us-east-1/s3/aws4_request",
            "X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}",
            "X-Amz-Expires": "60",
            "X-Amz-SignedHeaders": "host",
            "X-Amz-Signature": "0" * 64,
        }
        given |= {name.replace("_", "-"): value for name, value in changed.items()}
        return urlencode({name: value for name, value in given.items() if value is not None})

    return query


@pytest.fixture
def v2(clock: Any, account: str) -> Query:
    def query(**changed: str | None) -> str:
        given = {"AWSAccessKeyId": account, "Signature": "x", "Expires": str(clock.now_ms() // 1000 + 60), **changed}
        return urlencode({name: value for name, value in given.items() if value is not None})

    return query


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_a_presigned_address_writes_reads_and_deletes(
    request: pytest.FixtureRequest, send: Send, bucket: str, version: str
) -> None:
    query = request.getfixturevalue(version)
    path = f"/{bucket}/a%20b/%C3%BC"
    assert send("PUT", f"{path}?{query()}", body=b"content").status == 200
    got = send("GET", f"{path}?{query(**{'response-content-type': 'text/x-mine'})}")
    assert (got.body, got.headers["Content-Type"]) == (b"content", "text/x-mine")
    assert send("HEAD", f"{path}?{query()}").headers["Content-Length"] == "7"
    assert send("DELETE", f"{path}?{query()}").status == 204
    assert send("GET", f"{path}?{query()}").error("Code") == "NoSuchKey"


def test_a_presigned_address_expires(send: Send, bucket: str, v4: Query, v2: Query, clock: Any) -> None:
    queries = v4(), v2()
    clock.advance(s=62)
    fourth, second = (send("GET", f"/{bucket}?{query}") for query in queries)
    assert (fourth.status, fourth.error("Code"), fourth.error("Message")) == (
        403,
        "AccessDenied",
        "Request has expired",
    )
    assert (fourth.error("X-Amz-Expires"), second.error("X-Amz-Expires")) == ("60", None)
    for answer in (fourth, second):
        assert (answer.error("Expires") or "") < (answer.error("ServerTime") or "")


@pytest.mark.parametrize("missing", V4[:5])
def test_a_parameter_of_version_4_cannot_be_left_out(send: Send, bucket: str, v4: Query, missing: str) -> None:
    answer = send("GET", f"/{bucket}?{v4(**{missing: None})}")
    assert (answer.status, answer.error("Code")) == (400, "AuthorizationQueryParametersError")
    assert (answer.error("Message") or "").startswith("Query-string authentication version 4 requires the X-Amz-Algo")


@pytest.mark.parametrize("missing", V2[:2])
def test_a_parameter_of_version_2_cannot_be_left_out(send: Send, bucket: str, v2: Query, missing: str) -> None:
    answer = send("GET", f"/{bucket}?{v2(**{missing: None})}")
    assert (answer.status, answer.error("Code")) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "X-Amz-Algorithm",
            "X",
            "X-Amz-Algorithm only supports &quot;AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256&quot;",
        ),
        ("X-Amz-Expires", "x", "X-Amz-Expires should be a number"),
        ("X-Amz-Expires", "-1", "X-Amz-Expires must be non-negative"),
        ("X-Amz-Expires", "604801", "X-Amz-Expires must be less than a week (in seconds); that is, the given"),
        ("X-Amz-Date", "20260101", "X-Amz-Date must be in the ISO8601 Long Format"),
        ("X-Amz-Date", "20261301T000000Z", "X-Amz-Date must be in the ISO8601 Long Format"),
        ("X-Amz-Credential", "x", "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed"),
    ],
)
def test_a_malformed_parameter_is_named(
    send: Send, bucket: str, v4: Query, name: str, value: str, sentence: str
) -> None:
    answer = send("GET", f"/{bucket}?{v4(**{name: value})}")
    assert (answer.status, answer.error("Code")) == (400, "AuthorizationQueryParametersError")
    assert (answer.error("Message") or "").replace('"', "&quot;").startswith(sentence)


def test_headers_of_amazon_must_be_signed(send: Send, bucket: str, v4: Query) -> None:
    answer = send("PUT", f"/{bucket}/k?{v4()}", headers={"x-amz-meta-a": "1", "x-amz-acl": "private"})
    assert (answer.status, answer.error("HeadersNotSigned")) == (403, "x-amz-acl, x-amz-meta-a")
    signed = v4(**{"X-Amz-SignedHeaders": "host;x-amz-meta-a"})
    assert send("PUT", f"/{bucket}/k?{signed}", headers={"x-amz-meta-a": "1"}).status == 200


def test_parameters_of_amazon_in_the_query_are_headers(s3: Any, send: Send, bucket: str, v4: Query) -> None:
    assert send("PUT", f"/{bucket}/k?{v4(**{'x-amz-meta-a': '1', 'x-amz-tagging': 'b=2'})}").status == 200
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "1"}
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "b", "Value": "2"}]


def test_conditions_may_be_in_the_query(send: Send, bucket: str, v4: Query) -> None:
    once = v4(**{"If-None-Match": "*"})
    assert [send("PUT", f"/{bucket}/k?{once}").status for _ in range(2)] == [200, 412]


def test_a_checksum_in_the_query_is_not_that_of_the_body(s3: Any, send: Send, bucket: str, v4: Query) -> None:
    hoisted = {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-sdk-checksum-algorithm": "CRC32"}
    assert send("PUT", f"/{bucket}/k?{v4(**hoisted)}", body=b"content").status == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"


def test_a_request_is_signed_in_one_way(send: Send, bucket: str, v4: Query) -> None:
    answer = send("GET", f"/{bucket}?{v4()}", headers={"Authorization": "AWS a:b"})
    assert (answer.error("Code"), answer.error("ArgumentName")) == ("InvalidArgument", "Authorization")
