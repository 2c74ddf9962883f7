"""What a run would cost at AWS's list prices, on x86 and on arm.

Requests are real: a busy minute of the cloud has a few real seconds of them, so each stands for as many as the clock
was faster. Environments that are kept ready are paid by the cloud's clock. All of it is of the users that the load
stands for.
"""

import json
from pathlib import Path
from typing import Any

PRICES: dict[str, Any] = json.loads((Path(__file__).parent / "prices.json").read_text())
MEMORY_GB = 1.0


def bill(run: dict[str, Any], *, speed: float, users: float) -> dict[str, float]:
    """USD of the day by architecture."""
    durations_s = on_demand_s = requests = restores = ready_s = 0.0
    for name, function in run["functions"].items():
        reports = function["reports"]
        # What was billed of an initialization is in it, and nothing was of one that was ahead of its invocation.
        billed_s = (reports.get("billed_ms", 0.0) + reports.get("restore_ms", 0.0)) / 1000
        share = function["spilled"] / function["invocations"] if function["provisioned"] else 1.0
        durations_s += billed_s * speed
        on_demand_s += billed_s * share * speed
        requests += function["invocations"] * speed
        restores += reports.get("restores", 0.0) * speed
        ready_s += run["ready_s"][name]
    found = {}
    kept_s = 2 * run["minutes"] * 60 if run["snapshots"] else 0.0  # one snapshot of each function, whatever the load
    for architecture in ("x86", "arm"):
        price = PRICES[architecture]
        of_load = (
            requests / 1e6 * PRICES["million_requests"]
            + on_demand_s * MEMORY_GB * price["gb_second"]
            + max(0.0, durations_s - on_demand_s) * MEMORY_GB * price["provisioned_duration_gb_second"]
            + ready_s * MEMORY_GB * price["provisioned_gb_second"]
            + restores * MEMORY_GB * PRICES["snapstart_restore_gb"]
        )
        found[architecture] = users * of_load + kept_s * MEMORY_GB * PRICES["snapstart_cache_gb_second"]
    return found
