"""A day, compressed: a night, and surges when people come, when mails have gone out, and at the full hour.

Minutes are the cloud's. In busy ones the clock is a few times as fast as the driver's, in quiet ones much faster. The
load is that of one user in `USERS`: where it is 150 requests a second here, the story has tens of thousands of events.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

USERS = 150
Load = tuple[float, float]
"""Views and changes a second."""
DORMANT: Load = (0.05, 0.02)
EARLY: Load = (2, 1)
"""Of the first: hundreds of events a second."""
AT_ONCE = 0.05


@dataclass(frozen=True)
class Surge:
    """Minute by minute: the load rises from `early`, is as high as it gets, is as it is then, and falls."""

    begin: float
    height: Load
    then: Load
    rise: float = 2.0
    peak: float = 1.5
    lasts: float = 0.5
    fall: float = 0.5
    early: Load = EARLY

    @property
    def at_height(self) -> float:
        return self.begin + AT_ONCE + self.rise

    @property
    def end(self) -> float:
        return self.at_height + self.peak + self.lasts + self.fall

    @property
    def points(self) -> list[tuple[float, Load]]:
        calmer = self.at_height + self.peak
        return [
            (self.begin, DORMANT),
            (self.begin + AT_ONCE, self.early),
            (self.at_height, self.height),
            (calmer, self.height),
            (calmer + self.fall / 2, self.then),
            (self.end - self.fall / 2, self.then),
            (self.end, DORMANT),
        ]


SURGES = (
    Surge(15, (120, 30), (40, 15)),  # people come
    Surge(32, (100, 20), (40, 15)),  # a digest was mailed
    Surge(49, (20, 30), (10, 20), rise=0, early=(20, 30)),  # automations, at the full hour: out of nothing
)
AHEAD = 10  # minutes before the first surge: environments that are wanted by then are asked for
NIGHT = 30  # minutes, from the end of the last surge
QUIET = 0.6
"""Below so many requests a second nothing happens that would take real time."""


@dataclass(frozen=True)
class Moment:
    views: float
    changes: float
    rising: bool = False

    @property
    def quiet(self) -> bool:
        return self.views + self.changes < QUIET


class Day:
    """A day with some of the surges; between two points of its curve the load grows or shrinks at an even rate."""

    def __init__(self, surges: int = len(SURGES)) -> None:
        self.surges = SURGES[:surges]
        self._points = [(0.0, DORMANT), *(point for surge in self.surges for point in surge.points)]
        self.minutes = self.surges[-1].end + NIGHT

    def at(self, minute: float) -> Moment:
        """The load at a minute of the day, in requests a second."""
        rising = any(surge.begin <= minute < surge.at_height for surge in self.surges)
        for (start, before), (end, after) in pairwise(self._points):
            if start <= minute < end:
                share = (minute - start) / (end - start)
                return Moment(*(a * (b / a) ** share for a, b in zip(before, after, strict=True)), rising=rising)
        return Moment(*DORMANT)

    def until_surge(self, minute: float) -> float:
        """Minutes until the next one has begun."""
        begun = (surge.begin + AT_ONCE for surge in self.surges)
        return min((each - minute for each in begun if each > minute), default=math.inf)
