"""Load, kill, restart, look: as often as asked, the moments drawn from a seed."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.crash.ledger import Item, Ledger, check_items, check_messages, check_order
from tests.crash.load import load
from tests.crash.process import KillableServer
from tests.crash.setting import IN_ORDER, Setting, drain_all, prepare, read_items

KILL_AFTER_S = (0.05, 1.0)


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
    result = Result()
    kept: dict[str, set[Item]] = {}
    begun: dict[str, set[str]] = {}
    server.start()
    try:
        setting = await asyncio.to_thread(prepare, server.port)
        for number in range(kills):
            ledger = await _load_and_kill(server, setting, rng.uniform(*KILL_AFTER_S), seed, number, begun)
            begun = {queue: told.sending for queue, told in ledger.queues.items()}
            server.start()
            setting = replace(setting, port=server.port)
            kept |= ledger.items
            found = await read_items(setting)
            broken = check_items(kept, found) + await _check_queues(setting, ledger)
            kept = {key: {found.get(key)} for key in kept}
            result.kills += 1
            result.acknowledged += ledger.acknowledged
            progress(f"kill {number + 1} of {kills}: {ledger.acknowledged} acknowledged")
            if broken:
                result.broken = tuple(broken)
                break
    finally:
        server.kill()
    return result


async def _load_and_kill(
    server: KillableServer, setting: Setting, after_s: float, seed: int, number: int, begun: dict[str, set[str]]
) -> Ledger:
    loading = asyncio.create_task(load(setting, seed=seed, name=f"run{number}", begun=begun))
    await asyncio.wait((loading,), timeout=after_s)
    await asyncio.to_thread(server.kill)
    return await loading


async def _check_queues(setting: Setting, ledger: Ledger) -> list[str]:
    expected = {queue: told.sent - told.deleted - told.deleting for queue, told in ledger.queues.items()}
    found = await drain_all(setting, expected)
    broken = [trouble for queue in IN_ORDER for trouble in check_order(queue, found[queue])]
    for queue, bodies in found.items():
        broken += check_messages(queue, ledger.queues[queue], bodies)
    return broken
