"""Events of an archive sent once more: a replay is under way when the kill comes, and repeats nothing."""

import asyncio
import random
import time

from tests.crash.kind import Client, Kind, arn
from tests.crash.ledger import Ledger
from tests.crash.loads.events import put
from tests.crash.wire import Wire

BUS = "kept"
# More than a page of a replay, so that there is a step between two pages.
EVENTS = 120
PER_CALL = 10


async def archive_and_replay(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    """Replays all that this run has put. Earlier runs ended more than a second ago: their events have other times."""
    told = ledger.queues["replayed"]
    begin = int(time.time())
    # Bodies are of the replay that will bring them.
    for first in range(0, EVENTS, PER_CALL):
        bodies = [f"{name}.{number}" for number in range(first, first + PER_CALL)]
        told.sending.update(bodies)
        await put(wire, bodies, EventBusName=BUS)
        ledger.acknowledged += 1
    await wire.json(
        "events",
        "StartReplay",
        ReplayName=name,
        EventSourceArn=arn("events", f"archive/{BUS}"),
        EventStartTime=begin,
        EventEndTime=begin + 600,
        Destination={"Arn": arn("events", f"event-bus/{BUS}")},
    )
    told.sent.update(f"{name}.{number}" for number in range(EVENTS))
    ledger.acknowledged += 1
    while True:  # One replay a run.
        await wire.json("events", "DescribeReplay", ReplayName=name)
        await asyncio.sleep(0.1)


def prepare(client: Client) -> None:
    events = client("events")
    bus = events.create_event_bus(Name=BUS)["EventBusArn"]
    events.create_archive(ArchiveName=BUS, EventSourceArn=bus)
    events.put_rule(Name="again", EventBusName=BUS, EventPattern='{"replay-name": [{"exists": true}]}')
    target = {"Id": "again", "Arn": arn("sqs", "replayed"), "InputPath": "$.detail.body"}
    events.put_targets(Rule="again", EventBusName=BUS, Targets=[target])


KIND = Kind(workers=(archive_and_replay,), copies=1, queues=("replayed",), once=("replayed",), prepare=prepare)
