"""Drives a deployed Airties stack: a day of a fleet of access points, compressed into minutes of the cloud's clock.

The load follows a daily curve with a burst; some samples come late, some twice. In the afternoon the reader stands
still for a while, so that its alarm goes off. Then every acknowledged sample is looked up and compared: exit code 1 if
one is missing or different, or a promise is broken. `fetch DEVICE FROM TO` prints a device's samples instead.
"""

import argparse
import sys
import time
import uuid
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import aggregates
import figures
import results
from audit import Audit, audit
from day import Day
from driving.chart import chart
from driving.clock import clock_of_the_cloud
from driving.command import command, drive_and_report, driver_parser
from driving.display import Display
from fetch import fetch
from fleet import Fleet
from lookup import Retrieval
from report import kept, render
from sender import Sender
from stack import Stack

REAL_STEP_S = 1.0
LIVE_DEVICES, LIVE_ROUNDS = 2_000, 3
EVENING_SHARE, EVENING_SHARDS = 2.3, 4  # of the day's mean load; how many shards it shall need
DAY = timedelta(days=1)
SETTLE_MINUTES_MAX, SETTLE_STEP_S, PAUSE_S = 30, 30, 0.2
STALLED_S = 90  # something is missing and nothing moves: it is lost


def drive(stack: Stack, display: Display, options: argparse.Namespace) -> dict[str, Any]:
    if stack.clock.moved and stack.changes_of_shards(since=stack.clock.now() - DAY):
        display.stage("the clock is moved to the next day: Kinesis changes a stream's shards ten times in one")
        stack.clock.wait(DAY.total_seconds())
    display.stage(f"a stack update: a shard is asked to take {options.records_per_shard:,} records a minute")
    stack.set_parameters(RecordsPerShard=options.records_per_shard)
    fleet = Fleet(uuid.uuid4().hex[:4], options.devices, options.rounds, cloud_ms(stack))
    with Sender(stack.client("kinesis"), stack.streams, fleet) as sender:
        day = Day(
            stack,
            fleet,
            sender,
            minutes=options.minutes,
            step_s=options.step if stack.clock.moved else REAL_STEP_S,
            outage_minutes=options.outage_minutes,
        )
        display.stage(title(fleet, options, stack.clock.moved), lambda: shown(day, sender, fleet))
        day.run()
        display.stage("after the day: the readers come to the end", lambda: shown(day, sender, fleet))
        day.settle()
        display.stage("every sample is looked up and compared with what its device sent")
        audited = settled_audit(stack, fleet, sender, day)
    display.stage("the last results are written, and compared with results of what the devices sent")
    analysed = settled_results(stack, fleet, day)
    display.stage("the sums of groups and hours are compared with sums of what the devices sent")
    sums = settled_sums(stack, fleet, day)
    display.stage("samples from all over the day are retrieved one by one")
    return {
        "fleet": {"name": fleet.name, "devices": fleet.devices, "messages": fleet.total, "from_ms": fleet.first_ms},
        "clock": "moved" if stack.clock.moved else "real",
        "minutes": options.minutes,
        "records_per_shard": options.records_per_shard,
        "load": figures.of_load(day, sender),
        "audit": figures.of_audit(audited),
        "results": analysed,
        "sums": sums,
        "retrieval": figures.of_retrievals(stack, fleet),
        "scaling": figures.of_scaling(stack, day),
        "alarms": figures.of_alarms(day),
        "usage": asdict(figures.usage(stack, day, audited)),
        "unread": stack.depth("Unread"),
        "live": live(stack, display, options),
    }


def live(stack: Stack, display: Display, options: argparse.Namespace) -> dict[str, Any] | None:
    """Some more minutes, with the clock left alone: how long it takes from a device to the index is real time."""
    if not stack.clock.moved or not options.live_minutes:
        return None
    fleet = Fleet(uuid.uuid4().hex[:4], min(options.devices, LIVE_DEVICES), LIVE_ROUNDS, cloud_ms(stack))
    with Sender(stack.client("kinesis"), stack.streams, fleet) as sender:
        day = Day(
            stack, fleet, sender, minutes=options.live_minutes, step_s=REAL_STEP_S, outage_minutes=0.0, moved=False
        )
        display.stage("the clock is left alone: delays are real time", lambda: shown(day, sender, fleet))
        day.run()
        day.wait_until_read()
        return figures.of_audit(settled_audit(stack, fleet, sender, day))


