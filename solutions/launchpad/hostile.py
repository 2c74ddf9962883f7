"""Hostile tenants at work: what each of their functions tried, and whether it was stopped."""

import random
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from gateway import Answer
from population import Function, Tenant
from traffic import Ledger, document


class Listener:
    """A server on this machine that no function has any business with. It counts who comes."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.visitors = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self.visitors += 1

    def close(self) -> None:
        self._socket.close()


FLOOD = "flood_requests"
FLOOD_REQUESTS = 200


class Flood(NamedTuple):
    """What a tenant calls as fast as it can, and how often it may: so many at once, and so many a second."""

    function: Function
    burst: int
    rate: float


# Whoever takes all that there is is ended from outside, and has no say.
ENDED = frozenset(("fill_disk", "flood_log", "fork_bomb", "hog_memory", "hog_processors"))


@dataclass
class Act:
    """All attempts of one kind."""

    tried: int = 0
    told: int = 0
    """How often it came to say what it saw, before it was ended."""
    breaches: list[str] = field(default_factory=list)
    seen: str = ""


@dataclass
class Attack:
    """Hostile functions that are called again and again, from each `start` until the next `stop`."""

    functions: Sequence[Function]
    flood: Flood
    target: dict[str, Any]
    ledger: Ledger
    throttled: int = 0
    """Calls that were too many from their tenant: they reached no function, and count as no act."""
    acts: dict[str, Act] = field(default_factory=lambda: defaultdict(Act))
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, workers: int) -> None:
        self._stop.clear()
        for number in range(workers):
            mine = [partial(self._judge, function) for function in self.functions[number::workers]]
            if number == 0:
                mine.append(self._flood)
            thread = threading.Thread(target=self._work, args=(mine,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    @property
    def tried(self) -> int:
        return sum(act.tried for act in tuple(self.acts.values()))

    @property
    def complete(self) -> bool:
        """Whether each kind was tried, and had its say."""
        acts = {FLOOD, *(function.snippet for function in self.functions)}
        return all(self.acts[act].told or (act in ENDED and self.acts[act].tried) for act in acts)

    def _work(self, attempts: Sequence[Callable[[], None]]) -> None:
        while not self._stop.is_set():
            for attempt in attempts:
                if self._stop.is_set() and self.complete:
                    return
                attempt()

    def _judge(self, function: Function) -> None:
        answer = self._asked(function)
        with self._lock:
            if answer.throttled:
                self.throttled += 1
                return
            act = self.acts[function.snippet]
            act.tried += 1
            if answer.status == 200:
                result = answer.document["document"]["result"]
                act.told += 1
                act.seen = result["seen"]
                if result["breached"]:
                    act.breaches.append(result["seen"])
            elif not act.told:
                act.seen = ending(answer.document.get("message", ""))

    def _flood(self) -> None:
        """Far more than a tenant may: what is too much must be refused before it reaches anything."""
        function, burst, rate = self.flood
        began = time.monotonic()
        through = sum(not self._asked(function).throttled for _ in range(FLOOD_REQUESTS))
        may = burst + rate * (time.monotonic() - began) + 1
        with self._lock:
            act = self.acts[FLOOD]
            act.tried += 1
            act.told += 1
            act.seen = f"{FLOOD_REQUESTS - through} of {FLOOD_REQUESTS} were answered 429"
            if through > may:
                act.breaches.append(f"{through} of {FLOOD_REQUESTS} came through")

    def _asked(self, function: Function) -> Answer:
        given = {**document(random.Random(function.path)), "target": self.target}
        answer = function.tenant.ask("POST", f"{function.path}/invocations", given)
        self.ledger.count(function.tenant.name, answer)
        return answer


def ending(message: str) -> str:
    """How the platform ended it, shortened."""
    for word in ("timed out", "killed", "exited"):
        if word in message:
            return f"ended: {message[message.index(word) :][:40]}"
    return message[:60]


def visit(tenants: Sequence[Tenant], ledger: Ledger) -> list[str]:
    """What a visitor of each peaceful tenant finds that others have left; there should be nothing."""
    found = []
    for tenant in tenants:
        for function in tenant.functions:
            if function.snippet != "visitor":
                continue
            answer = tenant.ask("POST", f"{function.path}/invocations", {"target": {}}, patient=True)
            ledger.count(tenant.name, answer)
            if answer.status != 200:
                found.append(f"{function.path} answered {answer.status}")
                continue
            result = answer.document["document"]["result"]
            found += [f"{function.path} found {name}" for name in (*result["tmp"], *result["shared"])]
            found += [f"{function.path} saw {name}" for name in result["processes"] if "left" in name]
    return found
