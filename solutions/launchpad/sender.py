"""What is measured is sent by a process of its own, which waits for the platform and for nothing that the driver does.

The driver reads what hostile functions answer, makes their next calls and draws its display. In one process with that,
the neighbours' requests would wait for Python's lock as if the platform were slow.
"""

from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection

from population import Function
from traffic import Ledger, steady

WORKERS = 24


def _send(line: Connection, functions: Sequence[Function]) -> None:
    """What comes in by the line, until whoever asks is gone."""
    while True:
        try:
            rate, seconds, seed = line.recv()
        except EOFError:
            return
        ledger = Ledger()
        latencies = steady(functions, rate=rate, seconds=seconds, workers=WORKERS, seed=seed, ledger=ledger)
        line.send((latencies, ledger))


class Sender:
    """Sends requests to these functions, over all of them in turn."""

    def __init__(self, functions: Sequence[Function]) -> None:
        context = get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_send, args=(theirs, functions), daemon=True)
        self._process.start()
        theirs.close()

    def send(self, *, rate: float, seconds: float, seed: str, ledger: Ledger) -> list[float]:
        """How long each took, from when it was due, in seconds."""
        self._line.send((rate, seconds, seed))
        latencies: list[float]
        latencies, seen = self._line.recv()
        ledger.add(seen)
        return latencies

    def close(self) -> None:
        self._line.close()
        self._process.join()
