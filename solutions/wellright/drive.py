"""Drives a deployed WellRight stack: two seasons of bulk uploads, without and with maximum concurrency.

Run 1: no cap; the downstream throttles and messages end in dead-letter queues. Then the cap is turned on
with a stack update, the dead letters are redriven, and run 2 uploads another season. Afterwards the
Programs table is compared with a recomputation from the input: exit code 1 if anything is off.
"""

import argparse
import json
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from activity import PROGRAMMES, Expected, entries, expect
from audit import Audit, audit, dead_entries
from report import percentile, render
from stack import Stack
from upload import upload

SAMPLES_MAX = 2_000
QUIET_S = 3  # queues empty for this long: time to look whether all is there
STALLED_S = 90  # nothing moves and something is missing: call it lost


@dataclass
class Monitor:
    """Watches the queues and hears the notices, in a thread of its own."""

    stack: Stack
    show: Callable[[str], None]
    uploaded: int = 0
    samples: list[int] = field(default_factory=list)
    notices: set[tuple[str, str, int]] = field(default_factory=set)
    quiet_since: float = field(default_factory=time.monotonic)
    _stop: threading.Event = field(default_factory=threading.Event)
    _every_s: float = 0.5

    def __enter__(self) -> "Monitor":
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._watch, self._listen)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _watch(self) -> None:
        begun = time.monotonic()
        while not self._stop.wait(self._every_s):
            depth = sum(sum(self.stack.depth(url)) for url in queues(self.stack, "Queue"))
            dead = sum(sum(self.stack.depth(url)) for url in queues(self.stack, "DeadLetters"))
            if depth:
                self.quiet_since = time.monotonic()
            self.samples.append(depth)
            if len(self.samples) > SAMPLES_MAX:
                self.samples = self.samples[::2]
                self._every_s *= 2
            self.show(
                f"{time.monotonic() - begun:6.1f} s  uploaded {self.uploaded:,}  in queues {depth:,}"
                f"  dead letters {dead:,}  notices {len(self.notices):,}"
            )

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


def queues(stack: Stack, kind: str) -> list[str]:
    return [stack.outputs[p.name.capitalize() + kind] for p in PROGRAMMES]


def run(stack: Stack, season: str, count: int, show: Callable[[str], None]) -> dict[str, Any]:
    """One season: upload, wait until every message is counted or dead, audit."""
    functions = queues(stack, "Function")
    table_before, function_before = stack.table_throttles(), stack.function_throttles(functions)
    expected = expect(season, count)
    begun = time.monotonic()
    with Monitor(stack, show) as monitor:

        def progress(total: int) -> None:
            monitor.uploaded = total

        sent = upload(stack.client("dynamodb"), stack.outputs["Users"], entries(season, count), progress)
        upload_s = time.monotonic() - begun
        result, dead, drained_at = settle(stack, season, count, expected, monitor)
        until = time.monotonic() + 20
        while len(monitor.notices) < result.rewards and time.monotonic() < until:
            time.sleep(0.2)
    latencies = sorted(ms for each in result.latencies_ms.values() for ms in each)
    table_throttles = stack.table_throttles() - table_before
    function_throttles = stack.function_throttles(functions) - function_before
    return {
        "entries": count,
        "sent": sent,
        "messages_expected": sum(e.total() for e in expected.values()),
        "counted": result.counted,
        "lost": result.lost,
        "duplicated": result.duplicated,
        "leaderboard_matches": result.leaderboard_matches,
        "throttles": table_throttles + function_throttles,
        "table_throttles": table_throttles,
        "function_throttles": function_throttles,
        "failed_messages": dead,
        "dlq_depth": dead,
        "upload_s": round(upload_s, 1),
        "wall_s": round(drained_at - begun, 1),
        "latency_p50_ms": percentile(latencies, 0.50),
        "latency_p95_ms": percentile(latencies, 0.95),
        "latency_p99_ms": percentile(latencies, 0.99),
        "rewards": result.rewards,
        "notices": len(monitor.notices),
        "queue_depth": monitor.samples,
    }


def settle(
    stack: Stack, season: str, count: int, expected: dict[str, Expected], monitor: Monitor
) -> tuple[Audit, int, float]:
    """Waits for the queues to fall silent and audits; again for as long as something missing still moves."""
    missing, moved_at = -1, time.monotonic()
    while True:
        while time.monotonic() - monitor.quiet_since < QUIET_S:
            moved_at = time.monotonic()
            time.sleep(0.2)
        drained_at = monitor.quiet_since
        dead, letters = {}, 0
        for programme, url in zip(PROGRAMMES, queues(stack, "DeadLetters"), strict=True):
            number, dead[programme.name] = dead_entries(stack.client("sqs"), url, season, count)
            letters += number
        result = audit(stack.client("dynamodb"), stack.outputs["Programs"], season, expected, dead)
        if not result.lost or time.monotonic() - moved_at > STALLED_S:
            return result, letters, drained_at
        if result.missing != missing:
            missing, moved_at = result.missing, time.monotonic()
        time.sleep(1)


def redrive(stack: Stack, season: str, count: int, show: Callable[[str], None]) -> Audit:
    """Sends the dead letters back to their queues and audits the season again: now all must have counted."""
    sqs = stack.client("sqs")
    expected = expect(season, count)
    for url in queues(stack, "DeadLetters"):
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        if sum(stack.depth(url)):
            sqs.start_message_move_task(SourceArn=arn)
    with Monitor(stack, show) as monitor:
        return settle(stack, season, count, expected, monitor)[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", default="wellright")
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--maximum-concurrency", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--out", help="save the report's JSON in this file")
    options = parser.parse_args()
    live = sys.stderr.isatty()

    def show(line: str) -> None:
        print(f"\r\x1b[K{line}" if live else line, end="" if live else "\n", file=sys.stderr, flush=True)

    def say(line: str) -> None:
        print(f"\n{line}" if live else line, file=sys.stderr, flush=True)

    stack = Stack(options.stack)
    tag = uuid.uuid4().hex[:6]
    first, second = f"spring{tag}", f"autumn{tag}"
    say("run 1: without maximum concurrency")
    stack.set_parameters(MaximumConcurrency=0)
    without = run(stack, first, options.entries, show)
    say(f"maximum concurrency {options.maximum_concurrency}: updating the stack, redriving the dead letters")
    stack.set_parameters(MaximumConcurrency=options.maximum_concurrency)
    redriven = redrive(stack, first, options.entries, show)
    say("run 2: with maximum concurrency")
    capped = run(stack, second, options.entries, show)
    without["leaderboard_matches"] = redriven.leaderboard_matches
    without["duplicated"] = max(without["duplicated"], redriven.duplicated)
    without["lost"] = max(without["lost"], redriven.missing)
    report = {
        "maximum_concurrency": options.maximum_concurrency,
        "redriven": without["dlq_depth"],
        "without_maximum_concurrency": without,
        "with_maximum_concurrency": capped,
    }
    say("")
    if options.out:
        with open(options.out, "w") as saved:
            json.dump(report, saved)
    print(json.dumps(report) if options.json else render(report))
    held = all(not r["lost"] and not r["duplicated"] and r["leaderboard_matches"] for r in (without, capped))
    return 0 if held and capped["dlq_depth"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
