"""GetObjectAttributes."""

import base64
import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.services.s3.checksums import checksum_of
from tests.services.s3.conftest import Send

PART_BYTES_MIN = 5 * 1024**2


def test_only_what_is_asked_for_is_told(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"contents", ChecksumAlgorithm="SHA256", StorageClass="STANDARD_IA")
    place = {"Bucket": bucket, "Key": "k"}
    sha256 = base64.b64encode(hashlib.sha256(b"contents").digest()).decode()
    expected = {
        "ETag": hashlib.md5(b"contents").hexdigest(),
        "Checksum": {"ChecksumSHA256": sha256, "ChecksumType": "FULL_OBJECT"},
        "StorageClass": "STANDARD_IA",
        "ObjectSize": 8,
    }
    for name, value in expected.items():
        answer = s3.get_object_attributes(**place, ObjectAttributes=[name])
        assert answer.keys() == {name, "LastModified", "ResponseMetadata"}
        assert answer[name] == value
    answer = s3.get_object_attributes(**place, ObjectAttributes=[*expected, "ObjectParts"])
    assert answer.items() >= expected.items()
    assert "ObjectParts" not in answer


@pytest.mark.parametrize(
    ("headers", "code", "message"),
    [
        ({"x-amz-object-attributes": "ETags"}, "InvalidArgument", "Invalid attribute name specified."),
        (
            {"x-amz-object-attributes": ""},
            "InvalidRequest",
            "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty",
        ),
        (
            {},
            "InvalidRequest",
            "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty",
        ),
    ],
)
def test_attributes_have_to_be_named(
    send: Send, s3: Any, bucket: str, headers: dict[str, str], code: str, message: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    refused = send("GET", f"/{bucket}/k?attributes", headers=headers)
    assert (refused.status, refused.error("Code"), refused.error("Message")) == (400, code, message)


def test_names_may_be_spaced_and_repeated(send: Send, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    found = send("GET", f"/{bucket}/k?attributes", headers={"x-amz-object-attributes": "ObjectSize, ETag ,ETag"})
    assert (found.status, found.error("ObjectSize")) == (200, "1")


def test_a_deleted_object_has_none_and_its_versions_do(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    place = {"Bucket": bucket, "Key": "k", "ObjectAttributes": ["ObjectSize"]}
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"123")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="k")
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object_attributes(**place)
    answer = s3.get_object_attributes(**place, VersionId=version)
    assert (answer["ObjectSize"], answer["VersionId"]) == (3, version)


def test_parts_with_checksums_of_their_own_come_in_pages(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place, ChecksumAlgorithm="SHA256")["UploadId"]}
    bodies = [b"a" * PART_BYTES_MIN, b"b" * PART_BYTES_MIN, b"c"]
    parts = []
    for number, body in enumerate(bodies, start=1):
        part = s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256")
        parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]})
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    expected = [
        {"PartNumber": part["PartNumber"], "Size": len(body), "ChecksumSHA256": part["ChecksumSHA256"]}
        for part, body in zip(parts, bodies, strict=True)
    ]

    def page(**parameters: int) -> dict[str, Any]:
        found: dict[str, Any] = s3.get_object_attributes(**place, ObjectAttributes=["ObjectParts"], **parameters)
        return found["ObjectParts"]

    assert page()["Parts"] == expected
    first = page(MaxParts=2)
    assert (first["Parts"], first["IsTruncated"], first["NextPartNumberMarker"]) == (expected[:2], True, 2)
    assert (first["MaxParts"], first["PartNumberMarker"], first["TotalPartsCount"]) == (2, 0, 3)
    second = page(MaxParts=2, PartNumberMarker=2)
    assert (second["Parts"], second["IsTruncated"]) == (expected[2:], False)
    assert "Parts" not in page(PartNumberMarker=3)
    part = s3.get_object(**place, PartNumber=2, ChecksumMode="ENABLED")
    assert (part["ChecksumSHA256"], part["ChecksumType"]) == (expected[1]["ChecksumSHA256"], "COMPOSITE")


def test_of_other_parts_only_the_number_is_told(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    part = {"PartNumber": 1, "ETag": s3.upload_part(**upload, PartNumber=1, Body=b"1")["ETag"]}
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})
    found = s3.get_object_attributes(**place, ObjectAttributes=["ObjectParts", "Checksum"])
    assert found["ObjectParts"] == {"TotalPartsCount": 1}
    assert found["Checksum"] == {"ChecksumCRC64NVME": checksum_of("CRC64NVME", b"1"), "ChecksumType": "FULL_OBJECT"}
