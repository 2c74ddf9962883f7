"""The metrics of concurrency: what runs, and what of it on provisioned environments.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-concurrency.html
What AWS tells once a minute is told when the minute ends, of minutes without any invocation, too: the most that was in
use at once.
"""

from collections import Counter

from fogbank.core.cloud import Cloud
from fogbank.core.metrics import MINUTE_MS
from fogbank.services.lambda_.concurrency import Admission, Concurrency
from fogbank.services.lambda_.fleets import Fleet, Fleets

NAMESPACE = "AWS/Lambda"
# After the clock was moved further, the minutes before have no data.
_MINUTES_MAX = 1440


class ConcurrencyMetrics:
    def __init__(self, cloud: Cloud, concurrency: Concurrency, fleets: Fleets) -> None:
        self._cloud = cloud
        self._concurrency = concurrency
        self._fleets = fleets
        self._unreserved_peaks: Counter[tuple[str, str]] = Counter()
        self._told_ms = 0

    def start(self) -> None:
        """Tell every minute from now on."""
        now_ms = self._cloud.clock.now_ms()
        self._told_ms = now_ms // MINUTE_MS * MINUTE_MS
        self._cloud.clock.call_at(self._told_ms + MINUTE_MS, self._turn)

    def entered(self, admission: Admission) -> None:
        """An invocation begins to run."""
        account, region, name = admission.function
        place = (account, region)
        resource = f"{name}:{admission.qualifier}" if admission.qualifier else name
        function = {"FunctionName": name}
        running = self._concurrency
        for dimensions, value in (
            ({}, running.in_account(place)),
            (function, running.in_function(admission.function)),
            ({**function, "Resource": resource}, running.in_resource(admission)),
        ):
            self._add(place, "ConcurrentExecutions", dimensions, value)
        if admission.pool == "unreserved":
            self._unreserved_peaks[place] = max(self._unreserved_peaks[place], running.unreserved(place))

    def taken(self, fleet: Fleet, *, spilled: bool) -> None:
        """An invocation has one of the fleet's environments, or found none and runs on demand."""
        if spilled and not fleet.allocated:
            return
        metric = f"ProvisionedConcurrency{'Spillover' if spilled else ''}Invocations"
        for dimensions in ({}, *_dimensions(fleet)):
            self._add(fleet.key[:2], metric, dimensions, 1)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        now_ms = self._cloud.clock.now_ms()
        for minute_ms in range(
            max(self._told_ms, now_ms - _MINUTES_MAX * MINUTE_MS), now_ms - MINUTE_MS + 1, MINUTE_MS
        ):
            self._tell(minute_ms // MINUTE_MS * MINUTE_MS)
        self.start()

    def _tell(self, minute_ms: int) -> None:
        places = set(self._unreserved_peaks)
        for fleet in self._fleets.all():
            places.add(fleet.key[:2])
            if fleet.allocated:
                used = min(fleet.peak, fleet.allocated)
                for dimensions in _dimensions(fleet):
                    self._add(fleet.key[:2], "ProvisionedConcurrentExecutions", dimensions, used, minute_ms)
                    utilization = used / fleet.allocated
                    self._add(fleet.key[:2], "ProvisionedConcurrencyUtilization", dimensions, utilization, minute_ms)
            fleet.peak = fleet.busy
        for place in places:
            peak = self._unreserved_peaks[place]
            self._add(place, "UnreservedConcurrentExecutions", {}, peak, minute_ms)
            self._add(place, "ClaimedAccountConcurrency", {}, peak + self._concurrency.claimed(place), minute_ms)
        running = {place: self._concurrency.unreserved(place) for place in places}
        self._unreserved_peaks = Counter({place: units for place, units in running.items() if units})

    def _add(
        self,
        place: tuple[str, str],
        metric: str,
        dimensions: dict[str, str],
        value: float,
        minute_ms: int | None = None,
    ) -> None:
        if minute_ms is None:
            minute_ms = self._cloud.clock.now_ms() // MINUTE_MS * MINUTE_MS
        pairs = tuple(sorted(dimensions.items()))
        values = self._cloud.metrics.values((*place, NAMESPACE, metric, pairs, "Count", minute_ms))
        values[value] = values.get(value, 0) + 1


def _dimensions(fleet: Fleet) -> tuple[dict[str, str], ...]:
    function = {"FunctionName": fleet.key[2]}
    resource = {**function, "Resource": f"{fleet.key[2]}:{fleet.qualifier}"}
    if fleet.qualifier.isdigit():
        return function, resource
    return function, resource, {**resource, "ExecutedVersion": str(fleet.key[3])}
