"""A day, compressed: a night, and surges out of nothing when people come, when mails go out, at the full hour.

Minutes are the cloud's. In busy ones the clock is a few times as fast as the driver's, in quiet ones much faster.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

DORMANT = (0.05, 0.02)
# When each surge begins; views and changes a second at its height, and then.
SURGES = (
    (15, (16, 3), (8, 3)),  # people come
    (32, (14, 3), (9, 4)),  # a digest was mailed
    (49, (5, 14), (5, 8)),  # automations, at the full hour
    (66, (16, 4), (8, 3)),  # before people go
)
RISE, PEAK, LASTS, FALL = 0.1, 0.5, 2.8, 0.3  # minutes
NIGHT = 27  # minutes, from the end of the last surge
QUIET = 0.6
"""Below so many requests a second nothing happens that would take real time."""


@dataclass(frozen=True)
class Moment:
    views: float
    changes: float

    @property
    def quiet(self) -> bool:
        return self.views + self.changes < QUIET


class Day:
    """A day with some of the surges; between two points of its curve the load is a line."""

    def __init__(self, surges: int = len(SURGES)) -> None:
        points: list[tuple[float, tuple[float, float]]] = [(0, DORMANT)]
        for begin, height, then in SURGES[:surges]:
            at_height, calmer = begin + RISE, begin + RISE + PEAK
            points += [(begin, DORMANT), (at_height, height), (calmer, then), (calmer + LASTS, then)]
            points.append((calmer + LASTS + FALL, DORMANT))
        self._points = points
        self.minutes = points[-1][0] + NIGHT

    def at(self, minute: float) -> Moment:
        """The load at a minute of the day, in requests a second."""
        for (start, before), (end, after) in pairwise(self._points):
            if start <= minute < end:
                share = (minute - start) / (end - start)
                return Moment(*(a + (b - a) * share for a, b in zip(before, after, strict=True)))
        return Moment(*DORMANT)


def percentile_of_concurrency(samples: list[float], share: float = 0.95) -> int:
    """So many environments were at work at a time, in that share of the minutes with any work."""
    worked = sorted(each for each in samples if each > 0)
    return max(1, math.ceil(worked[min(len(worked) - 1, int(share * len(worked)))])) if worked else 1
