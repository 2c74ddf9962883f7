"""Which encryption an object has: what its request asks for, else what its bucket does."""

import base64
import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
CONTEXT = base64.b64encode(b'{"team": "a"}').decode()


def test_an_object_is_encrypted_by_s3_unless_something_else_is_said(s3: Any, bucket: str) -> None:
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ServerSideEncryption"] == "AES256"
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ServerSideEncryption"], "SSEKMSKeyId" in head) == ("AES256", False)


@pytest.fixture
def kms(aws: Any) -> Any:
    return aws("kms")


@pytest.fixture
def key_id(kms: Any) -> str:
    found: str = kms.create_key()["KeyMetadata"]["KeyId"]
    return found


def test_a_key_of_kms_is_told_by_its_arn_and_hides_the_md5(s3: Any, bucket: str, account: str, key_id: str) -> None:
    asked = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id, "BucketKeyEnabled": True}
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"1", **asked, SSEKMSEncryptionContext=CONTEXT)
    told = {**asked, "SSEKMSKeyId": f"arn:aws:kms:us-east-1:{account}:key/{key_id}"}
    assert put.items() >= {**told, "SSEKMSEncryptionContext": CONTEXT}.items()
    assert put["ETag"] != f'"{hashlib.md5(b"1").hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got.items() >= told.items()
    assert (got["Body"].read(), got["ETag"]) == (b"1", put["ETag"])


def test_without_a_key_it_is_the_accounts_own_for_s3(s3: Any, bucket: str, account: str) -> None:
    keys = {
        s3.put_object(Bucket=bucket, Key=key, Body=b"1", ServerSideEncryption=method)["SSEKMSKeyId"]
        for key, method in (("a", "aws:kms"), ("b", "aws:kms"), ("c", "aws:kms:dsse"))
    }
    assert len(keys) == 1
    assert keys.pop().startswith(f"arn:aws:kms:us-east-1:{account}:key/")


def test_a_buckets_default_is_applied_to_what_does_not_say(s3: Any, bucket: str, account: str, key_id: str) -> None:
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_id},
        "BucketKeyEnabled": True,
    }
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    expected = {
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": f"arn:aws:kms:us-east-1:{account}:key/{key_id}",
        "BucketKeyEnabled": True,
    }
    place = {"Bucket": bucket, "Key": "k"}
    assert s3.put_object(**place, Body=b"1").items() >= expected.items()
    assert s3.copy_object(Bucket=bucket, Key="copy", CopySource=place).items() >= expected.items()
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=b"2")
    assert part.items() >= expected.items()
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    assert s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}).items() >= expected.items()
    assert s3.head_object(**place).items() >= expected.items()
    assert s3.put_object(**place, Body=b"1", ServerSideEncryption="aws:kms")["BucketKeyEnabled"]
    own = s3.put_object(**place, Body=b"1", ServerSideEncryption="AES256")
    assert (own["ServerSideEncryption"], "SSEKMSKeyId" in own) == ("AES256", False)


def test_a_copy_is_encrypted_as_it_asks_and_not_as_its_source(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**place, Body=b"1", ServerSideEncryption="aws:kms")
    copied = s3.copy_object(**place, CopySource=place)
    assert copied["ServerSideEncryption"] == "AES256", "and so it may be copied to itself without another change"
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(b"1").hexdigest()}"'


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        (
            {"ServerSideEncryption": "rot13"},
            "InvalidArgument",
            "The encryption method specified is not supported",
        ),
        (
            {"SSEKMSKeyId": KEY_ID},
            "InvalidArgument",
            "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption",
        ),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "fake-key-id"}, "KMS.NotFoundException", "Invalid keyId"),
        (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": f"arn:aws:kms:eu-west-1:111122223333:key/{KEY_ID}"},
            "KMS.NotFoundException",
            "Invalid arn eu-west-1",
        ),
        (
            {"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": "{}"},
            "InvalidArgument",
            "The header 'x-amz-server-side-encryption-context' shall be",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(s3: Any, bucket: str, asked: dict[str, str], code: str, message: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", **asked)
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"][: len(message)]) == (code, message)


def test_a_range_of_an_object_in_parts_is_decrypted(s3: Any, bucket: str, key_id: str) -> None:
    # given
    place = {"Bucket": bucket, "Key": "k"}
    upload = s3.create_multipart_upload(**place, ServerSideEncryption="aws:kms", SSEKMSKeyId=key_id)
    named = {**place, "UploadId": upload["UploadId"]}
    bodies = [bytes(range(256)) * 4 * 5120, b"the last part"]
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**named, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate(bodies, 1)
    ]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    # when, then
    whole = b"".join(bodies)
    for first, last in ((0, 15), (7, 100), (len(bodies[0]) - 5, len(whole) - 1)):
        got = s3.get_object(**place, Range=f"bytes={first}-{last}")["Body"].read()
        assert got == whole[first : last + 1]
    assert s3.get_object(**place)["Body"].read() == whole


@pytest.mark.parametrize(
    ("lock", "code"),
    [("disable_key", "KMS.DisabledException"), ("schedule_key_deletion", "KMS.KMSInvalidStateException")],
)
def test_what_a_key_encrypted_is_lost_with_it(
    s3: Any, kms: Any, bucket: str, key_id: str, lock: str, code: str
) -> None:
    # given
    asked = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id}
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", **asked)
    # when
    getattr(kms, lock)(KeyId=key_id)
    # then
    for call in (
        lambda: s3.get_object(Bucket=bucket, Key="k"),
        lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"2", **asked),
        lambda: s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"}),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == code
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 1, "its head is not encrypted"


def test_a_copy_is_opened_and_encrypted_anew(s3: Any, kms: Any, bucket: str, key_id: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"contents" * 9000, ServerSideEncryption="aws:kms", SSEKMSKeyId=key_id)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    kms.disable_key(KeyId=key_id)
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"contents" * 9000
