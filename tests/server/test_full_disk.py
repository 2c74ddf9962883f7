"""A disk that takes no more: here a limit on the size of files, which needs no disk of its own."""

import itertools
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import LiveServer

MB = 1024 * 1024
LIMIT_BYTES = 4 * MB


class SmallDisk:
    """A server and the limit that is put upon it."""

    def __init__(self, server: LiveServer) -> None:
        self._server = server
        status = server.admin("GET", "status")
        self._pid = status["pid"]
        self.folder = Path(status["data"])

    def client(self, service: str) -> Any:
        return self._server.client(service, account="1" * 12)

    def fill(self) -> None:
        self._limit(LIMIT_BYTES)

    def make_room(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, file_bytes: int) -> None:
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (file_bytes, resource.RLIM_INFINITY))


@pytest.fixture(params=["process", "disk"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallDisk]:
    server = LiveServer("--data", str(tmp_path / "data"), "--sync", request.param)
    yield SmallDisk(server)
    server.stop()


def _refused(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "ServiceUnavailable" and "no space left" in str(error)


def test_a_full_disk_refuses_what_is_new_and_keeps_what_there_is(disk: SmallDisk) -> None:
    s3 = disk.client("s3")
    s3.create_bucket(Bucket="full")
    kept = {"small": b"s" * 1000, "large": b"l" * (2 * MB)}
    for key, body in kept.items():
        s3.put_object(Bucket="full", Key=key, Body=body)
    disk.fill()
    place = {"Bucket": "full", "Key": "parts"}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    with pytest.raises(ClientError) as refusal:
        s3.put_object(Bucket="full", Key="too large", Body=b"x" * (LIMIT_BYTES + 1))
    assert _refused(refusal.value)
    with pytest.raises(ClientError) as refusal:
        s3.upload_part(**upload, PartNumber=1, Body=b"x" * (LIMIT_BYTES + 1))
    assert _refused(refusal.value)
    with pytest.raises(ClientError) as refusal:  # Bodies that lie in the store, until that is full as well.
        for number in itertools.count():
            key, body = f"small {number}", b"%05d" % number * 2000
            s3.put_object(Bucket="full", Key=key, Body=body)
            kept[key] = body
    assert _refused(refusal.value)
    assert {key: s3.get_object(Bucket="full", Key=key)["Body"].read() for key in kept} == kept
    assert {row["Key"] for row in s3.list_objects_v2(Bucket="full")["Contents"]} == kept.keys()
    assert sum(file.is_file() for file in (disk.folder / "blobs").rglob("*")) == 1
    disk.make_room()
    s3.put_object(Bucket="full", Key="too large", Body=b"x" * (LIMIT_BYTES + 1))
    s3.delete_object(Bucket="full", Key="large")
    assert s3.get_object(Bucket="full", Key="too large")["ContentLength"] == LIMIT_BYTES + 1
