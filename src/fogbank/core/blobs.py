"""Bodies too large for the store: one file each, which appears whole or not at all.

A blob is written to a temporary name, flushed and renamed before the transaction that refers to it, and is claimed
by a row of `core.blobs` in that same transaction. What is given up is removed behind the commit. So every row has its
file at any moment, and a file without a row is what a crash left behind: it is swept after the next start.
"""

import asyncio
import contextlib
import errno
import logging
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

from fogbank.core.errors import StorageFull
from fogbank.core.store import Record, Store, Sync

log = logging.getLogger("fogbank.blobs")

P = ParamSpec("P")
R = TypeVar("R")
# Enough to keep a disk busy that flushes; what they do never waits for a client.
THREADS_MAX = 16
_UNWRITTEN = ".part"
# File systems without links, and files that have as many as they can.
_NO_LINKS = frozenset((errno.EPERM, errno.ENOTSUP, errno.EMLINK))
_NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


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
        self._unclaimed: set[str] = set()
        """Blobs of this process that no committed row claims yet: the sweep leaves them alone."""
        self._readers: Counter[str] = Counter()
        self._removed_later: set[str] = set()
        """Blobs that are given up and still read."""
        self._links_in_progress = 0
        self._sweeping = False
        self._released: set[str] = set()
        """Blobs given up while the sweep goes on. Their rows may come back, if the commit fails."""
        self.threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="disk")
        """For work on files: writing, flushing, hashing what is written, reading."""
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)

    def close(self) -> None:
        """End the threads, when what was given to them is done."""
        self.threads.shutdown()

    # ---- writing ------------------------------------------------------------------------------------------------

    def writer(self) -> "BlobWriter":
        """A new blob to write, on any one thread at a time. It stays only if `claim` is committed."""
        blob = secrets.token_hex(16)
        self._unclaimed.add(blob)
        return BlobWriter(self.path(blob), durable=self._durable)

    def write_bytes(self, data: bytes) -> str:
        writer = self.writer()
        try:
            writer.append(data)
            return writer.finish()
        except BaseException:
            self.discard(writer)
            raise

    def discard(self, writer: "BlobWriter") -> None:
        """Remove what was written and will not be claimed."""
        writer.remove()
        self._unclaimed.discard(writer.blob)

    async def duplicate(self, blob: str) -> str:
        """A blob with the same contents, which takes no room while both are there. It stays only if `claim` is
        committed. The first one is being read (see `begin_reading`).
        """
        copy = secrets.token_hex(16)
        self._unclaimed.add(copy)
        try:
            await self.in_thread(_link, self.path(blob), self.path(copy), durable=self._durable)
        except BaseException:
            self.abandon(copy)
            raise
        return copy

    def abandon(self, blob: str) -> None:
        """Remove a blob, unless it is claimed."""
        if blob in self._unclaimed:
            self._unclaimed.discard(blob)
            self._remove(blob)

    def claim(self, blob: str, size: int) -> None:
        """Keep the blob: call it in the transaction that writes the reference."""
        self._rows.put((blob,), BlobRow(size))
        self._store.after_commit(partial(self._unclaimed.discard, blob))

    def release(self, blob: str) -> None:
        """Give the blob up: its file goes once the current transaction is committed and nobody reads it."""
        self._rows.delete((blob,))
        if self._sweeping:
            self._released.add(blob)
        self._store.after_commit(partial(self._remove, blob))

    def _remove(self, blob: str) -> None:
        """Remove the file once nobody needs it; on a thread, as the system takes its time over a large one."""
        if self._readers[blob] or self._links_in_progress:
            self._removed_later.add(blob)
            return
        with contextlib.suppress(RuntimeError):  # No threads any more: the sweep after the next start removes it.
            self.threads.submit(_remove_files, self.path(blob))

    # ---- reading ------------------------------------------------------------------------------------------------

    def path(self, blob: str) -> Path:
        return self._folder / blob[:2] / blob

    def read(self, blob: str) -> bytes:
        return self.path(blob).read_bytes()

    def begin_reading(self, blobs: Iterable[str]) -> None:
        """Keep the files of these blobs, even if they are given up, until `end_reading`."""
        self._readers.update(blobs)

    def end_reading(self, blobs: Iterable[str]) -> None:
        for blob in blobs:
            self._readers[blob] -= 1
            if not self._readers[blob]:
                del self._readers[blob]
                self._remove_now(blob)

    def _remove_now(self, blob: str) -> None:
        if blob in self._removed_later:
            self._removed_later.discard(blob)
            self._remove(blob)

    async def in_thread(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """What `fn` returns, called on one of `threads`."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, partial(fn, *args, **kwargs))

    # ---- all of them --------------------------------------------------------------------------------------------

    async def link_to(self, folder: Path) -> None:
        """Give every blob of this moment a second name under `folder`, on the same disk: they stay there, whatever is
        released. Blobs that come up meanwhile may be among them.
        """
        self._links_in_progress += 1
        try:
            await self.in_thread(_link_all, self._folder, folder)
        finally:
            self._links_in_progress -= 1
            for blob in tuple(self._removed_later):
                self._remove_now(blob)

    async def sweep(self) -> int:
        """Remove the files that no row claimed when this process started; how many. A folder at a time, beside
        requests.
        """
        removed = 0
        self._sweeping = True
        try:
            for folder in await self.in_thread(lambda: sorted(self._folder.iterdir())):
                names = await self.in_thread(os.listdir, folder)
                orphans = [folder / name for name in names if self._is_orphan(name)]
                if orphans:
                    await self.in_thread(_remove_files, *orphans)
                    removed += len(orphans)
        finally:
            self._sweeping = False
            self._released.clear()
        if removed:
            log.info("removed %d files that belong to nothing", removed)
        return removed

    def _is_orphan(self, name: str) -> bool:
        blob = name.removesuffix(_UNWRITTEN)
        if blob in self._unclaimed or blob in self._released:
            return False
        return blob != name or self._rows.get((blob,)) is None


class BlobWriter:
    """One blob being written. End with `finish`, or by `Blobs.discard`."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self.blob = path.name
        self.size = 0
        self._path = path
        self._temporary = path.with_name(path.name + _UNWRITTEN)
        self._durable = durable
        self._file: BinaryIO | None = None

    def append(self, chunk: bytes | bytearray | memoryview) -> None:
        with _refusing_when_full():
            if self._file is None:
                self._file = self._open()
            self._file.write(chunk)
        self.size += len(chunk)

    def finish(self) -> str:
        """Flush what was written and give it its name: the blob's id."""
        with _refusing_when_full():
            file = self._file or self._open()
            file.flush()
            if self._durable:
                os.fsync(file.fileno())
            file.close()
            self._temporary.rename(self._path)
            if self._durable:
                _flush_folder(self._path.parent)
        return self.blob

    def remove(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # What is buffered may find no room; it is not wanted any more.
                self._file.close()
        self._temporary.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)

    def _open(self) -> BinaryIO:
        folder = self._path.parent
        try:
            return self._temporary.open("xb")
        except FileNotFoundError:
            folder.mkdir(exist_ok=True)
            if self._durable:
                _flush_folder(folder.parent)
            return self._temporary.open("xb")


def _link(source: Path, target: Path, *, durable: bool) -> None:
    with _refusing_when_full():
        target.parent.mkdir(exist_ok=True)
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            shutil.copyfile(source, target)
            if durable:
                with target.open("rb") as copy:
                    os.fsync(copy.fileno())
        if durable:
            _flush_folder(target.parent)
            _flush_folder(target.parent.parent)


def _flush_folder(folder: Path) -> None:
    """Make sure that the names in it survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_files(*files: Path) -> None:
    for file in files:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:  # The next start's sweep tries again.
            log.error("a file that is not needed any more cannot be removed: %s", error)


def _link_all(source: Path, target: Path) -> None:
    target.mkdir()
    for folder in source.iterdir():
        (target / folder.name).mkdir()
        for name in os.listdir(folder):
            if not name.endswith(_UNWRITTEN):
                with contextlib.suppress(FileNotFoundError):  # Written and discarded meanwhile.
                    os.link(folder / name, target / folder.name / name)


@contextlib.contextmanager
def _refusing_when_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            log.error("a blob could not be written: %s", error)
            raise StorageFull() from error
        raise
