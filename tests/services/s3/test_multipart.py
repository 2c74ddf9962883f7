"""Multipart uploads."""

import base64
import hashlib
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from awscrt import checksums as crt
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


class Uploading:
    """One upload, and what is said of its parts when it is completed."""

    def __init__(self, s3: Any, bucket: str, **created: Any) -> None:
        self._s3 = s3
        self.place = {"Bucket": bucket, "Key": "k"}
        self.created = s3.create_multipart_upload(**self.place, **created)
        self.upload = {**self.place, "UploadId": self.created["UploadId"]}
        self.parts: list[dict[str, Any]] = []

    def part(self, number: int, body: bytes, **given: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._s3.upload_part(**self.upload, PartNumber=number, Body=body, **given)
        told = {name: answer[name] for name in answer if name.startswith("Checksum")}
        self.parts.append({"PartNumber": number, "ETag": answer["ETag"], **told})
        return answer

    def complete(self, parts: Any = None, **given: Any) -> dict[str, Any]:
        named = self.parts if parts is None else parts
        answer: dict[str, Any] = self._s3.complete_multipart_upload(
            **self.upload, MultipartUpload={"Parts": named}, **given
        )
        return answer


CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "CRC32": lambda data: zlib.crc32(data).to_bytes(4),
    "CRC32C": lambda data: crt.crc32c(data).to_bytes(4),
    "CRC64NVME": lambda data: crt.crc64nvme(data).to_bytes(8),
    "SHA1": lambda data: hashlib.sha1(data).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
}


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        ("CRC32", "COMPOSITE"),
        ("CRC32C", "COMPOSITE"),
        ("SHA1", "COMPOSITE"),
        ("SHA256", "COMPOSITE"),
        ("CRC32", "FULL_OBJECT"),
        ("CRC32C", "FULL_OBJECT"),
        ("CRC64NVME", "FULL_OBJECT"),
    ],
)
def test_the_whole_has_a_checksum_of_its_parts_or_of_itself(s3: Any, bucket: str, algorithm: str, kind: str) -> None:
    uploading = Uploading(s3, bucket, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    bodies = [bytes([65 + number]) * PART_BYTES_MIN for number in range(2)] + [b"end"]
    for number, body in enumerate(bodies, start=1):
        uploading.part(number, body, ChecksumAlgorithm=algorithm)
    digest = CHECKSUMS[algorithm]
    expected = base64.b64encode(
        digest(b"".join(bodies) if kind == "FULL_OBJECT" else b"".join(digest(body) for body in bodies))
    ).decode()
    expected += "-3" if kind == "COMPOSITE" else ""
    done = uploading.complete(**{f"Checksum{algorithm}": expected, "ChecksumType": kind})
    assert (done[f"Checksum{algorithm}"], done["ChecksumType"]) == (expected, kind)
    got = s3.head_object(**uploading.place, ChecksumMode="ENABLED")
    assert (got[f"Checksum{algorithm}"], got["ChecksumType"]) == (expected, kind)


def test_an_upload_without_a_checksum_has_one_of_the_whole(s3: Any, bucket: str) -> None:
    uploading = Uploading(s3, bucket)
    uploading.part(1, b"a" * PART_BYTES_MIN)
    uploading.part(2, b"b")
    plain = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in uploading.parts]
    expected = CHECKSUMS["CRC64NVME"](b"a" * PART_BYTES_MIN + b"b")
    assert uploading.complete(plain)["ChecksumCRC64NVME"] == base64.b64encode(expected).decode()


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"ChecksumType": "COMPOSITE"}, "can only be used with the x-amz-checksum-algorithm header"),
        (
            {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"},
            "COMPOSITE checksum type cannot be used with",
        ),
        ({"ChecksumAlgorithm": "SHA1", "ChecksumType": "FULL_OBJECT"}, "FULL_OBJECT checksum type cannot be used with"),
        ({"ChecksumAlgorithm": "OTHER"}, "Checksum algorithm provided is unsupported"),
    ],
)
def test_checksums_that_cannot_be_are_refused_at_once(s3: Any, bucket: str, given: Any, refusal: str) -> None:
    with pytest.raises(ClientError, match=refusal):
        s3.create_multipart_upload(Bucket=bucket, Key="k", **given)


