"""Batches of one queue: received with a batching window, deleted when their reader is done with them."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any

from fogbank.core.arn import Arn
from fogbank.core.context import Context
from fogbank.core.targets import queue_url

POLL_S = 20
RECEIVE_MAX = 10
DELETE_MAX = 10
# The payload limit of an invocation, less room for the envelope of the records.
BATCH_BYTES_MAX = 6_000_000

Message = dict[str, Any]


class QueueReader:
    """Reads the queue of that ARN. `interrupted` gets the messages that a cancelled `batch` had received already."""

    def __init__(
        self,
        ctx: Context,
        arn: Arn,
        *,
        batch_size: int,
        window_s: int,
        interrupted: Callable[[list[Message]], None],
    ) -> None:
        self._cloud = ctx.cloud
        self._arn = arn
        self._queue = ctx.at(account=arn.account, region=arn.region)
        self._url = queue_url(self._queue, arn.account, arn.resource)
        self._batch_size = batch_size
        self._window_s = window_s
        self._interrupted = interrupted

    async def batch(self) -> list[Message]:
        """The next batch: what is there, and with a window what comes until it is over or the batch is full."""
        messages = await self._receive(min(self._batch_size, RECEIVE_MAX), POLL_S)
        if not messages or not self._window_s:
            return messages
        clock = self._cloud.clock
        until_ms = clock.now_ms() + self._window_s * 1000
        size = sum(len(message["Body"]) for message in messages)
        try:
            while len(messages) < self._batch_size and size < BATCH_BYTES_MAX:
                left_s = (until_ms - clock.now_ms()) / 1000
                if left_s <= 0:
                    break
                limit = min(self._batch_size - len(messages), RECEIVE_MAX)
                more = await self._receive(limit, min(POLL_S, max(int(left_s), 1)))
                messages += more
                size += sum(len(message["Body"]) for message in more)
        except asyncio.CancelledError:
            self._interrupted(messages)
            raise
        return messages

    async def visibility_ms(self) -> int:
        queue = self._queue.refreshed()
        answer = await queue.call(
            self._cloud.sqs.get_queue_attributes, QueueUrl=self._url, AttributeNames=["VisibilityTimeout"]
        )
        return int(answer["Attributes"]["VisibilityTimeout"]) * 1000

    async def delete(self, records: list[dict[str, Any]]) -> None:
        """Delete the messages of these records in one transaction: a batch may be a thousand requests of ten."""
        await self._queue.run(self.delete_now, records)

    def delete_now(self, records: list[dict[str, Any]]) -> None:
        """`delete`, in the current transaction."""
        queue = self._queue.refreshed()
        for first in range(0, len(records), DELETE_MAX):
            entries = [
                {"Id": str(number), "ReceiptHandle": record["receiptHandle"]}
                for number, record in enumerate(records[first : first + DELETE_MAX])
            ]
            self._cloud.sqs.delete_message_batch(queue, QueueUrl=self._url, Entries=entries)

    def event_record(self, message: Message) -> dict[str, Any]:
        """https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html, the example event."""
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {
                name: _attribute(value) for name, value in (message.get("MessageAttributes") or {}).items()
            },
            **({"md5OfMessageAttributes": digest} if (digest := message.get("MD5OfMessageAttributes")) else {}),
            "md5OfBody": message.get("MD5OfBody", ""),
            "eventSource": "aws:sqs",
            "eventSourceARN": str(self._arn),
            "awsRegion": self._arn.region,
        }

    async def _receive(self, limit: int, wait_s: int) -> list[Message]:
        queue = self._queue.refreshed()
        answer = await queue.call(
            self._cloud.sqs.receive_message,
            QueueUrl=self._url,
            MaxNumberOfMessages=limit,
            WaitTimeSeconds=wait_s,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        found: list[Message] = (answer or {}).get("Messages") or []
        return found


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    attribute: dict[str, Any] = {
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        attribute["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return attribute
