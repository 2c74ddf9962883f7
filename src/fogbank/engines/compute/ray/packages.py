"""Code on its way to a node: a folder's name by what is in it, and its content as an archive."""

import hashlib
import io
import os
import shutil
import tarfile
from collections import OrderedDict
from pathlib import Path

# Packages that a node keeps although no environment uses them.
UNUSED_MAX = 50


def fingerprint(folder: Path) -> str:
    """Tells the folder's content: names, kinds, sizes and times, as a build tool would."""
    digest = hashlib.sha256()
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted([*folders, *files]):
            found = os.lstat(os.path.join(root, name))
            place = os.path.relpath(os.path.join(root, name), folder)
            size = 0 if os.path.isdir(os.path.join(root, name)) else found.st_size
            digest.update(f"{place}\0{found.st_mode:o} {size} {found.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def pack(folder: Path) -> bytes:
    buffer = io.BytesIO()

    def anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(folder, ".", filter=anonymous)
    return buffer.getvalue()


class PackageShelf:
    """Unpacked packages on a node, by their fingerprints. A folder appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._users: OrderedDict[str, int] = OrderedDict()

    def keep(self, name: str, archive: bytes) -> None:
        """Blocks; the package is there for `use` only when `there` has been told."""
        partial = self._folder / f"{name}.part"
        shutil.rmtree(partial, ignore_errors=True)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(partial, filter="tar")
        partial.chmod(0o755)
        partial.rename(self._folder / name)

    def there(self, name: str) -> None:
        self._users.setdefault(name, 0)

    def __contains__(self, name: str) -> bool:
        return name in self._users

    def use(self, name: str) -> Path:
        """Its folder, which stays until `release`."""
        self._users[name] += 1
        self._users.move_to_end(name)
        return self._folder / name

    def release(self, name: str) -> None:
        self._users[name] -= 1
        unused = [each for each, users in self._users.items() if not users]
        for old in unused[: max(len(unused) - UNUSED_MAX, 0)]:
            del self._users[old]
            shutil.rmtree(self._folder / old, ignore_errors=True)
