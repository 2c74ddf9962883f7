"""A day at work, compressed: a night, a morning when everybody comes, lunch, an afternoon with its peaks, an evening.

Minutes are the cloud's. In busy ones the clock is a few times as fast as the driver's, in quiet ones much faster.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

# minute of the day, views a second, changes a second; between two points the load is a line.
CURVE = (
    (0, 0.05, 0.02),
    (14, 0.05, 0.02),
    (16, 1, 0.5),  # the first ones
    (20, 34, 10),  # everybody comes, within minutes
    (26, 22, 8),
    (32, 26, 9),
    (35, 4, 1),  # lunch
    (39, 4, 1),
    (40, 10, 26),  # automations, at the full hour
    (42, 30, 14),
    (48, 24, 8),
    (52, 5, 2),
    (55, 0.5, 0.2),
    (57, 0.05, 0.02),
    (78, 0.05, 0.02),
)  # fmt: skip
MINUTES = CURVE[-1][0]
QUIET = 0.6
"""Below so many requests a second nothing happens that would take real time."""


@dataclass(frozen=True)
class Moment:
    views: float
    changes: float

    @property
    def quiet(self) -> bool:
        return self.views + self.changes < QUIET


def at(minute: float) -> Moment:
    """The load at a minute of the day, in requests a second."""
    for (start, *before), (end, *after) in pairwise(CURVE):
        if start <= minute < end:
            share = (minute - start) / (end - start)
            views, changes = (a + (b - a) * share for a, b in zip(before, after, strict=True))
            return Moment(views, changes)
    return Moment(CURVE[-1][1], CURVE[-1][2])


def busiest() -> float:
    return max(views + changes for _, views, changes in CURVE)


def percentile_of_concurrency(samples: list[float], share: float = 0.95) -> int:
    """So many environments were at work at a time, in that share of the minutes with any work."""
    worked = sorted(each for each in samples if each > 0)
    return max(1, math.ceil(worked[min(len(worked) - 1, int(share * len(worked)))])) if worked else 1
