"""Groups of users, and the policies that their members have.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_groups.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.iam.errors import DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity
from fogbank.services.iam.fields import PAGE_MAX, page
from fogbank.services.iam.holders import (
    attach,
    attached_rows,
    check_attachable,
    check_without_policies,
    delete_inline,
    detach,
    inline_answer,
    put_inline,
)
from fogbank.services.iam.records import Group, User, new_id
from fogbank.services.iam.users import Users, user_answer

GROUPS_OF_USER_MAX = 10


class Groups(Users):
    """The operations on groups of `IamService`."""

    def add_user_to_group(self, ctx: Context, *, GroupName: str, UserName: str) -> Answer:
        self._group(ctx, GroupName)
        user = self._user(ctx, UserName)
        if GroupName not in user.groups:
            if len(user.groups) >= GROUPS_OF_USER_MAX:
                raise LimitExceeded(f"Cannot exceed quota for GroupsPerUser: {GROUPS_OF_USER_MAX}")
            user.groups.append(GroupName)
        return self._keep_user(ctx, user)

    def attach_group_policy(self, ctx: Context, *, GroupName: str, PolicyArn: str) -> Answer:
        group = self._group(ctx, GroupName)
        check_attachable(ctx, self._tables, PolicyArn)
        attach(group, PolicyArn)
        return self._keep_group(ctx, group)

    def create_group(self, ctx: Context, *, GroupName: str, Path: str = "/") -> Answer:
        if self._tables.groups.get((ctx.account, GroupName)) is not None:
            raise EntityAlreadyExists(f"Group with name {GroupName} already exists.")
        group = Group(GroupName, new_id("AGPA"), Path, ctx.now_ms)
        self._keep_group(ctx, group)
        return {"Group": group_answer(ctx, group)}

    def delete_group(self, ctx: Context, *, GroupName: str) -> Answer:
        group = self._group(ctx, GroupName)
        if self._members(ctx, GroupName):
            raise DeleteConflict("Cannot delete entity, must remove users from group first.")
        check_without_policies(group)
        self._tables.groups.delete((ctx.account, GroupName))
        return None

    def delete_group_policy(self, ctx: Context, *, GroupName: str, PolicyName: str) -> Answer:
        group = self._group(ctx, GroupName)
        delete_inline(group, "group", PolicyName)
        return self._keep_group(ctx, group)

    def detach_group_policy(self, ctx: Context, *, GroupName: str, PolicyArn: str) -> Answer:
        group = self._group(ctx, GroupName)
        detach(group, PolicyArn)
        return self._keep_group(ctx, group)

    def get_group(self, ctx: Context, *, GroupName: str, Marker: str | None = None, MaxItems: int = PAGE_MAX) -> Answer:
        group = self._group(ctx, GroupName)
        rows = [user_answer(ctx, user) for user in self._members(ctx, GroupName)]
        return {"Group": group_answer(ctx, group)} | page("Users", rows, Marker, MaxItems)

    def get_group_policy(self, ctx: Context, *, GroupName: str, PolicyName: str) -> Answer:
        return inline_answer(self._group(ctx, GroupName), "group", PolicyName)

    def list_attached_group_policies(
        self,
        ctx: Context,
        *,
        GroupName: str,
        PathPrefix: str = "/",
        Marker: str | None = None,
        MaxItems: int = PAGE_MAX,
    ) -> Answer:
        return page("AttachedPolicies", attached_rows(self._group(ctx, GroupName), PathPrefix), Marker, MaxItems)

    def list_group_policies(
        self, ctx: Context, *, GroupName: str, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        return page("PolicyNames", sorted(self._group(ctx, GroupName).inline), Marker, MaxItems)

    def list_groups(
        self, ctx: Context, *, PathPrefix: str = "/", Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        found = [group for _, group in self._tables.groups.scan((ctx.account,)) if group.path.startswith(PathPrefix)]
        return page("Groups", [group_answer(ctx, group) for group in found], Marker, MaxItems)

    def list_groups_for_user(
        self, ctx: Context, *, UserName: str, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        groups = [self._group(ctx, name) for name in self._user(ctx, UserName).groups]
        return page("Groups", [group_answer(ctx, group) for group in groups], Marker, MaxItems)

    def put_group_policy(self, ctx: Context, *, GroupName: str, PolicyName: str, PolicyDocument: str) -> Answer:
        group = self._group(ctx, GroupName)
        put_inline(group, PolicyName, PolicyDocument)
        return self._keep_group(ctx, group)

    def remove_user_from_group(self, ctx: Context, *, GroupName: str, UserName: str) -> Answer:
        self._group(ctx, GroupName)
        user = self._user(ctx, UserName)
        if GroupName in user.groups:
            user.groups.remove(GroupName)
        return self._keep_user(ctx, user)

    def update_group(
        self, ctx: Context, *, GroupName: str, NewGroupName: str | None = None, NewPath: str | None = None
    ) -> Answer:
        group = self._group(ctx, GroupName)
        group.path = NewPath or group.path
        if NewGroupName is not None and NewGroupName != GroupName:
            if self._tables.groups.get((ctx.account, NewGroupName)) is not None:
                raise EntityAlreadyExists(f"Group with name {NewGroupName} already exists.")
            self._tables.groups.delete((ctx.account, GroupName))
            group.name = NewGroupName
            for user in self._members(ctx, GroupName):
                user.groups[user.groups.index(GroupName)] = NewGroupName
                self._keep_user(ctx, user)
        return self._keep_group(ctx, group)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _group(self, ctx: Context, name: str) -> Group:
        group = self._tables.groups.get((ctx.account, name))
        if group is None:
            raise NoSuchEntity(f"The group with name {name} cannot be found.")
        return group

    def _keep_group(self, ctx: Context, group: Group) -> Answer:
        self._tables.groups.put((ctx.account, group.name), group)
        return None

    def _members(self, ctx: Context, name: str) -> list[User]:
        return [user for _, user in self._tables.users.scan((ctx.account,)) if name in user.groups]


def group_answer(ctx: Context, group: Group) -> dict[str, Any]:
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": f"arn:aws:iam::{ctx.account}:group{group.path}{group.name}",
        "CreateDate": group.created_ms / 1000,
    }
