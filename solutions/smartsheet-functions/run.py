"""One day with one way of keeping functions warm, and what came of it."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from day import AHEAD, Day, Moment
from driving.chart import percentile
from modes import MODES, ON_DEMAND, SNAPSTART
from stack import FUNCTIONS, Stack

from clients import Clients, Seen, View

STEP_S, QUIET_STEP_S = 0.5, 0.1
"""Real seconds at a time."""
QUIET_STEP_MINUTES = 1
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
        clock, surges = self._stack.clock, self._day.surges
        self.began = clock.now() + BETWEEN
        day = {
            "DayBegins": self._schedule(surges[0].begin - AHEAD),
            "DayEnds": self._schedule(surges[-1].end),
        }
        self._stack.set_parameters(**MODES[self.mode], **provisioned, **day)
        clock.wait(max(0.0, (self.began - clock.now()).total_seconds()))
        time.sleep(STEP_S)

    def _schedule(self, minute: float) -> str:
        return (self.began + timedelta(minutes=minute)).strftime("at(%Y-%m-%dT%H:%M:%S)")

    def drive(self, clients: Clients) -> None:
        """The whole day."""
        clock = self._stack.clock
        while self.minute < self._day.minutes:
            moment = self._day.at(self.minute)
            step_s = QUIET_STEP_S if moment.quiet and clock.moved else STEP_S
            clients.spread(moment, self._scale, step_s)
            if clock.moved and moment.quiet:
                # What is under way has real time before the clock goes on by a minute.
                clients.rest()
                self._until_provisioned()
                clock.wait(max(0.0, min(QUIET_STEP_MINUTES, self._day.until_surge(self.minute)) * 60 - step_s))
            elif clock.moved:
                clock.wait(max(0.0, step_s * (self._speed - 1)))
            before, self.minute = self.minute, (clock.now() - self.began).total_seconds() / 60
            self._look(moment, self.minute - before)

    def _look(self, moment: Moment, minutes: float) -> None:
        timeline = self.timeline
        timeline.minute.append(round(self.minute, 2))
        timeline.rate.append(round((moment.views + moment.changes) * self._scale, 2))
        for name in FUNCTIONS:
            ready, _ = self._stack.ready(name) if self._provisions else (0, True)
            timeline.ready[name].append(ready)
            self.ready_s[name] += ready * minutes * 60

    @property
    def _provisions(self) -> bool:
        return self.mode not in (ON_DEMAND, SNAPSTART)

    def _until_provisioned(self) -> None:
        while self._provisions and not all(self._stack.ready(name)[1] for name in FUNCTIONS):
            time.sleep(QUIET_STEP_S)

    def settle(self) -> None:
        """Until every change is applied."""
        until = time.monotonic() + SETTLE_S
        while self._stack.waiting() and time.monotonic() < until:
            time.sleep(STEP_S)

    def measured(self, seen: Seen) -> dict[str, Any]:
        applied = self._stack.applied(seen.run)
        asked = {"views": len(seen.views) + sum(seen.failed.values()), "changes": len(applied)}
        self._wait_for_metrics(asked)
        return {
            "mode": self.mode,
            "snapshots": self.mode == SNAPSTART,
            "minutes": round(self.minute, 1),
            "height": max(self.timeline.rate),
            "late_ms": seen.late_ms,
            "views": {"requests": asked["views"], "failed": dict(seen.failed), **of_views(seen.views)},
            "changes": {
                **latency([int(item["applied_ms"]["N"]) - int(item["sent_ms"]["N"]) for item in applied]),
                "requests": seen.sent,
                "lost": seen.sent - len({item["part"]["S"] for item in applied}),
                "starts": Counter(item["start"]["S"] for item in applied),
                "kinds": Counter(item["kind"]["S"] for item in applied),
            },
            "functions": {name: self._function(name) for name in FUNCTIONS},
            "ready_s": {name: round(seconds) for name, seconds in self.ready_s.items()},
            "timeline": {
                "minute": self.timeline.minute,
                "rate": self.timeline.rate,
                "ready": self.timeline.ready,
            },
        }

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

        def in_all(metric: str) -> int:
            return round(sum(of(metric, "Sum")))

        utilized = [each for each in of("ProvisionedConcurrencyUtilization", "Maximum") if each]
        return {
            "invocations": in_all("Invocations"),
            "errors": in_all("Errors"),
            "throttles": in_all("Throttles"),
            "spilled": in_all("ProvisionedConcurrencySpilloverInvocations"),
            "provisioned": in_all("ProvisionedConcurrencyInvocations"),
            "concurrent": max(of("ConcurrentExecutions", "Maximum"), default=0.0),
            "p95_concurrent": self._p95_concurrent(name),
            "utilization": sum(utilized) / len(utilized) if utilized else 0.0,
            "reports": self._stack.reports(name, self.began),
        }

    def _p95_concurrent(self, name: str) -> int:
        """So many or fewer were at work whenever a request began, but for one in twenty."""
        found = self._stack.metric(name, "ConcurrentExecutions", "p95", self.began, math.ceil(self.minute) + 1)
        return max(1, math.ceil(max(found, default=1)))


def of_views(views: list[View]) -> dict[str, Any]:
    """All of them, those while surges rose, and those that waited for an environment."""
    return {
        "starts": Counter(view.start for view in views),
        "kinds": Counter(view.kind for view in views),
        **latency([view.took_ms for view in views]),
        "rising": latency([view.took_ms for view in views if view.rising]),
        "cold": latency([view.took_ms for view in views if view.start == "cold"]),
        "restored": latency([view.took_ms for view in views if view.start == "restored"]),
    }


def latency(took_ms: Sequence[float]) -> dict[str, float]:
    micros = sorted(int(each * 1000) for each in took_ms)
    return {f"p{p}": percentile(micros, p / 100) / 1000 for p in DURATIONS}
