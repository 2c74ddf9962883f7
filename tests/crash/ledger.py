"""What the load was told, in one run of the server.

An answer that did not come says nothing: such a write may be there or not, and both are right.
"""

from collections import defaultdict
from dataclasses import dataclass, field

Item = int | None  # The value under a key; None: no item.


@dataclass
class Messages:
    """One queue: bodies whose sending or deletion was acknowledged or begun."""

    sent: set[str] = field(default_factory=set)
    sending: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    deleting: set[str] = field(default_factory=set)


@dataclass
class Ledger:
    """Everything one run was told."""

    queues: dict[str, Messages] = field(default_factory=lambda: defaultdict(Messages))
    # For each key the values that may be found: one, or two while a write is on its way.
    items: dict[str, set[Item]] = field(default_factory=dict)
    acknowledged: int = 0


def check_messages(queue: str, told: Messages, found: list[str]) -> list[str]:
    """The broken promises among the messages drained from a queue."""
    seen = set(found)
    lost = told.sent - told.deleted - told.deleting - seen
    undead = told.deleted & seen
    invented = seen - told.sent - told.sending
    return [
        *(f"{queue}: {body} was acknowledged and is lost" for body in sorted(lost)),
        *(f"{queue}: {body} was deleted and is back" for body in sorted(undead)),
        *(f"{queue}: {body} came from nowhere" for body in sorted(invented)),
    ]


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


def check_items(told: dict[str, set[Item]], found: dict[str, Item]) -> list[str]:
    """The broken promises among the items of a table."""
    broken = [
        f"table: {key} is {found.get(key)!r} instead of {sorted(allowed, key=str)}"
        for key, allowed in told.items()
        if found.get(key) not in allowed
    ]
    pairs = {key.removesuffix("-left") for key in told if key.endswith("-left")}
    broken += [
        f"table: the transaction on {pair} was torn apart"
        for pair in sorted(pairs)
        if found.get(f"{pair}-left") != found.get(f"{pair}-right")
    ]
    return broken
