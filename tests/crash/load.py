"""The mixed load: every worker repeats one kind of thing and tells the ledger what was acknowledged."""

import asyncio
import random

from tests.crash.kind import Worker
from tests.crash.ledger import Ledger
from tests.crash.loads import KINDS
from tests.crash.wire import Wire


async def load(port: int, ledger: Ledger, *, seed: int, name: str) -> None:
    """Run all workers until the server is gone.

    An answer that is an error is a failure; a connection that breaks is what the kill does.
    """
    async with asyncio.TaskGroup() as group:
        for kind in KINDS:
            for worker in kind.workers:
                for copy in range(kind.copies):
                    unique = f"{name}.{worker.__name__}.{copy}"
                    rng = random.Random(f"{seed}.{unique}")
                    group.create_task(_until_gone(worker, port, ledger, rng, unique))


async def _until_gone(worker: Worker, port: int, ledger: Ledger, rng: random.Random, name: str) -> None:
    wire = Wire(port)
    try:
        await worker(wire, ledger, rng, name)
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        wire.close()
