"""Drives a deployed WellRight stack: two seasons of bulk uploads, without and with maximum concurrency.

Run 1: no cap; the downstream throttles and messages end in dead-letter queues. A programme joins meanwhile, as a stack
of its own. Then the cap is turned on with a stack update, the dead letters are redriven, and run 2 uploads another
season. Each time the Programs table is compared with a recomputation from the input: exit code 1 if anything is off.
"""

import argparse
import json
import sys
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from activity import NEWCOMER, PROGRAMMES, Expected, Programme, Sequence, bulk, expect, trickle
from audit import Audit, audit, dead_entries
from driving.chart import chart, percentile
from driving.command import command, drive_and_report, driver_parser
from driving.display import Display
from newcomer import Newcomer
from report import WITH, WITHOUT, kept, render
from stack import Stack
from upload import upload

SAMPLES_MAX = 2_000
QUIET_S = 2  # queues empty for this long: time to look whether all is there
STALLED_S = 90  # nothing moves and something is missing: call it lost
ALONE_S = 5  # how long the newcomer's queue is measured while nothing else runs


@dataclass
class Season:
    """Entries that are uploaded together, and the programmes that count them."""

    name: str
    sequence: Sequence
    count: int
    programmes: tuple[Programme, ...]

    @cached_property
    def expected(self) -> dict[str, Expected]:
        return expect(self.sequence, self.name, self.count, self.programmes)


@dataclass
class Monitor:
    """Watches the queues and hears the notices, in threads of its own."""

    stack: Stack
    uploaded: int = 0
    checking: bool = False
    samples: list[int] = field(default_factory=list)
    sampled_s: float = 0.0
    depths: dict[str, int] = field(default_factory=dict)
    dead: int = 0
    notices: set[tuple[str, str, int]] = field(default_factory=set)
    quiet_since: float = field(default_factory=time.monotonic)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Monitor":
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._watch, self._listen)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def figures(self) -> list[str]:
        waiting = "  ".join(f"{name} {depth:,}" for name, depth in self.depths.items())
        uploaded = f"uploaded {self.uploaded:,}   " if self.uploaded else ""
        if self.checking:
            return ["the queues are empty: comparing the Programs table and the leaderboards with the input"]
        return [
            f"{uploaded}dead letters {self.dead:,}   notices heard {len(self.notices):,}",
            f"in the queues: {waiting}",
            *chart(self.samples, height=1, width=min(60, len(self.samples))),
        ]

    def bulk_depth(self) -> int:
        return sum(self.depths.get(p.name, 0) for p in PROGRAMMES)

    def _watch(self) -> None:
        begun, every_s = time.monotonic(), 0.5
        while not self._stop.wait(every_s):
            places = dict(self.stack.places)
            self.depths = {name: self.stack.depth(place.queue) for name, place in places.items()}
            self.dead = sum(self.stack.depth(place.dead_letters) for place in places.values())
            if self.bulk_depth():
                self.quiet_since = time.monotonic()
            self.samples.append(self.bulk_depth())
            self.sampled_s = time.monotonic() - begun
            if len(self.samples) > SAMPLES_MAX:
                self.samples = self.samples[::2]
                every_s *= 2

    def _listen(self) -> None:
        sqs, url = self.stack.client("sqs"), self.stack.outputs["NoticesHeard"]
        while not self._stop.is_set():
            messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages")
            if not messages:
                continue
            for message in messages:
                notice = json.loads(message["Body"])
                self.notices.add((notice["season"] + notice["programme"], notice["subject"], notice["level"]))
            sqs.delete_message_batch(
                QueueUrl=url,
                Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)],
            )

    def wait_until_quiet(self) -> float:
        """Returns once the bulk queues have been empty for a while: when they became so."""
        while time.monotonic() - self.quiet_since < QUIET_S:
            time.sleep(0.1)
        return self.quiet_since


