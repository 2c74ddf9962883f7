"""Lifecycle configurations, and what happens by them when days pass."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import MovableClock

DAY_S = 86_400
DAY_MS = DAY_S * 1000
Pass = Callable[[int], None]


@pytest.fixture
def days_pass(s3: Any, account: str, clock: MovableClock) -> Pass:
    """Move to the moment behind the midnight that ends so many days, when its run is over.

    Buckets have their turns by name, so that a run is over when the last object of the last bucket is gone.
    """
    last = f"zz-{account}"
    s3.create_bucket(Bucket=last)
    configure(s3, last, {"Expiration": {"Date": datetime(2020, 1, 1, tzinfo=UTC)}})

    def move(days: int) -> None:
        for _ in range(days):
            s3.put_object(Bucket=last, Key="canary", Body=b"")
            to_midnight_s = (DAY_MS - clock.now_ms() % DAY_MS) / 1000
            clock.advance(s=to_midnight_s + 60)
            while keys(s3, last):
                continue

    return move


def configure(s3: Any, bucket: str, *rules: dict[str, Any], **more: Any) -> None:
    named = [{"ID": f"rule-{n}", "Status": "Enabled", "Filter": {}, **rule} for n, rule in enumerate(rules)]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": named}, **more)


def keys(s3: Any, bucket: str) -> list[str]:
    return [row["Key"] for row in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def version_counts(s3: Any, bucket: str) -> tuple[int, int]:
    """How many versions and delete markers there are."""
    found = s3.list_object_versions(Bucket=bucket)
    return len(found.get("Versions", [])), len(found.get("DeleteMarkers", []))


def test_an_object_expires_on_its_day(s3: Any, bucket: str, days_pass: Pass) -> None:
    configure(s3, bucket, {"Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 2}})
    for key in ("tmp/a", "kept"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    days_pass(2)
    assert keys(s3, bucket) == ["kept", "tmp/a"]
    days_pass(1)
    assert keys(s3, bucket) == ["kept"]


def test_an_object_tells_when_it_expires_and_by_which_rule(s3: Any, bucket: str, clock: MovableClock) -> None:
    configure(s3, bucket, {"ID": "old ones", "Expiration": {"Days": 3}})
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    date, rule = put["Expiration"].split('", ')
    due = parsedate_to_datetime(date.removeprefix('expiry-date="'))
    assert due.timestamp() == (clock.now_ms() // DAY_MS + 4) * DAY_S
    assert rule == 'rule-id="old%20ones"'
    assert s3.head_object(Bucket=bucket, Key="k")["Expiration"] == put["Expiration"]
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["Expiration"]) == (b"1", put["Expiration"])


def test_with_versions_expiry_leaves_a_marker_and_later_nothing(s3: Any, bucket: str, days_pass: Pass) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    configure(
        s3,
        bucket,
        {"Expiration": {"Days": 1}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    days_pass(2)
    assert version_counts(s3, bucket) == (1, 1)
    days_pass(2)
    assert version_counts(s3, bucket) == (0, 1), "the version has gone, and its marker is what is left"
    days_pass(1)
    assert version_counts(s3, bucket) == (0, 0)


def test_only_a_marker_that_hides_nothing_expires(s3: Any, bucket: str, days_pass: Pass) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    configure(s3, bucket, {"Expiration": {"ExpiredObjectDeleteMarker": True}})
    s3.delete_object(Bucket=bucket, Key="nothing-below")
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="k")
    days_pass(1)
    assert version_counts(s3, bucket) == (1, 1)


def test_the_newest_noncurrent_versions_stay(s3: Any, bucket: str, days_pass: Pass) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    configure(s3, bucket, {"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}})
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"] for _ in range(5)]
    days_pass(2)
    found = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [row["VersionId"] for row in found] == ids[:1:-1]


def test_objects_move_to_other_storage_classes(s3: Any, bucket: str, days_pass: Pass) -> None:
    transitions = [{"Days": 1, "StorageClass": "GLACIER_IR"}, {"Days": 3, "StorageClass": "DEEP_ARCHIVE"}]
    configure(s3, bucket, {"Transitions": transitions})
    s3.put_object(Bucket=bucket, Key="large", Body=bytes(200_000))
    s3.put_object(Bucket=bucket, Key="small", Body=b"1")
    before = s3.head_object(Bucket=bucket, Key="large")
    days_pass(2)
    after = s3.head_object(Bucket=bucket, Key="large")
    assert after["StorageClass"] == "GLACIER_IR"
    assert (after["ETag"], after["LastModified"]) == (before["ETag"], before["LastModified"])
    days_pass(2)
    assert s3.head_object(Bucket=bucket, Key="large")["StorageClass"] == "DEEP_ARCHIVE"
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="small")


def test_uploads_that_nobody_completes_are_aborted(s3: Any, bucket: str, days_pass: Pass) -> None:
    configure(s3, bucket, {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}})
    s3.create_multipart_upload(Bucket=bucket, Key="k")
    days_pass(1)
    assert len(s3.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 1
    days_pass(1)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_more_objects_than_a_slice_expire_in_the_same_run(s3: Any, bucket: str, days_pass: Pass) -> None:
    configure(s3, bucket, {"Filter": {"Prefix": "old"}, "Expiration": {"Days": 1}})
    for number in range(620):
        s3.put_object(Bucket=bucket, Key=f"{'old' if number % 2 else 'new'}-{number:04}", Body=b"")
    days_pass(2)
    found = keys(s3, bucket)
    assert len(found) == 310
    assert all(key.startswith("new") for key in found)


def test_without_its_configuration_nothing_expires(s3: Any, bucket: str, days_pass: Pass) -> None:
    configure(s3, bucket, {"Expiration": {"Days": 1}})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.delete_bucket_lifecycle(Bucket=bucket)
    days_pass(3)
    assert keys(s3, bucket) == ["k"]
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)


def test_a_rule_without_an_id_is_given_one(s3: Any, bucket: str) -> None:
    configuration = {"Rules": [{"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=configuration)
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert len(rule["ID"]) > 20


TAG = {"Key": "a", "Value": "b"}


@pytest.mark.parametrize(
    ("rule", "refusal"),
    [
        ({"Filter": {"Prefix": "", "Tag": TAG}, "Expiration": {"Days": 1}}, "MalformedXML"),
        ({"Prefix": "x", "Expiration": {"Days": 1}}, "MalformedXML"),
        ({"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}, "MalformedXML"),
        ({}, "InvalidRequest.*At least one action needs to be specified in a rule"),
        ({"ID": "x" * 256, "Expiration": {"Days": 1}}, "InvalidArgument.*ID length should not exceed"),
        ({"Expiration": {"Days": 0}}, "InvalidArgument.*'Days' for Expiration action must be a positive integer"),
        (
            {"Transitions": [{"Days": 29, "StorageClass": "STANDARD_IA"}]},
            "'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'",
        ),
        (
            {"Expiration": {"Days": 5}, "Transitions": [{"Days": 5, "StorageClass": "GLACIER"}]},
            r"'Days' in the Expiration action for filter '\(\)' must be greater than 'Days' in the Transition action",
        ),
        (
            {"Filter": {"Tag": TAG}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
            "InvalidRequest.*AbortIncompleteMultipartUpload cannot be specified with Tags",
        ),
        ({"NoncurrentVersionExpiration": {"NewerNoncurrentVersions": 1}}, "MalformedXML"),
        ({"Transitions": [{"Days": 1, "StorageClass": "FRIDGE"}]}, "MalformedXML"),
    ],
)
def test_a_rule_that_says_too_much_or_too_little_is_refused(
    s3: Any, bucket: str, rule: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(ClientError, match=refusal):
        configure(s3, bucket, rule)
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)


def test_a_rule_may_say_that_it_leaves_markers_alone(s3: Any, bucket: str) -> None:
    configure(s3, bucket, {"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": False}})


def test_ids_of_rules_differ(s3: Any, bucket: str) -> None:
    rule = {"ID": "same", "Expiration": {"Days": 1}}
    with pytest.raises(ClientError, match=r"InvalidArgument.*Rule ID must be unique\."):
        configure(s3, bucket, rule, rule)


def test_an_upload_tells_when_it_is_aborted(s3: Any, bucket: str, clock: MovableClock) -> None:
    configure(s3, bucket, {"ID": "tidy", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}})
    created = s3.create_multipart_upload(Bucket=bucket, Key="k")
    assert created["AbortDate"].timestamp() == (clock.now_ms() // DAY_MS + 3) * DAY_S
    assert created["AbortRuleId"] == "tidy"
    listed = s3.list_parts(Bucket=bucket, Key="k", UploadId=created["UploadId"])
    assert (listed["AbortDate"], listed["AbortRuleId"]) == (created["AbortDate"], "tidy")


def test_a_locked_version_outlives_its_rule(s3: Any, account: str, days_pass: Pass) -> None:
    locked = f"locked-{account}"
    s3.create_bucket(Bucket=locked, ObjectLockEnabledForBucket=True)
    configure(s3, locked, {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}})
    s3.put_object(Bucket=locked, Key="free", Body=b"1")
    s3.put_object(Bucket=locked, Key="held", Body=b"1", ObjectLockLegalHoldStatus="ON")
    for key in ("free", "held"):
        s3.delete_object(Bucket=locked, Key=key)
    days_pass(2)
    assert [row["Key"] for row in s3.list_object_versions(Bucket=locked)["Versions"]] == ["held"]


def test_notifications_hear_of_what_rules_do(aws: Any, s3: Any, bucket: str, days_pass: Pass) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="expired")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}],
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    wanted = {"QueueArn": arn, "Events": ["s3:LifecycleExpiration:*", "s3:LifecycleTransition"]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [wanted]})
    transition = {"Days": 1, "StorageClass": "GLACIER_IR"}
    configure(
        s3,
        bucket,
        {"Filter": {"Prefix": "old"}, "Expiration": {"Days": 1}},
        {"Filter": {"Prefix": "cold"}, "Transitions": [transition]},
    )
    s3.put_object(Bucket=bucket, Key="old", Body=b"1")
    s3.put_object(Bucket=bucket, Key="cold", Body=bytes(200_000))
    days_pass(2)
    told: set[tuple[str, str]] = set()
    while len(told) < 2:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)["Messages"]:
            for record in json.loads(message["Body"]).get("Records", []):
                told.add((record["s3"]["object"]["key"], record["eventName"]))
    assert told == {("old", "LifecycleExpiration:Delete"), ("cold", "LifecycleTransition")}
