"""Copies: what they take from the source, what they change, and what is refused."""

import base64
import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.services.s3.conftest import Send

MB = 1024 * 1024


def refusal(call: Any, **parameters: Any) -> dict[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error: dict[str, str] = caught.value.response["Error"]
    return error


@pytest.fixture
def source(s3: Any, bucket: str) -> dict[str, str]:
    s3.put_object(
        Bucket=bucket,
        Key="source",
        Body=b"contents",
        ContentType="text/plain",
        CacheControl="no-store",
        Metadata={"a": "1"},
        Tagging="color=red",
        StorageClass="STANDARD_IA",
        WebsiteRedirectLocation="/there",
    )
    return {"Bucket": bucket, "CopySource": f"{bucket}/source"}


def test_a_copy_takes_contents_and_metadata_but_not_the_place(s3: Any, bucket: str, source: dict[str, str]) -> None:
    copied = s3.copy_object(**source, Key="k")
    assert copied["CopyObjectResult"]["ChecksumCRC32"]
    assert copied["ServerSideEncryption"] == "AES256"
    found = s3.get_object(Bucket=bucket, Key="k")
    assert (found["Body"].read(), found["ContentType"], found["CacheControl"]) == (
        b"contents",
        "text/plain",
        "no-store",
    )
    assert (found["Metadata"], found["TagCount"]) == ({"a": "1"}, 1)
    assert "StorageClass" not in found
    assert "WebsiteRedirectLocation" not in found


def test_a_copy_replaces_what_it_is_told_to(s3: Any, bucket: str, source: dict[str, str]) -> None:
    s3.copy_object(
        **source, Key="k", MetadataDirective="REPLACE", Metadata={"b": "2"}, TaggingDirective="REPLACE", Tagging="x=y"
    )
    found = s3.head_object(Bucket=bucket, Key="k")
    assert (found["Metadata"], found["ContentType"]) == ({"b": "2"}, "binary/octet-stream")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "x", "Value": "y"}]
    s3.copy_object(**source, Key="k", Metadata={"ignored": "1"}, Tagging="ignored=1")
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "1"}


@pytest.mark.parametrize("parameter", ["MetadataDirective", "TaggingDirective"])
def test_directives_are_two(s3: Any, source: dict[str, str], parameter: str) -> None:
    error = refusal(s3.copy_object, **source, Key="k", **{parameter: "MERGE"})
    assert (error["Code"], error["ArgumentValue"]) == ("InvalidArgument", "MERGE")


