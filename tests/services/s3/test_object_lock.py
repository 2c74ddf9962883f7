"""Object Lock: retention, legal holds, and what they forbid."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

DAY = timedelta(days=1)


@pytest.fixture
def locked(s3: Any, bucket: str) -> str:
    """A bucket with Object Lock and no default retention."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    return bucket


def now(clock: Any) -> datetime:
    return datetime.fromtimestamp(clock.now_ms() / 1000, UTC)


def retain(s3: Any, bucket: str, mode: str, until: datetime, **options: Any) -> None:
    s3.put_object_retention(Bucket=bucket, Key="k", Retention={"Mode": mode, "RetainUntilDate": until}, **options)


def test_a_retained_version_stays_until_its_date(s3: Any, locked: str, clock: Any) -> None:
    until = now(clock) + DAY
    version = s3.put_object(
        Bucket=locked, Key="k", Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until
    )["VersionId"]
    head = s3.head_object(Bucket=locked, Key="k")
    assert head["ObjectLockMode"] == "COMPLIANCE"
    assert abs(head["ObjectLockRetainUntilDate"] - until) < timedelta(seconds=1)
    for options in ({}, {"BypassGovernanceRetention": True}):
        with pytest.raises(ClientError, match="Access Denied because object protected by object lock"):
            s3.delete_object(Bucket=locked, Key="k", VersionId=version, **options)
    (error,) = s3.delete_objects(Bucket=locked, Delete={"Objects": [{"Key": "k", "VersionId": version}]})["Errors"]
    assert (error["Code"], error["VersionId"]) == ("AccessDenied", version)
    clock.advance(s=86_400)
    s3.delete_object(Bucket=locked, Key="k", VersionId=version)
    assert "Versions" not in s3.list_object_versions(Bucket=locked)


def test_a_lock_does_not_keep_a_delete_marker_away(s3: Any, locked: str, clock: Any) -> None:
    version = s3.put_object(Bucket=locked, Key="k", ObjectLockLegalHoldStatus="ON")["VersionId"]
    marker = s3.delete_object(Bucket=locked, Key="k")["VersionId"]
    with pytest.raises(ClientError) as refused:
        s3.get_object_retention(Bucket=locked, Key="k", VersionId=marker)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 405
    s3.delete_object(Bucket=locked, Key="k", VersionId=marker)
    assert s3.head_object(Bucket=locked, Key="k")["VersionId"] == version


def test_governance_gives_way_to_those_who_bypass_it(s3: Any, locked: str, clock: Any) -> None:
    version = s3.put_object(Bucket=locked, Key="k")["VersionId"]
    retain(s3, locked, "GOVERNANCE", now(clock) + DAY)
    with pytest.raises(ClientError, match="protected by object lock"):
        s3.delete_object(Bucket=locked, Key="k", VersionId=version)
    s3.delete_object(Bucket=locked, Key="k", VersionId=version, BypassGovernanceRetention=True)


# The retention that is there (until so many days from now), the one that is wanted, and whether with the bypass.
ALLOWED = [
    (("GOVERNANCE", 2), ("GOVERNANCE", 3), False),
    (("GOVERNANCE", 2), ("COMPLIANCE", 2), False),
    (("GOVERNANCE", 2), ("GOVERNANCE", 1), True),
    (("GOVERNANCE", 2), None, True),
    (("COMPLIANCE", 2), ("COMPLIANCE", 3), False),
]
REFUSED = [
    (("GOVERNANCE", 2), ("GOVERNANCE", 1), False),
    (("GOVERNANCE", 2), None, False),
    (("COMPLIANCE", 2), ("COMPLIANCE", 1), True),
    (("COMPLIANCE", 2), ("GOVERNANCE", 3), True),
    (("COMPLIANCE", 2), None, True),
]


def change_retention(s3: Any, bucket: str, begin: datetime, there: Any, wanted: Any, *, bypass: bool) -> None:
    s3.put_object(Bucket=bucket, Key="k")
    retain(s3, bucket, there[0], begin + there[1] * DAY)
    retention = {"Mode": wanted[0], "RetainUntilDate": begin + wanted[1] * DAY} if wanted else {}
    s3.put_object_retention(Bucket=bucket, Key="k", Retention=retention, BypassGovernanceRetention=bypass)


@pytest.mark.parametrize(("there", "wanted", "bypass"), ALLOWED)
def test_a_retention_may_be_made_stronger(
    s3: Any, locked: str, clock: Any, there: Any, wanted: Any, bypass: bool
) -> None:
    change_retention(s3, locked, now(clock), there, wanted, bypass=bypass)


@pytest.mark.parametrize(("there", "wanted", "bypass"), REFUSED)
def test_a_retention_may_not_be_made_weaker(
    s3: Any, locked: str, clock: Any, there: Any, wanted: Any, bypass: bool
) -> None:
    with pytest.raises(ClientError, match="protected by object lock"):
        change_retention(s3, locked, now(clock), there, wanted, bypass=bypass)


