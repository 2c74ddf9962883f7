"""Compares the sums of groups and hours, found through the index, with sums of the fleet's own messages."""

import json
from typing import Any

from fleet import DAY_MS, GROUPS, Fleet
from lookup import Retrieval

HOUR_MS = 3_600_000

Sums = dict[tuple[str, int], dict[str, Any]]


def expected(fleet: Fleet) -> Sums:
    """Recomputed from the messages alone; events are not summed up."""
    found: Sums = {}
    devices: dict[tuple[str, int], set[str]] = {}
    for number in range(fleet.total):
        message = fleet.message(number)
        if message.event:
            continue
        told = json.loads(fleet.body(message))
        place = (told["group"], told["at"] // HOUR_MS * HOUR_MS)
        devices.setdefault(place, set()).add(told["device"])
        line = found.setdefault(
            place,
            {"group": place[0], "hour": place[1], "samples": 0, "clients": 0, "rssi_min": 0, "air24_max": 0},
        )
        line["samples"] += 1
        line["clients"] += told["clients"]
        line["rssi_min"] = min(line["rssi_min"], told["rssi"])
        line["air24_max"] = max(line["air24_max"], told["air24"])
    for place, line in found.items():
        line["devices"] = len(devices[place])
    return found


def written(retrieval: Retrieval, fleet: Fleet) -> Sums:
    found: Sums = {}
    for device in range(GROUPS):
        group = fleet.group_of(device)
        for each in retrieval.samples(f"group#{group}", fleet.first_ms - HOUR_MS, fleet.first_ms + DAY_MS):
            found[(group, each.at_ms)] = json.loads(each.body)
    return found


def compare(retrieval: Retrieval, fleet: Fleet, should: Sums) -> dict[str, int]:
    """How many sums there are, and how many of them are not as they must be."""
    are = written(retrieval, fleet)
    wrong = sum(should.get(place) != are.get(place) for place in should.keys() | are.keys())
    return {"lines": len(should), "wrong": wrong}
