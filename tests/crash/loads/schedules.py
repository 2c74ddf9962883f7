"""Schedules that fire once, soon, and schedules that fire every minute for as long as the campaign lasts."""

import asyncio
import random
import time
from datetime import UTC, datetime

from tests.crash.kind import ROLE, Bodies, Client, Kind, arn
from tests.crash.ledger import Ledger, check_rates
from tests.crash.wire import Wire

EVERY_S = 60
ONCE_PAUSE_S = 0.02
# Each fires until the end.
RATE_PAUSE_S = 0.3


async def schedule_once(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    """A schedule whose time has passed when it is made never fires, so that a late answer promises nothing."""
    told = ledger.queues["scheduled"]
    for number in range(1_000_000):
        body = f"{name}.{number}"
        due_s = int(time.time()) + rng.randint(2, 3)
        told.sending.add(body)
        moment = datetime.fromtimestamp(due_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        await _create(wire, body, f"at({moment})", queue="scheduled", text=body)
        if time.time() < due_s:
            told.sent.add(body)
        ledger.acknowledged += 1
        await asyncio.sleep(ONCE_PAUSE_S)


async def schedule_rate(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    """A rate fires at once, and then whenever its interval has passed."""
    for number in range(1_000_000):
        schedule = f"{name}.{number}"
        ledger.rates_begun.add(schedule)
        text = f"{schedule}.<aws.scheduler.scheduled-time>"
        await _create(wire, schedule, "rate(1 minute)", queue="rated", text=text)
        ledger.rates.add(schedule)
        ledger.acknowledged += 1
        await asyncio.sleep(RATE_PAUSE_S)


async def _create(wire: Wire, name: str, expression: str, *, queue: str, text: str) -> None:
    await wire.post(
        "scheduler",
        f"/schedules/{name}",
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={"Arn": arn("sqs", queue), "RoleArn": ROLE, "Input": text},
    )


async def check(client: Client, ledger: Ledger, found: Bodies) -> list[str]:
    return check_rates(ledger, [_in_seconds(body) for body in found["rated"]], every_s=EVERY_S)


def _in_seconds(body: str) -> str:
    name, _, moment = body.rpartition(".")
    return f"{name}.{int(datetime.fromisoformat(moment).timestamp())}"


KIND = Kind(
    workers=(schedule_once, schedule_rate),
    copies=1,
    queues=("scheduled",),
    once=("scheduled",),
    own_queues=("rated",),
    check=check,
)