def test_parts_come_with_the_uploads_checksum(s3: Any, bucket: str) -> None:
    uploading = Uploading(s3, bucket, ChecksumAlgorithm="SHA256")
    with pytest.raises(ClientError, match="expected checksum Type: sha256, actual checksum Type: crc32"):
        uploading.part(1, b"1", ChecksumAlgorithm="CRC32")
    uploading.part(1, b"1", ChecksumAlgorithm="SHA256")
    (listed,) = s3.list_parts(**uploading.upload)["Parts"]
    assert listed["ChecksumSHA256"] == uploading.parts[0]["ChecksumSHA256"]
    bare = {"PartNumber": 1, "ETag": listed["ETag"]}
    with pytest.raises(ClientError, match="It was missing for part 1 in the request"):
        uploading.complete([bare])
    with pytest.raises(ClientError, match="InvalidPart"):
        uploading.complete([{**bare, "ChecksumSHA256": base64.b64encode(b"0" * 32).decode()}])
    with pytest.raises(ClientError, match="The sha1 you specified for part 1 did not match what we received"):
        uploading.complete([{**bare, "ChecksumSHA1": base64.b64encode(b"0" * 20).decode()}])
    with pytest.raises(ClientError, match="created using the COMPOSITE checksum mode"):
        uploading.complete(ChecksumType="FULL_OBJECT")
    with pytest.raises(ClientError, match="The sha256 you specified did not match the calculated checksum"):
        uploading.complete(ChecksumSHA256="AAAA-1")


def test_a_completion_says_how_large_the_object_is(s3: Any, bucket: str) -> None:
    uploading = Uploading(s3, bucket)
    uploading.part(1, b"1234")
    plain = [{"PartNumber": 1, "ETag": uploading.parts[0]["ETag"]}]
    with pytest.raises(ClientError, match="header value 5 does not match what was computed: 4"):
        uploading.complete(plain, MpuObjectSize=5)
    uploading.complete(plain, MpuObjectSize=4)


@pytest.mark.parametrize(
    ("parts", "refusal"),
    [
        ([], "InvalidRequest.*You must specify at least one part"),
        ([{"PartNumber": 1}], "MalformedXML"),
        ([{"ETag": "x"}], "MalformedXML"),
        ([{"PartNumber": 1, "ETag": "x"}, {"PartNumber": 1, "ETag": "x"}], "InvalidPartOrder"),
        ([{"PartNumber": 2, "ETag": "x"}], "InvalidPart"),
    ],
)
def test_a_completion_names_its_parts(s3: Any, bucket: str, parts: Any, refusal: str) -> None:
    uploading = Uploading(s3, bucket)
    uploading.part(1, b"1")
    with pytest.raises(ClientError, match=refusal):
        uploading.complete(parts)
    assert len(s3.list_parts(**uploading.upload)["Parts"]) == 1


def test_a_completion_may_be_repeated_while_its_object_is_there(s3: Any, bucket: str) -> None:
    uploading = Uploading(s3, bucket)
    uploading.part(1, b"1")
    plain = [{"PartNumber": 1, "ETag": uploading.parts[0]["ETag"]}]
    first, second = uploading.complete(plain), uploading.complete(plain)
    assert (first["ETag"], first["Location"]) == (second["ETag"], second["Location"])
    with pytest.raises(ClientError, match="NoSuchUpload"):
        uploading.complete([{"PartNumber": 1, "ETag": "other"}])
    s3.put_object(**uploading.place, Body=b"another")
    with pytest.raises(ClientError, match="NoSuchUpload"):
        uploading.complete(plain)


def test_a_part_that_is_sent_again_replaces_the_first(s3: Any, bucket: str) -> None:
    uploading = Uploading(s3, bucket)
    uploading.part(1, b"first")
    uploading.part(1, b"second")
    uploading.complete([{"PartNumber": 1, "ETag": uploading.parts[1]["ETag"]}])
    assert s3.get_object(**uploading.place)["Body"].read() == b"second"


@pytest.mark.parametrize("number", [0, -1, 10_001])
def test_part_numbers_have_limits(s3: Any, bucket: str, number: int) -> None:
    uploading = Uploading(s3, bucket)
    with pytest.raises(ClientError, match="Part number must be an integer between 1 and 10000, inclusive"):
        uploading.part(number, b"1")


def test_an_upload_belongs_to_its_key(s3: Any, bucket: str) -> None:
    uploading = Uploading(s3, bucket)
    with pytest.raises(ClientError, match="NoSuchUpload"):
        s3.list_parts(**{**uploading.upload, "Key": "other"})
    s3.delete_bucket(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        uploading.part(1, b"1")


def test_uploads_of_one_key_are_listed_as_they_were_begun(s3: Any, bucket: str) -> None:
    begun = [s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"] for _ in range(5)]
    s3.create_multipart_upload(Bucket=bucket, Key="a/1")
    listed = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [row["UploadId"] for row in listed["Uploads"]] == begun
    assert [row["Prefix"] for row in listed["CommonPrefixes"]] == ["a/"]
    with pytest.raises(ClientError, match="Invalid uploadId marker"):
        s3.list_multipart_uploads(Bucket=bucket, KeyMarker="a/1", UploadIdMarker=begun[0])
