"""Roles, their inline policies and the managed policies attached to them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html
"""

from typing import Any
from urllib.parse import quote

from fogbank.core.context import Context
from fogbank.core.service import Answer, Service
from fogbank.services.iam.errors import DeleteConflict, EntityAlreadyExists, NoSuchEntity, ValidationError
from fogbank.services.iam.fields import PAGE_MAX, check_document, page, tag_list, tag_map
from fogbank.services.iam.records import IamTables, Role, new_id


class Roles(Service):
    """The operations on roles of `IamService`."""

    _tables: IamTables

    def attach_role_policy(self, ctx: Context, *, RoleName: str, PolicyArn: str) -> Answer:
        role = self._role(ctx, RoleName)
        if not PolicyArn.startswith("arn:"):
            raise ValidationError("Invalid ARN:  Could not be parsed!")
        own = not PolicyArn.startswith("arn:aws:iam::aws:")  # AWS's own policies are many and not kept here.
        if own and self._tables.policies.get((ctx.account, PolicyArn)) is None:
            raise NoSuchEntity(f"Policy {PolicyArn} does not exist or is not attachable.")
        if PolicyArn not in role.attached:
            role.attached.append(PolicyArn)
        self._keep(ctx, role)
        return None

    def create_role(
        self,
        ctx: Context,
        *,
        RoleName: str,
        AssumeRolePolicyDocument: str,
        Path: str = "/",
        Description: str = "",
        MaxSessionDuration: int = 3600,
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        if self._tables.roles.get((ctx.account, RoleName)) is not None:
            raise EntityAlreadyExists(f"Role with name {RoleName} already exists.")
        check_document(AssumeRolePolicyDocument)
        role = Role(
            name=RoleName,
            id=new_id("AROA"),
            path=Path,
            created_ms=ctx.now_ms,
            trust=AssumeRolePolicyDocument,
            description=Description,
            session_s=MaxSessionDuration,
            tags=tag_map(Tags),
        )
        self._keep(ctx, role)
        return {"Role": role_answer(ctx, role)}

    def delete_role(self, ctx: Context, *, RoleName: str) -> Answer:
        role = self._role(ctx, RoleName)
        if any(profile.role == RoleName for _, profile in self._tables.profiles.scan((ctx.account,))):
            raise DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
        if role.attached:
            raise DeleteConflict("Cannot delete entity, must detach all policies first.")
        if role.inline:
            raise DeleteConflict("Cannot delete entity, must delete policies first.")
        self._tables.roles.delete((ctx.account, RoleName))
        return None

    def delete_role_policy(self, ctx: Context, *, RoleName: str, PolicyName: str) -> Answer:
        role = self._role(ctx, RoleName)
        if role.inline.pop(PolicyName, None) is None:
            raise NoSuchEntity(f"The role policy with name {PolicyName} cannot be found.")
        self._keep(ctx, role)
        return None

    def detach_role_policy(self, ctx: Context, *, RoleName: str, PolicyArn: str) -> Answer:
        role = self._role(ctx, RoleName)
        if PolicyArn not in role.attached:
            raise NoSuchEntity(f"Policy {PolicyArn} was not found.")
        role.attached.remove(PolicyArn)
        self._keep(ctx, role)
        return None

    def get_role(self, ctx: Context, *, RoleName: str) -> Answer:
        return {"Role": role_answer(ctx, self._role(ctx, RoleName))}

    def get_role_policy(self, ctx: Context, *, RoleName: str, PolicyName: str) -> Answer:
        document = self._role(ctx, RoleName).inline.get(PolicyName)
        if document is None:
            raise NoSuchEntity(f"The role policy with name {PolicyName} cannot be found.")
        return {"RoleName": RoleName, "PolicyName": PolicyName, "PolicyDocument": quote(document, safe="")}

    def list_attached_role_policies(
        self,
        ctx: Context,
        *,
        RoleName: str,
        PathPrefix: str = "/",
        Marker: str | None = None,
        MaxItems: int = PAGE_MAX,
    ) -> Answer:
        rows = [
            {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}
            for arn in self._role(ctx, RoleName).attached
            if arn.partition(":policy")[2].startswith(PathPrefix)
        ]
        return page("AttachedPolicies", rows, Marker, MaxItems)

    def list_role_policies(
        self, ctx: Context, *, RoleName: str, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        return page("PolicyNames", sorted(self._role(ctx, RoleName).inline), Marker, MaxItems)

    def list_role_tags(
        self, ctx: Context, *, RoleName: str, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        return page("Tags", tag_list(self._role(ctx, RoleName).tags), Marker, MaxItems)

    def list_roles(
        self, ctx: Context, *, PathPrefix: str = "/", Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        roles = [role for _, role in self._tables.roles.scan((ctx.account,)) if role.path.startswith(PathPrefix)]
        return page("Roles", [role_answer(ctx, role) for role in roles], Marker, MaxItems)

    def put_role_policy(self, ctx: Context, *, RoleName: str, PolicyName: str, PolicyDocument: str) -> Answer:
        role = self._role(ctx, RoleName)
        check_document(PolicyDocument)
        role.inline[PolicyName] = PolicyDocument
        self._keep(ctx, role)
        return None

    def tag_role(self, ctx: Context, *, RoleName: str, Tags: list[dict[str, str]]) -> Answer:
        role = self._role(ctx, RoleName)
        role.tags |= tag_map(Tags)
        self._keep(ctx, role)
        return None

    def untag_role(self, ctx: Context, *, RoleName: str, TagKeys: list[str]) -> Answer:
        role = self._role(ctx, RoleName)
        role.tags = {key: value for key, value in role.tags.items() if key not in TagKeys}
        self._keep(ctx, role)
        return None

    def update_assume_role_policy(self, ctx: Context, *, RoleName: str, PolicyDocument: str) -> Answer:
        role = self._role(ctx, RoleName)
        check_document(PolicyDocument)
        role.trust = PolicyDocument
        self._keep(ctx, role)
        return None

    def update_role(
        self,
        ctx: Context,
        *,
        RoleName: str,
        Description: str | None = None,
        MaxSessionDuration: int | None = None,
    ) -> Answer:
        role = self._role(ctx, RoleName)
        if Description is not None:
            role.description = Description
        if MaxSessionDuration is not None:
            role.session_s = MaxSessionDuration
        self._keep(ctx, role)
        return None

    def update_role_description(self, ctx: Context, *, RoleName: str, Description: str) -> Answer:
        self.update_role(ctx, RoleName=RoleName, Description=Description)
        return self.get_role(ctx, RoleName=RoleName)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _role(self, ctx: Context, name: str) -> Role:
        role = self._tables.roles.get((ctx.account, name))
        if role is None:
            raise NoSuchEntity(f"The role with name {name} cannot be found.")
        return role

    def _keep(self, ctx: Context, role: Role) -> None:
        self._tables.roles.put((ctx.account, role.name), role)


def role_answer(ctx: Context, role: Role) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": f"arn:aws:iam::{ctx.account}:role{role.path}{role.name}",
        "CreateDate": role.created_ms / 1000,
        "AssumeRolePolicyDocument": quote(role.trust, safe=""),  # RFC 3986, says GetRole
        "MaxSessionDuration": role.session_s,
    }
    if role.description:
        answer["Description"] = role.description
    return answer | ({"Tags": tag_list(role.tags)} if role.tags else {})
