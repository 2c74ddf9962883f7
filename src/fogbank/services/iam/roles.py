"""Roles, their inline policies and the managed policies attached to them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html
"""

from typing import Any
from urllib.parse import quote

from fogbank.core import named_principals
from fogbank.core.context import Context
from fogbank.core.policy_grammar import MalformedPolicy, check_trust_policy
from fogbank.core.service import Answer
from fogbank.core.tags import tag_list, tag_map
from fogbank.services.iam.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    LimitExceeded,
    MalformedPolicyDocument,
    NoSuchEntity,
    UnmodifiableEntity,
)
from fogbank.services.iam.fields import PAGE_MAX, page, policy_size, tagged, with_tags
from fogbank.services.iam.holders import (
    attach,
    attached_rows,
    boundary_answer,
    check_attachable,
    check_without_policies,
    delete_inline,
    detach,
    inline_answer,
    put_inline,
)
from fogbank.services.iam.named_principals import NamedPrincipals
from fogbank.services.iam.records import Role, new_id

TRUST_SIZE_MAX = 2048  # characters without white space, a quota


class Roles(NamedPrincipals):
    """The operations on roles of `IamService`."""

    def attach_role_policy(self, ctx: Context, *, RoleName: str, PolicyArn: str) -> Answer:
        role = self._own_role(ctx, RoleName)
        check_attachable(ctx, self._tables, PolicyArn)
        attach(role, PolicyArn)
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
        PermissionsBoundary: str = "",
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        if PermissionsBoundary:
            check_attachable(ctx, self._tables, PermissionsBoundary)
        if self._tables.roles.get((ctx.account, RoleName)) is not None:
            raise EntityAlreadyExists(f"Role with name {RoleName} already exists.")
        role = Role(
            name=RoleName,
            id=new_id("AROA"),
            path=Path,
            created_ms=ctx.now_ms,
            trust=self._trust(ctx, AssumeRolePolicyDocument),
            description=Description,
            session_s=MaxSessionDuration,
            tags=tag_map(Tags),
            boundary=PermissionsBoundary,
        )
        self._keep(ctx, role)
        answer = role_answer(ctx, role)
        del answer["MaxSessionDuration"]  # CreateRole answers without it.
        return {"Role": answer | tagged(role.tags) | boundary_answer(role)}

    def delete_role(self, ctx: Context, *, RoleName: str) -> Answer:
        role = self._own_role(ctx, RoleName)
        if any(profile.role == RoleName for _, profile in self._tables.profiles.scan((ctx.account,))):
            raise DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
        check_without_policies(role)
        self._tables.roles.delete((ctx.account, RoleName))
        self._gone(role)
        self.cloud.last_used.forget(ctx.account, f"role/{RoleName}")
        return None

    def delete_role_permissions_boundary(self, ctx: Context, *, RoleName: str) -> Answer:
        role = self._own_role(ctx, RoleName)
        role.boundary = ""
        self._keep(ctx, role)
        return None

    def delete_role_policy(self, ctx: Context, *, RoleName: str, PolicyName: str) -> Answer:
        role = self._own_role(ctx, RoleName)
        delete_inline(role, "role", PolicyName)
        self._keep(ctx, role)
        return None

    def detach_role_policy(self, ctx: Context, *, RoleName: str, PolicyArn: str) -> Answer:
        role = self._own_role(ctx, RoleName)
        detach(role, PolicyArn)
        self._keep(ctx, role)
        return None

    def get_role(self, ctx: Context, *, RoleName: str) -> Answer:
        role = self._role(ctx, RoleName)
        return {
            "Role": role_answer(ctx, role)
            | {"RoleLastUsed": self._last_used(ctx, RoleName)}
            | tagged(role.tags)
            | boundary_answer(role)
        }

    def get_role_policy(self, ctx: Context, *, RoleName: str, PolicyName: str) -> Answer:
        return inline_answer(self._role(ctx, RoleName), "role", PolicyName)

    def list_attached_role_policies(
        self,
        ctx: Context,
        *,
        RoleName: str,
        PathPrefix: str = "/",
        Marker: str | None = None,
        MaxItems: int = PAGE_MAX,
    ) -> Answer:
        return page("AttachedPolicies", attached_rows(self._role(ctx, RoleName), PathPrefix), Marker, MaxItems)

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

    def put_role_permissions_boundary(self, ctx: Context, *, RoleName: str, PermissionsBoundary: str) -> Answer:
        role = self._own_role(ctx, RoleName)
        check_attachable(ctx, self._tables, PermissionsBoundary)
        role.boundary = PermissionsBoundary
        self._keep(ctx, role)
        return None

    def put_role_policy(self, ctx: Context, *, RoleName: str, PolicyName: str, PolicyDocument: str) -> Answer:
        role = self._own_role(ctx, RoleName)
        put_inline(role, PolicyName, PolicyDocument)
        self._keep(ctx, role)
        return None

    def tag_role(self, ctx: Context, *, RoleName: str, Tags: list[dict[str, str]]) -> Answer:
        role = self._role(ctx, RoleName)
        role.tags = with_tags(role.tags, Tags)
        self._keep(ctx, role)
        return None

    def untag_role(self, ctx: Context, *, RoleName: str, TagKeys: list[str]) -> Answer:
        role = self._role(ctx, RoleName)
        role.tags = {key: value for key, value in role.tags.items() if key not in TagKeys}
        self._keep(ctx, role)
        return None

    def update_assume_role_policy(self, ctx: Context, *, RoleName: str, PolicyDocument: str) -> Answer:
        role = self._own_role(ctx, RoleName)
        role.trust = self._trust(ctx, PolicyDocument)
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

    # ---- for STS ------------------------------------------------------------------------------------------------

    def trust_policy(self, ctx: Context, name: str) -> str | None:
        """The trust policy of a role as it decides; None if the role is not there."""
        role = self._tables.roles.peek((ctx.account, name))
        return role.trust if role is not None else None

    # ---- steps --------------------------------------------------------------------------------------------------

    def _role(self, ctx: Context, name: str) -> Role:
        role = self._tables.roles.get((ctx.account, name))
        if role is None:
            raise NoSuchEntity(f"The role with name {name} cannot be found.")
        return role

    def _own_role(self, ctx: Context, name: str) -> Role:
        """A role that may be changed: one that is linked to a service is the service's."""
        role = self._role(ctx, name)
        if role.service:
            raise UnmodifiableEntity(
                f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
            )
        return role

    def _last_used(self, ctx: Context, name: str) -> dict[str, Any]:
        use = self.cloud.last_used.of(ctx.account, f"role/{name}")
        return {} if use is None else {"LastUsedDate": use.at_ms / 1000, "Region": use.region}

    def _trust(self, ctx: Context, document: str) -> str:
        """A trust policy as it is kept. It must be well-formed, and the users and roles that it names must be there."""
        try:
            check_trust_policy(document)
            trust = named_principals.kept(ctx, document)
        except MalformedPolicy as fault:
            raise MalformedPolicyDocument(str(fault)) from None
        if policy_size(document) > TRUST_SIZE_MAX:
            raise LimitExceeded(f"Cannot exceed quota for ACLSizePerRole: {TRUST_SIZE_MAX}")
        return trust

    def _keep(self, ctx: Context, role: Role) -> None:
        self._tables.roles.put((ctx.account, role.name), role)


def role_answer(ctx: Context, role: Role) -> dict[str, Any]:
    """A role as lists have it: without its tags and its boundary."""
    answer: dict[str, Any] = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": f"arn:aws:iam::{ctx.account}:role{role.path}{role.name}",
        "CreateDate": role.created_ms / 1000,
        "AssumeRolePolicyDocument": quote(named_principals.shown(ctx, role.trust), safe=""),  # RFC 3986, says GetRole
        "MaxSessionDuration": role.session_s,
    }
    return answer | ({"Description": role.description} if role.description else {})