class Driver:
    """The runs, one after the other, on one stack."""

    def __init__(self, stack: Stack, display: Display) -> None:
        self._stack = stack
        self._display = display

    def run(self, title: str, name: str, count: int) -> tuple[dict[str, Any], list[Season]]:
        """One season: upload, wait until every message is counted or dead, audit."""
        before = self._stack.counters()
        season = Season(name, bulk, count, PROGRAMMES)
        began_at, begun = datetime.now(UTC), time.monotonic()
        with Monitor(self._stack) as monitor:
            self._display.stage(f"{title}: {count:,} entries", monitor.figures)

            def progress(total: int) -> None:
                monitor.uploaded = total

            with Newcomer(self._stack, f"{name}daily") as newcomer:
                users = self._stack.outputs["Users"]
                sent = upload(self._stack.client("dynamodb"), users, bulk(name, count), progress)
                upload_s = time.monotonic() - begun
                drained_at = monitor.wait_until_quiet()
            daily = Season(newcomer.season, trickle, newcomer.numbers, (NEWCOMER,))
            (main, dead), (quiet, quiet_dead) = self._settle([season, daily], monitor)
            self._hear(monitor, main.rewards + quiet.rewards)
        concurrency = self._stack.concurrency(began_at)
        happened = {key: value - before[key] for key, value in self._stack.counters().items()}
        figures = {
            "entries": count,
            "sent": sent,
            "messages": sum(each.total() for each in season.expected.values()),
            "counted": main.counted,
            "lost": main.lost,
            "duplicated": main.duplicated,
            "leaderboard_matches": main.leaderboard_matches,
            "throttles": sum(happened[key] for key in ("table_throttles", "index_throttles", "function_throttles")),
            **happened,
            "write_capacity": int(self._stack.parameter("ProgramsWriteCapacity")),
            "failed_messages": dead,
            "dlq_depth": sum(self._stack.depth(place.dead_letters) for place in self._stack.places.values()),
            "concurrency": concurrency,
            "upload_s": round(upload_s, 1),
            "wall_s": round(drained_at - begun, 1),
            **latency("latency", main.latencies_ms),
            **latency("in_queue", main.in_queue_ms),
            "rewards": main.rewards + quiet.rewards,
            "notices": len(monitor.notices),
            "queue_depth": monitor.samples,
            "sampled_s": round(monitor.sampled_s, 1),
            "newcomer": {
                **newcomer_figures(newcomer.numbers, quiet),
                "dead": quiet_dead,
                "joined_s": round(newcomer.joined_s, 1),
                "others_touched": newcomer.touched,
            },
        }
        return figures, [season, daily]

    def redrive(self, seasons: list[Season], title: str) -> list[Audit]:
        """Sends the dead letters back to their queues and audits the seasons again: now all must have counted."""
        sqs = self._stack.client("sqs")
        with Monitor(self._stack) as monitor:
            self._display.stage(title, monitor.figures)
            for place in self._stack.places.values():
                if self._stack.depth(place.dead_letters):
                    arn = sqs.get_queue_attributes(QueueUrl=place.dead_letters, AttributeNames=["QueueArn"])
                    sqs.start_message_move_task(SourceArn=arn["Attributes"]["QueueArn"])
                    monitor.quiet_since = time.monotonic()
            return [audited for audited, _ in self._settle(seasons, monitor)]

    def alone(self, name: str) -> dict[str, Any]:
        """The newcomer's entries while nothing else runs: what the noisy runs are compared with."""
        with Monitor(self._stack) as monitor:
            self._display.stage("the newcomer alone, for comparison", monitor.figures)
            with Newcomer(self._stack, name) as newcomer:
                time.sleep(ALONE_S)
            ((quiet, _),) = self._settle([Season(name, trickle, newcomer.numbers, (NEWCOMER,))], monitor)
        return newcomer_figures(newcomer.numbers, quiet)

    def _settle(self, seasons: list[Season], monitor: Monitor) -> list[tuple[Audit, int]]:
        """Waits for the queues to fall silent and audits; again for as long as something missing still moves."""
        missing, moved_at = -1, time.monotonic()
        while True:
            moved_at = max(moved_at, monitor.wait_until_quiet())
            monitor.checking = True
            audits = [self._audit(season) for season in seasons]
            monitor.checking = False
            if not any(each.lost for each, _ in audits) or time.monotonic() - moved_at > STALLED_S:
                return audits
            now_missing = sum(each.missing for each, _ in audits)
            if now_missing != missing:
                missing, moved_at = now_missing, time.monotonic()
            time.sleep(1)

    def _audit(self, season: Season) -> tuple[Audit, int]:
        """The season as the table has it, and how many of its messages are dead."""
        dead, letters = {}, 0
        for programme in season.programmes:
            url = self._stack.places[programme.name].dead_letters
            number, dead[programme.name] = dead_entries(self._stack.client("sqs"), url, season.name, season.count)
            letters += number
        programs = self._stack.outputs["Programs"]
        return audit(self._stack.client("dynamodb"), programs, season.name, season.expected, dead), letters

    def _hear(self, monitor: Monitor, rewards: int) -> None:
        until = time.monotonic() + 20
        while len(monitor.notices) < rewards and time.monotonic() < until:
            time.sleep(0.1)


