"""The configurations of a bucket that are a word, a rule or a list of their own."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_a_new_bucket_has_the_usual_configurations(s3: Any, bucket: str) -> None:
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    assert s3.get_bucket_abac(Bucket=bucket)["AbacStatus"] == {"Status": "Disabled"}
    (rule,) = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rule == {"ObjectOwnership": "BucketOwnerEnforced"}


def test_mfa_delete_is_refused(s3: Any, bucket: str) -> None:
    wanted = {"Status": "Enabled", "MFADelete": "Enabled"}
    with pytest.raises(ClientError, match=r"AccessDenied.*Mfa Authentication must be used for this request"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=wanted)
    with pytest.raises(ClientError, match=r"NotImplemented.*MFADelete"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=wanted, MFA="device 123456")
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)


def test_a_bucket_has_fifty_tags_at_most(s3: Any, bucket: str) -> None:
    tags = [{"Key": f"k{number}", "Value": ""} for number in range(51)]
    with pytest.raises(ClientError, match="BadRequest"):
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags[:50]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags[:50]


@pytest.mark.parametrize(
    ("rules", "refusal"),
    [
        ([], "MalformedXML"),
        ([{}], "MalformedXML"),
        ([{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "rot13"}}], "MalformedXML"),
        (
            [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "k"}}],
            "InvalidArgument.*a KMSMasterKeyID is not applicable",
        ),
    ],
)
def test_a_bucket_is_encrypted_by_one_sound_rule(s3: Any, bucket: str, rules: Any, refusal: str) -> None:
    with pytest.raises(ClientError, match=refusal):
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})


def test_a_bucket_can_refuse_keys_of_customers(s3: Any, bucket: str) -> None:
    rule = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", SSECustomerAlgorithm="AES256", SSECustomerKey=bytes(32))
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")


# ---- configurations with an id ------------------------------------------------------------------------------------

METRICS = {"Id": "m"}
ANALYTICS: dict[str, Any] = {"Id": "a", "StorageClassAnalysis": {}}
TIERING = {"Id": "t", "Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]}
INVENTORY = {
    "Id": "i",
    "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::reports", "Format": "CSV"}},
    "IsEnabled": True,
    "IncludedObjectVersions": "All",
    "Schedule": {"Frequency": "Daily"},
}
KINDS = [
    ("metrics", "MetricsConfiguration", METRICS),
    ("analytics", "AnalyticsConfiguration", ANALYTICS),
    ("intelligent_tiering", "IntelligentTieringConfiguration", TIERING),
    ("inventory", "InventoryConfiguration", INVENTORY),
]


def put(s3: Any, bucket: str, kind: str, member: str, configuration: dict[str, Any]) -> None:
    operation = getattr(s3, f"put_bucket_{kind}_configuration")
    operation(Bucket=bucket, Id=configuration["Id"], **{member: configuration})


@pytest.mark.parametrize(("kind", "member", "configuration"), KINDS)
def test_configurations_with_an_id_come_and_go(
    s3: Any, bucket: str, kind: str, member: str, configuration: dict[str, Any]
) -> None:
    put(s3, bucket, kind, member, configuration)
    get = getattr(s3, f"get_bucket_{kind}_configuration")
    delete = getattr(s3, f"delete_bucket_{kind}_configuration")
    assert get(Bucket=bucket, Id=configuration["Id"])[member] == configuration
    delete(Bucket=bucket, Id=configuration["Id"])
    for gone in (get, delete):
        with pytest.raises(ClientError, match="NoSuchConfiguration"):
            gone(Bucket=bucket, Id=configuration["Id"])


def test_configurations_are_listed_by_the_hundred_in_the_order_of_their_ids(s3: Any, bucket: str) -> None:
    for number in reversed(range(130)):
        put(s3, bucket, "metrics", "MetricsConfiguration", {"Id": f"id-{number:03}"})
    put(s3, bucket, "analytics", "AnalyticsConfiguration", ANALYTICS)
    first = s3.list_bucket_metrics_configurations(Bucket=bucket)
    assert first["IsTruncated"]
    second = s3.list_bucket_metrics_configurations(Bucket=bucket, ContinuationToken=first["NextContinuationToken"])
    assert not second["IsTruncated"]
    found = first["MetricsConfigurationList"] + second["MetricsConfigurationList"]
    assert [row["Id"] for row in found] == [f"id-{number:03}" for number in range(130)]
    assert len(first["MetricsConfigurationList"]) == 100


TAG = {"Key": "a", "Value": "b"}


@pytest.mark.parametrize(
    ("kind", "member", "configuration", "refusal"),
    [
        ("metrics", "MetricsConfiguration", {"Id": "two words"}, "InvalidConfigurationId"),
        ("metrics", "MetricsConfiguration", METRICS | {"Filter": {"Prefix": "x", "Tag": TAG}}, "MalformedXML"),
        ("metrics", "MetricsConfiguration", METRICS | {"Filter": {"And": {"Prefix": "x"}}}, "MalformedXML"),
        ("inventory", "InventoryConfiguration", INVENTORY | {"Schedule": {"Frequency": "Hourly"}}, "MalformedXML"),
        (
            "intelligent_tiering",
            "IntelligentTieringConfiguration",
            TIERING | {"Tierings": [{"Days": 89, "AccessTier": "ARCHIVE_ACCESS"}]},
            "InvalidArgument",
        ),
    ],
)
def test_an_unsound_configuration_is_refused(
    s3: Any, bucket: str, kind: str, member: str, configuration: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(ClientError, match=refusal):
        put(s3, bucket, kind, member, configuration)


# ---- logging ------------------------------------------------------------------------------------------------------


def log_to(target: str, **more: Any) -> dict[str, Any]:
    return {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": "log/", **more}}


def test_requests_are_logged_to_a_bucket_of_the_same_owner_and_region(aws: Any, s3: Any, bucket: str) -> None:
    far = f"far-{bucket}"
    aws("s3", region="eu-west-1").create_bucket(
        Bucket=far, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    with pytest.raises(ClientError, match="CrossLocationLoggingProhibitted"):
        s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=log_to(far))
    with pytest.raises(ClientError, match="InvalidTargetBucketForLogging"):
        s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=log_to("nowhere-to-be-found"))
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=log_to(bucket))
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]["TargetBucket"] == bucket
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)


def test_grants_on_logs_need_a_bucket_with_acls(s3: Any, bucket: str) -> None:
    grantee = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"}
    wanted = log_to(bucket, TargetGrants=[{"Grantee": grantee, "Permission": "READ"}])
    with pytest.raises(ClientError, match="InvalidArgument"):
        s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=wanted)
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=wanted)
