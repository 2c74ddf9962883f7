"""Spoil, send, judge: as many requests as asked, all drawn from a seed."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fuzz.corpus import Request, client, corpus
from tests.fuzz.exchange import Hang, exchange
from tests.fuzz.mutations import (
    MUTATIONS,
    break_chunks,
    break_off,
    lie_about_length,
    spoil_any_byte,
    spoil_header,
)
from tests.fuzz.neighbours import Neighbours
from tests.fuzz.state import StateReader

Sent = tuple[bytes, bool]  # The bytes, and whether they may end in the middle of a request.
BATCH = 40
FAILURES_MAX = 20
# These may leave something that is no HTTP request at all: to close the connection is an answer to that.
MAY_GO_UNANSWERED = (break_chunks, break_off, lie_about_length, spoil_any_byte, spoil_header)
# 501 is how a missing operation or parameter is named.
FINE_ABOVE_499 = frozenset((501,))
TABLE, BUCKET, QUEUE = "fuzz", "fuzz-bucket", "fuzz"


@dataclass
class Result:
    """What a campaign saw."""

    sent: int = 0
    statuses: Counter[int | None] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def campaign(
    endpoint: str, *, requests: int, seed: int, progress: Callable[[str], object] = lambda line: None
) -> Result:
    """Fuzz the server at `endpoint`; stops at `FAILURES_MAX` failures."""
    port = int(endpoint.rpartition(":")[2])
    valid = _prepare(endpoint)
    reader = StateReader(endpoint, bucket=BUCKET, table=TABLE)
    rng = random.Random(seed)
    result = Result()
    with Neighbours(port) as neighbours:
        while result.sent < requests and len(result.failures) < FAILURES_MAX:
            refused = [sent for _ in range(BATCH) if (sent := _one(port, valid, rng, result)) is not None]
            _check_state_is_kept(port, reader, refused, result)
            if result.sent % (BATCH * 25) == 0:
                progress(f"{result.sent} of {requests}, {len(result.failures)} failures")
    result.failures += neighbours.troubles
    if not neighbours.answers:
        result.failures.append("the healthy client got no answer at all")
    return result


def _prepare(endpoint: str) -> list[Request]:
    url = client("sqs", endpoint).create_queue(QueueName=QUEUE)["QueueUrl"]
    topic = client("sns", endpoint).create_topic(Name="fuzz")["TopicArn"]
    dynamodb = client("dynamodb", endpoint)
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    dynamodb.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})
    client("s3", endpoint).create_bucket(Bucket=BUCKET)
    return corpus(endpoint, url, topic, TABLE, BUCKET)


def _one(port: int, valid: list[Request], rng: random.Random, result: Result) -> Sent | None:
    """Send one spoilt request; what was sent if it was refused."""
    request, mutation = rng.choice(valid), rng.choice(MUTATIONS)
    raw = mutation(request, rng)
    result.sent += 1
    label = f"#{result.sent} {request.name} {mutation.__name__}"
    try:
        status = exchange(port, raw, say_end=mutation in MAY_GO_UNANSWERED)
    except Hang:
        result.failures.append(f"{label}: no answer and no end: {_shown(raw)}")
        return None
    result.statuses[status] += 1
    if status is None and mutation not in MAY_GO_UNANSWERED:
        result.failures.append(f"{label}: the connection was closed without an answer: {_shown(raw)}")
    if status is not None and status >= 500 and status not in FINE_ABOVE_499:
        result.failures.append(f"{label}: {status}: {_shown(raw)}")
    return (raw, mutation in MAY_GO_UNANSWERED) if status is None or status >= 400 else None


def _check_state_is_kept(port: int, reader: StateReader, refused: list[Sent], result: Result) -> None:
    """Send what was refused once more, all of it between two looks at the state.

    What is accepted this time (the state has moved on) may change it; then nothing can be said.
    """
    before = reader.read()
    statuses = [exchange(port, raw, say_end=say_end) for raw, say_end in refused]
    if any(status is not None and status < 400 for status in statuses):
        return
    after = reader.read()
    if before != after:
        changed = [key for key in after if before[key] != after[key]]
        result.failures.append(f"#{result.sent}: refused requests of this batch changed {changed}")


def _shown(raw: bytes) -> str:
    head, _, body = raw.partition(b"\r\n\r\n")
    return f"{head[:120]!r} {body[:300]!r}"
