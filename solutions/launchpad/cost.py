"""What each tenant has cost: by the tags of its functions and what their reports in the log say."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

PRICES: dict[str, Any] = json.loads((Path(__file__).parent / "prices.json").read_text())
MB_PER_GB, MS_PER_S = 1024, 1000


def by_tenant(reports: list[dict[str, str]], tenant_of: dict[str, str]) -> dict[str, dict[str, float]]:
    """`reports` have function, invocations, billed_ms and memory_mb, as the log's query sums them up."""
    costs: dict[str, dict[str, float]] = defaultdict(lambda: {"invocations": 0, "gb_seconds": 0.0, "usd": 0.0})
    for report in reports:
        of = costs[tenant_of.get(report["function"], "(no tag)")]
        invocations = int(float(report["invocations"]))
        gb_seconds = float(report["billed_ms"]) / MS_PER_S * float(report["memory_mb"]) / MB_PER_GB
        of["invocations"] += invocations
        of["gb_seconds"] += gb_seconds
        of["usd"] += invocations * PRICES["lambda_million_requests"] / 1e6 + gb_seconds * PRICES["lambda_gb_second"]
    return dict(costs)
