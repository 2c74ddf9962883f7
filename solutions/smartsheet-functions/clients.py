"""Users and automations: requests at the times when they come, whether or not earlier ones are answered."""

import json
import random
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from stack import CONNECTIONS, Stack

SHEETS = 500


@dataclass
class Seen:
    """What the clients saw of one run. Times are real milliseconds from when a request was due."""

    run: str
    views_ms: list[float] = field(default_factory=list)
    cold: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    failed: Counter[int] = field(default_factory=Counter)
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Clients:
    def __init__(self, stack: Stack, seed: str) -> None:
        self._stack = stack
        self._rng = random.Random(seed)
        self._pool = ThreadPoolExecutor(CONNECTIONS)
        self._under_way: set[Future[None]] = set()
        self.seen = Seen(uuid.uuid4().hex[:8])

    def __enter__(self) -> "Clients":
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown()

    def spread(self, views: float, changes: float, seconds: float) -> None:
        """Send for so many real seconds, at random times, at these mean rates."""
        began = time.perf_counter()
        due = [(self._rng.random() * seconds, "view") for _ in range(self._count(views * seconds))]
        due += [(self._rng.random() * seconds, "change") for _ in range(self._count(changes * seconds))]
        for at, kind in sorted(due):
            time.sleep(max(0.0, began + at - time.perf_counter()))
            sheet = f"sheet-{self._rng.randrange(SHEETS) * 7 + 1}"
            sent = self._pool.submit(self._view if kind == "view" else self._change, sheet, began + at)
            self._under_way.add(sent)
            sent.add_done_callback(self._under_way.discard)
        time.sleep(max(0.0, began + seconds - time.perf_counter()))

    def rest(self) -> None:
        """Until every request is answered."""
        wait(tuple(self._under_way))

    def _count(self, mean: float) -> int:
        """How many come by chance."""
        whole = int(mean)
        return whole + (self._rng.random() < mean - whole)

    def _view(self, sheet: str, due: float) -> None:
        status, document = self._stack.view(sheet)
        took_ms = (time.perf_counter() - due) * 1000
        seen = self.seen
        with seen.lock:
            if status != 200:
                seen.failed[status] += 1
                return
            seen.views_ms.append(took_ms)
            seen.cold += int(document["cold"])
            seen.kinds[document["kind"]] += 1

    def _change(self, sheet: str, due: float) -> None:
        late_ms = (time.perf_counter() - due) * 1000
        change = {
            "id": uuid.uuid4().hex,
            "sheet": sheet,
            "sent_ms": int(time.time() * 1000 - late_ms),
            "run": self.seen.run,
        }
        self._stack.change(json.dumps(change))
        with self.seen.lock:
            self.seen.sent += 1
