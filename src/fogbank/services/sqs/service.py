"""Amazon SQS. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html"""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import islice, takewhile
from typing import Any

from fogbank.core import named_principals
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.ids import new_id
from fogbank.core.metrics import Meters
from fogbank.core.service import Answer, Tagged
from fogbank.services.sqs import attributes, fifo, messages, permissions, receipts
from fogbank.services.sqs.attempts import Attempts
from fogbank.services.sqs.encryption import MessageEncryption
from fogbank.services.sqs.errors import (
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    EmptyBatchRequest,
    InvalidAddress,
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidBatchEntryId,
    InvalidParameterValue,
    MissingParameter,
    OverLimit,
    PurgeQueueInProgress,
    QueueDoesNotExist,
    QueueNameExists,
    TooManyEntriesInBatchRequest,
)
from fogbank.services.sqs.long_poll import Arrivals
from fogbank.services.sqs.move_task_operations import MoveTaskOperations
from fogbank.services.sqs.move_tasks import MoveTasks
from fogbank.services.sqs.received import Wanted, received, sequence_number
from fogbank.services.sqs.records import Message, Queue, SqsTables
from fogbank.services.sqs.shelf import Shelf
from fogbank.services.sqs.urls import parse_queue_url, queue_url

_QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo")
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
BATCH_MAX = 10
BATCH_BYTES_MAX = 1_048_576
IN_FLIGHT_MAX = 120_000  # SQS quota; beyond it ReceiveMessage answers OverLimit.
DROPPED_PER_CALL = 1000  # Expired and dead messages that one ReceiveMessage clears away; the next one goes on.
PURGE_INTERVAL_MS = 60_000
LIST_MAX = 1000


