"""CloudFormation's own resource types."""

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.cloudformation.custom_resources import CustomResource
from fogbank.services.cloudformation.macros import MacroResource
from fogbank.services.cloudformation.nested import NestedStackResource
from fogbank.services.cloudformation.wait_conditions import WaitConditionHandleResource, WaitConditionResource


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


RESOURCES: list[type[ResourceType]] = [
    CdkMetadataResource,
    CustomResource,
    MacroResource,
    NestedStackResource,
    WaitConditionHandleResource,
    WaitConditionResource,
]
