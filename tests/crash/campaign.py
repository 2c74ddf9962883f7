"""Load, kill, restart, look: as often as asked, the moments drawn from a seed."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from tests.crash.drain import drain
from tests.crash.kind import Client
from tests.crash.ledger import Ledger, Messages, check_messages, check_once, check_order
from tests.crash.load import load
from tests.crash.loads import KINDS
from tests.crash.process import KillableServer
from tests.crash.wire import ACCOUNT, REGION

KILL_AFTER_S = (0.05, 2.0)


@dataclass
class Result:
    """What a campaign saw."""

    kills: int = 0
    acknowledged: int = 0
    broken: tuple[str, ...] = ()


def campaign(
    data: Path, *, sync: str, kills: int, seed: int, progress: Callable[[str], object] = lambda line: None
) -> Result:
    """Kill a server on `data` so many times; stops at the first broken promises."""
    return asyncio.run(_campaign(KillableServer(data, sync), kills, seed, progress))


async def _campaign(server: KillableServer, kills: int, seed: int, progress: Callable[[str], object]) -> Result:
    rng = random.Random(seed)
    ledger = Ledger()
    result = Result()
    server.start()
    try:
        await asyncio.to_thread(_prepare, _client_of(server))
        for number in range(kills):
            await _load_and_kill(server, ledger, rng.uniform(*KILL_AFTER_S), seed, number)
            server.start()
            broken = await _check(server, ledger)
            result.kills += 1
            progress(f"kill {number + 1} of {kills}: {ledger.acknowledged - result.acknowledged} acknowledged")
            result.acknowledged = ledger.acknowledged
            if broken:
                result.broken = tuple(broken)
                break
    finally:
        server.kill()
    return result


def _prepare(client: Client) -> None:
    for kind in KINDS:
        for queue in (*kind.queues, *kind.own_queues, *kind.sources):
            fifo = {"FifoQueue": "true"} if queue.endswith(".fifo") else {}
            client("sqs").create_queue(QueueName=queue, Attributes={**fifo, **kind.sources.get(queue, {})})
        kind.prepare(client)


async def _load_and_kill(server: KillableServer, ledger: Ledger, after_s: float, seed: int, number: int) -> None:
    before = ledger.acknowledged
    loading = asyncio.create_task(load(server.port, ledger, seed=seed, name=f"run{number}"))
    while ledger.acknowledged == before and not loading.done():
        # A busy machine may take longer than `after_s` for the first answers; a kill before them would prove nothing.
        await asyncio.wait((loading,), timeout=0.01)
    await asyncio.wait((loading,), timeout=after_s)
    await asyncio.to_thread(server.kill)
    ledger.killed_at = time.time()
    await loading


async def _check(server: KillableServer, ledger: Ledger) -> list[str]:
    queues = [queue for kind in KINDS for queue in kind.queues]
    expected = {queue: ledger.queues[queue].expected() for queue in queues}
    expected |= {queue: set[str]() for kind in KINDS for queue in kind.own_queues}
    found = await drain(server.port, expected)
    broken = [trouble for queue in queues for trouble in _check_queue(queue, ledger.queues[queue], found[queue])]
    for kind in KINDS:
        broken += [trouble for queue in kind.once for trouble in check_once(queue, found[queue])]
        broken += await kind.check(_client_of(server), ledger, found)
    ledger.drained()
    return broken


def _check_queue(queue: str, told: Messages, found: list[str]) -> list[str]:
    in_order = check_order(queue, found) if queue.endswith(".fifo") else []
    return in_order + check_messages(queue, told, found)


def _client_of(server: KillableServer) -> Client:
    def client(service: str, *, region: str = REGION) -> Any:
        return boto3.client(
            service,
            endpoint_url=server.endpoint,
            region_name=region,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="secret",
        )

    return client
