"""Hostile tenants at work: what each of their functions tried, and whether it was stopped."""

import random
import socket
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

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
    target: dict[str, Any]
    ledger: Ledger
    acts: dict[str, Act] = field(default_factory=lambda: defaultdict(Act))
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, workers: int) -> None:
        self._stop.clear()
        for number in range(workers):
            mine = self.functions[number::workers]
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
        acts = {function.snippet for function in self.functions}
        return all(self.acts[act].told or (act in ENDED and self.acts[act].tried) for act in acts)

    def _work(self, functions: Sequence[Function]) -> None:
        while not self._stop.is_set():
            for function in functions:
                if self._stop.is_set() and self.complete:
                    return
                self._judge(function)

    def _judge(self, function: Function) -> None:
        given = {**document(random.Random(function.path)), "target": self.target}
        answer = function.tenant.ask("POST", f"{function.path}/invocations", given)
        with self.ledger.lock:
            self.ledger.asked[function.tenant.name] += 1
            self.ledger.failed[function.tenant.name] += int(answer.status >= 500)
        with self._lock:
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
            answer = tenant.ask("POST", f"{function.path}/invocations", {"target": {}})
            with ledger.lock:
                ledger.asked[tenant.name] += 1
            if answer.status != 200:
                found.append(f"{function.path} answered {answer.status}")
                continue
            result = answer.document["document"]["result"]
            found += [f"{function.path} found {name}" for name in (*result["tmp"], *result["shared"])]
            found += [f"{function.path} saw {name}" for name in result["processes"] if "left" in name]
    return found
