"""Metric alarms: kept, evaluated on the clock, and what happened to them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.moments import iso_offset
from fogbank.core.numerals import whole_number
from fogbank.core.service import Answer
from fogbank.services.cloudwatch import alarm_state, metric_data
from fogbank.services.cloudwatch.alarm_actions import LISTS, act, announce, check_actions, repeat
from fogbank.services.cloudwatch.dashboards import Dashboards
from fogbank.services.cloudwatch.dimensions import packed_list
from fogbank.services.cloudwatch.errors import (
    AlarmNotFound,
    InvalidFormat,
    InvalidNextToken,
    InvalidParameterCombination,
    ValidationError,
)
from fogbank.services.cloudwatch.metrics import Metrics
from fogbank.services.cloudwatch.records import Alarm, HistoryItem
from fogbank.services.cloudwatch.series import Points, is_period
from fogbank.services.cloudwatch.statistics import SIMPLE, is_statistic

EVALUATE_EVERY_S = 10  # alarms on periods below a minute; the others are evaluated each minute
HELD_MS = 5_000  # "the alarm returns to its actual state quickly, often within seconds" (SetAlarmState)
SPAN_MAX_S = 86_400 * 7  # Periods times period, for periods of an hour and more; a day for shorter ones.
HISTORY_MS = 30 * 86_400_000  # CloudWatch keeps an alarm's history for 30 days.


class Alarms(Metrics, Dashboards):
    """The operations on alarms of `CloudWatchService`, and the tags of alarms and dashboards."""

    def delete_alarms(self, ctx: Context, *, AlarmNames: list[str]) -> Answer:
        for name in AlarmNames:
            self._tables.alarms.delete((ctx.account, ctx.region, name))
        return None

    def describe_alarm_history(
        self,
        ctx: Context,
        *,
        AlarmName: str | None = None,
        HistoryItemType: str | None = None,
        AlarmTypes: list[str] | None = None,
        StartDate: float | None = None,
        EndDate: float | None = None,
        MaxRecords: int = 100,
        NextToken: str | None = None,
        ScanBy: str = "TimestampDescending",
    ) -> Answer:
        place = (ctx.account, ctx.region)
        found = self._tables.history.scan((*place, AlarmName) if AlarmName is not None else place)
        rows = [
            {
                "AlarmName": key[2],
                "AlarmType": item.alarm_kind,
                "Timestamp": item.at_ms / 1000,
                "HistoryItemType": item.kind,
                "HistorySummary": item.summary,
                "HistoryData": item.data,
            }
            for key, item in found
            if HistoryItemType in (None, item.kind)
            and (AlarmTypes is None or item.alarm_kind in AlarmTypes)
            and (StartDate is None or item.at_ms >= StartDate * 1000)
            and (EndDate is None or item.at_ms <= EndDate * 1000)
        ]
        rows.sort(key=lambda row: float(str(row["Timestamp"])), reverse=ScanBy == "TimestampDescending")
        return _page("AlarmHistoryItems", rows, NextToken, MaxRecords)

    def describe_alarms(
        self,
        ctx: Context,
        *,
        AlarmNames: list[str] | None = None,
        AlarmNamePrefix: str = "",
        AlarmTypes: list[str] | None = None,
        StateValue: str | None = None,
        ActionPrefix: str | None = None,
        ChildrenOfAlarmName: str | None = None,
        ParentsOfAlarmName: str | None = None,
        MaxRecords: int = 100,
        NextToken: str | None = None,
    ) -> Answer:
        if AlarmNames and AlarmNamePrefix:
            raise InvalidParameterCombination("AlarmNamePrefix and AlarmNames are mutually exclusive parameters.")
        if ChildrenOfAlarmName is not None or ParentsOfAlarmName is not None:
            if AlarmNames or AlarmNamePrefix or AlarmTypes or StateValue or ActionPrefix:
                # AWS's sentence is not published; "you cannot specify any other parameters […] except MaxRecords".
                raise ValidationError("ChildrenOfAlarmName and ParentsOfAlarmName exclude the other parameters.")
            if ChildrenOfAlarmName is not None and ParentsOfAlarmName is not None:
                raise ValidationError("ChildrenOfAlarmName and ParentsOfAlarmName are mutually exclusive parameters.")
            related = self._related(ctx, ChildrenOfAlarmName, ParentsOfAlarmName)
            answer = _page("MetricAlarms", [_relative(ctx, alarm) for alarm in related], NextToken, MaxRecords)
            return answer | {
                "MetricAlarms": [row for row in answer["MetricAlarms"] if "AlarmRule" not in row],
                "CompositeAlarms": [row for row in answer["MetricAlarms"] if "AlarmRule" in row],
            }
        found = [
            alarm
            for _, alarm in self._tables.alarms.scan((ctx.account, ctx.region))
            if alarm.name.startswith(AlarmNamePrefix)
            and (not AlarmNames or alarm.name in AlarmNames)
            and alarm.kind in (AlarmTypes or ("MetricAlarm",))
            and StateValue in (None, alarm.state)
            and (ActionPrefix is None or any(arn.startswith(ActionPrefix) for arn in _all_actions(alarm)))
        ]
        answer = _page("MetricAlarms", found, NextToken, MaxRecords)
        shown = answer["MetricAlarms"]
        return answer | {
            "MetricAlarms": [_row(ctx, alarm) for alarm in shown if not alarm.rule],
            "CompositeAlarms": [_row(ctx, alarm) for alarm in shown if alarm.rule],
        }

    def describe_alarms_for_metric(
        self,
        ctx: Context,
        *,
        MetricName: str,
        Namespace: str,
        Statistic: str | None = None,
        ExtendedStatistic: str | None = None,
        Dimensions: list[dict[str, str]] | None = None,
        Period: int | None = None,
        Unit: str | None = None,
    ) -> Answer:
        rows = [
            _row(ctx, alarm)
            for _, alarm in self._tables.alarms.scan((ctx.account, ctx.region))
            if (alarm.namespace, alarm.metric) == (Namespace, MetricName)
            and packed_list(alarm.dimensions) == packed_list(Dimensions)
            and (Statistic or ExtendedStatistic) in (None, alarm.statistic)
            and Period in (None, alarm.period_s)
            and Unit in (None, alarm.unit)
        ]
        return {"MetricAlarms": rows}

    def disable_alarm_actions(self, ctx: Context, *, AlarmNames: list[str]) -> Answer:
        return self._enable(ctx, AlarmNames, enabled=False)

    def enable_alarm_actions(self, ctx: Context, *, AlarmNames: list[str]) -> Answer:
        return self._enable(ctx, AlarmNames, enabled=True)

    def put_metric_alarm(
        self,
        ctx: Context,
        *,
        AlarmName: str,
        EvaluationPeriods: int,
        ComparisonOperator: str,
        Threshold: float,
        AlarmDescription: str | None = None,
        ActionsEnabled: bool = True,
        OKActions: list[str] | None = None,
        AlarmActions: list[str] | None = None,
        InsufficientDataActions: list[str] | None = None,
        MetricName: str = "",
        Namespace: str = "",
        Statistic: str | None = None,
        ExtendedStatistic: str | None = None,
        Dimensions: list[dict[str, str]] | None = None,
        Period: int | None = None,
        Unit: str | None = None,
        DatapointsToAlarm: int | None = None,
        TreatMissingData: str | None = None,
        EvaluateLowSampleCountPercentile: str | None = None,
        Metrics: list[dict[str, Any]] | None = None,
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        actions = {
            "OKActions": OKActions or [],
            "AlarmActions": AlarmActions or [],
            "InsufficientDataActions": InsufficientDataActions or [],
        }
        for name, arns in actions.items():
            check_actions(arns, name)
        if ComparisonOperator not in alarm_state.COMPARISONS:
            raise NotImplementedInFogbank(f"Fogbank's alarms do not compare with anomaly bands: {ComparisonOperator}")
        if TreatMissingData is not None and TreatMissingData not in alarm_state.MISSING:
            raise ValidationError(
                f"The value {TreatMissingData} is not supported for TreatMissingData parameter. "
                f"Supported values are [{', '.join(alarm_state.MISSING)}]."
            )
        if EvaluateLowSampleCountPercentile not in (None, "evaluate", "ignore"):
            raise ValidationError(
                f"Option {EvaluateLowSampleCountPercentile} is not supported. Supported options for parameter "
                "EvaluateLowSampleCountPercentile are evaluate and ignore."
            )
        if DatapointsToAlarm is not None and DatapointsToAlarm > EvaluationPeriods:
            raise ValidationError("DatapointsToAlarm must be less than or equal to EvaluationPeriods")
        known = self._tables.alarms.get((ctx.account, ctx.region, AlarmName))
        if known is not None and known.rule:
            raise ValidationError(f"A composite alarm with the name {AlarmName} exists already.")
        alarm = known or Alarm(AlarmName, "", 0, 1, 1, 60, ctx.now_ms, ctx.now_ms, ctx.now_ms)
        before = msgspec.structs.replace(alarm)
        if Metrics:
            if MetricName or Namespace or Statistic or ExtendedStatistic or Dimensions or Period or Unit:
                raise ValidationError("Metrics list cannot be specified together with parameters of a single metric.")
            alarm.queries, alarm.period_s = Metrics, _watched_period_s(Metrics)
            alarm.namespace = alarm.metric = alarm.statistic = ""
            alarm.dimensions, alarm.unit = [], None
        else:
            alarm.statistic = _single_statistic(MetricName, Namespace, Statistic, ExtendedStatistic)
            alarm.queries, alarm.namespace, alarm.metric = [], Namespace, MetricName
            alarm.dimensions, alarm.unit, alarm.period_s = Dimensions or [], Unit, _checked_period_s(Period)
        _check_span(alarm.period_s, EvaluationPeriods)
        alarm.comparison, alarm.threshold = ComparisonOperator, Threshold
        alarm.evaluation_periods = EvaluationPeriods
        alarm.datapoints, alarm.datapoints_given = DatapointsToAlarm or EvaluationPeriods, DatapointsToAlarm is not None
        alarm.missing, alarm.missing_given = TreatMissingData or "missing", TreatMissingData is not None
        alarm.description, alarm.actions_enabled, alarm.actions = AlarmDescription, ActionsEnabled, actions
        alarm.low_samples = EvaluateLowSampleCountPercentile or ""
        alarm.configured_ms = ctx.now_ms
        if known is None:
            alarm.tags = {tag["Key"]: tag["Value"] for tag in Tags or ()}
        self._tables.alarms.put((ctx.account, ctx.region, AlarmName), alarm)
        if known is None:
            self._note(ctx, alarm, "ConfigurationUpdate", f'Alarm "{AlarmName}" created', {"type": "Create"})
        elif msgspec.structs.replace(before, configured_ms=alarm.configured_ms) != alarm:
            self._note(ctx, alarm, "ConfigurationUpdate", f'Alarm "{AlarmName}" updated', {"type": "Update"})
        return None

    def set_alarm_state(
        self,
        ctx: Context,
        *,
        AlarmName: str,
        StateValue: str,
        StateReason: str,
        StateReasonData: str = "",
    ) -> Answer:
        alarm = self._alarm(ctx, AlarmName)
        if StateReasonData:
            try:
                json.loads(StateReasonData)
            except ValueError:
                raise InvalidFormat("StateReasonData was not valid JSON") from None
        alarm.held_until_ms = ctx.now_ms + HELD_MS
        self._set_state(ctx, alarm, StateValue, StateReason, StateReasonData)
        return None

    # ---- evaluation -------------------------------------------------------------------------------------------------

    async def _keep_evaluating(self) -> None:
        clock = self.cloud.clock
        minute = clock.now_ms() // 60_000
        while True:
            await clock.sleep(EVALUATE_EVERY_S - clock.now_ms() / 1000 % EVALUATE_EVERY_S)
            turned = minute != clock.now_ms() // 60_000
            minute = clock.now_ms() // 60_000
            for (account, region, name), alarm in list(self._tables.alarms.scan()):
                if not alarm.rule and (turned or alarm.period_s < 60):
                    ctx = self.cloud.context(account=account, region=region)
                    await self.cloud.tasks.attempt(f"evaluate alarm {name}", ctx.run(self._evaluate, ctx, name))

    def _evaluate(self, ctx: Context, name: str) -> None:
        alarm = self._tables.alarms.get((ctx.account, ctx.region, name))
        if alarm is None or ctx.now_ms < alarm.held_until_ms:
            return
        self.cloud.metrics.flush()
        step_ms = alarm.period_s * 1000
        end_ms = ctx.now_ms // step_ms * step_ms
        start_ms = end_ms - alarm_state.periods_read(alarm.evaluation_periods, alarm.period_s) * step_ms
        try:
            points = self._watched(ctx, alarm, start_ms, end_ms)
        except AwsError as error:
            self._set_state(ctx, alarm, "INSUFFICIENT_DATA", f"Insufficient Data: {error.message}", "")
            return
        recent = [(at_ms, points.get(at_ms)) for at_ms in range(end_ms - step_ms, start_ms - 1, -step_ms)]
        rule = alarm_state.Rule(
            alarm.comparison, alarm.threshold, alarm.evaluation_periods, alarm.datapoints, alarm.missing
        )
        verdict = alarm_state.decide(rule, recent, alarm.state)
        if alarm.low_samples == "ignore" and verdict.values and self._is_too_little(ctx, alarm, verdict.values[0][0]):
            return
        values = [value for _, value in verdict.values]
        if verdict.state != alarm.state:
            self._set_state(ctx, alarm, verdict.state, verdict.reason, _reason_data(ctx, alarm, verdict), values)
        else:
            repeat(ctx, alarm, values)

    def _is_too_little(self, ctx: Context, alarm: Alarm, at_ms: int) -> bool:
        """Whether the percentile of that period is of too few samples."""
        needed = alarm_state.samples_needed(alarm.statistic)
        if alarm.queries or needed is None:
            return False
        counted = msgspec.structs.replace(alarm, statistic="SampleCount")
        counts = self._watched(ctx, counted, at_ms, at_ms + alarm.period_s * 1000)
        return counts.get(at_ms, 0) < needed

    def _watched(self, ctx: Context, alarm: Alarm, start_ms: int, end_ms: int) -> Points:
        start_s, end_s = start_ms / 1000, end_ms / 1000
        if not alarm.queries:
            metric = metric_data.Metric(
                namespace=alarm.namespace,
                name=alarm.metric,
                dimensions=packed_list(alarm.dimensions),
                period_s=alarm.period_s,
                statistic=alarm.statistic,
                unit=alarm.unit,
            )
            return self._points(ctx, metric, start_s, end_s)
        (series,) = metric_data.evaluate(
            metric_data.queries_of(alarm.queries),
            lambda metric: self._points(ctx, metric, start_s, end_s),
            partial(self._candidates, ctx),
            start_ms=start_ms,
            end_ms=end_ms,
        )
        return series.points

    def _set_state(
        self, ctx: Context, alarm: Alarm, state: str, reason: str, reason_data: str, values: list[float] | None = None
    ) -> None:
        before = msgspec.structs.replace(alarm)
        alarm.state, alarm.reason, alarm.reason_data, alarm.state_ms = state, reason, reason_data, ctx.now_ms
        if state != before.state:
            alarm.transitioned_ms = ctx.now_ms
        self._tables.alarms.put((ctx.account, ctx.region, alarm.name), alarm)
        if state == before.state:
            return
        change = {"oldState": _history_state(before), "newState": _history_state(alarm)}
        self._note(ctx, alarm, "StateUpdate", f"Alarm updated from {before.state} to {state}", change)
        announce(ctx, alarm, before)
        self._followed(ctx, alarm, before)
        self._act(ctx, alarm, before, values or [])

    def _act(self, ctx: Context, alarm: Alarm, before: Alarm, values: list[float]) -> None:
        for arn, done in act(ctx, alarm, before, values):
            outcome = "Successfully executed" if done else "Failed to execute"
            self._note(ctx, alarm, "Action", f"{outcome} action {arn}", {"actionState": outcome.split()[0]})

    # ---- steps --------------------------------------------------------------------------------------------------

    def _followed(self, ctx: Context, alarm: Alarm, before: Alarm) -> None:
        """The alarm's state has changed: let others follow."""
        raise NotImplementedError

    def _related(self, ctx: Context, parent: str | None, child: str | None) -> list[Alarm]:
        """The alarms that a composite alarm names, or those that name an alarm."""
        raise NotImplementedError

    def _alarm(self, ctx: Context, name: str) -> Alarm:
        alarm = self._tables.alarms.get((ctx.account, ctx.region, name))
        if alarm is None:
            raise AlarmNotFound()
        return alarm

    def _enable(self, ctx: Context, names: list[str], *, enabled: bool) -> Answer:
        for name in names:
            alarm = self._tables.alarms.get((ctx.account, ctx.region, name))
            if alarm is not None:
                alarm.actions_enabled = enabled
                self._tables.alarms.put((ctx.account, ctx.region, name), alarm)
        return None

    def _note(self, ctx: Context, alarm: Alarm, kind: str, summary: str, data: dict[str, Any]) -> None:
        place = (ctx.account, ctx.region, alarm.name)
        for key, item in list(self._tables.history.scan(place, limit=10)):
            if item.at_ms < ctx.now_ms - HISTORY_MS:
                self._tables.history.delete(key)
        text = json.dumps({"version": "1.0", **data})
        self._tables.history.put(
            (*place, self.cloud.sequence.next()), HistoryItem(ctx.now_ms, kind, summary, text, alarm.kind)
        )


