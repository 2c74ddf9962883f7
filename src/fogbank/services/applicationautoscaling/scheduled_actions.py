"""Scheduled actions: limits of a scalable target that change at a time.

https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scheduled-scaling.html
"""

from typing import Any

from fogbank.core.alarms import Alarm, Alarms
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.ids import new_id
from fogbank.core.schedule import due_after, is_schedule, zone_of
from fogbank.core.service import Answer
from fogbank.services.applicationautoscaling.adjusting import Adjusting
from fogbank.services.applicationautoscaling.base import PAGE_MAX, check_filter, described, wanted_by
from fogbank.services.applicationautoscaling.errors import Invalid, ObjectNotFound
from fogbank.services.applicationautoscaling.records import Occasion, Place, ScheduledAction

ActionKey = tuple[str, str, str, str, str, str]


class ScheduledActions(Adjusting):
    """The operations on scheduled actions of `ApplicationAutoScalingService`, and what they do."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        key = (str, str, str, str, str, str)
        self._due = Alarms(cloud, "applicationautoscaling.due", key=key, ring=self._ring)

    async def start(self) -> None:
        await self.cloud.store.run(self._due.resume)

    def put_scheduled_action(
        self,
        ctx: Context,
        *,
        ServiceNamespace: str,
        ScheduledActionName: str,
        ResourceId: str,
        ScalableDimension: str,
        Schedule: str | None = None,
        Timezone: str | None = None,
        StartTime: float | None = None,
        EndTime: float | None = None,
        ScalableTargetAction: dict[str, int] | None = None,
    ) -> Answer:
        place = self._place(ctx, ServiceNamespace, ResourceId, ScalableDimension)
        self._dimension(ServiceNamespace, ScalableDimension)
        self._target(place)
        key = (*place, ScheduledActionName)
        action = self._tables.actions.get(key) or ScheduledAction(
            arn=ctx.arn(
                "autoscaling",
                f"scheduledAction:{new_id()}:resource/{ServiceNamespace}/{ResourceId}"
                f":scheduledActionName/{ScheduledActionName}",
            ),
            schedule="",
            timezone="",
            created_ms=ctx.now_ms,
        )
        action.schedule = Schedule or action.schedule
        action.timezone = Timezone or action.timezone
        action.start_ms = int(StartTime * 1000) if StartTime is not None else action.start_ms
        action.end_ms = int(EndTime * 1000) if EndTime is not None else action.end_ms
        if ScalableTargetAction is not None:
            action.minimum = ScalableTargetAction.get("MinCapacity")
            action.maximum = ScalableTargetAction.get("MaxCapacity")
        _check(action)
        self._tables.actions.put(key, action)
        self._plan(key, action, ctx.now_ms)
        return {}

    def delete_scheduled_action(
        self, ctx: Context, *, ServiceNamespace: str, ScheduledActionName: str, ResourceId: str, ScalableDimension: str
    ) -> Answer:
        place = self._place(ctx, ServiceNamespace, ResourceId, ScalableDimension)
        key = (*place, ScheduledActionName)
        if not self._tables.actions.delete(key):
            raise ObjectNotFound(f"No scheduled action found for {described(place)}: {ScheduledActionName}")
        self._due.cancel(key)
        return {}

    def describe_scheduled_actions(
        self,
        ctx: Context,
        *,
        ServiceNamespace: str,
        ScheduledActionNames: list[str] | None = None,
        ResourceId: str | None = None,
        ScalableDimension: str | None = None,
        MaxResults: int = PAGE_MAX,
        NextToken: str | None = None,
    ) -> Answer:
        check_filter(ResourceId, ScalableDimension)
        rows, token = self._page(
            ctx,
            self._tables.actions,
            ServiceNamespace,
            NextToken,
            MaxResults,
            wanted=wanted_by(ResourceId, ScalableDimension, ScheduledActionNames),
        )
        return {"ScheduledActions": [_answer((*key,), action) for key, action in rows], **token}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _plan(self, key: ActionKey, action: ScheduledAction, after_ms: int) -> None:
        zone = zone_of(action.timezone or "UTC")
        assert zone is not None, "the time zone has been checked"
        due_ms = due_after(
            action.schedule,
            zone,
            after_ms,
            made_ms=action.created_ms,
            start_ms=action.start_ms,
            end_ms=action.end_ms,
        )
        if due_ms is None:
            self._due.cancel(key)
        else:
            self._due.set(key, due_ms)

    def _ring(self, key: ActionKey, alarm: Alarm) -> None:
        place, action = key[:5], self._tables.actions.get(key)
        target = self._tables.targets.get(place)
        if action is None or target is None:
            return
        ctx = self.cloud.context(account=key[0], region=key[1])
        self._plan(key, action, max(alarm.at_ms, ctx.now_ms))
        if target.suspended.get("ScheduledScalingSuspended"):
            return
        target.minimum = target.minimum if action.minimum is None else action.minimum
        target.maximum = target.maximum if action.maximum is None else action.maximum
        # One limit may pass the other; the one that the action gives is the one that counts.
        if target.minimum > target.maximum:
            target.minimum, target.maximum = (
                (target.maximum, target.maximum) if action.minimum is None else (target.minimum, target.minimum)
            )
        self._tables.targets.put(place, target)
        try:
            self._respond(ctx, Occasion(place))
        except AwsError:  # The resource is gone: there is nothing to scale, and the next time may find it again.
            return

    def _drop_actions(self, place: Place) -> None:
        for key, _ in list(self._tables.actions.scan(place)):
            self._due.cancel(key)
            self._tables.actions.delete(key)


def _check(action: ScheduledAction) -> None:
    """AWS's sentences are not published."""
    zone = zone_of(action.timezone or "UTC")
    if zone is None:
        raise Invalid(f"Invalid timezone: {action.timezone}")
    if not is_schedule(action.schedule, zone):
        raise Invalid(f"Schedule expression is invalid: {action.schedule}")
    if action.minimum is None and action.maximum is None:
        raise Invalid("ScalableTargetAction must specify MinCapacity, MaxCapacity, or both.")
    if action.minimum is not None and action.maximum is not None and action.minimum > action.maximum:
        raise Invalid("Maximum capacity cannot be less than minimum capacity")
    if action.start_ms and action.end_ms and action.start_ms >= action.end_ms:
        raise Invalid("StartTime must be earlier than EndTime.")


def _answer(key: Any, action: ScheduledAction) -> dict[str, Any]:
    limits = {"MinCapacity": action.minimum, "MaxCapacity": action.maximum}
    optional = {
        "Timezone": action.timezone,
        "StartTime": action.start_ms / 1000,
        "EndTime": action.end_ms / 1000,
    }
    return {
        "ScheduledActionName": key[5],
        "ScheduledActionARN": action.arn,
        "ServiceNamespace": key[2],
        "Schedule": action.schedule,
        "ResourceId": key[3],
        "ScalableDimension": key[4],
        "ScalableTargetAction": {name: value for name, value in limits.items() if value is not None},
        "CreationTime": action.created_ms / 1000,
    } | {name: value for name, value in optional.items() if value}
