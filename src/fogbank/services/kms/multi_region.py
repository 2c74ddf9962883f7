"""Multi-Region keys: one id and one material in several regions.

https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html
"""

import msgspec

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.kms.base import check_usable
from fogbank.services.kms.descriptions import metadata
from fogbank.services.kms.errors import AlreadyExists, NotFound, UnsupportedOperation
from fogbank.services.kms.importing import Importing
from fogbank.services.kms.key_policies import checked_policy, default_policy
from fogbank.services.kms.records import ENABLED, PENDING_IMPORT, Key, key_arn
from fogbank.services.kms.tagging import tags_given


class MultiRegion(Importing):
    """The multi-Region keys of `KmsService`. A replica is there at once."""

    def replicate_key(
        self,
        ctx: Context,
        *,
        KeyId: str,
        ReplicaRegion: str,
        Policy: str | None = None,
        BypassPolicyLockoutSafetyCheck: bool = False,
        Description: str = "",
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        key = self._primary_to_change(ctx, KeyId)
        check_usable(key)
        if ReplicaRegion in key.regions:
            arn = key_arn(ReplicaRegion, key.account, key.id)
            raise AlreadyExists(f"{arn} already exists.")
        replica = Key(
            id=key.id,
            account=key.account,
            region=ReplicaRegion,
            created_ms=ctx.now_ms,
            spec=key.spec,
            usage=key.usage,
            origin=key.origin,
            policy=default_policy(ctx.account),
            state=PENDING_IMPORT if key.imported else ENABLED,
            description=Description,
            tags=tags_given(Tags),
            primary_region=key.region,
            material=key.material if not key.imported else 0,
            material_id=key.material_id if not key.imported else "",
        )
        if Policy is not None:
            bypass = BypassPolicyLockoutSafetyCheck
            replica.policy = checked_policy(ctx, Policy, replica.arn, bypass_lockout_check=bypass)
        if not key.imported:
            self._copy_materials(key, replica)
        regions = [*key.regions, ReplicaRegion]
        for each in (*self._everywhere(key), replica):
            each.regions = regions
            self._save(each)
        # AWS answers before the replica is there.
        answer = metadata(msgspec.structs.replace(replica, state="Creating", material_id=""), None)
        tags = {"ReplicaTags": Tags} if Tags else {}
        return {"ReplicaKeyMetadata": answer, "ReplicaPolicy": Policy or replica.policy, **tags}

    def update_primary_region(self, ctx: Context, *, KeyId: str, PrimaryRegion: str) -> Answer:
        key = self._primary_to_change(ctx, KeyId)
        check_usable(key)
        place = (key.account, PrimaryRegion, key.id)
        replica = self._tables.keys.get(place)
        if replica is None:
            raise NotFound(f"Key '{key_arn(PrimaryRegion, key.account, key.id)}' does not exist")
        if PrimaryRegion == key.region:
            raise UnsupportedOperation(f"{key.arn} is the multi-region primary key.")
        check_usable(replica)
        days, next_ms, on_demand = key.rotation_days, key.rotates_ms, key.rotations_on_demand
        everywhere = self._everywhere(key)
        self._set_rotation(key, 0, from_ms=0)
        for each in everywhere:
            each.primary_region = PrimaryRegion
            if each.region == PrimaryRegion:
                each.rotation_days, each.rotates_ms, each.rotations_on_demand = days, next_ms, on_demand
                if days:
                    self._rotations.set(each.place, next_ms)
            self._save(each)
        return None

    # ---- steps ---------------------------------------------------------------------------------------------------

    def _primary_to_change(self, ctx: Context, name: str) -> Key:
        key = self._key_to_change(ctx, name)
        if key.primary_region != key.region:
            raise UnsupportedOperation(f"{key.arn} is not a multi-region primary key.")
        return key

    def _copy_materials(self, key: Key, replica: Key) -> None:
        for place, material in list(self._tables.materials.scan(key.place)):
            self._add_material(replica, self._secret(key, place[3]), material, place[3])
