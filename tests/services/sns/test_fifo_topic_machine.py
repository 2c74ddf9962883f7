"""A FIFO topic agrees with a simple model: each queue has what its filter let through, once, in order by group."""

import asyncio
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services import SERVICES

ACCOUNT, REGION = "1" * 12, "us-east-1"
QUEUES = ("all", "some")
COLORS = ("red", "blue")
REMEMBERED_MS = 300_000

_entries = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(COLORS),
    st.sampled_from(["", "", "once", "twice"]),  # A deduplication id; none: one of its own.
)


class FifoTopicMachine(RuleBasedStateMachine):
    """Two queues, one with a filter that changes; time is the machine's own."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.cloud = Cloud(Path(self.folder.name), services=SERVICES, sync="process")
        self.now_ms = self.cloud.clock.now_ms()
        fifo = {"FifoTopic": "true"}
        self.topic = self.call("sns", "create_topic", Name="t.fifo", Attributes=fifo)["TopicArn"]
        self.urls: dict[str, str] = {}
        self.subscriptions: dict[str, str] = {}
        for queue in QUEUES:
            attributes = {"FifoQueue": "true"}
            self.urls[queue] = self.call("sqs", "create_queue", QueueName=f"{queue}.fifo", Attributes=attributes)[
                "QueueUrl"
            ]
            self.subscriptions[queue] = self.call(
                "sns",
                "subscribe",
                TopicArn=self.topic,
                Protocol="sqs",
                Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}.fifo",
                Attributes={"RawMessageDelivery": "true"},
            )["SubscriptionArn"]
        self.wanted: dict[str, set[str]] = {queue: set(COLORS) for queue in QUEUES}
        self.held: dict[str, dict[str, list[str]]] = {queue: defaultdict(list) for queue in QUEUES}
        self.known: dict[str, int] = {}
        self.published = 0

    def call(self, service: str, operation: str, **parameters: Any) -> Any:
        async def committed() -> Any:
            ctx = Context(
                self.cloud, account=ACCOUNT, region=REGION, now_ms=self.now_ms, request_id="", endpoint="http://here"
            )
            with self.cloud.store.transaction():
                answer = getattr(self.cloud.service(service), operation)(ctx, **parameters)
            self.cloud.store.flush()
            return answer

        return self.loop.run_until_complete(committed())

    def expect(self, body: str, group: str, color: str, identity: str) -> None:
        """What the publication of a message does to the model."""
        if self.known.get(identity, 0) > self.now_ms:
            return
        self.known[identity] = self.now_ms + REMEMBERED_MS
        for queue in QUEUES:
            if color in self.wanted[queue]:
                self.held[queue][group].append(body)

    def entry(self, group: str, color: str, identity: str) -> dict[str, Any]:
        self.published += 1
        body = f"m{self.published}"
        identity = identity or body
        self.expect(body, group, color, identity)
        return {
            "Message": body,
            "MessageGroupId": group,
            "MessageDeduplicationId": identity,
            "MessageAttributes": {"color": {"DataType": "String", "StringValue": color}},
        }

    # ---- what can happen ----------------------------------------------------------------------------------------

    @rule(entry=_entries)
    def publish(self, entry: tuple[str, str, str]) -> None:
        self.call("sns", "publish", TopicArn=self.topic, **self.entry(*entry))

    @rule(entries=st.lists(_entries, min_size=2, max_size=10))
    def publish_batch(self, entries: list[tuple[str, str, str]]) -> None:
        wanted = [{"Id": str(number), **self.entry(*entry)} for number, entry in enumerate(entries)]
        answer = self.call("sns", "publish_batch", TopicArn=self.topic, PublishBatchRequestEntries=wanted)
        assert [done["Id"] for done in answer["Successful"]] == [entry["Id"] for entry in wanted]

    @rule(colors=st.sets(st.sampled_from(COLORS), min_size=1))
    def filter(self, colors: set[str]) -> None:
        self.wanted["some"] = colors
        self.call(
            "sns",
            "set_subscription_attributes",
            SubscriptionArn=self.subscriptions["some"],
            AttributeName="FilterPolicy",
            AttributeValue=json.dumps({"color": sorted(colors)}),
        )

    @rule(queue=st.sampled_from(QUEUES), limit=st.sampled_from([1, 3, 10]))
    def take(self, queue: str, limit: int) -> None:
        held = self.held[queue]
        answer = self.call(
            "sqs",
            "receive_message",
            QueueUrl=self.urls[queue],
            MaxNumberOfMessages=limit,
            MessageSystemAttributeNames=["MessageGroupId"],
        )
        messages = (answer or {}).get("Messages", [])
        assert len(messages) == min(limit, sum(map(len, held.values())))
        for message in messages:
            assert message["Body"] == held[message["Attributes"]["MessageGroupId"]].pop(0)
            self.call("sqs", "delete_message", QueueUrl=self.urls[queue], ReceiptHandle=message["ReceiptHandle"])

    @rule(seconds=st.sampled_from([1, 120, 301]))
    def time_passes(self, seconds: int) -> None:
        self.now_ms += seconds * 1000

    def teardown(self) -> None:
        for queue in QUEUES:
            while any(self.held[queue].values()):
                self.take(queue, 10)
            self.take(queue, 1)
        self.loop.run_until_complete(self.cloud.stop())
        self.loop.close()
        self.folder.cleanup()


FifoTopicMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25)
TestFifoTopicMachine = FifoTopicMachine.TestCase
