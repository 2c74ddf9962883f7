"""The input: a fleet of Wi-Fi access points and what they tell in a day, message by message.

Everything follows from the fleet alone: the driver and the audit each make the same messages anew, so that a million of
them need no memory. Message n is one device's `seq`-th; the devices take turns, in another order in every round. When
it is measured follows from the load curve of a day. A few are sent late (the device was offline), a few are sent twice.
"""

import heapq
import json
import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple

DAY_MS = 86_400_000
FIRST_HOUR = 6  # the day begins at 6 in the morning, so that the night, when shards are given back, is its end
LATE, TWICE, EVENTS = 0.01, 0.01, 0.02  # shares of all messages
LATE_BY_MAX = 0.05  # of the day's messages: as many may overtake a late one
TWICE_WITHIN = 0.002
GROUPS = 12  # of devices: as an operator has regions or models
STRIDE = 7919  # a prime: where a device stands in its next round

# Hour of the day, height, width in hours: the morning, a power cut's end (every device reports at once), the evening.
BUMPS = ((8.0, 0.60, 1.2), (13.5, 2.20, 0.35), (20.5, 1.00, 2.0))
NIGHT = 0.12
CURVE_POINTS = 2880


def load(hour: float) -> float:
    """How busy the fleet is at that hour of the day; the evening's height is about 1."""
    return NIGHT + sum(height * math.exp(-(((hour - at) / width) ** 2) / 2) for at, height, width in BUMPS)


class Message(NamedTuple):
    number: int
    device: int
    seq: int
    at_ms: int
    event: bool


@dataclass(frozen=True)
class Fleet:
    """`name` makes its devices' names; `first_ms` is when its day begins, by the devices' clocks."""

    name: str
    devices: int
    rounds: int
    first_ms: int

    @property
    def total(self) -> int:
        return self.devices * self.rounds

    @cached_property
    def _until(self) -> list[float]:
        """The share of the day's messages until each of so many moments of it."""
        hours = [(FIRST_HOUR + 24 * point / CURVE_POINTS) % 24 for point in range(CURVE_POINTS)]
        sums, so_far = [0.0], 0.0
        for hour in hours:
            so_far += load(hour)
            sums.append(so_far)
        return [each / so_far for each in sums]

    def share_until(self, day_share: float) -> float:
        """The share of the day's messages that are due once that share of the day is over."""
        point = min(max(day_share, 0.0), 1.0) * CURVE_POINTS
        below = min(int(point), CURVE_POINTS - 1)
        return self._until[below] + (point - below) * (self._until[below + 1] - self._until[below])

    def _moment(self, share: float) -> float:
        """When in the day that share of the messages is due."""
        above = min(max(bisect_left(self._until, share), 1), CURVE_POINTS)
        low, high = self._until[above - 1], self._until[above]
        return (above - 1 + (share - low) / (high - low)) / CURVE_POINTS

    def message(self, number: int) -> Message:
        seq, place = divmod(number, self.devices)
        device = (place + seq * STRIDE) % self.devices
        at_ms = self.first_ms + int(self._moment(number / self.total) * DAY_MS)
        return Message(number, device, seq, at_ms, self._chance("event", number) < EVENTS)

    def number_of(self, device: int, seq: int) -> int:
        return seq * self.devices + (device - seq * STRIDE) % self.devices

    def device_name(self, device: int) -> str:
        return f"ap-{self.name}-{device:06d}"

    def device_of(self, name: str) -> int:
        return int(name.rpartition("-")[2])

    def group_of(self, device: int) -> str:
        return f"{self.name}-{device % GROUPS:02d}"

    def _chance(self, what: str, number: int) -> float:
        digest = blake2b(f"{self.name} {what} {number}".encode(), digest_size=4).digest()
        return int.from_bytes(digest, "big") / (1 << 32)

    # ---- the day ------------------------------------------------------------------------------------------------

    def sends(self) -> Iterator[tuple[float, Message]]:
        """Every sending in its order, with the share of the day's messages that is due by then."""
        later: list[tuple[float, int]] = []
        for number in range(self.total):
            while later and later[0][0] <= number:
                place, held = heapq.heappop(later)
                yield place / self.total, self.message(held)
            if self._chance("late", number) < LATE:
                by = 1 + self._chance("late by", number) * LATE_BY_MAX * self.total
                heapq.heappush(later, (number + by, number))
                continue
            yield number / self.total, self.message(number)
            if self._chance("twice", number) < TWICE:
                within = 1 + self._chance("twice within", number) * TWICE_WITHIN * self.total
                heapq.heappush(later, (number + within, number))
        for place, held in sorted(later):
            yield min(place / self.total, 1.0), self.message(held)

    def body(self, message: Message) -> bytes:
        """The message as the device sends it."""
        chance = blake2b(f"{self.name} {message.number}".encode(), digest_size=16).digest()
        told: dict[str, object] = {
            "device": self.device_name(message.device),
            "seq": message.seq,
            "at": message.at_ms,
            "group": self.group_of(message.device),
        }
        if message.event:
            told |= {"event": EVENT_NAMES[chance[0] % len(EVENT_NAMES)], "client": chance[1:7].hex(":")}
        else:
            told |= readings(chance, load((FIRST_HOUR + 24 * (message.at_ms - self.first_ms) / DAY_MS) % 24))
        return json.dumps(told, separators=(",", ":")).encode()


EVENT_NAMES = ("client-joined", "client-left", "steered-to-5-GHz", "channel-changed", "radar-seen", "rebooted")


def readings(chance: bytes, busy: float) -> dict[str, object]:
    """What an access point measures, from sixteen random bytes and how busy its hour is."""
    air = min(98, int(8 + 50 * min(busy, 1.4) * (0.4 + chance[0] / 255)))
    bad = chance[1] < 10  # one of 26 has a bad moment: far clients, a neighbour on its channel
    return {
        "uptime": int.from_bytes(chance[12:15], "big"),
        "clients": int(1 + 14 * min(busy, 1.2) * chance[2] / 255),
        "rssi": -(72 + chance[3] % 18) if bad else -(38 + chance[3] % 30),
        "noise": -(90 + chance[4] % 8),
        "air24": air,
        "air5": air * (30 + chance[5] % 40) // 100,
        "tx": int(chance[6] * busy * 4) / 10,
        "rx": int(chance[7] * busy) / 10,
        "retries": round((18 + chance[8] % 40 if bad else chance[8] % 12) / 100, 2),
        "temperature": 38 + chance[9] % 25,
        "reboots": 1 if chance[10] == 0 else 0,
    }
