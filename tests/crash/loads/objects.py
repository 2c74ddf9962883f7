"""Objects put, overwritten, deleted and made of parts, and versions of them.

What is found is whole, an object that was acknowledged is there, and no file is left that belongs to nothing.
"""

import asyncio
import hashlib
import json
import random
import re
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lmdb

from fogbank.core.keys import KeyCodec
from tests.crash.drain import PATIENCE_S
from tests.crash.kind import Bodies, Client, Kind
from tests.crash.ledger import Ledger, check_allowed
from tests.crash.wire import Wire

PLAIN, VERSIONED = "crash-plain", "crash-versioned"
KEYS = 10
PART_BYTES_MIN = 5 * 1024 * 1024
PAUSE_S = 0.02  # Between large bodies: the other kinds of load want their turns.


def _body(rng: random.Random, *, most: int = 2_000_000) -> bytes:
    """In the store, in a file, or in a file that is written while it arrives."""
    size = min(rng.choice((0, rng.randrange(2_000), rng.randrange(20_000, 200_000), 1_500_000)), most)
    return rng.randbytes(min(size, 4096)) * (size // 4096 + 1) if size else b""


def _digest(body: bytes) -> str:
    return hashlib.md5(body).hexdigest()


async def put_and_delete(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    """The value of a key is the MD5 of its object. Every worker has keys of its own."""
    for _ in range(1_000_000):
        key = f"{PLAIN}/{name.partition('.')[2]}-{rng.randrange(KEYS)}"
        before = next(iter(ledger.objects.get(key, {None})))
        body = None if rng.random() < 0.3 else _body(rng)
        after = None if body is None else _digest(body)
        ledger.objects[key] = {before, after}
        if body is None:
            await wire.rest("s3", "DELETE", f"/{key}")
        else:
            await wire.rest("s3", "PUT", f"/{key}", body)
        ledger.objects[key] = {after}
        ledger.acknowledged += 1
        await asyncio.sleep(PAUSE_S)


async def upload_parts(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    for number in range(1_000_000):
        key = f"{PLAIN}/{name.partition('.')[2]}-{rng.randrange(KEYS)}"
        _, answer = await wire.rest("s3", "POST", f"/{key}?uploads")
        upload = _between(answer, "UploadId")
        path = f"/{key}?uploadId={upload}"
        parts = ledger.parts[upload] = {}
        bodies = [_body(rng)] if number % 4 else [rng.randbytes(1024) * (PART_BYTES_MIN // 1024), _body(rng)]
        for part, body in enumerate(bodies, start=1):
            headers, _ = await wire.rest("s3", "PUT", f"{path}&partNumber={part}", body)
            parts[part] = headers["etag"]
            ledger.acknowledged += 1
        ledger.ending.add(upload)
        if rng.random() < 0.3:
            await wire.rest("s3", "DELETE", path)
        else:
            before = next(iter(ledger.objects.get(key, {None})))
            after = _digest(b"".join(bodies))
            ledger.objects[key] = {before, after}
            listed = "".join(
                f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>" for n, etag in parts.items()
            )
            done = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>"
            await wire.rest("s3", "POST", path, done.encode())
            ledger.objects[key] = {after}
        ledger.acknowledged += 1
        await asyncio.sleep(PAUSE_S * 5)


async def put_versions(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    """Versions, the oldest of which is deleted for good now and then; a marker in between."""
    mine: list[tuple[str, str]] = []
    for _ in range(1_000_000):
        key = f"{name.partition('.')[2]}-{rng.randrange(KEYS)}"
        if len(mine) > 3 and rng.random() < 0.4:
            place = mine.pop(0)
            ledger.versions[place] = {None, *ledger.versions[place]}
            await wire.rest("s3", "DELETE", f"/{VERSIONED}/{place[0]}?versionId={place[1]}")
            ledger.versions[place] = {None}
        elif rng.random() < 0.1:
            await wire.rest("s3", "DELETE", f"/{VERSIONED}/{key}")
        else:
            body = _body(rng, most=100_000)
            ledger.versions_begun.add(_digest(body))
            headers, _ = await wire.rest("s3", "PUT", f"/{VERSIONED}/{key}", body)
            place = key, headers["x-amz-version-id"]
            ledger.versions[place] = {_digest(body)}
            mine.append(place)
        ledger.acknowledged += 1
        await asyncio.sleep(PAUSE_S)


def prepare(client: Client) -> None:
    s3 = client("s3")
    for bucket in (PLAIN, VERSIONED):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})


async def check(client: Client, ledger: Ledger, found: Bodies) -> list[str]:
    s3 = client("s3")
    broken = _check_uploads(s3, ledger)
    objects: dict[str, str] = {}
    for row in _listed(s3, "list_objects_v2", "Contents", PLAIN):
        got = s3.get_object(Bucket=PLAIN, Key=row["Key"])
        digest = objects[f"{PLAIN}/{row['Key']}"] = _digest(got["Body"].read())
        etag = row["ETag"].strip('"')
        if "-" not in etag and etag != digest:
            broken.append(f"object {row['Key']}: its ETag is {etag}, and of what is read {digest}")
    versions: dict[tuple[str, str], str] = {}
    for row in _listed(s3, "list_object_versions", "Versions", VERSIONED):
        got = s3.get_object(Bucket=VERSIONED, Key=row["Key"], VersionId=row["VersionId"])
        digest = versions[row["Key"], row["VersionId"]] = _digest(got["Body"].read())
        if digest not in ledger.versions_begun:
            broken.append(f"version {row['VersionId']} of {row['Key']} is none that was sent")
    return [
        *broken,
        *check_allowed("object", ledger.objects, objects),
        *check_allowed("version", ledger.versions, versions),
        *await _check_files(s3.meta.endpoint_url),
    ]


def _check_uploads(s3: Any, ledger: Ledger) -> list[str]:
    """The parts of the uploads that the kill interrupted are there; the uploads are aborted."""
    broken = []
    there = {row["UploadId"]: row["Key"] for row in _listed(s3, "list_multipart_uploads", "Uploads", PLAIN)}
    for upload, parts in ledger.parts.items():
        if upload in there:
            rows = s3.list_parts(Bucket=PLAIN, Key=there[upload], UploadId=upload).get("Parts", ())
            kept = {row["PartNumber"]: row["ETag"] for row in rows}
            broken += [f"part {n} of upload {upload} is lost" for n, etag in parts.items() if kept.get(n) != etag]
        elif upload not in ledger.ending:
            broken.append(f"upload {upload} was acknowledged and is lost")
    for upload, key in there.items():
        s3.abort_multipart_upload(Bucket=PLAIN, Key=key, UploadId=upload)
    ledger.parts.clear()
    return broken


async def _check_files(endpoint: str) -> list[str]:
    """Files and the rows that claim them agree, once the sweep is through."""
    with urllib.request.urlopen(f"{endpoint}/_fogbank/status") as answer:
        folder = Path(json.load(answer)["data"])
    now = asyncio.get_running_loop().time
    deadline = now() + PATIENCE_S
    while True:
        files = {file.name for file in (folder / "blobs").rglob("*") if file.is_file()}
        claimed = set(_claimed(folder))
        if files == claimed or now() > deadline:
            break
        await asyncio.sleep(0.05)
    return [
        *(f"file {name} belongs to nothing" for name in sorted(files - claimed)),
        *(f"file {name} is lost" for name in sorted(claimed - files)),
    ]


def _claimed(folder: Path) -> Iterator[str]:
    """The blobs that something refers to, read beside the server."""
    prefix = zlib.crc32(b"core.blobs").to_bytes(4, "big")
    decode = KeyCodec((str,), prefix).decode
    with (
        lmdb.open(str(folder / "store.lmdb"), subdir=False, readonly=True) as env,
        env.begin() as view,
        view.cursor() as cursor,
    ):
        for key in cursor.iternext(values=False) if cursor.set_range(prefix) else ():
            if not key.startswith(prefix):
                return
            yield decode(key)[0]


def _listed(s3: Any, operation: str, member: str, bucket: str) -> Iterator[Any]:
    for page in s3.get_paginator(operation).paginate(Bucket=bucket):
        yield from page.get(member, ())


def _between(answer: bytes, element: str) -> str:
    match = re.search(f"<{element}>(.*?)</{element}>".encode(), answer)
    assert match is not None, answer
    return match[1].decode()


KIND = Kind(workers=(put_and_delete, upload_parts, put_versions), prepare=prepare, check=check)