def latency(prefix: str, values: Iterable[int]) -> dict[str, int]:
    ordered = sorted(values)
    return {f"{prefix}_p{p}_ms": percentile(ordered, p / 100) for p in (50, 95, 99)}


def newcomer_figures(entries: int, audited: Audit) -> dict[str, Any]:
    return {
        "entries": entries,
        "counted": audited.counted,
        "lost": audited.lost,
        "duplicated": audited.duplicated,
        "leaderboard_matches": audited.leaderboard_matches,
        **latency("latency", audited.latencies_ms),
        **latency("in_queue", audited.in_queue_ms),
    }


def drive(stack: Stack, display: Display, options: argparse.Namespace) -> dict[str, Any]:
    """Both runs (or the capped one alone) and what lies between them; the report."""
    driver, cap, tag = Driver(stack, display), options.maximum_concurrency, uuid.uuid4().hex[:6]
    report: dict[str, Any] = {"maximum_concurrency": cap}
    if stack.has_programme(NEWCOMER.name):
        display.stage(f"removing {NEWCOMER.name}, which an earlier run left")
        stack.remove_programme(NEWCOMER.name)
    if not options.capped_only:
        display.stage("a stack update: no maximum concurrency")
        stack.set_parameters(MaximumConcurrency=0, **dict(options.parameter))
        without, seasons = driver.run("run 1, without maximum concurrency", f"spring{tag}", options.entries)
        display.stage(f"a stack update: maximum concurrency {cap}")
        stack.set_parameters(MaximumConcurrency=cap)
        redriven = driver.redrive(seasons, f"redriving {without['dlq_depth']:,} dead letters, with the cap")
        for run, audited in zip((without, without["newcomer"]), redriven, strict=True):
            run["leaderboard_matches"] = audited.leaderboard_matches
            run["duplicated"] = max(run["duplicated"], audited.duplicated)
            run["lost"] = max(run["lost"], audited.missing)
        report["redriven"] = without["dlq_depth"]
        report["newcomer_alone"] = driver.alone(f"summer{tag}")
        report[WITHOUT] = without
    display.stage(f"a stack update: maximum concurrency {cap}")
    stack.set_parameters(MaximumConcurrency=cap, **dict(options.parameter))
    report[WITH], _ = driver.run(f"run 2, with maximum concurrency {cap}", f"autumn{tag}", options.entries)
    return report


def setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text}: parameters are given as KEY=VALUE")
    return key, value


def parser() -> argparse.ArgumentParser:
    made = driver_parser("wellright", __doc__)
    made.add_argument("--entries", type=int, default=20_000, help="entries of each run (default: 20,000)")
    made.add_argument("--maximum-concurrency", type=int, default=2, metavar="N", help="the cap of run 2 (default: 2)")
    made.add_argument("--capped-only", action="store_true", help="run 2 alone: for a million entries on a laptop")
    made.add_argument(
        "--parameter", type=setting, action="append", default=[], metavar="KEY=VALUE",
        help="set a parameter of the stack first, such as ProgramsWriteCapacity=4000",
    )  # fmt: skip
    return made


def main(options: argparse.Namespace) -> int:
    stack = Stack(options.stack)
    return drive_and_report(lambda display: drive(stack, display, options), options, render=render, kept=kept)


if __name__ == "__main__":
    sys.exit(command("wellright", parser(), main))
