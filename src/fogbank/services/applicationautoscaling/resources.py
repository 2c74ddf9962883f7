"""CloudFormation types of Application Auto Scaling."""

from datetime import UTC, datetime
from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType, TransactionalResourceType
from fogbank.services.applicationautoscaling.errors import ObjectNotFound

_INTEGERS = (
    "Cooldown",
    "MaxCapacity",
    "MinAdjustmentMagnitude",
    "MinCapacity",
    "Period",
    "ScaleInCooldown",
    "ScaleOutCooldown",
    "ScalingAdjustment",
)
_NUMBERS = ("TargetValue", "MetricIntervalLowerBound", "MetricIntervalUpperBound")
_BOOLEANS = (
    "DisableScaleIn",
    "DynamicScalingInSuspended",
    "DynamicScalingOutSuspended",
    "ScheduledScalingSuspended",
    "ReturnData",
)


class ScalableTargetResource(TransactionalResourceType):
    """Ref is the resource id, the dimension and the namespace, with bars between them."""

    type_name = "AWS::ApplicationAutoScaling::ScalableTarget"
    supported = frozenset(
        {
            "MaxCapacity",
            "MinCapacity",
            "ResourceId",
            "RoleARN",
            "ScalableDimension",
            "ScheduledActions",
            "ServiceNamespace",
            "SuspendedState",
            "Tags",
        }
    )
    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return self._put(ctx, request, former=())

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        former = [action["ScheduledActionName"] for action in request.previous.get("ScheduledActions", ())]
        return self._put(ctx, request, former=former)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            ctx.cloud.applicationautoscaling.deregister_scalable_target(ctx, **_place_of(request.physical_id))
        except ObjectNotFound:
            return

    def _put(self, ctx: Context, request: ResourceRequest, *, former: Any) -> ResourceState:
        given, scaling = _typed(request.properties), ctx.cloud.applicationautoscaling
        actions = given.pop("ScheduledActions", [])
        given.pop("Tags", None)
        place = {name: given[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
        arn = scaling.register_scalable_target(ctx, **given)["ScalableTargetARN"]
        tags = request.tags()
        there = scaling.list_tags_for_resource(ctx, ResourceARN=arn)["Tags"]
        scaling.untag_resource(ctx, ResourceARN=arn, TagKeys=[key for key in there if key not in tags])
        scaling.tag_resource(ctx, ResourceARN=arn, Tags=tags)
        for action in actions:
            moments = {name: _seconds(action[name]) for name in ("StartTime", "EndTime") if name in action}
            scaling.put_scheduled_action(ctx, **place, **action | moments)
        for name in set(former) - {action["ScheduledActionName"] for action in actions}:
            scaling.delete_scheduled_action(ctx, **place, ScheduledActionName=name)
        physical_id = "|".join((place["ResourceId"], place["ScalableDimension"], place["ServiceNamespace"]))
        return ResourceState(physical_id=physical_id, attributes={"Id": physical_id, "ScalableTargetARN": arn})


class ScalingPolicyResource(TransactionalResourceType):
    """Ref is the policy's ARN."""

    type_name = "AWS::ApplicationAutoScaling::ScalingPolicy"
    supported = frozenset(
        {
            "PolicyName",
            "PolicyType",
            "ResourceId",
            "ScalableDimension",
            "ScalingTargetId",
            "ServiceNamespace",
            "StepScalingPolicyConfiguration",
            "TargetTrackingScalingPolicyConfiguration",
        }
    )

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        arn: str = ctx.cloud.applicationautoscaling.put_scaling_policy(ctx, **_policy(request.properties))["PolicyARN"]
        return ResourceState(physical_id=arn, attributes={"Arn": arn})

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return self._create(ctx, request)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        given = _policy(request.properties)
        place = {name: given[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension", "PolicyName")}
        try:
            ctx.cloud.applicationautoscaling.delete_scaling_policy(ctx, **place)
        except ObjectNotFound:
            return


def _place_of(target_id: str) -> dict[str, str]:
    resource, dimension, namespace = target_id.rsplit("|", 2)
    return {"ServiceNamespace": namespace, "ResourceId": resource, "ScalableDimension": dimension}


def _policy(properties: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = _typed(properties)
    target_id = given.pop("ScalingTargetId", None)
    return given if target_id is None else given | _place_of(target_id)


def _typed(value: Any, name: str = "") -> Any:
    """The properties as the API takes them: templates may write numbers and booleans as text."""
    if isinstance(value, dict):
        return {key: _typed(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    if name in _INTEGERS:
        return int(value)
    if name in _BOOLEANS:
        return str(value).lower() == "true"
    return float(value) if name in _NUMBERS else value


def _seconds(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


RESOURCES: list[type[ResourceType]] = [ScalableTargetResource, ScalingPolicyResource]
