"""Users, their groups, policies and login profiles.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_users.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.core.store import Table
from fogbank.core.tags import tag_list, tag_map
from fogbank.services.iam.errors import DeleteConflict, EntityAlreadyExists, NoSuchEntity, ValidationError
from fogbank.services.iam.fields import PAGE_MAX, page, tagged, with_tags
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
from fogbank.services.iam.passwords import check_password
from fogbank.services.iam.records import User, new_id
from fogbank.services.iam.roles import Roles


class Users(Roles):
    """The operations on users of `IamService`."""

    def attach_user_policy(self, ctx: Context, *, UserName: str, PolicyArn: str) -> Answer:
        user = self._user(ctx, UserName)
        check_attachable(ctx, self._tables, PolicyArn)
        attach(user, PolicyArn)
        return self._keep_user(ctx, user)

    def create_login_profile(
        self,
        ctx: Context,
        *,
        UserName: str,
        Password: str | None = None,
        PasswordResetRequired: bool = False,
    ) -> Answer:
        """Fogbank's console needs no password: it is checked and not kept."""
        user = self._user(ctx, UserName)
        if user.login_ms:
            raise EntityAlreadyExists(f"Login Profile for user {UserName} already exists.")
        if Password is None:
            raise ValidationError("The password is required unless the request is made with an AssumeRoot session.")
        check_password(Password, self._password_policy(ctx))
        user.login_ms, user.login_reset = ctx.now_ms, PasswordResetRequired
        self._keep_user(ctx, user)
        return {"LoginProfile": _login_profile(user)}

    def create_user(
        self,
        ctx: Context,
        *,
        UserName: str,
        Path: str = "/",
        PermissionsBoundary: str = "",
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        if PermissionsBoundary:
            check_attachable(ctx, self._tables, PermissionsBoundary)
        if self._tables.users.get((ctx.account, UserName)) is not None:
            raise EntityAlreadyExists(f"User with name {UserName} already exists.")
        user = User(UserName, new_id("AIDA"), Path, ctx.now_ms, tags=tag_map(Tags), boundary=PermissionsBoundary)
        self._keep_user(ctx, user)
        return {"User": user_answer(ctx, user) | tagged(user.tags) | boundary_answer(user)}

    def delete_login_profile(self, ctx: Context, *, UserName: str | None = None) -> Answer:
        user = self._user_or_caller(ctx, UserName)
        self._check_login_profile(user)
        user.login_ms = 0
        return self._keep_user(ctx, user)

    def delete_user(self, ctx: Context, *, UserName: str) -> Answer:
        user = self._user(ctx, UserName)
        place = (ctx.account, UserName)
        if user.groups:
            raise DeleteConflict("Cannot delete entity, must remove users from group first.")
        check_without_policies(user)
        if self._tables.keys.first(place) is not None:
            raise DeleteConflict("Cannot delete entity, must delete access keys first.")
        if user.login_ms:
            raise DeleteConflict("Cannot delete entity, must delete login profile first.")
        if any(device.user == UserName for _, device in self._tables.mfa.scan((ctx.account,))):
            raise DeleteConflict("Cannot delete entity, must delete MFA device first.")
        if self._tables.signing.first(place) is not None:
            raise DeleteConflict("Cannot delete entity, must delete signing certificates first.")
        if any(table.first(place) is not None for table in self._of_users):
            raise DeleteConflict("Cannot delete entity, must remove referenced objects first.")
        self._tables.users.delete(place)
        self._gone(user)
        return None

    def delete_user_permissions_boundary(self, ctx: Context, *, UserName: str) -> Answer:
        user = self._user(ctx, UserName)
        user.boundary = ""
        return self._keep_user(ctx, user)

    def delete_user_policy(self, ctx: Context, *, UserName: str, PolicyName: str) -> Answer:
        user = self._user(ctx, UserName)
        delete_inline(user, "user", PolicyName)
        return self._keep_user(ctx, user)

    def detach_user_policy(self, ctx: Context, *, UserName: str, PolicyArn: str) -> Answer:
        user = self._user(ctx, UserName)
        detach(user, PolicyArn)
        return self._keep_user(ctx, user)

    def get_login_profile(self, ctx: Context, *, UserName: str | None = None) -> Answer:
        user = self._user_or_caller(ctx, UserName)
        self._check_login_profile(user)
        return {"LoginProfile": _login_profile(user)}

    def get_user(self, ctx: Context, *, UserName: str | None = None) -> Answer:
        """Without a name it is the caller: the user of its access key, or the account's root."""
        if UserName is None and self._calling_user(ctx) is None:
            return {"User": self._root(ctx)}
        user = self._user_or_caller(ctx, UserName)
        return {"User": user_answer(ctx, user) | tagged(user.tags) | boundary_answer(user)}

    def get_user_policy(self, ctx: Context, *, UserName: str, PolicyName: str) -> Answer:
        return inline_answer(self._user(ctx, UserName), "user", PolicyName)

    def list_attached_user_policies(
        self,
        ctx: Context,
        *,
        UserName: str,
        PathPrefix: str = "/",
        Marker: str | None = None,
        MaxItems: int = PAGE_MAX,
    ) -> Answer:
        return page("AttachedPolicies", attached_rows(self._user(ctx, UserName), PathPrefix), Marker, MaxItems)

    def list_user_policies(
        self, ctx: Context, *, UserName: str, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        return page("PolicyNames", sorted(self._user(ctx, UserName).inline), Marker, MaxItems)

    def list_user_tags(
        self, ctx: Context, *, UserName: str, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        return page("Tags", tag_list(self._user(ctx, UserName).tags), Marker, MaxItems)

    def list_users(
        self, ctx: Context, *, PathPrefix: str = "/", Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        found = [user for _, user in self._tables.users.scan((ctx.account,)) if user.path.startswith(PathPrefix)]
        return page("Users", [user_answer(ctx, user) for user in found], Marker, MaxItems)

    def put_user_permissions_boundary(self, ctx: Context, *, UserName: str, PermissionsBoundary: str) -> Answer:
        user = self._user(ctx, UserName)
        check_attachable(ctx, self._tables, PermissionsBoundary)
        user.boundary = PermissionsBoundary
        return self._keep_user(ctx, user)

    def put_user_policy(self, ctx: Context, *, UserName: str, PolicyName: str, PolicyDocument: str) -> Answer:
        user = self._user(ctx, UserName)
        put_inline(user, PolicyName, PolicyDocument)
        return self._keep_user(ctx, user)

    def tag_user(self, ctx: Context, *, UserName: str, Tags: list[dict[str, str]]) -> Answer:
        user = self._user(ctx, UserName)
        user.tags = with_tags(user.tags, Tags)
        return self._keep_user(ctx, user)

    def untag_user(self, ctx: Context, *, UserName: str, TagKeys: list[str]) -> Answer:
        user = self._user(ctx, UserName)
        user.tags = {key: value for key, value in user.tags.items() if key not in TagKeys}
        return self._keep_user(ctx, user)

    def update_login_profile(
        self,
        ctx: Context,
        *,
        UserName: str,
        Password: str | None = None,
        PasswordResetRequired: bool | None = None,
    ) -> Answer:
        user = self._user(ctx, UserName)
        self._check_login_profile(user)
        if Password is not None:
            check_password(Password, self._password_policy(ctx))
        if PasswordResetRequired is not None:
            user.login_reset = PasswordResetRequired
        return self._keep_user(ctx, user)

    def update_user(
        self, ctx: Context, *, UserName: str, NewUserName: str | None = None, NewPath: str | None = None
    ) -> Answer:
        user = self._user(ctx, UserName)
        before = user_arn(ctx, user)
        user.path = NewPath or user.path
        if NewUserName is not None and NewUserName != UserName:
            if self._tables.users.get((ctx.account, NewUserName)) is not None:
                raise EntityAlreadyExists(f"User with name {NewUserName} already exists.")
            self._tables.users.delete((ctx.account, UserName))
            user.name = NewUserName
            self._renamed(ctx.account, user)
            for table in self._of_users:
                for key, record in list(table.scan((ctx.account, UserName))):
                    table.delete(key)
                    table.put((ctx.account, NewUserName, key[2]), record)
            for key, device in list(self._tables.mfa.scan((ctx.account,))):
                if device.user == UserName:
                    device.user = NewUserName
                    self._tables.mfa.put(key, device)
        self._rename_owner(before, user_arn(ctx, user))
        return self._keep_user(ctx, user)

    # ---- steps --------------------------------------------------------------------------------------------------

    @property
    def _of_users(self) -> tuple[Table[Any], ...]:
        """The tables whose keys are account, user and something of the user's."""
        return (self._tables.keys, self._tables.credentials, self._tables.signing, self._tables.ssh)

    def _rename_owner(self, before: str, now: str) -> None:
        """Keys and sessions go on to stand for their user, who is called otherwise now."""
        for place, issued in list(self.cloud.access_keys.scan()):
            if before in (issued.principal_arn, issued.issuer_arn):
                issued.principal_arn = now if issued.principal_arn == before else issued.principal_arn
                issued.issuer_arn = now if issued.issuer_arn == before else issued.issuer_arn
                self.cloud.access_keys.put(place, issued)

    def _user(self, ctx: Context, name: str) -> User:
        user = self._tables.users.get((ctx.account, name))
        if user is None:
            raise NoSuchEntity(f"The user with name {name} cannot be found.")
        return user

    def _keep_user(self, ctx: Context, user: User) -> Answer:
        self._tables.users.put((ctx.account, user.name), user)
        return None

    def _password_policy(self, ctx: Context) -> dict[str, Any]:
        account = self._tables.accounts.get((ctx.account,))
        return account.password_policy if account is not None else {}

    def _calling_user(self, ctx: Context) -> str | None:
        """The name of the user whose access key signed the request; None for the account's root."""
        key = self.cloud.access_keys.get((ctx.access_key,)) if ctx.access_key else None
        if key is None or key.principal_arn.endswith(":root"):
            return None
        if ":assumed-role/" in key.principal_arn:
            raise ValidationError("Must specify userName when calling with non-User credentials")
        return key.principal_arn.rpartition("/")[2]

    def _user_or_caller(self, ctx: Context, name: str | None) -> User:
        name = name or self._calling_user(ctx)
        if name is None:
            raise ValidationError("Must specify userName when calling with non-User credentials")
        return self._user(ctx, name)

    def _root(self, ctx: Context) -> dict[str, Any]:
        return {
            "Path": "/",
            "UserName": "root",
            "UserId": ctx.account,
            "Arn": f"arn:aws:iam::{ctx.account}:root",
            "CreateDate": 0,  # An account of Fogbank's is there from the beginning.
        }

    def _check_login_profile(self, user: User) -> None:
        if not user.login_ms:
            raise NoSuchEntity(f"Login Profile for User {user.name} cannot be found.")


def user_arn(ctx: Context, user: User) -> str:
    return f"arn:aws:iam::{ctx.account}:user{user.path}{user.name}"


def user_answer(ctx: Context, user: User) -> dict[str, Any]:
    """A user as lists have it: without its tags and its boundary."""
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user_arn(ctx, user),
        "CreateDate": user.created_ms / 1000,
    }


def _login_profile(user: User) -> dict[str, Any]:
    return {
        "UserName": user.name,
        "CreateDate": user.login_ms / 1000,
        "PasswordResetRequired": user.login_reset,
    }
