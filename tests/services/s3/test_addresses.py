"""Ways to name a bucket and an object."""

from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from tests.services.s3.conftest import Send

KEYS = [
    "a b",
    "a+b",
    "a%20b",
    "%",
    "%zz",
    "/leading",
    "trailing/",
    "a//b///",
    "//",
    ".",
    "..",
    "./a",
    "a/../b",
    "../a",
    "?query",
    "a#b&c=d;e",
    "\"<>'`{}|\\^~",
    "!*'()@:$,",
    "\t",
    "line\r\nbreak",
    "\x01\x1f\x7f",
    "grün/日本/🎉",
    "\ufffe\U0010ffff",
    "x" * 1024,
    "ü" * 512,
]


@pytest.mark.parametrize(
    "domain",
    [
        "s3.amazonaws.com",
        "s3.us-east-1.amazonaws.com",
        "s3-us-west-2.amazonaws.com",
        "s3.us-gov-west-1.amazonaws.com",
        "s3.cn-north-1.amazonaws.com.cn",
        "s3.dualstack.eu-central-1.amazonaws.com",
        "s3-accelerate.amazonaws.com",
        "s3-accelerate.dualstack.amazonaws.com",
        "s3-fips.dualstack.us-east-2.amazonaws.com",
        "s3.localhost",
        "s3.localhost.localstack.cloud",
        "s3.eu-west-1.localhost.localstack.cloud",
        "S3.Localhost",
    ],
)
def test_the_host_may_name_the_bucket(s3: Any, send: Send, bucket: str, server: Any, domain: str) -> None:
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"1")
    assert send("GET", "/a/b", host=f"{bucket}.{domain}:{server.port}").body == b"1"
    assert send("GET", f"/{bucket}/a/b", host=domain).body == b"1"


@pytest.mark.parametrize("prefix", ["dotted.name.", "s3.", "my.s3.us-east-1."])
def test_a_bucket_with_dots_may_be_in_the_host(s3: Any, send: Send, account: str, prefix: str) -> None:
    name = f"{prefix}{account}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"1")
    assert send("GET", "/k", host=f"{name}.s3.localhost:4566").body == b"1"
    assert send("GET", "/", host=f"{name}.s3.localhost").error("Key") == "k"


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
@pytest.mark.parametrize("style", ["path", "host"])
def test_every_key_comes_back_as_it_was(s3: Any, send: Send, bucket: str, key: str, style: str) -> None:
    host = f"{bucket}.s3.localhost" if style == "host" else None
    path = f"/{quote(key)}" if style == "host" else f"/{bucket}/{quote(key)}"
    assert send("PUT", path, host=host, body=key.encode()).status == 200
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["Key"] == key
    assert s3.list_object_versions(Bucket=bucket)["Versions"][0]["Key"] == key
    assert send("GET", path, host=host).body == key.encode()
    assert send("DELETE", path, host=host).status == 204
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_slash_of_a_key_may_be_escaped(s3: Any, send: Send, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"1")
    assert send("GET", f"/{bucket}/a%2Fb").body == b"1"


def test_a_plus_sign_in_a_path_is_a_space(s3: Any, send: Send, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a b", Body=b"1")
    assert send("GET", f"/{bucket}/{quote_plus('a b')}").body == b"1"


def test_a_key_has_1024_bytes_at_most(send: Send, bucket: str) -> None:
    answer = send("PUT", f"/{bucket}/{quote('ü' * 512)}x", body=b"")
    assert (answer.status, answer.error("Code"), answer.error("Size")) == (400, "KeyTooLongError", "1025")


def test_a_path_that_is_no_text_is_refused(send: Send, bucket: str) -> None:
    assert send("PUT", f"/{bucket}/%FF", body=b"").error("Code") == "InvalidURI"


def test_long_keys_with_much_in_common_are_told_apart(s3: Any, bucket: str) -> None:
    keys = sorted("x" * 1000 + end for end in ("", "/a", "/b", "0", "1", "ü"))
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key)
    assert [row["Key"] for row in s3.list_objects_v2(Bucket=bucket)["Contents"]] == keys
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1})
    found = [row["Prefix"] for page in pages for row in page.get("CommonPrefixes", [])]
    assert found == ["x" * 1000 + "/"]
