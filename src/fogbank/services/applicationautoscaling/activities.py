"""Scaling activities: what was changed, is being changed or was not, and why.

https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scaling-activities.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.ids import new_id
from fogbank.core.service import Answer
from fogbank.core.store import Key
from fogbank.services.applicationautoscaling.base import PAGE_MAX, ScalingBase, check_filter
from fogbank.services.applicationautoscaling.records import Activity, Occasion, Place

ACTIVITIES_MS = 42 * 86_400_000  # "from the previous six weeks"
_FORGOTTEN_AT_ONCE = 10


class Activities(ScalingBase):
    """DescribeScalingActivities, and how activities are written."""

    def describe_scaling_activities(
        self,
        ctx: Context,
        *,
        ServiceNamespace: str,
        ResourceId: str | None = None,
        ScalableDimension: str | None = None,
        MaxResults: int = PAGE_MAX,
        NextToken: str | None = None,
        IncludeNotScaledActivities: bool = False,
    ) -> Answer:
        check_filter(ResourceId, ScalableDimension)

        def wanted(_: Key, activity: Activity) -> bool:
            return (
                ResourceId in (None, activity.resource)
                and ScalableDimension in (None, activity.dimension)
                and activity.at_ms > ctx.now_ms - ACTIVITIES_MS
                and (IncludeNotScaledActivities or not activity.reasons)
            )

        rows, token = self._page(
            ctx, self._tables.activities, ServiceNamespace, NextToken, MaxResults, wanted=wanted, reverse=True
        )
        return {"ScalingActivities": [_answer(ServiceNamespace, row) for _, row in rows], **token}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _begin_activity(self, ctx: Context, place: Place, units: int, cause: str) -> int:
        """Write an activity that is pending; its number."""
        what = f"Setting {self._dimension(place[2], place[4]).noun} to {units}."
        return self._write(ctx, place, Activity(new_id(), what, cause, ctx.now_ms, "Pending", "", *place[3:], 0))

    def _end_activity(self, ctx: Context, place: Place, number: int, failure: str = "") -> None:
        key = (*place[:3], number)
        activity = self._tables.activities.get(key)
        if activity is None:
            return
        what = activity.description.removeprefix("Setting ")
        activity.ended_ms = ctx.now_ms
        if failure:
            activity.status, activity.message = "Failed", f"Failed to set {what} Reason: {failure}"
        else:
            activity.status = "Successful"
            activity.message = f"Successfully set {what} Change successfully fulfilled by {place[2]}."
        self._tables.activities.put(key, activity)

    def _mark_activity(self, place: Place, number: int, status: str, message: str) -> None:
        key = (*place[:3], number)
        activity = self._tables.activities.get(key)
        if activity is not None:
            activity.status, activity.message = status, message
            self._tables.activities.put(key, activity)

    def _write_unscaled(self, ctx: Context, occasion: Occasion, message: str, **reason: Any) -> None:
        """An activity that came to nothing; one with a reason is listed only where such are asked for."""
        why = "alarm triggered" if occasion.policy else "limits set"
        what, reasons = f"Attempting to scale due to {why}", [reason] if reason else []
        place = occasion.place
        unscaled = Activity(
            new_id(), what, occasion.cause, ctx.now_ms, "Failed", message, *place[3:], ctx.now_ms, reasons
        )
        self._write(ctx, place, unscaled)

    def _write(self, ctx: Context, place: Place, activity: Activity) -> int:
        kept = place[:3]
        for key, old in list(self._tables.activities.scan(kept, limit=_FORGOTTEN_AT_ONCE)):
            if old.at_ms < ctx.now_ms - ACTIVITIES_MS:
                self._tables.activities.delete(key)
        number = self.cloud.sequence.next()
        self._tables.activities.put((*kept, number), activity)
        return number


def _answer(namespace: str, activity: Activity) -> dict[str, Any]:
    ended_ms = activity.at_ms if activity.ended_ms is None else activity.ended_ms
    optional = {
        "EndTime": ended_ms / 1000,
        "StatusMessage": activity.message,
        "NotScaledReasons": activity.reasons,
    }
    return {
        "ActivityId": activity.id,
        "ServiceNamespace": namespace,
        "ResourceId": activity.resource,
        "ScalableDimension": activity.dimension,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": activity.at_ms / 1000,
        "StatusCode": activity.status,
    } | {name: value for name, value in optional.items() if value}
