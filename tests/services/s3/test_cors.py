"""Requests of web pages from other origins."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.services.s3.conftest import Send

ORIGIN = "https://app.example.com"
RULE = {
    "AllowedOrigins": [ORIGIN],
    "AllowedMethods": ["GET", "PUT"],
    "AllowedHeaders": ["x-amz-*"],
    "MaxAgeSeconds": 60,
}


@pytest.fixture
def shared(s3: Any, bucket: str) -> str:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [RULE]})
    return bucket


def test_a_preflight_request_is_told_what_the_rule_allows(send: Send, shared: str) -> None:
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "X-Amz-Meta-A,x-amz-acl"}
    answer = send("OPTIONS", f"/{shared}/k", headers={"Origin": ORIGIN, **asked})
    assert answer.status == 200
    assert {name: value for name, value in answer.headers.items() if name.startswith(("Access", "Vary"))} == {
        "Access-Control-Allow-Origin": ORIGIN,
        "Access-Control-Allow-Methods": "GET, PUT",
        "Access-Control-Allow-Headers": "x-amz-meta-a, x-amz-acl",
        "Access-Control-Max-Age": "60",
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
    }


@pytest.mark.parametrize(
    ("headers", "status", "code", "sentence"),
    [
        ({}, 400, "BadRequest", "Insufficient information. Origin request header needed."),
        ({"Origin": "http://other"}, 403, "AccessForbidden", "CORSResponse: This CORS request is not allowed."),
        ({"Origin": ORIGIN}, 403, "AccessForbidden", "CORSResponse: This CORS request is not allowed."),
        (
            {"Origin": ORIGIN, "Access-Control-Request-Method": "DELETE"},
            403,
            "AccessForbidden",
            "CORSResponse: This CORS request is not allowed.",
        ),
        (
            {"Origin": ORIGIN, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range"},
            403,
            "AccessForbidden",
            "CORSResponse: This CORS request is not allowed.",
        ),
    ],
)
def test_a_preflight_request_that_no_rule_fits_is_refused(
    send: Send, shared: str, headers: dict[str, str], status: int, code: str, sentence: str
) -> None:
    answer = send("OPTIONS", f"/{shared}/k", headers=headers)
    assert (answer.status, answer.error("Code")) == (status, code)
    assert (answer.error("Message") or "").startswith(sentence)


def test_without_a_configuration_or_a_bucket_preflight_requests_are_refused(send: Send, bucket: str) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    answer = send("OPTIONS", f"/{bucket}/k", headers=asked)
    assert answer.error("Message") == "CORSResponse: CORS is not enabled for this bucket."
    assert (answer.error("Method"), answer.error("ResourceType")) == ("GET", "BUCKET")
    nowhere = send("OPTIONS", f"/no-{bucket}/k", headers=asked)
    assert nowhere.error("Message") == "CORSResponse: Bucket not found"


@pytest.mark.parametrize("path", ["k", "nothing"])
def test_the_answer_to_a_page_of_an_allowed_origin_says_so(send: Send, shared: str, path: str) -> None:
    answer = send("GET", f"/{shared}/{path}", headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    other = send("GET", f"/{shared}/{path}", headers={"Origin": "http://other"})
    assert (other.status, other.headers["Access-Control-Allow-Origin"]) == (answer.status, None)


@pytest.mark.parametrize(
    ("allowed", "origin", "answered"),
    [
        ("*", "http://a", "*"),
        ("http://*.a.com", "http://b.a.com", "http://b.a.com"),
        ("http://*.a.com", "http://.a.com", "http://.a.com"),
        ("http://*.a.com", "http://a.com", None),
        ("http://a.com", "http://A.com", None),
        ("", "http://a.com", None),
    ],
)
def test_an_allowed_origin_may_have_a_wildcard(
    s3: Any, send: Send, bucket: str, allowed: str, origin: str, answered: str | None
) -> None:
    rule = {"AllowedOrigins": [allowed], "AllowedMethods": ["GET"], "ExposeHeaders": ["ETag", "x-amz-id-2"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    answer = send("GET", f"/{bucket}", headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == answered
    assert answer.headers["Access-Control-Expose-Headers"] == (None if answered is None else "ETag, x-amz-id-2")
    assert ("Access-Control-Allow-Credentials" in answer.headers) == (answered not in (None, "*"))


@pytest.mark.parametrize(
    ("rules", "refusal"),
    [
        ([], "MalformedXML"),
        (
            [{**RULE, "AllowedMethods": ["PATCH"]}],
            "Found unsupported HTTP method in CORS config. Unsupported method is",
        ),
        ([{**RULE, "AllowedOrigins": ["*.*"]}], r'AllowedOrigin "\*\.\*" can not have more than one wildcard\.'),
        ([{**RULE, "AllowedHeaders": ["*a*"]}], r'AllowedHeader "\*a\*" can not have more than one wildcard\.'),
        ([{**RULE, "ExposeHeaders": ["x-*"]}], "ExposeHeader .* contains wildcard"),
        ([RULE] * 101, "The number of CORS rules should not exceed allowed limit of 100 rules"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(s3: Any, bucket: str, rules: Any, refusal: str) -> None:
    with pytest.raises(ClientError, match=refusal):
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})


def test_a_configuration_is_given_back_until_it_is_deleted(s3: Any, shared: str) -> None:
    assert s3.get_bucket_cors(Bucket=shared)["CORSRules"] == [RULE]
    s3.delete_bucket_cors(Bucket=shared)
    with pytest.raises(ClientError, match="NoSuchCORSConfiguration"):
        s3.get_bucket_cors(Bucket=shared)
