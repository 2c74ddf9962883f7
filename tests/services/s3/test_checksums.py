"""Digests and checksums of objects: computed, verified, kept and told."""

import base64
import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.services.s3.checksums import checksum_of
from tests.conftest import LiveServer
from tests.services.s3.conftest import Send

BODY = b"123456789"
# The check values of the CRCs' catalogue and of the reference implementations, of the text 123456789.
KNOWN = {
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "SHA1": hashlib.sha1(BODY).hexdigest(),
    "SHA256": hashlib.sha256(BODY).hexdigest(),
    "SHA512": hashlib.sha512(BODY).hexdigest(),
    "MD5": hashlib.md5(BODY).hexdigest(),
    "XXHASH64": "8cb841db40e6ae83",
}


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


@pytest.mark.parametrize("algorithm", KNOWN)
def test_each_algorithm_gives_its_known_value(algorithm: str) -> None:
    assert checksum_of(algorithm, BODY) == b64(bytes.fromhex(KNOWN[algorithm]))


@pytest.mark.parametrize("algorithm", [*KNOWN, "XXHASH3", "XXHASH128"])
def test_a_checksum_is_verified_kept_and_told(send: Send, bucket: str, algorithm: str) -> None:
    header = f"x-amz-checksum-{algorithm.lower()}"
    right, wrong = checksum_of(algorithm, BODY), checksum_of(algorithm, b"other")
    refused = send("PUT", f"/{bucket}/k", headers={header: wrong}, body=BODY)
    assert (refused.status, refused.error("Code")) == (400, "BadDigest")
    assert refused.error("Message") == f"The {algorithm} you specified did not match the calculated checksum."
    malformed = send("PUT", f"/{bucket}/k", headers={header: "x"}, body=BODY)
    assert malformed.error("Message") == f"Value for {header} header is invalid."
    put = send("PUT", f"/{bucket}/k", headers={header: right}, body=BODY)
    assert (put.headers[header], put.headers["x-amz-checksum-type"]) == (right, "FULL_OBJECT")
    assert send("HEAD", f"/{bucket}/k").headers[header] is None
    assert send("HEAD", f"/{bucket}/k", headers={"x-amz-checksum-mode": "ENABLED"}).headers[header] == right


def test_an_object_that_comes_without_a_checksum_gets_one(send: Send, bucket: str) -> None:
    put = send("PUT", f"/{bucket}/k", body=BODY)
    assert put.headers["x-amz-checksum-crc64nvme"] == checksum_of("CRC64NVME", BODY)


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        (
            {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha1": "AAAA"},
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        ),
        (
            {"x-amz-sdk-checksum-algorithm": "CRC32"},
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers "
            "were found.",
        ),
        (
            {"x-amz-sdk-checksum-algorithm": "SHA1", "x-amz-checksum-crc32": "AAAAAA=="},
            "Value for x-amz-sdk-checksum-algorithm header is invalid.",
        ),
        (
            {"x-amz-sdk-checksum-algorithm": "CRC9", "x-amz-checksum-crc32": "AAAAAA=="},
            "Value for x-amz-sdk-checksum-algorithm header is invalid.",
        ),
    ],
)
def test_headers_that_contradict_each_other_are_refused(
    send: Send, bucket: str, headers: dict[str, str], sentence: str
) -> None:
    refused = send("PUT", f"/{bucket}/k", headers=headers, body=BODY)
    assert (refused.status, refused.error("Code"), refused.error("Message")) == (400, "InvalidRequest", sentence)
    assert send("GET", f"/{bucket}/k").status == 404


def test_the_payload_is_what_the_signature_says(send: Send, bucket: str) -> None:
    promised, computed = hashlib.sha256(b"other").hexdigest(), hashlib.sha256(BODY).hexdigest()
    refused = send("PUT", f"/{bucket}/k", headers={"x-amz-content-sha256": promised}, body=BODY)
    assert (refused.status, refused.error("Code")) == (400, "XAmzContentSHA256Mismatch")
    assert refused.error("ClientComputedContentSHA256") == promised
    assert refused.error("S3ComputedContentSHA256") == computed
    assert send("PUT", f"/{bucket}/k", headers={"x-amz-content-sha256": computed}, body=BODY).status == 200
    nonsense = send("PUT", f"/{bucket}/k", headers={"x-amz-content-sha256": "nonsense"}, body=BODY)
    assert (nonsense.error("Code"), nonsense.error("ArgumentName")) == ("InvalidArgument", "x-amz-content-sha256")


