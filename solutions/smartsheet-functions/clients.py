"""Users and automations: requests at the times when they come, whether or not earlier ones are answered."""

import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from day import Moment
from stack import CONNECTIONS, Stack

SHEETS = 500
BATCH_MAX = 10  # Messages that SQS takes at a time.


class View(NamedTuple):
    """A view that was answered: real milliseconds from when it was due, and what it had to wait for."""

    took_ms: float
    start: str
    kind: str
    rising: bool


@dataclass
class Seen:
    """What the clients saw of one run."""

    run: str
    views: list[View] = field(default_factory=list)
    cold: int = 0
    failed: Counter[int] = field(default_factory=Counter)
    sent: int = 0
    late_ms: float = 0
    """How late a request was sent at most: more than a moment, and the driver is what is slow."""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Clients:
    def __init__(self, stack: Stack, seed: str) -> None:
        self._stack = stack
        self._rng = random.Random(seed)
        self._pool = ThreadPoolExecutor(CONNECTIONS)
        self._under_way: set[Future[None]] = set()
        self._error: BaseException | None = None
        self.seen = Seen(uuid.uuid4().hex[:8])

    def __enter__(self) -> "Clients":
        return self

    def __exit__(self, *exception: object) -> None:
        """Every request is answered then. Raises what kept one from being made."""
        self._pool.shutdown()
        if self._error is not None:
            raise self._error

    def spread(self, moment: Moment, scale: float, seconds: float) -> None:
        """Send for so many real seconds, at random times: views one by one, changes a few at a time."""
        began = time.perf_counter()
        views = self._times(moment.views * scale, seconds)
        changes = self._times(moment.changes * scale, seconds)
        due = [(at, 0) for at in views] + [(batch[-1], len(batch)) for batch in batches(changes)]
        for at, batched in sorted(due):
            time.sleep(max(0.0, began + at - time.perf_counter()))
            if batched:
                self._submit(self._change, [self._sheet() for _ in range(batched)])
            else:
                self._submit(self._view, self._sheet(), began + at, moment.rising)
        time.sleep(max(0.0, began + seconds - time.perf_counter()))

    def rest(self) -> None:
        """Until every request is answered."""
        wait(tuple(self._under_way))

    def _submit(self, work: Any, *arguments: Any) -> None:
        sent = self._pool.submit(work, *arguments)
        self._under_way.add(sent)
        sent.add_done_callback(self._done)

    def _done(self, sent: "Future[None]") -> None:
        self._under_way.discard(sent)
        self._error = self._error or sent.exception()

    def _times(self, rate: float, seconds: float) -> list[float]:
        """When they come, at this mean rate: how many is chance, too."""
        mean = rate * seconds
        count = int(mean) + (self._rng.random() < mean - int(mean))
        return sorted(self._rng.random() * seconds for _ in range(count))

    def _sheet(self) -> str:
        return f"sheet-{self._rng.randrange(SHEETS) * 7 + 1}"

    def _view(self, sheet: str, due: float, rising: bool) -> None:
        late_ms = (time.perf_counter() - due) * 1000
        status, document = self._stack.view(sheet)
        took_ms = (time.perf_counter() - due) * 1000
        seen = self.seen
        with seen.lock:
            seen.late_ms = max(seen.late_ms, late_ms)
            if status != 200:
                seen.failed[status] += 1
                return
            seen.views.append(View(took_ms, document["start"], document["kind"], rising))
            seen.cold += document["start"] == "cold"

    def _change(self, sheets: list[str]) -> None:
        now_ms, run = int(time.time() * 1000), self.seen.run
        changes = [{"id": uuid.uuid4().hex, "sheet": sheet, "sent_ms": now_ms, "run": run} for sheet in sheets]
        self._stack.change([json.dumps(change) for change in changes])
        with self.seen.lock:
            self.seen.sent += len(changes)


def batches(times: list[float]) -> Iterator[list[float]]:
    for first in range(0, len(times), BATCH_MAX):
        yield times[first : first + BATCH_MAX]
