"""The messages of queues: adding, leasing, returning and removing them. Runs inside the caller's transaction."""

from collections.abc import Callable, Iterator
from itertools import islice

from fogbank.core.cloud import Cloud
from fogbank.services.sqs.errors import InvalidParameterValue
from fogbank.services.sqs.groups import Groups, VisibleKey
from fogbank.services.sqs.receipts import Receipt
from fogbank.services.sqs.records import Counter, Due, Message, Queue, SqsTables

# How many due messages one call makes visible again; the rest follow with the next calls.
_DUE_PER_CALL = 200
_EXPIRED_PER_CALL = 200
# From the receive on, also if it is extended (API reference, ChangeMessageVisibility).
_LEASE_MAX_S = 43_200

WaitingKey = tuple[int, int, int]


class Depth:
    """How many messages of a queue are visible, in flight and delayed."""

    __slots__ = ("delayed", "in_flight", "visible")

    def __init__(self, visible: int = 0, in_flight: int = 0, delayed: int = 0) -> None:
        self.visible = visible
        self.in_flight = in_flight
        self.delayed = delayed


class Shelf:
    """All messages of all queues, and who waits for them."""

    def __init__(self, cloud: Cloud, tables: SqsTables) -> None:
        self._store = cloud.store
        self._sequence = cloud.sequence
        self._garbage = cloud.garbage
        self._tables = tables
        self._groups = Groups(cloud, tables, lambda queue_id: self.on_visible(queue_id))
        self._depths: dict[int, Depth] = {}
        self.on_visible: Callable[[int], None] = lambda queue_id: None
        """Called after the commit that made a message of that queue visible."""
        with cloud.store.transaction():
            self._groups.take_over()

    # ---- counting -----------------------------------------------------------------------------------------------

    def depth(self, queue_id: int) -> Depth:
        """Counted once per process and kept up with every commit.

        Whatever changes the queue calls this before it does, so that nothing is counted twice.
        """
        depth = self._depths.get(queue_id)
        if depth is None:
            depth = self._depths[queue_id] = Depth()
            depth.visible = self._tables.visible.count((queue_id,))
            for _, message in self._tables.waiting.scan((queue_id,)):
                if message.delayed:
                    depth.delayed += 1
                else:
                    depth.in_flight += 1
        return depth

    def _change(self, queue_id: int, *, visible: int = 0, in_flight: int = 0, delayed: int = 0) -> None:
        depth = self.depth(queue_id)

        def committed() -> None:
            depth.visible += visible
            depth.in_flight += in_flight
            depth.delayed += delayed
            if visible > 0:
                self.on_visible(queue_id)

        self._store.after_commit(committed)

    # ---- adding -------------------------------------------------------------------------------------------------

    def add(self, queue: Queue, message: Message, *, now_ms: int, delay_s: int) -> int:
        """Put a new message on the shelf; its sequence."""
        sequence = self._sequence.next()
        self.depth(queue.id)
        if delay_s:
            message.delayed = True
            self._tables.waiting.put((queue.id, now_ms + delay_s * 1000, sequence), message)
            self._change(queue.id, delayed=1)
        else:
            group = self._group(queue, message)
            self._tables.visible.put((queue.id, group, sequence), message)
            if queue.fifo:
                self._groups.added(queue.id, group)
            self._change(queue.id, visible=1)
        return sequence

    def delay_anew(self, queue: Queue, delay_s: int) -> None:
        """Let the messages that are delayed be delayed for that long since they were sent."""
        delayed = [(key, message) for key, message in self._tables.waiting.scan((queue.id,)) if message.delayed]
        for key, message in delayed:
            self._tables.waiting.delete(key)
            self._tables.waiting.put((queue.id, message.sent_ms + delay_s * 1000, key[2]), message)

    @staticmethod
    def _group(queue: Queue, message: Message) -> str:
        return message.group or "" if queue.fifo else ""

    # ---- leasing ------------------------------------------------------------------------------------------------

    def lease(self, queue: Queue, *, limit: int, now_ms: int, timeout_s: int) -> list[tuple[Receipt, Message]]:
        """Take up to `limit` visible messages for `timeout_s`, oldest first."""
        self.depth(queue.id)
        leased = []
        due_ms = now_ms + timeout_s * 1000
        for key, message in self._takeable(queue, limit):
            _, group, sequence = key
            message.receives += 1
            message.first_received_ms = message.first_received_ms or now_ms
            self._tables.visible.delete(key)
            self._tables.waiting.put((queue.id, due_ms, sequence), message)
            if queue.fifo:
                self._groups.lease(queue.id, group, sequence, due_ms)
            elif message.receives > 1:
                self._tables.moved.put((queue.id, sequence), Due(due_ms))
            leased.append((Receipt(queue.id, sequence, now_ms, due_ms, message.receives, group), message))
        if leased:
            self._change(queue.id, visible=-len(leased), in_flight=len(leased))
            if queue.fifo:
                for group in {receipt.group for receipt, _ in leased}:
                    self._groups.settle(queue.id, group)
        return leased

    def _takeable(self, queue: Queue, limit: int) -> list[tuple[VisibleKey, Message]]:
        if queue.fifo:
            return self._groups.takeable(queue.id, limit)
        return list(self._tables.visible.scan((queue.id, ""), limit=limit))

    def depth_at(self, queue: Queue, *, now_ms: int, oldest_ms: int) -> Depth:
        """The depth once what waited until now is visible and what was sent before `oldest_ms` is forgotten."""
        before = self.depth(queue.id)
        leased, delayed = self.return_due(queue, now_ms)
        expired = self._expire(queue, oldest_ms)
        return Depth(
            visible=before.visible + leased + delayed - expired,
            in_flight=before.in_flight - leased,
            delayed=before.delayed - delayed,
        )

    def return_due(self, queue: Queue, now_ms: int) -> tuple[int, int]:
        """Make visible what waited until now; how many leases and how many delays ended."""
        self.depth(queue.id)
        due = []
        for key, message in self._tables.waiting.scan((queue.id,), limit=_DUE_PER_CALL):
            if key[1] > now_ms:
                break
            due.append((key, message))
        delayed = sum(message.delayed for _, message in due)
        for key, message in due:
            self._return(queue, key, message)
        return len(due) - delayed, delayed

    def _return(self, queue: Queue, key: WaitingKey, message: Message) -> None:
        _, _, sequence = key
        group = self._group(queue, message)
        was_delayed, message.delayed = message.delayed, False
        self._tables.waiting.delete(key)
        self._tables.visible.put((queue.id, group, sequence), message)
        self._release(queue, group, sequence)
        if was_delayed:
            self._change(queue.id, visible=1, delayed=-1)
        else:
            self._change(queue.id, visible=1, in_flight=-1)

    def _release(self, queue: Queue, group: str, sequence: int) -> None:
        """The message waits no longer: its lease, if there was one, is over."""
        if queue.fifo:
            self._groups.release(queue.id, group, sequence)
        else:
            self._tables.moved.delete((queue.id, sequence))

    def next_due_ms(self, queue_id: int) -> int | None:
        """When the next waiting message becomes visible."""
        first = self._tables.waiting.first((queue_id,))
        return None if first is None else first[0][1]

    # ---- receipts -----------------------------------------------------------------------------------------------

    def leased(self, queue: Queue, receipt: Receipt) -> tuple[WaitingKey, Message] | None:
        """Where the message of this receipt is leased now, be it under this receipt or under a later one."""
        if queue.fifo:
            due_ms = self._groups.leased_until(queue.id, receipt.group, receipt.sequence)
            if due_ms is None:
                return None
        else:
            moved = self._tables.moved.get((queue.id, receipt.sequence))
            due_ms = receipt.due_ms if moved is None else moved.due_ms
        key = (queue.id, due_ms, receipt.sequence)
        message = self._tables.waiting.get(key)
        return None if message is None else (key, message)

    def remove(self, queue: Queue, receipt: Receipt, handle: str, *, now_ms: int) -> None:
        """DeleteMessage. Deleting what is gone is no error; in a FIFO queue an expired receipt is one.

        In a standard queue every receipt of a message will do. AWS's page says that only the latest does; its answers,
        as recorded, say otherwise.
        """
        self.depth(queue.id)
        found = self.leased(queue, receipt)
        if found is not None:
            key, message = found
            if queue.fifo and (message.receives != receipt.receives or key[1] <= now_ms):
                raise _receipt_expired(handle)
            self._take_away(queue, key, receipt)
            return
        visible_key = (queue.id, receipt.group, receipt.sequence)
        if self._tables.visible.get(visible_key) is None:
            return
        if queue.fifo:
            raise _receipt_expired(handle)
        self._tables.visible.delete(visible_key)
        self._change(queue.id, visible=-1)

    def change_visibility(self, queue: Queue, receipt: Receipt, handle: str, *, now_ms: int, timeout_s: int) -> None:
        """ChangeMessageVisibility: the lease ends `timeout_s` from now.

        In a standard queue every receipt of a message will do, also when its lease is over, as recorded from AWS.
        """
        if now_ms + timeout_s * 1000 > receipt.received_ms + _LEASE_MAX_S * 1000:
            raise InvalidParameterValue(
                f"Value {timeout_s} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for "
                f"the message is beyond the limit [{_LEASE_MAX_S} seconds]."
            )
        found = self.leased(queue, receipt)
        if found is not None and queue.fifo and (found[1].receives != receipt.receives or found[0][1] <= now_ms):
            found = None
        if found is not None:
            if timeout_s == 0:
                self._return(queue, *found)
            else:
                self.extend(queue, receipt, *found, due_ms=now_ms + timeout_s * 1000)
            return
        visible_key = (queue.id, receipt.group, receipt.sequence)
        message = None if queue.fifo else self._tables.visible.get(visible_key)
        if message is None:
            raise InvalidParameterValue(
                f"Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not "
                "available for visibility timeout change."
            )
        if timeout_s:
            due_ms = now_ms + timeout_s * 1000
            self._tables.visible.delete(visible_key)
            self._tables.waiting.put((queue.id, due_ms, receipt.sequence), message)
            self._tables.moved.put((queue.id, receipt.sequence), Due(due_ms))
            self._change(queue.id, visible=-1, in_flight=1)

    def extend(self, queue: Queue, receipt: Receipt, key: WaitingKey, message: Message, *, due_ms: int) -> None:
        """Let a lease end at another time."""
        self._tables.waiting.delete(key)
        self._tables.waiting.put((queue.id, due_ms, receipt.sequence), message)
        if queue.fifo:
            self._groups.lease(queue.id, receipt.group, receipt.sequence, due_ms)
        else:
            self._tables.moved.put((queue.id, receipt.sequence), Due(due_ms))

    def take_away(self, queue: Queue, receipt: Receipt) -> None:
        """Remove a message that was just leased, because it moves to another queue."""
        found = self.leased(queue, receipt)
        assert found is not None, "only a message leased in this transaction is taken away"
        self._take_away(queue, found[0], receipt)

    def _take_away(self, queue: Queue, key: WaitingKey, receipt: Receipt) -> None:
        self._tables.waiting.delete(key)
        self._release(queue, receipt.group, receipt.sequence)
        self._change(queue.id, in_flight=-1)

    # ---- ends ---------------------------------------------------------------------------------------------------

    def _expire(self, queue: Queue, oldest_ms: int) -> int:
        """Forget visible messages that were sent before; how many."""
        expired = list(islice(self._expired(queue, oldest_ms), _EXPIRED_PER_CALL))
        for key in expired:
            self._tables.visible.delete(key)
        if expired:
            self._change(queue.id, visible=-len(expired))
        if queue.fifo:
            for group in {group for _, group, _ in expired}:
                self._groups.settle(queue.id, group)
        return len(expired)

    def _expired(self, queue: Queue, oldest_ms: int) -> Iterator[VisibleKey]:
        groups = [head.group for _, head in self._tables.heads.scan((queue.id,))] if queue.fifo else [""]
        for group in groups:
            for key, message in self._tables.visible.scan((queue.id, group)):
                if message.sent_ms >= oldest_ms:
                    break
                yield key[0], key[1], key[2]

    def clear(self, queue_id: int) -> None:
        """Remove every message of the queue."""
        for table in self._tables.of_a_queue:
            table.delete_all((queue_id,))
        depth = self.depth(queue_id)

        def committed() -> None:
            depth.visible = depth.in_flight = depth.delayed = 0

        self._store.after_commit(committed)

    def drop(self, queue_id: int) -> None:
        """Remove the messages of a queue that is deleted: its id is never used again."""
        for table in self._tables.of_a_queue:
            self._garbage.discard(table, (queue_id,))
        self._store.after_commit(lambda: self._depths.pop(queue_id, None))

    def next_queue_id(self) -> int:
        counter = self._tables.counters.get(("queue",)) or Counter(1)
        self._tables.counters.put(("queue",), Counter(counter.next + 1))
        return counter.next


def _receipt_expired(handle: str) -> InvalidParameterValue:
    return InvalidParameterValue(
        f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    )
