import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fogbank.core.blobs import Blobs
from fogbank.core.store import Store
from fogbank.core.stored_body import FileSpan, StoredBody, cut


def _with_blobs(folder: Path, use: Callable[[Blobs, Store], Awaitable[None]]) -> None:
    async def run() -> None:
        store = Store(folder, sync="process")
        blobs = Blobs(folder / "blobs", store, sync="disk")
        await use(blobs, store)
        store.flush()
        blobs.close()
        store.close()

    asyncio.run(run())


def _files(folder: Path) -> set[str]:
    return {file.name for file in (folder / "blobs").rglob("*") if file.is_file()}


async def _kept(blobs: Blobs, store: Store, data: bytes) -> str:
    blob = blobs.write_bytes(data)
    await store.run(blobs.claim, blob, len(data))
    return blob


def test_the_sweep_removes_what_a_crash_left_and_nothing_else(tmp_path: Path) -> None:
    left = {"ab" + "0" * 30, "ab" + "1" * 30 + ".part", "cd" + "2" * 30}
    kept: list[str] = []

    async def crash(blobs: Blobs, store: Store) -> None:
        kept.append(await _kept(blobs, store, b"kept"))
        for name in left:
            (tmp_path / "blobs" / name[:2]).mkdir(exist_ok=True)
            (tmp_path / "blobs" / name[:2] / name).write_bytes(b"orphan")

    async def restart(blobs: Blobs, store: Store) -> None:
        writing = blobs.writer()
        writing.append(b"being written")
        unclaimed = blobs.write_bytes(b"written and not claimed yet")
        assert await blobs.sweep() == len(left)
        assert _files(tmp_path) == {*kept, unclaimed, f"{writing.blob}.part"}
        assert blobs.read(writing.finish()) == b"being written"

    _with_blobs(tmp_path, crash)
    _with_blobs(tmp_path, restart)


def test_a_blob_that_is_given_up_stays_until_it_was_read(tmp_path: Path) -> None:
    async def use(blobs: Blobs, store: Store) -> None:
        data = bytes(range(256)) * 4096
        blob = await _kept(blobs, store, data)
        bodies = [StoredBody(blobs, [FileSpan(blobs.path(blob), 0, len(data))], length=len(data)) for _ in range(3)]
        await store.run(blobs.release, blob)
        read, closed, dropped = bodies
        assert await read.read() == data
        closed.close()
        assert _files(tmp_path) == {blob}
        bodies.clear()
        del dropped
        await blobs.in_thread(lambda: None)

    _with_blobs(tmp_path, use)
    assert _files(tmp_path) == set()


def test_a_little_body_may_be_at_hand_and_gives_its_files_back(tmp_path: Path) -> None:
    data = bytes(range(256)) * 256

    async def use(blobs: Blobs, store: Store) -> None:
        blob = await _kept(blobs, store, data)
        path = blobs.path(blob)
        little = StoredBody(blobs, [b"before", FileSpan(path, 300, 700)], length=706)
        # A file system that cannot tell what is in memory has nothing at hand.
        assert little.at_hand() in (b"before" + data[300:1000], None)
        assert StoredBody(blobs, [FileSpan(path, 0, len(data)), b"x"], length=len(data) + 1).at_hand() is None
        gone = StoredBody(blobs, [FileSpan(path.with_name("gone"), 0, 10)], length=10)
        assert gone.at_hand() is None
        del little, gone
        await store.run(blobs.release, blob)
        await blobs.in_thread(lambda: None)

    _with_blobs(tmp_path, use)
    assert _files(tmp_path) == set()


def test_blobs_are_linked_elsewhere_while_they_are_given_up(tmp_path: Path) -> None:
    async def use(blobs: Blobs, store: Store) -> None:
        blob = await _kept(blobs, store, b"kept")
        linking = asyncio.create_task(blobs.link_to(tmp_path / "copy"))
        await asyncio.sleep(0)
        await store.run(blobs.release, blob)
        await linking
        assert (tmp_path / "copy" / blob[:2] / blob).read_bytes() == b"kept"

    _with_blobs(tmp_path, use)
    assert _files(tmp_path) == set()


def test_a_blob_that_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    async def use(blobs: Blobs, store: Store) -> None:
        for finish in (False, True):
            writer = blobs.writer()
            writer.append(b"unwanted")
            if finish:
                writer.finish()
            blobs.discard(writer)
            assert _files(tmp_path) == set()

    _with_blobs(tmp_path, use)


@pytest.mark.parametrize(
    ("first", "length", "expected"),
    [
        (0, 9, [b"abc", FileSpan(Path("f"), 0, 5), b"x"]),
        (3, 5, [FileSpan(Path("f"), 0, 5)]),
        (2, 2, [b"c", FileSpan(Path("f"), 0, 1)]),
        (5, 2, [FileSpan(Path("f"), 2, 2)]),
        (7, 2, [FileSpan(Path("f"), 4, 1), b"x"]),
        (0, 0, []),
    ],
)
def test_a_range_is_cut_out_of_the_pieces(first: int, length: int, expected: list[bytes | FileSpan]) -> None:
    pieces: list[tuple[bytes | Path, int]] = [(b"abc", 3), (Path("f"), 5), (b"x", 1)]
    assert cut(pieces, first=first, length=length) == expected
