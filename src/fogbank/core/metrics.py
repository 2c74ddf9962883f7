"""Metrics that services publish about themselves, shaped as CloudWatch's.

Datapoints are gathered in memory and handed to the cloudwatch service in batches, at most `FLUSH_S` later and
before any metric is read; a crash may lose the last second of them. Counters for Prometheus are kept beside.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fogbank.core.cloud import Cloud

FLUSH_S = 1.0
MINUTE_MS = 60_000

# account, region, namespace, name, sorted dimensions, unit, minute (epoch ms)
Series = tuple[str, str, str, str, tuple[tuple[str, str], ...], str, int]
# value -> how often
Values = dict[float, int]
Sink = Callable[[Mapping[Series, Values]], None]


class Metrics:
    """Gathers datapoints; `add` is cheap enough for every request."""

    def __init__(self, cloud: "Cloud") -> None:
        self._cloud = cloud
        self._pending: dict[Series, Values] = {}
        self._scheduled = False
        self.sink: Sink | None = None
        self.source: Callable[[], None] | None = None
        """Asked before each flush to add what it counted by itself (the gateway's API calls)."""

    def add(
        self,
        account: str,
        region: str,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float,
        unit: str,
        *,
        times: int = 1,
    ) -> None:
        """Record one value of one metric at the present minute, as if it were seen `times` times."""
        minute = self._cloud.clock.now_ms() // MINUTE_MS * MINUTE_MS
        series = (account, region, namespace, name, tuple(sorted(dimensions.items())), unit, minute)
        values = self._pending.get(series)
        if values is None:
            values = self._pending[series] = {}
            self.schedule()
        values[value] = values.get(value, 0) + times

    def flush(self) -> None:
        """Hand over what is pending; inside a transaction, or in one of its own."""
        if self.source is not None:
            self.source()
        pending, self._pending = self._pending, {}
        if not pending:
            return
        if self.sink is None:
            self._cloud.service("cloudwatch")  # Importing the service registers its sink.
        if self.sink is None:
            return
        with self._cloud.store.transaction():
            self.sink(pending)

    def schedule(self) -> None:
        """See to it that a flush comes within `FLUSH_S`."""
        if not self._scheduled:
            self._scheduled = True
            self._cloud.clock.call_at(self._cloud.clock.now_ms() + int(FLUSH_S * 1000), self._flush_due)

    def _flush_due(self) -> None:
        self._scheduled = False
        self.flush()
