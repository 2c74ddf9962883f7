"""Message groups of FIFO queues: which messages may be taken, and which group comes first.

A group's messages are taken in order, up to its first one in flight: those sent after that one are blocked, those
before it (whose leases ended earlier) are not. A group with a message to take has a turn. Groups are served in the
order of their turns, and a group that was blocked or empty comes last when it gets a new one, which is what AWS does.
"""

from collections.abc import Callable
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.services.sqs.records import Due, Head, Message, SqsTables, Turn

VisibleKey = tuple[int, str, int]


class Groups:
    """The groups of all FIFO queues. Runs inside the caller's transaction."""

    def __init__(self, cloud: Cloud, tables: SqsTables, on_visible: Callable[[int], None]) -> None:
        self._store = cloud.store
        self._sequence = cloud.sequence
        self._tables = tables
        self._on_visible = on_visible

    def takeable(self, queue_id: int, limit: int) -> list[tuple[VisibleKey, Message]]:
        """Up to `limit` messages that may be taken now: all of the first group's, then the next one's."""
        found: list[tuple[VisibleKey, Message]] = []
        for _, head in self._tables.heads.scan((queue_id,)):
            leased = self._tables.leases.first((queue_id, head.group))
            for key, message in self._tables.visible.scan((queue_id, head.group), limit=limit - len(found)):
                if leased is not None and key[2] > leased[0][2]:
                    break
                found.append(((key[0], key[1], key[2]), message))
            if len(found) >= limit:
                break
        return found

    def added(self, queue_id: int, group: str) -> None:
        """A message was added at the group's end."""
        if self._tables.turns.get((queue_id, group)) is None:
            self.settle(queue_id, group)

    def lease(self, queue_id: int, group: str, sequence: int, due_ms: int) -> None:
        """The message is in flight until then. The group is settled by the caller."""
        self._tables.leases.put((queue_id, group, sequence), Due(due_ms))

    def leased_until(self, queue_id: int, group: str, sequence: int) -> int | None:
        lease = self._tables.leases.get((queue_id, group, sequence))
        return None if lease is None else lease.due_ms

    def release(self, queue_id: int, group: str, sequence: int) -> None:
        """The message is no longer in flight: it is visible again, or gone."""
        self._tables.leases.delete((queue_id, group, sequence))
        self.settle(queue_id, group)

    def settle(self, queue_id: int, group: str) -> None:
        """Give the group a turn if it has a message to take, or take its turn away."""
        first = self._tables.visible.first((queue_id, group))
        leased = self._tables.leases.first((queue_id, group))
        takeable = first is not None and (leased is None or first[0][2] < leased[0][2])
        turn = self._tables.turns.get((queue_id, group))
        if takeable and turn is None:
            turn = Turn(self._sequence.next())
            self._tables.turns.put((queue_id, group), turn)
            self._tables.heads.put((queue_id, turn.number), Head(group))
            self._store.after_commit(lambda: self._on_visible(queue_id))
        elif turn is not None and not takeable:
            self._tables.turns.delete((queue_id, group))
            self._tables.heads.delete((queue_id, turn.number))

    def take_over(self) -> None:
        """FIFO queues stored when a group had a count of its messages in flight get their leases and turns, once."""
        older = (
            self._store.table("sqs.heads", key=(int, int), value=list[Any]),
            self._store.table("sqs.groups", key=(int, str), value=list[Any]),
        )
        for queue_id in {key[0] for table in older for key, _ in table.scan()}:
            for table in (*older, self._tables.leases, self._tables.turns):
                table.delete_all((queue_id,))
            for (_, due_ms, sequence), message in list(self._tables.waiting.scan((queue_id,))):
                self._tables.moved.delete((queue_id, sequence))
                if not message.delayed:
                    self.lease(queue_id, message.group or "", sequence, due_ms)
            first_sequences: dict[str, int] = {}
            for (_, group, sequence), _ in self._tables.visible.scan((queue_id,)):
                first_sequences.setdefault(group, sequence)
            for group in sorted(first_sequences, key=first_sequences.__getitem__):
                self.settle(queue_id, group)
