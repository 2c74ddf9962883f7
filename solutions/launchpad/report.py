"""The report: promises, what hostile tenants tried, what each tenant cost. `report.py FILE` prints a saved one."""

import json
import sys
from typing import Any

from cost import PRICES
from hostile import ENDED

Report = dict[str, Any]

P99_MAY_GROW = 1.10
P99_FROM_REQUESTS = 1000  # of each: with fewer, chance says what the 99th percentile is
WIDTH = 100
TENANTS_SHOWN = 8


def kept(report: Report) -> bool:
    return not broken(report)


def broken(report: Report) -> list[str]:
    """The promises that were not kept, in words."""
    rows = report["trace"]["rows"]
    checks = (
        ("every answer was right", not report["wrong_count"]),
        ("every hostile act was stopped", not any(act["breaches"] for act in report["acts"].values())),
        (
            "each kind of hostile act was tried, and had its say",
            len(report["acts"]) > 0 and all(map(said, report["acts"].items())),
        ),
        ("nothing was reached that listens beside the cloud", not report["listener"]),
        ("every border held", all(must == had for _, must, had in report["borders"])),
        ("nothing was left for the next tenant", not report["left"]),
        ("the neighbours' p99 did not grow by more than a tenth", growth(report) <= P99_MAY_GROW or too_few(report)),
        ("the metrics of each tenant are what the driver has seen", not report["metrics_wrong"]),
        ("every function has a tag to be billed by", "(no tag)" not in report["costs"]),
        ("one query follows a request through both accounts", len({row["@log"] for row in rows}) == 3),
    )
    return [promise for promise, is_kept in checks if not is_kept]


def said(named: tuple[str, dict[str, Any]]) -> bool:
    """Whether it told what it saw; one that is ended from outside need not."""
    name, act = named
    return bool(act["told"] or (name in ENDED and act["tried"]))


def too_few(report: Report) -> bool:
    return bool(min(report["calm"]["requests"], report["hostile"]["requests"]) < P99_FROM_REQUESTS)


def growth(report: Report) -> float:
    return float(report["hostile"]["p99"] / report["calm"]["p99"]) if report["calm"]["p99"] else 1.0


def render(report: Report) -> str:
    calm, hostile = report["calm"], report["hostile"]
    promises = broken(report)
    lines = [
        "",
        f"Launchpad: {report['tenants']} tenants, {report['functions']:,} functions, {report['requests']:,} requests",
        "=" * WIDTH,
        f"functions made through the platform's API   {report['made_s']:8.1f} s"
        f"   ({report['functions'] / max(report['made_s'], 0.1):,.0f} a second)",
        f"each used for the first time                {report['first_s']:8.1f} s",
        "",
        "neighbours of hostile tenants, from when a request is due    p50        p95        p99",
        f"  while it is calm          {calm['requests']:8,} requests   {milliseconds(calm)}",
        f"  while others are hostile  {hostile['requests']:8,} requests   {milliseconds(hostile)}"
        f"   p99 {growth(report) - 1:+.0%}",
        "",
        "what hostile functions tried       times   stopped   what came of it",
    ]
    for name, act in report["acts"].items():
        mark = "yes" if not act["breaches"] else f"NO: {act['breaches']}"
        lines.append(f"  {name.replace('_', ' '):32} {act['tried']:6,}   {mark:7}   {act['seen'][:48]}")
    lines.append(f"  {report['throttled']:,} more attempts were too many from their tenant, and answered 429")
    held = sum(must == had for _, must, had in report["borders"])
    lines += ["", f"borders tried from outside: {held} of {len(report['borders'])} held"]
    lines += [f"  {what}: {had} instead of {must}" for what, must, had in report["borders"] if must != had]
    lines += ["", *costs(report), "", *trace(report), ""]
    if promises:
        lines += ["NOT KEPT:", *(f"  - {promise}" for promise in promises)]
        lines += [f"      {each}" for each in (*report["wrong"], *report["left"], *report["metrics_wrong"])[:10]]
    else:
        lines.append("Every promise was kept.")
    return "\n".join(lines)


def milliseconds(latency: dict[str, float]) -> str:
    return " ".join(f"{latency[name]:7.1f} ms" for name in ("p50", "p95", "p99"))


def costs(report: Report) -> list[str]:
    ranked = sorted(report["costs"].items(), key=lambda each: -each[1]["usd"])
    lines = [f"cost by tenant, by the tags of its functions ({PRICES['region']}, list prices of {PRICES['as_of']})"]
    for tenant, of in ranked[:TENANTS_SHOWN]:
        lines.append(
            f"  {tenant:20} {of['invocations']:8,.0f} invocations {of['gb_seconds']:10,.2f} GB-s   ${of['usd']:.6f}"
        )
    rest = ranked[TENANTS_SHOWN:]
    total = sum(of["usd"] for _, of in ranked)
    lines.append(f"  and {len(rest)} others; all together ${total:.6f}")
    return lines


def trace(report: Report) -> list[str]:
    found = report["trace"]
    lines = [f"one request, {found['correlation_id']} ({found['function']}), by one query over both accounts:"]
    for row in found["rows"]:
        account, _, group = row["@log"].partition(":")
        lines.append(f"  {account} {group:22} {message(row['@message'])[:WIDTH]}")
    return lines


def message(text: str) -> str:
    """The words of a JSON line, or what the gateway says of a request."""
    try:
        told = json.loads(text)
    except ValueError:
        return text
    if "message" in told:
        return str(told["message"])
    return f"{told.get('method')} {told.get('path')} {told.get('status')} in {told.get('latency_ms')} ms"


if __name__ == "__main__":
    with open(sys.argv[1]) as saved:
        print(render(json.load(saved)))
