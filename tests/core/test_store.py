import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fogbank.core.keys import UnfitKey
from fogbank.core.store import Record, Store, Table


class Note(Record):
    text: str
    stars: int = 0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, sync="process")
    yield opened
    opened.close()


def _notes(store: Store) -> Table[Note]:
    return store.table("test.notes", key=(str, int), value=Note)


def test_a_failed_transaction_leaves_nothing_and_spares_its_turn(store: Store) -> None:
    notes = _notes(store)
    with store.transaction():
        notes.put(("a", 1), Note("kept"))
    with pytest.raises(ZeroDivisionError), store.transaction():
        notes.put(("a", 2), Note("lost"))
        raise ZeroDivisionError
    store.flush()
    assert [key for key, _ in notes.scan()] == [("a", 1)]


def test_a_savepoint_is_undone_without_its_surroundings(store: Store) -> None:
    notes = _notes(store)
    with store.transaction():
        notes.put(("a", 1), Note("outer"))
        with pytest.raises(ZeroDivisionError), store.transaction():
            notes.put(("a", 2), Note("inner"))
            raise ZeroDivisionError
        notes.put(("a", 3), Note("after"))
    assert [key[1] for key, _ in notes.scan()] == [1, 3]


def test_a_write_outside_of_a_transaction_is_a_bug(store: Store) -> None:
    with pytest.raises(RuntimeError, match="outside of a transaction"):
        _notes(store).put(("a", 1), Note("x"))


def test_run_returns_after_the_commit_and_groups_a_turn(store: Store) -> None:
    notes = _notes(store)

    async def write_many() -> int:
        before = store.commits
        await asyncio.gather(*(store.run(notes.put, ("a", n), Note(str(n))) for n in range(50)))
        return store.commits - before

    assert asyncio.run(write_many()) == 1
    assert notes.count(("a",)) == 50


def test_callbacks_after_the_commit_are_dropped_with_a_rollback(store: Store) -> None:
    notes, called = _notes(store), []
    with store.transaction():
        notes.put(("a", 1), Note("x"))
        store.after_commit(lambda: called.append("kept"))
    with pytest.raises(ZeroDivisionError), store.transaction():
        notes.put(("a", 2), Note("x"))
        store.after_commit(lambda: called.append("dropped"))
        raise ZeroDivisionError
    assert called == []
    store.flush()
    assert called == ["kept"]


def test_values_written_before_a_field_was_added_still_open(store: Store) -> None:
    class OldNote(Record):
        text: str

    with store.transaction():
        store.table("test.notes", key=(str, int), value=OldNote).put(("a", 1), OldNote("old"))
    assert _notes(store).get(("a", 1)) == Note("old", 0)


def test_state_survives_a_reopening(tmp_path: Path) -> None:
    first = Store(tmp_path)
    with first.transaction():
        _notes(first).put(("a", 1), Note("still here"))
    first.close()
    second = Store(tmp_path)
    assert _notes(second).get(("a", 1)) == Note("still here")
    second.close()


_texts = st.sampled_from(["", "a", "a\0", "a\0b", "b", "\xff", "z" * 480, "z" * 495, "z" * 600, "z" * 600 + "y"])
_numbers = st.sampled_from([-5, 0, 1, 2, 2**40])


class TableMachine(RuleBasedStateMachine):
    """A table agrees with a dict, whatever is done to both, also with keys beyond LMDB's limit."""

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[tuple[str, int], str] = {}

    @initialize()
    def open(self) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.folder.name), sync="process")
        self.table = _notes(self.store)

    @rule(text=_texts, number=_numbers, value=st.text(max_size=4))
    def put(self, text: str, number: int, value: str) -> None:
        with self.store.transaction():
            self.table.put((text, number), Note(value))
        self.model[text, number] = value

    @rule(entries=st.dictionaries(st.tuples(_texts, _numbers), st.text(max_size=4), max_size=5))
    def put_all(self, entries: dict[tuple[str, int], str]) -> None:
        with self.store.transaction():
            self.table.put_all((key, Note(value)) for key, value in entries.items())
        self.model.update(entries)

    @rule(text=_texts, number=_numbers)
    def delete(self, text: str, number: int) -> None:
        with self.store.transaction():
            was_there = self.table.delete((text, number))
        assert was_there == ((text, number) in self.model)
        self.model.pop((text, number), None)

    @rule(text=_texts, number=_numbers, value=st.text(max_size=4))
    def put_and_roll_back(self, text: str, number: int, value: str) -> None:
        with pytest.raises(ZeroDivisionError), self.store.transaction():
            self.table.put((text, number), Note(value))
            assert self.table.peek((text, number)) == Note(value)
            raise ZeroDivisionError

    @rule(text=_texts, number=_numbers)
    def peek(self, text: str, number: int) -> None:
        note = self.table.peek((text, number))
        assert (None if note is None else note.text) == self.model.get((text, number))

    @rule()
    def end_turn(self) -> None:
        self.store.flush()

    @rule(text=_texts, number=_numbers, reverse=st.booleans(), after=st.booleans(), limit=st.integers(1, 5))
    def scan_from(self, text: str, number: int, reverse: bool, after: bool, limit: int) -> None:
        bound = (text, number)
        options: dict[str, Any] = {"after" if after else "start": bound, "reverse": reverse, "limit": limit}
        found = [key for key, _ in self.table.scan((), **options)]
        expected = [
            key
            for key in sorted(self.model, reverse=reverse)
            if (key < bound if reverse else key > bound) or (key == bound and not after)
        ]
        assert found == expected[:limit]

    @rule(text=_texts, reverse=st.booleans())
    def scan_prefix(self, text: str, reverse: bool) -> None:
        found = [key for key, _ in self.table.scan((text,), reverse=reverse)]
        assert found == [key for key in sorted(self.model, reverse=reverse) if key[0] == text]

    @invariant()
    def same_content(self) -> None:
        if hasattr(self, "table"):
            assert {key: note.text for key, note in self.table.scan()} == self.model

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()


TestTableMachine = TableMachine.TestCase
TestTableMachine.settings = settings(max_examples=25, stateful_step_count=25)


def test_a_number_that_no_key_can_have_is_not_there(store: Store) -> None:
    table = _notes(store)
    assert table.get(("a", 1 << 64)) is None
    with store.transaction():
        assert not table.delete(("a", -(1 << 64)))
        with pytest.raises(UnfitKey):
            table.put(("a", 1 << 64), Note("x"))
