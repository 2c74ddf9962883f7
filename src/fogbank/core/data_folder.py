"""The data folder: one process has it at a time, and says there who and where it is."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class DataFolderInUse(Exception):
    """Another server has the data folder: the message says which."""


class Holder(NamedTuple):
    """The server that has a data folder; process and port are 0 as long as it has not said them."""

    pid: int
    port: int


@contextlib.contextmanager
def lock_data_folder(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the lock goes with the process, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found = _read(folder)
            raise DataFolderInUse(f"data folder {folder} is in use by process {found.pid or 'unknown'}") from None
        write_holder(folder, port=0)
        yield


def write_holder(folder: Path, *, port: int) -> None:
    """Say in the locked folder who has it and where it listens."""
    with (folder / "lock").open("r+") as lock:
        # Always as long, so that a reader never sees a half of it.
        lock.write(f"{os.getpid():>10} {port:>5}\n")


def holder(folder: Path) -> Holder | None:
    """The server that has the folder; None if there is none."""
    try:
        with (folder / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _read(folder)
    except OSError:
        pass
    return None


def _read(folder: Path) -> Holder:
    words = [int(word) for word in (folder / "lock").read_text().split() if word.isdecimal()]
    return Holder(*words) if len(words) == 2 else Holder(0, 0)
