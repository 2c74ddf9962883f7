"""Pipes: from a queue to a queue, from a FIFO queue to a FIFO queue, and from a table's stream to one."""

import random
from typing import Any

from tests.crash.kind import ROLE, Client, Kind, arn, make_table, queue_url
from tests.crash.ledger import Ledger
from tests.crash.loads.streams import write_streamed
from tests.crash.wire import Wire

# What a pipe was about to send when it was killed is seen again after this time.
LEASE = {"VisibilityTimeout": "3"}


async def send_through(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    await _send(wire, ledger, name, source="pipe-in", target="pipe-out")


async def send_through_in_order(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    await _send(wire, ledger, name, source="pipe-in.fifo", target="pipe-out.fifo")


async def write_through(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    await write_streamed(wire, ledger, rng, name, table="piped", queue="piped.fifo")


async def _send(wire: Wire, ledger: Ledger, name: str, *, source: str, target: str) -> None:
    told = ledger.queues[target]
    for number in range(1_000_000):
        body = f"{name}.{number}"
        told.sending.add(body)
        fifo = {"MessageGroupId": name, "MessageDeduplicationId": body} if source.endswith(".fifo") else {}
        await wire.json("sqs", "SendMessage", QueueUrl=queue_url(source), MessageBody=body, **fifo)
        told.sent.add(body)
        ledger.acknowledged += 1


def prepare(client: Client) -> None:
    _pipe(client, "plain", arn("sqs", "pipe-in"), "pipe-out", template="<$.body>")
    _pipe(
        client,
        "ordered",
        arn("sqs", "pipe-in.fifo"),
        "pipe-out.fifo",
        template="<$.body>",
        group="$.attributes.MessageGroupId",
        deduplication="$.messageId",
    )
    _pipe(
        client,
        "stream",
        make_table(client, "piped", view="NEW_IMAGE"),
        "piped.fifo",
        template="<$.dynamodb.NewImage.k.S>.<$.dynamodb.NewImage.v.N>",
        group="$.dynamodb.NewImage.k.S",
        deduplication="$.eventID",
        SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"}},
    )


def _pipe(
    client: Client,
    name: str,
    source: str,
    target: str,
    *,
    template: str,
    group: str = "",
    deduplication: str = "",
    **settings: Any,
) -> None:
    parameters: dict[str, Any] = {"InputTemplate": template}
    if group:
        parameters["SqsQueueParameters"] = {"MessageGroupId": group, "MessageDeduplicationId": deduplication}
    client("pipes").create_pipe(
        Name=name, RoleArn=ROLE, Source=source, Target=arn("sqs", target), TargetParameters=parameters, **settings
    )


KIND = Kind(
    workers=(send_through, send_through_in_order, write_through),
    copies=1,
    queues=("pipe-out", "pipe-out.fifo", "piped.fifo"),
    sources={"pipe-in": LEASE, "pipe-in.fifo": LEASE},
    prepare=prepare,
)