def cloud_ms(stack: Stack) -> int:
    return int(stack.clock.now().timestamp() * 1000)


def title(fleet: Fleet, options: argparse.Namespace, moved: bool) -> str:
    how = "its clock is moved" if moved else f"its clock is real: this takes {options.minutes:.0f} minutes"
    return f"a day of {fleet.devices:,} devices in {options.minutes:.0f} minutes of the cloud's clock ({how})"


def settled_results(stack: Stack, fleet: Fleet, day: Day) -> dict[str, int] | None:
    """Once Firehose has delivered as many as there must be; None where nothing reads Parquet."""
    if not results.can_be_read():
        return None
    should = results.expected(fleet)
    until = day.minute + SETTLE_MINUTES_MAX
    while True:
        last = day.minute > until
        if last or stack.delivered(day.began) >= len(should):
            found = results.compare(stack.client("s3"), stack.outputs["Samples"], fleet, should)
            if last or not found["missing"]:
                return found
        pause(stack)


def settled_sums(stack: Stack, fleet: Fleet, day: Day) -> dict[str, int]:
    """Once the aggregator has been told of every file and has nothing more to do."""
    should = aggregates.expected(fleet)
    until = day.minute + SETTLE_MINUTES_MAX
    while True:
        last = day.minute > until
        if last or not stack.depth("ToAggregate"):
            retrieval = Retrieval(stack.client("dynamodb"), stack.client("s3"), stack.outputs["Index"])
            found = aggregates.compare(retrieval, fleet, should)
            if last or not found["wrong"]:
                return found
        pause(stack)


def pause(stack: Stack) -> None:
    """Some time for what is under way: on the cloud's clock, and for the machine that works."""
    stack.clock.wait(SETTLE_STEP_S)
    time.sleep(PAUSE_S)


def shown(day: Day, sender: Sender, fleet: Fleet) -> list[str]:
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
        day.wait_until_read()
        stack.clock.wait(5.0)
        time.sleep(1)


def evening_shard(options: argparse.Namespace) -> int:
    """A quarter of the records of a minute in the evening."""
    mean = options.devices * options.rounds / options.minutes
    return max(1, round(EVENING_SHARE * mean / EVENING_SHARDS))


def parser() -> argparse.ArgumentParser:
    made = driver_parser("airties", __doc__)
    made.add_argument("--devices", type=int, default=20_000, help="access points of the fleet (default: 20,000)")
    made.add_argument("--rounds", type=int, default=20, help="messages of each in the day (default: 20)")
    made.add_argument("--minutes", type=float, default=90, help="of the cloud's clock for the day (default: 90)")
    made.add_argument("--step", type=float, default=5, help="seconds that a virtual clock is moved by (default: 5)")
    made.add_argument(
        "--records-per-shard", type=int, metavar="N",
        help="records a minute that a shard is asked to take (default: such that the evening needs four shards)",
    )  # fmt: skip
    made.add_argument("--outage-minutes", type=float, default=6, help="how long the reader stands still (default: 6)")
    made.add_argument(
        "--live-minutes", type=float, default=2, metavar="N",
        help="afterwards, with the clock left alone, to measure delays (default: 2; 0 leaves it out)",
    )  # fmt: skip
    verbs = made.add_subparsers(dest="verb", metavar="fetch")
    one = verbs.add_parser("fetch", help="print a device's samples of a time", description="Print a device's samples.")
    one.add_argument("device", help="such as ap-1a2b-000017")
    one.add_argument("first", metavar="FROM", help="such as 2026-11-26T08:00 (UTC), or milliseconds")
    one.add_argument("last", metavar="TO")
    return made


def main(options: argparse.Namespace) -> int:
    stack = Stack(options.stack, clock_of_the_cloud())
    if options.verb == "fetch":
        return fetch(stack, options)
    options.records_per_shard = options.records_per_shard or evening_shard(options)
    return drive_and_report(lambda display: drive(stack, display, options), options, render=render, kept=kept)


if __name__ == "__main__":
    sys.exit(command("airties", parser(), main))
