"""S3: small objects under load, large ones one at a time, lists of a large bucket, a large multipart upload.

A plain file server takes part where it can: it stores a PUT and answers a GET, and knows neither lists nor uploads.
"""

import hashlib
import itertools
import os
import re
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from bench.load import Outcome, Session, Unexpected, drive
from bench.recording import Recorder, client
from bench.servers import Running
from bench.table import Figure

MB = 1024 * 1024
GB = 1024 * MB
CONNECTIONS = 64
# Different objects that requests take turns at.
VARIETY = {1024: 500, MB: 64}
BUCKET = "bench"
PART_BYTES = 64 * MB
READERS = 64
LIST_CALLS = 20
# A server that takes longer to be filled is measured with what it holds by then.
FILL_LIMIT_S = 300.0
_CHUNK = 1024 * 1024


def _body(size: int, number: int = 0) -> bytes:
    return number.to_bytes(8, "big") + os.urandom(size - 8) if size <= MB else os.urandom(size)


def _make_bucket(server: Running) -> None:
    if not server.peer.program:
        client("s3", server.endpoint).create_bucket(Bucket=BUCKET)


# ---- small objects under load ----------------------------------------------------------------------------------


def put_objects(size: int) -> Callable[[Running, float], Outcome]:
    def run(server: Running, seconds: float) -> Outcome:
        _make_bucket(server)
        record = Recorder("s3", server.endpoint).request
        bodies = {number: _body(size, number) for number in range(VARIETY[size])}
        requests = {n: record("put_object", Bucket=BUCKET, Key=_key(n), Body=body) for n, body in bodies.items()}
        put: set[int] = set()

        def session(start: int) -> Session:
            for turn in itertools.count(start * 17):
                number = turn % len(bodies)
                yield requests[number]
                put.add(number)

        outcome = drive(server, session, connections=CONNECTIONS, seconds=seconds)
        check = _get_session(record, {number: bodies[number] for number in put}, once=True)
        _add_errors(outcome, drive(server, check, connections=1, seconds=60, warm_up=0))
        return outcome

    return run


def get_objects(size: int) -> Callable[[Running, float], Outcome]:
    def run(server: Running, seconds: float) -> Outcome:
        _make_bucket(server)
        record = Recorder("s3", server.endpoint).request
        bodies = {number: _body(size, number) for number in range(VARIETY[size])}

        def fill(_: int) -> Session:
            for number, body in bodies.items():
                yield record("put_object", Bucket=BUCKET, Key=_key(number), Body=body)

        filled = drive(server, fill, connections=1, seconds=60, warm_up=0)
        outcome = drive(server, _get_session(record, bodies), connections=CONNECTIONS, seconds=seconds)
        _add_errors(outcome, filled)
        return outcome

    return run


def _add_errors(outcome: Outcome, more: Outcome) -> None:
    outcome.errors += more.errors
    outcome.first_error = outcome.first_error or more.first_error


def _key(number: int) -> str:
    return f"user-{number // 10:04d}/object-{number:05d}"


def _get_session(
    record: Callable[..., bytes], bodies: dict[int, bytes], *, once: bool = False
) -> Callable[[int], Session]:
    requests = [
        (record("get_object", Bucket=BUCKET, Key=_key(number)), body) for number, body in sorted(bodies.items())
    ]

    def session(number: int) -> Session:
        start = number * 17 % len(requests)
        turns = requests[start:] + requests[:start]
        for request, body in turns if once else itertools.cycle(turns):
            if (yield request) != body:
                raise Unexpected("a body came back other than it was sent")

    return session


# ---- large objects ---------------------------------------------------------------------------------------------


@dataclass
class Source:
    """A file of 1 GB, no two MB of which are alike."""

    path: Path
    md5: str


