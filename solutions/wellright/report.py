"""The report: both runs side by side, beside the published story. `report.py FILE` prints a saved one."""

import json
import sys
from collections.abc import Callable
from typing import Any

from driving.chart import WIDTH, chart

WITHOUT, WITH = "without_maximum_concurrency", "with_maximum_concurrency"
LABEL, VALUE = 44, 15

Run = dict[str, Any]


def number(key: str) -> Callable[[Run], str]:
    return lambda run: f"{run[key]:,}"


def seconds(key: str) -> Callable[[Run], str]:
    """From a key in milliseconds (`_ms`) or in seconds (`_s`)."""
    return lambda run: f"{run[key] / 1000 if key.endswith('_ms') else run[key]:,.1f} s"


def answer(key: str) -> Callable[[Run], str]:
    return lambda run: "yes" if run[key] else "NO"


def newcomer(show: Callable[[Run], str]) -> Callable[[Run], str]:
    return lambda run: show(run["newcomer"])


def rate(run: Run) -> str:
    return f"{run['counted'] / max(run['wall_s'], 0.1):,.0f} /s"


def concurrency(run: Run) -> str:
    return "-" if run["concurrency"] is None else f"{run['concurrency']:,}"


def write_units(run: Run) -> str:
    return f"{run['write_units'] / max(run['wall_s'], 0.1):,.0f} of {run['write_capacity']:,}"


def joined(run: Run) -> str:
    return f"{run['newcomer']['joined_s']:,.1f} s" if run["newcomer"]["joined_s"] else "was there"


def untouched(run: Run) -> str:
    return "NO" if run["newcomer"]["others_touched"] else "yes"


SECTIONS: tuple[tuple[str, tuple[tuple[str, Callable[[Run], str], str], ...]], ...] = (
    (
        "Load",
        (
            ("different entries", number("entries"), "over 1 M an upload"),
            ("entries sent, some of them twice", number("sent"), ""),
            ("messages they became in the queues", number("messages"), "millions of changes"),
            ("messages counted", number("counted"), ""),
        ),
    ),
    (
        "Time",
        (
            ("upload", seconds("upload_s"), ""),
            ("until the queues were empty", seconds("wall_s"), "under 15 min (was hours, 30 servers)"),
            ("messages counted a second", rate, ""),
            ("upload to counted, p50", seconds("latency_p50_ms"), ""),
            ("                   p95", seconds("latency_p95_ms"), ""),
            ("                   p99", seconds("latency_p99_ms"), ""),
        ),
    ),
    (
        "Protection of what is downstream",
        (
            ("failed messages (dead-lettered)", number("failed_messages"), "99 % fewer"),
            ("Programs table, write units used a second", write_units, "(may exceed it: saved while idle)"),
            ("throttled writes, Programs table", number("table_throttles"), "eliminated"),
            ("throttled writes, leaderboard index", number("index_throttles"), "eliminated"),
            ("throttled invocations", number("function_throttles"), "none"),
            ("executions at once, most of a programme", concurrency, "never above the cap (100)"),
        ),
    ),
    (
        "Promises",
        (
            ("lost", number("lost"), "0"),
            ("counted twice", number("duplicated"), "0"),
            ("leaderboards equal the recomputation", answer("leaderboard_matches"), "right to the minute"),
            ("in dead-letter queues at the end", number("dlq_depth"), "0"),
            ("notices of levels and ranks heard", number("notices"), "users learn of progress"),
        ),
    ),
    (
        "A programme that joins, with a queue of its own",
        (
            ("its stack was deployed in", joined, ""),
            ("the other programmes' stack is untouched", untouched, "flows stay as they are"),
            ("entries counted", newcomer(number("counted")), ""),
            ("lost", newcomer(number("lost")), "0"),
            ("its leaderboard equals the recomputation", newcomer(answer("leaderboard_matches")), ""),
            ("wait in its queue, p50", newcomer(seconds("in_queue_p50_ms")), "no noisy neighbours"),
            ("                   p95", newcomer(seconds("in_queue_p95_ms")), ""),
            ("wait in the noisy queues, p95", seconds("in_queue_p95_ms"), ""),
        ),
    ),
)


