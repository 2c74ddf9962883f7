"""Composite alarms: alarms on the states of other alarms, followed as these change.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Composite_Alarm.html
"""

import json
from datetime import UTC, datetime

from fogbank.core.context import Context
from fogbank.core.moments import iso_offset
from fogbank.core.service import Answer
from fogbank.services.cloudwatch.alarm_actions import check_actions
from fogbank.services.cloudwatch.alarm_rule import parse_rule
from fogbank.services.cloudwatch.alarms import Alarms
from fogbank.services.cloudwatch.errors import ValidationError
from fogbank.services.cloudwatch.records import Alarm


class CompositeAlarms(Alarms):
    """PutCompositeAlarm, and how composite alarms follow the alarms that they name."""

    def put_composite_alarm(
        self,
        ctx: Context,
        *,
        AlarmName: str,
        AlarmRule: str,
        AlarmDescription: str | None = None,
        ActionsEnabled: bool = True,
        OKActions: list[str] | None = None,
        AlarmActions: list[str] | None = None,
        InsufficientDataActions: list[str] | None = None,
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        actions = {
            "OKActions": OKActions or [],
            "AlarmActions": AlarmActions or [],
            "InsufficientDataActions": InsufficientDataActions or [],
        }
        for kind, arns in actions.items():
            check_actions(arns, kind)
        self._check_children(ctx, AlarmName, AlarmRule)
        known = self._tables.alarms.get((ctx.account, ctx.region, AlarmName))
        if known is not None and not known.rule:
            raise ValidationError(f"A metric alarm with the name {AlarmName} exists already.")
        alarm = known or Alarm(AlarmName, "", 0, 1, 1, 60, ctx.now_ms, ctx.now_ms, ctx.now_ms)
        alarm.rule, alarm.description = AlarmRule, AlarmDescription
        alarm.actions, alarm.actions_enabled, alarm.configured_ms = actions, ActionsEnabled, ctx.now_ms
        if known is None:
            alarm.tags = {tag["Key"]: tag["Value"] for tag in Tags or ()}
        self._tables.alarms.put((ctx.account, ctx.region, AlarmName), alarm)
        change = "updated" if known is not None else "created"
        self._note(ctx, alarm, "ConfigurationUpdate", f'Alarm "{AlarmName}" {change}', {"type": change.title()})
        state = self._state_by_rule(ctx, alarm)
        if state != alarm.state:
            arn = ctx.arn("cloudwatch", f"alarm:{AlarmName}")
            self._set_state(ctx, alarm, state, f"{arn} was {change} and its alarm rule evaluates to {state}", "")
        return None

    def _followed(self, ctx: Context, alarm: Alarm) -> None:
        """Let the composite alarms that name the alarm follow its new state."""
        arn = ctx.arn("cloudwatch", f"alarm:{alarm.name}")
        for _, parent in list(self._tables.alarms.scan((ctx.account, ctx.region))):
            if not parent.rule or not {alarm.name, arn} & set(parse_rule(parent.rule).children):
                continue
            state = self._state_by_rule(ctx, parent)
            if state != parent.state:
                moment = datetime.fromtimestamp(ctx.now_ms / 1000, UTC).strftime("%A %d %B, %Y %H:%M:%S UTC")
                child = {"arn": arn, "state": {"value": alarm.state, "timestamp": iso_offset(alarm.state_ms)}}
                reason = f"{arn} transitioned to {alarm.state} at {moment}"
                self._set_state(ctx, parent, state, reason, json.dumps({"triggeringAlarms": [child]}))

    def _state_by_rule(self, ctx: Context, alarm: Alarm) -> str:
        def state_of(child: str) -> str:
            found = self._tables.alarms.get((ctx.account, ctx.region, _name(child)))
            return found.state if found is not None else "INSUFFICIENT_DATA"

        return "ALARM" if parse_rule(alarm.rule).test(state_of) else "OK"

    def _check_children(self, ctx: Context, name: str, rule: str) -> None:
        """The alarms that a rule names must be there, and none may follow the alarm in its turn."""
        missing = []
        for child in parse_rule(rule).children:
            if _name(child) == name:
                raise ValidationError(f"The alarm rule of {name} must not contain the alarm itself, directly or not.")
            found = self._tables.alarms.get((ctx.account, ctx.region, _name(child)))
            if found is None:
                missing.append(child)
            elif found.rule:
                self._check_children(ctx, name, found.rule)
        if missing:
            raise ValidationError(
                f"Could not save the composite alarm as alarms [{', '.join(missing)}] in the alarm rule do not exist"
            )


def _name(child: str) -> str:
    """The alarm's name, which a rule may give as an ARN."""
    return child.partition(":alarm:")[2] if child.startswith("arn:") else child
