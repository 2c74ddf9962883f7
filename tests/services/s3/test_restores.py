"""Archived objects: they cannot be read until they are restored, and not for longer than that."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import MovableClock
from tests.queues import taken

DAY_S, HOUR_S, MINUTE_S = 86_400, 3_600, 60


def refusal(call: Any, **parameters: Any) -> dict[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error: dict[str, str] = caught.value.response["Error"]
    return error


@pytest.fixture
def archived(s3: Any, bucket: str) -> dict[str, str]:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", StorageClass="GLACIER")
    return {"Bucket": bucket, "Key": "k"}


def restore(s3: Any, place: dict[str, str], *, days: int = 1, tier: str | None = None) -> int:
    job = {"GlacierJobParameters": {"Tier": tier}} if tier is not None else {}
    answer = s3.restore_object(**place, RestoreRequest={"Days": days, **job})
    status: int = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status


def test_an_archived_object_is_described_and_not_read(s3: Any, bucket: str, archived: dict[str, str]) -> None:
    error = refusal(s3.get_object, **archived)
    assert (error["Code"], error["StorageClass"]) == ("InvalidObjectState", "GLACIER")
    head = s3.head_object(**archived)
    assert (head["StorageClass"], "Restore" in head) == ("GLACIER", False)
    error = refusal(s3.copy_object, Bucket=bucket, Key="x", CopySource=archived)
    assert error["Code"] == "ObjectNotInActiveTierError"


@pytest.mark.parametrize(
    ("storage_class", "readable"),
    [
        ("STANDARD", True),
        ("REDUCED_REDUNDANCY", True),
        ("STANDARD_IA", True),
        ("ONEZONE_IA", True),
        ("INTELLIGENT_TIERING", True),
        ("GLACIER_IR", True),
        ("GLACIER", False),
        ("DEEP_ARCHIVE", False),
    ],
)
def test_two_storage_classes_are_archives(s3: Any, bucket: str, storage_class: str, readable: bool) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**place, Body=b"1", StorageClass=storage_class)
    attributes = s3.get_object_attributes(**place, ObjectAttributes=["StorageClass"])
    assert attributes["StorageClass"] == storage_class
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"] == storage_class
    if readable:
        assert s3.get_object(**place)["Body"].read() == b"1"
    else:
        assert refusal(s3.get_object, **place)["Code"] == "InvalidObjectState"


def test_each_version_is_restored_for_itself(s3: Any, bucket: str, clock: MovableClock) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    place = {"Bucket": bucket, "Key": "k"}
    first, second = (
        {**place, "VersionId": s3.put_object(**place, Body=body, StorageClass="GLACIER")["VersionId"]}
        for body in (b"1", b"2")
    )
    restore(s3, first, tier="Expedited")
    clock.advance(s=6 * MINUTE_S)
    assert s3.get_object(**first)["Body"].read() == b"1"
    assert refusal(s3.get_object, **second)["Code"] == "InvalidObjectState"


@pytest.mark.parametrize(
    ("storage_class", "tier", "seconds"),
    [
        ("GLACIER", "Expedited", 5 * MINUTE_S),
        ("GLACIER", None, 5 * HOUR_S),
        ("GLACIER", "Bulk", 12 * HOUR_S),
        ("DEEP_ARCHIVE", "Standard", 12 * HOUR_S),
        ("DEEP_ARCHIVE", "Bulk", 48 * HOUR_S),
    ],
)
def test_a_restore_takes_its_time_and_lasts_for_days(
    s3: Any, bucket: str, clock: MovableClock, storage_class: str, tier: str | None, seconds: int
) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**place, Body=b"1", StorageClass=storage_class)
    with clock.standing():
        assert restore(s3, place, days=2, tier=tier) == 202
        assert s3.head_object(**place)["Restore"] == 'ongoing-request="true"'
        clock.advance(s=seconds - 1)
        assert refusal(s3.get_object, **place)["Code"] == "InvalidObjectState"
        clock.advance(s=1)
    got = s3.get_object(**place)
    assert (got["Body"].read(), got["StorageClass"]) == (b"1", storage_class)
    ongoing, _, expiry = got["Restore"].partition(", ")
    assert ongoing == 'ongoing-request="false"'
    until = parsedate_to_datetime(expiry.removeprefix('expiry-date="').rstrip('"'))
    ready = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    assert (until.hour, until.minute, (until.date() - ready.date()).days) == (0, 0, 3)
    clock.advance(s=(until - ready).total_seconds() + 1)
    assert refusal(s3.get_object, **place)["Code"] == "InvalidObjectState"
    assert "Restore" not in s3.head_object(**place)


def test_one_restore_at_a_time_unless_it_is_made_faster(s3: Any, archived: dict[str, str], clock: MovableClock) -> None:
    assert restore(s3, archived, tier="Bulk") == 202
    for tier in ("Bulk", "Standard"):
        if tier == "Bulk":
            with pytest.raises(ClientError, match="RestoreAlreadyInProgress"):
                restore(s3, archived, tier=tier)
        else:
            assert restore(s3, archived, tier=tier) == 202
    clock.advance(s=5 * HOUR_S + 1)
    assert s3.get_object(**archived)["Body"].read() == b"1"


def test_a_restored_copy_is_kept_longer_on_request(s3: Any, archived: dict[str, str], clock: MovableClock) -> None:
    restore(s3, archived, tier="Expedited")
    clock.advance(s=6 * MINUTE_S)
    assert restore(s3, archived, days=10) == 200
    clock.advance(s=9 * DAY_S)
    assert s3.get_object(**archived)["Body"].read() == b"1"


def test_a_restored_object_can_be_copied_to_another_class(
    s3: Any, archived: dict[str, str], clock: MovableClock
) -> None:
    restore(s3, archived, tier="Expedited")
    clock.advance(s=6 * MINUTE_S)
    s3.copy_object(**archived, CopySource=archived, StorageClass="STANDARD")
    clock.advance(s=5 * DAY_S)
    assert s3.get_object(**archived)["Body"].read() == b"1"


def test_what_cannot_be_restored_is_refused(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="plain", Body=b"1", StorageClass="GLACIER_IR")
    s3.put_object(Bucket=bucket, Key="deep", Body=b"1", StorageClass="DEEP_ARCHIVE")
    request = {"Days": 1}
    error = refusal(s3.restore_object, Bucket=bucket, Key="plain", RestoreRequest=request)
    assert (error["Code"], error["StorageClass"]) == ("InvalidObjectState", "GLACIER_IR")
    expedited = {"Days": 1, "GlacierJobParameters": {"Tier": "Expedited"}}
    assert refusal(s3.restore_object, Bucket=bucket, Key="deep", RestoreRequest=expedited)["Code"] == "InvalidArgument"
    assert refusal(s3.restore_object, Bucket=bucket, Key="deep", RestoreRequest={})["Code"] == "MalformedXML"
    assert refusal(s3.restore_object, Bucket=bucket, Key="absent", RestoreRequest=request)["Code"] == "NoSuchKey"
    select = {"Type": "SELECT"}
    assert refusal(s3.restore_object, Bucket=bucket, Key="deep", RestoreRequest=select)["Code"] == "NotImplemented"


def test_whoever_listens_hears_of_a_restore(aws: Any, s3: Any, bucket: str, clock: MovableClock) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="restores")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    configuration = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectRestore:*"]}]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration=configuration, SkipDestinationValidation=True
    )
    place = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**place, Body=b"1", StorageClass="GLACIER")

    def heard() -> str:
        """What the next event is about."""
        (message,) = taken(sqs, url, 1)
        name: str = json.loads(message["Body"])["Records"][0]["eventName"]
        return name

    restore(s3, place, tier="Expedited")
    assert heard() == "ObjectRestore:Post"
    clock.advance(s=6 * MINUTE_S)
    assert heard() == "ObjectRestore:Completed"
    clock.advance(s=2 * DAY_S)
    assert heard() == "ObjectRestore:Delete"