def render(report: dict[str, Any]) -> str:
    runs = {title: report[name] for title, name in titles(report).items() if name in report}
    rule = "─" * (LABEL + len(runs) * (VALUE + 2) + 38)
    lines = ["", f"{'':{LABEL}}{''.join(f'{title:>{VALUE}}  ' for title in runs)} the story", rule]
    for section, rows in SECTIONS:
        lines.append(section)
        for label, show, story in rows:
            values = "".join(f"{show(run):>{VALUE}}  " for run in runs.values())
            lines.append(f"  {label:{LABEL - 2}}{values} {story}".rstrip())
    return "\n".join([*lines, rule, "", *charts(runs), "", *remarks(report)])


def titles(report: dict[str, Any]) -> dict[str, str]:
    return {"without a cap": WITHOUT, f"with a cap of {report['maximum_concurrency']}": WITH}


def charts(runs: dict[str, Run]) -> list[str]:
    """Queue depth over time, all runs on the same scales."""
    top = max(sample for run in runs.values() for sample in (0, *run["queue_depth"]))
    longest_s = max(run["sampled_s"] for run in runs.values()) or 1
    lines = []
    for title, run in runs.items():
        samples = run["queue_depth"]
        width = max(1, round(WIDTH * run["sampled_s"] / longest_s))
        lines.append(f"messages in the queues, {title}: {max(samples, default=0):,} at most")
        bars = chart(samples, width=width, top=top)
        lines += [f"{f'{top:,}' if not row else '':>9} ┤{bar}" for row, bar in enumerate(bars)]
        lines.append(f"{'0':>9} └{'─' * WIDTH}")
        lines.append(f"{'':11}0 s{f'{longest_s:,.0f} s':>{WIDTH - 3}}")
    return lines


def remarks(report: dict[str, Any]) -> list[str]:
    return [*(compared(report) if WITHOUT in report else ()), *REMARKS]


def compared(report: dict[str, Any]) -> list[str]:
    """What the second run changed, in words."""
    first, second = report[WITHOUT], report[WITH]
    if not first["failed_messages"]:
        return [
            "Nothing failed without the cap either: too few entries, or too slow a machine, to overrun the table. More",
            "entries or a smaller table (--parameter ProgramsWriteCapacity=1000) show what the cap is for.",
        ]
    fewer = 1 - second["failed_messages"] / first["failed_messages"]
    alone_s = report["newcomer_alone"]["in_queue_p95_ms"] / 1000
    beside_s = second["newcomer"]["in_queue_p95_ms"] / 1000
    return [
        f"Failed messages: {fewer:.0%} fewer with the cap; the story says 99 %.",
        f"The {report['redriven']:,} dead letters of the first run were redriven with the cap on, and counted once.",
        f"The newcomer's wait in its queue, p95: {alone_s:.1f} s alone, {beside_s:.1f} s beside the capped burst.",
    ]


REMARKS = (
    "The stream before the queues is shared by all: its lag is in 'upload to counted', not in a wait in a queue.",
    "Throttles are CloudWatch's: WriteThrottleEvents of the table and of its index, one for each write refused (a",
    "refused transaction refuses all of its up to 100 writes), and Throttles of the functions. A function tries a",
    "transaction three times before its messages fail, so there are more throttles than failed messages.",
    "Not measured: cost (70 % less in the story; there is no bill here), and AWS's own speed.",
)


def kept(report: dict[str, Any]) -> bool:
    """Whether every promise was kept."""
    runs = [report[name] for name in (WITHOUT, WITH) if name in report]
    alone = [report["newcomer_alone"]] if "newcomer_alone" in report else []
    counts = [*runs, *(run["newcomer"] for run in runs), *alone]
    return (
        all(not each["lost"] and not each["duplicated"] and each["leaderboard_matches"] for each in counts)
        and not any(run["newcomer"]["others_touched"] for run in runs)
        and report[WITH]["dlq_depth"] == 0
    )


if __name__ == "__main__":
    with open(sys.argv[1]) as saved:
        print(render(json.load(saved)))