@contextmanager
def source() -> Iterator[Source]:
    with tempfile.TemporaryDirectory(prefix="bench-source-") as folder:
        path, digest, block = Path(folder) / "source", hashlib.md5(), os.urandom(MB - 8)
        with path.open("wb") as file:
            for number in range(GB // MB):
                part = number.to_bytes(8, "big") + block
                digest.update(part)
                file.write(part)
        yield Source(path, digest.hexdigest())


class _Raw:
    """One connection; bodies go from and to it in large pieces."""

    def __init__(self, server: Running) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=600)

    def __enter__(self) -> "_Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(
        self, method: str, path: str, *headers: str, body: Path | None = None, first: int = 0, length: int = 0
    ) -> None:
        credential = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request"
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: localhost",
            f"Authorization: {credential}, SignedHeaders=host, Signature=0",
            "x-amz-content-sha256: UNSIGNED-PAYLOAD",
            f"Content-Length: {length}",
            *headers,
        ]
        self._socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        if body is not None:
            with body.open("rb") as file:
                self._socket.sendfile(file, first, length)

    def ask(self, request: bytes) -> bytes:
        """The body of the answer to a request."""
        self._socket.sendall(request)
        body = bytearray()
        self.read(body.extend)
        return bytes(body)

    def answer(self) -> tuple[bytes, bytearray]:
        """The head and what came of the body with it."""
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            piece = self._socket.recv(65536)
            if not piece:
                raise Unexpected(f"the connection ended after {bytes(received[:200])!r}")
            received += piece
        head = bytes(received[:end])
        if head[9:10] != b"2":
            raise Unexpected(bytes(received[:500]).decode(errors="replace"))
        return head, received[end + 4 :]

    def read(self, take: Callable[[memoryview], object] = len) -> int:
        """The size of an answer's body, all of which was read."""
        head, begun = self.answer()
        found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        if found is None:
            raise Unexpected("a body without a length")
        take(memoryview(begun))
        buffer = memoryview(bytearray(_CHUNK))
        size, left = int(found[1]), int(found[1]) - len(begun)
        while left:
            got = self._socket.recv_into(buffer, min(left, _CHUNK))
            if not got:
                raise Unexpected(f"{left} bytes of a body are missing")
            take(buffer[:got])
            left -= got
        return size


def large_objects(server: Running) -> Iterator[Figure]:
    with source() as file:
        with _Raw(server) as raw:
            started = time.perf_counter()
            raw.send("PUT", f"/{BUCKET}/large", body=file.path, length=GB)
            raw.answer()
            yield _rate("S3 PutObject of 1 GB", started)
        with _Raw(server) as raw:
            digest = hashlib.md5()
            raw.send("GET", f"/{BUCKET}/large")
            raw.read(digest.update)
            if digest.hexdigest() != file.md5:
                raise Unexpected("1 GB came back other than it was sent")
        with _Raw(server) as raw:
            started = time.perf_counter()
            raw.send("GET", f"/{BUCKET}/large")
            if raw.read() != GB:
                raise Unexpected("a body of another length")
            yield _rate("S3 GetObject of 1 GB", started)
        yield ranges(server)
        if server.peer.program:
            yield from _written_by_dd(file)


def ranges(server: Running) -> Figure:
    """Each reader reads its own part of the object, all at once."""
    step = GB // READERS
    failures: list[str] = []

    def read(number: int) -> None:
        try:
            with _Raw(server) as raw:
                raw.send("GET", f"/{BUCKET}/large", f"Range: bytes={number * step}-{(number + 1) * step - 1}")
                if raw.read() != step:
                    failures.append("a range of another length")
        except (OSError, Unexpected) as error:
            failures.append(str(error))

    readers = [threading.Thread(target=read, args=(number,)) for number in range(READERS)]
    started = time.perf_counter()
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    if failures:
        raise Unexpected(failures[0])
    return _rate(f"S3 GetObject, {READERS} ranges of 1 GB at once", started)


def _written_by_dd(file: Source) -> Iterator[Figure]:
    """What the disk takes: a copy of the file, in the page cache and flushed."""
    for name, options in (("dd of 1 GB", ()), ("dd of 1 GB, flushed", ("conv=fsync",))):
        target = file.path.with_name("copy")
        started = time.perf_counter()
        subprocess.run(["dd", f"if={file.path}", f"of={target}", "bs=1M", *options], check=True, capture_output=True)
        yield _rate(name, started)
        target.unlink()


def _rate(name: str, started: float, size: int = GB) -> Figure:
    return Figure(name, "MB/s", size / 1e6 / (time.perf_counter() - started), higher_is_better=True)


# ---- a large multipart upload ----------------------------------------------------------------------------------


