"""Requests at a steady rate, whether or not the ones before are answered: a wait in the system shows as one."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from gateway import Answer
from population import Function

KINDS = ("book", "food", "tool")
# What a tenant's snippet answers with, by its own rules: wrong answers are found out.
RATES = {"book": Decimal("0.07"), "food": Decimal("0.07")}


@dataclass
class Ledger:
    """What was asked and what came back, by tenant."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    asked: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    correlations: list[tuple[str, str, str]] = field(default_factory=list)
    visits: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, lock=threading.Lock())

    def add(self, other: "Ledger") -> None:
        with self.lock:
            self.asked += other.asked
            self.failed += other.failed
            self.visits += other.visits
            self.wrong += other.wrong
            self.correlations += other.correlations

    def count(self, tenant: str, answer: Answer) -> None:
        """One invocation of a tenant's, if the platform has come to run a function for it."""
        if answer.throttled or answer.status == 404:
            return
        with self.lock:
            self.asked[tenant] += 1
            self.failed[tenant] += int(answer.status >= 500)


def document(rng: random.Random) -> dict[str, Any]:
    lines = [{"kind": rng.choice(KINDS), "price": rng.randrange(100, 50_000) / 100} for _ in range(rng.randrange(1, 6))]
    return {
        "order": {"total": round(sum(line["price"] for line in lines), 2), "lines": lines},
        "customer": {"id": f"c{rng.randrange(1000):03}"},
        "target": {},
    }


def send(function: Function, given: dict[str, Any], ledger: Ledger, *, patient: bool = False) -> tuple[int, float]:
    """One invocation; its status and how long it took."""
    answer = function.tenant.ask("POST", f"{function.path}/invocations", given, patient=patient)
    tenant = function.tenant.name
    trouble = complaint(function, given, answer)
    ledger.count(tenant, answer)
    with ledger.lock:
        if trouble:
            ledger.wrong.append(f"{function.path}: {trouble}")
        ledger.correlations.append((answer.correlation_id, tenant, function.name))
        if function.snippet == "visits" and answer.status == 200:
            ledger.visits[tenant, given["customer"]["id"]] += 1
    return answer.status, answer.took_s


def complaint(function: Function, given: dict[str, Any], answer: Any) -> str:
    """What is wrong with an answer; nothing if it is as it should be."""
    if function.snippet == "failing":
        return "" if answer.status == 502 else f"it failed with {answer.status}"
    if answer.status != 200:
        return f"{answer.status} {answer.document.get('message')}"
    got = answer.document["document"]
    order = given["order"]
    if function.snippet == "discount":
        right = round(order["total"] * (0.05 if order["total"] >= 1000 else 0.03), 2)
        return "" if got["order"]["discount"] == right else f"a discount of {got['order']['discount']}, not {right}"
    if function.snippet == "tax":
        cent = Decimal("0.01")
        parts = [
            (Decimal(str(line["price"])) * RATES.get(line["kind"], Decimal("0.19"))).quantize(cent, ROUND_HALF_UP)
            for line in order["lines"]
        ]
        right = float(sum(parts))
        return "" if got["order"]["tax"] == right else f"a tax of {got['order']['tax']}, not {right}"
    return ""


def steady(
    functions: Sequence[Function], *, rate: float, seconds: float, workers: int, seed: str, ledger: Ledger
) -> list[float]:
    """So many requests a second, over all these functions in turn; how long each took, from when it was due."""
    rng = random.Random(seed)
    latencies: list[float] = []
    began = time.perf_counter()

    def one(number: int, given: dict[str, Any]) -> None:
        due = began + number / rate
        send(functions[number % len(functions)], given, ledger)
        latencies.append(time.perf_counter() - due)

    with ThreadPoolExecutor(workers) as pool:
        for number in range(int(rate * seconds)):
            wait = began + number / rate - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            pool.submit(one, number, document(rng))
    return latencies


def warm(functions: Sequence[Function], workers: int, ledger: Ledger, each: Callable[[], object]) -> None:
    """One request to each function."""

    def one(function: Function) -> None:
        send(function, document(random.Random(function.path)), ledger, patient=True)
        each()

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, functions))
