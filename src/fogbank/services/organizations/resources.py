"""CloudFormation: AWS::Organizations::Account, Organization, OrganizationalUnit and Policy.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_Organizations.html
"""

import json
from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType, TransactionalResourceType
from fogbank.core.tags import tag_list
from fogbank.services.organizations.errors import (
    AccountNotFound,
    InvalidInput,
    NotInUse,
    OrganizationalUnitNotFound,
    PolicyNotFound,
)


def _retag(ctx: Context, request: ResourceRequest) -> None:
    organizations, resource = ctx.cloud.organizations, request.physical_id
    before = organizations.list_tags_for_resource(ctx, ResourceId=resource)["Tags"]
    organizations.untag_resource(ctx, ResourceId=resource, TagKeys=[tag["Key"] for tag in before])
    organizations.tag_resource(ctx, ResourceId=resource, Tags=tag_list(request.tags()))


class OrganizationResource(TransactionalResourceType):
    """Ref is the organization's id."""

    type_name = "AWS::Organizations::Organization"
    supported = frozenset(("FeatureSet",))

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        ctx.cloud.organizations.create_organization(ctx, FeatureSet=request.properties.get("FeatureSet", "ALL"))
        return self._state(ctx)

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        if request.properties.get("FeatureSet", "ALL") != request.previous.get("FeatureSet", "ALL"):
            raise InvalidInput("Fogbank's Organizations cannot change the feature set of an organization.")
        return self._state(ctx)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            ctx.cloud.organizations.delete_organization(ctx)
        except NotInUse:
            return

    def _state(self, ctx: Context) -> ResourceState:
        found = ctx.cloud.organizations.describe_organization(ctx)["Organization"]
        (root,) = ctx.cloud.organizations.list_roots(ctx)["Roots"]
        attributes = {
            "Arn": found["Arn"],
            "Id": found["Id"],
            "ManagementAccountArn": found["MasterAccountArn"],
            "ManagementAccountEmail": found["MasterAccountEmail"],
            "ManagementAccountId": found["MasterAccountId"],
            "RootId": root["Id"],
        }
        return ResourceState(physical_id=found["Id"], attributes=attributes)


class AccountResource(TransactionalResourceType):
    """Ref is the account's number. Deletion closes it."""

    type_name = "AWS::Organizations::Account"
    supported = frozenset(("AccountName", "Email", "ParentIds", "RoleName", "Tags"))
    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        given = request.properties
        role = {"RoleName": given["RoleName"]} if given.get("RoleName") else {}
        status = ctx.cloud.organizations.create_account(
            ctx, Email=given["Email"], AccountName=given["AccountName"], Tags=tag_list(request.tags()), **role
        )["CreateAccountStatus"]
        if status["State"] == "FAILED":
            raise InvalidInput(f"The account was not created: {status['FailureReason']}")
        self._move(ctx, status["AccountId"], given)
        return self._state(ctx, status["AccountId"])

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        for name in ("AccountName", "Email", "RoleName"):
            if request.properties.get(name) != request.previous.get(name):
                raise InvalidInput(f"The {name} of an account cannot be changed by a stack.")
        self._move(ctx, request.physical_id, request.properties)
        _retag(ctx, request)
        return self._state(ctx, request.physical_id)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            ctx.cloud.organizations.close_account(ctx, AccountId=request.physical_id)
        except AccountNotFound:
            return

    def _move(self, ctx: Context, account: str, given: dict[str, Any]) -> None:
        organizations = ctx.cloud.organizations
        (parent,) = organizations.list_parents(ctx, ChildId=account)["Parents"]
        wanted = (given.get("ParentIds") or [organizations.list_roots(ctx)["Roots"][0]["Id"]])[0]
        if wanted != parent["Id"]:
            organizations.move_account(ctx, AccountId=account, SourceParentId=parent["Id"], DestinationParentId=wanted)

    def _state(self, ctx: Context, account: str) -> ResourceState:
        found = ctx.cloud.organizations.describe_account(ctx, AccountId=account)["Account"]
        attributes = {
            "AccountId": account,
            "Arn": found["Arn"],
            "JoinedMethod": found["JoinedMethod"],
            "JoinedTimestamp": str(found["JoinedTimestamp"]),
            "Status": found["Status"],
        }
        return ResourceState(physical_id=account, attributes=attributes)


class OrganizationalUnitResource(TransactionalResourceType):
    """Ref is the unit's id."""

    type_name = "AWS::Organizations::OrganizationalUnit"
    supported = frozenset(("Name", "ParentId", "Tags"))
    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        unit = ctx.cloud.organizations.create_organizational_unit(
            ctx,
            Name=request.properties["Name"],
            ParentId=request.properties["ParentId"],
            Tags=tag_list(request.tags()),
        )["OrganizationalUnit"]
        return ResourceState(physical_id=unit["Id"], attributes={"Arn": unit["Arn"], "Id": unit["Id"]})

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        unit = ctx.cloud.organizations.update_organizational_unit(
            ctx, OrganizationalUnitId=request.physical_id, Name=request.properties["Name"]
        )["OrganizationalUnit"]
        _retag(ctx, request)
        return ResourceState(physical_id=unit["Id"], attributes={"Arn": unit["Arn"], "Id": unit["Id"]})

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            ctx.cloud.organizations.delete_organizational_unit(ctx, OrganizationalUnitId=request.physical_id)
        except OrganizationalUnitNotFound:
            return


class PolicyResource(TransactionalResourceType):
    """Ref is the policy's id."""

    type_name = "AWS::Organizations::Policy"
    supported = frozenset(("Content", "Description", "Name", "Tags", "TargetIds", "Type"))
    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        given = request.properties
        policy = ctx.cloud.organizations.create_policy(
            ctx,
            Content=_text(given["Content"]),
            Description=given.get("Description", ""),
            Name=given["Name"],
            Type=given["Type"],
            Tags=tag_list(request.tags()),
        )["Policy"]["PolicySummary"]
        self._retarget(ctx, policy["Id"], given)
        return _policy_state(policy)

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        given = request.properties
        policy = ctx.cloud.organizations.update_policy(
            ctx,
            PolicyId=request.physical_id,
            Content=_text(given["Content"]),
            Description=given.get("Description", ""),
            Name=given["Name"],
        )["Policy"]["PolicySummary"]
        self._retarget(ctx, request.physical_id, given)
        _retag(ctx, request)
        return _policy_state(policy)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            self._retarget(ctx, request.physical_id, {})
            ctx.cloud.organizations.delete_policy(ctx, PolicyId=request.physical_id)
        except PolicyNotFound:
            return

    def _retarget(self, ctx: Context, policy: str, given: dict[str, Any]) -> None:
        organizations, wanted = ctx.cloud.organizations, given.get("TargetIds", [])
        attached = [row["TargetId"] for row in organizations.list_targets_for_policy(ctx, PolicyId=policy)["Targets"]]
        for target in wanted:
            if target not in attached:
                organizations.attach_policy(ctx, PolicyId=policy, TargetId=target)
        for target in attached:
            if target not in wanted:
                organizations.detach_policy(ctx, PolicyId=policy, TargetId=target)


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)


def _policy_state(policy: dict[str, Any]) -> ResourceState:
    attributes = {"Arn": policy["Arn"], "AwsManaged": policy["AwsManaged"], "Id": policy["Id"]}
    return ResourceState(physical_id=policy["Id"], attributes=attributes)


RESOURCES: list[type[ResourceType]] = [
    AccountResource,
    OrganizationResource,
    OrganizationalUnitResource,
    PolicyResource,
]
