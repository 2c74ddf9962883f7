"""The report: what was measured beside the published story. `report.py FILE` prints a saved one."""

import json
import sys
from collections.abc import Callable
from typing import Any

from cost import PRICES, Usage, bill, one_object_a_sample, retrievals
from driving.chart import WIDTH, chart

Report = dict[str, Any]
Row = tuple[str, Callable[[Report], str], str]

FAULTS = ("lost", "different", "duplicates", "out_of_order")
LABEL, VALUE = 46, 22


# ---- what was promised -----------------------------------------------------------------------------------------------


def kept(report: Report) -> bool:
    """Whether every promise was kept."""
    return not broken(report)


def broken(report: Report) -> list[str]:
    """The promises that were not kept, in words."""
    load, alarms = report["load"], report["alarms"]
    audits = [report["audit"], *([report["live"]] if report["live"] else [])]
    checks = (
        ("samples were acknowledged", all(found["samples"] > 0 for found in audits)),
        ("every sample is found again, once, as it was sent, in its order",
         not any(found[name] for found in audits for name in FAULTS)),
        ("the stream took each device's records in their order", not load["out_of_order"]),
        ("a lookup and a range request give exactly the sample", not report["retrieval"]["wrong"]),
        ("the sums equal those of what was sent", not report["sums"]["wrong"]),
        ("the results equal those of what was sent",
         not any((report["results"] or {}).get(name) for name in ("wrong", "missing"))),
        ("the readers gave nothing up", not report["unread"]),
        ("the shards follow the load", scaled(load["timeline"]["shards"])),
        ("the other stream is left alone", len(load["other_shards"]) == 1 and not load["refused"].get("events")),
        ("an alarm tells of the reader that stands still", "ALARM" in alarms["reader"]),
        ("no alarm is on at the end", all(states[-1:] != ["ALARM"] for states in alarms.values())),
    )  # fmt: skip
    return [promise for promise, is_kept in checks if not is_kept]


def scaled(shards: list[int]) -> bool:
    """Whether there were more shards when there was more to take in, and fewer afterwards."""
    return shards[0] < max(shards) > shards[-1]


# ---- figures ---------------------------------------------------------------------------------------------------------


def number(*path: str) -> Callable[[Report], str]:
    return lambda report: f"{value(report, path):,}"


def milliseconds(*path: str) -> Callable[[Report], str]:
    return lambda report: f"{value(report, path) / 1000:,.1f} s" if value(report, path) else "-"


def value(report: Report, path: tuple[str, ...]) -> Any:
    for name in path:
        report = report[name]
    return report


def rate(report: Report) -> str:
    return f"{report['load']['acknowledged'] / max(report['load']['sending_s'], 0.1):,.0f} /s"


def busiest(report: Report) -> str:
    """The most records of a minute of the cloud's clock, as records a second."""
    timeline = report["load"]["timeline"]
    minutes: dict[int, int] = {}
    for minute, acknowledged in zip(timeline["minute"], timeline["acknowledged"], strict=True):
        minutes[int(minute)] = acknowledged
    counts = [minutes[minute] - minutes.get(minute - 1, 0) for minute in minutes if minute - 1 in minutes]
    return f"{max(counts, default=0) / 60:,.0f} /s"


def shards(report: Report) -> str:
    seen = report["load"]["timeline"]["shards"]
    return f"{seen[0]} … {max(seen)} … {seen[-1]}"


def changes(report: Report) -> str:
    done = [each for each in report["scaling"] if each["status"] == "Successful"]
    return f"{len(done)}"


def others(report: Report) -> str:
    return ", ".join(map(str, report["load"]["other_shards"]))


def refused(report: Report) -> str:
    return f"{sum(report['load']['refused'].values()):,}"


def delays(percentile: str) -> Callable[[Report], str]:
    """Of the minutes in which the clock was left alone, or of the whole day if it always was."""

    def show(report: Report) -> str:
        found = report["live"] or (report["audit"] if report["clock"] == "real" else None)
        return f"{found[f'delay_{percentile}_ms'] / 1000:,.1f} s" if found else "not measured"

    return show


def alarm(name: str) -> Callable[[Report], str]:
    return lambda report: " → ".join(report["alarms"][name]) or "silent"


def results(name: str) -> Callable[[Report], str]:
    return lambda report: f"{report['results'][name]:,}" if report["results"] else "not read"


def size(*path: str) -> Callable[[Report], str]:
    return lambda report: f"{value(report, path) / 1024:,.1f} KB"


def files_ratio(report: Report) -> str:
    return f"1 : {report['audit']['samples'] / max(report['audit']['files'], 1):,.0f}"


def lookup_ms(name: str) -> Callable[[Report], str]:
    return lambda report: f"{report['retrieval'][name] / 1000:,.1f} ms"


def part(name: str) -> Callable[[Report], str]:
    return lambda report: dollars(bill(Usage(**report["usage"]))[name] / millions(report))


def keeping(report: Report) -> str:
    found = bill(Usage(**report["usage"]))
    return dollars((found["s3"] + found["index"]) / millions(report))


def objects(report: Report) -> str:
    return dollars(one_object_a_sample(Usage(**report["usage"])) / millions(report))


def saving(report: Report) -> str:
    found = bill(Usage(**report["usage"]))
    return f"{1 - (found['s3'] + found['index']) / one_object_a_sample(Usage(**report['usage'])):.0%}"


def millions(report: Report) -> float:
    return max(report["audit"]["samples"], 1) / 1e6


def dollars(amount: float) -> str:
    return f"$ {amount:,.3f}"


