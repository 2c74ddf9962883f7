"""Instance profiles: how an EC2 instance gets a role. One holds at most one role.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2_instance-profiles.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.core.tags import tag_list, tag_map
from fogbank.services.iam.errors import DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity
from fogbank.services.iam.fields import PAGE_MAX, page, with_tags
from fogbank.services.iam.records import InstanceProfile, new_id
from fogbank.services.iam.roles import Roles, role_answer


class InstanceProfiles(Roles):
    """The operations on instance profiles of `IamService`."""

    def add_role_to_instance_profile(self, ctx: Context, *, InstanceProfileName: str, RoleName: str) -> Answer:
        profile = self._profile(ctx, InstanceProfileName)
        self._role(ctx, RoleName)
        if profile.role:
            raise LimitExceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
        profile.role = RoleName
        self._tables.profiles.put((ctx.account, profile.name), profile)
        return None

    def create_instance_profile(
        self,
        ctx: Context,
        *,
        InstanceProfileName: str,
        Path: str = "/",
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        place = (ctx.account, InstanceProfileName)
        if self._tables.profiles.get(place) is not None:
            raise EntityAlreadyExists(f"Instance Profile {InstanceProfileName} already exists.")
        profile = InstanceProfile(InstanceProfileName, new_id("AIPA"), Path, ctx.now_ms, tags=tag_map(Tags))
        self._tables.profiles.put(place, profile)
        return {"InstanceProfile": self._profile_answer(ctx, profile)}

    def delete_instance_profile(self, ctx: Context, *, InstanceProfileName: str) -> Answer:
        if self._profile(ctx, InstanceProfileName).role:
            raise DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
        self._tables.profiles.delete((ctx.account, InstanceProfileName))
        return None

    def get_instance_profile(self, ctx: Context, *, InstanceProfileName: str) -> Answer:
        return {"InstanceProfile": self._profile_answer(ctx, self._profile(ctx, InstanceProfileName))}

    def list_instance_profiles(
        self, ctx: Context, *, PathPrefix: str = "/", Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        found = [
            self._profile_answer(ctx, profile)
            for _, profile in self._tables.profiles.scan((ctx.account,))
            if profile.path.startswith(PathPrefix)
        ]
        return page("InstanceProfiles", found, Marker, MaxItems)

    def list_instance_profiles_for_role(
        self, ctx: Context, *, RoleName: str, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        self._role(ctx, RoleName)
        found = [
            self._profile_answer(ctx, profile)
            for _, profile in self._tables.profiles.scan((ctx.account,))
            if profile.role == RoleName
        ]
        return page("InstanceProfiles", found, Marker, MaxItems)

    def remove_role_from_instance_profile(self, ctx: Context, *, InstanceProfileName: str, RoleName: str) -> Answer:
        profile = self._profile(ctx, InstanceProfileName)
        if profile.role != RoleName:
            raise NoSuchEntity(f"The role with name {RoleName} cannot be found.")
        profile.role = ""
        self._tables.profiles.put((ctx.account, profile.name), profile)
        return None

    def list_instance_profile_tags(
        self, ctx: Context, *, InstanceProfileName: str, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        return page("Tags", tag_list(self._profile(ctx, InstanceProfileName).tags), Marker, MaxItems)

    def tag_instance_profile(self, ctx: Context, *, InstanceProfileName: str, Tags: list[dict[str, str]]) -> Answer:
        profile = self._profile(ctx, InstanceProfileName)
        profile.tags = with_tags(profile.tags, Tags)
        self._tables.profiles.put((ctx.account, profile.name), profile)
        return None

    def untag_instance_profile(self, ctx: Context, *, InstanceProfileName: str, TagKeys: list[str]) -> Answer:
        profile = self._profile(ctx, InstanceProfileName)
        profile.tags = {key: value for key, value in profile.tags.items() if key not in TagKeys}
        self._tables.profiles.put((ctx.account, profile.name), profile)
        return None

    # ---- steps --------------------------------------------------------------------------------------------------

    def _profile(self, ctx: Context, name: str) -> InstanceProfile:
        profile = self._tables.profiles.get((ctx.account, name))
        if profile is None:
            raise NoSuchEntity(f"Instance Profile {name} cannot be found.")
        return profile

    def _profile_answer(self, ctx: Context, profile: InstanceProfile) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "Path": profile.path,
            "InstanceProfileName": profile.name,
            "InstanceProfileId": profile.id,
            "Arn": f"arn:aws:iam::{ctx.account}:instance-profile{profile.path}{profile.name}",
            "CreateDate": profile.created_ms / 1000,
            "Roles": [role_answer(ctx, self._role(ctx, profile.role))] if profile.role else [],
        }
        return answer | ({"Tags": tag_list(profile.tags)} if profile.tags else {})
