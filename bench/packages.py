"""Code as functions are given it."""

import io
import zipfile


def package(name: str, content: str | bytes, *, also: str = "") -> bytes:
    """A zip with one program, and another file that makes it differ from others."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, content)
        if also:
            archive.writestr("different.txt", also)
    return buffer.getvalue()
