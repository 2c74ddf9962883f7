"""CloudFormation: AWS::SSM::Parameter."""

import json

from fogbank.core.context import Context
from fogbank.core.errors import ValidationError
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType, name_seed
from fogbank.core.tags import tag_list
from fogbank.services.ssm.base import SECURE
from fogbank.services.ssm.errors import ParameterNotFound

_SETTINGS = ("Type", "Value", "Description", "AllowedPattern", "Tier", "Policies", "DataType")
# What an update is told where the template no longer says it; else the parameter would keep what it has.
_UNSAID = {"Description": "", "AllowedPattern": "", "Policies": "[{}]"}


class ParameterResource(ResourceType):
    """Ref is the parameter's name. Templates cannot make SecureStrings."""

    type_name = "AWS::SSM::Parameter"
    supported = frozenset({*_SETTINGS, "Name", "Tags"})
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        request.generated = request.properties.get("Name") or f"CFN-{request.logical_id}-{request.seed or name_seed()}"
        await self._put(ctx, request, request.generated, Tags=tag_list(request.tags()))
        return _state(request, request.generated)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name, ssm = request.physical_id, ctx.cloud.ssm
        if any(request.properties.get(setting) != request.previous.get(setting) for setting in _SETTINGS):
            await self._put(ctx, request, name, Overwrite=True)
        wanted = request.tags()
        which = {"ResourceType": "Parameter", "ResourceId": name}
        there = (await ctx.call(ssm.list_tags_for_resource, **which))["TagList"]
        gone = [tag["Key"] for tag in there if tag["Key"] not in wanted]
        await ctx.call(ssm.remove_tags_from_resource, **which, TagKeys=gone)
        await ctx.call(ssm.add_tags_to_resource, **which, Tags=tag_list(wanted))
        return _state(request, name)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.ssm.delete_parameter, Name=request.physical_id)
        except ParameterNotFound:
            return

    async def _put(self, ctx: Context, request: ResourceRequest, name: str, **how: object) -> None:
        properties = request.properties
        if properties.get("Type") == SECURE:
            raise ValidationError(f"#/Type: {SECURE} is not a valid enum value")
        settings = {setting: properties[setting] for setting in _SETTINGS if setting in properties}
        if how.get("Overwrite"):
            settings = {setting: _UNSAID[setting] for setting in _UNSAID if setting in request.previous} | settings
        if isinstance(settings.get("Policies"), list):
            settings["Policies"] = json.dumps(settings["Policies"])
        await ctx.call(ctx.cloud.ssm.put_parameter, Name=name, **settings, **how)


def _state(request: ResourceRequest, name: str) -> ResourceState:
    shown = {"Type": request.properties["Type"], "Value": request.properties["Value"]}
    return ResourceState(physical_id=name, attributes=shown)


RESOURCES: list[type[ResourceType]] = [ParameterResource]
