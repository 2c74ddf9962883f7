"""What an alarm does when its state changes: it tells topics, functions and scaling policies.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions.html
"""

import json
from typing import Any

from fogbank.core.arn import Arn, parse_arn
from fogbank.core.context import Context
from fogbank.core.delegation import in_name_of, permit_sending
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.ids import new_id
from fogbank.core.moments import iso_offset
from fogbank.services.cloudwatch.errors import ValidationError
from fogbank.services.cloudwatch.records import Alarm

LISTS = {"OK": "OKActions", "ALARM": "AlarmActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
ACTIONS_MAX = 5  # for each state
# As AWS's messages name them; https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
_PRINCIPAL = "cloudwatch.amazonaws.com"
_TO_FUNCTIONS = "lambda.alarms.cloudwatch.amazonaws.com"
_REGION_NAMES = {
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "ap-northeast-2": "Asia Pacific (Seoul)",
    "ap-south-1": "Asia Pacific (Mumbai)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "ca-central-1": "Canada (Central)",
    "eu-central-1": "EU (Frankfurt)",
    "eu-north-1": "EU (Stockholm)",
    "eu-west-1": "EU (Ireland)",
    "eu-west-2": "EU (London)",
    "eu-west-3": "EU (Paris)",
    "sa-east-1": "South America (Sao Paulo)",
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
}


def check_actions(arns: list[str], name: str, *, composite: bool = False) -> None:
    """Refuse what is no ARN, and targets that Fogbank's alarms cannot tell. Composite alarms do not scale."""
    if len(arns) > ACTIONS_MAX:
        raise ValidationError(f"The collection {name} must not have a size greater than {ACTIONS_MAX}.")
    for text in arns:
        arn = parse_arn(text)
        if arn is None:
            raise ValidationError(f"Invalid arn syntax: {text}")
        if composite and arn.service == "autoscaling":
            raise ValidationError(f"Composite alarms cannot have Auto Scaling actions: {text}")  # not published
        if arn.service not in ("sns", "lambda") and not _scales(arn):
            raise NotImplementedInFogbank(f"Fogbank's alarms have no actions of service {arn.service}: {text}")


def _scales(arn: Arn) -> bool:
    """Whether it is a policy of Application Auto Scaling; those of EC2's name a group in place of the resource."""
    return arn.service == "autoscaling" and arn.resource.startswith("scalingPolicy:") and ":resource/" in arn.resource


def repeat(ctx: Context, alarm: Alarm, values: list[float]) -> None:
    """Scaling policies are told each minute for as long as the alarm stays in its state; all others once."""
    for text in alarm.actions.get(LISTS[alarm.state], ()) if alarm.actions_enabled else ():
        arn = parse_arn(text)
        if arn is not None and _scales(arn):
            _run(ctx, text, alarm, alarm, values)


def act(ctx: Context, alarm: Alarm, before: Alarm, values: list[float]) -> list[tuple[str, bool]]:
    """Run the actions of the alarm's new state in the current transaction; each with whether it could be.

    `values` are those that the state was decided from, none if somebody set it.
    """
    if not alarm.actions_enabled:
        return []
    return [(arn, _run(ctx, arn, alarm, before, values)) for arn in alarm.actions.get(LISTS[alarm.state], ())]


def announce(ctx: Context, alarm: Alarm, before: Alarm) -> None:
    """Tell the default event bus of a change of state, in the current transaction."""
    if "events" not in ctx.cloud.running_services():
        return  # Nobody has ever made a rule, and the service need not be there for this.
    ctx.cloud.events.put_service_event(
        ctx,
        source="aws.cloudwatch",
        detail_type="CloudWatch Alarm State Change",
        detail=_change(alarm, before),
        resources=[ctx.arn("cloudwatch", f"alarm:{alarm.name}")],
        time_ms=alarm.state_ms,
    )


def _run(ctx: Context, text: str, alarm: Alarm, before: Alarm, values: list[float]) -> bool:
    arn = parse_arn(text)
    assert arn is not None, "checked when the alarm was put"
    there = ctx.at(account=arn.account, region=arn.region)
    try:
        if arn.service == "sns":
            region = _REGION_NAMES.get(ctx.region, ctx.region)
            subject = f'{alarm.state}: "{alarm.name}" in {region}'
            message = json.dumps(_message(ctx, alarm, before, region))
            own = in_name_of(there, _PRINCIPAL, ctx.arn("cloudwatch", f"alarm:{alarm.name}"))
            permit_sending(own, text)
            ctx.cloud.sns.publish(own, TopicArn=text, Subject=subject[:100], Message=message)
        elif _scales(arn):
            with ctx.cloud.store.transaction():
                ctx.cloud.applicationautoscaling.alarm_rang(
                    there,
                    policy_arn=text,
                    alarm_name=alarm.name,
                    state=alarm.state,
                    values=values,
                    threshold=alarm.threshold,
                )
        else:
            permit_sending(in_name_of(there, _TO_FUNCTIONS, ctx.arn("cloudwatch", f"alarm:{alarm.name}")), text)
            payload = json.dumps(_event(ctx, alarm, before)).encode()
            ctx.cloud.lambda_.invoke_async_in_transaction(there, text, payload)
    except AwsError:
        return False
    return True


def _message(ctx: Context, alarm: Alarm, before: Alarm, region: str) -> dict[str, Any]:
    """What a topic gets."""
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": ctx.account,
        "AlarmConfigurationUpdatedTimestamp": iso_offset(alarm.configured_ms),
        "NewStateValue": alarm.state,
        "NewStateReason": alarm.reason,
        "StateChangeTime": iso_offset(alarm.state_ms),
        "Region": region,
        "AlarmArn": ctx.arn("cloudwatch", f"alarm:{alarm.name}"),
        "OldStateValue": before.state,
        "OKActions": alarm.actions.get("OKActions", []),
        "AlarmActions": alarm.actions.get("AlarmActions", []),
        "InsufficientDataActions": alarm.actions.get("InsufficientDataActions", []),
        **(_composite(alarm) if alarm.rule else {"Trigger": _trigger(alarm)}),
    }


