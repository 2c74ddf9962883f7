"""Drives a deployed Airties stack: a day of a fleet of access points, compressed into minutes of the cloud's clock.

The load follows a daily curve with a burst; some samples come late, some twice. In the afternoon the reader stands
still for a while, so that its alarm goes off. Then every acknowledged sample is looked up and compared: exit code 1 if
one is missing or different, or a promise is broken. `fetch DEVICE FROM TO` prints a device's samples instead.
"""

import argparse
import json
import sys
import time
import uuid
from typing import Any

from audit import Audit, audit
from day import Day
from driving.chart import chart, percentile
from driving.clock import clock_of_the_cloud
from driving.display import Display
from fetch import fetch
from fleet import Fleet, Message
from lookup import Retrieval
from report import kept, render
from sender import Sender
from stack import NotDeployed, Stack

RETRIEVALS = 500
STALLED_S = 90  # something is missing and nothing moves: it is lost


def drive(stack: Stack, display: Display, options: argparse.Namespace) -> dict[str, Any]:
    fleet = Fleet(uuid.uuid4().hex[:4], options.devices, options.rounds, int(stack.clock.now().timestamp() * 1000))
    with Sender(stack.client("kinesis"), stack.streams, fleet) as sender:
        day = Day(
            stack,
            fleet,
            sender,
            minutes=options.minutes,
            step_s=options.step if stack.clock.moved else 1.0,
            outage_minutes=options.outage_minutes,
        )
        display.stage(title(fleet, options, stack.clock.moved), lambda: figures(day, sender, fleet))
        day.run()
        display.stage("after the day: the reader comes to the end", lambda: figures(day, sender, fleet))
        day.settle()
        display.stage("every sample is looked up and compared with what its device sent")
        audited = settled_audit(stack, fleet, sender, day)
    display.stage(f"{RETRIEVALS} samples are retrieved one by one")
    return {
        "fleet": {"name": fleet.name, "devices": fleet.devices, "messages": fleet.total},
        "clock": "moved" if stack.clock.moved else "real",
        "minutes": options.minutes,
        "load": load_figures(day, sender),
        "audit": audit_figures(audited),
        "retrieval": retrieve(stack, fleet),
        "alarms": {
            name: day.heard_of(output)
            for name, output in (
                ("age", "IteratorAgeAlarm"),
                ("reader", "ReaderAlarm"),
                ("throttle", "WriteThrottleAlarm"),
            )
        },
        "unread": stack.depth("Unread"),
    }


def title(fleet: Fleet, options: argparse.Namespace, moved: bool) -> str:
    how = "its clock is moved" if moved else f"its clock is real: this takes {options.minutes:.0f} minutes"
    return f"a day of {fleet.devices:,} devices in {options.minutes:.0f} minutes of the cloud's clock ({how})"


def figures(day: Day, sender: Sender, fleet: Fleet) -> list[str]:
    if not day.moments:
        return []
    now, acknowledged = day.moments[-1], sender.ledger.acknowledged
    reading = "" if day.reading else "   THE READER STANDS STILL"
    return [
        f"minute {now.minute:5.1f}   acknowledged {acknowledged:,} of {fleet.total:,}   "
        f"not indexed yet {max(0, acknowledged - day.indexed):,}{reading}",
        f"shards {now.shards}   refused for now {sum(sender.ledger.refused.values()):,}   alarms {len(day.alarms)}",
        *chart([moment.shards for moment in day.moments], height=1, width=min(60, len(day.moments))),
    ]


def settled_audit(stack: Stack, fleet: Fleet, sender: Sender, day: Day) -> Audit:
    """Audits again for as long as what is missing becomes less: a batch that failed comes again."""
    missing, moved_s = -1, time.monotonic()
    while True:
        found = audit(stack.client("dynamodb"), stack.client("s3"), stack.outputs["Index"], fleet, sender.ledger)
        if not found.lost or time.monotonic() - moved_s > STALLED_S:
            return found
        if found.lost != missing:
            missing, moved_s = found.lost, time.monotonic()
        day.settle()
        stack.clock.wait(5.0)
        time.sleep(1)


