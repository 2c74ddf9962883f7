"""Reads queues until they are empty."""

import asyncio
from typing import Any

from tests.crash.kind import Bodies, queue_url
from tests.crash.wire import Wire

# Leases of the load last a second: a queue that stays empty for longer is drained.
LEASE_S = 1
# What the kill interrupted is delivered after the restart, some of it by functions that have to start first.
PATIENCE_S = 60.0


async def drain(port: int, expected: dict[str, set[str]]) -> Bodies:
    """The messages of these queues, each of which should have what is expected of it."""
    found = await asyncio.gather(*(_drain(port, queue, bodies) for queue, bodies in expected.items()))
    return dict(zip(expected, found, strict=True))


async def _drain(port: int, queue: str, expected: set[str]) -> list[str]:
    """An empty answer is believed once all of `expected` has come, or when patience has run out."""
    wire, url = Wire(port), queue_url(queue)
    found: list[str] = []
    now = asyncio.get_running_loop().time
    deadline = now() + PATIENCE_S
    while True:
        answer = await wire.json("sqs", "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=LEASE_S)
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        if not messages and (expected <= set(found) or now() > deadline):
            wire.close()
            return found
        found += [message["Body"].strip('"') for message in messages]
        if messages:
            entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
            await wire.json("sqs", "DeleteMessageBatch", QueueUrl=url, Entries=entries)
