"""Large bodies in and out: nothing half-written stays, readers get the whole of what they began to read."""

import hashlib
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, LiveServer
from tests.patience import PATIENCE_S, eventually

MB = 1024 * 1024
LARGE = b"".join(number.to_bytes(4, "big") * 256 for number in range(8 * 1024))  # 8 MB, no two KB alike


@pytest.fixture
def blobs(server: LiveServer, bucket: str) -> "Files":
    return Files(Path(server.admin("GET", "status")["data"]) / "blobs")


class Files:
    """The files that have come up since."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before = self._names()

    def new(self) -> set[str]:
        return self._names() - self._before

    def _names(self) -> set[str]:
        return {file.name for file in self._folder.rglob("*") if file.is_file()}


class Raw:
    """A connection for requests in bytes."""

    def __init__(self, port: int, account: str, *, receive_bytes: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", port))
        self._credential = f"AWS4-HMAC-SHA256 Credential={account}/20260101/us-east-1/s3/aws4_request"
        self._stream = self.socket.makefile("rb")

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        given = {"Content-Length": str(len(body)), **{name.replace("_", "-"): text for name, text in headers.items()}}
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: {self._credential}, Signature=0"]
        lines += [f"{name}: {text}" for name, text in given.items()]
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def head(self) -> tuple[int, dict[str, str]]:
        status = int(self._stream.readline().split()[1])
        headers = {}
        while (line := self._stream.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers

    def answer(self) -> tuple[int, bytes]:
        status, headers = self.head()
        return status, self.read(int(headers.get("content-length", 0)))

    def read(self, size: int) -> bytes:
        return self._stream.read(size)

    def close(self) -> None:
        self._stream.close()
        self.socket.close()


@pytest.fixture
def connect(server: LiveServer, account: str) -> Iterator[Callable[..., Raw]]:
    made: list[Raw] = []

    def new(**options: Any) -> Raw:
        made.append(Raw(server.port, account, **options))
        return made[-1]

    yield new
    for raw in made:
        raw.close()


@pytest.mark.parametrize("size", [0, 1, 16 * 1024, 16 * 1024 + 1, 300_000, MB, MB + 1, 8 * MB])
def test_a_body_of_any_size_comes_back_as_it_was_sent(s3: Any, bucket: str, size: int) -> None:
    body = LARGE[:size]
    etag = s3.put_object(Bucket=bucket, Key="k", Body=body)["ETag"]
    assert etag == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["ContentLength"]) == (body, size)


def test_an_upload_that_breaks_off_leaves_nothing(
    s3: Any, bucket: str, blobs: Files, connect: Callable[..., Raw]
) -> None:
    framed = {"x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x_amz_decoded_content_length": str(9 * MB)}
    for headers, body in (({}, LARGE[: 3 * MB]), (framed, b"900000\r\n" + LARGE[: 3 * MB])):
        raw = connect()
        raw.send("PUT", f"/{bucket}/k", body, Content_Length=str(9 * MB), **headers)
        assert eventually(blobs.new)
        raw.close()
        assert eventually(lambda: not blobs.new())
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"Content_MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, LARGE, "BadDigest"),
        ({"x_amz_checksum_crc32": "AAAAAA=="}, LARGE, "BadDigest"),
        (
            {"x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x_amz_decoded_content_length": "7"},
            b"200000\r\n" + LARGE[: 2 * MB] + b"\r\n0\r\n\r\n",
            "IncompleteBody",
        ),
        (
            {"x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x_amz_decoded_content_length": "2097152"},
            b"200000\r\n" + LARGE[: 2 * MB] + b"\r\n",
            "IncompleteBody",
        ),
        ({"If_Match": '"other"'}, LARGE, "NoSuchKey"),
    ],
)
def test_an_upload_that_is_refused_leaves_nothing(
    s3: Any,
    bucket: str,
    blobs: Files,
    connect: Callable[..., Raw],
    headers: dict[str, str],
    body: bytes,
    code: str,
) -> None:
    raw = connect()
    raw.send("PUT", f"/{bucket}/k", body, **headers)
    status, error = raw.answer()
    assert status >= 400
    assert f"<Code>{code}</Code>".encode() in error
    assert eventually(lambda: not blobs.new())
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    raw.send("PUT", f"/{bucket}/k", b"the connection goes on")
    assert raw.answer()[0] == 200


def test_a_body_beyond_5_gib_is_refused_before_it_is_sent(bucket: str, connect: Callable[..., Raw]) -> None:
    raw = connect()
    raw.send("PUT", f"/{bucket}/k", Content_Length=str(5 * 1024**3 + 1), Expect="100-continue")
    status, error = raw.answer()
    assert status == 400
    assert b"<Code>EntityTooLarge</Code>" in error


def test_a_client_that_asks_first_is_told_to_send_or_refused(bucket: str, connect: Callable[..., Raw]) -> None:
    raw = connect()
    raw.send("PUT", f"/{bucket}/k", Content_Length=str(2 * MB), Expect="100-continue")
    assert raw.head() == (100, {})
    raw.socket.sendall(LARGE[: 2 * MB])
    assert raw.answer()[0] == 200
    raw.send("PUT", "/no-such-bucket-anywhere/k", Content_Length=str(2 * MB), Expect="100-continue")
    status, headers = raw.head()
    assert (status, headers["connection"]) == (404, "close")
    raw.read(int(headers["content-length"]))
    assert raw.read(1) == b""


def test_a_reader_gets_the_whole_of_an_object_that_is_overwritten_and_deleted(
    s3: Any, bucket: str, blobs: Files, connect: Callable[..., Raw]
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=LARGE)
    raw = connect(receive_bytes=64 * 1024)
    raw.send("GET", f"/{bucket}/k")
    assert raw.head()[0] == 200
    begun = raw.read(100)
    s3.put_object(Bucket=bucket, Key="k", Body=b"another" * 10_000)
    s3.delete_object(Bucket=bucket, Key="k")
    assert begun + raw.read(len(LARGE) - 100) == LARGE
    assert eventually(lambda: not blobs.new())


def test_files_and_small_bodies_leave_in_the_order_of_their_requests(
    s3: Any, bucket: str, connect: Callable[..., Raw]
) -> None:
    s3.put_object(Bucket=bucket, Key="large", Body=LARGE)
    s3.put_object(Bucket=bucket, Key="small", Body=b"small")
    raw = connect(receive_bytes=64 * 1024)
    order = ["small", "small", "large", "small", "large", "large", "small"] * 3
    for key in order:
        raw.send("GET", f"/{bucket}/{key}")
    for key in order:
        assert raw.answer() == (200, LARGE if key == "large" else b"small")


def test_a_client_that_has_said_all_it_has_to_say_is_answered(
    s3: Any, bucket: str, connect: Callable[..., Raw]
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=LARGE)
    raw = connect(receive_bytes=64 * 1024)
    raw.send("GET", f"/{bucket}/k")
    raw.socket.shutdown(socket.SHUT_WR)
    assert raw.answer() == (200, LARGE)
    assert raw.read(1) == b""


def test_a_reader_that_goes_away_or_reads_slowly_holds_up_nobody(
    s3: Any, bucket: str, blobs: Files, connect: Callable[..., Raw]
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=LARGE)
    slow = [connect(receive_bytes=4096) for _ in range(40)]
    for raw in slow:
        raw.send("GET", f"/{bucket}/k")
        assert raw.head()[0] == 200
    for raw in slow[1:]:
        raw.close()
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == LARGE
    s3.delete_object(Bucket=bucket, Key="k")
    assert slow[0].read(len(LARGE)) == LARGE
    assert eventually(lambda: not blobs.new())


def _parts(s3: Any, bucket: str, key: str, bodies: list[bytes]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    place = {"Bucket": bucket, "Key": key}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate(bodies, start=1)
    ]
    return upload, parts


def test_ranges_of_one_object_are_read_side_by_side(aws: Aws, s3: Any, bucket: str) -> None:
    bodies = [LARGE[: 5 * MB], LARGE[MB : 6 * MB], b"the end"]
    upload, parts = _parts(s3, bucket, "k", bodies)
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    whole = b"".join(bodies)
    step = len(whole) // 64 + 1

    def read(first: int) -> bytes:
        last = min(first + step, len(whole)) - 1
        body: bytes = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={first}-{last}")["Body"].read()
        return body

    with ThreadPoolExecutor(64) as pool:
        assert b"".join(pool.map(read, range(0, len(whole), step))) == whole


def test_space_comes_back_when_objects_parts_and_versions_go(s3: Any, bucket: str, blobs: Files) -> None:
    body = LARGE[:100_000]
    for _ in range(2):  # The second overwrites the first.
        s3.put_object(Bucket=bucket, Key="overwritten", Body=body)
    assert eventually(lambda: len(blobs.new()) == 1)
    s3.put_object(Bucket=bucket, Key="deleted", Body=body)
    upload, _ = _parts(s3, bucket, "aborted", [body, body])
    again, parts = _parts(s3, bucket, "completed", [body, body])
    s3.upload_part(**again, PartNumber=1, Body=body)  # In place of the first one's.
    s3.complete_multipart_upload(**again, MultipartUpload={"Parts": parts[:1]})
    assert eventually(lambda: len(blobs.new()) == 1 + 1 + 2 + 1)
    s3.abort_multipart_upload(**upload)
    s3.delete_object(Bucket=bucket, Key="deleted")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="overwritten", Body=body)["VersionId"]
    assert eventually(lambda: len(blobs.new()) == 2 + 1)
    s3.delete_object(Bucket=bucket, Key="overwritten", VersionId=version)
    named = [{"Key": key, "VersionId": "null"} for key in ("overwritten", "completed")]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": named})
    assert eventually(lambda: not blobs.new())
    s3.delete_bucket(Bucket=bucket)


def test_a_condition_that_no_longer_holds_when_the_body_is_there_leaves_nothing(
    s3: Any, bucket: str, blobs: Files, connect: Callable[..., Raw]
) -> None:
    raw = connect()
    raw.send("PUT", f"/{bucket}/k", LARGE[:MB], Content_Length=str(2 * MB), If_None_Match="*")
    assert eventually(blobs.new)
    s3.put_object(Bucket=bucket, Key="k", Body=b"first")
    raw.socket.sendall(LARGE[:MB])
    assert raw.answer()[0] == 412
    assert eventually(lambda: not blobs.new())
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"


def test_a_large_object_is_copied_whole(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="from", Body=LARGE)
    s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "from"})
    assert s3.get_object(Bucket=bucket, Key="to")["Body"].read() == LARGE
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "nothing"})
