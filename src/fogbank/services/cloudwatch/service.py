"""Amazon CloudWatch. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/Welcome.html"""

from collections.abc import Mapping
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.metrics import MINUTE_MS, Series, Values
from fogbank.core.service import Answer, Service
from fogbank.core.store import Record
from fogbank.services.cloudwatch.statistics import statistic

LIST_MAX = 500
DATAPOINTS_MAX = 1440


class InvalidParameterCombination(AwsError):
    code = "InvalidParameterCombinationException"
    query_code = "InvalidParameterCombination"


class InvalidParameterValue(AwsError):
    code = "InvalidParameterValueException"
    query_code = "InvalidParameterValue"


class Distribution(Record):
    """What a metric saw in one minute."""

    values: dict[float, float]


class Metric(Record):
    last_ms: int


class CloudWatchService(Service):
    """Metrics: PutMetricData, GetMetricStatistics, ListMetrics. GetMetricData, StatisticValues, alarms and
    dashboards answer NotImplemented."""

    name = "cloudwatch"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        # account, region, namespace, name, dimensions (in one string, sorted), unit, minute
        self._minutes = cloud.store.table(
            "cloudwatch.minutes", key=(str, str, str, str, str, str, int), value=Distribution
        )
        self._metrics = cloud.store.table("cloudwatch.metrics", key=(str, str, str, str, str), value=Metric)
        cloud.metrics.sink = self._take

    # ---- operations ----------------------------------------------------------------------------------------

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
        self.cloud.metrics.flush()
        prefix = (ctx.account, ctx.region, Namespace, MetricName, _packed_list(Dimensions))
        start_ms, end_ms, period_ms = int(StartTime * 1000), int(EndTime * 1000), Period * 1000
        merged: dict[tuple[int, str], dict[float, float]] = {}
        for key, minute in self._minutes.scan(prefix):
            unit, at_ms = key[5], key[6]
            if at_ms < start_ms // MINUTE_MS * MINUTE_MS or at_ms >= end_ms or Unit not in (None, unit):
                continue
            into = merged.setdefault((at_ms // period_ms * period_ms, unit), {})
            for value, count in minute.values.items():
                into[value] = into.get(value, 0) + count
        points = []
        for (at_ms, unit), values in sorted(merged.items()):
            point: dict[str, Any] = {"Timestamp": at_ms / 1000, "Unit": unit}
            point |= {name: statistic(values, name) for name in Statistics or ()}
            if ExtendedStatistics:
                point["ExtendedStatistics"] = {name: self._extended(values, name) for name in ExtendedStatistics}
            points.append(point)
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
        start = int(NextToken) if NextToken and NextToken.isdigit() else 0
        found = []
        for (_, _, namespace, name, packed), _ in self._metrics.scan(place):
            dimensions = _unpacked(packed)
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
        for datum in MetricData:
            if "StatisticValues" in datum:
                raise NotImplementedInFogbank("Fogbank's PutMetricData does not implement StatisticValues yet.")
            values = datum.get("Values") or ([datum["Value"]] if "Value" in datum else [])
            counts = datum.get("Counts") or [1.0] * len(values)
            if not values or len(values) != len(counts):
                raise InvalidParameterCombination(
                    "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size."
                    if values
                    else "At least one of the parameters must be specified."
                )
            at_ms = int(datum.get("Timestamp", ctx.now_ms / 1000) * 1000) // MINUTE_MS * MINUTE_MS
            dimensions = _packed_list(datum.get("Dimensions"))
            series = (ctx.account, ctx.region, Namespace, datum["MetricName"], dimensions)
            distribution: dict[float, float] = {}
            for value, count in zip(values, counts, strict=True):
                distribution[value] = distribution.get(value, 0) + count
            self._add(series, datum.get("Unit", "None"), at_ms, distribution)
        return None

    # ---- steps ---------------------------------------------------------------------------------------------

    def _take(self, pending: Mapping[Series, Values]) -> None:
        for (account, region, namespace, name, dimensions, unit, minute), values in pending.items():
            self._add((account, region, namespace, name, _packed(dimensions)), unit, minute, values)

    def _add(
        self, series: tuple[str, str, str, str, str], unit: str, minute: int, values: Mapping[float, float]
    ) -> None:
        key = (*series, unit, minute)
        known = self._minutes.get(key) or Distribution({})
        for value, count in values.items():
            known.values[value] = known.values.get(value, 0) + count
        self._minutes.put(key, known)
        self._metrics.put(series, Metric(minute))

    def _extended(self, values: Mapping[float, float], name: str) -> float:
        value = statistic(values, name)
        if value is None:
            raise InvalidParameterValue(f"The value {name} for parameter ExtendedStatistics is not supported.")
        return value


def _packed(dimensions: tuple[tuple[str, str], ...]) -> str:
    return "\x1e".join(f"{name}\x1f{value}" for name, value in dimensions)


def _packed_list(dimensions: list[dict[str, str]] | None) -> str:
    return _packed(tuple(sorted((one["Name"], one["Value"]) for one in dimensions or ())))


def _unpacked(text: str) -> list[dict[str, str]]:
    pairs = (part.partition("\x1f") for part in text.split("\x1e") if part)
    return [{"Name": name, "Value": value} for name, _, value in pairs]
