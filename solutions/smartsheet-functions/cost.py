"""What a run would cost at AWS's list prices, on x86 and on arm.

Requests are real: a busy minute of the cloud has a few real seconds of them, so each stands for as many as the clock
was faster. Environments that are kept ready are paid by the cloud's clock, as they are.
"""

import json
from pathlib import Path
from typing import Any

PRICES: dict[str, Any] = json.loads((Path(__file__).parent / "prices.json").read_text())
MEMORY_GB = 1.0


def bill(run: dict[str, Any], *, speed: float) -> dict[str, float]:
    """USD of the day by architecture, and the GB-seconds of durations."""
    durations_s = on_demand_s = requests = restores = ready_s = 0.0
    for name, function in run["functions"].items():
        reports = function["reports"]
        billed_s = reports.get("billed_ms", 0.0) / 1000
        initial_s = 0.0 if "provisioned-concurrency" in run[name]["kinds"] else reports.get("init_ms", 0.0) / 1000
        share = function["spilled"] / function["invocations"] if function["provisioned"] else 1.0
        durations_s += billed_s * speed
        on_demand_s += (billed_s * share + initial_s) * speed
        requests += function["invocations"] * speed
        restores += reports.get("restores", 0.0) * speed
        ready_s += run["ready_s"][name]
    found = {"gb_seconds": durations_s * MEMORY_GB, "ready_gb_seconds": ready_s * MEMORY_GB}
    for architecture in ("x86", "arm"):
        price = PRICES[architecture]
        found[architecture] = (
            requests / 1e6 * PRICES["million_requests"]
            + on_demand_s * MEMORY_GB * price["gb_second"]
            + max(0.0, durations_s - on_demand_s) * MEMORY_GB * price["provisioned_duration_gb_second"]
            + ready_s * MEMORY_GB * price["provisioned_gb_second"]
            + restores * MEMORY_GB * PRICES["snapstart_restore_gb"]
            + (2 * run["minutes"] * 60 * MEMORY_GB * PRICES["snapstart_cache_gb_second"] if run["snapshots"] else 0.0)
        )
    return found
