"""What CloudWatch stores: for each metric and minute, which values were seen how often."""

from fogbank.core.store import Record, Store


class Summary(Record):
    """Samples of which only the statistics are known (`StatisticValues`)."""

    count: float
    sum: float
    minimum: float
    maximum: float


class Distribution(Record):
    """What a metric saw in one minute: `values` maps a value to its number of samples."""

    values: dict[float, float]
    summary: Summary | None = None

    def merge(self, other: "Distribution") -> None:
        """Add the other's samples to these."""
        for value, count in other.values.items():
            self.values[value] = self.values.get(value, 0) + count
        if other.summary is None:
            return
        mine, theirs = self.summary, other.summary
        if mine is None:
            self.summary = theirs
        else:
            self.summary = Summary(
                count=mine.count + theirs.count,
                sum=mine.sum + theirs.sum,
                minimum=min(mine.minimum, theirs.minimum),
                maximum=max(mine.maximum, theirs.maximum),
            )


class Metric(Record):
    last_ms: int


class CloudWatchTables:
    """The tables of CloudWatch. A metric's dimensions are one string, sorted (`dimensions.py`)."""

    def __init__(self, store: Store) -> None:
        # account, region, namespace, name, dimensions, unit, minute (epoch ms)
        self.minutes = store.table("cloudwatch.minutes", key=(str, str, str, str, str, str, int), value=Distribution)
        # account, region, namespace, name, dimensions
        self.metrics = store.table("cloudwatch.metrics", key=(str, str, str, str, str), value=Metric)
