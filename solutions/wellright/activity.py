"""The input: what tens of thousands of users did, entry by entry, and what it must add up to.

Everything follows from (season, number of entries): the upload and the audit each walk the same
sequence anew, so that a million entries need no memory of their own. Every fiftieth entry or so is
sent twice, as bulk files often do: the same entry id again, in a later upload.
"""

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

DUPLICATES = 0.02
ROWS_OF_A_USER = 14  # seven days, steps and sleep
TEAM_SIZE = 75  # of which every third user is a member
REPEAT_AFTER = 400  # a duplicate is one of the last so many entries


@dataclass(frozen=True)
class Programme:
    """A programme as template.yaml or programme.yaml defines it (a test compares them)."""

    name: str
    metric: str
    subject: str
    unit: int
    cap: int
    levels: tuple[int, ...]

    def takes(self, entry: "Entry") -> bool:
        return entry.metric == self.metric and (self.subject == "user_id" or entry.team_id is not None)

    def points(self, value: int) -> int:
        return min(value // self.unit, self.cap)


PROGRAMMES = (
    Programme("steps", "steps", "user_id", unit=100, cap=200, levels=(300, 600, 1200)),
    Programme("sleep", "sleep", "user_id", unit=6, cap=90, levels=(300, 600, 1200)),
    Programme("team", "steps", "team_id", unit=100, cap=200, levels=(2500, 5000, 10000)),
)
# The one that joins while the others are under load, as a stack of its own.
NEWCOMER = Programme("mindfulness", "mindful_minutes", "user_id", unit=1, cap=60, levels=(30, 90, 180))


@dataclass(frozen=True)
class Entry:
    number: int
    season: str
    user_id: str
    team_id: str | None
    metric: str
    value: int
    day: str

    @property
    def entry_id(self) -> str:
        return f"{self.season}-{self.number:08d}"

    def subject(self, programme: Programme) -> str:
        return self.user_id if programme.subject == "user_id" else str(self.team_id)


Sequence = Callable[[str, int], Iterator[Entry]]


def bulk(season: str, count: int) -> Iterator[Entry]:
    """A season of bulk uploads in their order: user by user, as an employer's file lists them, each with a week of
    steps and sleep. Duplicates are the same Entry again."""
    chance = random.Random(f"wellright {season}")
    recent: deque[Entry] = deque(maxlen=REPEAT_AFTER)
    for number in range(count):
        user, row = divmod(number, ROWS_OF_A_USER)
        day, metric = divmod(row, 2)
        if metric == 0:
            value = min(60_000, chance.lognormvariate(8.9, 0.55))  # median 7,300 steps, a long tail
        else:
            value = min(720, max(0, chance.gauss(425, 65)))  # minutes of sleep: about 7 h
        entry = Entry(
            number=number,
            season=season,
            user_id=f"u{user:06d}",
            team_id=f"t{user // TEAM_SIZE:05d}" if user % 3 == 0 else None,
            metric=("steps", "sleep")[metric],
            value=int(value),
            day=f"2025-03-{3 + day:02d}",
        )
        yield entry
        recent.append(entry)
        if len(recent) == REPEAT_AFTER and chance.random() < DUPLICATES:
            yield recent[0]


def trickle(season: str, count: int) -> Iterator[Entry]:
    """What single users record by themselves, now and then one of them twice; the same for any `count` but its end."""
    chance = random.Random(f"wellright {season}")
    for number in range(count):
        entry = Entry(
            number=number,
            season=season,
            user_id=f"u{chance.randrange(500):06d}",
            team_id=None,
            metric=NEWCOMER.metric,
            value=chance.randrange(1, 46),
            day=f"2025-03-{1 + chance.randrange(28):02d}",
        )
        yield entry
        if chance.random() < DUPLICATES:
            yield entry


@dataclass
class Expected:
    """What a programme must show for a season."""

    points: dict[str, int] = field(default_factory=dict)
    entries: dict[str, int] = field(default_factory=dict)
    numbers: bytearray = field(default_factory=bytearray)  # 1 where the entry of that number counts here

    def total(self) -> int:
        return sum(self.entries.values())


def expect(sequence: Sequence, season: str, count: int, programmes: tuple[Programme, ...]) -> dict[str, Expected]:
    """Recomputes the programmes from the input alone."""
    expected = {p.name: Expected(numbers=bytearray(count)) for p in programmes}
    next_number = 0
    for entry in sequence(season, count):
        if entry.number < next_number:
            continue  # a duplicate
        next_number += 1
        for programme in programmes:
            if programme.takes(entry):
                e, subject = expected[programme.name], entry.subject(programme)
                e.points[subject] = e.points.get(subject, 0) + programme.points(entry.value)
                e.entries[subject] = e.entries.get(subject, 0) + 1
                e.numbers[entry.number] = 1
    return expected
