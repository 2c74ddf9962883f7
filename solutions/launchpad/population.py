"""Who there is: tenants, and their functions. Drawn from nothing but the numbers, so that each run has the same."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway import Answer, Client

SNIPPETS = Path(__file__).parent / "snippets"
HOSTILE = tuple(sorted(path.stem for path in (SNIPPETS / "hostile").glob("*.py")))
FIELDS = {
    "order.total": "number",
    "order.lines": "list",
    "order.discount": "number",
    "order.tax": "number",
    "customer.id": "string",
    "customer.visits": "number",
    "target": "map",
    "result": "map",
}
# What each snippet is given and gives.
MAPPINGS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "discount": ({"total": "order.total"}, {"discount": "order.discount"}),
    "tax": ({"lines": "order.lines"}, {"tax": "order.tax"}),
    "visits": ({"customer": "customer.id"}, {"visits": "customer.visits"}),
    "slow": ({"total": "order.total"}, {"discount": "order.discount"}),
    "failing": ({"total": "order.total"}, {"discount": "order.discount"}),
    "visitor": ({}, {"result": "result"}),
}
PROBE = ({"target": "target"}, {"result": "result"})
CALLING = ("visits", "steal_records")
HOSTILE_TENANT_EVERY = 5
HOSTILE_IN_TENANT = 3
# A function's share of a processor is as its memory: hostile ones have the time to say what they saw.
MEMORY_MB = {"use_role": 512, "invoke_neighbour": 512}
TIMEOUT_S = {"slow": 5, "visits": 10, **dict.fromkeys(HOSTILE, 10), "hog_processors": 3}


@dataclass
class Function:
    tenant: "Tenant"
    name: str
    snippet: str

    @property
    def hostile(self) -> bool:
        return self.snippet in HOSTILE

    @property
    def path(self) -> str:
        return f"/tenants/{self.tenant.name}/functions/{self.name}"

    def definition(self) -> dict[str, Any]:
        folder = SNIPPETS / "hostile" if self.hostile else SNIPPETS
        inputs, outputs = MAPPINGS.get(self.snippet, PROBE)
        source = (folder / f"{self.snippet}.py").read_text()
        return {
            "name": self.name,
            # Something that only this tenant's code says: others shall never read it.
            "source": f"{source}\nMARK = {self.tenant.mark!r}\n",
            "inputs": inputs,
            "outputs": outputs,
            "memory_mb": MEMORY_MB.get(self.snippet, 128),
            "timeout_s": TIMEOUT_S.get(self.snippet, 3),
            # One that tries its role has the one that denies everything.
            "rights": "nothing" if self.snippet == "use_role" else "log",
            "calls_platform": self.snippet in CALLING,
        }


@dataclass
class Tenant:
    name: str
    hostile: bool
    functions: list[Function] = field(default_factory=list)
    client: Client | None = None

    @property
    def mark(self) -> str:
        return f"this is code of {self.name} and of nobody else"

    def ask(self, method: str, path: str, body: Any = None, *, patient: bool = False) -> Answer:
        assert self.client is not None
        return self.client.ask(method, path, body, patient=patient)


def population(tenants: int, functions: int, run: str) -> list[Tenant]:
    """Every fifth tenant is hostile in some of its functions; the last tenant of all has a visitor."""
    made, acts = [], 0
    for number in range(tenants):
        hostile = number % HOSTILE_TENANT_EVERY == HOSTILE_TENANT_EVERY - 1
        tenant = Tenant(f"{run}-{number:03}", hostile)
        snippets = ["slow", "failing", "visits", "visitor"][: max(1, functions // 2)]
        if hostile:
            for _ in range(min(HOSTILE_IN_TENANT, max(1, functions - len(snippets)))):
                snippets.append(HOSTILE[acts % len(HOSTILE)])
                acts += 1
        snippets += [("discount", "tax")[each % 2] for each in range(functions - len(snippets))]
        tenant.functions = [
            Function(tenant, f"{snippet.replace('_', '-')}-{each:02}", snippet) for each, snippet in enumerate(snippets)
        ]
        made.append(tenant)
    return made


def in_turns(tenants: Sequence[Tenant]) -> list[Function]:
    """One function of each tenant after the other, and each time of other kinds."""
    turns = range(max(len(tenant.functions) for tenant in tenants))
    return [
        tenant.functions[(turn + number) % len(tenant.functions)]
        for turn in turns
        for number, tenant in enumerate(tenants)
        if turn < len(tenant.functions)
    ]
