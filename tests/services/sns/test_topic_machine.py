"""A topic agrees with a simple model about who gets which message, whatever filters are set and changed."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services import SERVICES
from fogbank.services.sns.service import SnsService
from tests.core.pattern_model import matches

ACCOUNT, REGION = "1" * 12, "us-east-1"
QUEUES = ("one", "two", "three")

_values = st.sampled_from(["red", "blue", "redder"])
_leaf = st.lists(
    st.one_of(
        _values,
        st.just({"prefix": "red"}),
        st.just({"anything-but": ["blue"]}),
        st.just({"exists": False}),
        st.just({"exists": True}),
        st.just({"numeric": [">", 5]}),
    ),
    min_size=1,
    max_size=2,
)
_policies = st.dictionaries(st.sampled_from(["color", "size"]), _leaf, min_size=1, max_size=2)
_bodies = st.fixed_dictionaries({}, optional={"color": _values, "size": st.sampled_from([1, 9])})
_queues = st.sampled_from(QUEUES)


class Subscriber(NamedTuple):
    arn: str
    policy: dict[str, Any]
    scope: str


class TopicMachine(RuleBasedStateMachine):
    """Three queues that may subscribe; what each has got is read when all is done, and at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.cloud = Cloud(Path(self.folder.name), services=SERVICES, sync="process")
        self.sns = SnsService(self.cloud)
        self.sqs = self.loop.run_until_complete(self.load("sqs"))
        self.topic = self.call(self.sns.create_topic, Name="t")["TopicArn"]
        self.urls = {name: self.call(self.sqs.create_queue, QueueName=name)["QueueUrl"] for name in QUEUES}
        self.subscribers: dict[str, Subscriber] = {}
        self.expected: dict[str, int] = dict.fromkeys(QUEUES, 0)
        self.published = 0

    async def load(self, service: str) -> Any:
        return self.cloud.service(service)

    def call(self, operation: Any, **parameters: Any) -> Any:
        async def committed() -> Any:
            ctx = Context(
                self.cloud,
                account=ACCOUNT,
                region=REGION,
                now_ms=self.cloud.clock.now_ms(),
                request_id="",
                endpoint="http://here",
            )
            with self.cloud.store.transaction():
                answer = operation(ctx, **parameters)
            self.cloud.store.flush()
            return answer

        return self.loop.run_until_complete(committed())

    # ---- what can happen ----------------------------------------------------------------------------------------

    @rule(queue=_queues, policy=_policies, scope=st.sampled_from(["MessageAttributes", "MessageBody"]))
    def subscribe(self, queue: str, policy: dict[str, Any], scope: str) -> None:
        if queue in self.subscribers:
            return
        endpoint = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"
        attributes = {"FilterPolicy": json.dumps(policy), "FilterPolicyScope": scope, "RawMessageDelivery": "true"}
        made = self.call(
            self.sns.subscribe, TopicArn=self.topic, Protocol="sqs", Endpoint=endpoint, Attributes=attributes
        )
        self.subscribers[queue] = Subscriber(made["SubscriptionArn"], policy, scope)

    @precondition(lambda self: self.subscribers)
    @rule(queue=_queues, policy=st.one_of(_policies, st.just({})))
    def change_filter(self, queue: str, policy: dict[str, Any]) -> None:
        known = self.subscribers.get(queue)
        if known is not None:
            self.call(
                self.sns.set_subscription_attributes,
                SubscriptionArn=known.arn,
                AttributeName="FilterPolicy",
                AttributeValue=json.dumps(policy),
            )
            self.subscribers[queue] = known._replace(policy=policy)

    @precondition(lambda self: self.subscribers)
    @rule(queue=_queues)
    def unsubscribe(self, queue: str) -> None:
        known = self.subscribers.pop(queue, None)
        if known is not None:
            self.call(self.sns.unsubscribe, SubscriptionArn=known.arn)

    @rule(body=_bodies, attributes=_bodies)
    def publish(self, body: dict[str, Any], attributes: dict[str, Any]) -> None:
        self.published += 1
        typed = {
            name: {"DataType": "Number" if isinstance(value, int) else "String", "StringValue": str(value)}
            for name, value in attributes.items()
        }
        self.call(self.sns.publish, TopicArn=self.topic, Message=json.dumps(body), MessageAttributes=typed)
        for queue, subscriber in self.subscribers.items():
            seen = body if subscriber.scope == "MessageBody" else attributes
            self.expected[queue] += not subscriber.policy or matches(subscriber.policy, seen)

    # ---- what must be true --------------------------------------------------------------------------------------

    @invariant()
    def every_queue_has_what_its_filter_let_through(self) -> None:
        for queue, url in self.urls.items():
            answer = self.call(
                self.sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
            )
            assert int(answer["Attributes"]["ApproximateNumberOfMessages"]) == self.expected[queue], queue

    def teardown(self) -> None:
        self.loop.run_until_complete(self.cloud.stop())
        self.loop.close()
        self.folder.cleanup()


TopicMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25)
TestTopicMachine = TopicMachine.TestCase
