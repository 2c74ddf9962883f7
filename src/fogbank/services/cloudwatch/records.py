"""What CloudWatch stores: for each metric and stretch of time, which values were seen how often."""

from collections.abc import Iterator
from typing import Any

from fogbank.core.store import Record, Store
from fogbank.services.cloudwatch.distribution import Distribution


class Metric(Record):
    last_ms: int
    """The time of its latest datapoint."""
    fine: bool = True
    """Whether it may have datapoints by the second."""
    rolled_ms: int = 0
    """When its rows were last rolled up."""


class Alarm(Record):
    """An alarm: its configuration, and its state since `state_ms`.

    A metric alarm watches one statistic of one metric, or (`queries`, as in the request) the one of several that
    returns data. A composite alarm watches other alarms (`rule`).
    """

    name: str
    comparison: str
    threshold: float
    evaluation_periods: int
    datapoints: int
    period_s: int
    configured_ms: int
    state_ms: int
    transitioned_ms: int
    state: str = "INSUFFICIENT_DATA"
    reason: str = "Unchecked: Initial alarm creation"
    reason_data: str = ""
    description: str | None = None
    actions_enabled: bool = True
    actions: dict[str, list[str]] = {}
    missing: str = "missing"
    missing_given: bool = False
    datapoints_given: bool = False
    namespace: str = ""
    metric: str = ""
    statistic: str = ""
    dimensions: list[dict[str, str]] = []
    unit: str | None = None
    queries: list[dict[str, Any]] = []
    tags: dict[str, str] = {}
    rule: str = ""
    held_until_ms: int = 0
    """Until when a state that somebody set is not evaluated."""
    suppressor: str = ""
    """The alarm (name or ARN) that keeps this composite alarm from acting while it is in ALARM."""
    wait_s: int = 0
    extension_s: int = 0
    suppressed_by: str = ""
    acted: str = ""
    """The state that it last acted on, if it has a suppressor."""
    low_samples: str = ""
    """`ignore` if percentiles of too few samples change nothing."""

    @property
    def kind(self) -> str:
        return "CompositeAlarm" if self.rule else "MetricAlarm"


class HistoryItem(Record):
    """What happened to an alarm."""

    at_ms: int
    kind: str
    summary: str
    data: str
    alarm_kind: str = "MetricAlarm"


class Dashboard(Record):
    name: str
    body: str
    modified_ms: int
    tags: dict[str, str] = {}


class MetricStream(Record):
    """A metric stream: its configuration as given, and what it has sent."""

    name: str
    created_ms: int
    firehose_arn: str = ""
    role_arn: str = ""
    format: str = ""
    include: list[dict[str, Any]] = []
    exclude: list[dict[str, Any]] = []
    statistics: list[dict[str, Any]] = []
    updated_ms: int = 0
    tags: dict[str, str] = {}
    running: bool = True
    sent_ms: int = 0
    """The last minute that is sent."""
    behind: list[str] = []
    """The metric (namespace, name, dimensions) up to which the next minute is sent."""
    found: bool = False
    """Whether that minute had anything so far."""


class LateUpdate(Record):
    """A minute of a metric that has to be sent again."""


class CloudWatchTables:
    """The tables of CloudWatch. A metric's dimensions are one string, sorted (`dimensions.py`)."""

    def __init__(self, store: Store) -> None:
        # account, region, namespace, name, dimensions, unit, start of the minute (epoch ms), or of the second or the
        # longer stretch that retention.py says
        self.minutes = store.table("cloudwatch.minutes", key=(str, str, str, str, str, str, int), value=Distribution)
        # account, region, namespace, name, dimensions
        self.metrics = store.table("cloudwatch.metrics", key=(str, str, str, str, str), value=Metric)
        # account, region, name
        self.alarms = store.table("cloudwatch.alarms", key=(str, str, str), value=Alarm)
        # account, region, alarm's name, sequence
        self.history = store.table("cloudwatch.history", key=(str, str, str, int), value=HistoryItem)
        # account, region, name
        self.streams = store.table("cloudwatch.streams", key=(str, str, str), value=MetricStream)
        # account, region, stream's name, namespace, name, dimensions, unit, minute
        late = (str, str, str, str, str, str, str, int)
        self.late = store.table("cloudwatch.late_updates", key=late, value=LateUpdate)
        # account, name: dashboards are global
        self.dashboards = store.table("cloudwatch.dashboards", key=(str, str), value=Dashboard)

    def units(self, series: tuple[str, str, str, str, str]) -> Iterator[str]:
        """The units that a metric was put with."""
        found = self.minutes.first(series)
        while found is not None:
            unit: str = found[0][5]
            yield unit
            found = next(self.minutes.scan(series, start=(*series, unit + "\0"), limit=1), None)