SECTIONS: tuple[tuple[str, tuple[Row, ...]], ...] = (
    (
        "Load",
        (
            ("access points", number("fleet", "devices"), "tens of millions"),
            ("records acknowledged, some of them twice", number("load", "acknowledged"), ""),
            ("records a second into the streams, as driven", rate, ""),
            ("the busiest minute, by the cloud's clock", busiest, ""),
            ("records refused for a moment and sent again", refused, ""),
        ),
    ),
    (
        "Shards",
        (
            ("first … most … last", shards, "by themselves, per stream"),
            ("changes by Application Auto Scaling", changes, "no cluster to size by hand"),
            ("the other stream's shards meanwhile", others, "untouched"),
        ),
    ),
    (
        "Delay, from the device's acknowledgement to the index",
        (
            ("p50", delays("p50"), "may be late, may not be lost"),
            ("p99", delays("p99"), ""),
        ),
    ),
    (
        "Promises",
        (
            ("samples lost", number("audit", "lost"), "0"),
            ("samples that differ from what was sent", number("audit", "different"), "0"),
            ("entries that are no sample's, or a second one", number("audit", "duplicates"), "0"),
            ("out of a device's order (stream, index)",
             lambda r: f"{r['load']['out_of_order']}, {r['audit']['out_of_order']}", "0"),
            ("sums of a group and hour, wrong ones", lambda r: f"{r['sums']['lines']:,}, {r['sums']['wrong']}", ""),
            ("results in Parquet, written again", lambda r: f"{results('rows')(r)}, {results('again')(r)}", ""),
            ("results missing or wrong", lambda r: f"{results('missing')(r)}, {results('wrong')(r)}", "0"),
            ("alarm: the reader stands still", alarm("reader"), ""),
            ("alarm: the reader is behind", alarm("age"), ""),
        ),
    ),
    (
        "Keeping and finding a sample",
        (
            ("bulk files", number("audit", "files"), ""),
            ("objects, to samples", files_ratio, ""),
            ("size of a bulk file, p50", size("audit", "file_bytes_p50"), ""),
            ("                       largest", size("audit", "file_bytes_max"), ""),
            ("a lookup and its range request, p50", lookup_ms("p50_us"), "within a support call"),
            ("                              p99", lookup_ms("p99_us"), ""),
            ("bytes fetched for a sample", number("retrieval", "bytes"), ""),
        ),
    ),
    (
        "Cost of a million samples, by AWS's prices",
        (
            ("kept for a month: bulk files and index", keeping, ""),
            ("                  an object for each", objects, ""),
            ("                  saved", saving, ""),
            ("found again: a lookup and a range request", lambda _: dollars(retrievals()[0]), ""),
            ("             an object whose key is known", lambda _: dollars(retrievals()[1]), ""),
            ("Kinesis, by the shards and records of this day", part("kinesis"), ""),
            ("Lambda", part("lambda"), ""),
            ("Firehose", part("firehose"), ""),
        ),
    ),
    (
        "The story's own figures",
        (
            ("monthly cost of the whole", lambda _: "not measured", "33 % lower"),
            ("energy", lambda _: "not measured", "40 % less"),
            ("Kafka clusters replaced", lambda _: "none here", "dozens, of about 25 TB"),
        ),
    ),
)  # fmt: skip


# ---- the page --------------------------------------------------------------------------------------------------------


def render(report: Report) -> str:
    rule = "─" * (LABEL + VALUE + 40)
    lines = ["", f"{'':{LABEL}}{'here':>{VALUE}}   the story", rule]
    for section, rows in SECTIONS:
        lines.append(section)
        lines += [f"  {label:{LABEL - 2}}{show(report):>{VALUE}}   {story}".rstrip() for label, show, story in rows]
    return "\n".join([*lines, rule, "", *drawn(report), "", *remarks(report)])


def drawn(report: Report) -> list[str]:
    """The load, the shards and what was not indexed yet, over the same minutes."""
    timeline = report["load"]["timeline"]
    counts = timeline["acknowledged"]
    load = [max(0, after - before) for before, after in zip([0, *counts], counts, strict=False)]
    lines = []
    for title, samples in (
        ("records of a moment", load),
        ("open shards of the telemetry stream", timeline["shards"]),
        ("acknowledged and not indexed yet", timeline["behind"]),
    ):
        top = max(samples, default=0)
        lines.append(f"{title}: {top:,} at most")
        lines += [f"{f'{top:,}' if not row else '':>9} ┤{bar}" for row, bar in enumerate(chart(samples))]
        lines.append(f"{'0':>9} └{'─' * WIDTH}")
    last = timeline["minute"][-1] if timeline["minute"] else 0
    return [*lines, f"{'':11}minute 0{f'{last:,.0f}':>{WIDTH - 8}}"]


def remarks(report: Report) -> list[str]:
    fleet, day_s = report["fleet"], report["load"]["sending_s"]
    missed = [f"NOT KEPT: {promise}" for promise in broken(report)]
    how = (
        f"The cloud's clock was moved: {report['minutes']:.0f} of its minutes passed in {day_s:,.0f} s. "
        "Delays are of minutes in which it was not."
        if report["clock"] == "moved"
        else "The clock was left alone all the time."
    )
    return [
        *missed,
        how,
        f"A shard was asked to take {report['records_per_shard']:,} records a minute (it can take 60,000), "
        "so that a laptop's load needs several.",
        f"Prices of {PRICES['region']} of {PRICES['as_of']} (prices.json). Shards are paid by the hour, however little "
        "this day brings them.",
        f"A device's samples: fogbank run airties -- fetch ap-{fleet['name']}-000000 "
        f"{fleet['from_ms']} {fleet['from_ms'] + 86_400_000}",
    ]


if __name__ == "__main__":
    with open(sys.argv[1]) as saved:
        print(render(json.load(saved)))
