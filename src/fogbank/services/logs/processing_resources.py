"""CloudFormation: AWS::Logs::AccountPolicy and Transformer.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Logs.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.logs.errors import ResourceNotFound

_FLAGS = ("Flatten", "OverwriteIfExists")


class AccountPolicyResource(ResourceType):
    """Ref is account, type and name of the policy."""

    type_name = "AWS::Logs::AccountPolicy"
    supported = frozenset(("PolicyDocument", "PolicyName", "PolicyType", "Scope", "SelectionCriteria"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self.update(ctx, request)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        made = await ctx.call(
            ctx.cloud.logs.put_account_policy,
            policyName=properties["PolicyName"],
            policyType=properties["PolicyType"],
            policyDocument=properties["PolicyDocument"],
            scope=properties.get("Scope", "ALL"),
            selectionCriteria=properties.get("SelectionCriteria", ""),
        )
        policy = made["accountPolicy"]
        name = "|".join(policy[part] for part in ("accountId", "policyType", "policyName"))
        return ResourceState(physical_id=name, attributes={"AccountId": policy["accountId"]})

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        properties = request.properties
        try:
            await ctx.call(
                ctx.cloud.logs.delete_account_policy,
                policyName=properties["PolicyName"],
                policyType=properties["PolicyType"],
            )
        except ResourceNotFound:
            return


class TransformerResource(ResourceType):
    """Ref is the log group's identifier."""

    type_name = "AWS::Logs::Transformer"
    supported = frozenset(("LogGroupIdentifier", "TransformerConfig"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self.update(ctx, request)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        group = request.properties["LogGroupIdentifier"]
        await ctx.call(
            ctx.cloud.logs.put_transformer,
            logGroupIdentifier=group,
            transformerConfig=_in_small(request.properties["TransformerConfig"]),
        )
        return ResourceState(physical_id=group)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.logs.delete_transformer, logGroupIdentifier=request.physical_id)
        except ResourceNotFound:
            return


def _in_small(given: Any) -> Any:
    """The API's form of a template's value: its names begin small, and what says yes or no is no text."""
    if isinstance(given, dict):
        return {
            name[0].lower() + name[1:]: str(value).lower() == "true" if name in _FLAGS else _in_small(value)
            for name, value in given.items()
        }
    return [_in_small(value) for value in given] if isinstance(given, list) else given


PROCESSING_RESOURCES: list[type[ResourceType]] = [AccountPolicyResource, TransformerResource]
