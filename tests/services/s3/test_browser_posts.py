"""Objects that browsers upload with forms."""

import asyncio
import base64
import http.client
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from fogbank.core.errors import AwsError
from fogbank.services.s3.form_data import read_form
from fogbank.services.s3.post_policy import PostPolicy
from tests.services.s3.conftest import Reply, Send

BOUNDARY = "----boundary"
Post = Callable[..., Reply]


def form(fields: dict[str, str], content: bytes | None, *, filename: str | None = "f.txt") -> bytes:
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    body = "".join(parts).encode()
    if content is not None:
        named = "" if filename is None else f'; filename="{filename}"'
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"{named}\r\nContent-Type: text/x-f\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


@pytest.fixture
def post(send: Send, bucket: str) -> Post:
    def post(fields: dict[str, str], content: bytes | None = b"content", *, filename: str | None = "f.txt") -> Reply:
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return send("POST", f"/{bucket}", headers=headers, body=form(fields, content, filename=filename))

    return post


@pytest.fixture
def signed(clock: Any, account: str, bucket: str) -> Callable[..., dict[str, str]]:
    """The fields of a form with a policy; the signature is not looked at."""

    def signed(*conditions: Any, expires_s: int = 60, **fields: str) -> dict[str, str]:
        until = datetime.fromtimestamp(clock.now_ms() / 1000 + expires_s, UTC)
        proof = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{account}/20260101/us-east-1/s3/aws4_request",
            "X-Amz-Date": "20260101T000000Z",
        }
        policy = {
            "expiration": until.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "conditions": [{"bucket": bucket}, *({name: value} for name, value in proof.items()), *conditions],
        }
        encoded = base64.b64encode(json.dumps(policy).encode()).decode()
        return {**fields, **proof, "Policy": encoded, "X-Amz-Signature": "0" * 64}

    return signed


def test_a_form_uploads_a_file(s3: Any, post: Post, bucket: str) -> None:
    answer = post({"key": "folder/${filename}", "Content-Type": "text/plain", "x-amz-meta-A": "ü"})
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Location"].endswith(f"/{bucket}/folder%2Ff.txt")
    got = s3.get_object(Bucket=bucket, Key="folder/f.txt")
    assert (got["Body"].read(), got["ContentType"], got["ETag"]) == (b"content", "text/plain", answer.headers["ETag"])
    assert list(got["Metadata"]) == ["a"]


@pytest.mark.parametrize("filename", ["f.txt", "C:\\\\folder\\\\f.txt", "/folder/f.txt"])
def test_the_file_name_is_without_folders(s3: Any, post: Post, bucket: str, filename: str) -> None:
    post({"key": "x-${filename}"}, filename=filename)
    assert s3.head_object(Bucket=bucket, Key="x-f.txt")["ContentType"] == "binary/octet-stream"


def test_a_file_without_a_name_leaves_the_key_as_it_is(s3: Any, post: Post, bucket: str) -> None:
    post({"key": "x-${filename}"}, filename=None)
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["Key"] == "x-${filename}"


def test_a_form_says_how_it_is_answered(post: Post, bucket: str) -> None:
    created = post({"key": "a&b", "success_action_status": "201"})
    assert (created.status, created.headers["Content-Type"]) == (201, "application/xml")
    assert (created.error("Bucket"), created.error("Key")) == (bucket, "a&amp;b")
    assert created.error("Location") == created.headers["Location"]
    assert post({"key": "k", "success_action_status": "200"}).status == 200
    assert post({"key": "k", "success_action_status": "404"}).status == 204
    redirect = post({"key": "k", "success_action_redirect": "http://h/p?q=1"})
    assert (redirect.status, redirect.body) == (303, b"")
    assert redirect.headers["Location"].startswith(f"http://h/p?q=1&bucket={bucket}&key=k&etag=%22")
    assert post({"key": "k", "success_action_redirect": "/relative"}).status == 204


def test_metadata_of_a_form_is_taken_as_it_is(s3: Any, post: Post, bucket: str) -> None:
    post({"key": "k", "x-amz-meta-a": "=?UTF-8?B?YWJj?="})
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "=?UTF-8?B?YWJj?="}


