"""Scalable targets: registered, described, tagged.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
"""

import secrets
from collections.abc import Iterator
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.service import Answer, Tagged
from fogbank.services.applicationautoscaling.adjusting import Adjusting
from fogbank.services.applicationautoscaling.base import PAGE_MAX, check_filter, described, is_role
from fogbank.services.applicationautoscaling.errors import (
    Invalid,
    ObjectNotFound,
    ResourceNotFound,
)
from fogbank.services.applicationautoscaling.records import Occasion, Place, Target

SUSPENDED = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
_TARGET_ID_BYTES = 18


class Targets(Adjusting):
    """The operations on scalable targets and their tags of `ApplicationAutoScalingService`."""

    def register_scalable_target(
        self,
        ctx: Context,
        *,
        ServiceNamespace: str,
        ResourceId: str,
        ScalableDimension: str,
        MinCapacity: int | None = None,
        MaxCapacity: int | None = None,
        RoleARN: str | None = None,
        SuspendedState: dict[str, bool] | None = None,
        Tags: dict[str, str] | None = None,
    ) -> Answer:
        dimension = self._dimension(ServiceNamespace, ScalableDimension)
        place = self._place(ctx, ServiceNamespace, ResourceId, ScalableDimension)
        known = self._tables.targets.get(place)
        minimum = MinCapacity if MinCapacity is not None or known is None else known.minimum
        maximum = MaxCapacity if MaxCapacity is not None or known is None else known.maximum
        if minimum is None or maximum is None:
            # AWS's sentence is not published.
            raise Invalid("MinCapacity and MaxCapacity must be specified when a new scalable target is registered.")
        if minimum > maximum:
            raise Invalid("Maximum capacity cannot be less than minimum capacity")
        if RoleARN is not None and not is_role(RoleARN):
            raise Invalid(f"Invalid role ARN: {RoleARN}")  # not published
        self._capacity_at_once(ctx, place)
        if known is None:
            target = Target(secrets.token_hex(_TARGET_ID_BYTES), minimum, maximum, "", ctx.now_ms, tags=Tags or {})
        elif Tags:
            # AWS's sentence is not published; "you cannot specify tags when updating an existing scalable target".
            raise Invalid("Tags can only be specified when a scalable target is registered: use TagResource.")
        else:
            target = known
        target.minimum, target.maximum = minimum, maximum
        target.role_arn = RoleARN or target.role_arn or self._linked_role(ctx, dimension.role)
        target.suspended |= SuspendedState or {}
        self._tables.targets.put(place, target)
        self._respond(ctx, Occasion(place))
        return {"ScalableTargetARN": _arn(ctx, target)}

    def deregister_scalable_target(
        self, ctx: Context, *, ServiceNamespace: str, ResourceId: str, ScalableDimension: str
    ) -> Answer:
        """Its policies and scheduled actions go with it."""
        place = self._place(ctx, ServiceNamespace, ResourceId, ScalableDimension)
        if not self._tables.targets.delete(place):
            raise ObjectNotFound(f"No scalable target found for {described(place)}")
        self._drop_policies(ctx, place)
        self._drop_actions(place)
        return {}

    def describe_scalable_targets(
        self,
        ctx: Context,
        *,
        ServiceNamespace: str,
        ResourceIds: list[str] | None = None,
        ScalableDimension: str | None = None,
        MaxResults: int = PAGE_MAX,
        NextToken: str | None = None,
    ) -> Answer:
        check_filter(ResourceIds, ScalableDimension)
        rows, token = self._page(
            ctx,
            self._tables.targets,
            ServiceNamespace,
            NextToken,
            MaxResults,
            wanted=lambda key, _: (not ResourceIds or key[3] in ResourceIds) and ScalableDimension in (None, key[4]),
        )
        return {"ScalableTargets": [_answer(ctx, (*key,), target) for key, target in rows], **token}

    def arn_of(self, ctx: Context, namespace: str, resource: str, dimension: str) -> str:
        """What policies call a target; the id of one that is not there may be any."""
        target = self._tables.targets.get(self._place(ctx, namespace, resource, dimension))
        return _arn(ctx, target) if target is not None else ctx.arn("application-autoscaling", "scalable-target/*")

    # ---- tags ---------------------------------------------------------------------------------------------------

    def list_tags_for_resource(self, ctx: Context, *, ResourceARN: str) -> Answer:
        return {"Tags": self._by_arn(ctx, ResourceARN)[1].tags}

    def tag_resource(self, ctx: Context, *, ResourceARN: str, Tags: dict[str, str]) -> Answer:
        place, target = self._by_arn(ctx, ResourceARN)
        target.tags |= Tags
        self._tables.targets.put(place, target)
        return {}

    def untag_resource(self, ctx: Context, *, ResourceARN: str, TagKeys: list[str]) -> Answer:
        place, target = self._by_arn(ctx, ResourceARN)
        target.tags = {key: value for key, value in target.tags.items() if key not in TagKeys}
        self._tables.targets.put(place, target)
        return {}

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for _, target in self._tables.targets.scan((ctx.account, ctx.region)):
            yield Tagged(_arn(ctx, target), "application-autoscaling:scalable-target", target.tags)

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.tag_resource(ctx, ResourceARN=arn, Tags=tags)

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.untag_resource(ctx, ResourceARN=arn, TagKeys=keys)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _by_arn(self, ctx: Context, arn: str) -> tuple[Place, Target]:
        for key, target in self._tables.targets.scan((ctx.account, ctx.region)):
            if _arn(ctx, target) == arn:
                return (*key,), target
        raise ResourceNotFound(f"The resource {arn} could not be found.", members={"ResourceName": arn})

    def _linked_role(self, ctx: Context, service: str) -> str:
        """The service-linked role, which is made with the first target."""
        iam = self.cloud.iam
        try:
            with self.cloud.store.transaction():
                role: str = iam.create_service_linked_role(ctx, AWSServiceName=service)["Role"]["Arn"]
        except AwsError:  # It is there.
            roles = iam.list_roles(ctx, PathPrefix=f"/aws-service-role/{service}/")["Roles"]
            role = roles[0]["Arn"]
        return role

    def _drop_policies(self, ctx: Context, place: Place) -> None:
        raise NotImplementedError

    def _drop_actions(self, place: Place) -> None:
        raise NotImplementedError


def _arn(ctx: Context, target: Target) -> str:
    return ctx.arn("application-autoscaling", f"scalable-target/{target.id}")


def _answer(ctx: Context, place: Place, target: Target) -> dict[str, Any]:
    return {
        "ServiceNamespace": place[2],
        "ResourceId": place[3],
        "ScalableDimension": place[4],
        "MinCapacity": target.minimum,
        "MaxCapacity": target.maximum,
        "RoleARN": target.role_arn,
        "CreationTime": target.created_ms / 1000,
        "SuspendedState": {name: target.suspended.get(name, False) for name in SUSPENDED},
        "ScalableTargetARN": _arn(ctx, target),
    }
