"""What an activity is worth and how activities are packed into transactions. Pure: no AWS call here."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

ACTIONS_MAX = 100  # DynamoDB quota: actions in one TransactWriteItems
BOARD_SHARDS = 8  # a GSI partition takes 1,000 writes/s; a leaderboard is spread over this many

Message = tuple[str, int, dict[str, Any]]  # its id, when it came into the queue, the activity


@dataclass(frozen=True)
class Rules:
    """One programme: which subject (user or team) earns how many points, and when a level is reached."""

    programme: str
    subject: str
    unit: int
    cap: int
    levels: tuple[int, ...]

    @classmethod
    def from_environment(cls, env: Any) -> "Rules":
        return cls(
            programme=env["PROGRAMME"],
            subject=env["SUBJECT"],
            unit=int(env["POINT_UNIT"]),
            cap=int(env["POINT_CAP"]),
            levels=tuple(int(level) for level in env["LEVELS"].split(",")),
        )

    def points(self, value: int) -> int:
        """Whole points, at most `cap` for one entry: a mistyped million steps does not win the season."""
        return min(max(value, 0) // self.unit, self.cap)

    def level(self, points: int) -> int:
        return sum(1 for threshold in self.levels if points >= threshold)

    def board(self, season: str, subject: str) -> str:
        return f"{self.programme}#{season}#{crc32(subject.encode()) % BOARD_SHARDS}"


@dataclass
class Group:
    """The entries of one subject that are counted together, with the messages that brought them."""

    season: str
    subject: str
    entries: dict[str, "Contribution"] = field(default_factory=dict)

    @property
    def actions(self) -> int:
        return len(self.entries) + 1  # a marker for each entry, and the progress itself


@dataclass
class Contribution:
    points: int
    uploaded_at_ms: int
    sent_at_ms: int
    message_ids: list[str]


def group(rules: Rules, messages: Iterable[Message]) -> list[Group]:
    """Messages by subject; the same entry twice in one batch is one contribution of two messages."""
    open_groups: dict[tuple[str, str], Group] = {}
    done: list[Group] = []
    for message_id, sent_at_ms, activity in messages:
        key = (activity["season"], activity[rules.subject])
        current = open_groups.setdefault(key, Group(*key))
        entry = current.entries.get(activity["entry_id"])
        if entry is not None:
            entry.message_ids.append(message_id)
            continue
        if current.actions == ACTIONS_MAX:
            done.append(current)
            current = open_groups[key] = Group(*key)
        current.entries[activity["entry_id"]] = Contribution(
            points=rules.points(activity["value"]),
            uploaded_at_ms=activity["uploaded_at"],
            sent_at_ms=sent_at_ms,
            message_ids=[message_id],
        )
    return done + list(open_groups.values())


def pack(groups: Iterable[Group]) -> Iterator[list[Group]]:
    """Groups into transactions of at most ACTIONS_MAX actions, never splitting a group."""
    chunk: list[Group] = []
    used = 0
    for each in groups:
        if chunk and used + each.actions > ACTIONS_MAX:
            yield chunk
            chunk, used = [], 0
        chunk.append(each)
        used += each.actions
    if chunk:
        yield chunk
