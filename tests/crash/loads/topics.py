"""A topic with two queues, and a FIFO topic with one."""

import random

from tests.crash.kind import Client, Kind, arn
from tests.crash.ledger import Ledger
from tests.crash.wire import Wire

FAN = ("fan-left", "fan-right")


async def publish(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    for number in range(1_000_000):
        body = f"{name}.{number}"
        for queue in FAN:
            ledger.queues[queue].sending.add(body)
        await wire.query("sns", "Publish", TopicArn=arn("sns", "fan"), Message=body)
        for queue in FAN:
            ledger.queues[queue].sent.add(body)
        ledger.acknowledged += 1


async def publish_in_order(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    """What one publisher says arrives in order."""
    told = ledger.queues["fan.fifo"]
    for number in range(1_000_000):
        body = f"{name}.{number}"
        told.sending.add(body)
        more = {"MessageGroupId": name, "MessageDeduplicationId": body}
        await wire.query("sns", "Publish", TopicArn=arn("sns", "fan.fifo"), Message=body, **more)
        told.sent.add(body)
        ledger.acknowledged += 1


def prepare(client: Client) -> None:
    sns = client("sns")
    sns.create_topic(Name="fan")
    sns.create_topic(Name="fan.fifo", Attributes={"FifoTopic": "true"})
    raw = {"RawMessageDelivery": "true"}
    for topic, queue in (("fan", "fan-left"), ("fan", "fan-right"), ("fan.fifo", "fan.fifo")):
        sns.subscribe(TopicArn=arn("sns", topic), Protocol="sqs", Endpoint=arn("sqs", queue), Attributes=raw)


KIND = Kind(workers=(publish, publish_in_order), queues=(*FAN, "fan.fifo"), prepare=prepare)
