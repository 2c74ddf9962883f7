"""Compares what can be found again with what was acknowledged: every sample, its bytes, its order.

Each bulk file is read once and every entry's slice of it is compared with the message as the device made it.
"""

from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from fleet import Fleet
from ledger import Ledger

READERS = 4


@dataclass
class Index:
    """Where the messages of a fleet lie, by their number: -1 where there is no entry."""

    file: "array[int]"
    offset: "array[int]"
    length: "array[int]"
    written_ms: "array[int]"
    sequence: list[int]
    files: list[tuple[str, str]] = field(default_factory=list)
    bytes: int = 0  # as DynamoDB counts them, with the 100 that it adds to each for its bill
    unknown: int = 0  # entries of no message that the fleet has sent


@dataclass
class Audit:
    acknowledged: int = 0  # different messages
    lost: int = 0  # acknowledged, and not in the index
    different: int = 0  # in the index, and its slice is not what the device sent
    duplicates: int = 0  # entries beyond one for each message
    out_of_order: int = 0  # sequence numbers in the index that do not follow the device's order
    index_bytes: int = 0
    bytes: int = 0
    file_bytes: list[int] = field(default_factory=list)
    delays_ms: list[int] = field(default_factory=list)  # from the acknowledgement to the entry in the index


def audit(dynamodb: Any, s3: Any, table: str, fleet: Fleet, ledger: Ledger) -> Audit:
    index = read_index(dynamodb, table, fleet)
    result = Audit()
    last_sent, sent_ms = last_sends(fleet, ledger)
    for number in last_sent:
        result.acknowledged += 1
        if index.file[number] < 0:
            result.lost += 1
        else:
            result.delays_ms.append(max(0, index.written_ms[number] - sent_ms[number]))
    result.out_of_order = disorder(fleet, index, last_sent)
    result.duplicates = index.unknown
    result.index_bytes = index.bytes
    compare(s3, fleet, index, result)
    return result


def last_sends(fleet: Fleet, ledger: Ledger) -> tuple[list[int], "array[int]"]:
    """Every acknowledged message once, each device's in the order in which it sent them (for the last time, if it sent
    one twice: that record is the one that the index must name); and when that was."""
    sent_ms = array("q", [-1]) * fleet.total
    order: dict[int, None] = {}
    for number, at_ms in ledger.sends():
        order.pop(number, None)
        order[number] = None
        sent_ms[number] = at_ms
    return list(order), sent_ms


def disorder(fleet: Fleet, index: Index, numbers: list[int]) -> int:
    """Records of a device whose sequence number is not above that of the one sent before, on the same stream."""
    last: dict[tuple[int, bool], int] = {}
    wrong = 0
    for number in numbers:
        message = fleet.message(number)
        of = (message.device, message.event)
        if index.file[number] < 0:
            continue
        wrong += index.sequence[number] <= last.get(of, -1)
        last[of] = index.sequence[number]
    return wrong


def read_index(dynamodb: Any, table: str, fleet: Fleet) -> Index:
    total = fleet.total
    index = Index(
        file=array("l", [-1]) * total,
        offset=array("q", [0]) * total,
        length=array("l", [0]) * total,
        written_ms=array("q", [0]) * total,
        sequence=[0] * total,
    )
    files: dict[tuple[str, str], int] = {}
    for item in scan(dynamodb, table, fleet):
        index.bytes += 100 + sum(len(name) + len(*value.values()) for name, value in item.items())
        number = number_in(fleet, item)
        if number is None:
            index.unknown += 1
            continue
        place = (item["bucket"]["S"], item["key"]["S"])
        index.file[number] = files.setdefault(place, len(files))
        index.offset[number] = int(item["offset"]["N"])
        index.length[number] = int(item["length"]["N"])
        index.written_ms[number] = int(item["written"]["N"])
        index.sequence[number] = int(item["sequence"]["S"])
    index.files = list(files)
    return index


def number_in(fleet: Fleet, item: dict[str, Any]) -> int | None:
    """The message that the entry is of; None if the fleet has none of that device, time and number."""
    at_ms, _, seq = item["at_seq"]["S"].partition("#")
    if not seq.isdigit() or int(seq) >= fleet.rounds:
        return None
    number = fleet.number_of(fleet.device_of(item["device"]["S"]), int(seq))
    return number if fleet.message(number).at_ms == int(at_ms) else None


def scan(dynamodb: Any, table: str, fleet: Fleet) -> Iterator[dict[str, Any]]:
    """The fleet's entries, read in several segments at a time."""

    def segment(which: int) -> list[dict[str, Any]]:
        pages = dynamodb.get_paginator("scan").paginate(
            TableName=table,
            Segment=which,
            TotalSegments=READERS,
            ConsistentRead=True,
            FilterExpression="begins_with(device, :fleet)",
            ExpressionAttributeValues={":fleet": {"S": f"ap-{fleet.name}-"}},
        )
        return [item for page in pages for item in page["Items"]]

    with ThreadPoolExecutor(READERS) as pool:
        for items in pool.map(segment, range(READERS)):
            yield from items


def compare(s3: Any, fleet: Fleet, index: Index, result: Audit) -> None:
    """Every entry's slice with the message itself, file by file."""
    numbers: list[list[int]] = [[] for _ in index.files]
    for number, file in enumerate(index.file):
        if file >= 0:
            numbers[file].append(number)

    def check(file: int) -> tuple[int, int]:
        bucket, key = index.files[file]
        whole = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        wrong = 0
        for number in numbers[file]:
            first = index.offset[number]
            wrong += whole[first : first + index.length[number]] != fleet.body(fleet.message(number))
        return len(whole), wrong

    with ThreadPoolExecutor(READERS) as pool:
        for size, wrong in pool.map(check, range(len(index.files))):
            result.bytes += size
            result.file_bytes.append(size)
            result.different += wrong
