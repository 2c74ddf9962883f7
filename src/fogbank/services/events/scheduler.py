"""Runs the schedules of rules on the cloud's clock.

What came due while Fogbank was down is skipped: schedules go on from the present.
"""

from typing import TYPE_CHECKING

from fogbank.core.alarms import Alarm, Alarms
from fogbank.core.context import Context
from fogbank.core.schedule import parse_schedule
from fogbank.services.events.routing import DEFAULT_BUS, new_event, timestamp

if TYPE_CHECKING:
    from fogbank.services.events.base import EventsBase

Key = tuple[str, str, str]


class Scheduler:
    """Alarms for the enabled scheduled rules; an alarm's note is the expression that it was set for."""

    def __init__(self, service: "EventsBase") -> None:
        self._service = service
        self._cloud = service.cloud
        self._alarms = Alarms(self._cloud, "events.schedules", key=(str, str, str), ring=self._ring)
        self._started_ms = 0

    def set(self, ctx: Context, rule: str, expression: str) -> None:
        """Keep, change or (without an expression) end the schedule of a rule, in the current transaction."""
        key = (ctx.account, ctx.region, rule)
        known = self._alarms.get(key)
        if known is not None and known.note == expression:
            return
        if not expression:
            self.forget(ctx, rule)
        else:
            self._plan(key, expression, ctx.now_ms)

    def forget(self, ctx: Context, rule: str) -> None:
        self._alarms.cancel((ctx.account, ctx.region, rule))

    def resume(self) -> None:
        self._started_ms = self._cloud.clock.now_ms()
        self._alarms.resume()

    def _plan(self, key: Key, expression: str, after_ms: int) -> None:
        following = parse_schedule(expression)
        next_ms = following(after_ms) if following is not None else None
        if next_ms is None:
            self._alarms.cancel(key)
        else:
            self._alarms.set(key, next_ms, note=expression)

    def _ring(self, key: Key, alarm: Alarm) -> None:
        if alarm.at_ms < self._started_ms:
            self._plan(key, alarm.note, self._started_ms)
            return
        self._plan(key, alarm.note, alarm.at_ms)
        account, region, name = key
        ctx = self._cloud.context(account=account, region=region)
        rule = self._service.router.compiled_rule(ctx, DEFAULT_BUS, name)
        if rule is not None:
            event = new_event(ctx, "aws.events", "Scheduled Event", {}, [rule.arn], timestamp(alarm.at_ms))
            self._service.router.send(ctx, DEFAULT_BUS, rule, event)
