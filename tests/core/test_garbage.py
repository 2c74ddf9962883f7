import asyncio
from pathlib import Path

import pytest

from fogbank.core.garbage import AT_ONCE, PER_TURN, Garbage
from fogbank.core.store import Record, Store, Table
from fogbank.core.tasks import Tasks

MANY = AT_ONCE + 3 * PER_TURN + 7


class Note(Record):
    text: str


def _filled(store: Store) -> Table[Note]:
    notes = store.table("test.notes", key=(int, str), value=Note)
    with store.transaction():
        for number in range(MANY):
            notes.put((1, f"{number}"), Note("doomed"))
        notes.put((1, "z" * 600), Note("doomed, with a long key"))
        notes.put((0, "before"), Note("kept"))
        notes.put((2, "behind"), Note("kept"))
    store.flush()
    return notes


def _kept(notes: Table[Note]) -> bool:
    return [key for key, _ in notes.scan()] == [(0, "before"), (2, "behind")]


async def _finish(garbage: Garbage) -> None:
    garbage.start()
    while garbage._working:
        await asyncio.sleep(0)


def test_what_is_discarded_goes_and_its_neighbours_stay(tmp_path: Path) -> None:
    async def discard() -> None:
        store, tasks = Store(tmp_path, sync="process"), Tasks()
        notes, garbage = _filled(store), Garbage(store, tasks)
        await store.run(garbage.discard, notes, (1,))
        assert notes.count((1,)) > 0, "not all of it in one go"
        await _finish(garbage)
        assert _kept(notes)
        await tasks.stop()
        store.close()

    asyncio.run(discard())


def test_a_discard_that_is_rolled_back_removes_nothing(tmp_path: Path) -> None:
    async def discard() -> None:
        store, tasks = Store(tmp_path, sync="process"), Tasks()
        notes, garbage = _filled(store), Garbage(store, tasks)
        with pytest.raises(ZeroDivisionError), store.transaction():
            garbage.discard(notes, (1,))
            raise ZeroDivisionError
        await _finish(garbage)
        assert notes.count((1,)) == MANY + 1
        await tasks.stop()
        store.close()

    asyncio.run(discard())


def test_a_new_process_goes_on_where_a_killed_one_was(tmp_path: Path) -> None:
    async def begin() -> None:
        store, tasks = Store(tmp_path, sync="process"), Tasks()
        notes = _filled(store)
        with store.transaction():
            Garbage(store, tasks).discard(notes, (1,))
        store.flush()
        await tasks.stop()
        store.close()

    async def go_on() -> None:
        store, tasks = Store(tmp_path, sync="process"), Tasks()
        await _finish(Garbage(store, tasks))
        assert _kept(store.table("test.notes", key=(int, str), value=Note))
        await tasks.stop()
        store.close()

    asyncio.run(begin())
    asyncio.run(go_on())