@pytest.mark.parametrize("md5", ["__invalid__", "000", "MTIz", b64(b"test-string")])
def test_a_content_md5_that_is_none_is_refused(s3: Any, bucket: str, md5: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=BODY, ContentMD5=md5)
    error = caught.value.response["Error"]
    assert (error["Code"], error["Content-MD5"]) == ("InvalidDigest", md5)


def test_a_content_md5_of_something_else_is_told(s3: Any, bucket: str) -> None:
    other = hashlib.md5(b"other")
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=BODY, ContentMD5=b64(other.digest()))
    error = caught.value.response["Error"]
    assert error["CalculatedDigest"] == b64(hashlib.md5(BODY).digest())
    assert error["ExpectedDigest"] == other.hexdigest()


def test_a_range_has_no_checksum_unless_it_is_the_whole(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY)
    place = {"Bucket": bucket, "Key": "k", "ChecksumMode": "ENABLED"}
    assert "ChecksumCRC32" not in s3.get_object(**place, Range="bytes=0-3")
    assert s3.get_object(**place, Range="bytes=0-99")["ChecksumCRC32"] == checksum_of("CRC32", BODY)
    assert s3.get_object(**place, PartNumber=1)["ChecksumCRC32"] == checksum_of("CRC32", BODY)


# ---- requests that configure something


def test_a_configuration_request_is_verified_as_a_whole(send: Send, s3: Any, bucket: str) -> None:
    document = b"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"
    address = f"/{bucket}?tagging"
    missing = send("PUT", address, body=document)
    assert missing.error("Message") == "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
    for headers, code in (
        ({"Content-MD5": b64(hashlib.md5(b"other").digest())}, "BadDigest"),
        ({"Content-MD5": "x"}, "InvalidDigest"),
        ({"x-amz-checksum-crc32": checksum_of("CRC32", b"other")}, "BadDigest"),
        ({"x-amz-checksum-sha256": "x"}, "InvalidRequest"),
        (
            {"x-amz-checksum-crc32": checksum_of("CRC32", document), "x-amz-content-sha256": "0" * 64},
            "XAmzContentSHA256Mismatch",
        ),
    ):
        refused = send("PUT", address, headers=headers, body=document)
        assert (refused.status, refused.error("Code")) == (400, code), headers
    with pytest.raises(ClientError, match="NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=bucket)
    for headers in (
        {"Content-MD5": b64(hashlib.md5(document).digest())},
        {"x-amz-checksum-crc64nvme": checksum_of("CRC64NVME", document)},
    ):
        assert send("PUT", address, headers=headers, body=document).status < 300
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "1"}]


def test_a_damaged_list_of_keys_deletes_nothing(send: Send, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY)
    document = b"<Delete><Object><Key>k</Key></Object></Delete>"
    refused = send(
        "POST", f"/{bucket}?delete", headers={"x-amz-checksum-crc32": checksum_of("CRC32", b"other")}, body=document
    )
    assert refused.error("Code") == "BadDigest"
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == len(BODY)


def test_the_checksum_of_an_upload_is_not_one_of_the_request_that_completes_it(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    etag = s3.upload_part(**upload, PartNumber=1, Body=BODY)["ETag"]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert s3.get_object(**place)["Body"].read() == BODY


def test_clients_that_do_not_compute_checksums_are_served(server: LiveServer, account: str, bucket: str) -> None:
    s3 = server.client("s3", account=account)
    s3.meta.config.request_checksum_calculation = "when_required"
    try:
        put = s3.put_object(Bucket=bucket, Key="k", Body=BODY)
        assert put["ChecksumCRC64NVME"] == checksum_of("CRC64NVME", BODY)
    finally:
        s3.close()
