"""Ranges and conditions: the rules by themselves, and as requests meet them."""

import http.client
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.core.errors import AwsError
from fogbank.services.s3 import conditions
from fogbank.services.s3.records import ObjectVersion
from tests.conftest import LiveServer, MovableClock
from tests.patience import PATIENCE_S
from tests.services.s3.conftest import Send

NOW_S = 1_800_000_000
VERSION = ObjectVersion("v", 1, (NOW_S - 100) * 1000, etag="e1")
BEFORE, THEN, AFTER, FUTURE = NOW_S - 200, NOW_S - 100, NOW_S - 50, NOW_S + 50


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-8", (0, 8)),
        ("bytes=1-", (1, 9)),
        ("bytes=-2", (8, 9)),
        ("bytes=-15", (0, 9)),
        ("bytes=0-100", (0, 9)),
        ("bytes=1-0", None),
        ("bytes=-1-", None),
        ("bytes=0--1", None),
        ("bytes=0-1,3-4", None),
        ("bytes=-", None),
        ("0-8", None),
        ("bits=0-8", None),
        ("bytes=-0", "InvalidRange"),
        ("bytes=10-", "InvalidRange"),
        ("bytes=100-200", "InvalidRange"),
    ],
)
def test_a_range_is_taken_ignored_or_refused(header: str, expected: tuple[int, int] | str | None) -> None:
    try:
        found: tuple[int, int] | str | None = conditions.byte_range(header, 10)
    except AwsError as error:
        found = error.code
    assert found == expected


@pytest.mark.parametrize(
    ("given", "failed"),
    [
        ({}, None),
        ({"IfMatch": '"e1"'}, None),
        ({"IfMatch": "e1"}, None),
        ({"IfMatch": '"e2", "e1"'}, None),
        ({"IfMatch": "*"}, None),
        ({"IfMatch": '"e2"'}, "If-Match"),
        ({"IfUnmodifiedSince": THEN}, None),
        ({"IfUnmodifiedSince": BEFORE}, "If-Unmodified-Since"),
        ({"IfMatch": '"e1"', "IfUnmodifiedSince": BEFORE}, None),
        ({"IfMatch": '"e2"', "IfUnmodifiedSince": AFTER}, "If-Match"),
        ({"IfNoneMatch": '"e1"'}, 304),
        ({"IfNoneMatch": '"e2"'}, None),
        ({"IfModifiedSince": BEFORE}, None),
        ({"IfModifiedSince": THEN}, 304),
        ({"IfModifiedSince": AFTER}, 304),
        ({"IfModifiedSince": FUTURE}, None),
        ({"IfNoneMatch": '"e1"', "IfModifiedSince": BEFORE}, 304),
        ({"IfNoneMatch": '"e2"', "IfModifiedSince": AFTER}, None),
        ({"IfMatch": '"e1"', "IfNoneMatch": '"e1"'}, 304),
    ],
)
def test_etags_count_before_dates_and_the_future_does_not(given: dict[str, Any], failed: str | int | None) -> None:
    found: str | int | None = None
    try:
        conditions.check_read(VERSION, given, now_ms=NOW_S * 1000)
    except AwsError as error:
        found = 304 if error.status == 304 else error.members["Condition"]
    assert found == failed
    # A copy fails where a read has nothing new to tell.
    of_source = {f"CopySource{name}": value for name, value in given.items()}
    if failed is None:
        conditions.check_source(VERSION, of_source, now_ms=NOW_S * 1000)
    else:
        with pytest.raises(AwsError) as caught:
            conditions.check_source(VERSION, of_source, now_ms=NOW_S * 1000)
        assert caught.value.status == 412
        assert caught.value.members["Condition"].startswith("x-amz-copy-source-If-")


