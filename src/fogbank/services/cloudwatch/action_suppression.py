"""Suppressed actions: a composite alarm does not act while another alarm, its suppressor, is in ALARM.

An alarm that goes off waits for its suppressor (WaitPeriod), which may be slower; when the suppressor leaves ALARM, the
alarm is given time to follow (ExtensionPeriod). Once nothing suppresses it any more, it acts on its state if that is
another than the one it last acted on.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-suppression.html
"""

import msgspec

from fogbank.core.alarms import Alarm as Timer
from fogbank.core.alarms import Alarms as Timers
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services.cloudwatch.alarms import Alarms
from fogbank.services.cloudwatch.errors import ValidationError
from fogbank.services.cloudwatch.records import Alarm

WAIT, EXTENSION, BY_ALARM = "WaitPeriod", "ExtensionPeriod", "Alarm"

AlarmKey = tuple[str, str, str]


class ActionSuppression(Alarms):
    """Acting, unless it is suppressed."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._waits = Timers(cloud, "cloudwatch.suppressions", key=(str, str, str), ring=self._waited)

    def _act(self, ctx: Context, alarm: Alarm, before: Alarm, values: list[float]) -> None:
        if not alarm.suppressor:
            super()._act(ctx, alarm, before, values)
            return
        key = (ctx.account, ctx.region, alarm.name)
        if not alarm.suppressed_by and alarm.state == "ALARM" and alarm.wait_s and alarm.acted != "ALARM":
            self._suppress(ctx, alarm, WAIT, alarm.wait_s)
        elif not alarm.suppressed_by:
            self._release(ctx, alarm)
        elif alarm.suppressed_by == WAIT and alarm.state == alarm.acted:
            self._waits.cancel(key)
            self._release(ctx, alarm)

    def _set_suppressor(
        self, ctx: Context, alarm: Alarm, suppressor: str | None, wait_s: int | None, extension_s: int | None
    ) -> None:
        """As PutCompositeAlarm says; AWS's sentences are not published."""
        if suppressor is None:
            if wait_s is not None or extension_s is not None:
                raise ValidationError("The periods of an ActionsSuppressor cannot be given without one.")
        elif wait_s is None or extension_s is None:
            raise ValidationError(
                "ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod are required with ActionsSuppressor."
            )
        elif min(wait_s, extension_s) < 0:
            raise ValidationError("The periods of an ActionsSuppressor must not be negative.")
        elif name_of(suppressor) == alarm.name or self._state(ctx, suppressor) is None:
            raise ValidationError(f"Could not save the composite alarm as its suppressor [{suppressor}] does not exist")
        if not alarm.suppressor:
            alarm.acted = alarm.state
        changed = alarm.suppressor != (suppressor or "")
        alarm.suppressor, alarm.wait_s, alarm.extension_s = suppressor or "", wait_s or 0, extension_s or 0
        if changed:
            self._waits.cancel((ctx.account, ctx.region, alarm.name))
            alarm.suppressed_by = BY_ALARM if suppressor and self._state(ctx, suppressor) == "ALARM" else ""

    def _suppressor_changed(self, ctx: Context, alarm: Alarm, suppressor: Alarm, before: Alarm) -> None:
        """The alarm's suppressor has gone into ALARM or has left it."""
        if suppressor.state == "ALARM":
            self._waits.cancel((ctx.account, ctx.region, alarm.name))
            self._suppress(ctx, alarm, BY_ALARM, 0)
        elif before.state == "ALARM":
            if alarm.extension_s:
                self._suppress(ctx, alarm, EXTENSION, alarm.extension_s)
            else:
                self._release(ctx, alarm)

    def _suppress(self, ctx: Context, alarm: Alarm, by: str, for_s: int) -> None:
        key = (ctx.account, ctx.region, alarm.name)
        alarm.suppressed_by = by
        self._tables.alarms.put(key, alarm)
        if for_s:
            self._waits.set(key, ctx.now_ms + for_s * 1000)

    def _release(self, ctx: Context, alarm: Alarm) -> None:
        """Nothing suppresses the alarm any more: let it act on what has become of it."""
        before = msgspec.structs.replace(alarm, state=alarm.acted)
        alarm.suppressed_by, alarm.acted = "", alarm.state
        self._tables.alarms.put((ctx.account, ctx.region, alarm.name), alarm)
        if alarm.state != before.state:
            super()._act(ctx, alarm, before, [])

    def _waited(self, key: AlarmKey, _: Timer) -> None:
        alarm = self._tables.alarms.get(key)
        if alarm is not None and alarm.suppressor:
            self._release(self.cloud.context(account=key[0], region=key[1]), alarm)

    def _state(self, ctx: Context, named: str) -> str | None:
        """The state of an alarm; None if it is not there."""
        found = self._tables.alarms.get((ctx.account, ctx.region, name_of(named)))
        return found.state if found is not None else None


def name_of(alarm: str) -> str:
    """The alarm's name, which may be given as an ARN."""
    return alarm.partition(":alarm:")[2] if alarm.startswith("arn:") else alarm
