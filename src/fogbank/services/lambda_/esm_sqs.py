"""Queues to functions: one receiver for a mapping, and as many batches in flight as its scaling allows.

A batch that succeeds is deleted. One that fails is left to its visibility timeout, so that its receive count grows and
the queue's redrive policy decides; one that is throttled is tried again until then.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import asyncio
import base64
import logging
from typing import Any

import msgspec

from fogbank.core.arn import Arn
from fogbank.core.cloud import Cloud
from fogbank.core.errors import AwsError
from fogbank.core.targets import queue_url
from fogbank.services.lambda_.batch_response import BadReport, failed_identifiers
from fogbank.services.lambda_.errors import TooManyRequests
from fogbank.services.lambda_.filters import Filter
from fogbank.services.lambda_.invoke import Invoker, Result
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.queue_scaling import Scaling
from fogbank.services.lambda_.records import Mapping

log = logging.getLogger("fogbank.lambda")
_encode = msgspec.json.Encoder().encode

POLL_S = 20
RECEIVE_MAX = 10
DELETE_MAX = 10
# The payload limit of an invocation, less room for the envelope of the records.
BATCH_BYTES_MAX = 6_000_000
AFTER_ERROR_S = 5
RETRY_FIRST_S = 0.1
RETRY_MAX_S = 5.0


class QueueSource:
    """Runs one mapping until its task is cancelled."""

    def __init__(self, cloud: Cloud, invoker: Invoker, account: str, region: str, mapping: Mapping, arn: Arn) -> None:
        self._cloud = cloud
        self._invoker = invoker
        self._mapping = mapping
        self._name = FunctionName(account, mapping.function_name, mapping.qualifier)
        self._ctx = cloud.context(account=account, region=region)
        self._arn = arn
        self._queue = self._ctx.at(account=arn.account, region=arn.region)
        self._url = queue_url(self._queue, arn.account, arn.resource)
        self._filter = Filter(mapping.filters)
        self._in_flight = 0
        self._changed = asyncio.Event()
        self._scaling = Scaling(mapping.concurrency_max, cloud.clock.now_ms())
        self._batches: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        try:
            while True:
                await self._slot()
                try:
                    messages = await self._batch()
                except AwsError as error:
                    log.warning("mapping %s cannot poll %s: %s", self._mapping.uuid, self._mapping.source_arn, error)
                    await self._cloud.clock.sleep(AFTER_ERROR_S)
                    continue
                if messages:
                    self._begin(messages)
                else:
                    self._scaling.empty(self._cloud.clock.now_ms())
        finally:
            # The batches in flight end by themselves: cancelled, their messages would only come back later.
            self._batches.clear()

    # ---- batches in flight --------------------------------------------------------------------------------------

    async def _slot(self) -> None:
        while self._in_flight >= self._scaling.allowed:
            self._changed.clear()
            await self._cloud.clock.wait(self._changed, 0.2)
            self._scaling.waiting(self._cloud.clock.now_ms())

    def _begin(self, messages: list[dict[str, Any]]) -> None:
        self._scaling.waiting(self._cloud.clock.now_ms())
        self._in_flight += 1
        task = self._cloud.tasks.spawn(f"lambda batch {self._mapping.uuid}", self._process(messages))
        self._batches.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        self._in_flight -= 1
        self._changed.set()

    # ---- receiving ----------------------------------------------------------------------------------------------

    async def _batch(self) -> list[dict[str, Any]]:
        """The next batch: what is there, and with a window what comes until it is over or the batch is full."""
        mapping = self._mapping
        messages = await self._receive(min(mapping.batch_size, RECEIVE_MAX), POLL_S)
        if not messages or not mapping.window_s:
            return messages
        until_ms = self._cloud.clock.now_ms() + mapping.window_s * 1000
        size = sum(len(message["Body"]) for message in messages)
        try:
            while len(messages) < mapping.batch_size and size < BATCH_BYTES_MAX:
                left_s = (until_ms - self._cloud.clock.now_ms()) / 1000
                if left_s <= 0:
                    break
                limit = min(mapping.batch_size - len(messages), RECEIVE_MAX)
                more = await self._receive(limit, min(POLL_S, max(int(left_s), 1)))
                messages += more
                size += sum(len(message["Body"]) for message in more)
        except asyncio.CancelledError:
            # The mapping is being changed or disabled: what was received is worked on still.
            self._begin(messages)
            raise
        return messages

    async def _receive(self, limit: int, wait_s: int) -> list[dict[str, Any]]:
        queue = self._queue.refreshed()
        answer = await queue.call(
            self._cloud.sqs.receive_message,
            QueueUrl=self._url,
            MaxNumberOfMessages=limit,
            WaitTimeSeconds=wait_s,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        found: list[dict[str, Any]] = (answer or {}).get("Messages") or []
        return found

    # ---- processing ---------------------------------------------------------------------------------------------

    async def _process(self, messages: list[dict[str, Any]]) -> None:
        received_ms = self._cloud.clock.now_ms()
        records = [self._record(message) for message in messages]
        passing: list[dict[str, Any]] = []
        dropped: list[dict[str, Any]] = []
        for record in records:
            (passing if self._filter.passes(record) else dropped).append(record)
        if dropped:
            await self._delete(dropped)
        if not passing:
            return
        try:
            result = await self._invoke(_encode({"Records": passing}), received_ms)
        except AwsError as error:
            log.warning("mapping %s cannot invoke %s: %s", self._mapping.uuid, self._name.name, error)
            return
        if result is None:
            return
        reports = "ReportBatchItemFailures" in self._mapping.response_types
        if result.error:
            if not reports:
                self._scaling.failed(self._cloud.clock.now_ms())
            return
        failed: frozenset[str] = frozenset()
        if reports:
            try:
                failed = failed_identifiers(result.payload)
            except BadReport:
                return
            if failed - {record["messageId"] for record in passing}:
                return  # A report that names an unknown message fails the whole batch.
        await self._delete([record for record in passing if record["messageId"] not in failed])

    async def _invoke(self, payload: bytes, received_ms: int) -> Result | None:
        """The invocation's result; None if it was throttled until the messages went back to their queue."""
        clock = self._cloud.clock
        delay_s = RETRY_FIRST_S
        while True:
            try:
                return await self._invoker.invoke(self._ctx.refreshed(), self._name, payload)
            except TooManyRequests:
                self._scaling.failed(clock.now_ms())
            if clock.now_ms() + delay_s * 1000 >= received_ms + await self._visibility_ms():
                return None
            await clock.sleep(delay_s)
            delay_s = min(2 * delay_s, RETRY_MAX_S)

    async def _visibility_ms(self) -> int:
        queue = self._queue.refreshed()
        answer = await queue.call(
            self._cloud.sqs.get_queue_attributes, QueueUrl=self._url, AttributeNames=["VisibilityTimeout"]
        )
        return int(answer["Attributes"]["VisibilityTimeout"]) * 1000

    async def _delete(self, records: list[dict[str, Any]]) -> None:
        try:
            await self._queue.run(self._delete_now, records)
        except AwsError as error:
            log.warning("mapping %s cannot delete messages: %s", self._mapping.uuid, error)

    def _delete_now(self, records: list[dict[str, Any]]) -> None:
        """In one transaction: a batch may be a thousand requests of ten."""
        queue = self._queue.refreshed()
        for first in range(0, len(records), DELETE_MAX):
            entries = [
                {"Id": str(number), "ReceiptHandle": record["receiptHandle"]}
                for number, record in enumerate(records[first : first + DELETE_MAX])
            ]
            self._cloud.sqs.delete_message_batch(queue, QueueUrl=self._url, Entries=entries)

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        """https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html, the example event."""
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {
                name: _attribute(value) for name, value in (message.get("MessageAttributes") or {}).items()
            },
            "md5OfMessageAttributes": message.get("MD5OfMessageAttributes"),
            "md5OfBody": message.get("MD5OfBody", ""),
            "eventSource": "aws:sqs",
            "eventSourceARN": self._mapping.source_arn,
            "awsRegion": self._arn.region,
        }


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
