"""What a queue is, in as few lines as possible: a list of messages, and for FIFO queues whose turn it is."""

from dataclasses import dataclass, field
from itertools import chain, takewhile


@dataclass
class Held:
    """A message; it waits while `due_ms` is set, delayed or leased, and is visible otherwise."""

    body: str
    group: str
    sent_ms: int
    due_ms: int | None = None
    delayed: bool = False
    receives: int = 0

    @property
    def leased(self) -> bool:
        return self.due_ms is not None and not self.delayed


@dataclass
class Receipt:
    handle: str
    body: str
    receives: int
    received_ms: int


class Expired(Exception):
    """The receipt is of no use any more."""


@dataclass
class QueueModel:
    """Messages have distinct bodies. Time is told, and what is due returns when AWS's operations look for it."""

    fifo: bool
    retention_s: int
    delay_s: int = 0
    receives_max: int = 0
    dead: "QueueModel | None" = None
    messages: list[Held] = field(default_factory=list)
    turns: list[str] = field(default_factory=list)
    known: dict[str, int] = field(default_factory=dict)
    attempts: dict[str, tuple[list[Receipt], int, int]] = field(default_factory=dict)

    def find(self, body: str) -> Held | None:
        return next((held for held in self.messages if held.body == body), None)

    def send(self, body: str, group: str, now_ms: int, delay_s: int, identity: str = "") -> bool:
        """Whether the message was added; a FIFO queue knows an identity for five minutes."""
        if self.fifo:
            if self.known.get(identity, 0) > now_ms:
                return False
            self.known[identity] = now_ms + 300_000
        due_ms = now_ms + delay_s * 1000 if delay_s else None
        self.messages.append(Held(body, group, now_ms, due_ms, delayed=bool(delay_s)))
        self.settle(group)
        return True

    def takeable(self, group: str) -> list[Held]:
        own = [held for held in self.messages if held.group == group]
        if self.fifo:
            own = list(takewhile(lambda held: not held.leased, own))
        return [held for held in own if held.due_ms is None]

    def settle(self, group: str) -> None:
        if group not in self.turns and self.takeable(group):
            self.turns.append(group)
        if group in self.turns and not self.takeable(group):
            self.turns.remove(group)

    def release(self, held: Held) -> None:
        held.due_ms, held.delayed = None, False
        self.settle(held.group)

    def remove(self, held: Held) -> None:
        self.messages.remove(held)
        self.settle(held.group)

    def return_due(self, now_ms: int) -> None:
        due = [held for held in self.messages if held.due_ms is not None and held.due_ms <= now_ms]
        for held in sorted(due, key=lambda held: held.due_ms or 0):
            self.release(held)

    def depth(self, now_ms: int) -> tuple[int, int, int]:
        """How many are visible, leased and delayed; too old ones at the head of a group are forgotten first."""
        self.return_due(now_ms)
        old = [takewhile(lambda held: self.is_old(held, now_ms), self.visible(group)) for group in self.turns]
        for held in list(chain.from_iterable(old)):
            self.messages.remove(held)
        for group in list(self.turns):
            self.settle(group)
        leased, delayed = (sum(held.leased for held in self.messages), sum(held.delayed for held in self.messages))
        return len(self.messages) - leased - delayed, leased, delayed

    def visible(self, group: str) -> list[Held]:
        return [held for held in self.messages if held.group == group and held.due_ms is None]

    def is_old(self, held: Held, now_ms: int) -> bool:
        return held.sent_ms < now_ms - self.retention_s * 1000

    def receive(self, limit: int, timeout_s: int, now_ms: int) -> list[Held]:
        self.return_due(now_ms)
        taken: list[Held] = []
        while len(taken) < limit:
            found = list(chain.from_iterable(map(self.takeable, self.turns)))[: limit - len(taken)]
            for held in found:
                held.receives, held.due_ms = held.receives + 1, now_ms + timeout_s * 1000
            for held in found:
                self.settle(held.group)
            kept = [held for held in found if not self.dropped(held, now_ms)]
            taken += kept
            if len(kept) == len(found):
                break
        return taken

    def dropped(self, held: Held, now_ms: int) -> bool:
        """Whether a message is not received after all, but forgotten or moved to the dead-letter queue."""
        if self.is_old(held, now_ms):
            self.remove(held)
            return True
        if self.dead is None or held.receives <= self.receives_max:
            return False
        self.remove(held)
        held.due_ms, held.receives = None, held.receives - 1
        held.sent_ms = now_ms if self.fifo else held.sent_ms
        self.dead.messages.append(held)
        self.dead.settle(held.group)
        return True

    def repeat(self, attempt: str, timeout_s: int, now_ms: int) -> list[Receipt]:
        """What the attempt received, if nothing has happened to it since."""
        receipts, due_ms, until_ms = self.attempts.get(attempt, ([], 0, 0))
        held = [self.find(receipt.body) for receipt in receipts]
        unchanged = all(
            h and (h.due_ms, h.receives) == (due_ms, r.receives) for h, r in zip(held, receipts, strict=True)
        )
        if until_ms <= now_ms or due_ms <= now_ms or not unchanged:
            return []
        for message in held:
            assert message is not None
            message.due_ms = now_ms + timeout_s * 1000
        self.attempts[attempt] = (receipts, now_ms + timeout_s * 1000, until_ms)
        return receipts

    def holds(self, receipt: Receipt, now_ms: int) -> bool:
        """Whether the message is leased under this receipt."""
        held = self.find(receipt.body)
        return bool(held and held.leased and (held.due_ms or 0) > now_ms and held.receives == receipt.receives)

    def delete(self, receipt: Receipt, now_ms: int) -> None:
        held = self.find(receipt.body)
        if held is None:
            return
        if self.fifo and not self.holds(receipt, now_ms):
            raise Expired
        self.remove(held)

    def change_visibility(self, receipt: Receipt, timeout_s: int, now_ms: int) -> None:
        held = self.find(receipt.body)
        if held is None or now_ms + timeout_s * 1000 > receipt.received_ms + 43_200_000:
            raise Expired
        if self.fifo and not self.holds(receipt, now_ms):
            raise Expired
        self.return_due(now_ms)
        if timeout_s:
            held.due_ms = now_ms + timeout_s * 1000
            self.settle(held.group)
        elif held.leased:
            self.release(held)
