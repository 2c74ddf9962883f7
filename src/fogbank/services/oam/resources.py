"""CloudFormation: AWS::Oam::Sink and AWS::Oam::Link. Ref is the ARN."""

import json
from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType, TransactionalResourceType
from fogbank.services.oam.errors import ResourceNotFound


class SinkResource(TransactionalResourceType):
    type_name = "AWS::Oam::Sink"
    supported = frozenset(("Name", "Policy", "Tags"))
    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        made = ctx.cloud.oam.create_sink(ctx, Name=request.properties["Name"], Tags=request.tags())
        return self._with_policy(ctx, made["Arn"], request)

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        _retag(ctx, request)
        return self._with_policy(ctx, request.physical_id, request)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            ctx.cloud.oam.delete_sink(ctx, Identifier=request.physical_id)
        except ResourceNotFound:
            return

    def _with_policy(self, ctx: Context, arn: str, request: ResourceRequest) -> ResourceState:
        policy: Any = request.properties.get("Policy")
        if policy is not None:
            text = policy if isinstance(policy, str) else json.dumps(policy)
            ctx.cloud.oam.put_sink_policy(ctx, SinkIdentifier=arn, Policy=text)
        return ResourceState(physical_id=arn, attributes={"Arn": arn})


class LinkResource(TransactionalResourceType):
    type_name = "AWS::Oam::Link"
    supported = frozenset(("LabelTemplate", "LinkConfiguration", "ResourceTypes", "SinkIdentifier", "Tags"))
    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        given = {name: value for name, value in request.properties.items() if name != "Tags"}
        return _state(ctx.cloud.oam.create_link(ctx, **given, Tags=request.tags()))

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        _retag(ctx, request)
        return _state(
            ctx.cloud.oam.update_link(
                ctx,
                Identifier=request.physical_id,
                ResourceTypes=request.properties["ResourceTypes"],
                LinkConfiguration=request.properties.get("LinkConfiguration"),
            )
        )

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            ctx.cloud.oam.delete_link(ctx, Identifier=request.physical_id)
        except ResourceNotFound:
            return


def _state(link: dict[str, Any]) -> ResourceState:
    return ResourceState(physical_id=link["Arn"], attributes={"Arn": link["Arn"], "Label": link["Label"]})


def _retag(ctx: Context, request: ResourceRequest) -> None:
    oam, arn, wanted = ctx.cloud.oam, request.physical_id, request.tags()
    there = oam.list_tags_for_resource(ctx, ResourceArn=arn)["Tags"]
    oam.untag_resource(ctx, ResourceArn=arn, TagKeys=[key for key in there if key not in wanted])
    oam.tag_resource(ctx, ResourceArn=arn, Tags=wanted)


RESOURCES: list[type[ResourceType]] = [SinkResource, LinkResource]
