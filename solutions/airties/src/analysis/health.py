"""How well an access point does, from one sample. Pure: no AWS call here."""

from collections.abc import Callable, Mapping
from typing import Any

Sample = Mapping[str, Any]

# What is wrong, how it is seen, and how many of 100 points it costs.
SIGNS: tuple[tuple[str, Callable[[Sample], bool], int], ...] = (
    ("weak-signal", lambda sample: sample["rssi"] < -70, 25),
    ("busy-air", lambda sample: sample["air24"] > 70, 15),
    ("retries", lambda sample: sample["retries"] > 0.15, 20),
    ("hot", lambda sample: sample["temperature"] > 58, 10),
    ("rebooted", lambda sample: sample["reboots"] > 0, 30),
)


def examine(sample: Sample) -> dict[str, Any]:
    """The result: one row of the table that analysts read in bulk."""
    found = [(name, points) for name, is_seen, points in SIGNS if is_seen(sample)]
    return {
        "device": sample["device"],
        "seq": sample["seq"],
        "at_ms": sample["at"],
        "device_group": sample["group"],
        "health": 100 - sum(points for _, points in found),
        "anomalies": ",".join(name for name, _ in found),
    }
