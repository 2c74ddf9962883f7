"""Scalable targets and what is done to them: what all of Application Auto Scaling's operations stand on."""

from collections.abc import Callable
from typing import Any, TypeVar

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError, NotImplementedInFogbank, ValidationError
from fogbank.core.ids import new_id
from fogbank.core.pages import page_of_table
from fogbank.core.scaling import ScalableDimension
from fogbank.core.service import Answer, Service
from fogbank.core.store import Key, Table
from fogbank.services.applicationautoscaling.errors import Invalid, InvalidNextToken, ObjectNotFound
from fogbank.services.applicationautoscaling.records import Activity, Place, Tables, Target

V = TypeVar("V")

PAGE_MAX = 50
ACTIVITIES_MS = 42 * 86_400_000  # "from the previous six weeks"
_FORGOTTEN_AT_ONCE = 10


class ScalingBase(Service):
    """The targets, their dimensions, and the activities."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = Tables(cloud.store)

    def describe_scaling_activities(
        self,
        ctx: Context,
        *,
        ServiceNamespace: str,
        ResourceId: str | None = None,
        ScalableDimension: str | None = None,
        MaxResults: int = PAGE_MAX,
        NextToken: str | None = None,
    ) -> Answer:
        check_filter(ResourceId, ScalableDimension)

        def wanted(_: Key, activity: Activity) -> bool:
            return (
                ResourceId in (None, activity.resource)
                and ScalableDimension in (None, activity.dimension)
                and activity.at_ms > ctx.now_ms - ACTIVITIES_MS
            )

        rows, token = self._page(
            ctx, self._tables.activities, ServiceNamespace, NextToken, MaxResults, wanted=wanted, reverse=True
        )
        return {"ScalingActivities": [_activity_answer(ServiceNamespace, row) for _, row in rows], **token}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _page(
        self,
        ctx: Context,
        table: Table[V],
        namespace: str,
        token: str | None,
        limit: int,
        *,
        wanted: Callable[[Key, V], bool],
        reverse: bool = False,
    ) -> tuple[list[tuple[Key, V]], dict[str, Any]]:
        place = (ctx.account, ctx.region, namespace)
        try:
            return page_of_table(table, place, token, limit, wanted=wanted, reverse=reverse)
        except ValidationError:
            raise InvalidNextToken() from None

    def _place(self, ctx: Context, namespace: str, resource: str, dimension: str) -> Place:
        return (ctx.account, ctx.region, namespace, resource, dimension)

    def _dimension(self, namespace: str, name: str) -> ScalableDimension:
        """The dimension as its service answers for it."""
        if not name.startswith(f"{namespace}:"):
            raise Invalid("Unsupported service namespace, resource type or scalable dimension")
        for package in (namespace, f"{namespace}_"):
            try:
                service = self.cloud.service(package)
            except KeyError:
                continue
            for dimension in service.scalable_dimensions():
                if dimension.name == name:
                    return dimension
        raise NotImplementedInFogbank(f"Fogbank has nothing yet whose {name} could be scaled.")

    def _target(self, place: Place) -> Target:
        target = self._tables.targets.get(place)
        if target is None:
            raise ObjectNotFound(f"No scalable target registered for {described(place)}")
        return target

    def _keep_within(self, ctx: Context, place: Place, target: Target) -> None:
        """Bring the capacity to what the target's limits allow."""
        capacity = self._dimension(place[2], place[4]).capacity(ctx, place[3])
        if capacity < target.minimum:
            self._scale(ctx, place, target.minimum, f"minimum capacity was set to {target.minimum}")
        elif capacity > target.maximum:
            self._scale(ctx, place, target.maximum, f"maximum capacity was set to {target.maximum}")

    def _scale(self, ctx: Context, place: Place, units: int, cause: str) -> bool:
        """Change the capacity, and write down how that went; whether it was changed."""
        _, _, namespace, resource, name = place
        dimension = self._dimension(namespace, name)
        what = f"{dimension.noun} to {units}."
        try:
            with self.cloud.store.transaction():
                dimension.set_capacity(ctx, resource, units)
        except AwsError as error:
            status, message = "Failed", f"Failed to set {what} Reason: {error.message}"
        else:
            status = "Successful"
            message = f"Successfully set {what} Change successfully fulfilled by {namespace}."
        kept = (ctx.account, ctx.region, namespace)
        for key, old in list(self._tables.activities.scan(kept, limit=_FORGOTTEN_AT_ONCE)):
            if old.at_ms < ctx.now_ms - ACTIVITIES_MS:
                self._tables.activities.delete(key)
        self._tables.activities.put(
            (*kept, self.cloud.sequence.next()),
            Activity(new_id(), f"Setting {what}", cause, ctx.now_ms, status, message, resource, name),
        )
        return status == "Successful"


def described(place: Place) -> str:
    return f"service namespace: {place[2]}, resource ID: {place[3]}, scalable dimension: {place[4]}"


def check_filter(resource: str | list[str] | None, dimension: str | None) -> None:
    if dimension is not None and not resource:
        raise Invalid("Resource Id must be specified when Scalable Dimension is specified.")  # not published


def wanted_by(
    resource: str | None, dimension: str | None, names: list[str] | None
) -> Callable[[tuple[Any, ...], object], bool]:
    """Whether a row of a resource's policies or actions, by its key, is among what a list asks for."""
    return lambda key, _: resource in (None, key[3]) and dimension in (None, key[4]) and (not names or key[5] in names)


def is_role(arn: str) -> bool:
    parsed = parse_arn(arn)
    return parsed is not None and parsed.service == "iam" and parsed.resource.startswith("role/")


def _activity_answer(namespace: str, activity: Activity) -> dict[str, Any]:
    return {
        "ActivityId": activity.id,
        "ServiceNamespace": namespace,
        "ResourceId": activity.resource,
        "ScalableDimension": activity.dimension,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": activity.at_ms / 1000,
        "EndTime": activity.at_ms / 1000,
        "StatusCode": activity.status,
        "StatusMessage": activity.message,
    }
