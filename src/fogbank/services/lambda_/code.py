"""Deployment packages: where they come from, what is checked, and where they are unpacked."""

import asyncio
import base64
import hashlib
import inspect
import io
import os
import shutil
import stat
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

from fogbank.core.body import BodyStream
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.services.lambda_.errors import InvalidParameterValue, InvalidZipFile, RequestEntityTooLarge

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
ZIPPED_BYTES_MAX = 52_428_800
UNZIPPED_BYTES_MAX = 262_144_000
NAME_BYTES_MAX = 255  # What file systems take.
_UNFINISHED = ".part"
_ENCRYPTED = 1  # A bit of an entry's flags.
# What is in a package shows when it is unpacked: sums that are wrong, or a file where others have a folder.
_NOT_UNPACKED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    ValueError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
)


class Package:
    """A checked zip, with what Lambda reports of it."""

    def __init__(self, data: bytes, unzipped_bytes: int) -> None:
        self.data = data
        self.size = len(data)
        self.unzipped_bytes = unzipped_bytes
        self.sha256 = base64.b64encode(hashlib.sha256(data).digest()).decode()


async def fetch_package(ctx: Context, code: dict[str, Any]) -> Package:
    """The zip that a request gives or points to."""
    if (data := code.get("ZipFile")) is not None:
        if len(data) > ZIPPED_BYTES_MAX:
            raise RequestEntityTooLarge(f"Zipped size must be smaller than {ZIPPED_BYTES_MAX} bytes")
    elif code.get("S3Bucket") and code.get("S3Key"):
        data = await _from_s3(ctx, code)
    elif code.get("ImageUri"):
        raise NotImplementedInFogbank("Fogbank does not run functions from container images yet.")
    else:
        raise InvalidParameterValue("Please provide a source for function code.")
    return Package(data, check_zip(data))


async def _from_s3(ctx: Context, code: dict[str, Any]) -> bytes:
    version = {"VersionId": code["S3ObjectVersion"]} if code.get("S3ObjectVersion") else {}
    try:
        found = await ctx.call(ctx.cloud.s3.get_object, Bucket=code["S3Bucket"], Key=code["S3Key"], **version)
    except AwsError as error:
        raise InvalidParameterValue(
            f"Error occurred while GetObject. S3 Error Code: {error.code}. S3 Error Message: {error.message}"
        ) from error
    body = found["Body"]
    if isinstance(body, bytes):
        return body
    if isinstance(body, BodyStream):
        return await body.read()
    if hasattr(body, "__aiter__"):
        return b"".join([chunk async for chunk in body])
    data = body.read()
    return bytes(await data if inspect.isawaitable(data) else data)


def check_zip(data: bytes) -> int:
    """How large it is unpacked. Refuses what Lambda refuses: no zip, too large, or entries that leave their folder."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise InvalidParameterValue(
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from error
    unzipped_bytes = sum(entry.file_size for entry in entries)
    if unzipped_bytes >= UNZIPPED_BYTES_MAX:
        raise InvalidParameterValue(f"Unzipped size must be smaller than {UNZIPPED_BYTES_MAX} bytes")
    for entry in entries:
        parts = Path(entry.filename.replace("\\", "/")).parts
        outside = ".." in parts or entry.filename.startswith("/")
        encrypted = bool(entry.flag_bits & _ENCRYPTED)
        if outside or encrypted or any(len(part.encode()) > NAME_BYTES_MAX for part in parts):
            raise InvalidParameterValue(
                "Could not unzip uploaded file. Please check your file, then try to upload again."
            )
    return unzipped_bytes


class CodeCache:
    """Unpacked packages, one folder per blob, beside the store. A folder appears whole or not at all, and stays while
    environments use it: an invocation goes on with the code that it began with.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._folder = cloud.folder / "lambda" / "code"
        self._unpacking: dict[str, asyncio.Future[None]] = {}
        self._users: Counter[str] = Counter()
        self._removed_later: set[str] = set()

    def sweep(self) -> None:
        """Remove what was given up and still used when the last server ended. To be called before anything is used."""
        for folder in self._folder.glob("*"):
            if not self._cloud.blobs.path(folder.name.removesuffix(_UNFINISHED)).exists():
                shutil.rmtree(folder, ignore_errors=True)

    def use(self, blob: str) -> None:
        """Keep the blob's folder until `release`."""
        self._users[blob] += 1

    def release(self, blob: str) -> None:
        self._users[blob] -= 1
        if not self._users[blob]:
            del self._users[blob]
            if blob in self._removed_later:
                self._removed_later.discard(blob)
                self.remove(blob)

    async def folder(self, blob: str) -> Path:
        """Where that blob lies unpacked. Raises InvalidZipFile."""
        target = self._folder / blob
        if target.is_dir():
            return target
        work = self._unpacking.get(blob)
        if work is None:
            loop = asyncio.get_running_loop()
            work = loop.run_in_executor(None, unpack, self._cloud.blobs.path(blob), target)
            self._unpacking[blob] = work
            work.add_done_callback(lambda _: self._unpacking.pop(blob, None))
        try:
            await asyncio.shield(work)
        except _NOT_UNPACKED as error:
            raise InvalidZipFile() from error
        return target

    def remove(self, blob: str) -> None:
        """The blob is given up: its folder goes once nobody uses it."""
        if self._users[blob]:
            self._removed_later.add(blob)
        else:
            shutil.rmtree(self._folder / blob, ignore_errors=True)


def unpack(file: Path, target: Path) -> None:
    """Unpack a checked zip, with its permissions and its links.

    A link leads where it says: in a sandbox that is nowhere out of it. What an entry would put behind a link that leads
    out is left out.
    """
    partial = target.with_name(target.name + _UNFINISHED)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    root = partial.resolve()
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            place = Path(os.path.realpath(partial / entry.filename))
            if not place.is_relative_to(root):
                continue
            mode = entry.external_attr >> 16
            if entry.is_dir():
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if stat.S_ISLNK(mode):
                place.unlink(missing_ok=True)
                place.symlink_to(archive.read(entry).decode("utf-8", "replace"))
                continue
            with archive.open(entry) as source, place.open("wb") as out:
                shutil.copyfileobj(source, out)
            os.chmod(place, _permissions(mode))
    # A function is no user of this machine, and may read what everyone may.
    for folder, _, _ in os.walk(partial):
        os.chmod(folder, 0o755)
    if target.is_dir():
        shutil.rmtree(partial)
    else:
        partial.rename(target)


def _permissions(mode: int) -> int:
    """Everyone reads, and runs what its owner runs. A package made on Windows says nothing about it."""
    if not mode:
        return 0o755
    return (mode & 0o777) | 0o444 | (0o111 if mode & 0o100 else 0)
