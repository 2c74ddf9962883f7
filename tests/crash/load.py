"""The mixed load: every worker repeats one kind of thing and tells the ledger what was acknowledged."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable

from tests.crash.ledger import Item, Ledger
from tests.crash.setting import Setting
from tests.crash.wire import Wire

Worker = Callable[[Wire, Setting, Ledger, random.Random, str], Awaitable[None]]
COPIES = 2
KEYS = 20
# A function works the stream off more slowly than it is written: what is left has to be waited for after the kill.
STREAMED_PAUSE_S = 0.01


async def send(wire: Wire, setting: Setting, ledger: Ledger, rng: random.Random, name: str) -> None:
    told = ledger.queues["plain"]
    for number in range(1_000_000):
        body = f"{name}.{number}"
        told.sending.add(body)
        await wire.json("sqs", "SendMessage", QueueUrl=setting.urls["plain"], MessageBody=body)
        told.sent.add(body)
        ledger.acknowledged += 1


async def send_batches(wire: Wire, setting: Setting, ledger: Ledger, rng: random.Random, name: str) -> None:
    told = ledger.queues["plain"]
    for number in range(1_000_000):
        bodies = {f"{n}": f"{name}.{number}.{n}" for n in range(rng.randint(1, 10))}
        told.sending.update(bodies.values())
        entries = [{"Id": key, "MessageBody": body} for key, body in bodies.items()]
        answer = await wire.json("sqs", "SendMessageBatch", QueueUrl=setting.urls["plain"], Entries=entries)
        told.sent.update(bodies[entry["Id"]] for entry in answer["Successful"])
        ledger.acknowledged += 1


async def send_in_order(wire: Wire, setting: Setting, ledger: Ledger, rng: random.Random, name: str) -> None:
    told = ledger.queues["ordered"]
    for number in range(1_000_000):
        body = f"{name}.{number}"
        told.sending.add(body)
        await wire.json(
            "sqs",
            "SendMessage",
            QueueUrl=setting.urls["ordered"],
            MessageBody=body,
            MessageGroupId=name,
            MessageDeduplicationId=body,
        )
        told.sent.add(body)
        ledger.acknowledged += 1


async def consume(wire: Wire, setting: Setting, ledger: Ledger, rng: random.Random, name: str) -> None:
    """Deletes some of what it receives; the lease is short, so that the rest is soon there again."""
    told, url = ledger.queues["plain"], setting.urls["plain"]
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


async def publish(wire: Wire, setting: Setting, ledger: Ledger, rng: random.Random, name: str) -> None:
    for number in range(1_000_000):
        body = f"{name}.{number}"
        for queue in ("fan-left", "fan-right"):
            ledger.queues[queue].sending.add(body)
        await wire.publish(setting.topic, body)
        for queue in ("fan-left", "fan-right"):
            ledger.queues[queue].sent.add(body)
        ledger.acknowledged += 1


async def publish_in_order(wire: Wire, setting: Setting, ledger: Ledger, rng: random.Random, name: str) -> None:
    """What one publisher says arrives in order."""
    told = ledger.queues["fan-ordered"]
    for number in range(1_000_000):
        body = f"{name}.{number}"
        told.sending.add(body)
        await wire.publish(setting.ordered_topic, body, MessageGroupId=name, MessageDeduplicationId=body)
        told.sent.add(body)
        ledger.acknowledged += 1


async def put_events(wire: Wire, setting: Setting, ledger: Ledger, rng: random.Random, name: str) -> None:
    """A rule sends every event to two queues."""
    for number in range(1_000_000):
        bodies = [f"{name}.{number}.{n}" for n in range(rng.randint(1, 5))]
        for queue in ("event-left", "event-right"):
            ledger.queues[queue].sending.update(bodies)
        entries = [{"Source": "crash", "DetailType": "test", "Detail": json.dumps({"body": body})} for body in bodies]
        answer = await wire.json("events", "PutEvents", Entries=entries)
        assert answer["FailedEntryCount"] == 0, answer
        for queue in ("event-left", "event-right"):
            ledger.queues[queue].sent.update(bodies)
        ledger.acknowledged += 1


async def write_streamed(wire: Wire, setting: Setting, ledger: Ledger, rng: random.Random, name: str) -> None:
    """A function that reads the table's stream sends each new value on, in a group of its key."""
    told = ledger.queues["streamed"]
    for number in range(1_000_000):
        key = f"{name}-{rng.randrange(5)}"
        body = f"{key}.{number}"
        told.sending.add(body)
        item = {"k": {"S": key}, "v": {"N": str(number)}}
        await wire.json("dynamodb", "PutItem", TableName=setting.streamed_table, Item=item)
        told.sent.add(body)
        ledger.acknowledged += 1
        await asyncio.sleep(STREAMED_PAUSE_S)


