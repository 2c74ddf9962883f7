"""A kind of load: what it needs, what its workers repeat, and what must hold after a kill.

Everything has a name that is known before it is made, so that the load finds it on whatever port the server is.
"""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.crash.ledger import Ledger
from tests.crash.wire import ACCOUNT, REGION, Wire

Worker = Callable[[Wire, Ledger, random.Random, str], Awaitable[None]]
Bodies = Mapping[str, list[str]]  # What was drained from each queue, in the order of its arrival.
ROLE = f"arn:aws:iam::{ACCOUNT}:role/crash"


class Client(Protocol):
    """`client("sqs")` is a boto3 client of the server that was killed and started again."""

    def __call__(self, service: str, *, region: str = REGION) -> Any: ...


async def nothing_more(client: Client, ledger: Ledger, found: Bodies) -> list[str]:
    return []


@dataclass(frozen=True)
class Kind:
    """Queues whose names end in `.fifo` must keep the order of their groups, `once` must have nothing twice."""

    workers: tuple[Worker, ...]
    copies: int = 2
    queues: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    # Drained as the others are, and left to `check`.
    own_queues: tuple[str, ...] = ()
    # The attributes of queues that are made and not drained: what is in them goes on by itself.
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    prepare: Callable[[Client], None] = lambda client: None
    # What is broken beyond the messages of the queues.
    check: Callable[[Client, Ledger, Bodies], Awaitable[list[str]]] = nothing_more


def arn(service: str, resource: str, *, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


def queue_url(queue: str) -> str:
    return f"http://localhost/{ACCOUNT}/{queue}"


def make_table(client: Client, name: str, *, view: str = "") -> str:
    """Make a table with the key `k`; the ARN of its stream, if it has a view."""
    dynamodb = client("dynamodb")
    stream = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": view}} if view else {}
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        **stream,
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    found: str = dynamodb.describe_table(TableName=name)["Table"].get("LatestStreamArn", "")
    return found