def _single_statistic(metric: str, namespace: str, statistic: str | None, extended: str | None) -> str:
    if not metric or not namespace:
        raise ValidationError("MetricName and Namespace must be specified, or Metrics.")
    if (statistic is None) == (extended is None):
        raise InvalidParameterCombination("Exactly one of Statistic and ExtendedStatistic must be specified.")
    name = statistic or extended or ""
    if (statistic is not None and name not in SIMPLE) or not is_statistic(name):
        raise ValidationError(f"The value {name} for parameter Statistic is not supported.")
    return name


def _checked_period_s(period_s: int | None) -> int:
    if period_s is None:
        raise ValidationError("Period must be specified.")
    if not is_period(period_s):
        raise ValidationError("Period must be 10, 20, 30 or a multiple of 60.")
    return period_s


def _watched_period_s(queries: list[dict[str, Any]]) -> int:
    """The period of what returns data; the alarm watches exactly one series."""
    checked = metric_data.queries_of(queries)
    if sum(query.wanted for query in checked) != 1:
        raise ValidationError("Exactly one element of the metrics list should return data.")
    (watched,) = (query for query in checked if query.wanted)
    return watched.period_s or min((query.period_s for query in checked if query.period_s), default=60)


def _check_span(period_s: int, periods: int) -> None:
    limit_s = SPAN_MAX_S if period_s >= 3600 else 86_400
    if period_s * periods > limit_s:
        raise ValidationError(
            f"Metrics cannot be checked across more than {'a week' if period_s >= 3600 else 'a day'} "
            "(EvaluationPeriods * Period must be <= "
            f"{limit_s})."
        )


