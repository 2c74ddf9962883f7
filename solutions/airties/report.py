"""The report: what was measured beside the published story. `report.py FILE` prints a saved one."""

import json
import sys
from typing import Any

from driving.chart import WIDTH, chart

Report = dict[str, Any]

FAULTS = ("lost", "different", "duplicates", "out_of_order")


def kept(report: Report) -> bool:
    """Whether every promise was kept."""
    load, audits = report["load"], [report["audit"], *([report["live"]] if report["live"] else [])]
    return (
        all(found["samples"] > 0 for found in audits)
        and not any(found[name] for found in audits for name in FAULTS)
        and not load["out_of_order"]
        and not report["retrieval"]["wrong"]
        and not report["sums"]["wrong"]
        and not any((report["results"] or {}).get(name) for name in ("wrong", "missing"))
        and not report["unread"]
        and scaled(load["timeline"]["shards"])
        and len(load["other_shards"]) == 1
        and "ALARM" in report["alarms"]["reader"]
        and all(states[-1:] != ["ALARM"] for states in report["alarms"].values())
    )


def scaled(shards: list[int]) -> bool:
    """Whether there were more shards when there was more to take in, and fewer afterwards."""
    return shards[0] < max(shards) > shards[-1]


def render(report: Report) -> str:
    return "\n".join(
        [
            *chart(report["load"]["timeline"]["shards"]),
            "─" * WIDTH,
            json.dumps({k: v for k, v in report.items() if k != "load"}, indent=1),
        ]
    )


if __name__ == "__main__":
    with open(sys.argv[1]) as saved:
        print(render(json.load(saved)))
