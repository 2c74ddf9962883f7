"""CloudFormation: AWS::IAM::InstanceProfile, ManagedPolicy, Policy and Role; others are in `user_resources`
and `identity_resources`.

Each handler is one transaction: a role whose policy cannot be attached is not made at all.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_IAM.html
"""

from collections.abc import Iterator
from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType, TransactionalResourceType
from fogbank.core.tags import tag_list
from fogbank.services.iam.errors import NoSuchEntity
from fogbank.services.iam.identity_resources import (
    GroupPolicyResource,
    OpenIdProviderResource,
    RolePolicyResource,
    SamlProviderResource,
    ServerCertificateResource,
    UserPolicyResource,
    UserToGroupAdditionResource,
)
from fogbank.services.iam.policies import VERSIONS_MAX
from fogbank.services.iam.user_resources import (
    AccessKeyResource,
    GroupResource,
    ServiceLinkedRoleResource,
    UserResource,
    policy_text,
)

_SESSION_S = 3600


def _holders(given: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Whom a policy is for: the kind, and the parameter that names the one."""
    for kind in ("Role", "User", "Group"):
        for name in given.get(f"{kind}s", ()):
            yield kind.lower(), {f"{kind}Name": name}


class RoleResource(TransactionalResourceType):
    """Ref is the role's name."""

    type_name = "AWS::IAM::Role"
    supported = frozenset(
        (
            "AssumeRolePolicyDocument",
            "Description",
            "ManagedPolicyArns",
            "MaxSessionDuration",
            "Path",
            "PermissionsBoundary",
            "Policies",
            "RoleName",
            "Tags",
        )
    )
    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        given = request.properties
        name = given.get("RoleName") or request.generated_name()
        ctx.cloud.iam.create_role(
            ctx,
            RoleName=name,
            AssumeRolePolicyDocument=policy_text(given["AssumeRolePolicyDocument"]),
            Path=given.get("Path", "/"),
            Description=given.get("Description", ""),
            MaxSessionDuration=int(given.get("MaxSessionDuration", _SESSION_S)),
            PermissionsBoundary=given.get("PermissionsBoundary", ""),
            Tags=tag_list(request.tags()),
        )
        self._grant(ctx, name, given)
        return self._state(ctx, name)

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        iam, name, given = ctx.cloud.iam, request.physical_id, request.properties
        trust = policy_text(given["AssumeRolePolicyDocument"])
        iam.update_assume_role_policy(ctx, RoleName=name, PolicyDocument=trust)
        iam.update_role(
            ctx,
            RoleName=name,
            Description=given.get("Description", ""),
            MaxSessionDuration=int(given.get("MaxSessionDuration", _SESSION_S)),
        )
        if given.get("PermissionsBoundary"):
            iam.put_role_permissions_boundary(ctx, RoleName=name, PermissionsBoundary=given["PermissionsBoundary"])
        else:
            iam.delete_role_permissions_boundary(ctx, RoleName=name)
        before = iam.get_role(ctx, RoleName=name)["Role"].get("Tags", [])
        iam.untag_role(ctx, RoleName=name, TagKeys=[tag["Key"] for tag in before])
        iam.tag_role(ctx, RoleName=name, Tags=tag_list(request.tags()))
        self._revoke(ctx, name, request.previous)
        self._grant(ctx, name, given)
        return self._state(ctx, name)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            self._revoke(ctx, request.physical_id, request.properties)
            ctx.cloud.iam.delete_role(ctx, RoleName=request.physical_id)
        except NoSuchEntity:
            return

    def _grant(self, ctx: Context, name: str, given: dict[str, Any]) -> None:
        for arn in given.get("ManagedPolicyArns", ()):
            ctx.cloud.iam.attach_role_policy(ctx, RoleName=name, PolicyArn=arn)
        for policy in given.get("Policies", ()):
            title, text = policy["PolicyName"], policy_text(policy["PolicyDocument"])
            ctx.cloud.iam.put_role_policy(ctx, RoleName=name, PolicyName=title, PolicyDocument=text)

    def _revoke(self, ctx: Context, name: str, given: dict[str, Any]) -> None:
        """Take back what the template gave; what other resources gave to the role stays."""
        iam = ctx.cloud.iam
        for row in iam.list_attached_role_policies(ctx, RoleName=name)["AttachedPolicies"]:
            if row["PolicyArn"] in given.get("ManagedPolicyArns", ()):
                iam.detach_role_policy(ctx, RoleName=name, PolicyArn=row["PolicyArn"])
        titles = [policy["PolicyName"] for policy in given.get("Policies", ())]
        for title in iam.list_role_policies(ctx, RoleName=name)["PolicyNames"]:
            if title in titles:
                iam.delete_role_policy(ctx, RoleName=name, PolicyName=title)

    def _state(self, ctx: Context, name: str) -> ResourceState:
        role = ctx.cloud.iam.get_role(ctx, RoleName=name)["Role"]
        return ResourceState(physical_id=name, attributes={"Arn": role["Arn"], "RoleId": role["RoleId"]})


class PolicyResource(ResourceType):
    """An inline policy of roles, users and groups."""

    type_name = "AWS::IAM::Policy"
    supported = frozenset(("Groups", "PolicyDocument", "PolicyName", "Roles", "Users"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await ctx.run(self._put, ctx, request)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await ctx.run(self._update, ctx, request)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await ctx.run(self._remove, ctx, request.properties)

    def _put(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        title, text = request.properties["PolicyName"], policy_text(request.properties["PolicyDocument"])
        for kind, holder in _holders(request.properties):
            put = getattr(ctx.cloud.iam, f"put_{kind}_policy")
            put(ctx, **holder, PolicyName=title, PolicyDocument=text)
        return ResourceState(physical_id=request.physical_id or request.generated_name(length_max=128))

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        self._remove(ctx, request.previous)
        return self._put(ctx, request)

    def _remove(self, ctx: Context, given: dict[str, Any]) -> None:
        for kind, holder in _holders(given):
            try:
                getattr(ctx.cloud.iam, f"delete_{kind}_policy")(ctx, **holder, PolicyName=given["PolicyName"])
            except NoSuchEntity:
                continue


class ManagedPolicyResource(TransactionalResourceType):
    """Ref is the policy's ARN. An update makes a new default version; the oldest one gives way."""

    type_name = "AWS::IAM::ManagedPolicy"
    supported = frozenset(("Description", "Groups", "ManagedPolicyName", "Path", "PolicyDocument", "Roles", "Users"))

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        given = request.properties
        policy = ctx.cloud.iam.create_policy(
            ctx,
            PolicyName=given.get("ManagedPolicyName") or request.generated_name(length_max=128),
            PolicyDocument=policy_text(given["PolicyDocument"]),
            Path=given.get("Path", "/"),
            Description=given.get("Description", ""),
        )["Policy"]
        self._attach(ctx, policy["Arn"], given)
        return self._state(ctx, policy["Arn"])

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        iam, arn = ctx.cloud.iam, request.physical_id
        text = policy_text(request.properties["PolicyDocument"])
        if text != policy_text(request.previous.get("PolicyDocument")):
            versions = iam.list_policy_versions(ctx, PolicyArn=arn)["Versions"]
            if len(versions) == VERSIONS_MAX:
                oldest = next(row for row in reversed(versions) if not row["IsDefaultVersion"])
                iam.delete_policy_version(ctx, PolicyArn=arn, VersionId=oldest["VersionId"])
            iam.create_policy_version(ctx, PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)
        self._detach(ctx, arn, request.previous)
        self._attach(ctx, arn, request.properties)
        return self._state(ctx, arn)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        iam, arn = ctx.cloud.iam, request.physical_id
        try:
            self._detach(ctx, arn, request.properties)
            for version in iam.list_policy_versions(ctx, PolicyArn=arn)["Versions"]:
                if not version["IsDefaultVersion"]:
                    iam.delete_policy_version(ctx, PolicyArn=arn, VersionId=version["VersionId"])
            iam.delete_policy(ctx, PolicyArn=arn)
        except NoSuchEntity:
            return

    def _attach(self, ctx: Context, arn: str, given: dict[str, Any]) -> None:
        for kind, holder in _holders(given):
            getattr(ctx.cloud.iam, f"attach_{kind}_policy")(ctx, **holder, PolicyArn=arn)

    def _detach(self, ctx: Context, arn: str, given: dict[str, Any]) -> None:
        for kind, holder in _holders(given):
            try:
                getattr(ctx.cloud.iam, f"detach_{kind}_policy")(ctx, **holder, PolicyArn=arn)
            except NoSuchEntity:
                continue

    def _state(self, ctx: Context, arn: str) -> ResourceState:
        policy = ctx.cloud.iam.get_policy(ctx, PolicyArn=arn)["Policy"]
        attributes = {
            "AttachmentCount": policy["AttachmentCount"],
            "DefaultVersionId": policy["DefaultVersionId"],
            "IsAttachable": policy["IsAttachable"],
            "PolicyArn": arn,
            "PolicyId": policy["PolicyId"],
        }
        return ResourceState(physical_id=arn, attributes=attributes)


class InstanceProfileResource(TransactionalResourceType):
    """Ref is the profile's name."""

    type_name = "AWS::IAM::InstanceProfile"
    supported = frozenset(("InstanceProfileName", "Path", "Roles"))

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties.get("InstanceProfileName") or request.generated_name(length_max=128)
        path = request.properties.get("Path", "/")
        ctx.cloud.iam.create_instance_profile(ctx, InstanceProfileName=name, Path=path)
        return self._fill(ctx, name, request)

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        self._empty(ctx, request.physical_id)
        return self._fill(ctx, request.physical_id, request)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            self._empty(ctx, request.physical_id)
            ctx.cloud.iam.delete_instance_profile(ctx, InstanceProfileName=request.physical_id)
        except NoSuchEntity:
            return

    def _fill(self, ctx: Context, name: str, request: ResourceRequest) -> ResourceState:
        iam = ctx.cloud.iam
        for role in request.properties.get("Roles", ()):
            iam.add_role_to_instance_profile(ctx, InstanceProfileName=name, RoleName=role)
        profile = iam.get_instance_profile(ctx, InstanceProfileName=name)["InstanceProfile"]
        return ResourceState(physical_id=name, attributes={"Arn": profile["Arn"]})

    def _empty(self, ctx: Context, name: str) -> None:
        iam = ctx.cloud.iam
        for role in iam.get_instance_profile(ctx, InstanceProfileName=name)["InstanceProfile"]["Roles"]:
            iam.remove_role_from_instance_profile(ctx, InstanceProfileName=name, RoleName=role["RoleName"])


RESOURCES: list[type[ResourceType]] = [
    AccessKeyResource,
    GroupPolicyResource,
    GroupResource,
    InstanceProfileResource,
    ManagedPolicyResource,
    OpenIdProviderResource,
    PolicyResource,
    RolePolicyResource,
    RoleResource,
    SamlProviderResource,
    ServerCertificateResource,
    ServiceLinkedRoleResource,
    UserPolicyResource,
    UserResource,
    UserToGroupAdditionResource,
]
