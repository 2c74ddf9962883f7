"""CloudFormation: AWS::IAM::AccessKey, Group, ServiceLinkedRole and User.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_IAM.html
"""

import json
from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType, TransactionalResourceType
from fogbank.core.tags import tag_list
from fogbank.services.iam.errors import NoSuchEntity


def policy_text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


class UserResource(TransactionalResourceType):
    """Ref is the user's name."""

    type_name = "AWS::IAM::User"
    supported = frozenset(
        ("Groups", "LoginProfile", "ManagedPolicyArns", "Path", "PermissionsBoundary", "Policies", "Tags", "UserName")
    )
    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        given = request.properties
        name = given.get("UserName") or request.generated_name()
        ctx.cloud.iam.create_user(
            ctx,
            UserName=name,
            Path=given.get("Path", "/"),
            PermissionsBoundary=given.get("PermissionsBoundary", ""),
            Tags=tag_list(request.tags()),
        )
        return self._give(ctx, name, given)

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        iam, name, given = ctx.cloud.iam, request.physical_id, request.properties
        iam.update_user(ctx, UserName=name, NewPath=given.get("Path", "/"))
        if given.get("PermissionsBoundary"):
            iam.put_user_permissions_boundary(ctx, UserName=name, PermissionsBoundary=given["PermissionsBoundary"])
        else:
            iam.delete_user_permissions_boundary(ctx, UserName=name)
        before = iam.get_user(ctx, UserName=name)["User"].get("Tags", [])
        iam.untag_user(ctx, UserName=name, TagKeys=[tag["Key"] for tag in before])
        iam.tag_user(ctx, UserName=name, Tags=tag_list(request.tags()))
        self._take(ctx, name, request.previous)
        return self._give(ctx, name, given)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            self._take(ctx, request.physical_id, request.properties)
            ctx.cloud.iam.delete_user(ctx, UserName=request.physical_id)
        except NoSuchEntity:
            return

    def _give(self, ctx: Context, name: str, given: dict[str, Any]) -> ResourceState:
        iam = ctx.cloud.iam
        for group in given.get("Groups", ()):
            iam.add_user_to_group(ctx, GroupName=group, UserName=name)
        for arn in given.get("ManagedPolicyArns", ()):
            iam.attach_user_policy(ctx, UserName=name, PolicyArn=arn)
        for policy in given.get("Policies", ()):
            text = policy_text(policy["PolicyDocument"])
            iam.put_user_policy(ctx, UserName=name, PolicyName=policy["PolicyName"], PolicyDocument=text)
        if (login := given.get("LoginProfile")) is not None:
            reset = str(login.get("PasswordResetRequired", False)).lower() == "true"
            iam.create_login_profile(ctx, UserName=name, Password=login["Password"], PasswordResetRequired=reset)
        return ResourceState(physical_id=name, attributes={"Arn": iam.get_user(ctx, UserName=name)["User"]["Arn"]})

    def _take(self, ctx: Context, name: str, given: dict[str, Any]) -> None:
        """Take back what the template gave; what other resources gave to the user stays."""
        iam = ctx.cloud.iam
        for group in given.get("Groups", ()):
            iam.remove_user_from_group(ctx, GroupName=group, UserName=name)
        for arn in given.get("ManagedPolicyArns", ()):
            iam.detach_user_policy(ctx, UserName=name, PolicyArn=arn)
        for policy in given.get("Policies", ()):
            iam.delete_user_policy(ctx, UserName=name, PolicyName=policy["PolicyName"])
        if given.get("LoginProfile") is not None:
            iam.delete_login_profile(ctx, UserName=name)


class GroupResource(TransactionalResourceType):
    """Ref is the group's name."""

    type_name = "AWS::IAM::Group"
    supported = frozenset(("GroupName", "ManagedPolicyArns", "Path", "Policies"))

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties.get("GroupName") or request.generated_name(length_max=128)
        ctx.cloud.iam.create_group(ctx, GroupName=name, Path=request.properties.get("Path", "/"))
        return self._give(ctx, name, request.properties)

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.physical_id
        ctx.cloud.iam.update_group(ctx, GroupName=name, NewPath=request.properties.get("Path", "/"))
        self._take(ctx, name, request.previous)
        return self._give(ctx, name, request.properties)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            self._take(ctx, request.physical_id, request.properties)
            ctx.cloud.iam.delete_group(ctx, GroupName=request.physical_id)
        except NoSuchEntity:
            return

    def _give(self, ctx: Context, name: str, given: dict[str, Any]) -> ResourceState:
        iam = ctx.cloud.iam
        for arn in given.get("ManagedPolicyArns", ()):
            iam.attach_group_policy(ctx, GroupName=name, PolicyArn=arn)
        for policy in given.get("Policies", ()):
            text = policy_text(policy["PolicyDocument"])
            iam.put_group_policy(ctx, GroupName=name, PolicyName=policy["PolicyName"], PolicyDocument=text)
        return ResourceState(physical_id=name, attributes={"Arn": iam.get_group(ctx, GroupName=name)["Group"]["Arn"]})

    def _take(self, ctx: Context, name: str, given: dict[str, Any]) -> None:
        for arn in given.get("ManagedPolicyArns", ()):
            ctx.cloud.iam.detach_group_policy(ctx, GroupName=name, PolicyArn=arn)
        for policy in given.get("Policies", ()):
            ctx.cloud.iam.delete_group_policy(ctx, GroupName=name, PolicyName=policy["PolicyName"])


class AccessKeyResource(ResourceType):
    """Ref is the key's id; the secret can be asked for as long as the stack is there."""

    type_name = "AWS::IAM::AccessKey"
    supported = frozenset(("Serial", "Status", "UserName"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await ctx.run(self._create, ctx, request)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        await ctx.run(self._set_status, ctx, request.physical_id, request.properties)
        return ResourceState(physical_id=request.physical_id, attributes=request.attributes)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await ctx.run(self._delete, ctx, request)

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        key = ctx.cloud.iam.create_access_key(ctx, UserName=request.properties["UserName"])["AccessKey"]
        self._set_status(ctx, key["AccessKeyId"], request.properties)
        return ResourceState(physical_id=key["AccessKeyId"], attributes={"SecretAccessKey": key["SecretAccessKey"]})

    def _set_status(self, ctx: Context, key_id: str, given: dict[str, Any]) -> None:
        status = given.get("Status", "Active")
        ctx.cloud.iam.update_access_key(ctx, UserName=given["UserName"], AccessKeyId=key_id, Status=status)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            ctx.cloud.iam.delete_access_key(
                ctx, UserName=request.properties["UserName"], AccessKeyId=request.physical_id
            )
        except NoSuchEntity:
            return


class ServiceLinkedRoleResource(ResourceType):
    """Ref is the role's name."""

    type_name = "AWS::IAM::ServiceLinkedRole"
    supported = frozenset(("AWSServiceName", "CustomSuffix", "Description"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        answer = await ctx.call(ctx.cloud.iam.create_service_linked_role, **request.properties)
        return ResourceState(
            physical_id=answer["Role"]["RoleName"], attributes={"RoleName": answer["Role"]["RoleName"]}
        )

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        description = request.properties.get("Description", "")
        await ctx.call(ctx.cloud.iam.update_role, RoleName=request.physical_id, Description=description)
        return ResourceState(physical_id=request.physical_id, attributes=request.attributes)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.iam.delete_service_linked_role, RoleName=request.physical_id)
        except NoSuchEntity:
            return
