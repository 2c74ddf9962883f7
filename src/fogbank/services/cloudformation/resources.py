"""CloudFormation's own types that need nothing but themselves."""

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType


class WaitConditionHandleResource(ResourceType):
    """A handle that is only referred to, which is how templates give a stack a resource that costs nothing."""

    type_name = "AWS::CloudFormation::WaitConditionHandle"
    supported = frozenset(())

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        url = f"{ctx.endpoint}/_cloudformation/{request.stack_name}/{request.logical_id}"
        return ResourceState(physical_id=url)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return ResourceState(physical_id=request.physical_id)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        return None


class CdkMetadataResource(ResourceType):
    """What CDK adds to every stack for AWS's statistics: accepted, without effect (as in AWS)."""

    type_name = "AWS::CDK::Metadata"
    supported = frozenset(("Analytics", "Modules"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return ResourceState(physical_id=request.generated_name(length_max=128))

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return ResourceState(physical_id=request.physical_id)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        return None


RESOURCES: list[type[ResourceType]] = [WaitConditionHandleResource, CdkMetadataResource]