def _all_actions(alarm: Alarm) -> Iterator[str]:
    for arns in alarm.actions.values():
        yield from arns


def _history_state(alarm: Alarm) -> dict[str, Any]:
    state: dict[str, Any] = {"stateValue": alarm.state, "stateReason": alarm.reason}
    return state | ({"stateReasonData": json.loads(alarm.reason_data)} if alarm.reason_data else {})


def _reason_data(ctx: Context, alarm: Alarm, verdict: alarm_state.Verdict) -> str:
    values = verdict.values
    data: dict[str, Any] = {
        "version": "1.0",
        "queryDate": iso_offset(ctx.now_ms),
        "unit": alarm.unit,
        "statistic": alarm.statistic or None,
        "period": alarm.period_s,
        "recentDatapoints": [value for _, value in values],
        "threshold": alarm.threshold,
        "evaluatedDatapoints": [{"timestamp": iso_offset(at_ms), "value": value} for at_ms, value in values],
    }
    if values:
        data["startDate"] = iso_offset(values[-1][0])
    return json.dumps({name: value for name, value in data.items() if value is not None})


def _row(ctx: Context, alarm: Alarm) -> dict[str, Any]:
    row: dict[str, Any] = {
        "AlarmName": alarm.name,
        "AlarmArn": ctx.arn("cloudwatch", f"alarm:{alarm.name}"),
        "AlarmConfigurationUpdatedTimestamp": alarm.configured_ms / 1000,
        "ActionsEnabled": alarm.actions_enabled,
        **{name: alarm.actions.get(name, []) for name in LISTS.values()},
        "StateValue": alarm.state,
        "StateReason": alarm.reason,
        "StateUpdatedTimestamp": alarm.state_ms / 1000,
        "StateTransitionedTimestamp": alarm.transitioned_ms / 1000,
    }
    optional: dict[str, Any] = {
        "AlarmDescription": alarm.description,
        "StateReasonData": alarm.reason_data or None,
    }
    if alarm.rule:
        row["AlarmRule"] = alarm.rule
        if alarm.suppressor:
            row |= {
                "ActionsSuppressor": alarm.suppressor,
                "ActionsSuppressorWaitPeriod": alarm.wait_s,
                "ActionsSuppressorExtensionPeriod": alarm.extension_s,
            }
        if alarm.suppressed_by:
            row |= {
                "ActionsSuppressedBy": alarm.suppressed_by,
                "ActionsSuppressedReason": f"Actions suppressed by {alarm.suppressed_by}",
            }
        return row | {name: value for name, value in optional.items() if value is not None}
    row |= {
        "EvaluationPeriods": alarm.evaluation_periods,
        "Threshold": alarm.threshold,
        "ComparisonOperator": alarm.comparison,
    }
    optional |= {
        "DatapointsToAlarm": alarm.datapoints if alarm.datapoints_given else None,
        "TreatMissingData": alarm.missing if alarm.missing_given else None,
        "EvaluateLowSampleCountPercentile": alarm.low_samples or None,
    }
    if alarm.queries:
        optional["Metrics"] = alarm.queries
    else:
        kind = "Statistic" if alarm.statistic in SIMPLE else "ExtendedStatistic"
        row |= {
            "MetricName": alarm.metric,
            "Namespace": alarm.namespace,
            kind: alarm.statistic,
            "Dimensions": alarm.dimensions,
            "Period": alarm.period_s,
        }
        optional["Unit"] = alarm.unit
    return row | {name: value for name, value in optional.items() if value is not None}


def _relative(ctx: Context, alarm: Alarm) -> dict[str, Any]:
    """As much as is told of an alarm that is a relative of the one that is asked for."""
    row = _row(ctx, alarm)
    names = ("AlarmName", "AlarmArn", "AlarmRule", "StateValue", "StateUpdatedTimestamp", "ActionsEnabled")
    return {name: row[name] for name in names if name in row}


def _page(name: str, rows: list[Any], token: str | None, limit: int) -> dict[str, Any]:
    start = whole_number(token or "0")
    if start is None:
        raise InvalidNextToken()
    answer: dict[str, Any] = {name: rows[start : start + limit]}
    return answer | ({"NextToken": str(start + limit)} if len(rows) > start + limit else {})
