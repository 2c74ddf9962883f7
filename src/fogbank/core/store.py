"""The store: typed, ordered tables in one LMDB environment, and one transaction per turn of the event loop.

Invariants:
- Every write happens inside `transaction()`. Transactions opened in the same turn are children of one LMDB write
  transaction, which is committed when the turn ends; `when_settled` callbacks run after that commit and only then.
- A transaction that is left by an exception leaves nothing behind; the others of its turn are not affected.
- Reads see the turn's uncommitted writes, so an answer built from them must wait for the commit (`when_settled`).

LMDB limits a key to 511 bytes. A longer one is cut at `_KEY_CUT` and its entry holds, in order, all (rest, value)
pairs that share the cut: right at any length, and slower only for keys that have 500 bytes in common.
"""

import asyncio
import contextlib
import logging
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Generic, Literal, ParamSpec, TypeVar, cast

import lmdb
import msgspec

from fogbank.core import private_files
from fogbank.core.errors import StorageFull
from fogbank.core.keys import KeyCodec, KeyTypes, UnfitKey

log = logging.getLogger("fogbank.store")

P = ParamSpec("P")
R = TypeVar("R")
V = TypeVar("V")
Key = tuple[Any, ...]
Sync = Literal["disk", "process"]
Extension = Callable[[int, memoryview], Any]

# Address space, not disk: the file grows as it is used. 512 GiB is far above what one machine's services hold.
_MAP_BYTES = 1 << 39
_KEY_CUT = 500
# Values that `Table.peek` remembers of one table; beyond that it begins anew.
_PEEKED_MAX = 10_000


class Record(msgspec.Struct, array_like=True):
    """A stored value. Fields are only ever appended, each with a default, so that old data opens in a newer version."""


class StoreDamaged(Exception):
    """The folder's store cannot be read: it is no store, or a part of it is missing."""


def check_snapshot(folder: Path) -> None:
    """Raise StoreDamaged if the folder has no whole store as a `copier` writes it."""
    file = folder / "store.lmdb"
    if not file.is_file():
        raise StoreDamaged(f"{file} is not there")
    with _open(file, readonly=True, lock=False) as env:
        # A compacted copy has all its pages. (In a store that is used, the last ones may be free and never written.)
        if file.stat().st_size < (env.info()["last_pgno"] + 1) * env.stat()["psize"]:
            raise StoreDamaged(f"{file} has been cut off")


def _open(file: Path, **options: Any) -> lmdb.Environment:
    try:
        return lmdb.open(str(file), subdir=False, map_size=_MAP_BYTES, max_readers=16, readahead=False, **options)
    except lmdb.Error as error:
        raise StoreDamaged(f"{file} cannot be opened: {error}") from None


