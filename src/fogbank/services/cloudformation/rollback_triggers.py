"""Rollback triggers: alarms that roll a creation or an update back when they go off, also while it is monitored after.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-rollback-triggers.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.services.cloudformation.errors import ValidationError
from fogbank.services.cloudformation.walk import Halt

INTERVAL_S = 10
TYPES = {"AWS::CloudWatch::Alarm": "MetricAlarm", "AWS::CloudWatch::CompositeAlarm": "CompositeAlarm"}
TRIGGERS_MAX = 5  # RollbackConfiguration: "Maximum number of 5 items"
MONITORING_MINUTES_MAX = 180  # RollbackConfiguration: "Maximum value of 180"


def check(configuration: dict[str, Any]) -> None:
    """Refuse a RollbackConfiguration that cannot be kept."""
    triggers = configuration.get("RollbackTriggers") or []
    if len(triggers) > TRIGGERS_MAX:
        raise ValidationError(f"At most {TRIGGERS_MAX} rollback triggers can be specified")
    for trigger in triggers:
        if trigger["Type"] not in TYPES:
            raise ValidationError("Rollback Trigger Type not supported")
        if trigger["Arn"].split(":")[5:6] != ["alarm"]:
            raise ValidationError("RelativeId of a Rollback Trigger's ARN is incorrect")
    if not 0 <= int(configuration.get("MonitoringTimeInMinutes", 0)) <= MONITORING_MINUTES_MAX:
        raise ValidationError(f"MonitoringTimeInMinutes must be from 0 to {MONITORING_MINUTES_MAX}")


async def watch(ctx: Context, configuration: dict[str, Any], halt: Halt) -> None:
    """Ask for the halt as soon as a trigger goes off or is not there; returns then."""
    while not halt.asked:
        await look(ctx, configuration, halt)
        await ctx.cloud.clock.sleep(INTERVAL_S)


async def look(ctx: Context, configuration: dict[str, Any], halt: Halt) -> None:
    # AWS's own wording of these reasons is not recorded anywhere we know.
    for trigger in configuration.get("RollbackTriggers") or ():
        _, _, _, region, account, _, name = trigger["Arn"].split(":", 6)
        there = ctx.at(account=account, region=region)
        kind = TYPES[trigger["Type"]]
        answer = await there.call(there.cloud.cloudwatch.describe_alarms, AlarmNames=[name], AlarmTypes=[kind])
        states = [alarm["StateValue"] for alarm in answer[f"{kind}s"]]
        if not states:
            halt.ask(f"The rollback trigger {trigger['Arn']} does not exist")
        elif states == ["ALARM"]:
            halt.ask(f"The rollback trigger {trigger['Arn']} went to the state ALARM")