def test_a_form_gives_tags_and_a_storage_class(s3: Any, post: Post, bucket: str) -> None:
    tagging = "<Tagging><TagSet><Tag><Key>a b</Key><Value>1+2</Value></Tag></TagSet></Tagging>"
    assert post({"key": "k", "tagging": tagging, "x-amz-storage-class": "STANDARD_IA"}).status == 204
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a b", "Value": "1+2"}]
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == "STANDARD_IA"
    assert post({"key": "k", "tagging": "no xml"}).error("Code") == "MalformedXML"
    assert post({"key": "k", "x-amz-storage-class": "none"}).error("Code") == "InvalidStorageClass"


def test_a_checksum_that_the_form_promises_is_verified(post: Post) -> None:
    assert post({"key": "k", "x-amz-checksum-crc32": "AAAAAA=="}).error("Code") == "BadDigest"
    assert post({"key": "k"}, b"").headers["x-amz-checksum-crc64nvme"] == "AAAAAAAAAAA="


def test_a_large_file_is_not_held_in_memory(s3: Any, server: Any, bucket: str) -> None:
    start, end = form({"key": "large"}, b"0123456789").split(b"0123456789")
    chunk = b"0123456789" * 100_000

    def body() -> Iterator[bytes]:
        yield start
        for _ in range(20):
            yield chunk
        yield end

    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    length = len(start) + 20 * len(chunk) + len(end)
    headers = {"Content-Type": f'multipart/form-data; boundary="{BOUNDARY}"', "Content-Length": str(length)}
    connection.request("POST", f"/{bucket}", body=body(), headers=headers)
    assert connection.getresponse().status == 204
    connection.close()
    assert s3.head_object(Bucket=bucket, Key="large")["ContentLength"] == 20_000_000


@pytest.mark.parametrize(
    ("conditions", "fields", "refusal"),
    [
        (
            [["starts-with", "$key", "k"], ["starts-with", "$acl", "bucket-owner-"]],
            {"acl": "bucket-owner-full-control"},
            None,
        ),
        ([["starts-with", "$key", ""], ["starts-with", "$Content-Type", "image/"]], {"content-type": "image/a"}, None),
        ([{"key": "k1"}, {"X-AMZ-Meta-A": "1"}], {"x-amz-meta-a": "1"}, None),
        ([{"key": "k1"}], {"x-ignore-me": "1"}, None),
        ([{"key": "other"}], {}, 'Policy Condition failed: ["eq", "$key", "other"]'),
        ([["starts-with", "$key", "x"]], {}, 'Policy Condition failed: ["starts-with", "$key", "x"]'),
        ([["eq", "key", "k1"]], {}, 'Policy Condition failed: ["eq", "key", "k1"]'),
        ([{"key": "k1"}], {"submit": "now"}, "Extra input fields: submit"),
        (
            [{"key": "k1"}, ["starts-with", "$Content-Type", "image/"]],
            {"content-type": "image/a, text/b"},
            'Policy Condition failed: ["starts-with", "$Content-Type", "image/"]',
        ),
        ([{"key": "k1"}, ["content-length-range", "x", 1]], {}, 'Condition failed: ["content-length-range", "x", 1]'),
    ],
)
def test_a_form_says_what_its_policy_allows(
    post: Post, signed: Any, conditions: list[Any], fields: dict[str, str], refusal: str | None
) -> None:
    answer = post(signed(*conditions, key="k1", **fields))
    if refusal is None:
        assert (answer.status, answer.body) == (204, b"")
    else:
        assert (answer.status, answer.error("Code")) == (403, "AccessDenied")
        message = (answer.error("Message") or "").replace("&quot;", '"')
        assert message.startswith("Invalid according to Policy: ")
        assert refusal in message


