"""Drives a deployed Smartsheet stack: the same compressed day with functions kept warm in different ways.

On demand; as many environments kept ready as nineteen of twenty requests of that day found at work; as many by day, one
at night, and more as the load asks for, at 60 % use for people who wait and 90 % for work in the background; and
started from snapshots. Exit code 1 if something was lost or refused, or a promise was not kept.
"""

import argparse
import sys
from typing import Any

from day import SURGES, USERS, Day
from driving.clock import clock_of_the_cloud
from driving.command import command, drive_and_report, driver_parser
from driving.display import Display
from modes import MODES, ON_DEMAND, SCALED, SNAPSTART, STATIC, USUAL
from report import kept, render
from stack import Stack

from clients import Clients
from run import Run

MOST = 120  # environments kept ready of a function
NOTHING_AHEAD = {"Views": 1, "Changes": 1, "ViewsByDay": 1, "ChangesByDay": 1, "Most": MOST}


def drive(stack: Stack, display: Display, options: argparse.Namespace) -> dict[str, Any]:
    runs: list[dict[str, Any]] = []
    day = Day(options.surges)
    for mode in options.modes:
        of = stack
        if mode == SNAPSTART:
            # A version is with a snapshot or without one for good, so this is a stack of its own.
            display.stage(f"{mode}: a stack of the same template, whose versions have snapshots")
            of = stack.sibling(mode, **MODES[mode], SnapStart="PublishedVersions")
        run = Run(of, mode, day, speed=options.speed, scale=options.scale)
        runs.append(one_day(run, provisioned(mode, runs), Clients(of, options.seed), display))
        if of is not stack:
            of.delete()
    stack.set_parameters(**MODES[ON_DEMAND], **NOTHING_AHEAD)
    speed = options.speed if stack.clock.moved else 1.0
    return {
        "runs": runs,
        "speed": speed,
        "scale": options.scale,
        "users": USERS / options.scale,
        "full": options.scale >= 1 and options.surges == len(SURGES),
    }


def one_day(run: Run, ready: dict[str, int], clients: Clients, display: Display) -> dict[str, Any]:
    display.stage(f"{run.mode}: the stack is updated, and what is idle ends")
    run.prepare(ready)
    display.stage(f"{run.mode}: the day", lambda: shown(run, clients))
    with clients:
        run.drive(clients)
    display.stage(f"{run.mode}: the last changes are applied, and everything is counted")
    run.settle()
    return run.measured(clients.seen)


def provisioned(mode: str, runs: list[dict[str, Any]]) -> dict[str, int]:
    """What nineteen of twenty requests of the day on demand found at work: at any time if static, by day if scaled."""
    found = dict(NOTHING_AHEAD)
    before = next((run for run in runs if run["mode"] == ON_DEMAND), None)
    if before is not None and mode in (STATIC, SCALED):
        when = "" if mode == STATIC else "ByDay"
        for name, function in before["functions"].items():
            found[name.capitalize() + when] = min(function["p95_concurrent"], MOST)
    return found


def shown(run: Run, clients: Clients) -> list[str]:
    seen, timeline = clients.seen, run.timeline
    if not timeline.minute:
        return []
    return [
        f"minute {run.minute:5.1f}    {timeline.rate[-1]:5.1f} requests a second   "
        f"views {len(seen.views):,}, {seen.cold:,} of them cold   changes {seen.sent:,}   "
        f"failed {sum(seen.failed.values())}",
        "ready " + ", ".join(f"{name} {ready[-1]}" for name, ready in timeline.ready.items()),
    ]


def parser() -> argparse.ArgumentParser:
    made = driver_parser("smartsheet-functions", __doc__)
    made.add_argument(
        "--modes", nargs="+", choices=MODES, default=list(USUAL), metavar="MODE",
        help=f"which of {', '.join(map(repr, MODES))} (default: all but the last, which is scaled by the load alone)",
    )  # fmt: skip
    made.add_argument("--speed", type=float, default=8, help="of a virtual clock while it is busy (default: 8 times)")
    made.add_argument("--scale", type=float, default=1, help="of the load (default: 1, 150 requests a second at most)")
    made.add_argument(
        "--surges", type=int, default=len(SURGES), choices=range(1, len(SURGES) + 1), help="of the day (default: all)"
    )
    made.add_argument("--seed", default="sheets", help="of the random times (default: the same for each run)")
    return made


def main(options: argparse.Namespace) -> int:
    stack = Stack(options.stack, clock_of_the_cloud())
    return drive_and_report(lambda display: drive(stack, display, options), options, render=render, kept=kept)


if __name__ == "__main__":
    sys.exit(command("smartsheet-functions", parser(), main))
