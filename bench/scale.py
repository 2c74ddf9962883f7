"""How time and memory of a request grow with what is stored: `python -m bench.scale --help`.

Each curve fills one thing step by step (items of a partition, messages of a queue, queues, rules) and measures the same
requests at every step, one at a time. A flat line is the aim.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.cases import BODY
from bench.load import CONNECTIONS, Session, drive
from bench.recording import Recorder, client
from bench.servers import PEERS, Peer, Running, running

CALLS = 200
FILL_LIMIT_S = 1_800.0
Call = Callable[[], object]


@dataclass
class Curve:
    """One thing that grows: `grow(server, start, end)` adds what is missing, `calls(server)` are measured."""

    name: str
    steps: tuple[int, ...]
    grow: Callable[[Running, int, int], None]
    calls: Callable[[Running, int], dict[str, Call]]
    figures: dict[str, dict[int, float]] = field(default_factory=dict)
    memory_mb: dict[int, float] = field(default_factory=dict)


def _send_all(server: Running, requests: Iterator[bytes]) -> None:
    """Send every request once, over as many connections as the throughput cases use."""

    def session(_: int) -> Session:
        while (request := next(requests, None)) is not None:
            yield request

    outcome = drive(server, session, connections=CONNECTIONS, seconds=FILL_LIMIT_S, warm_up=0)
    if outcome.errors:
        raise RuntimeError(f"{outcome.errors} requests failed while filling: {outcome.first_error}")


# ---- a partition of a table --------------------


def _item(n: int) -> dict[str, Any]:
    return {"pk": {"S": "one"}, "sk": {"S": f"{n:09d}"}, "name": {"S": "x" * 40}}


def grow_partition(server: Running, start: int, end: int) -> None:
    dynamodb = client("dynamodb", server.endpoint)
    if start == 0:
        dynamodb.create_table(
            TableName="scale",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k in ("pk", "sk")],
        )
    record = Recorder("dynamodb", server.endpoint).request
    _send_all(
        server,
        (
            record(
                "batch_write_item",
                RequestItems={"scale": [{"PutRequest": {"Item": _item(n)}} for n in range(at, min(at + 25, end))]},
            )
            for at in range(start, end, 25)
        ),
    )


def partition_calls(server: Running, size: int) -> dict[str, Call]:
    dynamodb = client("dynamodb", server.endpoint)
    key = {":p": {"S": "one"}, ":s": {"S": f"{size // 2:09d}"}}

    def query(*, forward: bool) -> object:
        return dynamodb.query(
            TableName="scale",
            KeyConditionExpression="pk = :p AND sk >= :s" if forward else "pk = :p AND sk <= :s",
            ExpressionAttributeValues=key,
            Limit=10,
            ScanIndexForward=forward,
        )

    return {
        "Query of 10 from the middle": lambda: query(forward=True),
        "Query of 10 backwards": lambda: query(forward=False),
        "GetItem": lambda: dynamodb.get_item(TableName="scale", Key={k: _item(size // 2)[k] for k in ("pk", "sk")}),
        "PutItem": lambda: dynamodb.put_item(TableName="scale", Item=_item(size // 2)),
        "DescribeTable": lambda: dynamodb.describe_table(TableName="scale"),
    }


# ---- messages of a queue --------------------


def grow_queue(server: Running, start: int, end: int) -> None:
    url = client("sqs", server.endpoint).create_queue(QueueName="scale")["QueueUrl"]
    record = Recorder("sqs", server.endpoint).request
    batch = record("send_message_batch", QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": BODY} for n in range(10)])
    _send_all(server, (batch for _ in range(start, end, 10)))


def queue_calls(server: Running, size: int) -> dict[str, Call]:
    sqs = client("sqs", server.endpoint)
    url = sqs.get_queue_url(QueueName="scale")["QueueUrl"]

    def receive_and_delete() -> object:
        (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
        return sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    return {
        "SendMessage": lambda: sqs.send_message(QueueUrl=url, MessageBody=BODY),
        "ReceiveMessage + DeleteMessage": receive_and_delete,
        "GetQueueAttributes": lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]),
    }


# ---- groups of a FIFO queue --------------------


def grow_groups(server: Running, start: int, end: int) -> None:
    sqs = client("sqs", server.endpoint)
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = sqs.create_queue(QueueName="scale.fifo", Attributes=attributes)["QueueUrl"]
    record = Recorder("sqs", server.endpoint).request
    _send_all(
        server,
        (
            record(
                "send_message_batch",
                QueueUrl=url,
                Entries=[
                    {"Id": str(n), "MessageBody": f"{BODY}{n}", "MessageGroupId": f"g{n // 10}"}
                    for n in range(at, at + 10)
                ],
            )
            for at in range(start, end, 10)
        ),
    )


def group_calls(server: Running, size: int) -> dict[str, Call]:
    sqs = client("sqs", server.endpoint)
    url = sqs.get_queue_url(QueueName="scale.fifo")["QueueUrl"]
    fresh = iter(range(10**9))

    def receive_and_delete() -> object:
        (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
        return sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    return {
        "SendMessage to a group": lambda: sqs.send_message(
            QueueUrl=url, MessageBody=f"new {size} {next(fresh)}", MessageGroupId="g1"
        ),
        "ReceiveMessage + DeleteMessage": receive_and_delete,
    }


# ---- queues --------------------


def grow_queues(server: Running, start: int, end: int) -> None:
    record = Recorder("sqs", server.endpoint).request
    _send_all(server, (record("create_queue", QueueName=f"scale-{n:06d}") for n in range(start, end)))


def queues_calls(server: Running, size: int) -> dict[str, Call]:
    sqs = client("sqs", server.endpoint)
    url = sqs.get_queue_url(QueueName=f"scale-{size // 2:06d}")["QueueUrl"]
    return {
        "SendMessage": lambda: sqs.send_message(QueueUrl=url, MessageBody=BODY),
        "GetQueueUrl": lambda: sqs.get_queue_url(QueueName=f"scale-{size // 2:06d}"),
        "ListQueues, a page of 100": lambda: sqs.list_queues(MaxResults=100),
    }


# ---- rules of a bus --------------------


def grow_rules(server: Running, start: int, end: int) -> None:
    events = client("events", server.endpoint)
    if start == 0:
        events.create_event_bus(Name="scale")
    record = Recorder("events", server.endpoint).request
    patterns = (
        # A third each: told apart by the source, by a field of the detail, by a prefix.
        lambda n: {"source": [f"app-{n}"]},
        lambda n: {"source": ["shop"], "detail": {"customer": [f"c-{n}"]}},
        lambda n: {"source": ["shop"], "detail": {"path": [{"prefix": f"/{n}/"}]}},
    )
    _send_all(
        server,
        (
            record("put_rule", Name=f"rule-{n}", EventBusName="scale", EventPattern=json.dumps(patterns[n % 3](n)))
            for n in range(start, end)
        ),
    )


def rules_calls(server: Running, size: int) -> dict[str, Call]:
    events = client("events", server.endpoint)

    def put(source: str, detail: dict[str, str]) -> object:
        entry = {
            "Source": source,
            "DetailType": "order",
            "Detail": json.dumps(detail),
            "EventBusName": "scale",
        }
        return events.put_events(Entries=[entry])

    return {
        "PutEvents matched by source": lambda: put("app-3", {"customer": "nobody", "path": "none"}),
        "PutEvents matched by detail": lambda: put("shop", {"customer": "c-4", "path": "none"}),
    }


CURVES = (
    Curve("items in a partition", (1_000, 10_000, 100_000, 1_000_000), grow_partition, partition_calls),
    Curve("messages in a queue", (1_000, 10_000, 100_000, 1_000_000), grow_queue, queue_calls),
    Curve("messages in a FIFO queue, ten a group", (1_000, 10_000, 100_000), grow_groups, group_calls),
    Curve("queues", (100, 1_000, 10_000), grow_queues, queues_calls),
    Curve("rules on a bus", (10, 100, 1_000), grow_rules, rules_calls),
)


def measure(curve: Curve, peer: Peer, most: int) -> None:
    """Fill and measure step by step; one server for the whole curve."""
    with running(peer) as server:
        filled = 0
        for size in (step for step in curve.steps if step <= most):
            curve.grow(server, filled, size)
            filled = size
            for name, call in curve.calls(server, size).items():
                curve.figures.setdefault(name, {})[size] = _median_ms(call)
            curve.memory_mb[size] = server.anonymous_mb()
            print(f"  {size:,} {curve.name}: done", file=sys.stderr)


def _median_ms(call: Call) -> float:
    call()
    spent = []
    for _ in range(CALLS):
        started = time.perf_counter()
        call()
        spent.append((time.perf_counter() - started) * 1000)
    return statistics.median(spent)


def render(curve: Curve) -> str:
    """A Markdown table: a column a size."""
    sizes = sorted(curve.memory_mb)
    lines = [f"| {curve.name} | {' | '.join(f'{size:,}' for size in sizes)} |", "|---|" + "---:|" * len(sizes)]
    for name, figures in curve.figures.items():
        lines.append(f"| {name}, ms | {' | '.join(f'{figures[size]:.2f}' for size in sizes)} |")
    lines.append(
        f"| memory without the mapped store, MB | {' | '.join(f'{curve.memory_mb[size]:.0f}' for size in sizes)} |"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--most", type=int, default=1_000_000, help="leave out larger steps")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="measure curves whose name contains a word")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    options = parser.parse_args()
    curves = [c for c in CURVES if not options.only or any(word in c.name for word in options.only)]
    for curve in curves:
        measure(curve, PEERS[0], options.most)
        print("\n" + render(curve), flush=True)
    if options.json is not None:
        figures = {c.name: {"ms": c.figures, "memory_mb": c.memory_mb} for c in curves}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
