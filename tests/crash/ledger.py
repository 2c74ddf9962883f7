"""What the load was told, from the first run of the server to the last.

An answer that did not come says nothing: such a write may be there or not, and both are right.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")
Allowed = dict[str, set[V | None]]
"""For each key the values that may be found: one, or two while a write is on its way. None: there is nothing."""


@dataclass
class Messages:
    """One queue: bodies whose sending or deletion was acknowledged or begun."""

    sent: set[str] = field(default_factory=set)
    sending: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    deleting: set[str] = field(default_factory=set)

    def expected(self) -> set[str]:
        return self.sent - self.deleted - self.deleting


@dataclass
class Ledger:
    """Everything the load was told."""

    queues: dict[str, Messages] = field(default_factory=lambda: defaultdict(Messages))
    # Records of streams; nothing is ever deleted.
    streams: dict[str, Messages] = field(default_factory=lambda: defaultdict(Messages))
    items: Allowed[int] = field(default_factory=dict)
    # A key of a global table; the value is the same in each region.
    everywhere: Allowed[int] = field(default_factory=dict)
    # The value of a secret or a parameter.
    secrets: Allowed[str] = field(default_factory=dict)
    # The delay that a stack gave to its queues.
    stacks: Allowed[str] = field(default_factory=dict)
    stack_ids: dict[str, str] = field(default_factory=dict)
    # The MD5 of what an object, or a version of one, is made of.
    objects: Allowed[str] = field(default_factory=dict)
    versions: dict[tuple[str, str], set[str | None]] = field(default_factory=dict)
    versions_begun: set[str] = field(default_factory=set)
    # The ETags of the parts of each upload, and the uploads whose completion or abortion was begun.
    parts: dict[str, dict[int, str]] = field(default_factory=dict)
    ending: set[str] = field(default_factory=set)
    # Schedules with a rate: acknowledged or begun, and the seconds at which each was due when it fired.
    rates: set[str] = field(default_factory=set)
    rates_begun: set[str] = field(default_factory=set)
    fired: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    acknowledged: int = 0
    killed_at: float = 0.0

    def drained(self) -> None:
        """The queues are empty now. What was deleted stays away, and what was begun may still come."""
        for told in self.queues.values():
            told.sent.clear()


def check_messages(queue: str, told: Messages, found: list[str]) -> list[str]:
    """The broken promises among the messages drained from a queue."""
    seen = set(found)
    lost = told.expected() - seen
    undead = told.deleted & seen
    invented = seen - told.sent - told.sending
    return [
        *(f"{queue}: {body} was acknowledged and is lost" for body in sorted(lost)),
        *(f"{queue}: {body} was deleted and is back" for body in sorted(undead)),
        *(f"{queue}: {body} came from nowhere" for body in sorted(invented)),
    ]


def check_once(queue: str, found: list[str]) -> list[str]:
    return [f"{queue}: {body} came more than once" for body in sorted(set(found)) if found.count(body) > 1]


def check_order(queue: str, found: list[str]) -> list[str]:
    """Bodies of a FIFO queue are `group.number`: numbers of a group must come in order, each once."""
    last: dict[str, int] = {}
    broken = []
    for body in found:
        group, _, number = body.rpartition(".")
        if int(number) <= last.get(group, -1):
            broken.append(f"{queue}: {body} came after {group}.{last[group]}")
        last[group] = int(number)
    return broken


def check_allowed(what: str, told: dict[K, set[V | None]], found: Mapping[K, V | None]) -> list[str]:
    """The broken promises among values; what is found is all that is allowed from here on."""
    broken = [
        f"{what}: {key} is {found.get(key)!r} instead of {sorted(allowed, key=str)}"
        for key, allowed in told.items()
        if found.get(key) not in allowed
    ]
    told.update({key: {found.get(key)} for key in told})
    return broken


def check_pairs(found: Mapping[str, int]) -> list[str]:
    """The two items of a pair are written by the same transactions."""
    pairs = {key.removesuffix("-left").removesuffix("-right") for key in found if key.endswith(("-left", "-right"))}
    return [
        f"table: the transaction on {pair} was torn apart"
        for pair in sorted(pairs)
        if found.get(f"{pair}-left") != found.get(f"{pair}-right")
    ]


def check_rates(ledger: Ledger, bodies: list[str], *, every_s: int) -> list[str]:
    """Bodies are `schedule.seconds`: a schedule fires at each of its times until the kill, in order, once."""
    for body in bodies:
        name, _, seconds = body.rpartition(".")
        ledger.fired[name].append(int(seconds))
    broken = [f"schedules: {name} came from nowhere" for name in sorted(ledger.fired.keys() - ledger.rates_begun)]
    for name, fired in ledger.fired.items():
        if any(later - earlier != every_s for earlier, later in pairwise(fired)):
            broken.append(f"schedules: {name} fired at {fired}")
    for name in sorted(ledger.rates):
        fired = ledger.fired.get(name, [])
        # Seconds are cut: one that was due within the last is not missed yet.
        if not fired or fired[-1] + every_s + 1 < ledger.killed_at:
            broken.append(f"schedules: {name} fired at {fired} and not again until {ledger.killed_at}")
    return broken
