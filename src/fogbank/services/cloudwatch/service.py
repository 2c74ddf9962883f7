"""Amazon CloudWatch. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/Welcome.html"""

from collections.abc import Iterator, Mapping
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.metrics import MINUTE_MS, Series, Values
from fogbank.core.service import Answer, Service
from fogbank.services.cloudwatch import metric_data
from fogbank.services.cloudwatch.dimensions import packed, packed_list, unpacked
from fogbank.services.cloudwatch.errors import (
    InvalidNextToken,
    InvalidParameterCombination,
    InvalidParameterValue,
    ValidationError,
)
from fogbank.services.cloudwatch.records import CloudWatchTables, Distribution, Metric
from fogbank.services.cloudwatch.samples import distribution_of
from fogbank.services.cloudwatch.statistics import is_statistic, statistic

LIST_MAX = 500
DATAPOINTS_MAX = 1440
DATA_POINTS_MAX = 100_800  # of one page of GetMetricData


class CloudWatchService(Service):
    """Metrics: PutMetricData, GetMetricStatistics, GetMetricData, ListMetrics.

    Expressions (metric math), periods below a minute, trimmed statistics, alarms and dashboards answer
    NotImplemented.
    """

    name = "cloudwatch"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = CloudWatchTables(cloud.store)
        cloud.metrics.sink = self._take

    # ---- operations -------------------------------------------------------------------------------------------

    def get_metric_data(
        self,
        ctx: Context,
        *,
        MetricDataQueries: list[dict[str, Any]],
        StartTime: float,
        EndTime: float,
        NextToken: str | None = None,
        ScanBy: str = "TimestampDescending",
        MaxDatapoints: int = DATA_POINTS_MAX,
    ) -> Answer:
        if StartTime >= EndTime:
            raise ValidationError("The parameter StartTime must be less than the parameter EndTime.")
        queries = metric_data.queries_of(MetricDataQueries)
        if NextToken is not None and not NextToken.isdecimal():
            raise InvalidNextToken()
        self.cloud.metrics.flush()

        def read(query: metric_data.Query) -> list[tuple[int, float]]:
            series = (ctx.account, ctx.region, query.namespace, query.name, query.dimensions)
            buckets: dict[int, Distribution] = {}
            for _, at_ms, minute in self._minutes(series, query.unit, StartTime, EndTime):
                period_ms = query.period_s * 1000
                buckets.setdefault(at_ms // period_ms * period_ms, Distribution({})).merge(minute)
            points = ((at_ms, statistic(bucket, query.statistic)) for at_ms, bucket in sorted(buckets.items()))
            return [(at_ms, value) for at_ms, value in points if value is not None]

        rows, following = metric_data.page(
            queries,
            read,
            offset=int(NextToken or 0),
            points_max=MaxDatapoints,
            ascending=ScanBy == "TimestampAscending",
        )
        answer: dict[str, Any] = {"MetricDataResults": rows, "Messages": []}
        return answer if following is None else answer | {"NextToken": str(following)}

    def get_metric_statistics(
        self,
        ctx: Context,
        *,
        Namespace: str,
        MetricName: str,
        StartTime: float,
        EndTime: float,
        Period: int,
        Dimensions: list[dict[str, str]] | None = None,
        Statistics: list[str] | None = None,
        ExtendedStatistics: list[str] | None = None,
        Unit: str | None = None,
    ) -> Answer:
        if not Statistics and not ExtendedStatistics:
            raise InvalidParameterCombination("At least one of Statistics and ExtendedStatistics must be specified.")
        if StartTime >= EndTime:
            raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
        if Period % 60:
            raise InvalidParameterValue("The parameter Period must be a multiple of 60.")
        if (EndTime - StartTime) / Period > DATAPOINTS_MAX:
            raise InvalidParameterCombination(
                f"You have requested up to {int((EndTime - StartTime) / Period)} datapoints, which exceeds "
                f"the limit of {DATAPOINTS_MAX}. You may reduce the datapoints requested by increasing Period, "
                "or decreasing the time range."
            )
        for name in ExtendedStatistics or ():
            if not is_statistic(name):
                raise InvalidParameterValue(f"The value {name} for parameter ExtendedStatistics is not supported.")
        self.cloud.metrics.flush()
        series = (ctx.account, ctx.region, Namespace, MetricName, packed_list(Dimensions))
        period_ms = Period * 1000
        buckets: dict[tuple[int, str], Distribution] = {}
        for unit, at_ms, minute in self._minutes(series, Unit, StartTime, EndTime):
            buckets.setdefault((at_ms // period_ms * period_ms, unit), Distribution({})).merge(minute)
        points = []
        for (at_ms, unit), bucket in sorted(buckets.items()):
            point: dict[str, Any] = {"Timestamp": at_ms / 1000, "Unit": unit}
            point |= {name: statistic(bucket, name) for name in Statistics or ()}
            extended = {name: statistic(bucket, name) for name in ExtendedStatistics or ()}
            known = {name: value for name, value in extended.items() if value is not None}
            points.append(point | ({"ExtendedStatistics": known} if known else {}))
        return {"Label": MetricName, "Datapoints": points}

    def list_metrics(
        self,
        ctx: Context,
        *,
        Namespace: str | None = None,
        MetricName: str | None = None,
        Dimensions: list[dict[str, str]] | None = None,
        NextToken: str | None = None,
    ) -> Answer:
        self.cloud.metrics.flush()
        place = (ctx.account, ctx.region)
        if NextToken is not None and not NextToken.isdecimal():
            raise InvalidParameterValue("The value for parameter NextToken is invalid.")
        start = int(NextToken or 0)
        found = []
        for (_, _, namespace, name, dimensions_key), _ in self._tables.metrics.scan(place):
            dimensions = unpacked(dimensions_key)
            wanted = all(
                any(
                    have["Name"] == want["Name"] and want.get("Value", have["Value"]) == have["Value"]
                    for have in dimensions
                )
                for want in Dimensions or ()
            )
            if wanted and Namespace in (None, namespace) and MetricName in (None, name):
                found.append({"Namespace": namespace, "MetricName": name, "Dimensions": dimensions})
        answer: dict[str, Any] = {"Metrics": found[start : start + LIST_MAX]}
        return answer | ({"NextToken": str(start + LIST_MAX)} if len(found) > start + LIST_MAX else {})

    def put_metric_data(self, ctx: Context, *, Namespace: str, MetricData: list[dict[str, Any]]) -> Answer:
        for number, datum in enumerate(MetricData, start=1):
            samples = distribution_of(datum, number)
            if not samples.values and samples.summary is None:
                continue  # Every count is 0.
            at_ms = int(datum.get("Timestamp", ctx.now_ms / 1000) * 1000) // MINUTE_MS * MINUTE_MS
            series = (ctx.account, ctx.region, Namespace, datum["MetricName"], packed_list(datum.get("Dimensions")))
            self._add(series, datum.get("Unit", "None"), at_ms, samples)
        return None

    # ---- steps ------------------------------------------------------------------------------------------------

    def _minutes(
        self, series: tuple[str, str, str, str, str], unit: str | None, start_s: float, end_s: float
    ) -> Iterator[tuple[str, int, Distribution]]:
        """Unit, time and samples of each minute in the span; its start is rounded down to a minute."""
        start_ms, end_ms = int(start_s * 1000) // MINUTE_MS * MINUTE_MS, int(end_s * 1000)
        for key, minute in self._tables.minutes.scan(series if unit is None else (*series, unit)):
            if start_ms <= key[6] < end_ms:
                yield key[5], key[6], minute

    def _take(self, pending: Mapping[Series, Values]) -> None:
        for (account, region, namespace, name, dimensions, unit, minute), values in pending.items():
            series = (account, region, namespace, name, packed(dimensions))
            self._add(series, unit, minute, Distribution(dict(values)))

    def _add(self, series: tuple[str, str, str, str, str], unit: str, minute: int, samples: Distribution) -> None:
        key = (*series, unit, minute)
        known = self._tables.minutes.get(key) or Distribution({})
        known.merge(samples)
        self._tables.minutes.put(key, known)
        self._tables.metrics.put(series, Metric(minute))
