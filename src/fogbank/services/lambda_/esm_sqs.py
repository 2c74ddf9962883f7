"""Queues to functions: one receiver for a mapping, and as many batches in flight as its scaling allows.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
A batch that succeeds is deleted; one that fails, or is refused for lack of concurrency, is left to its
visibility
timeout, so that its receive count grows and the queue's redrive policy decides.
"""

import asyncio
import base64
import json
import logging
from typing import Any

from fogbank.core.arn import Arn
from fogbank.core.cloud import Cloud
from fogbank.core.errors import AwsError
from fogbank.core.targets import queue_url
from fogbank.services.lambda_.batch_response import BadReport, failed_identifiers
from fogbank.services.lambda_.errors import TooManyRequests
from fogbank.services.lambda_.filters import Filter
from fogbank.services.lambda_.invoke import Invoker
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.records import Mapping

log = logging.getLogger("fogbank.lambda")

FIRST_CONCURRENCY = 5
CONCURRENCY_PER_MINUTE = 300
CONCURRENCY_MAX = 1250
# A maximum concurrency is an explicit wish: up to this many batches start at once, the ramp goes on above it.
FIRST_CONCURRENCY_WITH_MAXIMUM = 10
POLL_S = 20
# The payload limit of an invocation, less room for the envelope of the records.
BATCH_BYTES_MAX = 6_000_000
AFTER_ERROR_S = 5


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
        self._busy_since_ms: int | None = None
        self._scale = 1.0
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
                elif not self._in_flight:
                    self._busy_since_ms = None
        finally:
            # The batches in flight end by themselves: cancelled, their messages would only come back later.
            self._batches.clear()

    # ---- scaling
    # ------------------------------------------------------------------------------------------------

    def _allowed(self) -> int:
        """How many batches may be in flight now."""
        maximum = self._mapping.concurrency_max
        first = FIRST_CONCURRENCY if maximum is None else FIRST_CONCURRENCY_WITH_MAXIMUM
        allowed = float(first)
        if self._busy_since_ms is not None:
            busy_s = (self._cloud.clock.now_ms() - self._busy_since_ms) / 1000
            allowed += busy_s * CONCURRENCY_PER_MINUTE / 60
        allowed = max(allowed * self._scale, 1)
        return int(min(allowed, maximum or CONCURRENCY_MAX))

    async def _slot(self) -> None:
        while self._in_flight >= self._allowed():
            self._changed.clear()
            await self._cloud.clock.wait(self._changed, 0.2)

    def _begin(self, messages: list[dict[str, Any]]) -> None:
        if self._busy_since_ms is None:
            self._busy_since_ms = self._cloud.clock.now_ms()
        self._in_flight += 1
        task = self._cloud.tasks.spawn(f"lambda batch {self._mapping.uuid}", self._process(messages))
        self._batches.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        self._in_flight -= 1
        self._changed.set()

    # ---- receiving
    # ----------------------------------------------------------------------------------------------

    async def _batch(self) -> list[dict[str, Any]]:
        """The next batch: what is there, and with a window what comes until it is over or the batch is
        full."""
        mapping = self._mapping
        messages = await self._receive(min(mapping.batch_size, 10), POLL_S)
        if not messages or not mapping.window_s:
            return messages
        until_ms = self._cloud.clock.now_ms() + mapping.window_s * 1000
        size = sum(len(message["Body"]) for message in messages)
        while len(messages) < mapping.batch_size and size < BATCH_BYTES_MAX:
            left_s = (until_ms - self._cloud.clock.now_ms()) / 1000
            if left_s <= 0:
                break
            more = await self._receive(min(mapping.batch_size - len(messages), 10), min(POLL_S, max(int(left_s), 1)))
            messages += more
            size += sum(len(message["Body"]) for message in more)
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

    # ---- processing
    # ---------------------------------------------------------------------------------------------

    async def _process(self, messages: list[dict[str, Any]]) -> None:
        records = [self._record(message) for message in messages]
        passing = [record for record in records if self._filter.passes(record)]
        dropped = [record["receiptHandle"] for record in records if not self._filter.passes(record)]
        if dropped:
            await self._delete(dropped)
        if not passing:
            return
        payload = json.dumps({"Records": passing}, separators=(",", ":")).encode()
        try:
            result = await self._invoker.invoke(self._ctx.refreshed(), self._name, payload)
        except TooManyRequests:
            self._scale = max(self._scale / 2, 0.1)
            return
        except AwsError as error:
            log.warning("mapping %s cannot invoke %s: %s", self._mapping.uuid, self._name.name, error)
            return
        self._scale = min(self._scale * 1.25, 1.0)
        if result.error:
            return
        failed: frozenset[str] = frozenset()
        if "ReportBatchItemFailures" in self._mapping.response_types:
            try:
                failed = failed_identifiers(result.payload)
            except BadReport:
                return
            if failed - {record["messageId"] for record in passing}:
                return  # A report that names an unknown message fails the whole batch.
        await self._delete([record["receiptHandle"] for record in passing if record["messageId"] not in failed])

    async def _delete(self, handles: list[str]) -> None:
        queue = self._queue.refreshed()
        for start in range(0, len(handles), 10):
            entries = [
                {"Id": str(number), "ReceiptHandle": handle}
                for number, handle in enumerate(handles[start : start + 10])
            ]
            try:
                await queue.call(self._cloud.sqs.delete_message_batch, QueueUrl=self._url, Entries=entries)
            except AwsError as error:
                log.warning("mapping %s cannot delete messages: %s", self._mapping.uuid, error)

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
