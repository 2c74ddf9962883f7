"""Files that nobody but their owner can read, and that appear whole or not at all."""

import os
from pathlib import Path
from typing import BinaryIO

MODE = 0o600


def create_private(file: Path) -> BinaryIO:
    """A new file to write to, in the place of any that is there."""
    file.unlink(missing_ok=True)
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb")


def write_private(file: Path, content: bytes) -> None:
    """The content is on the disk when this returns."""
    temporary = file.with_name(f"{file.name}.new")
    with create_private(temporary) as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
