"""Queues agree with a simple model, whatever is sent, received, deleted and changed, and however time passes."""

import asyncio
import json
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services.sqs.errors import InvalidParameterValue
from fogbank.services.sqs.service import SqsService
from tests.services.sqs.queue_model import Expired, QueueModel, Receipt

ACCOUNT, REGION = "1" * 12, "us-east-1"
RETENTION_S = 600
_groups = st.sampled_from(["a", "b", "c"])
_timeouts_s = st.sampled_from([0, 1, 30, 43_200])
_which = st.sampled_from(["jobs", "dead"])
_limits = st.sampled_from([1, 2, 10])


class QueueMachine(RuleBasedStateMachine):
    """A queue with a dead-letter queue, driven beside their models at one time that only the machine moves."""

    fifo: ClassVar[bool]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.now_ms = 1_700_000_000_000
        self.cloud = Cloud(Path(self.folder.name), services={}, sync="process")
        self.sqs = SqsService(self.cloud)
        self.sent = 0
        suffix = ".fifo" if self.fifo else ""
        own = {"FifoQueue": "true"} if self.fifo else {}
        keeps = own | {"MessageRetentionPeriod": str(RETENTION_S)}
        self.dead = QueueModel(self.fifo, RETENTION_S)
        self.jobs = QueueModel(self.fifo, RETENTION_S, receives_max=2, dead=self.dead)
        policy = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead{suffix}", "maxReceiveCount": 2}
        self.urls = {
            name: self.call("create_queue", QueueName=name + suffix, Attributes=attributes)["QueueUrl"]
            for name, attributes in (("dead", keeps), ("jobs", keeps | {"RedrivePolicy": json.dumps(policy)}))
        }
        self.receipts: list[tuple[str, Receipt]] = []

    def call(self, operation: str, **parameters: Any) -> Any:
        async def committed() -> Any:
            ctx = Context(
                self.cloud, account=ACCOUNT, region=REGION, now_ms=self.now_ms, request_id="", endpoint="http://here"
            )
            with self.cloud.store.transaction():
                answer = getattr(self.sqs, operation)(ctx, **parameters)
            self.cloud.store.flush()
            return answer

        return self.loop.run_until_complete(committed())

    def model(self, which: str) -> QueueModel:
        return self.dead if which == "dead" else self.jobs

    def pick(self, number: int) -> tuple[str, Receipt]:
        return self.receipts[-1 - number % len(self.receipts)]

    def check(self, answer: Any, expected: list[Receipt], which: str) -> None:
        """The answer has what the model received; new receipts get their handles."""
        messages = (answer or {}).get("Messages", [])
        counted = [(m["Body"], int(m["Attributes"]["ApproximateReceiveCount"])) for m in messages]
        assert counted == [(receipt.body, receipt.receives) for receipt in expected]
        for message, receipt in zip(messages, expected, strict=True):
            assert receipt.handle in ("", message["ReceiptHandle"])
            receipt.handle = message["ReceiptHandle"]
            self.receipts.append((which, receipt))

    # ---- what can happen ----------------------------------------------------------------------------------------

    @rule(count=st.integers(1, 3), group=_groups, delay_s=st.sampled_from([0, 0, 5]), again=st.booleans())
    def send(self, count: int, group: str, delay_s: int, again: bool) -> None:
        entries: list[dict[str, Any]] = []
        for _ in range(count):
            self.sent += 1
            entry: dict[str, Any] = {"Id": str(self.sent), "MessageBody": f"m{self.sent}"}
            if self.fifo:
                identity = "again" if again else str(self.sent)
                entry |= {"MessageGroupId": group, "MessageDeduplicationId": identity}
                self.jobs.send(entry["MessageBody"], group, self.now_ms, 0, identity)
            else:
                entry["DelaySeconds"] = delay_s
                self.jobs.send(entry["MessageBody"], "", self.now_ms, delay_s)
            entries.append(entry)
        if count > 1:
            answer = self.call("send_message_batch", QueueUrl=self.urls["jobs"], Entries=entries)
            assert [sent["Id"] for sent in answer["Successful"]] == [entry["Id"] for entry in entries]
        else:
            del entries[0]["Id"]
            self.call("send_message", QueueUrl=self.urls["jobs"], **entries[0])

    @rule(which=_which, limit=_limits, timeout_s=_timeouts_s, attempt=st.sampled_from(["", "", "x", "y"]))
    def receive(self, which: str, limit: int, timeout_s: int, attempt: str) -> None:
        model = self.model(which)
        extra = {"ReceiveRequestAttemptId": attempt} if attempt and self.fifo else {}
        expected = model.repeat(attempt, timeout_s, self.now_ms) if extra else []
        if not expected:
            expected = [
                Receipt("", h.body, h.receives, self.now_ms) for h in model.receive(limit, timeout_s, self.now_ms)
            ]
            if extra and expected:
                model.attempts[attempt] = (expected, self.now_ms + timeout_s * 1000, self.now_ms + 300_000)
        answer = self.call(
            "receive_message",
            QueueUrl=self.urls[which],
            MaxNumberOfMessages=limit,
            VisibilityTimeout=timeout_s,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
            **extra,
        )
        self.check(answer, expected, which)

    @precondition(lambda self: self.receipts)
    @rule(number=st.integers(0, 9), batch=st.booleans())
    def delete(self, number: int, batch: bool) -> None:
        which, receipt = self.pick(number)
        try:
            self.model(which).delete(receipt, self.now_ms)
            expired = False
        except Expired:
            expired = True
        if batch:
            entries = [{"Id": "a", "ReceiptHandle": receipt.handle}]
            answer = self.call("delete_message_batch", QueueUrl=self.urls[which], Entries=entries)
            assert ("Failed" in answer) == expired
        else:
            self.refused("delete_message", expired, QueueUrl=self.urls[which], ReceiptHandle=receipt.handle)

    @precondition(lambda self: self.receipts)
    @rule(number=st.integers(0, 9), timeout_s=_timeouts_s)
    def change_visibility(self, number: int, timeout_s: int) -> None:
        which, receipt = self.pick(number)
        try:
            self.model(which).change_visibility(receipt, timeout_s, self.now_ms)
            expired = False
        except Expired:
            expired = True
        changed = {"ReceiptHandle": receipt.handle, "VisibilityTimeout": timeout_s}
        self.refused("change_message_visibility", expired, QueueUrl=self.urls[which], **changed)

    def refused(self, operation: str, expected: bool, **parameters: Any) -> None:
        with pytest.raises(InvalidParameterValue) if expected else nullcontext():
            self.call(operation, **parameters)

    @rule(seconds=st.sampled_from([0.5, 1, 5, 31, 301, 43_200]))
    def time_passes(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)

    @rule(which=_which)
    def count(self, which: str) -> None:
        wanted = ["", "NotVisible", "Delayed"]
        names = [f"ApproximateNumberOfMessages{name}" for name in wanted]
        answer = self.call("get_queue_attributes", QueueUrl=self.urls[which], AttributeNames=names)["Attributes"]
        assert tuple(int(answer[name]) for name in names) == self.model(which).depth(self.now_ms)

    def teardown(self) -> None:
        try:
            for which in ("jobs", "dead"):
                self.count(which=which)
        finally:
            self.cloud.store.close()
            self.loop.close()
            self.folder.cleanup()


class StandardQueueMachine(QueueMachine):
    fifo = False


class FifoQueueMachine(QueueMachine):
    fifo = True


TestStandardQueue = StandardQueueMachine.TestCase
TestFifoQueue = FifoQueueMachine.TestCase
TestStandardQueue.settings = TestFifoQueue.settings = settings(max_examples=150, stateful_step_count=40)
