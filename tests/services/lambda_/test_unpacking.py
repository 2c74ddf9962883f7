"""Packages that are not what they should be."""

import io
import os
import stat
import warnings
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fogbank.services.lambda_.code import CodeCache, check_zip, unpack
from fogbank.services.lambda_.errors import InvalidParameterValue

LINK = (stat.S_IFLNK | 0o777) << 16


def package(*entries: tuple[str, bytes, int]) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(buffer, "w") as archive:
        for name, content, attributes in entries:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = attributes
            archive.writestr(entry, content)
    return buffer.getvalue()


def unpacked(folder: Path, data: bytes) -> Path:
    check_zip(data)
    file = folder / "package.zip"
    file.write_bytes(data)
    unpack(file, folder / "code")
    return folder / "code"


@pytest.mark.parametrize(
    "name", ["../out.py", "a/../../out.py", "/etc/out", "a\\..\\..\\out", "n" * 256, "a/" + "é" * 128]
)
def test_a_name_that_leaves_the_package_or_fits_no_file_system_is_refused(name: str) -> None:
    with pytest.raises(InvalidParameterValue, match="Could not unzip uploaded file"):
        check_zip(package((name, b"x", 0o644 << 16)))


def test_what_is_encrypted_is_refused() -> None:
    data = bytearray(package(("app.py", b"x", 0o644 << 16)))
    directory = data.rindex(b"PK\x01\x02")
    data[directory + 8] |= 1
    with pytest.raises(InvalidParameterValue, match="Could not unzip uploaded file"):
        check_zip(bytes(data))


def test_a_package_that_becomes_huge_is_refused_before_it_is_unpacked() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("zeros.bin", b"x")
        archive.filelist[0].file_size = 250 << 20
    with pytest.raises(InvalidParameterValue, match="Unzipped size must be smaller than 262144000 bytes"):
        check_zip(buffer.getvalue())


def test_nothing_is_written_behind_a_link_that_leads_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    code = unpacked(
        tmp_path,
        package(
            ("door", str(outside).encode(), LINK),
            ("door/planted.py", b"x", 0o644 << 16),
            ("up", b"../outside", LINK),
            ("up/planted.py", b"x", 0o644 << 16),
            ("loop", b"loop", LINK),
            ("file", str(outside / "new").encode(), LINK),
            ("file", b"x", 0o644 << 16),
            ("app.py", b"x", 0o644 << 16),
        ),
    )
    assert list(outside.iterdir()) == []
    assert os.readlink(code / "door") == str(outside)
    assert (code / "app.py").read_bytes() == b"x"


def test_what_a_killed_server_has_left_of_packages_is_removed(tmp_path: Path) -> None:
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    (blobs / "kept").touch()
    code = tmp_path / "lambda" / "code"
    for name in ("kept", "kept.part", "given-up", "given-up.part"):
        (code / name).mkdir(parents=True)
    cloud: Any = SimpleNamespace(folder=tmp_path, blobs=SimpleNamespace(path=lambda blob: blobs / blob))
    CodeCache(cloud).sweep()
    assert {folder.name for folder in code.iterdir()} == {"kept", "kept.part"}


def test_a_device_in_a_package_is_a_file(tmp_path: Path) -> None:
    code = unpacked(tmp_path, package(("disk", b"x", (stat.S_IFBLK | 0o666) << 16)))
    assert stat.S_ISREG((code / "disk").lstat().st_mode)


def test_everyone_may_read_what_is_unpacked_and_run_what_its_owner_may(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        code = unpacked(tmp_path, package(("bin/bootstrap", b"x", 0o700 << 16), ("lib/secret.py", b"x", 0o600 << 16)))
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((code / name).stat().st_mode) for name in ("bin", "bin/bootstrap", "lib/secret.py")}
    assert modes == {"bin": 0o755, "bin/bootstrap": 0o755, "lib/secret.py": 0o644}