@pytest.mark.parametrize(
    "change",
    [
        {"MetadataDirective": "REPLACE"},
        {"StorageClass": "STANDARD"},
        {"WebsiteRedirectLocation": "/there"},
        {"ServerSideEncryption": "AES256"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_copy_to_itself_has_to_change_something(
    s3: Any, bucket: str, source: dict[str, str], change: dict[str, str]
) -> None:
    for nothing in ({}, {"Metadata": {"a": "2"}}, {"ChecksumAlgorithm": "SHA256"}):
        error = refusal(s3.copy_object, **source, Key="source", **nothing)
        assert error["Message"].startswith(
            "This copy request is illegal because it is trying to copy an object to itself"
        )
    s3.copy_object(**source, Key="source", **change)
    assert s3.get_object(Bucket=bucket, Key="source")["Body"].read() == b"contents"


def test_a_bucket_that_says_how_it_encrypts_changes_what_is_copied_in_place(
    s3: Any, bucket: str, source: dict[str, str]
) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.copy_object(**source, Key="source")


def test_a_version_that_is_named_is_brought_back_by_copying_it(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    place = {"Bucket": bucket, "Key": "k"}
    first = s3.put_object(**place, Body=b"1")["VersionId"]
    second = s3.put_object(**place, Body=b"2")["VersionId"]
    of = {"Bucket": bucket, "Key": "k"}
    assert refusal(s3.copy_object, **place, CopySource=of)["Code"] == "InvalidRequest"
    again = s3.copy_object(**place, CopySource={**of, "VersionId": second})
    assert (again["CopySourceVersionId"], again["VersionId"] != second) == (second, True)
    copied = s3.copy_object(**place, CopySource={**of, "VersionId": first})
    assert copied["CopySourceVersionId"] == first
    assert copied["VersionId"] not in (first, second)
    assert s3.get_object(**place)["Body"].read() == b"1"
    marker = s3.delete_object(**place)["VersionId"]
    assert refusal(s3.copy_object, Bucket=bucket, Key="x", CopySource=of)["Code"] == "NoSuchKey"
    error = refusal(s3.copy_object, Bucket=bucket, Key="x", CopySource={**of, "VersionId": marker})
    assert error["Code"] == "InvalidRequest"


def test_a_copy_keeps_the_algorithm_of_the_checksum_or_changes_it(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"contents", ChecksumAlgorithm="SHA1")
    sha1 = base64.b64encode(hashlib.sha1(b"contents").digest()).decode()
    sha256 = base64.b64encode(hashlib.sha256(b"contents").digest()).decode()
    copy = {"Bucket": bucket, "Key": "k", "CopySource": f"{bucket}/source"}
    assert s3.copy_object(**copy)["CopyObjectResult"]["ChecksumSHA1"] == sha1
    changed = s3.copy_object(**copy, ChecksumAlgorithm="SHA256")["CopyObjectResult"]
    assert (changed["ChecksumSHA256"], "ChecksumSHA1" in changed) == (sha256, False)
    assert "unsupported" in refusal(s3.copy_object, **copy, ChecksumAlgorithm="CRC9")["Message"]


def test_the_copy_of_an_upload_in_parts_has_the_etag_of_its_contents(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "source"}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    part = {"PartNumber": 1, "ETag": s3.upload_part(**upload, PartNumber=1, Body=b"contents")["ETag"]}
    assert s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})["ETag"].endswith('-1"')
    copied = s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/source")["CopyObjectResult"]
    assert copied["ETag"] == f'"{hashlib.md5(b"contents").hexdigest()}"'


def test_copies_cross_accounts_and_regions(aws: Aws, s3: Any, bucket: str, source: dict[str, str]) -> None:
    other = aws("s3", account="999900002222", region="eu-central-1")
    there = f"there-{bucket}"
    other.create_bucket(Bucket=there, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    copy = {"Bucket": there, "Key": "k", "CopySource": source["CopySource"]}
    error = refusal(other.copy_object, **copy, ExpectedSourceBucketOwner="999900002222")
    assert error["Code"] == "AccessDenied"
    assert refusal(other.copy_object, **copy, ExpectedBucketOwner="111122223333")["Code"] == "AccessDenied"
    other.copy_object(**copy)
    assert other.get_object(Bucket=there, Key="k")["Body"].read() == b"contents"


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("nothing", 400, "Invalid copy source object key"),
        ("/", 400, "Invalid copy source bucket name"),
        ("absent-bucket-of-nobody/k", 404, "The specified bucket does not exist"),
    ],
)
def test_a_source_names_a_bucket_and_a_key(send: Send, bucket: str, text: str, status: int, message: str) -> None:
    refused = send("PUT", f"/{bucket}/k", headers={"x-amz-copy-source": text})
    assert (refused.status, refused.error("Message")) == (status, message)


def test_a_plus_sign_in_a_source_is_a_space(send: Send, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a b", Body=b"space")
    s3.put_object(Bucket=bucket, Key="a+b", Body=b"plus")
    for text, expected in (("a+b", b"space"), ("a%20b", b"space"), ("a%2Bb", b"plus")):
        assert send("PUT", f"/{bucket}/k", headers={"x-amz-copy-source": f"{bucket}%2F{text}"}).status == 200
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == expected


FORM = (
    "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based "
    "offsets of the first and last bytes to copy"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *((text, FORM) for text in ("0-8", "bytes=1-0", "bytes=1-", "bytes=-2", "bytes=0-1,3-4", "bytes=-")),
        ("bytes=0-100", "Range specified is not valid for source object of size: 8"),
        ("bytes=100-200", "The specified copy range is invalid for the source object size"),
    ],
)
def test_a_part_is_copied_from_a_range_in_one_form(
    s3: Any, bucket: str, source: dict[str, str], text: str, message: str
) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"], "PartNumber": 1}
    error = refusal(s3.upload_part_copy, **upload, CopySource=source["CopySource"], CopySourceRange=text)
    assert error["Message"] == message
    s3.upload_part_copy(**upload, CopySource=source["CopySource"], CopySourceRange="bytes=2-4")
    assert s3.list_parts(**place, UploadId=upload["UploadId"])["Parts"][0]["Size"] == 3


def test_a_large_object_is_copied_as_it_is(s3: Any, bucket: str) -> None:
    body = b"0123456789abcdef" * (MB // 4)
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/source")
    s3.delete_object(Bucket=bucket, Key="source")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


def test_a_source_may_be_an_address(s3: Any, bucket: str, send: Send) -> None:
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"1")
    answer = send("PUT", f"/{bucket}/copy", headers={"x-amz-copy-source": f"http://localhost:4566/{bucket}/a/b"})
    assert answer.status == 200
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"1"
