"""The files of an export: lines of data, and the manifests that list them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
"""

import base64
import hashlib
import zlib
from typing import Any

import msgspec

from fogbank.core.moments import iso_milliseconds
from fogbank.services.dynamodb.records import Export, StoredItem
from fogbank.services.dynamodb.values import Item

_GZIP = 31  # zlib's window bits for a gzip header.
_encode = msgspec.json.encode


class DataFileWriter:
    """A compressed file of lines, in memory."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(wbits=_GZIP)
        self._packed: list[bytes] = []
        self.items = 0
        self.size = 0
        """Bytes of the items, as they are charged."""
        self.line_bytes = 0

    def add(self, line: bytes, size: int) -> None:
        self._packed.append(self._packer.compress(line))
        self.items += 1
        self.size += size
        self.line_bytes += len(line)

    def finish(self) -> bytes:
        return b"".join((*self._packed, self._packer.flush()))


def full_line(stored: StoredItem) -> bytes:
    return b'{"Item":' + _encode(stored.item) + b"}\n"


def change_line(keys: Item, *, written_ms: int, new: StoredItem | None, old: StoredItem | None) -> bytes:
    """A line of an incremental export; an item that is gone has no new image."""
    line: dict[str, Any] = {"Metadata": {"WriteTimestampMicros": {"N": str(written_ms * 1000)}}, "Keys": keys}
    if new is not None:
        line["NewImage"] = new.item
    if old is not None:
        line["OldImage"] = old.item
    return _encode(line) + b"\n"


def folder(export: Export) -> str:
    return f"{_root(export)}{export.job.arn.rpartition('/')[2]}/"


def data_key(export: Export, number: int) -> str:
    """Where the file of that number goes: the same if it is written once more. Incremental exports share a folder."""
    digest = hashlib.sha256(f"{export.job.arn}/{number}".encode()).digest()
    name = base64.b32encode(digest)[:26].decode().lower()
    return f"{_root(export) if export.view else folder(export)}data/{name}.json.gz"


def manifests(export: Export, now_ms: int) -> dict[str, bytes]:
    """The manifests by their keys, with the files that hold their checksums; the summary comes last."""
    files = b"".join(
        _encode({"itemCount": file.items, "md5Checksum": file.md5, "etag": file.etag, "dataFileS3Key": file.key})
        + b"\n"
        for file in export.files
    )
    found: dict[str, bytes] = {}
    for name, content in (("manifest-files", files), ("manifest-summary", _encode(_summary(export, now_ms)))):
        found[f"{folder(export)}{name}.json"] = content
        found[f"{folder(export)}{name}.checksum"] = md5_text(content).encode()
    return found


def md5_text(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _root(export: Export) -> str:
    prefix = export.job.prefix or ""
    return f"{prefix}{'/' if prefix and not prefix.endswith('/') else ''}AWSDynamoDB/"


def _summary(export: Export, now_ms: int) -> dict[str, Any]:
    job = export.job
    summary: dict[str, Any] = {
        "version": "2023-08-01" if export.view else "2020-06-30",
        "exportArn": job.arn,
        "startTime": iso_milliseconds(job.started_ms),
        "endTime": iso_milliseconds(now_ms),
        "tableArn": job.arn.partition("/export/")[0],
        "tableId": job.table_uuid,
        "exportTime": iso_milliseconds(export.at_ms),
        "s3Bucket": job.bucket,
        "s3Prefix": job.prefix,
        "s3SseAlgorithm": export.sse_algorithm,
        "s3SseKmsKeyId": export.sse_key or None,
        "manifestFilesS3Key": f"{folder(export)}manifest-files.json",
        "billedSizeBytes": export.size,
        "itemCount": export.items,
        "outputFormat": "DYNAMODB_JSON",
        "exportType": "INCREMENTAL_EXPORT" if export.view else "FULL_EXPORT",
    }
    if export.view:
        del summary["exportTime"]
        summary["exportFromTime"] = iso_milliseconds(export.from_ms)
        summary["exportToTime"] = iso_milliseconds(export.to_ms)
        summary["outputView"] = export.view
    return summary
