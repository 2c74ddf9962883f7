"""Samples of an hour, and what they come to for each group of devices. Pure: no AWS call here.

An hour's samples are a set: one that comes twice, in whichever bulk file, is the same element, and one that comes late
is added to its own hour. So an hour can be added to at any time and as often as need be.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

HOUR_MS = 3_600_000


class Readings(NamedTuple):
    """What of a sample is summed up."""

    group: str
    clients: int
    rssi: int
    air24: int


Samples = dict[str, Readings]  # by device and number


def samples_in(bulk_file: bytes) -> Iterator[tuple[int, str, Readings]]:
    """Hour, name and readings of each sample of a bulk file; what is no sample is passed over."""
    for line in bulk_file.splitlines():
        try:
            told = json.loads(line)
            readings = Readings(str(told["group"]), int(told["clients"]), int(told["rssi"]), int(told["air24"]))
            yield int(told["at"]) // HOUR_MS * HOUR_MS, f"{told['device']} {told['seq']}", readings
        except (ValueError, TypeError, KeyError):
            continue


def to_text(samples: Samples) -> bytes:
    return "\n".join(f"{name} {' '.join(map(str, readings))}" for name, readings in samples.items()).encode()


def from_text(text: bytes) -> Samples:
    rows = (line.split(" ") for line in text.decode().splitlines())
    return {
        f"{device} {seq}": Readings(group, int(clients), int(rssi), int(air24))
        for device, seq, group, clients, rssi, air24 in rows
    }


def sums(hour_ms: int, samples: Samples) -> list[dict[str, Any]]:
    """One line for each group, in their order."""
    groups: dict[str, Samples] = {}
    for name, readings in samples.items():
        groups.setdefault(readings.group, {})[name] = readings
    return [
        {
            "group": group,
            "hour": hour_ms,
            "samples": len(members),
            "devices": len({name.partition(" ")[0] for name in members}),
            "clients": sum(each.clients for each in members.values()),
            "rssi_min": min(each.rssi for each in members.values()),
            "air24_max": max(each.air24 for each in members.values()),
        }
        for group, members in sorted(groups.items())
    ]
