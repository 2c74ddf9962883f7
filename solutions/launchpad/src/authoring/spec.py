"""What a tenant says of a function: its code, what goes in, what comes out, and what it may use.

A tenant's own spec lists the fields of its documents with their types; a function maps them to its inputs, and its
outputs to them:

    {"inputs": {"amount": "order.total"}, "outputs": {"discount": "order.discount"}, "handler": "snippet.handler", ...}
"""

import base64
import io
import re
import stat
import zipfile
from typing import Any

TYPES = frozenset(("string", "number", "boolean", "list", "map"))
NAME = re.compile(r"[a-z][a-z0-9-]{1,30}")
FIELD = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,7}")
ARGUMENT = re.compile(r"[a-z][a-z0-9_]{0,63}")
HANDLER = re.compile(r"[A-Za-z_][\w/]*\.[A-Za-z_]\w*")
RIGHTS = ("log", "nothing")
MEMORY_MB = range(128, 513)
TIMEOUT_S = range(1, 11)
PACKED_BYTES_MAX = 3 << 20
UNPACKED_BYTES_MAX = 50 << 20


class Refused(Exception):
    """The definition is wrong; the message says what."""


def tenant_spec(document: Any) -> dict[str, str]:
    """The fields of a tenant's documents, with their types."""
    fields = document.get("fields") if isinstance(document, dict) else None
    if not isinstance(fields, dict) or not fields:
        raise Refused("fields: a map of field to type is needed")
    for field, kind in fields.items():
        if not FIELD.fullmatch(field):
            raise Refused(f"fields: {field} is no field name, such as order.total")
        if kind not in TYPES:
            raise Refused(f"fields: {field} is a {kind}; there are {', '.join(sorted(TYPES))}")
    return fields


def definition(document: Any, fields: dict[str, str]) -> dict[str, Any]:
    """A function's definition, complete with what it leaves out."""
    if not isinstance(document, dict):
        raise Refused("a JSON object is needed")
    found = {
        "inputs": mapping("inputs", document.get("inputs"), fields),
        "outputs": mapping("outputs", document.get("outputs"), fields),
        "handler": document.get("handler", "snippet.handler"),
        "rights": document.get("rights", "log"),
        "calls_platform": document.get("calls_platform", False),
        "memory_mb": document.get("memory_mb", 128),
        "timeout_s": document.get("timeout_s", 3),
    }
    if not isinstance(found["handler"], str) or not HANDLER.fullmatch(found["handler"]):
        raise Refused("handler: module.function is needed")
    if found["rights"] not in RIGHTS:
        raise Refused(f"rights: one of {', '.join(RIGHTS)}")
    if not isinstance(found["calls_platform"], bool):
        raise Refused("calls_platform: true or false")
    for name, allowed in (("memory_mb", MEMORY_MB), ("timeout_s", TIMEOUT_S)):
        if type(found[name]) is not int or found[name] not in allowed:
            raise Refused(f"{name}: {allowed.start} to {allowed.stop - 1}")
    return found


def mapping(what: str, given: Any, fields: dict[str, str]) -> dict[str, str]:
    if not isinstance(given, dict):
        raise Refused(f"{what}: a map of name to field is needed")
    for name, field in given.items():
        if not ARGUMENT.fullmatch(name):
            raise Refused(f"{what}: {name} is no name")
        if field not in fields:
            raise Refused(f"{what}: {name} is mapped to {field}, which the tenant's documents do not have")
    return given


def code(document: dict[str, Any]) -> bytes:
    """The package as a zip: given as such in base64, or as the source of a single module, `snippet`."""
    if isinstance(document.get("source"), str):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("snippet.py", (1980, 1, 1, 0, 0, 0)), document["source"])
        return packed.getvalue()
    try:
        data = base64.b64decode(document["zip"], validate=True)
    except (KeyError, TypeError, ValueError):
        raise Refused("source (one module) or zip (a package in base64) is needed") from None
    checked(data)
    return data


def checked(data: bytes) -> None:
    """Refuse a package that is no plain tree of files of a sensible size."""
    if len(data) > PACKED_BYTES_MAX:
        raise Refused(f"zip: more than {PACKED_BYTES_MAX >> 20} MB")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise Refused("zip: not a zip archive") from None
    if sum(entry.file_size for entry in entries) > UNPACKED_BYTES_MAX:
        raise Refused(f"zip: more than {UNPACKED_BYTES_MAX >> 20} MB unpacked")
    for entry in entries:
        parts = entry.filename.replace("\\", "/").split("/")
        mode = entry.external_attr >> 16
        if (
            ".." in parts
            or entry.filename.startswith("/")
            or (mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR))
        ):
            raise Refused(f"zip: {entry.filename!r} is no plain file within the package")
