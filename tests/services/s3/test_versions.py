"""Versions and delete markers, as requests see them, and how they are found."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.core.cloud import Cloud
from fogbank.services.s3.records import NULL_VERSION, Bucket, ObjectVersion
from fogbank.services.s3.service import S3Service
from fogbank.services.s3.shelf import ENABLED, Shelf
from fogbank.services.s3.version_ids import new_version_id, place_of


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def refusal(call: Any, **parameters: Any) -> tuple[int, str, dict[str, str]]:
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    response = refused.value.response
    metadata = response["ResponseMetadata"]
    return metadata["HTTPStatusCode"], response["Error"]["Code"], metadata["HTTPHeaders"]


def test_reads_of_a_delete_marker_say_what_it_is(s3: Any, versioned: str) -> None:
    s3.put_object(Bucket=versioned, Key="k")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    for read in (s3.get_object, s3.head_object):
        status, _, headers = refusal(read, Bucket=versioned, Key="k")
        assert (status, headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == (404, "true", marker)
        status, _, headers = refusal(read, Bucket=versioned, Key="k", VersionId=marker)
        assert (status, headers["x-amz-delete-marker"], headers["allow"]) == (405, "true", "DELETE")
        assert headers["last-modified"].endswith(" GMT")


def test_an_id_that_was_never_given_out_is_told_from_one_that_is_gone(s3: Any, versioned: str) -> None:
    version = s3.put_object(Bucket=versioned, Key="k")["VersionId"]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=version)
    assert refusal(s3.get_object, Bucket=versioned, Key="k", VersionId=version)[:2] == (404, "NoSuchVersion")
    s3.delete_object(Bucket=versioned, Key="k", VersionId=version)  # once more is no error
    for bad in (version[:-4] + "ABCD", "nonsense"):
        assert refusal(s3.get_object, Bucket=versioned, Key="k", VersionId=bad)[:2] == (400, "InvalidArgument")
        assert refusal(s3.delete_object, Bucket=versioned, Key="k", VersionId=bad)[:2] == (400, "InvalidArgument")
    wanted = {"Objects": [{"Key": "k", "VersionId": "nonsense"}]}
    (error,) = s3.delete_objects(Bucket=versioned, Delete=wanted)["Errors"]
    assert error["Code"] == "NoSuchVersion"


def test_deleting_the_latest_version_brings_the_one_before_back(s3: Any, versioned: str) -> None:
    first = s3.put_object(Bucket=versioned, Key="k", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=versioned, Key="k", Body=b"2")["VersionId"]
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=marker)
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == second
    s3.delete_object(Bucket=versioned, Key="k", VersionId=second)
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == first


def test_a_suspended_bucket_has_one_null_version_and_keeps_the_others(s3: Any, versioned: str) -> None:
    kept = s3.put_object(Bucket=versioned, Key="k", Body=b"kept")["VersionId"]
    s3.put_bucket_versioning(Bucket=versioned, VersioningConfiguration={"Status": "Suspended"})
    for body in (b"1", b"2"):
        assert "VersionId" not in s3.put_object(Bucket=versioned, Key="k", Body=body)
    assert s3.get_object(Bucket=versioned, Key="k", VersionId="null")["Body"].read() == b"2"
    answer = s3.delete_object(Bucket=versioned, Key="k")
    assert (answer["DeleteMarker"], answer["VersionId"]) == (True, "null")
    listed = s3.list_object_versions(Bucket=versioned)
    assert [version["VersionId"] for version in listed["Versions"]] == [kept]
    assert [marker["VersionId"] for marker in listed["DeleteMarkers"]] == ["null"]


# ---- how they are found ---------------------------------------------------------------------------------------------


def test_an_id_says_its_place_and_a_changed_one_says_nothing() -> None:
    version_id = new_version_id(123_456)
    assert place_of(version_id) == 123_456
    assert len(version_id) == 32
    for at in range(32):
        changed = version_id[:at] + ("A" if version_id[at] != "A" else "B") + version_id[at + 1 :]
        assert place_of(changed) is None


def shelved(shelf: Shelf, cloud: Cloud, count: int) -> list[str]:
    """Versions of one key, the oldest a null version; their ids."""
    ids = [NULL_VERSION] + [new_version_id(sequence) for sequence in range(2, count + 1)]
    with cloud.store.transaction():
        for sequence, version_id in enumerate(ids, 1):
            bucket = Bucket("b", "1" * 12, "us-east-1", 0, versioning=ENABLED if sequence > 1 else "")
            shelf.put(bucket, "k", ObjectVersion(version_id, sequence, 0))
    return ids


def test_a_version_is_found_by_its_id_without_looking_at_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = Cloud(tmp_path, services={})
    s3 = S3Service(cloud)
    ids = shelved(s3._shelf, cloud, 50)
    with monkeypatch.context() as patched:
        patched.setattr(s3._tables.versions, "scan", lambda *_, **__: pytest.fail("versions are scanned"))
        for sequence, version_id in enumerate(ids, 1):
            found = s3._shelf.find("b", "k", version_id)
            assert found is not None
            assert found.sequence == sequence
        assert s3._shelf.find("b", "k", new_version_id(7)) is None
    cloud.store.close()


def test_a_version_that_comes_late_takes_its_place_behind_newer_ones(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, services={})
    s3 = S3Service(cloud)
    bucket = Bucket("b", "1" * 12, "us-east-1", 0, versioning=ENABLED)
    versions = [ObjectVersion(new_version_id(sequence), sequence, 0, size=1) for sequence in (3, 1, 2, 4)]
    with cloud.store.transaction():
        for version in versions:
            s3._shelf.insert(bucket, "k", version)
    shelved = [version.sequence for _, version in s3._tables.versions.scan(("b", "k"))]
    latest = s3._shelf.find("b", "k", None)
    assert latest is not None
    assert [latest.sequence, *shelved] == [4, 3, 2, 1]
    assert s3._usages.of_bucket("b")["STANDARD"].objects == 4
    cloud.store.close()


def test_versions_of_an_older_data_folder_are_found(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, services={})
    s3 = S3Service(cloud)
    (null, *_) = shelved(s3._shelf, cloud, 3)
    with cloud.store.transaction():  # as a folder was before ids said their place
        s3._tables.places.delete_all(("b",))
        s3._tables.counters.delete(("places",))
        s3._tables.versions.put(("b", "k", -2), ObjectVersion("an-id-of-before", 2, 0))
    again = S3Service(cloud)
    for version_id, sequence in ((null, 1), ("an-id-of-before", 2)):
        found = again._shelf.find("b", "k", version_id)
        assert found is not None
        assert found.sequence == sequence
    cloud.store.close()
