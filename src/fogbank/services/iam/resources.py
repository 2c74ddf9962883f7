"""CloudFormation: AWS::IAM::Role. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_IAM.html"""

import json
from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.iam.service import NoSuchEntity


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


class RoleResource(ResourceType):
    """Ref is the role's name."""

    type_name = "AWS::IAM::Role"
    supported = frozenset(("AssumeRolePolicyDocument", "ManagedPolicyArns", "Path", "Policies", "RoleName", "Tags"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        given = request.properties
        name = given.get("RoleName") or request.generated_name()
        trust = _text(given["AssumeRolePolicyDocument"])
        path = given.get("Path", "/")
        tags = [{"Key": key, "Value": value} for key, value in request.tags().items()]
        await ctx.call(ctx.cloud.iam.create_role, RoleName=name, AssumeRolePolicyDocument=trust, Path=path, Tags=tags)
        await self._grant(ctx, name, given)
        return await self._state(ctx, name)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.physical_id
        trust = _text(request.properties["AssumeRolePolicyDocument"])
        await ctx.call(ctx.cloud.iam.update_assume_role_policy, RoleName=name, PolicyDocument=trust)
        await self._revoke(ctx, name)
        await self._grant(ctx, name, request.properties)
        return await self._state(ctx, name)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await self._revoke(ctx, request.physical_id)
            await ctx.call(ctx.cloud.iam.delete_role, RoleName=request.physical_id)
        except NoSuchEntity:
            return

    async def _grant(self, ctx: Context, name: str, given: dict[str, Any]) -> None:
        for arn in given.get("ManagedPolicyArns", ()):
            await ctx.call(ctx.cloud.iam.attach_role_policy, RoleName=name, PolicyArn=arn)
        for policy in given.get("Policies", ()):
            text, title = _text(policy["PolicyDocument"]), policy["PolicyName"]
            await ctx.call(ctx.cloud.iam.put_role_policy, RoleName=name, PolicyName=title, PolicyDocument=text)

    async def _revoke(self, ctx: Context, name: str) -> None:
        iam = ctx.cloud.iam
        for row in (await ctx.call(iam.list_attached_role_policies, RoleName=name))["AttachedPolicies"]:
            await ctx.call(iam.detach_role_policy, RoleName=name, PolicyArn=row["PolicyArn"])
        for title in (await ctx.call(iam.list_role_policies, RoleName=name))["PolicyNames"]:
            await ctx.call(iam.delete_role_policy, RoleName=name, PolicyName=title)

    async def _state(self, ctx: Context, name: str) -> ResourceState:
        role = (await ctx.call(ctx.cloud.iam.get_role, RoleName=name))["Role"]
        return ResourceState(physical_id=name, attributes={"Arn": role["Arn"], "RoleId": role["RoleId"]})


class PolicyResource(ResourceType):
    """An inline policy of one or more roles."""

    type_name = "AWS::IAM::Policy"
    supported = frozenset(("PolicyDocument", "PolicyName", "Roles"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        title, text = request.properties["PolicyName"], _text(request.properties["PolicyDocument"])
        for role in request.properties.get("Roles", ()):
            await ctx.call(ctx.cloud.iam.put_role_policy, RoleName=role, PolicyName=title, PolicyDocument=text)
        return ResourceState(physical_id=request.physical_id or request.generated_name(length_max=128))

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        await self._remove(ctx, request.previous)
        return await self.create(ctx, request)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await self._remove(ctx, request.properties)

    async def _remove(self, ctx: Context, given: dict[str, Any]) -> None:
        for role in given.get("Roles", ()):
            try:
                await ctx.call(ctx.cloud.iam.delete_role_policy, RoleName=role, PolicyName=given["PolicyName"])
            except NoSuchEntity:
                continue


RESOURCES: list[type[ResourceType]] = [RoleResource, PolicyResource]
