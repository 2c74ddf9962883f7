"""ReceiveRequestAttemptId: a ReceiveMessage of a FIFO queue whose answer was lost can be asked again.

For five minutes the same id gets the same messages under the same receipt handles and their visibility timeout starts
anew, unless one of them was deleted, changed or became visible in the meantime.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

from fogbank.services.sqs import receipts
from fogbank.services.sqs.receipts import Receipt
from fogbank.services.sqs.records import Attempt, Counter, Message, Queue, SqsTables
from fogbank.services.sqs.shelf import Shelf, WaitingKey

INTERVAL_MS = 5 * 60 * 1000
_FORGET_PER_CALL = 20


class Attempts:
    """The attempts of all FIFO queues. Runs inside the caller's transaction."""

    def __init__(self, tables: SqsTables, shelf: Shelf) -> None:
        self._tables = tables
        self._shelf = shelf

    def repeat(self, queue: Queue, name: str, *, now_ms: int, timeout_s: int) -> list[tuple[Receipt, Message]]:
        """What the attempt received, leased anew; nothing if it is unknown, too old, or no longer as it was."""
        attempt = self._tables.attempts.get((queue.id, name))
        if attempt is None or attempt.until_ms <= now_ms or attempt.due_ms <= now_ms:
            return []
        found: list[tuple[Receipt, WaitingKey, Message]] = []
        for handle in attempt.handles:
            receipt = receipts.decode(handle, queue.id)
            leased = self._shelf.leased(queue, receipt)
            if leased is None or leased[0][1] != attempt.due_ms or leased[1].receives != receipt.receives:
                return []
            found.append((receipt, *leased))
        attempt.due_ms = now_ms + timeout_s * 1000
        for receipt, key, message in found:
            self._shelf.extend(queue, receipt, key, message, due_ms=attempt.due_ms)
        self._tables.attempts.put((queue.id, name), attempt)
        return [(receipt, message) for receipt, _, message in found]

    def remember(self, queue: Queue, name: str, received: list[Receipt], *, now_ms: int) -> None:
        """Know what the attempt received, and forget some attempts whose time is over."""
        until_ms = now_ms + INTERVAL_MS
        handles = [receipts.encode(receipt) for receipt in received]
        self._tables.attempts.put((queue.id, name), Attempt(handles, received[0].due_ms, until_ms))
        self._tables.attempts_until.put((queue.id, until_ms, name), Counter(0))
        over = []
        for key, _ in self._tables.attempts_until.scan((queue.id,), limit=_FORGET_PER_CALL):
            if key[1] > now_ms:
                break
            over.append(key)
        for key in over:
            self._tables.attempts_until.delete(key)
            old = self._tables.attempts.get((queue.id, key[2]))
            if old is not None and old.until_ms <= now_ms:
                self._tables.attempts.delete((queue.id, key[2]))
