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


@pytest.mark.parametrize(
    ("region", "location", "refusal"),
    [
        ("us-east-1", "us-east-1", "InvalidLocationConstraint.*The specified location-constraint is not valid"),
        ("us-east-1", "moon-1", "InvalidLocationConstraint"),
        ("eu-west-1", "us-west-2", "IllegalLocationConstraintException.*The us-west-2 location constraint"),
        ("us-west-2", "EU", "IllegalLocationConstraintException.*The EU location constraint"),
    ],
)
def test_a_location_must_fit_the_region_that_is_asked(
    aws: Any, account: str, region: str, location: str, refusal: str
) -> None:
    with pytest.raises(ClientError, match=refusal):
        aws("s3", region=region).create_bucket(
            Bucket=f"misplaced-{account}", CreateBucketConfiguration={"LocationConstraint": location}
        )


def test_europe_is_ireland(aws: Any, s3: Any, account: str) -> None:
    name = f"old-{account}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "EU"})
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "EU"
    assert aws("s3", region="eu-west-1").head_bucket(Bucket=name)["BucketRegion"] == "eu-west-1"


def test_a_request_of_another_region_is_sent_to_the_bucket_s(server: Any, aws: Any, account: str) -> None:
    name = f"there-{account}"
    there = aws("s3", region="eu-west-1")
    there.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    there.put_object(Bucket=name, Key="k", Body=b"1")
    answers = []
    here = aws("s3")
    here.meta.events.register("before-parse.s3.*", lambda response_dict, **_: answers.append(response_dict))
    assert here.get_object(Bucket=name, Key="k")["Body"].read() == b"1"  # boto3 follows what the first answer says
    assert [answer["status_code"] for answer in answers] == [301, 200]
    assert answers[0]["headers"]["x-amz-bucket-region"] == "eu-west-1"
    assert b"<Code>PermanentRedirect</Code>" in answers[0]["body"]


def test_the_owner_may_make_a_classic_bucket_again(s3: Any, bucket: str) -> None:
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.put_bucket_acl(Bucket=bucket, ACL="log-delivery-write")
    s3.create_bucket(Bucket=bucket)
    assert len(s3.get_bucket_acl(Bucket=bucket)["Grants"]) == 1, "its ACL is reset"
    s3.create_bucket(Bucket=bucket, ACL="log-delivery-write")
    assert len(s3.get_bucket_acl(Bucket=bucket)["Grants"]) == 3
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    with pytest.raises(ClientError, match="BucketAlreadyOwnedByYou"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"Tags": [{"Key": "a", "Value": "b"}]})


def test_a_bucket_made_for_object_lock_has_versions(s3: Any, account: str) -> None:
    name = f"locked-{account}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    with pytest.raises(ClientError, match="InvalidBucketState"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})


def test_directory_buckets_are_refused_by_name(s3: Any, account: str) -> None:
    configuration = {
        "Location": {"Type": "AvailabilityZone", "Name": "usw2-az1"},
        "Bucket": {"DataRedundancy": "SingleAvailabilityZone", "Type": "Directory"},
    }
    with pytest.raises(ClientError, match=r"NotImplemented.*directory buckets"):
        s3.create_bucket(Bucket=f"directory-{account}", CreateBucketConfiguration=configuration)


@pytest.mark.parametrize("owner", ["0000", "0000000000020", "abcd"])
def test_the_expected_owner_is_an_account(s3: Any, bucket: str, owner: str) -> None:
    with pytest.raises(ClientError, match=rf"InvalidBucketOwnerAWSAccountID.*\[{owner}\]"):
        s3.get_bucket_policy(Bucket=bucket, ExpectedBucketOwner=owner)


def test_the_owner_of_listed_buckets_is_told_first(server: Any, aws: Any, bucket: str) -> None:
    answers: list[Any] = []
    s3 = aws("s3")
    s3.meta.events.register("before-parse.s3.*", lambda response_dict, **_: answers.append(response_dict["body"]))
    s3.list_buckets()
    assert answers[0].index(b"<Owner>") < answers[0].index(b"<Buckets>")


def test_directory_buckets_are_told_to_be_missing(s3: Any) -> None:
    with pytest.raises(ClientError) as refused:
        s3.list_directory_buckets()
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    assert "directory buckets" in refused.value.response["Error"]["Message"]
