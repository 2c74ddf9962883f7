"""Buckets and their configurations."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_a_bucket_with_objects_cannot_be_deleted(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    with pytest.raises(ClientError, match=r"BucketNotEmpty.*The bucket you tried to delete is not empty"):
        s3.delete_bucket(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket=bucket)


def test_a_name_belongs_to_one_account(aws: Any, bucket: str) -> None:
    with pytest.raises(ClientError, match="BucketAlreadyExists"):
        aws("s3", account="999999999999").create_bucket(Bucket=bucket)


def test_a_bucket_lives_in_its_region(aws: Any, s3: Any, account: str) -> None:
    name = f"far-{account}"
    with pytest.raises(ClientError, match="IllegalLocationConstraintException"):
        aws("s3", region="eu-west-1").create_bucket(Bucket=name)
    aws("s3", region="eu-west-1").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    assert [row["Name"] for row in s3.list_buckets()["Buckets"]] == [name]


def test_the_location_of_a_classic_bucket_is_empty(s3: Any, bucket: str) -> None:
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None


def test_a_new_bucket_blocks_public_access_and_encrypts(s3: Any, bucket: str) -> None:
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_tags_are_kept_until_they_are_deleted(s3: Any, bucket: str) -> None:
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "1"}]
    s3.delete_bucket_tagging(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=bucket)


@pytest.mark.parametrize("name", ["Capitals", "a..b", "192.168.0.1", "ab"])
def test_a_bad_name_is_refused(s3: Any, name: str) -> None:
    with pytest.raises(ClientError, match=r"InvalidBucketName.*The specified bucket is not valid\."):
        s3.create_bucket(Bucket=name)