def _composite(alarm: Alarm) -> dict[str, Any]:
    """The rule, and the alarms whose change it followed (none if somebody set the state)."""
    data = json.loads(alarm.reason_data) if alarm.reason_data else {}
    children = data.get("triggeringAlarms", ()) if isinstance(data, dict) else ()
    return {
        "AlarmRule": alarm.rule,
        "TriggeringChildren": [
            {"Arn": child["arn"], "State": {"Value": child["state"]["value"], "Timestamp": child["state"]["timestamp"]}}
            for child in children
        ],
    }


def _trigger(alarm: Alarm) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "Period": alarm.period_s,
        "EvaluationPeriods": alarm.evaluation_periods,
        "ComparisonOperator": alarm.comparison,
        "Threshold": alarm.threshold,
        "TreatMissingData": alarm.missing,
        "EvaluateLowSampleCountPercentile": alarm.low_samples,
    }
    if alarm.datapoints_given:
        rule["DatapointsToAlarm"] = alarm.datapoints
    if alarm.queries:
        return rule | {"Metrics": alarm.queries}
    simple = alarm.statistic in _STATISTIC_NAMES
    statistic = (
        {"StatisticType": "Statistic", "Statistic": _STATISTIC_NAMES[alarm.statistic]}
        if simple
        else {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": alarm.statistic}
    )
    dimensions = [{"value": one["Value"], "name": one["Name"]} for one in alarm.dimensions]
    metric = {"MetricName": alarm.metric, "Namespace": alarm.namespace, "Unit": alarm.unit, "Dimensions": dimensions}
    return metric | statistic | rule


_STATISTIC_NAMES = {
    "SampleCount": "SAMPLE_COUNT",
    "Average": "AVERAGE",
    "Sum": "SUM",
    "Minimum": "MINIMUM",
    "Maximum": "MAXIMUM",
}


def _event(ctx: Context, alarm: Alarm, before: Alarm) -> dict[str, Any]:
    """What a function gets."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": ctx.arn("cloudwatch", f"alarm:{alarm.name}"),
        "accountId": ctx.account,
        "time": iso_offset(alarm.state_ms),
        "region": ctx.region,
        "alarmData": _change(alarm, before),
    }


def _change(alarm: Alarm, before: Alarm) -> dict[str, Any]:
    """What is told of a change of state, to functions and to event buses."""
    configuration: dict[str, Any] = {"description": alarm.description}
    if alarm.rule:
        configuration |= {"alarmRule": alarm.rule}
        if alarm.suppressor:
            configuration |= {
                "actionsSuppressor": alarm.suppressor,
                "actionsSuppressorWaitPeriod": alarm.wait_s,
                "actionsSuppressorExtensionPeriod": alarm.extension_s,
            }
    elif alarm.queries:
        configuration["metrics"] = [{_small(name): value for name, value in query.items()} for query in alarm.queries]
    else:
        dimensions = {one["Name"]: one["Value"] for one in alarm.dimensions}
        metric = {"namespace": alarm.namespace, "name": alarm.metric, "dimensions": dimensions}
        stat = {"metric": metric, "period": alarm.period_s, "stat": alarm.statistic}
        configuration["metrics"] = [{"id": new_id(), "metricStat": stat, "returnData": True}]
    return {
        "alarmName": alarm.name,
        "state": _state(alarm),
        "previousState": _state(before),
        "configuration": configuration,
    }


def _small(name: str) -> str:
    return name[0].lower() + name[1:]


def _state(alarm: Alarm) -> dict[str, Any]:
    state = {"value": alarm.state, "reason": alarm.reason, "timestamp": iso_offset(alarm.state_ms)}
    return state | ({"reasonData": alarm.reason_data} if alarm.reason_data else {})
