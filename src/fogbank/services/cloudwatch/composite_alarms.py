"""Composite alarms: alarms on the states of other alarms, followed as these change.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Composite_Alarm.html
"""

import json
from datetime import UTC, datetime

from fogbank.core.context import Context
from fogbank.core.moments import iso_offset
from fogbank.core.service import Answer
from fogbank.services.cloudwatch.action_suppression import ActionSuppression, name_of
from fogbank.services.cloudwatch.alarm_actions import check_actions
from fogbank.services.cloudwatch.alarm_rule import parse_rule
from fogbank.services.cloudwatch.errors import ValidationError
from fogbank.services.cloudwatch.records import Alarm


class CompositeAlarms(ActionSuppression):
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
        ActionsSuppressor: str | None = None,
        ActionsSuppressorWaitPeriod: int | None = None,
        ActionsSuppressorExtensionPeriod: int | None = None,
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        actions = {
            "OKActions": OKActions or [],
            "AlarmActions": AlarmActions or [],
            "InsufficientDataActions": InsufficientDataActions or [],
        }
        for kind, arns in actions.items():
            check_actions(arns, kind, composite=True)
        self._check_children(ctx, AlarmName, AlarmRule)
        known = self._tables.alarms.get((ctx.account, ctx.region, AlarmName))
        if known is not None and not known.rule:
            raise ValidationError(f"A metric alarm with the name {AlarmName} exists already.")
        alarm = known or Alarm(AlarmName, "", 0, 1, 1, 60, ctx.now_ms, ctx.now_ms, ctx.now_ms)
        periods = ActionsSuppressorWaitPeriod, ActionsSuppressorExtensionPeriod
        self._set_suppressor(ctx, alarm, ActionsSuppressor, *periods)
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

    def _followed(self, ctx: Context, alarm: Alarm, before: Alarm) -> None:
        """Let the composite alarms that name the alarm follow its new state; first those that it suppresses."""
        arn = ctx.arn("cloudwatch", f"alarm:{alarm.name}")
        for _, other in list(self._tables.alarms.scan((ctx.account, ctx.region))):
            if other.suppressor and name_of(other.suppressor) == alarm.name:
                self._suppressor_changed(ctx, other, alarm, before)
        for _, parent in list(self._tables.alarms.scan((ctx.account, ctx.region))):
            if not parent.rule or not _names(parent, alarm.name):
                continue
            state = self._state_by_rule(ctx, parent)
            if state != parent.state:
                moment = datetime.fromtimestamp(ctx.now_ms / 1000, UTC).strftime("%A %d %B, %Y %H:%M:%S UTC")
                child = {"arn": arn, "state": {"value": alarm.state, "timestamp": iso_offset(alarm.state_ms)}}
                reason = f"{arn} transitioned to {alarm.state} at {moment}"
                self._set_state(ctx, parent, state, reason, json.dumps({"triggeringAlarms": [child]}))

    def _state_by_rule(self, ctx: Context, alarm: Alarm) -> str:
        def state_of(child: str) -> str:
            found = self._tables.alarms.get((ctx.account, ctx.region, name_of(child)))
            return found.state if found is not None else "INSUFFICIENT_DATA"

        return "ALARM" if parse_rule(alarm.rule).test(state_of) else "OK"

    def _check_children(self, ctx: Context, name: str, rule: str) -> None:
        """The alarms that a rule names must be there, and none may follow the alarm in its turn."""
        missing = []
        for child in parse_rule(rule).children:
            if name_of(child) == name:
                raise ValidationError(f"The alarm rule of {name} must not contain the alarm itself, directly or not.")
            found = self._tables.alarms.get((ctx.account, ctx.region, name_of(child)))
            if found is None:
                missing.append(child)
            elif found.rule:
                self._check_children(ctx, name, found.rule)
        if missing:
            raise ValidationError(
                f"Could not save the composite alarm as alarms [{', '.join(missing)}] in the alarm rule do not exist"
            )

    def _related(self, ctx: Context, parent: str | None, child: str | None) -> list[Alarm]:
        alarms = [alarm for _, alarm in self._tables.alarms.scan((ctx.account, ctx.region))]
        if parent is None:
            return [alarm for alarm in alarms if alarm.rule and child is not None and _names(alarm, child)]
        found = self._tables.alarms.get((ctx.account, ctx.region, parent))
        return [alarm for alarm in alarms if found is not None and found.rule and _names(found, alarm.name)]


def _names(composite: Alarm, name: str) -> bool:
    """Whether the composite alarm's rule has that alarm."""
    return name in (name_of(child) for child in parse_rule(composite.rule).children)
