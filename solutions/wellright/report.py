"""The report: both runs side by side, beside the published story. `report.py FILE` prints a saved one."""

import json
import sys
from typing import Any

BARS = " ▁▂▃▄▅▆▇█"
RUNS = ("without_maximum_concurrency", "with_maximum_concurrency")
ROWS = (
    ("entries sent (with duplicates)", "sent", ""),
    ("different entries", "entries", "> 1 M an upload"),
    ("messages counted", "counted", ""),
    ("wall time, s", "wall_s", "< 15 min (was hours, on 30 servers)"),
    ("latency p50, ms", "latency_p50_ms", ""),
    ("latency p95, ms", "latency_p95_ms", ""),
    ("latency p99, ms", "latency_p99_ms", ""),
    ("table throttles", "table_throttles", "eliminated"),
    ("function throttles", "function_throttles", ""),
    ("failed messages", "failed_messages", "-99 %"),
    ("in dead-letter queues at the end", "dlq_depth", "0"),
    ("lost", "lost", "0"),
    ("counted twice", "duplicated", "0"),
    ("leaderboard = recomputation", "leaderboard_matches", "right to the minute"),
    ("notices heard", "notices", ""),
)


def chart(samples: list[int], width: int = 60) -> str:
    """Queue depth over time as one line of bars, scaled to its highest point."""
    if not samples:
        return ""
    width = min(width, len(samples))
    cells = [max(samples[i * len(samples) // width : (i + 1) * len(samples) // width]) for i in range(width)]
    top = max(cells) or 1
    return "".join(BARS[-(-cell * (len(BARS) - 1) // top)] for cell in cells)


def percentile(sorted_values: Any, share: float) -> int:
    return int(sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]) if sorted_values else 0


def render(report: dict[str, Any]) -> str:
    first, second = (report[name] for name in RUNS)
    lines = [f"{'':34}{'without':>12}{'with cap ' + str(report['maximum_concurrency']):>14}   the story"]
    for label, key, story in ROWS:
        lines.append(f"{label:34}{shown(first[key]):>12}{shown(second[key]):>14}   {story}".rstrip())
    if first["failed_messages"]:
        fewer = 1 - second["failed_messages"] / first["failed_messages"]
        lines.append(f"{'failed messages, change':34}{'':12}{-fewer:>14.0%}   -99 %")
    for name in RUNS:
        samples = report[name]["queue_depth"]
        lines += [
            "",
            f"queue depth, {name.replace('_', ' ')} (highest {max(samples, default=0):,})",
            chart(samples),
        ]
    lines += [
        "",
        f"After the first run {report['redriven']:,} dead-lettered messages were redriven with the cap on.",
        "Not measured here: cost (-70 % in the story; there is no bill), and AWS's own latencies.",
    ]
    return "\n".join(lines)


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:,}"


if __name__ == "__main__":
    with open(sys.argv[1]) as saved:
        print(render(json.load(saved)))
