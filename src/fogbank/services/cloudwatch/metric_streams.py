"""Metric streams: kept, started, stopped. What they send is in stream_updates.py.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Metric-Streams.html
"""

import re
from typing import Any

from fogbank.core.arn import Arn, parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.errors import ValidationError as CommonValidationError
from fogbank.core.metrics import MINUTE_MS
from fogbank.core.pages import page_of_table
from fogbank.core.service import Answer, Service
from fogbank.core.tags import tag_map
from fogbank.services.cloudwatch.errors import (
    InvalidNextToken,
    InvalidParameterCombination,
    InvalidParameterValue,
    ResourceNotFound,
)
from fogbank.services.cloudwatch.records import CloudWatchTables, MetricStream
from fogbank.services.cloudwatch.statistics import SIMPLE, is_statistic

LIST_MAX = 500
CONFIGURATIONS_MAX, METRICS_MAX, STATISTICS_MAX = 100, 100, 20
FILTERED_MAX = 1000  # metric names in all filters
_NAME = re.compile(r"[A-Za-z0-9_\-]{1,255}")
_PERCENTILE = re.compile(r"p\d.*")

Filters = list[dict[str, Any]]


class MetricStreams(Service):
    """The operations on metric streams of `CloudWatchService`."""

    _tables: CloudWatchTables

    def put_metric_stream(
        self,
        ctx: Context,
        *,
        Name: str,
        FirehoseArn: str,
        RoleArn: str,
        OutputFormat: str,
        IncludeFilters: Filters | None = None,
        ExcludeFilters: Filters | None = None,
        StatisticsConfigurations: list[dict[str, Any]] | None = None,
        IncludeLinkedAccountsMetrics: bool = False,
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        """Tags are for new streams only: those of others stay as they are."""
        if not _NAME.fullmatch(Name):
            raise InvalidParameterValue(f"The value {Name} for parameter Name is invalid.")
        if IncludeFilters and ExcludeFilters:
            raise InvalidParameterCombination(
                "The parameters IncludeFilters and ExcludeFilters are mutually exclusive and you have specified both."
            )
        if IncludeLinkedAccountsMetrics:
            raise NotImplementedInFogbank("Fogbank has no accounts that are linked to a monitoring account.")
        _check_filters([*(IncludeFilters or ()), *(ExcludeFilters or ())])
        _check_statistics(StatisticsConfigurations or [], OutputFormat)
        self._check_target(ctx, FirehoseArn, RoleArn)
        known = self._tables.streams.get((ctx.account, ctx.region, Name))
        stream = known or MetricStream(
            name=Name, created_ms=ctx.now_ms, tags=tag_map(Tags), sent_ms=_started(ctx.now_ms)
        )  # fmt: skip
        stream.firehose_arn, stream.role_arn, stream.format = FirehoseArn, RoleArn, OutputFormat
        stream.include, stream.exclude = IncludeFilters or [], ExcludeFilters or []
        stream.statistics, stream.updated_ms = StatisticsConfigurations or [], ctx.now_ms
        self._tables.streams.put((ctx.account, ctx.region, Name), stream)
        return {"Arn": stream_arn(ctx, Name)}

    def get_metric_stream(self, ctx: Context, *, Name: str) -> Answer:
        stream = self._metric_stream(ctx, Name)
        optional = {
            "IncludeFilters": stream.include,
            "ExcludeFilters": stream.exclude,
            "StatisticsConfigurations": stream.statistics,
        }
        given = {name: value for name, value in optional.items() if value}
        return _entry(ctx, stream) | given | {"RoleArn": stream.role_arn, "IncludeLinkedAccountsMetrics": False}

    def list_metric_streams(self, ctx: Context, *, NextToken: str | None = None, MaxResults: int = LIST_MAX) -> Answer:
        try:
            rows, token = page_of_table(self._tables.streams, (ctx.account, ctx.region), NextToken, MaxResults)
        except CommonValidationError:
            raise InvalidNextToken() from None
        return {"Entries": [_entry(ctx, stream) for _, stream in rows], **token}

    def delete_metric_stream(self, ctx: Context, *, Name: str) -> Answer:
        """AWS says nothing of a stream that is not there."""
        self._tables.streams.delete((ctx.account, ctx.region, Name))
        self._tables.late.delete_all((ctx.account, ctx.region, Name))
        return {}

    def start_metric_streams(self, ctx: Context, *, Names: list[str]) -> Answer:
        for name in Names:
            stream = self._metric_stream(ctx, name)
            if not stream.running:
                stream.running, stream.sent_ms, stream.behind = True, _started(ctx.now_ms), []
                self._tables.streams.put((ctx.account, ctx.region, name), stream)
        return {}

    def stop_metric_streams(self, ctx: Context, *, Names: list[str]) -> Answer:
        for name in Names:
            stream = self._metric_stream(ctx, name)
            stream.running = False
            self._tables.streams.put((ctx.account, ctx.region, name), stream)
            self._tables.late.delete_all((ctx.account, ctx.region, name))
        return {}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _metric_stream(self, ctx: Context, name: str) -> MetricStream:
        found = self._tables.streams.get((ctx.account, ctx.region, name))
        if found is None:
            raise ResourceNotFound(f"Metric stream {name} does not exist.")
        return found

    def _check_target(self, ctx: Context, firehose_arn: str, role_arn: str) -> None:
        """AWS's sentences are not published."""
        if not _is(parse_arn(role_arn), "iam", "role/", ctx.account):
            raise InvalidParameterValue(f"The value {role_arn} for parameter RoleArn is invalid.")
        arn = parse_arn(firehose_arn)
        if arn is None or not _is(arn, "firehose", "deliverystream/", ctx.account) or arn.region != ctx.region:
            raise InvalidParameterValue(f"The value {firehose_arn} for parameter FirehoseArn is invalid.")
        try:
            self.cloud.firehose.describe_delivery_stream(ctx, DeliveryStreamName=firehose_name(firehose_arn))
        except AwsError as error:
            raise InvalidParameterValue(error.message) from None


def firehose_name(arn: str) -> str:
    return arn.partition(":deliverystream/")[2]


def stream_arn(ctx: Context, name: str) -> str:
    return ctx.arn("cloudwatch", f"metric-stream/{name}")


def wanted_by(stream: MetricStream, namespace: str, name: str) -> bool:
    """Whether the stream sends this metric."""
    if stream.include:
        return any(_matches(one, namespace, name) for one in stream.include)
    return not any(_matches(one, namespace, name) for one in stream.exclude)


def statistics_of(stream: MetricStream, namespace: str, name: str) -> list[str]:
    """The statistics that the stream adds to a metric."""
    wanted = {"Namespace": namespace, "MetricName": name}
    found: list[str] = []
    for configuration in stream.statistics:
        if wanted in configuration["IncludeMetrics"]:
            found += configuration["AdditionalStatistics"]
    return found


def _matches(one: dict[str, Any], namespace: str, name: str) -> bool:
    names = one.get("MetricNames")
    return one.get("Namespace") == namespace and (not names or name in names)


def _started(now_ms: int) -> int:
    """What a stream that begins now takes as sent: all before this minute."""
    return now_ms // MINUTE_MS * MINUTE_MS - MINUTE_MS


def _is(arn: Arn | None, service: str, kind: str, account: str) -> bool:
    return arn is not None and arn.service == service and arn.account == account and arn.resource.startswith(kind)


def _check_filters(filters: Filters) -> None:
    if any("Namespace" not in one for one in filters):
        raise InvalidParameterValue("A filter of a metric stream needs a Namespace.")
    if sum(len(one.get("MetricNames") or (one,)) for one in filters) > FILTERED_MAX:
        raise InvalidParameterValue(f"The filters of a metric stream can name at most {FILTERED_MAX} metrics.")


def _check_statistics(configurations: list[dict[str, Any]], output: str) -> None:
    """AWS's sentences are not published."""
    if len(configurations) > CONFIGURATIONS_MAX:
        raise InvalidParameterValue(f"There can be at most {CONFIGURATIONS_MAX} StatisticsConfigurations.")
    for one in configurations:
        if len(one["IncludeMetrics"]) > METRICS_MAX or len(one["AdditionalStatistics"]) > STATISTICS_MAX:
            raise InvalidParameterValue(
                f"A configuration of statistics has at most {METRICS_MAX} metrics and {STATISTICS_MAX} statistics."
            )
        for name in one["AdditionalStatistics"]:
            known = is_statistic(name) and name not in SIMPLE and (output == "json" or _PERCENTILE.fullmatch(name))
            if not known:
                raise InvalidParameterValue(
                    f"The statistic {name} is not supported for metric streams with the output format {output}."
                )


def _entry(ctx: Context, stream: MetricStream) -> dict[str, Any]:
    return {
        "Arn": stream_arn(ctx, stream.name),
        "Name": stream.name,
        "FirehoseArn": stream.firehose_arn,
        "State": "running" if stream.running else "stopped",
        "CreationDate": stream.created_ms / 1000,
        "LastUpdateDate": stream.updated_ms / 1000,
        "OutputFormat": stream.format,
    }
