"""The report: four days beside each other, and beside the story. `report.py FILE` prints a saved one."""

import json
import sys
from collections.abc import Callable
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
        found.append(f"static: the p95 of views falls by {P95_FALLS:.0%} while surges rise")
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
        (f"fewer than {COLD_SHARE_MAX:.0%} cold starts", cold_share(run) < COLD_SHARE_MAX),
    ]


def cold_share(run: Run) -> float:
    """Of all requests."""
    requests = sum(run[kind]["requests"] for kind in ("views", "changes"))
    return sum(run[kind]["starts"].get("cold", 0) for kind in ("views", "changes")) / max(requests, 1)


def fall(before: Run, after: Run) -> float:
    """How much of the p95 of views is gone, of those that come while a surge rises."""
    was = before["views"]["rising"]["p95"]
    return float(1 - after["views"]["rising"]["p95"] / was) if was else 0.0


def render(report: Report) -> str:
    runs: list[Run] = report["runs"]
    base = next((run for run in runs if run["mode"] == ON_DEMAND), runs[0])
    lines = ["", "Smartsheet: one day, with functions kept warm in different ways", "=" * WIDTH]
    lines.append(f"{'':34}" + "".join(f"{run['mode']:>16}" for run in runs))
    for label, value in ROWS:
        lines.append(f"{label:34}" + "".join(f"{value(run, base, report):>16}" for run in runs))
    lines += ["", scale(report)]
    lines += [f"prices of {PRICES['as_of']}, {PRICES['region']}; the day has {runs[0]['minutes']:.0f} minutes"]
    lines += ["", "The story: p95 down by 83 %, GB-seconds on arm 20 % cheaper, fewer than 1 % cold starts."]
    for run in runs:
        if any(max(each, default=0) for each in run["timeline"]["ready"].values()):
            lines += ["", f"{run['mode']}: requests a second, and environments ready for views and for changes"]
            lines += drawn(run)
    promises = broken(report)
    lines += ["", *(["NOT KEPT:", *(f"  - {each}" for each in promises)] if promises else ["Every promise was kept."])]
    return "\n".join(lines)


def scale(report: Report) -> str:
    height, users, speed = max(run["height"] for run in report["runs"]), report["users"], report["speed"]
    return (
        f"one user in {users:,.0f} is here: {height:,.0f} requests a second stand for {height * users:,.0f} events; "
        f"the clock is {speed:.0f} times as fast, so a request stands for {users * speed:,.0f} events of the day"
    )


def drawn(run: Run) -> list[str]:
    timeline = run["timeline"]
    rows = [chart([round(rate) for rate in timeline["rate"]], height=3)]
    rows += [chart(ready, height=3) for ready in timeline["ready"].values()]
    return [f"  {line}" for row in rows for line in (*row, "")][:-1]


Value = Callable[[Run, Run, Report], str]


def milliseconds(name: str, *path: str) -> Value:
    def value(run: Run, _base: Run, _report: Report) -> str:
        found = run
        for key in path:
            found = found[key]
        return f"{found[name]:,.0f} ms" if found[name] else ""

    return value


def started(kind: str, start: str) -> Value:
    def value(run: Run, _base: Run, _report: Report) -> str:
        count = run[kind]["starts"].get(start, 0)
        return f"{count:,} ({count / max(run[kind]['requests'], 1):.1%})"

    return value


def metric(kind: str, name: str, form: str) -> Value:
    return lambda run, _base, _report: format(run["functions"][kind][name], form)


def spent(architecture: str) -> Value:
    return lambda run, _base, report: f"${bill(run, speed=report['speed'], users=report['users'])[architecture]:,.2f}"


ROWS: list[tuple[str, Value]] = [
    ("views", lambda run, base, report: f"{run['views']['requests']:,}"),
    ("  p50", milliseconds("p50", "views")),
    ("  p95", milliseconds("p95", "views")),
    ("  p99", milliseconds("p99", "views")),
    ("  p95 while surges rise", milliseconds("p95", "views", "rising")),
    ("  beside on demand", lambda run, base, report: "" if run is base else f"{-fall(base, run):+.0%}"),
    ("  cold starts", started("views", "cold")),
    ("    their p95", milliseconds("p95", "views", "cold")),
    ("  restored from a snapshot", started("views", "restored")),
    ("    their p95", milliseconds("p95", "views", "restored")),
    ("  most at work at a time", metric("views", "concurrent", ",.0f")),
    ("  of ready at work (busy minutes)", metric("views", "utilization", ".0%")),
    ("  spilled over", metric("views", "spilled", ",")),
    ("changes", lambda run, base, report: f"{run['changes']['requests']:,}"),
    ("  p50", milliseconds("p50", "changes")),
    ("  p95", milliseconds("p95", "changes")),
    ("  p99", milliseconds("p99", "changes")),
    ("  cold starts", started("changes", "cold")),
    ("  restored from a snapshot", started("changes", "restored")),
    ("  most at work at a time", metric("changes", "concurrent", ",.0f")),
    ("  of ready at work (busy minutes)", metric("changes", "utilization", ".0%")),
    ("  spilled over", metric("changes", "spilled", ",")),
    ("views were sent late by at most", lambda run, base, report: f"{run['late_ms']:,.0f} ms"),
    ("cold starts of all", lambda run, base, report: f"{cold_share(run):.2%}"),
    ("the day costs, x86", spent("x86")),
    ("the day costs, arm", spent("arm")),
]


if __name__ == "__main__":
    with open(sys.argv[1]) as saved:
        print(render(json.load(saved)))
