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


def test_a_key_of_kms_is_told_by_its_arn_and_hides_the_md5(s3: Any, bucket: str, account: str) -> None:
    asked = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY_ID, "BucketKeyEnabled": True}
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"1", **asked, SSEKMSEncryptionContext=CONTEXT)
    told = {**asked, "SSEKMSKeyId": f"arn:aws:kms:us-east-1:{account}:key/{KEY_ID}"}
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


def test_a_buckets_default_is_applied_to_what_does_not_say(s3: Any, bucket: str, account: str) -> None:
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY_ID},
        "BucketKeyEnabled": True,
    }
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    expected = {
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": f"arn:aws:kms:us-east-1:{account}:key/{KEY_ID}",
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