def test_a_retention_that_has_ended_binds_nobody(s3: Any, locked: str, clock: Any) -> None:
    s3.put_object(Bucket=locked, Key="k")
    retain(s3, locked, "COMPLIANCE", now(clock) + DAY)
    clock.advance(s=2 * 86_400)
    retain(s3, locked, "GOVERNANCE", now(clock) + DAY)
    assert s3.get_object_retention(Bucket=locked, Key="k")["Retention"]["Mode"] == "GOVERNANCE"


def test_a_legal_hold_stays_until_it_is_lifted(s3: Any, locked: str) -> None:
    version = s3.put_object(Bucket=locked, Key="k")["VersionId"]
    with pytest.raises(ClientError, match="does not have a ObjectLock configuration"):
        s3.get_object_legal_hold(Bucket=locked, Key="k")
    s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "ON"})
    with pytest.raises(ClientError, match="protected by object lock"):
        s3.delete_object(Bucket=locked, Key="k", VersionId=version, BypassGovernanceRetention=True)
    s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "OFF"})
    assert s3.head_object(Bucket=locked, Key="k")["ObjectLockLegalHoldStatus"] == "OFF"
    s3.delete_object(Bucket=locked, Key="k", VersionId=version)


def test_every_new_version_gets_the_buckets_default_retention(s3: Any, locked: str, clock: Any) -> None:
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Years": 1}}
    s3.put_object_lock_configuration(
        Bucket=locked, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    s3.put_object(Bucket=locked, Key="put", Body=b"x")
    s3.copy_object(Bucket=locked, Key="copied", CopySource=f"{locked}/put")
    upload = s3.create_multipart_upload(Bucket=locked, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=locked, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(
        Bucket=locked, Key="parts", UploadId=upload,
        MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]},
    )  # fmt: skip
    for key in ("put", "copied", "parts"):
        head = s3.head_object(Bucket=locked, Key=key)
        assert head["ObjectLockMode"] == "GOVERNANCE"
        assert 364 * DAY < head["ObjectLockRetainUntilDate"] - head["LastModified"] < 367 * DAY
    own = now(clock) + DAY
    s3.put_object(Bucket=locked, Key="own", Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=own)
    assert s3.head_object(Bucket=locked, Key="own")["ObjectLockMode"] == "COMPLIANCE"


def test_a_copy_leaves_the_lock_of_its_source_behind(s3: Any, locked: str, clock: Any) -> None:
    s3.put_object(Bucket=locked, Key="k", ObjectLockLegalHoldStatus="ON")
    s3.copy_object(Bucket=locked, Key="copied", CopySource=f"{locked}/k")
    assert "ObjectLockLegalHoldStatus" not in s3.head_object(Bucket=locked, Key="copied")


def test_locks_need_a_bucket_that_has_them(s3: Any, bucket: str, clock: Any) -> None:
    with pytest.raises(ClientError, match=r"MissingRequestBodyError.*Request Body is empty"):
        s3.put_object_lock_configuration(Bucket=bucket)
    with pytest.raises(ClientError, match="Versioning must be 'Enabled'"):
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    with pytest.raises(ClientError, match="Bucket is missing Object Lock Configuration"):
        s3.put_object(Bucket=bucket, Key="k", ObjectLockLegalHoldStatus="ON")
    s3.put_object(Bucket=bucket, Key="k")
    with pytest.raises(ClientError, match="Bucket is missing Object Lock Configuration"):
        retain(s3, bucket, "GOVERNANCE", now(clock) + DAY)
    with pytest.raises(ClientError, match="only applicable to Object Lock enabled buckets"):
        s3.delete_object(Bucket=bucket, Key="k", BypassGovernanceRetention=True)


def test_a_retention_needs_both_its_parts_and_a_date_to_come(s3: Any, locked: str, clock: Any) -> None:
    with pytest.raises(ClientError, match="must both be supplied"):
        s3.put_object(Bucket=locked, Key="k", ObjectLockMode="GOVERNANCE")
    with pytest.raises(ClientError, match="Unknown wormMode directive"):
        s3.put_object(Bucket=locked, Key="k", ObjectLockMode="BAD", ObjectLockRetainUntilDate=now(clock) + DAY)
    s3.put_object(Bucket=locked, Key="k")
    with pytest.raises(ClientError, match="The retain until date must be in the future!"):
        retain(s3, locked, "GOVERNANCE", now(clock) - DAY)


def test_an_object_with_a_lock_is_written_with_a_checksum(s3: Any, locked: str) -> None:
    s3.meta.config.request_checksum_calculation = "when_required"
    with pytest.raises(ClientError, match="is required for Put Object requests with Object Lock parameters"):
        s3.put_object(Bucket=locked, Key="k", Body=b"x", ObjectLockLegalHoldStatus="ON")
    digest = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    s3.put_object(Bucket=locked, Key="k", Body=b"x", ObjectLockLegalHoldStatus="ON", ContentMD5=digest)
