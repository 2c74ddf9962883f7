"""Messages sent one by one and in batches, received and deleted; and sent in order."""

import random

from tests.crash.kind import Kind, queue_url
from tests.crash.ledger import Ledger
from tests.crash.wire import Wire


async def send(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    told = ledger.queues["plain"]
    for number in range(1_000_000):
        body = f"{name}.{number}"
        told.sending.add(body)
        await wire.json("sqs", "SendMessage", QueueUrl=queue_url("plain"), MessageBody=body)
        told.sent.add(body)
        ledger.acknowledged += 1


async def send_batches(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    told = ledger.queues["plain"]
    for number in range(1_000_000):
        bodies = {f"{n}": f"{name}.{number}.{n}" for n in range(rng.randint(1, 10))}
        told.sending.update(bodies.values())
        entries = [{"Id": key, "MessageBody": body} for key, body in bodies.items()]
        answer = await wire.json("sqs", "SendMessageBatch", QueueUrl=queue_url("plain"), Entries=entries)
        told.sent.update(bodies[entry["Id"]] for entry in answer["Successful"])
        ledger.acknowledged += 1


async def send_in_order(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    told = ledger.queues["ordered.fifo"]
    for number in range(1_000_000):
        body = f"{name}.{number}"
        told.sending.add(body)
        await wire.json(
            "sqs",
            "SendMessage",
            QueueUrl=queue_url("ordered.fifo"),
            MessageBody=body,
            MessageGroupId=name,
            MessageDeduplicationId=body,
        )
        told.sent.add(body)
        ledger.acknowledged += 1


async def consume(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    """Deletes some of what it receives; the lease is short, so that the rest is soon there again."""
    told, url = ledger.queues["plain"], queue_url("plain")
    while True:
        answer = await wire.json(
            "sqs",
            "ReceiveMessage",
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=1,
            WaitTimeSeconds=1,
        )
        for message in answer.get("Messages", ()):
            if rng.random() < 0.7:
                told.deleting.add(message["Body"])
                await wire.json("sqs", "DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                told.deleted.add(message["Body"])
                ledger.acknowledged += 1


KIND = Kind(workers=(send, send_batches, send_in_order, consume), queues=("plain", "ordered.fifo"))
