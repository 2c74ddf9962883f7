"""Bodies too large for the store: one file each, which appears whole or not at all.

A blob is written to a temporary name, flushed and renamed before the transaction that refers to it, and is claimed
by a row of `core.blobs` in that same transaction. What no row claims (a crash, a failed request) is swept at start.
"""

import os
import secrets
import shutil
from collections.abc import AsyncIterable
from pathlib import Path
from typing import BinaryIO

from fogbank.core.store import Record, Store, Sync


class BlobRow(Record):
    """A blob that something refers to."""

    size: int


class Blobs:
    """Files under `folder`, named by random ids. Not for bodies below a few KB: those belong in the store."""

    def __init__(self, folder: Path, store: Store, *, sync: Sync) -> None:
        self._folder = folder
        self._store = store
        self._durable = sync == "disk"
        self._rows = store.table("core.blobs", key=(str,), value=BlobRow)
        folder.mkdir(parents=True, exist_ok=True)

    async def write(self, chunks: AsyncIterable[bytes]) -> tuple[str, int]:
        """Write a blob; its id and size. It stays only if `claim` is committed before the server ends."""
        writer = self.writer()
        try:
            async for chunk in chunks:
                writer.append(chunk)
            return writer.finish()
        except BaseException:
            writer.discard()
            raise

    def write_bytes(self, data: bytes) -> str:
        writer = self.writer()
        try:
            writer.append(data)
            return writer.finish()[0]
        except BaseException:
            writer.discard()
            raise

    def writer(self) -> "BlobWriter":
        return BlobWriter(self._folder, durable=self._durable)

    def claim(self, blob: str, size: int) -> None:
        """Keep the blob: call it in the transaction that writes the reference."""
        self._rows.put((blob,), BlobRow(size))

    def release(self, blob: str) -> None:
        """Give the blob up: its file goes once the current transaction is committed."""
        self._rows.delete((blob,))
        self._store.after_commit(lambda: self.path(blob).unlink(missing_ok=True))

    def path(self, blob: str) -> Path:
        return self._folder / blob[:2] / blob

    def read(self, blob: str) -> bytes:
        return self.path(blob).read_bytes()

    def link_to(self, folder: Path) -> None:
        """Give every blob a second name under `folder`, on the same disk: they stay there, whatever is released."""
        shutil.copytree(self._folder, folder, copy_function=os.link, ignore=shutil.ignore_patterns("*.part"))

    def sweep(self) -> int:
        """Remove files that no row claims; how many. For start-up, before the first request."""
        removed = 0
        for file in self._folder.rglob("*"):
            if file.is_file() and self._rows.get((file.name,)) is None:
                file.unlink()
                removed += 1
        return removed


class BlobWriter:
    """One blob being written. End with `finish` or `discard`."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._durable = durable
        self.blob = secrets.token_hex(16)
        self._path = folder / self.blob[:2] / self.blob
        self._path.parent.mkdir(exist_ok=True)
        self._temporary = self._path.with_name(self.blob + ".part")
        self._file: BinaryIO = self._temporary.open("wb")
        self.size = 0

    def append(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self.size += len(chunk)

    def finish(self) -> tuple[str, int]:
        self._file.flush()
        if self._durable:
            os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.rename(self._path)
        if self._durable:
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return self.blob, self.size

    def discard(self) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)