def multipart_upload(server: Running, gigabytes: int) -> Iterator[Figure]:
    """Parts of 64 MB one after the other, and the most memory that the server ever had."""
    s3 = client("s3", server.endpoint)
    size = (gigabytes if server.peer.ours else 1) * GB
    note = "" if server.peer.ours else "1 GB: it keeps bodies in memory"
    place = {"Bucket": BUCKET, "Key": "parts"}
    with source() as file:
        upload_id = s3.create_multipart_upload(**place)["UploadId"]
        parts = []
        started = time.perf_counter()
        with _Raw(server) as raw:
            for number in range(1, size // PART_BYTES + 1):
                first = (number - 1) * PART_BYTES % GB
                path = f"/{BUCKET}/parts?partNumber={number}&uploadId={upload_id}"
                raw.send("PUT", path, body=file.path, first=first, length=PART_BYTES)
                head, _ = raw.answer()
                etag = re.search(rb"\r\netag: *([^\r]+)", head, re.IGNORECASE)
                parts.append({"PartNumber": number, "ETag": etag[1].decode() if etag is not None else ""})
        s3.complete_multipart_upload(**place, UploadId=upload_id, MultipartUpload={"Parts": parts})
        spent = _rate(f"S3 multipart upload of {gigabytes} GB", started, size)
    if s3.head_object(**place)["ContentLength"] != size:
        raise Unexpected("the object has another length than its parts")
    yield Figure(spent.name, spent.unit, spent.value, note, higher_is_better=True)
    yield Figure("S3 most memory in a multipart upload (RSS)", "MB", server.peak_memory_mb(), note)


# ---- lists -----------------------------------------------------------------------------------------------------


def lists(server: Running, keys: int) -> Iterator[Figure]:
    """Pages of a small bucket, and of a large one behind its middle: of keys, and of common prefixes."""
    record = Recorder("s3", server.endpoint).request
    held = 0
    for size in (1_000, keys):
        held = _fill(server, record, held, size)
        behind = f"{held // 2_000:06d}/~" if held > 1_000 else ""
        note = f"{held:,} keys: it did not take more in {FILL_LIMIT_S:.0f} s" if held < size else ""
        for kind, more, least in (("keys", {}, 1_000 if held >= 3_000 else 1), ("prefixes", {"Delimiter": "/"}, 1)):
            request = record("list_objects_v2", Bucket="lists", StartAfter=behind, **more)
            spent = [_listing_ms(server, request, least) for _ in range(LIST_CALLS)]
            yield Figure(f"S3 page of {kind} of {size:,} keys", "ms", statistics.median(spent), note)


def _listing_ms(server: Running, request: bytes, least: int) -> float:
    with _Raw(server) as raw:
        started = time.perf_counter()
        page = raw.ask(request)
        spent = (time.perf_counter() - started) * 1000
    found = re.search(rb"<KeyCount>(\d+)</KeyCount>", page)
    if found is None or int(found[1]) < least:
        raise Unexpected(f"a page of {found[1].decode() if found is not None else 'nothing'}")
    return spent


def _listed(number: int) -> str:
    return f"{number // 1_000:06d}/{number:09d}"


def _fill(server: Running, record: Callable[..., bytes], start: int, end: int) -> int:
    """Put empty objects; how many there are then."""
    if start == 0:
        client("s3", server.endpoint).create_bucket(Bucket="lists")
    head, _, tail = record("put_object", Bucket="lists", Key="KEY", Body=b"").partition(b"KEY")
    numbers = iter(range(start, end))
    last = start

    def session(_: int) -> Session:
        nonlocal last
        while (number := next(numbers, None)) is not None:
            last = number + 1
            yield head + _listed(number).encode() + tail

    outcome = drive(server, session, connections=CONNECTIONS, seconds=FILL_LIMIT_S, warm_up=0)
    if outcome.errors:
        raise Unexpected(f"{outcome.errors} objects could not be put: {outcome.first_error}")
    return last


def singles(server: Running, *, keys: int, gigabytes: int) -> list[Figure]:
    """What is measured one at a time; a failure ends the kind that it is in."""
    found: list[Figure] = []
    _make_bucket(server)
    kinds = [("S3 large objects", large_objects(server))]
    if not server.peer.program:
        kinds += [("S3 multipart upload", multipart_upload(server, gigabytes)), ("S3 lists", lists(server, keys))]
    for name, figures in kinds:
        try:
            found.extend(figures)
        except (ClientError, BotoCoreError, OSError, Unexpected) as error:
            found.append(Figure(name, "", None, str(error)[:90]))
    return found
