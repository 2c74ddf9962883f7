"""Deduplication in FIFO queues: within five minutes, a message with a known id is acknowledged and not added.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html
"""

import hashlib

from fogbank.services.sqs.attributes import is_true
from fogbank.services.sqs.errors import InvalidParameterValue
from fogbank.services.sqs.records import Counter, Deduplicated, Queue, SqsTables

INTERVAL_MS = 5 * 60 * 1000
_FORGET_PER_CALL = 20


def deduplication_id(queue: Queue, given: str | None, body: str) -> str:
    """The id given, or the body's SHA-256 in a queue with content-based deduplication."""
    if given:
        return given
    if is_true(queue, "ContentBasedDeduplication"):
        return hashlib.sha256(body.encode()).hexdigest()
    raise InvalidParameterValue(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    )


def scope(queue: Queue, group: str) -> str:
    """Within what the id must be unique: the queue, or the message group."""
    return group if queue.attributes.get("DeduplicationScope") == "messageGroup" else ""


def known(tables: SqsTables, queue: Queue, group: str, identity: str, now_ms: int) -> Deduplicated | None:
    found = tables.deduplicated.get((queue.id, scope(queue, group), identity))
    return found if found is not None and found.until_ms > now_ms else None


def remember(
    tables: SqsTables, queue: Queue, group: str, identity: str, *, message_id: str, sequence: int, now_ms: int
) -> None:
    """Know the id for five minutes, and forget some whose time is over."""
    until_ms = now_ms + INTERVAL_MS
    within = scope(queue, group)
    tables.deduplicated.put((queue.id, within, identity), Deduplicated(message_id, sequence, until_ms))
    tables.deduplicated_until.put((queue.id, until_ms, within, identity), Counter(0))
    due = []
    for key, _ in tables.deduplicated_until.scan((queue.id,), limit=_FORGET_PER_CALL):
        if key[1] > now_ms:
            break
        due.append(key)
    for key in due:
        tables.deduplicated_until.delete(key)
        old = tables.deduplicated.get((queue.id, key[2], key[3]))
        if old is not None and old.until_ms <= now_ms:
            tables.deduplicated.delete((queue.id, key[2], key[3]))
