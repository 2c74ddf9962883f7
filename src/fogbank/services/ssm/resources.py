"""CloudFormation: AWS::SSM::Parameter."""

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.ssm.errors import ParameterNotFound


class ParameterResource(ResourceType):
    """Ref is the parameter's name."""

    type_name = "AWS::SSM::Parameter"
    supported = frozenset(("Name", "Type", "Value"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self._put(ctx, request, overwrite=False)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self._put(ctx, request, overwrite=True)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.ssm.delete_parameter, Name=request.physical_id)
        except ParameterNotFound:
            return

    async def _put(self, ctx: Context, request: ResourceRequest, *, overwrite: bool) -> ResourceState:
        wanted = request.properties
        name = request.physical_id or wanted.get("Name") or request.generated_name(length_max=128)
        await ctx.call(
            ctx.cloud.ssm.put_parameter,
            Name=name,
            Value=wanted["Value"],
            Type=wanted["Type"],
            Overwrite=overwrite,
        )
        return ResourceState(physical_id=name, attributes={"Type": wanted["Type"], "Value": wanted["Value"]})


RESOURCES: list[type[ResourceType]] = [ParameterResource]
