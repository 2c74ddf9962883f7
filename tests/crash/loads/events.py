"""A rule that sends every event to two queues."""

import json
import random
from typing import Any

from tests.crash.kind import Client, Kind, arn
from tests.crash.ledger import Ledger
from tests.crash.wire import Wire

QUEUES = ("event-left", "event-right")


async def put_events(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    for number in range(1_000_000):
        bodies = [f"{name}.{number}.{n}" for n in range(rng.randint(1, 5))]
        for queue in QUEUES:
            ledger.queues[queue].sending.update(bodies)
        await put(wire, bodies)
        for queue in QUEUES:
            ledger.queues[queue].sent.update(bodies)
        ledger.acknowledged += 1


async def put(wire: Wire, bodies: list[str], **more: Any) -> None:
    """One PutEvents with these bodies."""
    entries = [
        {"Source": "crash", "DetailType": "test", "Detail": json.dumps({"body": body}), **more} for body in bodies
    ]
    answer = await wire.json("events", "PutEvents", Entries=entries)
    assert answer["FailedEntryCount"] == 0, answer


def prepare(client: Client) -> None:
    events = client("events")
    events.put_rule(Name="fan", EventPattern=json.dumps({"source": ["crash"]}))
    targets = [{"Id": queue, "Arn": arn("sqs", queue), "InputPath": "$.detail.body"} for queue in QUEUES]
    events.put_targets(Rule="fan", Targets=targets)


KIND = Kind(workers=(put_events,), queues=QUEUES, prepare=prepare)
