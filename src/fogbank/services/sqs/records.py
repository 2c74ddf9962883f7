"""What SQS stores.

A message is visible, or it waits (delayed or leased): exactly one, because it lies in exactly one of two tables and
moves between them in one transaction.

- `visible`, key (queue id, group, sequence): what ReceiveMessage may take. Standard queues use the empty group.
- `waiting`, key (queue id, due ms, sequence): what becomes visible when its time comes.
- `moved`, key (queue id, sequence): in a standard queue, the due time of a lease that ChangeMessageVisibility moved or
  that is not the message's first, since a receipt handle carries the one it was made with.
- `leases`, key (queue id, group, sequence): in a FIFO queue, the due time of every lease.
- `turns`, key (queue id, group), and `heads`, key (queue id, turn): the FIFO groups with a message to take, in the
  order in which they are served.
"""

from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import AccessKey
from fogbank.core.store import Record, Store, Table


class Queue(Record):
    """A queue; `attributes` holds what was set, AWS's defaults are filled in when they are read."""

    id: int
    name: str
    account: str
    region: str
    created_ms: int
    modified_ms: int
    attributes: dict[str, str]
    tags: dict[str, str] = {}
    purged_ms: int = 0

    @property
    def fifo(self) -> bool:
        return self.name.endswith(".fifo")

    @property
    def arn(self) -> str:
        return f"arn:aws:sqs:{self.region}:{self.account}:{self.name}"


class Message(Record):
    """A message with what AWS keeps about it. `attributes` are in wire form, as they were sent."""

    id: str
    body: str
    md5: str
    sent_ms: int
    sender: str
    attributes: dict[str, dict[str, Any]] | None = None
    attributes_md5: str = ""
    trace_header: str = ""
    receives: int = 0
    first_received_ms: int = 0
    group: str | None = None
    deduplication_id: str | None = None
    dead_letter_source: str = ""
    delayed: bool = False
    sealed: bytes = b""
    """The body, encrypted, in place of `body`; and the ARN of the queue that it was encrypted for."""
    sealed_for: str = ""


class Due(Record):
    due_ms: int


class Head(Record):
    group: str


class Turn(Record):
    number: int


class Attempt(Record):
    """What a ReceiveMessage of a FIFO queue answered, for a retry with the same ReceiveRequestAttemptId."""

    handles: list[str]
    due_ms: int
    until_ms: int


class Deduplicated(Record):
    """A FIFO message sent in the last five minutes."""

    message_id: str
    sequence: int
    until_ms: int


class Counter(Record):
    next: int


class MoveTask(Record):
    """A message move task, running or ended."""

    id: str
    destination_arn: str
    started_ms: int
    to_move: int
    per_second_max: int = 0
    status: str = "RUNNING"
    moved: int = 0
    failure: str = ""
    caller: AccessKey | None = None
    """Who started it: messages go where they may send. None where nothing is authorized."""


class SqsTables:
    """The tables of SQS."""

    def __init__(self, store: Store) -> None:
        self.queues = store.table("sqs.queues", key=(str, str, str), value=Queue)
        self.visible = store.table("sqs.visible", key=(int, str, int), value=Message)
        self.waiting = store.table("sqs.waiting", key=(int, int, int), value=Message)
        self.moved = store.table("sqs.moved", key=(int, int), value=Due)
        self.heads = store.table("sqs.heads_by_turn", key=(int, int), value=Head)
        self.leases = store.table("sqs.leases", key=(int, str, int), value=Due)
        self.turns = store.table("sqs.turns", key=(int, str), value=Turn)
        self.attempts = store.table("sqs.attempts", key=(int, str), value=Attempt)
        self.attempts_until = store.table("sqs.attempts_until", key=(int, int, str), value=Counter)
        self.deduplicated = store.table("sqs.deduplicated", key=(int, str, str), value=Deduplicated)
        self.deduplicated_until = store.table("sqs.deduplicated_until", key=(int, int, str, str), value=Counter)
        # Under (source queue's ARN, minus the start time): the newest task comes first.
        self.move_tasks = store.table("sqs.move_tasks", key=(str, int), value=MoveTask)
        self.of_a_queue: tuple[Table[Any], ...] = (
            self.visible,
            self.waiting,
            self.moved,
            self.heads,
            self.leases,
            self.turns,
            self.attempts,
            self.attempts_until,
            self.deduplicated,
            self.deduplicated_until,
        )
        """What is kept under a queue's id."""
        self.counters = store.table("sqs.counters", key=(str,), value=Counter)

    def queue_of(self, arn: str) -> Queue | None:
        target = parse_arn(arn)
        return self.queues.get((target.account, target.region, target.resource)) if target else None
