"""What CloudWatch Logs sends: gzip, and in it the events of a log group.

https://docs.aws.amazon.com/firehose/latest/dev/writing-with-cloudwatch-logs-decompression.html
"""

import zlib
from typing import Any

from fogbank.core.json_text import parse

_ANY_HEADER = 47  # zlib's window bits for gzip or zlib.
# What one record may become: as much as a function could take, so that a small one cannot fill the memory.
UNPACKED_BYTES_MAX = 32 * 1024 * 1024


class NotCompressed(Exception):
    """The record cannot be unpacked; the message says why."""


def unpacked(record: bytes) -> bytes:
    """Raises NotCompressed."""
    unpacker = zlib.decompressobj(wbits=_ANY_HEADER)
    try:
        found = unpacker.decompress(record, UNPACKED_BYTES_MAX)
    except zlib.error as error:
        raise NotCompressed(str(error)) from None
    if not unpacker.eof:
        raise NotCompressed("The record is cut off, or too large when unpacked")
    return found


def messages(record: bytes) -> list[bytes]:
    """The messages of the log events alone, a line each; control messages have none. Other records stay as they are."""
    document: Any = parse(record)
    if not isinstance(document, dict) or "messageType" not in document:
        return [record]
    if document["messageType"] != "DATA_MESSAGE":
        return []
    found = "".join(f"{event.get('message', '')}\n" for event in document.get("logEvents") or ())
    return [found.encode()] if found else []
