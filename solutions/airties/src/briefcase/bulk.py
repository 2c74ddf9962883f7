"""A batch of records as one bulk file, and where each lies in it. Pure: no AWS call here.

The samples lie one after the other as the devices sent them, each followed by a newline: a bulk reader takes the file
as JSON lines, and a range request of an entry's offset and length gets exactly that sample. They are not compressed one
by one: a few hundred bytes hardly shrink by themselves, and of a file that is compressed as a whole no range can be
read.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Entry:
    """Where a sample lies, and which record of the stream it was."""

    device: str
    at_seq: str
    offset: int
    length: int
    sequence: str
    shard: str

    @property
    def key(self) -> tuple[str, str]:
        return self.device, self.at_seq


@dataclass(frozen=True)
class Bulk:
    stream: str
    name: str
    body: bytes
    entries: list[Entry]


def at_seq(at_ms: int, seq: int) -> str:
    """The index's sort key: a device's samples by the time at which they were measured."""
    return f"{at_ms:013d}#{seq:08d}"


def pack(records: list[dict[str, Any]]) -> Bulk:
    """The records of one invocation, in their order."""
    parts: list[bytes] = []
    entries: list[Entry] = []
    offset = 0
    for record in records:
        own = record["kinesis"]
        data = base64.b64decode(own["data"])
        shard = record["eventID"].partition(":")[0]
        device, place = key_of(data, own)
        entries.append(Entry(device, place, offset, len(data), own["sequenceNumber"], shard))
        parts.append(data)
        offset += len(data) + 1
    stream = records[0]["eventSourceARN"].rpartition("/")[2]
    return Bulk(stream, file_name(stream, records[0]), b"\n".join([*parts, b""]), entries)


def key_of(data: bytes, own: dict[str, Any]) -> tuple[str, str]:
    """By what a sample is found again. One that cannot be read is kept, too: by its sender and when it arrived."""
    try:
        sample = json.loads(data)
        return str(sample["device"]), at_seq(int(sample["at"]), int(sample["seq"]))
    except (ValueError, TypeError, KeyError):
        arrived_ms = int(own["approximateArrivalTimestamp"] * 1000)
        return own["partitionKey"], f"{arrived_ms:013d}#unreadable#{own['sequenceNumber']}"


def file_name(stream: str, first: dict[str, Any]) -> str:
    """By stream and hour of arrival, then by the first record."""
    arrived = datetime.fromtimestamp(first["kinesis"]["approximateArrivalTimestamp"], UTC)
    shard, _, sequence = first["eventID"].partition(":")
    return f"bulk/{stream}/{arrived:%Y/%m/%d/%H}/{arrived:%M%S}-{shard}-{sequence}"


def latest(entries: Iterable[Entry]) -> list[Entry]:
    """One entry for each sample: of a sample that was sent twice, the later record."""
    return list({entry.key: entry for entry in entries}.values())


def chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]