def test_what_is_not_modified_has_its_validators_and_no_body(send: Send, s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    same = send("GET", f"/{bucket}/k", headers={"If-None-Match": etag})
    assert (same.status, same.body, same.headers["ETag"]) == (304, b"", etag)
    assert same.headers["Last-Modified"]


def test_a_failed_condition_is_named(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="k", IfUnmodifiedSince=datetime.now(UTC) - timedelta(days=400))
    error = caught.value.response["Error"]
    assert (error["Code"], error["Condition"]) == ("PreconditionFailed", "If-Unmodified-Since")
    with pytest.raises(ClientError) as caught:
        s3.head_object(Bucket=bucket, Key="k", IfMatch='"other"')
    assert caught.value.response["Error"] == {"Code": "412", "Message": "Precondition Failed"}


@pytest.mark.parametrize(
    ("given", "header", "why"),
    [
        ({"IfNoneMatch": '"etag"'}, "If-None-Match", "We don't accept the provided value of If-None-Match header"),
        ({"IfMatch": "*"}, "If-Match", "We don't accept the provided value of If-Match header"),
        ({"IfMatch": '"e"', "IfNoneMatch": "*"}, "If-Match,If-None-Match", "Multiple conditional request headers"),
    ],
)
def test_writes_take_two_forms_of_conditions(
    s3: Any, bucket: str, given: dict[str, str], header: str, why: str
) -> None:
    for call in (
        lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"1", **given),
        lambda: s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/source", **given),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        error = caught.value.response["Error"]
        assert (error["Code"], error["Header"]) == ("NotImplemented", header)
        assert error["additionalMessage"].startswith(why)


@pytest.mark.parametrize(
    ("meanwhile", "code"), [(b"1", "ConditionalRequestConflict"), (b"2", "PreconditionFailed"), (None, "NoSuchKey")]
)
def test_a_large_write_meets_what_happened_meanwhile(
    server: LiveServer, s3: Any, bucket: str, meanwhile: bytes | None, code: str
) -> None:
    place, size = {"Bucket": bucket, "Key": "k"}, 2 * 1024 * 1024
    etag = s3.put_object(**place, Body=b"1")["ETag"]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    connection.putrequest("PUT", f"/{bucket}/k")
    connection.putheader("Content-Length", str(size))
    connection.putheader("If-Match", etag)
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    assert connection.sock.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"  # The server has begun with it.
    if meanwhile is None:
        s3.delete_object(**place)
    else:
        s3.put_object(**place, Body=meanwhile)
    connection.send(bytes(size))
    answer = connection.getresponse().read()
    connection.close()
    assert f"<Code>{code}</Code>".encode() in answer


def test_an_upload_that_may_only_create_is_stopped_by_a_deletion(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**place, Body=b"1")
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"2")["ETag"]
    done = {**upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]}, "IfNoneMatch": "*"}
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.complete_multipart_upload(**done)
    s3.delete_object(**place)
    with pytest.raises(ClientError) as caught:
        s3.complete_multipart_upload(**done)
    error = caught.value.response["Error"]
    assert (error["Code"], error["Condition"], error["Key"]) == ("ConditionalRequestConflict", "If-None-Match", "k")


def test_an_upload_that_replaces_is_stopped_by_a_later_write(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    part = {"PartNumber": 1, "ETag": s3.upload_part(**upload, PartNumber=1, Body=b"2")["ETag"]}
    etag = s3.put_object(**place, Body=b"1")["ETag"]
    with pytest.raises(ClientError, match="ConditionalRequestConflict"):
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]}, IfMatch=etag)


@pytest.mark.parametrize(
    ("given", "header"),
    [
        ({"IfMatchLastModifiedTime": datetime(2026, 1, 1, tzinfo=UTC)}, "x-amz-if-match-last-modified-time"),
        ({"IfMatchSize": 1}, "x-amz-if-match-size"),
    ],
)
def test_two_conditions_of_deletions_are_for_directory_buckets(
    s3: Any, bucket: str, given: dict[str, Any], header: str
) -> None:
    with pytest.raises(ClientError) as caught:
        s3.delete_object(Bucket=bucket, Key="k", **given)
    error = caught.value.response["Error"]
    assert (error["Code"], error["Header"]) == ("NotImplemented", header)


def test_a_deletion_may_depend_on_the_etag(s3: Any, bucket: str) -> None:
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    etag = s3.head_object(Bucket=bucket, Key="a")["ETag"]
    for key, code in (("b", "PreconditionFailed"), ("absent", "NoSuchKey")):
        with pytest.raises(ClientError, match=code):
            s3.delete_object(Bucket=bucket, Key=key, IfMatch=etag)
    s3.delete_object(Bucket=bucket, Key="a", IfMatch=etag)
    wanted = [{"Key": "b", "ETag": etag}, {"Key": "c", "ETag": s3.head_object(Bucket=bucket, Key="c")["ETag"]}]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted})
    assert [row["Key"] for row in answer["Deleted"]] == ["c"]
    assert [(row["Key"], row["Code"]) for row in answer["Errors"]] == [("b", "PreconditionFailed")]


def test_a_deletion_may_depend_on_there_being_something(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    place = {"Bucket": bucket, "Key": "k"}
    version = s3.put_object(**place, Body=b"1")["VersionId"]
    s3.delete_object(**place, IfMatch="*")
    for parameters in ({}, {"VersionId": version}):
        with pytest.raises(ClientError, match="PreconditionFailed"):
            s3.delete_object(**place, IfMatch="*", **parameters)


def test_dates_are_compared_by_the_second(s3: Any, bucket: str, clock: MovableClock) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    assert s3.get_object(Bucket=bucket, Key="k", IfUnmodifiedSince=modified)["Body"].read() == b"1"
    clock.advance(s=2)
    with pytest.raises(ClientError, match="304"):
        s3.get_object(Bucket=bucket, Key="k", IfModifiedSince=modified)
