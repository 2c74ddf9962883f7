"""Runs the schedules of rules on the cloud's clock.

The next due time of every enabled scheduled rule is stored; a timer waits for it. What came due while
Fogbank was down is skipped: schedules go on from the present.
"""

from typing import TYPE_CHECKING

from fogbank.core.clock import Timer
from fogbank.core.context import Context
from fogbank.services.events.records import Schedule
from fogbank.services.events.routing import DEFAULT_BUS, new_event, timestamp
from fogbank.services.events.schedule import parse_schedule

if TYPE_CHECKING:
    from fogbank.services.events.base import EventsBase

Key = tuple[str, str, str]


class Scheduler:
    def __init__(self, service: "EventsBase") -> None:
        self._service = service
        self._cloud = service.cloud
        self._schedules = self._cloud.store.table("events.schedules", key=(str, str, str), value=Schedule)
        self._timers: dict[Key, Timer] = {}

    def set(self, ctx: Context, rule: str, expression: str) -> None:
        """Keep, change or (without an expression) end the schedule of a rule, in the current transaction."""
        key = (ctx.account, ctx.region, rule)
        known = self._schedules.get(key)
        if known is not None and known.expression == expression:
            return
        if not expression:
            self.forget(ctx, rule)
        else:
            self._plan(key, expression, ctx.now_ms)

    def forget(self, ctx: Context, rule: str) -> None:
        key = (ctx.account, ctx.region, rule)
        if self._schedules.delete(key):
            self._cloud.store.after_commit(lambda: self._disarm(key))

    def resume(self) -> None:
        """Arm every stored schedule, from the present on."""
        now_ms = self._cloud.clock.now_ms()
        for key, schedule in list(self._schedules.scan()):
            if schedule.next_ms < now_ms:
                self._plan(key, schedule.expression, now_ms)
            else:
                self._arm(key, schedule.next_ms)

    def _plan(self, key: Key, expression: str, after_ms: int) -> None:
        following = parse_schedule(expression)
        next_ms = following(after_ms) if following is not None else None
        if next_ms is None:
            self._schedules.delete(key)
            return
        self._schedules.put(key, Schedule(next_ms, expression))
        self._cloud.store.after_commit(lambda: self._arm(key, next_ms))

    def _arm(self, key: Key, next_ms: int) -> None:
        self._disarm(key)
        self._timers[key] = self._cloud.clock.call_at(next_ms, lambda: self._due(key, next_ms))

    def _disarm(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    def _due(self, key: Key, due_ms: int) -> None:
        with self._cloud.store.transaction():
            schedule = self._schedules.get(key)
            if schedule is None or schedule.next_ms != due_ms:
                return
            self._plan(key, schedule.expression, due_ms)
            account, region, name = key
            ctx = self._cloud.context(account=account, region=region)
            rule = self._service.router.compiled_rule(ctx, DEFAULT_BUS, name)
            if rule is not None:
                event = new_event(ctx, "aws.events", "Scheduled Event", {}, [rule.arn], timestamp(due_ms))
                self._service.router.send(ctx, DEFAULT_BUS, rule, event)
