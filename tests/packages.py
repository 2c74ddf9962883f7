"""Code as functions and layers are given it."""

import io
import zipfile
from collections.abc import Mapping


def zipped(files: Mapping[str, str | bytes], *, mode: int = 0o644) -> bytes:
    """A zip of these files, by their names; with 0o755 they can be run as programs."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            packed.writestr(entry, content)
    return archive.getvalue()
