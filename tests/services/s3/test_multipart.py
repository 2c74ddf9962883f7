"""Multipart uploads."""

import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

PART_BYTES_MIN = 5 * 1024**2


def test_parts_become_one_object(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "large"}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place, ContentType="text/plain")["UploadId"]}
    bodies = [b"a" * PART_BYTES_MIN, b"b" * 10]
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate(bodies, start=1)
    ]
    assert [row["Size"] for row in s3.list_parts(**upload)["Parts"]] == [PART_BYTES_MIN, 10]
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    digests = b"".join(hashlib.md5(body).digest() for body in bodies)
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-2"'
    got = s3.get_object(**place)
    assert (got["Body"].read(), got["ContentType"]) == (b"".join(bodies), "text/plain")
    across = s3.get_object(**place, Range=f"bytes={PART_BYTES_MIN - 2}-{PART_BYTES_MIN + 1}")
    assert across["Body"].read() == b"aabb"
    second = s3.get_object(**place, PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (b"b" * 10, 2)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_only_the_last_part_may_be_small(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=b"small")["ETag"]}
        for number in (1, 2)
    ]
    with pytest.raises(ClientError, match="EntityTooSmall"):
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    with pytest.raises(ClientError, match="InvalidPartOrder"):
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts[::-1]})
    with pytest.raises(ClientError, match="InvalidPart"):
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "other"}]})


def test_an_aborted_upload_is_gone(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    s3.upload_part(**upload, PartNumber=1, Body=b"1")
    assert [row["Key"] for row in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["k"]
    s3.abort_multipart_upload(**upload)
    with pytest.raises(ClientError, match="NoSuchUpload"):
        s3.list_parts(**upload)


def test_uploads_are_listed_by_prefix_and_in_pages(s3: Any, bucket: str) -> None:
    wanted = ["a/1", "a/2 ü", "a/2 ü", "a/2 ü", "a/3"]
    for key in ("a", *wanted, "b"):
        s3.create_multipart_upload(Bucket=bucket, Key=key)
    for size in (1, 2, 1000):
        pages = s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=bucket, Prefix="a/", PaginationConfig={"PageSize": size}
        )
        uploads = [upload for page in pages for upload in page.get("Uploads", ())]
        assert [upload["Key"] for upload in uploads] == wanted
        assert len({upload["UploadId"] for upload in uploads}) == len(wanted)
    encoded = s3.list_multipart_uploads(Bucket=bucket, Prefix="a/2", MaxUploads=1, EncodingType="url")
    assert encoded["Uploads"][0]["Key"] == encoded["NextKeyMarker"] == "a/2%20%C3%BC"


def test_a_part_may_be_copied_from_an_object(s3: Any, bucket: str) -> None:
    body = bytes(range(256)) * 400
    s3.put_object(Bucket=bucket, Key="from", Body=body)
    place = {"Bucket": bucket, "Key": "k"}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    source = {"CopySource": {"Bucket": bucket, "Key": "from"}, "CopySourceRange": "bytes=100-70000"}
    copied = s3.upload_part_copy(**upload, PartNumber=1, **source)["CopyPartResult"]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": copied["ETag"]}]})
    assert s3.get_object(**place)["Body"].read() == body[100:70001]
