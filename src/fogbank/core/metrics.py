"""Metrics that services publish about themselves, shaped as CloudWatch's.

Datapoints are gathered in memory and handed to the cloudwatch service in batches, at most `FLUSH_S` later and
before any metric is read; a crash may lose the last second of them. Counters for Prometheus are kept beside.
"""

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fogbank.core.cloud import Cloud

FLUSH_S = 1.0
MINUTE_MS = 60_000
METERS_MAX = 10_000

# account, region, namespace, name, sorted dimensions, unit, minute (epoch ms)
Series = tuple[str, str, str, str, tuple[tuple[str, str], ...], str, int]
# value -> how often
Values = dict[float, int]
# account, region, namespace, name, sorted dimensions, unit
Identity = tuple[str, str, str, str, tuple[tuple[str, str], ...], str]
Sink = Callable[[Mapping[Series, Values]], None]


class Meter:
    """One series, for what is counted with every request: adding to it costs two look-ups."""

    __slots__ = ("_batch", "_identity", "_metrics", "_minute", "_values")

    def __init__(self, metrics: "Metrics", identity: Identity) -> None:
        self._metrics = metrics
        self._identity = identity
        self._minute = -1
        self._batch = -1
        self._values: Values = {}

    def add(self, value: float) -> None:
        """Record one value at the present minute."""
        metrics = self._metrics
        minute = metrics.clock.now_ms() // MINUTE_MS
        if minute != self._minute or metrics.batch != self._batch:
            self._values = metrics.values((*self._identity, minute * MINUTE_MS))
            self._minute, self._batch = minute, metrics.batch
        values = self._values
        values[value] = values.get(value, 0) + 1


class Meters:
    """The meters of a service, kept by what they count and its name; only so many are kept."""

    def __init__(self, metrics: "Metrics", namespace: str) -> None:
        self._metrics = metrics
        self._namespace = namespace
        self._kept: dict[tuple[Hashable, str], Meter] = {}

    def find(self, owner: Hashable, name: str) -> Meter | None:
        """The meter that was made for this owner and name."""
        return self._kept.get((owner, name))

    def make(
        self, owner: Hashable, account: str, region: str, name: str, dimensions: Mapping[str, str], unit: str
    ) -> Meter:
        """A meter that `find` finds from now on."""
        identity = (account, region, self._namespace, name, tuple(sorted(dimensions.items())), unit)
        if len(self._kept) >= METERS_MAX:
            self._kept.clear()
        meter = self._kept[owner, name] = Meter(self._metrics, identity)
        return meter


class Metrics:
    """Gathers datapoints; `add` is cheap enough for every request, a `Meter` for those that must be fast."""

    def __init__(self, cloud: "Cloud") -> None:
        self._cloud = cloud
        self.clock = cloud.clock
        self.batch = 0
        """Grows with every flush: what `values` gave before belongs to an earlier one."""
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
        minute = self.clock.now_ms() // MINUTE_MS * MINUTE_MS
        pairs = tuple(dimensions.items())
        if len(pairs) > 1:
            pairs = tuple(sorted(pairs))
        values = self.values((account, region, namespace, name, pairs, unit, minute))
        values[value] = values.get(value, 0) + times

    def values(self, series: Series) -> Values:
        """What is gathered of a series, to add to before the next flush."""
        values = self._pending.get(series)
        if values is None:
            values = self._pending[series] = {}
            self.schedule()
        return values

    def flush(self) -> None:
        """Hand over what is pending; inside a transaction, or in one of its own."""
        if self.source is not None:
            self.source()
        pending, self._pending = self._pending, {}
        self.batch += 1
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
            self.clock.call_at(self.clock.now_ms() + int(FLUSH_S * 1000), self._flush_due)

    def _flush_due(self) -> None:
        self._scheduled = False
        self.flush()