class Store:
    """One LMDB environment. All methods belong to the event loop's thread."""

    def __init__(self, folder: Path, *, sync: Sync = "disk") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        durable = sync == "disk"
        file = folder / "store.lmdb"
        self._env = _open(file, sync=durable, metasync=durable, mode=private_files.MODE)
        file.chmod(private_files.MODE)  # One that an archive brought, or that was made before, may be open to others.
        self._tick: lmdb.Transaction | None = None
        self._reader: lmdb.Transaction | None = None
        self._frames: list[Transaction] = []
        self._committed: list[Callable[[], object]] = []
        self._settled: list[Callable[[Exception | None], object]] = []
        self._turn_scheduled = False
        self._tables: dict[bytes, str] = {}
        self.commits = 0
        self.turn = 0
        """Grows with every turn that ends."""

    def table(self, name: str, *, key: KeyTypes, value: type[V], extension: Extension | None = None) -> "Table[V]":
        """The table called `name`: an ordered map from tuples of the types in `key` to `value`s.

        `extension` makes of a MessagePack extension (`Ext`) in a stored value what it stands for.

        Its keys begin with the CRC of the name, so that a table needs no registration; two names that collide are
        refused here, at start, before anything is stored.
        """
        prefix = zlib.crc32(name.encode()).to_bytes(4, "big")
        if self._tables.setdefault(prefix, name) != name:
            raise ValueError(f"table names {name} and {self._tables[prefix]} collide: rename one")
        return Table(self, name, KeyCodec(key, prefix), value, extension)

    # ---- transactions -------------------------------------------------------------------------------------------

    def transaction(self) -> "Transaction":
        """Everything written inside `with` is kept together or, on an exception, not at all. Nests (a savepoint)."""
        return Transaction(self)

    @property
    def has_written(self) -> bool:
        """Whether the current transaction has written."""
        return bool(self._frames) and self._frames[-1].txn is not None

    async def run(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `fn` in a transaction now; its result comes after the commit."""
        with self.transaction():
            result = fn(*args, **kwargs)
        if self._tick is not None:
            committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

            def settle(error: Exception | None) -> None:
                if not committed.done():
                    if error is None:
                        committed.set_result(None)
                    else:
                        committed.set_exception(error)

            self._settled.append(settle)
            await committed
        return result

    def after_commit(self, callback: Callable[[], object]) -> None:
        """Call `callback` once the current transaction's turn is committed, before `when_settled` callbacks; never if
        it is rolled back.
        """
        self._writer()
        self._committed.append(callback)

    def when_settled(self, callback: Callable[[Exception | None], object]) -> None:
        """Call `callback(None)` after this turn's commit (at once if nothing was written), or with its error."""
        if self._tick is None:
            callback(None)
        else:
            self._settled.append(callback)

    def flush(self) -> None:
        """Commit this turn's writes now."""
        if self._frames:
            raise RuntimeError("flush inside a transaction")
        self._end_turn()

    def close(self) -> None:
        self._end_turn()
        self._env.sync(True)
        self._env.close()

    def copier(self, file: Path) -> Callable[[], None]:
        """A function that writes a compacted copy of the state of this moment to `file`; any thread may call it."""
        self.flush()
        state = self._env.begin()

        def copy() -> None:
            with state, file.open("wb") as out:
                self._env.copyfd(out.fileno(), compact=True, txn=state)

        return copy

    def remove_some(self, encoded_prefix: bytes, *, limit: int) -> bool:
        """Remove up to `limit` entries whose encoded key begins so (see `Table.encoded`); whether more are left."""
        if len(encoded_prefix) >= _KEY_CUT:
            raise ValueError("a prefix this long may share its entry with other keys")
        try:
            with self._writer().cursor() as cursor:
                if not cursor.set_range(encoded_prefix):
                    return False
                for _ in range(limit):
                    if not cursor.key().startswith(encoded_prefix):  # type: ignore[union-attr]
                        return False
                    if not cursor.delete():
                        return False
                return bool(cursor.key().startswith(encoded_prefix))  # type: ignore[union-attr]
        except lmdb.Error as error:
            raise self._storage_error(error) from error

    def used_bytes(self) -> int:
        return (self.folder / "store.lmdb").stat().st_blocks * 512

    def _writer(self) -> lmdb.Transaction:
        """The innermost transaction's LMDB handle, opened at its first write."""
        if not self._frames:
            raise RuntimeError("a write outside of a transaction")
        frame = self._frames[-1]
        if frame.txn is None:
            try:
                parent = self._tick
                if parent is None:
                    self._drop_reader()
                    parent = self._tick = self._env.begin(write=True)
                    self._schedule_turn_end()
                for outer in self._frames:
                    if outer.txn is None:
                        outer.txn = self._env.begin(write=True, parent=parent)
                        outer.committed_from = len(self._committed)
                    parent = outer.txn
            except lmdb.Error as error:
                raise self._storage_error(error) from error
            assert frame.txn is not None
        return frame.txn

    def _view(self) -> lmdb.Transaction:
        """A handle that sees the present state, uncommitted writes of this turn included."""
        for frame in reversed(self._frames):
            if frame.txn is not None:
                return frame.txn
        if self._tick is not None:
            return self._tick
        if self._reader is None:
            self._reader = self._env.begin()
            self._schedule_turn_end()
        return self._reader

    def _schedule_turn_end(self) -> None:
        if self._turn_scheduled:
            return
        with contextlib.suppress(RuntimeError):  # Without a loop (start-up, tools) `flush` and `close` end the turn.
            asyncio.get_running_loop().call_soon(self._end_turn)
            self._turn_scheduled = True

    def _end_turn(self) -> None:
        self._turn_scheduled = False
        self.turn += 1
        self._drop_reader()
        tick, self._tick = self._tick, None
        if tick is None:
            return
        committed, self._committed = self._committed, []
        settled, self._settled = self._settled, []
        failure: Exception | None = None
        try:
            tick.commit()
            self.commits += 1
        except lmdb.Error as error:
            failure = self._storage_error(error)
            committed = []
        for after in committed:
            try:
                after()
            except Exception:  # An edge: one waiter's bug must not keep the others of the turn waiting.
                log.exception("a callback after the commit failed")
        for callback in settled:
            try:
                callback(failure)
            except Exception:  # An edge, as above.
                log.exception("a callback after the commit failed")

    def _drop_reader(self) -> None:
        if self._reader is not None:
            self._reader.abort()
            self._reader = None

    def _storage_error(self, error: lmdb.Error) -> Exception:
        log.error("the store refused a write: %s", error)
        return StorageFull()


class Transaction:
    """One `with` block; its LMDB transaction is opened by its first write."""

    __slots__ = ("_store", "committed_from", "txn")

    def __init__(self, store: Store) -> None:
        self._store = store
        self.txn: lmdb.Transaction | None = None
        self.committed_from = 0

    def __enter__(self) -> None:
        self._store._frames.append(self)

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self._store._frames.pop()
        if self.txn is None:
            return
        if kind is not None:
            self.txn.abort()
            del self._store._committed[self.committed_from :]
            return
        try:
            self.txn.commit()
        except lmdb.Error as refusal:
            raise self._store._storage_error(refusal) from refusal


class Written:
    """When a table was written to, or several that share it: a look at one number tells whether what was made of
    their contents is still true. What a turn reads that has written to them may still be rolled back.
    """

    __slots__ = ("in_turn",)

    def __init__(self) -> None:
        self.in_turn = -1
        """The last turn that wrote; negative if none has."""


def written_together(tables: "Iterable[Table[Any]]") -> Written:
    """Let the tables share when they were written to. A table can be in one such group only."""
    tables, shared = tuple(tables), Written()
    shared.in_turn = max(table.written.in_turn for table in tables)
    for table in tables:
        table.written = shared
    return shared


class Table(Generic[V]):
    """A typed ordered map. Reads work anywhere on the event loop's thread, writes inside a transaction."""

    def __init__(
        self, store: Store, name: str, codec: KeyCodec, value: type[V], extension: Extension | None = None
    ) -> None:
        self.name = name
        self._store = store
        self._codec = codec
        self._key = codec.encode
        self._pack = msgspec.msgpack.Encoder().encode
        self._unpack = msgspec.msgpack.Decoder(value, ext_hook=extension).decode
        self._peeked: dict[Key, V | None] = {}
        self.written = Written()

    def get(self, key: Key) -> V | None:
        data = self.get_raw(key)
        return None if data is None else self._unpack(data)

    def peek(self, key: Key) -> V | None:
        """As `get`, but the value is shared with other callers: do not change it.

        For what is read with every request and seldom written, such as definitions: a write to the table makes it
        forget all that it remembered, absences included. In a turn that has written to the table nothing is
        remembered, since the write may still be rolled back.
        """
        found = self._peeked.get(key)
        if found is None and key not in self._peeked:
            found = self.get(key)
            if not self.unsettled:
                if len(self._peeked) >= _PEEKED_MAX:
                    self._peeked.clear()
                self._peeked[key] = found
        return found

    @property
    def unsettled(self) -> bool:
        """Whether this turn has written to the table: what is read now may still be rolled back."""
        return self.written.in_turn == self._store.turn

    def get_raw(self, key: Key) -> bytes | None:
        """The stored bytes of a value: an identity for caches of what is derived from it (see `unpack`)."""
        try:
            encoded = self._key(key)
        except UnfitKey:  # A number that somebody asked for, such as a version.
            return None
        if len(encoded) >= _KEY_CUT:
            return self._bucket(encoded).get(encoded[_KEY_CUT:])
        return cast("bytes | None", self._store._view().get(encoded))

    def is_key(self, key: Key) -> bool:
        """Whether the key is of the table's types: for keys that somebody else may have made up."""
        return self._codec.fits(key)

    def unpack(self, data: bytes) -> V:
        return self._unpack(data)

    def put(self, key: Key, value: V) -> None:
        self._put_raw(self._key(key), self._pack(value))

    def put_all(self, entries: Iterable[tuple[Key, V]]) -> None:
        """`put` of each, in less time."""
        encode, pack = self._key, self._pack
        encoded = [(encode(key), pack(value)) for key, value in entries]
        if any(len(key) >= _KEY_CUT for key, _ in encoded):
            for key, data in encoded:
                self._put_raw(key, data)
            return
        try:
            with self._store._writer().cursor() as cursor:
                cursor.putmulti(encoded)
        except lmdb.Error as error:
            raise self._store._storage_error(error) from error
        self._forget_peeked()

    def delete(self, key: Key) -> bool:
        """Remove the key; whether it was there."""
        try:
            encoded = self._key(key)
        except UnfitKey:
            return False
        if len(encoded) < _KEY_CUT:
            return self._delete_raw(encoded)
        bucket = self._bucket(encoded)
        if bucket.pop(encoded[_KEY_CUT:], None) is None:
            return False
        if bucket:
            self._write(encoded[:_KEY_CUT], _pack_bucket(bucket))
        else:
            self._delete_raw(encoded[:_KEY_CUT])
        return True

    def scan(
        self,
        prefix: Key = (),
        *,
        start: Key | None = None,
        after: Key | None = None,
        reverse: bool = False,
        limit: int | None = None,
    ) -> Iterator[tuple[Key, V]]:
        """Entries whose key begins with `prefix`, in key order, or from the last to the first if `reverse`.

        `start` is the first key to see (in the direction of the scan; the last one if `reverse`), `after` the key
        to go on behind. Both may be partial keys. Do not write to the table while iterating.
        """
        decode, unpack = self._codec.decode_behind, self._unpack
        encoded_prefix = self._key(prefix)
        at = len(encoded_prefix)
        bound = None if start is None else self._key(start)
        skip = None if after is None else self._key(after)
        entries = self._entries(encoded_prefix, bound, skip, reverse=reverse)
        return ((decode(prefix, at, encoded), unpack(data)) for encoded, data in islice(entries, limit))

    def values(self, prefix: Key, *, after: Key | None = None, reverse: bool = False) -> Iterator[V]:
        """As `scan` without the keys, which then need no decoding."""
        skip = None if after is None else self._key(after)
        return (self._unpack(data) for _, data in self._entries(self._key(prefix), None, skip, reverse=reverse))

    def encoded(self, prefix: Key) -> bytes:
        """What the stored keys begin with that begin with `prefix`."""
        return self._key(prefix)

    def first(self, prefix: Key = ()) -> tuple[Key, V] | None:
        """The first entry whose key begins with `prefix`."""
        return next(self.scan(prefix, limit=1), None)

    def count(self, prefix: Key = ()) -> int:
        return sum(1 for _ in self._entries(self._key(prefix), None, None, reverse=False))

    def delete_all(self, prefix: Key) -> None:
        """Remove every key that begins with `prefix`."""
        encoded_prefix = self._key(prefix)
        doomed = self._entries(encoded_prefix, None, None, reverse=False)
        if len(encoded_prefix) >= _KEY_CUT:
            for key in [self._codec.decode(encoded) for encoded, _ in doomed]:
                self.delete(key)
        elif next(doomed, None) is not None:
            self._store.remove_some(encoded_prefix, limit=sys.maxsize)
            self._forget_peeked()

    # ---- bytes --------------------------------------------------------------------------------------------------

    def _put_raw(self, encoded: bytes, data: bytes) -> None:
        if len(encoded) >= _KEY_CUT:
            bucket = self._bucket(encoded)
            bucket[encoded[_KEY_CUT:]] = data
            encoded, data = encoded[:_KEY_CUT], _pack_bucket(bucket)
        self._write(encoded, data)

    def _write(self, encoded: bytes, data: bytes) -> None:
        try:
            self._store._writer().put(encoded, data)
        except lmdb.Error as error:
            raise self._store._storage_error(error) from error
        self._forget_peeked()

    def _delete_raw(self, encoded: bytes) -> bool:
        try:
            deleted: bool = self._store._writer().delete(encoded)
        except lmdb.Error as error:
            raise self._store._storage_error(error) from error
        self._forget_peeked()
        return deleted

    def _forget_peeked(self) -> None:
        self.written.in_turn = self._store.turn
        if self._peeked:
            self._peeked.clear()

    def _bucket(self, encoded: bytes) -> dict[bytes, bytes]:
        data = self._store._view().get(encoded[:_KEY_CUT])
        return dict(_unpack_bucket(data)) if data is not None else {}

    def _entries(
        self, prefix: bytes, start: bytes | None, after: bytes | None, *, reverse: bool
    ) -> Iterator[tuple[bytes, bytes]]:
        return self._backward(prefix, start, after) if reverse else self._forward(prefix, start, after)

    def _forward(self, prefix: bytes, start: bytes | None, after: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        begin = max(prefix, start if start is not None else after if after is not None else prefix)
        with self._store._view().cursor() as cursor:
            # A long key lies in the entry of its cut, which sorts before the key itself.
            if not cursor.set_range(begin[:_KEY_CUT]):
                return
            for cut, data in _pairs(cursor.iternext()):
                for encoded, value in ((cut, data),) if len(cut) < _KEY_CUT else _long_keys(cut, data):
                    if encoded < begin:
                        continue
                    if not encoded.startswith(prefix):
                        return
                    if after is None or not (encoded == after or encoded.startswith(after)):
                        yield encoded, value

    def _backward(self, prefix: bytes, start: bytes | None, after: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        begin = start if start is not None else after if after is not None else prefix
        with self._store._view().cursor() as cursor:
            # Everything that begins with the bound is within it, so the scan starts behind all its continuations.
            end = _after_prefix(begin[:_KEY_CUT])
            if not (cursor.prev() if end is not None and cursor.set_range(end) else cursor.last()):
                return
            for cut, data in _pairs(cursor.iterprev()):
                for encoded, value in ((cut, data),) if len(cut) < _KEY_CUT else reversed(_long_keys(cut, data)):
                    if not encoded.startswith(prefix):
                        if encoded < prefix:
                            return
                        continue
                    if start is not None and encoded > start and not encoded.startswith(start):
                        continue
                    if after is None or encoded < after:
                        yield encoded, value


def _pairs(entries: object) -> Iterator[tuple[bytes, bytes]]:
    return cast("Iterator[tuple[bytes, bytes]]", entries)  # Memory views come only from transactions with `buffers`.


def _long_keys(cut: bytes, data: bytes) -> list[tuple[bytes, bytes]]:
    return [(cut + rest, value) for rest, value in _unpack_bucket(data)]


def _after_prefix(prefix: bytes) -> bytes | None:
    """The first bytes that sort behind everything that begins with `prefix`; None if nothing does."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes((stripped[-1] + 1,)) if stripped else None


def _pack_bucket(bucket: dict[bytes, bytes]) -> bytes:
    return msgspec.msgpack.encode(sorted(bucket.items()))


_unpack_bucket = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]]).decode
