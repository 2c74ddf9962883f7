"""Metrics: put, listed, read.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/working_with_metrics.html
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import ValidationError as CommonValidationError
from fogbank.core.metrics import MINUTE_MS, Series, Values
from fogbank.core.numerals import whole_number
from fogbank.core.pages import page_of_table
from fogbank.core.service import Answer, Service
from fogbank.core.store import Key
from fogbank.services.cloudwatch import metric_data
from fogbank.services.cloudwatch.dimensions import packed, packed_list, unpacked
from fogbank.services.cloudwatch.distribution import Distribution
from fogbank.services.cloudwatch.errors import (
    InvalidNextToken,
    InvalidParameterCombination,
    InvalidParameterValue,
    ValidationError,
)
from fogbank.services.cloudwatch.records import CloudWatchTables, Metric
from fogbank.services.cloudwatch.retention import LISTED_MS, RECENT_MS, start_of
from fogbank.services.cloudwatch.samples import check_time, distribution_of
from fogbank.services.cloudwatch.search import Candidate
from fogbank.services.cloudwatch.series import Points, SeriesKey, gather, is_period, points
from fogbank.services.cloudwatch.statistics import is_statistic, statistic

LIST_MAX = 500
DATAPOINTS_MAX = 1440
DATA_POINTS_MAX = 100_800  # of one page of GetMetricData
DATA_MAX = 1000  # of one PutMetricData
SHARED = "AWS::CloudWatch::Metric"
"""What links between accounts (OAM) call metrics."""


class Metrics(Service):
    """The operations on metrics of `CloudWatchService`."""

    _tables: CloudWatchTables

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
        offset = whole_number(NextToken or "0")
        if offset is None:
            raise InvalidNextToken()
        self.cloud.metrics.flush()
        results = metric_data.evaluate(
            queries,
            lambda metric: self._points(ctx, metric, StartTime, EndTime),
            partial(self._candidates, ctx),
            start_ms=int(StartTime * 1000),
            end_ms=int(EndTime * 1000),
        )
        rows, following = metric_data.page(
            results,
            offset=offset,
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
        if not is_period(Period):
            raise InvalidParameterValue("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
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
        series = SeriesKey(ctx.account, ctx.region, Namespace, MetricName, packed_list(Dimensions))
        buckets = gather(
            self._tables, series, Unit, period_s=Period, start_s=StartTime, end_s=EndTime, now_ms=ctx.now_ms
        )
        datapoints = []
        for (at_ms, unit), bucket in sorted(buckets.items()):
            point: dict[str, Any] = {"Timestamp": at_ms / 1000, "Unit": unit}
            point |= {name: statistic(bucket, name) for name in Statistics or ()}
            extended = {name: statistic(bucket, name) for name in ExtendedStatistics or ()}
            known = {name: value for name, value in extended.items() if value is not None}
            datapoints.append(point | ({"ExtendedStatistics": known} if known else {}))
        return {"Label": MetricName, "Datapoints": datapoints}

    def list_metrics(
        self,
        ctx: Context,
        *,
        Namespace: str | None = None,
        MetricName: str | None = None,
        Dimensions: list[dict[str, str]] | None = None,
        NextToken: str | None = None,
        RecentlyActive: str | None = None,
        IncludeLinkedAccounts: bool = False,
        OwningAccount: str | None = None,
    ) -> Answer:
        """Metrics of other accounts are those that they share with this one; a page is of one account."""
        accounts = [ctx.account, *(self.cloud.oam.sources(ctx, SHARED) if IncludeLinkedAccounts else ())]
        accounts = [account for account in accounts if OwningAccount in (None, account)]
        account, token = accounts[0] if accounts else "", NextToken
        if IncludeLinkedAccounts and NextToken is not None:
            account, _, inner = NextToken.partition(".")
            token = inner or None
        if accounts and account not in accounts:
            raise InvalidParameterValue("The value for parameter NextToken is invalid.")
        self.cloud.metrics.flush()
        since_ms = ctx.now_ms - (LISTED_MS if RecentlyActive is None else RECENT_MS)
        place: tuple[str, ...] = (account, ctx.region)
        if Namespace is not None:
            place = (*place, Namespace) if MetricName is None else (*place, Namespace, MetricName)

        def wanted(key: Key, metric: Metric) -> bool:
            if metric.last_ms < since_ms:
                return False
            if account != ctx.account and not self.cloud.oam.shares(ctx, account, SHARED, key[2]):
                return False
            have = {one["Name"]: one["Value"] for one in unpacked(key[4])} if Dimensions else {}
            return MetricName in (None, key[3]) and all(
                want["Name"] in have and want.get("Value", have[want["Name"]]) == have[want["Name"]]
                for want in Dimensions or ()
            )

        try:
            rows, more = page_of_table(self._tables.metrics, place, token, LIST_MAX, wanted=wanted)
        except CommonValidationError:
            raise InvalidParameterValue("The value for parameter NextToken is invalid.") from None
        metrics = [{"Namespace": key[2], "MetricName": key[3], "Dimensions": unpacked(key[4])} for key, _ in rows]
        if not IncludeLinkedAccounts:
            return {"Metrics": metrics, **more}
        if more:
            more = {"NextToken": f"{account}.{more['NextToken']}"}
        elif accounts and account != accounts[-1]:
            more = {"NextToken": f"{accounts[accounts.index(account) + 1]}."}
        return {"Metrics": metrics, "OwningAccounts": [account] * len(metrics), **more}

    def put_metric_data(self, ctx: Context, *, Namespace: str, MetricData: list[dict[str, Any]]) -> Answer:
        if len(MetricData) > DATA_MAX:
            raise ValidationError(f"The collection MetricData must not have a size greater than {DATA_MAX}.")
        for number, datum in enumerate(MetricData, start=1):
            samples = distribution_of(datum, number)
            if not samples.values and samples.summary is None:
                continue  # Every count is 0.
            resolution_s = datum.get("StorageResolution", 60)
            if resolution_s not in (1, 60):
                raise InvalidParameterValue(
                    f"The parameter MetricData.member.{number}.StorageResolution must be 1 or 60."
                )
            given_ms = round(datum["Timestamp"] * 1000) if "Timestamp" in datum else ctx.now_ms
            check_time(given_ms, ctx.now_ms, number)
            at_ms = start_of(given_ms, resolution_s, ctx.now_ms)
            series = (ctx.account, ctx.region, Namespace, datum["MetricName"], packed_list(datum.get("Dimensions")))
            self._add(series, datum.get("Unit", "None"), at_ms, samples, ctx.now_ms, fine=resolution_s == 1)
        return None

    # ---- steps --------------------------------------------------------------------------------------------------

    def _points(self, ctx: Context, metric: metric_data.Metric, start_s: float, end_s: float) -> Points:
        account = metric.account or ctx.account
        if account != ctx.account and not self.cloud.oam.shares(ctx, account, SHARED, metric.namespace):
            # AWS's sentence is not published.
            raise ValidationError(f"Account {account} does not share its metrics of {metric.namespace} with this one.")
        series = SeriesKey(account, ctx.region, metric.namespace, metric.name, metric.dimensions)
        return points(
            self._tables,
            series,
            metric.unit,
            metric.statistic,
            period_s=metric.period_s,
            start_s=start_s,
            end_s=end_s,
            now_ms=ctx.now_ms,
        )

    def _candidates(self, ctx: Context, namespace: str | None) -> Iterator[tuple[Candidate, str]]:
        place = (ctx.account, ctx.region) if namespace is None else (ctx.account, ctx.region, namespace)
        for (_, _, space, name, dimensions), metric in self._tables.metrics.scan(place):
            if metric.last_ms < ctx.now_ms - LISTED_MS:
                continue
            pairs = {one["Name"]: one["Value"] for one in unpacked(dimensions)}
            yield Candidate(space, name, pairs), dimensions

    def _take(self, pending: Mapping[Series, Values]) -> None:
        now_ms = self.cloud.clock.now_ms()
        for (account, region, namespace, name, dimensions, unit, minute), values in pending.items():
            series = (account, region, namespace, name, packed(dimensions))
            self._add(series, unit, minute, Distribution(dict(values)), now_ms)

    def _add(
        self,
        series: tuple[str, str, str, str, str],
        unit: str,
        at_ms: int,
        samples: Distribution,
        now_ms: int,
        *,
        fine: bool = False,
    ) -> None:
        key = (*series, unit, at_ms)
        known = self._tables.minutes.get(key) or Distribution({})
        known.merge(samples)
        self._tables.minutes.put(key, known)
        metric = self._tables.metrics.peek(series)
        minute = at_ms // MINUTE_MS * MINUTE_MS
        if metric is None:
            self._tables.metrics.put(series, Metric(minute, fine))
        elif metric.last_ms < minute or fine > metric.fine:
            latest = max(metric.last_ms, minute)
            self._tables.metrics.put(series, Metric(latest, fine or metric.fine, metric.rolled_ms))
        if at_ms < now_ms - MINUTE_MS:
            self._note_late(series, unit, at_ms, now_ms)

    def _note_late(self, series: tuple[str, str, str, str, str], unit: str, at_ms: int, now_ms: int) -> None:
        """Data has come for a minute that is over: metric streams may have sent it."""
        raise NotImplementedError
