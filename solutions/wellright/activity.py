"""The input: what tens of thousands of users did, entry by entry, and what it must add up to.

Everything follows from (season, number of entries): the upload and the audit each walk the same
sequence anew, so that a million entries need no memory of their own. Every fiftieth entry or so is
sent twice, as bulk files often do: the same entry id again, in a later upload.
"""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

DUPLICATES = 0.02
USERS_MAX = 50_000
TEAM_SIZE = 25
REPEAT_AFTER = 400  # a duplicate is one of the last so many entries


@dataclass(frozen=True)
class Programme:
    """A programme as template.yaml defines it (a test compares the two)."""

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
    Programme("steps", "steps", "user_id", unit=100, cap=200, levels=(100, 250, 500)),
    Programme("sleep", "sleep", "user_id", unit=6, cap=90, levels=(75, 150, 300)),
    Programme("team", "steps", "team_id", unit=100, cap=200, levels=(500, 1500, 3000)),
)


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


def entries(season: str, count: int) -> Iterator[Entry]:
    """The season's entries in the order of their upload, duplicates included (the same Entry again)."""
    chance = random.Random(f"wellright {season}")
    users = min(USERS_MAX, max(20, count // 2))
    recent: deque[Entry] = deque(maxlen=REPEAT_AFTER)
    for number in range(count):
        user = chance.randrange(users)
        steps = chance.random() < 0.7
        if steps:
            value = int(min(60_000, chance.lognormvariate(8.9, 0.55)))  # median 7,300 steps, a long tail
        else:
            value = int(min(720, max(0, chance.gauss(425, 65))))  # minutes of sleep: about 7 h
        entry = Entry(
            number=number,
            season=season,
            user_id=f"u{user:06d}",
            team_id=f"t{user // TEAM_SIZE:05d}" if user % 3 == 0 else None,
            metric="steps" if steps else "sleep",
            value=value,
            day=f"2025-03-{1 + chance.randrange(28):02d}",
        )
        yield entry
        recent.append(entry)
        if len(recent) == REPEAT_AFTER and chance.random() < DUPLICATES:
            yield recent[0]


@dataclass
class Expected:
    """What a programme must show for a season."""

    points: dict[str, int] = field(default_factory=dict)
    entries: dict[str, int] = field(default_factory=dict)
    numbers: bytearray = field(default_factory=bytearray)  # 1 where the entry of that number counts here

    def total(self) -> int:
        return sum(self.entries.values())


def expect(season: str, count: int) -> dict[str, Expected]:
    """Recomputes every programme from the input alone."""
    expected = {p.name: Expected(numbers=bytearray(count)) for p in PROGRAMMES}
    next_number = 0
    for entry in entries(season, count):
        if entry.number < next_number:
            continue  # a duplicate
        next_number += 1
        for programme in PROGRAMMES:
            if programme.takes(entry):
                e, subject = expected[programme.name], entry.subject(programme)
                e.points[subject] = e.points.get(subject, 0) + programme.points(entry.value)
                e.entries[subject] = e.entries.get(subject, 0) + 1
                e.numbers[entry.number] = 1
    return expected