def test_a_policy_says_how_long_a_file_may_be(s3: Any, post: Post, signed: Any, bucket: str) -> None:
    fields = signed({"key": "k"}, ["content-length-range", 5, "10"], key="k")
    assert [post(fields, b"a" * size).status for size in (4, 5, 10, 11)] == [400, 204, 204, 400]
    large, small = post(fields, b"a" * 12), post(fields, b"a")
    assert (large.error("Code"), large.error("ProposedSize"), large.error("MaxSizeAllowed")) == (
        "EntityTooLarge",
        "12",
        "10",
    )
    assert (small.error("Code"), small.error("ProposedSize"), small.error("MinSizeAllowed")) == (
        "EntityTooSmall",
        "1",
        "5",
    )
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 10


def test_a_policy_expires(post: Post, signed: Any, clock: Any) -> None:
    fields = signed({"key": "k"}, key="k")
    assert post(fields).status == 204
    clock.advance(s=62)
    assert post(fields).error("Message") == "Invalid according to Policy: Policy expired."


@pytest.mark.parametrize("missing", ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "Policy"])
def test_what_proves_a_policy_cannot_be_left_out(post: Post, signed: Any, missing: str) -> None:
    fields = signed({"key": "k"}, key="k")
    del fields[missing]
    answer = post(fields)
    assert (answer.status, answer.error("Code"), answer.error("ArgumentName")) == (400, "InvalidArgument", missing)


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("text/html", b"x", 412, "PreconditionFailed"),
        (f"multipart/form-data; boundary={BOUNDARY}", b"x", 400, "MalformedPOSTRequest"),
        (f"multipart/form-data; boundary={BOUNDARY}", form({"key": "k"}, b"1")[:-20], 400, "MalformedPOSTRequest"),
        (f"multipart/form-data; boundary={BOUNDARY}", form({"key": "k"}, None), 400, "IncorrectNumberOfFilesInPostRe"),
        (f"multipart/form-data; boundary={BOUNDARY}", form({}, b"1"), 400, "InvalidArgument"),
        (
            f"multipart/form-data; boundary={BOUNDARY}",
            form({"key": "k", "x": "x" * 30_000}, b"1"),
            400,
            "MaxPostPreDataLengthExceeded",
        ),
    ],
)
def test_a_body_that_is_no_such_form_is_refused(
    send: Send, bucket: str, content_type: str, body: bytes, status: int, code: str
) -> None:
    answer = send("POST", f"/{bucket}", headers={"Content-Type": content_type}, body=body)
    assert (answer.status, (answer.error("Code") or "")[:30]) == (status, code[:30])


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("{", "Invalid Policy: Invalid JSON."),
        ("[]", "Invalid Policy: Invalid JSON."),
        ({"conditions": []}, "Invalid Policy: Policy missing expiration."),
        ({"expiration": "x", "conditions": []}, "Invalid Policy: Invalid 'expiration' value: 'x'"),
        ({"expiration": "2026-01-01T00:00:00Z"}, "Invalid Policy: Policy missing conditions."),
        (
            {"expiration": "2026-01-01T00:00:00Z", "conditions": [{"a": "1", "b": "2"}]},
            "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
        ),
        ({"expiration": "2026-01-01T00:00:00Z", "conditions": [["like", "$a", "b"]]}, "Invalid Policy: Invalid Cond"),
        ({"expiration": "2026-01-01T00:00:00Z", "conditions": [["eq", "$a"]]}, "Invalid Policy: Invalid Condition"),
    ],
)
def test_a_policy_that_cannot_be_read_is_refused(document: Any, sentence: str) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(AwsError) as refused:
        PostPolicy(base64.b64encode(text.encode()).decode())
    assert (refused.value.code, refused.value.message[: len(sentence)]) == ("InvalidPolicyDocument", sentence)


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
@pytest.mark.parametrize("content", [b"", b"\r\n", b"a\r\n--b", b"--" + BOUNDARY.encode(), b"\r\n--" * 50])
def test_a_form_is_read_however_it_arrives(size: int, content: bytes) -> None:
    body = form({"key": "k", "empty": ""}, content)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    async def read() -> tuple[dict[str, str], bytes]:
        fields, file = await read_form(f"multipart/form-data; charset=utf-8; boundary={BOUNDARY}", chunks())
        return fields, b"".join([chunk async for chunk in file])

    assert asyncio.run(read()) == ({"key": "k", "empty": ""}, content)
