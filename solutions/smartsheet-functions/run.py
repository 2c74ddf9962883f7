"""One day with one way of keeping functions warm, and what came of it."""

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from day import Day, Moment, percentile_of_concurrency
from driving.chart import percentile
from modes import MODES, SCALED, SNAPSTART, STATIC
from stack import FUNCTIONS, Stack

from clients import Clients, Seen

STEP_S, QUIET_STEP_S = 0.5, 0.1
"""Real seconds at a time."""
QUIET_STEP = timedelta(minutes=1)
# What is idle for longer is ended by the cloud: nothing of a run is left for the next.
BETWEEN = timedelta(minutes=25)
SETTLE_S = 120
METRICS_S = 30
DURATIONS = (50, 95, 99)


@dataclass
class Timeline:
    """Minute by minute: requests that were sent in a second, and environments that are ready, by function."""

    minute: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    ready: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in FUNCTIONS})


class Run:
    def __init__(self, stack: Stack, mode: str, day: Day, *, speed: float, scale: float) -> None:
        self._day = day
        self._stack = stack
        self._speed = speed
        self._scale = scale
        self.mode = mode
        self.minute = 0.0
        self.timeline = Timeline()
        self.ready_s = dict.fromkeys(FUNCTIONS, 0.0)
        self.began = stack.clock.now()

    def prepare(self, provisioned: dict[str, int]) -> None:
        """The stack update to this way; then time passes until nothing of another is left."""
        self._stack.set_parameters(**MODES[self.mode], **provisioned)
        if self._stack.clock.moved:
            self._stack.clock.wait(BETWEEN.total_seconds())
            time.sleep(STEP_S)

    def drive(self, clients: Clients) -> None:
        """The whole day."""
        clock = self._stack.clock
        began = self.began = clock.now()
        while self.minute < self._day.minutes:
            moment = self._day.at(self.minute)
            step_s = QUIET_STEP_S if moment.quiet and clock.moved else STEP_S
            clients.spread(moment.views * self._scale, moment.changes * self._scale, step_s)
            if clock.moved and moment.quiet:
                # Whoever is under way has real time before the clock goes on by a minute.
                clients.rest()
                clock.wait(QUIET_STEP.total_seconds() - step_s)
            elif clock.moved:
                clock.wait(max(0.0, step_s * (self._speed - 1)))
            before, self.minute = self.minute, (clock.now() - began).total_seconds() / 60
            self._look(moment, self.minute - before)

    def _look(self, moment: Moment, minutes: float) -> None:
        timeline = self.timeline
        timeline.minute.append(round(self.minute, 2))
        timeline.rate.append(round((moment.views + moment.changes) * self._scale, 2))
        for name in FUNCTIONS:
            ready = self._stack.ready(name) if self.mode in (STATIC, SCALED) else 0
            timeline.ready[name].append(ready)
            self.ready_s[name] += ready * minutes * 60

    def settle(self) -> None:
        """Until every change is applied."""
        until = time.monotonic() + SETTLE_S
        while self._stack.waiting() and time.monotonic() < until:
            time.sleep(STEP_S)

    def measured(self, seen: Seen) -> dict[str, Any]:
        applied = self._applied(seen)
        kinds = Counter(item["kind"]["S"] for item in applied)
        asked = {"views": len(seen.views_ms) + sum(seen.failed.values()), "changes": len(applied)}
        self._wait_for_metrics(asked)
        return {
            "mode": self.mode,
            "snapshots": self.mode == SNAPSTART,
            "minutes": round(self.minute, 1),
            "views": {
                "requests": asked["views"],
                "failed": dict(seen.failed),
                "cold": seen.cold,
                "kinds": dict(seen.kinds),
                **latency([int(each * 1000) for each in seen.views_ms]),
            },
            "changes": {
                "requests": seen.sent,
                "lost": seen.sent - len({item["part"]["S"] for item in applied}),
                "cold": sum(item["cold"]["BOOL"] for item in applied),
                "kinds": dict(kinds),
                **latency([(int(item["applied_ms"]["N"]) - int(item["sent_ms"]["N"])) * 1000 for item in applied]),
            },
            "functions": {name: self._function(name) for name in FUNCTIONS},
            "ready_s": {name: round(seconds) for name, seconds in self.ready_s.items()},
            "timeline": {
                "minute": self.timeline.minute,
                "rate": self.timeline.rate,
                "ready": self.timeline.ready,
            },
        }

    def _applied(self, seen: Seen) -> list[dict[str, Any]]:
        return self._stack.applied(seen.run)

    def _wait_for_metrics(self, asked: dict[str, int]) -> None:
        """Metrics come some seconds after what they tell of."""
        until = time.monotonic() + METRICS_S
        while time.monotonic() < until:
            if all(
                sum(self._stack.metric(name, "Invocations", "Sum", self.began)) >= asked[name] for name in FUNCTIONS
            ):
                return
            time.sleep(STEP_S)

    def _function(self, name: str) -> dict[str, Any]:
        """What CloudWatch and the log say."""

        def of(metric: str, statistic: str) -> list[float]:
            return self._stack.metric(name, metric, statistic, self.began)

        concurrent = of("ConcurrentExecutions", "Maximum")
        utilized = of("ProvisionedConcurrencyUtilization", "Maximum")
        return {
            "invocations": round(sum(of("Invocations", "Sum"))),
            "errors": round(sum(of("Errors", "Sum"))),
            "throttles": round(sum(of("Throttles", "Sum"))),
            "spilled": round(sum(of("ProvisionedConcurrencySpilloverInvocations", "Sum"))),
            "provisioned": round(sum(of("ProvisionedConcurrencyInvocations", "Sum"))),
            "concurrent": max(concurrent, default=0.0),
            "p95_concurrent": percentile_of_concurrency(concurrent),
            "utilization": sum(utilized) / len(utilized) if utilized else 0.0,
            "reports": self._stack.reports(name, self.began),
        }


def latency(micros: list[int]) -> dict[str, float]:
    ordered = sorted(micros)
    return {f"p{p}": percentile(ordered, p / 100) / 1000 for p in DURATIONS}
