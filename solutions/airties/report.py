"""The report: what was measured beside the published story. `report.py FILE` prints a saved one."""

import json
import sys
from typing import Any

from driving.chart import WIDTH, chart

Report = dict[str, Any]


def kept(report: Report) -> bool:
    """Whether every promise was kept."""
    found, load = report["audit"], report["load"]
    return (
        found["samples"] > 0
        and not any(found[name] for name in ("lost", "different", "duplicates", "out_of_order"))
        and not load["out_of_order"]
        and not report["retrieval"]["wrong"]
        and not report["unread"]
        and len(set(load["other_shards"])) == 1
        and "ALARM" in report["alarms"]["reader"]
        and all(states[-1:] != ["ALARM"] for states in report["alarms"].values())
    )


def render(report: Report) -> str:
    return "\n".join(
        [
            *chart(report["load"]["shards"]),
            "─" * WIDTH,
            json.dumps({k: v for k, v in report.items() if k != "load"}, indent=1),
        ]
    )


if __name__ == "__main__":
    with open(sys.argv[1]) as saved:
        print(render(json.load(saved)))