class SqsService(MoveTaskOperations):
    """Queues, standard and FIFO."""

    name = "sqs"
    data_operations = frozenset(
        ("ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "DeleteMessage", "DeleteMessageBatch",
         "ReceiveMessage", "SendMessage", "SendMessageBatch")
    )  # fmt: skip
    validates = False  # The model lists attribute names as an enum; SQS words that error itself.

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = SqsTables(cloud.store)
        self.policy_table = self._tables.queues
        self._meters = Meters(cloud.metrics, "AWS/SQS")
        self._shelf = Shelf(cloud, self._tables)
        self._arrivals = Arrivals(cloud.clock)
        self._shelf.on_visible = self._arrivals.note
        self._attempts = Attempts(self._tables, self._shelf)
        self._move_tasks = MoveTasks(self._tables, self._shelf)
        self._encryption = MessageEncryption(cloud)

    async def start(self) -> None:
        self._resume_moves()
        while True:
            await self.cloud.clock.sleep(60)
            self._publish_depths()

    # ---- operations ---------------------------------------------------------------------------------------------

    def add_permission(
        self, ctx: Context, *, QueueUrl: str, Label: str, AWSAccountIds: list[str], Actions: list[str]
    ) -> Answer:
        queue = self._queue(ctx, QueueUrl)
        queue.attributes["Policy"] = permissions.add(queue, Label, AWSAccountIds, Actions)
        self._save(queue, ctx)
        return None

    def change_message_visibility(
        self, ctx: Context, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int
    ) -> Answer:
        self._change_visibility(ctx, self._shared_queue(ctx, QueueUrl), ReceiptHandle, VisibilityTimeout)
        return None

    def change_message_visibility_batch(self, ctx: Context, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> Answer:
        queue = self._shared_queue(ctx, QueueUrl)

        def change(entry: dict[str, Any]) -> dict[str, Any]:
            self._change_visibility(ctx, queue, entry["ReceiptHandle"], entry.get("VisibilityTimeout", 0))
            return {"Id": entry["Id"]}

        return self._batch("ChangeMessageVisibilityBatchRequestEntry", Entries, change)

    def create_queue(
        self,
        ctx: Context,
        *,
        QueueName: str,
        Attributes: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
    ) -> Answer:
        given = dict(Attributes or {})
        is_fifo = given.get("FifoQueue", "false").lower() == "true"
        if not _QUEUE_NAME.fullmatch(QueueName):
            raise InvalidParameterValue(
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
            )
        if "FifoQueue" in given and not is_fifo:
            raise InvalidAttributeName("Unknown Attribute FifoQueue.")
        if is_fifo != QueueName.endswith(".fifo"):
            raise InvalidParameterValue(
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
                "must end with .fifo suffix and be 1 to 80 in length."
                if is_fifo
                else "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
            )
        attributes.check(given, fifo=is_fifo)
        given.pop("FifoQueue", None)
        permissions.keep_principals(ctx, given)
        known = self._tables.queues.get((ctx.account, ctx.region, QueueName))
        if known is not None:
            settings = attributes.settings(known)
            for name, value in given.items():
                if settings.get(name, "") != attributes.normal(name, value):
                    raise QueueNameExists(
                        f"A queue already exists with the same name and a different value for attribute {name}"
                    )
            return {"QueueUrl": queue_url(ctx, known)}
        queue = Queue(
            id=self._shelf.next_queue_id(),
            name=QueueName,
            account=ctx.account,
            region=ctx.region,
            created_ms=ctx.now_ms,
            modified_ms=ctx.now_ms,
            attributes={name: attributes.normal(name, value) for name, value in given.items() if value != ""},
            tags=dict(tags or {}),
        )
        self._check_redrive_target(queue)
        self._tables.queues.put((ctx.account, ctx.region, QueueName), queue)
        return {"QueueUrl": queue_url(ctx, queue)}

    def delete_message(self, ctx: Context, *, QueueUrl: str, ReceiptHandle: str) -> Answer:
        queue = self._shared_queue(ctx, QueueUrl)
        self._delete(ctx, queue, ReceiptHandle)
        self._count(queue, "NumberOfMessagesDeleted", 1)
        return None

    def delete_message_batch(self, ctx: Context, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> Answer:
        queue = self._shared_queue(ctx, QueueUrl)

        def delete(entry: dict[str, Any]) -> dict[str, Any]:
            self._delete(ctx, queue, entry["ReceiptHandle"])
            return {"Id": entry["Id"]}

        answer = self._batch("DeleteMessageBatchRequestEntry", Entries, delete)
        self._count(queue, "NumberOfMessagesDeleted", len(answer.get("Successful", ())))
        return answer

    def delete_queue(self, ctx: Context, *, QueueUrl: str) -> Answer:
        queue = self._queue(ctx, QueueUrl)
        self._shelf.drop(queue.id)
        self._tables.queues.delete((queue.account, queue.region, queue.name))
        self.cloud.store.after_commit(lambda: self._arrivals.forget(queue.id))
        return None

    def get_queue_attributes(self, ctx: Context, *, QueueUrl: str, AttributeNames: list[str] | None = None) -> Answer:
        queue = self._queue(ctx, QueueUrl)
        names = AttributeNames or []
        for name in names:
            if name != "All" and name not in attributes.READABLE:
                raise InvalidAttributeName(f"Unknown Attribute {name}.")
        if not names:
            return None
        depth = self._shelf.depth_at(queue, now_ms=ctx.now_ms, oldest_ms=self._oldest_ms(queue, ctx.now_ms))
        values = attributes.settings(queue) | {
            "ApproximateNumberOfMessages": str(depth.visible),
            "ApproximateNumberOfMessagesDelayed": str(depth.delayed),
            "ApproximateNumberOfMessagesNotVisible": str(depth.in_flight),
            "CreatedTimestamp": str(queue.created_ms // 1000),
            "LastModifiedTimestamp": str(queue.modified_ms // 1000),
            "QueueArn": queue.arn,
        }
        wanted = values if "All" in names else {name: values[name] for name in names if name in values}
        if "Policy" in wanted:
            wanted["Policy"] = named_principals.shown(ctx, wanted["Policy"])
        return {"Attributes": wanted} if wanted else None

    def get_queue_url(self, ctx: Context, *, QueueName: str, QueueOwnerAWSAccountId: str | None = None) -> Answer:
        queue = self._tables.queues.get((QueueOwnerAWSAccountId or ctx.account, ctx.region, QueueName))
        if queue is None:
            raise QueueDoesNotExist()
        return {"QueueUrl": queue_url(ctx, queue)}

    def list_dead_letter_source_queues(
        self, ctx: Context, *, QueueUrl: str, NextToken: str | None = None, MaxResults: int | None = None
    ) -> Answer:
        target = self._queue(ctx, QueueUrl).arn
        sources = (
            queue
            for queue in self._queues(ctx, NextToken)
            if (policy := queue.attributes.get("RedrivePolicy")) and attributes.redrive_policy(policy)[0] == target
        )
        return _page(ctx, sources, "queueUrls", MaxResults)

    def list_queues(
        self,
        ctx: Context,
        *,
        QueueNamePrefix: str | None = None,
        NextToken: str | None = None,
        MaxResults: int | None = None,
    ) -> Answer:
        prefix = QueueNamePrefix or ""
        found = takewhile(lambda queue: queue.name.startswith(prefix), self._queues(ctx, NextToken, first=prefix))
        return _page(ctx, found, "QueueUrls", MaxResults)

    def list_queue_tags(self, ctx: Context, *, QueueUrl: str) -> Answer:
        tags = self._queue(ctx, QueueUrl).tags
        return {"Tags": tags} if tags else None

    def purge_queue(self, ctx: Context, *, QueueUrl: str) -> Answer:
        queue = self._queue(ctx, QueueUrl)
        if queue.purged_ms and ctx.now_ms - queue.purged_ms < PURGE_INTERVAL_MS:
            raise PurgeQueueInProgress(f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds.")
        self._shelf.clear(queue.id)
        queue.purged_ms = ctx.now_ms
        self._tables.queues.put((queue.account, queue.region, queue.name), queue)
        return None

    def receive_message(
        self,
        ctx: Context,
        *,
        QueueUrl: str,
        AttributeNames: list[str] | None = None,
        MessageSystemAttributeNames: list[str] | None = None,
        MessageAttributeNames: list[str] | None = None,
        MaxNumberOfMessages: int = 1,
        VisibilityTimeout: int | None = None,
        WaitTimeSeconds: int | None = None,
        ReceiveRequestAttemptId: str | None = None,
    ) -> Answer | Awaitable[Answer]:
        queue = self._shared_queue(ctx, QueueUrl)
        if not 1 <= MaxNumberOfMessages <= BATCH_MAX:
            raise InvalidParameterValue(
                f"Value {MaxNumberOfMessages} for parameter MaxNumberOfMessages is invalid. "
                "Reason: Must be between 1 and 10, if provided."
            )
        if WaitTimeSeconds is None:
            WaitTimeSeconds = attributes.number(queue, "ReceiveMessageWaitTimeSeconds")
        elif not 0 <= WaitTimeSeconds <= 20:
            raise InvalidParameterValue(
                f"Value {WaitTimeSeconds} for parameter WaitTimeSeconds is invalid. "
                "Reason: Must be >= 0 and <= 20, if provided."
            )
        if VisibilityTimeout is None:
            VisibilityTimeout = attributes.number(queue, "VisibilityTimeout")
        else:
            _check_visibility(VisibilityTimeout)
        if ReceiveRequestAttemptId is not None:
            messages.check_id("ReceiveRequestAttemptId", ReceiveRequestAttemptId)
            if not queue.fifo:
                raise _wrong_queue_type("ReceiveRequestAttemptId", ReceiveRequestAttemptId)
        wanted = Wanted(
            limit=MaxNumberOfMessages,
            timeout_s=VisibilityTimeout,
            system_names=frozenset((*(AttributeNames or ()), *(MessageSystemAttributeNames or ()))),
            attribute_names=MessageAttributeNames,
            attempt=ReceiveRequestAttemptId,
            waits=WaitTimeSeconds > 0,
        )
        seen = self._arrivals.seen(queue.id)
        answer = self._receive(ctx, queue, wanted)
        if answer is not None:
            return answer
        if WaitTimeSeconds:
            return self._long_poll(ctx, queue, wanted, seen, ctx.now_ms + WaitTimeSeconds * 1000)
        self._count(queue, "NumberOfEmptyReceives", 1)
        return None

    def remove_permission(self, ctx: Context, *, QueueUrl: str, Label: str) -> Answer:
        queue = self._queue(ctx, QueueUrl)
        queue.attributes["Policy"] = permissions.remove(queue, Label)
        self._save(queue, ctx)
        return None

    def send_message(
        self,
        ctx: Context,
        *,
        QueueUrl: str,
        MessageBody: str,
        DelaySeconds: int | None = None,
        MessageAttributes: dict[str, Any] | None = None,
        MessageSystemAttributes: dict[str, Any] | None = None,
        MessageDeduplicationId: str | None = None,
        MessageGroupId: str | None = None,
    ) -> Answer:
        queue = self._shared_queue(ctx, QueueUrl)
        messages.check_body(MessageBody)
        size = messages.size_bytes(MessageBody, MessageAttributes)
        size_max = attributes.number(queue, "MaximumMessageSize")
        if size > size_max:
            raise InvalidParameterValue(
                f"One or more parameters are invalid. Reason: Message must be shorter than {size_max} bytes."
            )
        return self._send(
            ctx,
            queue,
            body=MessageBody,
            delay_s=DelaySeconds,
            message_attributes=MessageAttributes,
            system_attributes=MessageSystemAttributes,
            deduplication_id=MessageDeduplicationId,
            group=MessageGroupId,
            size=size,
        )

    def send_message_batch(self, ctx: Context, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> Answer:
        queue = self._shared_queue(ctx, QueueUrl)
        _check_batch("SendMessageBatchRequestEntry", Entries)
        sizes = {e["Id"]: messages.size_bytes(e["MessageBody"], e.get("MessageAttributes")) for e in Entries}
        total = sum(sizes.values())
        if total > BATCH_BYTES_MAX:
            raise BatchRequestTooLong(
                f"Batch requests cannot be longer than {BATCH_BYTES_MAX} bytes. You have sent {total} bytes."
            )
        size_max = attributes.number(queue, "MaximumMessageSize")

        def send(entry: dict[str, Any]) -> dict[str, Any]:
            messages.check_body(entry["MessageBody"])
            size = sizes[entry["Id"]]
            if size > size_max:
                raise InvalidParameterValue(
                    "One or more parameters cannot be validated. "
                    f"Reason: Message must be shorter than {size_max} bytes."
                )
            sent = self._send(
                ctx,
                queue,
                body=entry["MessageBody"],
                delay_s=entry.get("DelaySeconds"),
                message_attributes=entry.get("MessageAttributes"),
                system_attributes=entry.get("MessageSystemAttributes"),
                deduplication_id=entry.get("MessageDeduplicationId"),
                group=entry.get("MessageGroupId"),
                size=size,
            )
            return {"Id": entry["Id"], **sent}

        if queue.fifo:
            # AWS refuses the whole batch for what makes a FIFO entry unusable, and single entries for the rest.
            for entry in Entries:
                if not entry.get("MessageGroupId"):
                    raise InvalidParameterValue("The request must contain the parameter MessageGroupId.")
                fifo.deduplication_id(queue, entry.get("MessageDeduplicationId"), entry["MessageBody"])
        return self._batch("SendMessageBatchRequestEntry", Entries, send)

    def set_queue_attributes(self, ctx: Context, *, QueueUrl: str, Attributes: dict[str, str]) -> Answer:
        queue = self._queue(ctx, QueueUrl)
        if "FifoQueue" in Attributes and queue.fifo:
            if Attributes["FifoQueue"].lower() != "true":
                raise InvalidAttributeValue(
                    "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."
                )
        elif "FifoQueue" in Attributes:
            raise InvalidAttributeName("Unknown Attribute FifoQueue.")
        attributes.check({k: v for k, v in Attributes.items() if v != ""}, fifo=queue.fifo)
        permissions.keep_principals(ctx, Attributes)
        for name, value in Attributes.items():
            if name == "FifoQueue":
                continue
            if value == "":
                queue.attributes.pop(name, None)
            else:
                queue.attributes[name] = attributes.normal(name, value)
        if queue.attributes.get("KmsMasterKeyId"):
            queue.attributes["SqsManagedSseEnabled"] = "false"
        if "RedrivePolicy" in Attributes:
            self._check_redrive_target(queue)
        if "DelaySeconds" in Attributes and queue.fifo:
            # A FIFO queue's delay holds for the messages already there (SQS guide, delay queues).
            self._shelf.delay_anew(queue, attributes.number(queue, "DelaySeconds"))
        self._save(queue, ctx)
        return None

    def tag_queue(self, ctx: Context, *, QueueUrl: str, Tags: dict[str, str]) -> Answer:
        queue = self._queue(ctx, QueueUrl)
        queue.tags |= Tags
        if len(queue.tags) > 50:
            raise InvalidParameterValue(f"Too many tags added for queue {queue.name}.")
        self._tables.queues.put((queue.account, queue.region, queue.name), queue)
        return None

    def untag_queue(self, ctx: Context, *, QueueUrl: str, TagKeys: list[str]) -> Answer:
        queue = self._queue(ctx, QueueUrl)
        for key in TagKeys:
            queue.tags.pop(key, None)
        self._tables.queues.put((queue.account, queue.region, queue.name), queue)
        return None

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for _, queue in self._tables.queues.scan((ctx.account, ctx.region)):
            yield Tagged(queue.arn, "sqs:queue", queue.tags)

    def resource_policy(self, ctx: Context, arn: str) -> str | None:
        queue = self._queue_at(ctx, arn)
        return queue.attributes.get("Policy") or None if queue is not None else None

    def resource_tags(self, ctx: Context, arn: str) -> dict[str, str]:
        queue = self._queue_at(ctx, arn)
        return queue.tags if queue is not None else {}

    def _queue_at(self, ctx: Context, arn: str) -> Queue | None:
        return self._tables.queues.peek((ctx.account, ctx.region, arn.rpartition(":")[2]))

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.tag_queue(ctx, QueueUrl=self._url_at(ctx, arn), Tags=tags)

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.untag_queue(ctx, QueueUrl=self._url_at(ctx, arn), TagKeys=keys)

    def _url_at(self, ctx: Context, arn: str) -> str:
        queue = self._tables.queue_of(arn)
        if queue is None:
            raise QueueDoesNotExist()
        return queue_url(ctx, queue)

    # ---- queues -------------------------------------------------------------------------------------------------

    def _queue(self, ctx: Context, url: str) -> Queue:
        """The queue of that URL, to be changed and saved."""
        queue = self._tables.queues.get(_queue_key(ctx, url))
        if queue is None:
            raise QueueDoesNotExist()
        return queue

    def _shared_queue(self, ctx: Context, url: str) -> Queue:
        """As `_queue`, but only to be read: other requests have the same record."""
        queue = self._tables.queues.peek(_queue_key(ctx, url))
        if queue is None:
            raise QueueDoesNotExist()
        return queue

    def _save(self, queue: Queue, ctx: Context) -> None:
        queue.modified_ms = ctx.now_ms
        self._tables.queues.put((queue.account, queue.region, queue.name), queue)

    def _queues(self, ctx: Context, token: str | None, *, first: str = "") -> Iterator[Queue]:
        """The caller's queues by name, from the one called `first`, or those behind a page's token."""
        place = (ctx.account, ctx.region)
        start, after = (None, (*place, token)) if token is not None else ((*place, first), None)
        return (queue for _, queue in self._tables.queues.scan(place, start=start, after=after))

    def _check_redrive_target(self, queue: Queue) -> None:
        policy = queue.attributes.get("RedrivePolicy")
        if not policy:
            return
        target, _ = attributes.redrive_policy(policy)
        found = self._tables.queue_of(target)
        invalid = f"Value {policy} for parameter RedrivePolicy is invalid. Reason:"
        if found is None:
            raise InvalidParameterValue(f"{invalid} Dead letter target does not exist.")
        if found.fifo != queue.fifo:
            raise InvalidParameterValue(f"{invalid} Dead-letter queue must be same type of queue as the source.")
        if not attributes.allows_redrive(found.attributes.get("RedriveAllowPolicy", ""), queue.arn):
            # This sentence is not recorded.
            raise InvalidParameterValue(f"{invalid} The dead-letter queue's RedriveAllowPolicy denies this source.")

    # ---- messages -----------------------------------------------------------------------------------------------

    def _send(
        self,
        ctx: Context,
        queue: Queue,
        *,
        body: str,
        delay_s: int | None,
        message_attributes: dict[str, Any] | None,
        system_attributes: dict[str, Any] | None,
        deduplication_id: str | None,
        group: str | None,
        size: int,
    ) -> dict[str, Any]:
        if group is not None:
            messages.check_id("MessageGroupId", group)
        if deduplication_id is not None:
            messages.check_id("MessageDeduplicationId", deduplication_id)
        if delay_s is not None and not 0 <= delay_s <= 900:
            raise InvalidParameterValue(
                f"Value {delay_s} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
            )
        if message_attributes:
            messages.check_attributes(message_attributes)
        message = Message(
            id=new_id(),
            body=body,
            md5=messages.body_md5(body),
            sent_ms=ctx.now_ms,
            sender=ctx.account,
            group=group,
        )
        answer = {"MessageId": message.id, "MD5OfMessageBody": message.md5}
        if message_attributes:
            message.attributes = message_attributes
            message.attributes_md5 = messages.attributes_md5(message_attributes)
            answer["MD5OfMessageAttributes"] = message.attributes_md5
        message.trace_header = ctx.headers.get("x-amzn-trace-id", "")
        if system_attributes:
            messages.check_system_attributes(system_attributes)
            message.trace_header = system_attributes["AWSTraceHeader"]["StringValue"]
            answer["MD5OfMessageSystemAttributes"] = messages.attributes_md5(system_attributes)
        if queue.fifo:
            return self._send_fifo(ctx, queue, message, delay_s, deduplication_id, answer, size)
        if deduplication_id is not None:
            raise _wrong_queue_type("MessageDeduplicationId", deduplication_id)
        if delay_s is None:
            delay_s = attributes.number(queue, "DelaySeconds")
        self._encryption.seal(ctx, queue, message)
        self._shelf.add(queue, message, now_ms=ctx.now_ms, delay_s=delay_s)
        self._count_sent(queue, size)
        return answer

    def _send_fifo(
        self,
        ctx: Context,
        queue: Queue,
        message: Message,
        delay_s: int | None,
        deduplication_id: str | None,
        answer: dict[str, Any],
        size: int,
    ) -> dict[str, Any]:
        if not message.group:
            raise MissingParameter("The request must contain the parameter MessageGroupId.")
        if delay_s:
            raise _wrong_queue_type("DelaySeconds", delay_s)
        identity = fifo.deduplication_id(queue, deduplication_id, message.body)
        known = fifo.known(self._tables, queue, message.group, identity, ctx.now_ms)
        if known is not None:
            return answer | {
                "MessageId": known.message_id,
                "SequenceNumber": sequence_number(known.sequence),
            }
        message.deduplication_id = identity
        delay_s = attributes.number(queue, "DelaySeconds")
        self._encryption.seal(ctx, queue, message)
        sequence = self._shelf.add(queue, message, now_ms=ctx.now_ms, delay_s=delay_s)
        fifo.remember(
            self._tables,
            queue,
            message.group,
            identity,
            message_id=message.id,
            sequence=sequence,
            now_ms=ctx.now_ms,
        )
        self._count_sent(queue, size)
        return answer | {"SequenceNumber": sequence_number(sequence)}

    def _receive(self, ctx: Context, queue: Queue, wanted: Wanted) -> Answer:
        """The messages that can be taken now, or None. What was received too often goes to the dead-letter queue."""
        shelf = self._shelf
        shelf.return_due(queue, ctx.now_ms)
        if wanted.attempt is not None:
            again = self._attempts.repeat(queue, wanted.attempt, now_ms=ctx.now_ms, timeout_s=wanted.timeout_s)
            if again:
                return self._answer(ctx, queue, again, wanted)
        if shelf.depth(queue.id).in_flight >= IN_FLIGHT_MAX:
            if queue.fifo or wanted.waits:
                return None
            raise OverLimit("Too many messages in flight: the quota of a queue is 120000.")
        policy = queue.attributes.get("RedrivePolicy")
        oldest_ms = self._oldest_ms(queue, ctx.now_ms)
        taken: list[tuple[receipts.Receipt, Message]] = []
        dropped = 0
        while len(taken) < wanted.limit and dropped < DROPPED_PER_CALL:
            leased = shelf.lease(queue, limit=wanted.limit - len(taken), now_ms=ctx.now_ms, timeout_s=wanted.timeout_s)
            kept = len(taken)
            for receipt, message in leased:
                if message.sent_ms < oldest_ms:
                    shelf.take_away(queue, receipt)
                elif not (policy and self._redrive(ctx, queue, policy, receipt, message)):
                    taken.append((receipt, message))
            if len(taken) - kept == len(leased):
                break
            dropped += len(leased)
        if not taken:
            return None
        if wanted.attempt is not None:
            received = [receipt for receipt, _ in taken]
            self._attempts.remember(queue, wanted.attempt, received, now_ms=ctx.now_ms)
        self._count(queue, "NumberOfMessagesReceived", len(taken))
        return self._answer(ctx, queue, taken, wanted)

    @staticmethod
    def _oldest_ms(queue: Queue, now_ms: int) -> int:
        """When the oldest messages that the queue still keeps were sent."""
        return now_ms - attributes.number(queue, "MessageRetentionPeriod") * 1000

    def _redrive(self, ctx: Context, queue: Queue, policy: str, receipt: receipts.Receipt, message: Message) -> bool:
        """Move the message to the dead-letter queue if it was received often enough; whether it was moved."""
        arn, receives_max = attributes.redrive_policy(policy)
        if message.receives <= receives_max:
            return False
        target = self._tables.queue_of(arn)
        if target is None:
            return False
        self._shelf.take_away(queue, receipt)
        message.dead_letter_source = message.dead_letter_source or queue.arn
        message.receives -= 1  # This receive never reached anybody.
        if queue.fifo:
            # Two messages with one deduplication id must not be duplicates there, and their time starts anew.
            message.deduplication_id = message.id
            message.sent_ms = ctx.now_ms
        self._shelf.add(target, message, now_ms=ctx.now_ms, delay_s=0)
        return True

    def _answer(
        self, ctx: Context, queue: Queue, taken: list[tuple[receipts.Receipt, Message]], wanted: Wanted
    ) -> Answer:
        body = self._encryption.body
        return {"Messages": [received(receipt, m, body(ctx, queue, m), wanted) for receipt, m in taken]}

    async def _long_poll(self, ctx: Context, queue: Queue, wanted: Wanted, seen: int, deadline_ms: int) -> Answer:
        url = queue_url(ctx, queue)
        while True:
            due_ms = self._shelf.next_due_ms(queue.id)
            until_ms = deadline_ms if due_ms is None else min(deadline_ms, due_ms)
            await self._arrivals.more(queue.id, seen, until_ms=until_ms)
            seen = self._arrivals.seen(queue.id)
            ctx = ctx.refreshed()
            answer = await ctx.run(self._receive_again, ctx, url, wanted)
            if answer is not None:
                return answer
            if ctx.now_ms >= deadline_ms:
                self._count(queue, "NumberOfEmptyReceives", 1)
                return None

    def _receive_again(self, ctx: Context, url: str, wanted: Wanted) -> Answer:
        return self._receive(ctx, self._shared_queue(ctx, url), wanted)

    def _delete(self, ctx: Context, queue: Queue, handle: str) -> None:
        self._shelf.remove(queue, receipts.decode(handle, queue.id), handle, now_ms=ctx.now_ms)

    def _change_visibility(self, ctx: Context, queue: Queue, handle: str, timeout_s: int) -> None:
        _check_visibility(timeout_s)
        receipt = receipts.decode(handle, queue.id)
        self._shelf.return_due(queue, ctx.now_ms)
        self._shelf.change_visibility(queue, receipt, handle, now_ms=ctx.now_ms, timeout_s=timeout_s)

    def _batch(
        self, kind: str, entries: list[dict[str, Any]], change: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        """Each entry by itself: an AwsError makes that entry fail and leaves the others alone."""
        _check_batch(kind, entries)
        successful, failed = [], []
        for entry in entries:
            try:
                with self.cloud.store.transaction():
                    successful.append(change(entry))
            except AwsError as error:
                failed.append(
                    {
                        "Id": entry["Id"],
                        "SenderFault": error.sender,
                        "Code": error.query_code or error.code,
                        "Message": error.message,
                    }
                )
        answer: dict[str, Any] = {}
        if successful:
            answer["Successful"] = successful
        if failed:
            answer["Failed"] = failed
        return answer

    # ---- metrics ------------------------------------------------------------------------------------------------

    def _count(self, queue: Queue, name: str, value: float, unit: str = "Count") -> None:
        meter = self._meters.find(queue.id, name) or self._meters.make(
            queue.id, queue.account, queue.region, name, {"QueueName": queue.name}, unit
        )
        meter.add(value)

    def _count_sent(self, queue: Queue, size: int) -> None:
        self._count(queue, "NumberOfMessagesSent", 1)
        self._count(queue, "SentMessageSize", size, "Bytes")

    def _publish_depths(self) -> None:
        for _, queue in self._tables.queues.scan():
            depth = self._shelf.depth(queue.id)
            self._count(queue, "ApproximateNumberOfMessagesVisible", depth.visible)
            self._count(queue, "ApproximateNumberOfMessagesNotVisible", depth.in_flight)
            self._count(queue, "ApproximateNumberOfMessagesDelayed", depth.delayed)


def _page(ctx: Context, queues: Iterable[Queue], key: str, limit: int | None) -> Answer:
    messages.check_max_results(limit, most=LIST_MAX)
    size = limit or LIST_MAX
    found = list(islice(queues, size + 1))
    page = found[:size]
    answer: dict[str, Any] = {key: [queue_url(ctx, queue) for queue in page]} if page or key == "queueUrls" else {}
    if len(found) > size and limit is not None:
        answer["NextToken"] = page[-1].name
    return answer


def _queue_key(ctx: Context, url: str) -> tuple[str, str, str]:
    address = parse_queue_url(url)
    region = address.region or ctx.region
    if region != ctx.region and ctx.access_key is not None:
        raise InvalidAddress(f"The address {address.host}/ is not valid for this endpoint.")
    return (address.account or ctx.account, region, address.name)


def _check_visibility(timeout_s: int) -> None:
    if not 0 <= timeout_s <= 43_200:
        raise InvalidParameterValue(
            f"Value {timeout_s} for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, "
            "if provided."
        )


def _wrong_queue_type(parameter: str, value: object) -> InvalidParameterValue:
    return InvalidParameterValue(
        f"Value {value} for parameter {parameter} is invalid. Reason: The request include parameter that is not valid "
        "for this queue type."
    )


def _check_batch(kind: str, entries: list[dict[str, Any]]) -> None:
    if not entries:
        raise EmptyBatchRequest(f"There should be at least one {kind} in the request.")
    if len(entries) > BATCH_MAX:
        raise TooManyEntriesInBatchRequest(
            f"Maximum number of entries per request are {BATCH_MAX}. You have sent {len(entries)}."
        )
    seen = set()
    for entry in entries:
        if not _ENTRY_ID.fullmatch(entry["Id"]):
            raise InvalidBatchEntryId()
        if entry["Id"] in seen:
            raise BatchEntryIdsNotDistinct(f"Id {entry['Id']} repeated.")
        seen.add(entry["Id"])