def load_figures(day: Day, sender: Sender) -> dict[str, Any]:
    ledger = sender.ledger
    return {
        "acknowledged": ledger.acknowledged,
        "bytes": ledger.bytes_sent,
        "put_requests": ledger.requests,
        "refused": dict(ledger.refused),
        "sending_s": round(day.sending_s, 1),
        "out_of_order": ledger.out_of_order,
        "shards": [moment.shards for moment in day.moments],
        "other_shards": [moment.other_shards for moment in day.moments],
        "minute": [round(moment.minute, 2) for moment in day.moments],
        "acknowledged_by": [moment.acknowledged for moment in day.moments],
    }


def audit_figures(found: Audit) -> dict[str, Any]:
    sizes = sorted(found.file_bytes)
    return {
        "samples": found.acknowledged,
        "lost": found.lost,
        "different": found.different,
        "duplicates": found.duplicates,
        "out_of_order": found.out_of_order,
        "files": found.files,
        "bytes": found.bytes,
        "file_bytes_p50": percentile(sizes, 0.5),
        "file_bytes_max": sizes[-1] if sizes else 0,
    }


def retrieve(stack: Stack, fleet: Fleet) -> dict[str, Any]:
    """Samples from all over the day, as support staff ask for them: a Query and a range request each."""
    times, sizes, wrong = [], [], 0
    for place in range(RETRIEVALS):
        message: Message = fleet.message(place * fleet.total // RETRIEVALS)
        retrieval = Retrieval(stack.client("dynamodb"), stack.client("s3"), stack.outputs["Index"])
        found = list(retrieval.samples(fleet.device_name(message.device), message.at_ms, message.at_ms))
        wrong += [each.body for each in found] != [fleet.body(message)]
        times.append(round(retrieval.cost.ms * 1000))
        sizes.append(retrieval.cost.bytes)
    times.sort()
    return {
        "samples": RETRIEVALS,
        "wrong": wrong,
        "p50_us": percentile(times, 0.5),
        "p99_us": percentile(times, 0.99),
        "bytes": round(sum(sizes) / len(sizes)),
    }


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--stack", default="airties", help="the stack that template.yaml was deployed as")
    made.add_argument("--devices", type=int, default=20_000, help="access points of the fleet (default: 20,000)")
    made.add_argument("--rounds", type=int, default=20, help="messages of each in the day (default: 20)")
    made.add_argument("--minutes", type=float, default=90, help="of the cloud's clock for the day (default: 90)")
    made.add_argument("--step", type=float, default=5, help="seconds that a virtual clock is moved by (default: 5)")
    made.add_argument("--outage-minutes", type=float, default=6, help="how long the reader stands still (default: 6)")
    made.add_argument("--json", action="store_true", help="print JSON")
    made.add_argument("--out", metavar="FILE", help="save the report's JSON too (report.py FILE prints it again)")
    verbs = made.add_subparsers(dest="verb", metavar="fetch")
    one = verbs.add_parser("fetch", help="print a device's samples of a time", description="Print a device's samples.")
    one.add_argument("device", help="such as ap-1a2b-000017")
    one.add_argument("first", metavar="FROM", help="such as 2026-11-26T08:00 (UTC), or milliseconds")
    one.add_argument("last", metavar="TO")
    return made


def main() -> int:
    options = parser().parse_args()
    try:
        stack = Stack(options.stack, clock_of_the_cloud())
    except NotDeployed as error:
        print(f"airties: {error}", file=sys.stderr)
        return 1
    if options.verb == "fetch":
        return fetch(stack, options)
    with Display() as display:
        report = drive(stack, display, options)
    if options.out:
        with open(options.out, "w") as saved:
            json.dump(report, saved)
    print(json.dumps(report) if options.json else render(report))
    return 0 if kept(report) else 1


if __name__ == "__main__":
    sys.exit(main())
