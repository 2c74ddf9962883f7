"""The report: four days beside each other, and beside the story. `report.py FILE` prints a saved one."""

import json
import sys
from typing import Any

from cost import PRICES, bill
from driving.chart import chart
from modes import ON_DEMAND, SCALED, STATIC

Report = dict[str, Any]
Run = dict[str, Any]

COLD_SHARE_MAX = 0.01
P95_FALLS = 0.83
NIGHT_MINUTES = 3
WIDTH = 100


def kept(report: Report) -> bool:
    return not broken(report)


def broken(report: Report) -> list[str]:
    """The promises that were not kept, in words."""
    runs = {run["mode"]: run for run in report["runs"]}
    found = []
    for mode, run in runs.items():
        functions = run["functions"].values()
        checks = (
            ("nothing was refused or failed",
             not run["views"]["failed"] and not any(each["throttles"] or each["errors"] for each in functions)),
            ("every change was applied", not run["changes"]["lost"]),
            ("CloudWatch counted what the clients did", all(counted(run, name) for name in run["functions"])),
        )  # fmt: skip
        found += [f"{mode}: {promise}" for promise, is_kept in checks if not is_kept]
    scaled = runs.get(SCALED)
    if scaled is not None and report["full"]:
        found += [f"scaled: {promise}" for promise, is_kept in of_scaled(scaled) if not is_kept]
    warm = runs.get(STATIC)
    if warm is not None and ON_DEMAND in runs and report["full"] and fall(runs[ON_DEMAND], warm) < P95_FALLS:
        found.append(f"static: the p95 of views falls by {P95_FALLS:.0%}")
    return found


def counted(run: Run, name: str) -> bool:
    function, seen = run["functions"][name], run[name]
    kinds = seen["kinds"]
    return bool(
        function["invocations"] >= sum(kinds.values())
        and (not function["provisioned"] or function["provisioned"] >= kinds.get("provisioned-concurrency", 0))
    )


def of_scaled(run: Run) -> list[tuple[str, bool]]:
    """More environments when there is more to do, and as few as at first when there is not."""
    ready = run["timeline"]["ready"]
    return [
        ("environments follow the load", all(max(each) > each[0] for each in ready.values())),
        ("at night there are as few as before", all(each[-1] <= each[0] for each in ready.values())),
    ]


def fall(before: Run, after: Run) -> float:
    """How much of the p95 of views is gone."""
    return float(1 - after["views"]["p95"] / before["views"]["p95"]) if before["views"]["p95"] else 0.0


def render(report: Report) -> str:
    runs: list[Run] = report["runs"]
    base = next((run for run in runs if run["mode"] == ON_DEMAND), runs[0])
    lines = ["", "Smartsheet: one day, with functions kept warm in different ways", "=" * WIDTH]
    lines.append(f"{'':34}" + "".join(f"{run['mode']:>16}" for run in runs))
    for label, value in ROWS:
        lines.append(f"{label:34}" + "".join(f"{value(run, base, report):>16}" for run in runs))
    lines += ["", f"prices of {PRICES['as_of']}, {PRICES['region']}; the day has {runs[0]['minutes']:.0f} minutes;"
              f" each request stands for {report['speed']:.0f}"]  # fmt: skip
    lines += ["", "The story: p95 down by 83 %, GB-seconds on arm 20 % cheaper, fewer than 1 % cold starts."]
    for run in runs:
        if any(max(each, default=0) for each in run["timeline"]["ready"].values()):
            lines += ["", f"{run['mode']}: requests a second, and environments ready for views and for changes"]
            lines += drawn(run)
    promises = broken(report)
    lines += ["", *(["NOT KEPT:", *(f"  - {each}" for each in promises)] if promises else ["Every promise was kept."])]
    return "\n".join(lines)


def drawn(run: Run) -> list[str]:
    timeline = run["timeline"]
    rows = [chart([round(rate) for rate in timeline["rate"]], height=3)]
    rows += [chart(ready, height=3) for ready in timeline["ready"].values()]
    return [f"  {line}" for row in rows for line in (*row, "")][:-1]


def milliseconds(kind: str, name: str) -> Any:
    return lambda run, base, report: f"{run[kind][name]:,.0f} ms"


def share_cold(kind: str) -> Any:
    return lambda run, base, report: f"{run[kind]['cold']:,} ({run[kind]['cold'] / max(run[kind]['requests'], 1):.1%})"


def metric(kind: str, name: str, form: str) -> Any:
    return lambda run, base, report: format(run["functions"][kind][name], form)


def spent(architecture: str) -> Any:
    return lambda run, base, report: f"${bill(run, speed=report['speed'])[architecture]:,.4f}"


ROWS: list[tuple[str, Any]] = [
    ("views", lambda run, base, report: f"{run['views']['requests']:,}"),
    ("  p50", milliseconds("views", "p50")),
    ("  p95", milliseconds("views", "p95")),
    ("  p99", milliseconds("views", "p99")),
    ("  p95 beside on demand", lambda run, base, report: "" if run is base else f"{-fall(base, run):+.0%}"),
    ("  cold starts", share_cold("views")),
    ("  most at work at a time", metric("views", "concurrent", ",.0f")),
    ("  environments used (of ready)", metric("views", "utilization", ".0%")),
    ("  spilled over", metric("views", "spilled", ",")),
    ("changes", lambda run, base, report: f"{run['changes']['requests']:,}"),
    ("  p50", milliseconds("changes", "p50")),
    ("  p95", milliseconds("changes", "p95")),
    ("  p99", milliseconds("changes", "p99")),
    ("  cold starts", share_cold("changes")),
    ("  environments used (of ready)", metric("changes", "utilization", ".0%")),
    ("  spilled over", metric("changes", "spilled", ",")),
    ("the day costs, x86", spent("x86")),
    ("the day costs, arm", spent("arm")),
]


if __name__ == "__main__":
    with open(sys.argv[1]) as saved:
        print(render(json.load(saved)))
