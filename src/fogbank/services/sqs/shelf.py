"""The messages of queues: adding, leasing, returning and removing them. Runs inside the caller's transaction.

How FIFO order is kept: a group with a message in flight is blocked, so its next messages cannot be taken. `heads`
holds one entry per group that is not blocked, at the sequence of its first visible message.
"""

from collections.abc import Callable, Iterator

from fogbank.core.cloud import Cloud
from fogbank.services.sqs.errors import InvalidParameterValue, MessageNotInflight
from fogbank.services.sqs.receipts import Receipt
from fogbank.services.sqs.records import Counter, Group, Head, Message, Moved, Queue, SqsTables

# How many due messages one call makes visible again; the rest follow with the next calls.
_DUE_PER_CALL = 200
_EXPIRED_PER_CALL = 200


class Depth:
    """How many messages of a queue are visible, in flight and delayed."""

    __slots__ = ("delayed", "in_flight", "visible")

    def __init__(self) -> None:
        self.visible = 0
        self.in_flight = 0
        self.delayed = 0


class Shelf:
    """All messages of all queues, and who waits for them."""

    def __init__(self, cloud: Cloud, tables: SqsTables) -> None:
        self._store = cloud.store
        self._sequence = cloud.sequence
        self._tables = tables
        self._depths: dict[int, Depth] = {}
        self.on_visible: Callable[[int], None] = lambda queue_id: None
        """Called after the commit that made a message of that queue visible."""

    # ---- counting -----------------------------------------------------------------------------------------------

    def depth(self, queue_id: int) -> Depth:
        """Counted once per process, before this process changes the queue, and kept up with every commit."""
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
            self._show(queue, sequence, message)
            self._change(queue.id, visible=1)
        return sequence

    def _show(self, queue: Queue, sequence: int, message: Message) -> None:
        group = (message.group or "") if queue.fifo else ""
        self._tables.visible.put((queue.id, group, sequence), message)
        if queue.fifo and self._tables.groups.get((queue.id, group)) is None:
            self._set_head(queue.id, group)

    def _set_head(self, queue_id: int, group: str) -> None:
        """Enter the group's first visible message in `heads`, in place of any later one."""
        first_two = list(self._tables.visible.scan((queue_id, group), limit=2))
        for (_, _, sequence), _ in first_two[1:]:
            self._tables.heads.delete((queue_id, sequence))
        if first_two:
            self._tables.heads.put((queue_id, first_two[0][0][2]), Head(group))

    # ---- leasing ------------------------------------------------------------------------------------------------

    def lease(self, queue: Queue, *, limit: int, now_ms: int, timeout_s: int) -> list[tuple[Receipt, Message]]:
        """Take up to `limit` visible messages for `timeout_s`, oldest first."""
        leased = []
        due_ms = now_ms + timeout_s * 1000
        for key, message in self._takeable(queue, limit):
            _, group, sequence = key
            message.receives += 1
            message.first_received_ms = message.first_received_ms or now_ms
            self._tables.visible.delete(key)
            self._tables.waiting.put((queue.id, due_ms, sequence), message)
            if queue.fifo:
                self._block(queue.id, group, sequence)
            leased.append((Receipt(queue.id, sequence, due_ms, message.receives), message))
        if leased:
            self._change(queue.id, visible=-len(leased), in_flight=len(leased))
        return leased

    def _takeable(self, queue: Queue, limit: int) -> list[tuple[tuple[int, str, int], Message]]:
        if not queue.fifo:
            return list(self._tables.visible.scan((queue.id, ""), limit=limit))
        found: list[tuple[tuple[int, str, int], Message]] = []
        for _, head in self._tables.heads.scan((queue.id,)):
            found += self._tables.visible.scan((queue.id, head.group), limit=limit - len(found))
            if len(found) >= limit:
                break
        return found

    def _block(self, queue_id: int, group: str, sequence: int) -> None:
        self._tables.heads.delete((queue_id, sequence))
        state = self._tables.groups.get((queue_id, group)) or Group(0)
        state.in_flight += 1
        self._tables.groups.put((queue_id, group), state)

    def _unblock(self, queue: Queue, message: Message) -> None:
        if not queue.fifo:
            return
        group = message.group or ""
        state = self._tables.groups.get((queue.id, group))
        if state is None:
            return
        state.in_flight -= 1
        if state.in_flight > 0:
            self._tables.groups.put((queue.id, group), state)
            return
        self._tables.groups.delete((queue.id, group))
        self._set_head(queue.id, group)
        self._store.after_commit(lambda: self.on_visible(queue.id))

    def return_due(self, queue: Queue, now_ms: int) -> None:
        """Make visible what waited until now."""
        due = []
        for key, message in self._tables.waiting.scan((queue.id,), limit=_DUE_PER_CALL):
            if key[1] > now_ms:
                break
            due.append((key, message))
        for key, message in due:
            self._return(queue, key, message)

    def _return(self, queue: Queue, key: tuple[int, int, int], message: Message) -> None:
        self._tables.waiting.delete(key)
        self._tables.moved.delete((queue.id, key[2]))
        was_delayed, message.delayed = message.delayed, False
        self._show(queue, key[2], message)
        if was_delayed:
            self._change(queue.id, visible=1, delayed=-1)
        else:
            self._unblock(queue, message)
            self._change(queue.id, visible=1, in_flight=-1)

    def next_due_ms(self, queue_id: int) -> int | None:
        """When the next waiting message becomes visible."""
        first = self._tables.waiting.first((queue_id,))
        return None if first is None else first[0][1]

    # ---- receipts -----------------------------------------------------------------------------------------------

    def _leased(self, queue: Queue, receipt: Receipt) -> tuple[tuple[int, int, int], Message] | None:
        """Where the message of this receipt is leased now; None if the lease has ended."""
        moved = self._tables.moved.get((queue.id, receipt.sequence))
        due_ms = receipt.due_ms if moved is None else moved.due_ms
        key = (queue.id, due_ms, receipt.sequence)
        message = self._tables.waiting.get(key)
        if message is None or message.receives != receipt.receives:
            return None
        return key, message

    def remove(self, queue: Queue, receipt: Receipt, handle: str, *, now_ms: int) -> None:
        """DeleteMessage. Deleting what is gone is no error; in a FIFO queue an expired receipt is one."""
        found = self._leased(queue, receipt)
        if found is not None and not (queue.fifo and found[0][1] <= now_ms):
            key, message = found
            self._tables.waiting.delete(key)
            self._tables.moved.delete((queue.id, receipt.sequence))
            self._unblock(queue, message)
            self._change(queue.id, in_flight=-1)
            return
        if queue.fifo:
            if found is not None or self._still_visible(queue, receipt) is not None:
                raise InvalidParameterValue(
                    f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
                )
            return
        # A standard queue lets the last receiver delete the message also after its lease, until it is taken again.
        visible = self._still_visible(queue, receipt)
        if visible is not None and visible.receives == receipt.receives:
            self._tables.visible.delete((queue.id, "", receipt.sequence))
            self._change(queue.id, visible=-1)

    def _still_visible(self, queue: Queue, receipt: Receipt) -> Message | None:
        if not queue.fifo:
            return self._tables.visible.get((queue.id, "", receipt.sequence))
        for (_, _, sequence), message in self._tables.visible.scan((queue.id,)):
            if sequence == receipt.sequence:
                return message
        return None

    def change_visibility(self, queue: Queue, receipt: Receipt, handle: str, *, now_ms: int, timeout_s: int) -> None:
        """ChangeMessageVisibility: the lease ends `timeout_s` from now."""
        found = self._leased(queue, receipt)
        if found is None:
            if self._still_visible(queue, receipt) is not None:
                raise MessageNotInflight(
                    f"Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not "
                    "available for visibility timeout change."
                )
            raise InvalidParameterValue(
                f"Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not "
                "available for visibility timeout change."
            )
        key, message = found
        if timeout_s == 0:
            self._return(queue, key, message)
            return
        self._tables.waiting.delete(key)
        due_ms = now_ms + timeout_s * 1000
        self._tables.waiting.put((queue.id, due_ms, receipt.sequence), message)
        self._tables.moved.put((queue.id, receipt.sequence), Moved(due_ms))

    def take_away(self, queue: Queue, receipt: Receipt) -> None:
        """Remove a message that was just leased, because it moves to another queue."""
        found = self._leased(queue, receipt)
        assert found is not None, "only a message leased in this transaction is taken away"
        self._tables.waiting.delete(found[0])
        self._unblock(queue, found[1])
        self._change(queue.id, in_flight=-1)

    # ---- ends ---------------------------------------------------------------------------------------------------

    def expire(self, queue: Queue, *, now_ms: int, retention_s: int) -> None:
        """Forget visible messages that are older than the queue keeps them."""
        oldest_ms = now_ms - retention_s * 1000
        expired: list[tuple[int, str, int]] = []
        for key, message in self._oldest(queue):
            if message.sent_ms >= oldest_ms or len(expired) == _EXPIRED_PER_CALL:
                break
            expired.append(key)
        for key in expired:
            self._tables.visible.delete(key)
            if queue.fifo:
                self._tables.heads.delete((queue.id, key[2]))
                self._set_head(queue.id, key[1])
        if expired:
            self._change(queue.id, visible=-len(expired))

    def _oldest(self, queue: Queue) -> Iterator[tuple[tuple[int, str, int], Message]]:
        if not queue.fifo:
            yield from self._tables.visible.scan((queue.id, ""))
            return
        for _, head in list(self._tables.heads.scan((queue.id,), limit=_EXPIRED_PER_CALL)):
            yield from list(self._tables.visible.scan((queue.id, head.group), limit=_EXPIRED_PER_CALL))

    def clear(self, queue_id: int) -> None:
        """Remove every message of the queue."""
        tables = self._tables
        for table in (tables.visible, tables.waiting, tables.moved, tables.heads, tables.groups):
            table.delete_all((queue_id,))
        depth = self.depth(queue_id)

        def committed() -> None:
            depth.visible = depth.in_flight = depth.delayed = 0

        self._store.after_commit(committed)

    def next_queue_id(self) -> int:
        counter = self._tables.counters.get(("queue",)) or Counter(1)
        self._tables.counters.put(("queue",), Counter(counter.next + 1))
        return counter.next