async def write_items(wire: Wire, setting: Setting, ledger: Ledger, rng: random.Random, name: str) -> None:
    """Puts, counts up and deletes keys that are this worker's own."""
    for number in range(1, 1_000_000):
        key = f"{name}-{rng.randrange(KEYS)}"
        before = next(iter(ledger.items.get(key, {None})))
        kind = rng.choice(("put", "add", "delete"))
        after: Item = {"put": number, "add": (before or 0) + 1, "delete": None}[kind]
        ledger.items[key] = {before, after}
        at = {"TableName": setting.table}
        if kind == "put":
            await wire.json("dynamodb", "PutItem", **at, Item={"k": {"S": key}, "v": {"N": str(after)}})
        elif kind == "add":
            await wire.json(
                "dynamodb",
                "UpdateItem",
                **at,
                Key={"k": {"S": key}},
                UpdateExpression="ADD v :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )
        else:
            await wire.json("dynamodb", "DeleteItem", **at, Key={"k": {"S": key}})
        ledger.items[key] = {after}
        ledger.acknowledged += 1


async def write_pairs(wire: Wire, setting: Setting, ledger: Ledger, rng: random.Random, name: str) -> None:
    """Transactions over two items that are always equal."""
    for number in range(1, 1_000_000):
        pair = f"{name}-{rng.randrange(KEYS)}"
        keys = (f"{pair}-left", f"{pair}-right")
        for key in keys:
            ledger.items[key] = {next(iter(ledger.items.get(key, {None}))), number}
        puts = [
            {"Put": {"TableName": setting.table, "Item": {"k": {"S": key}, "v": {"N": str(number)}}}} for key in keys
        ]
        await wire.json("dynamodb", "TransactWriteItems", TransactItems=puts)
        for key in keys:
            ledger.items[key] = {number}
        ledger.acknowledged += 1


WORKERS: tuple[Worker, ...] = (
    send,
    send_batches,
    send_in_order,
    consume,
    publish,
    publish_in_order,
    put_events,
    write_streamed,
    write_items,
    write_pairs,
)


async def load(setting: Setting, *, seed: int, name: str, begun: dict[str, set[str]]) -> Ledger:
    """Run all workers until the server is gone.

    `begun` is what earlier runs began to send: an answer that did not come may still have had its effect.

    An answer that is an error is a failure; a connection that breaks is what the kill does.
    """
    ledger = Ledger()
    for queue, bodies in begun.items():
        ledger.queues[queue].sending |= bodies
    async with asyncio.TaskGroup() as group:
        for copy in range(COPIES):
            for worker in WORKERS:
                unique = f"{name}.{worker.__name__}.{copy}"
                rng = random.Random(f"{seed}.{unique}")
                group.create_task(_until_gone(worker, setting, ledger, rng, unique))
    return ledger


async def _until_gone(worker: Worker, setting: Setting, ledger: Ledger, rng: random.Random, name: str) -> None:
    wire = Wire(setting.port, setting.account)
    try:
        await worker(wire, setting, ledger, rng, name)
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        wire.close()
