"""Keys: made, described, enabled and disabled, deleted after a waiting period.

https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
"""

import asyncio
from functools import partial
from typing import Any

from fogbank.core.alarms import Alarm
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.services.kms.base import check_not, new_key_id, paged
from fogbank.services.kms.descriptions import metadata
from fogbank.services.kms.errors import InvalidState, Validation
from fogbank.services.kms.events import announce
from fogbank.services.kms.grants import Grants
from fogbank.services.kms.key_material import generate, takes_long
from fogbank.services.kms.key_policies import KeyPolicies, checked_policy, default_policy
from fogbank.services.kms.key_specs import ENCRYPT, SYMMETRIC, known_spec
from fogbank.services.kms.managed_keys import ManagedKeys
from fogbank.services.kms.records import (
    DISABLED,
    ENABLED,
    PENDING_DELETION,
    PENDING_IMPORT,
    PENDING_REPLICA_DELETION,
    Key,
)
from fogbank.services.kms.tagging import tags_given

_DAY_MS = 86_400_000
_WINDOW_DAYS = (7, 30)


async def new_material(spec: str) -> bytes:
    """New material for a key of that spec, made in a thread if that takes long."""
    return await asyncio.to_thread(generate, spec) if takes_long(spec) else generate(spec)


class Keys(KeyPolicies, ManagedKeys, Grants):
    """The keys of `KmsService`."""

    def cancel_key_deletion(self, ctx: Context, *, KeyId: str) -> Answer:
        key = self._key_to_change(ctx, KeyId)
        if key.state not in (PENDING_DELETION, PENDING_REPLICA_DELETION):
            raise InvalidState(f"{key.arn} is not pending deletion.")
        self._deletions.cancel(key.place)
        key.state = PENDING_IMPORT if key.imported and not self._has_material(key) else DISABLED
        key.deletion_ms = key.window_days = 0
        self._save(key)
        return {"KeyId": key.arn}

    async def create_key(
        self,
        ctx: Context,
        *,
        Policy: str | None = None,
        Description: str = "",
        KeyUsage: str | None = None,
        CustomerMasterKeySpec: str | None = None,
        KeySpec: str | None = None,
        Origin: str = "AWS_KMS",
        BypassPolicyLockoutSafetyCheck: bool = False,
        Tags: list[dict[str, str]] | None = None,
        MultiRegion: bool = False,
    ) -> Answer:
        """CustomKeyStoreId and XksKeyId are NotImplemented: there are no custom key stores."""
        if Origin not in ("AWS_KMS", "EXTERNAL"):
            raise NotImplementedInFogbank(f"Keys of the origin {Origin} are not implemented by Fogbank.")
        if KeySpec is not None and CustomerMasterKeySpec is not None:
            raise Validation(
                "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. "
                "CustomerMasterKeySpec is deprecated."
            )
        spec = KeySpec or CustomerMasterKeySpec or SYMMETRIC
        key = Key(
            id=new_key_id(multi_region=MultiRegion),
            account=ctx.account,
            region=ctx.region,
            created_ms=ctx.now_ms,
            spec=spec,
            usage=_usage(spec, KeyUsage),
            origin=Origin,
            policy=default_policy(ctx.account),
            state=PENDING_IMPORT if Origin == "EXTERNAL" else ENABLED,
            description=Description,
            tags=tags_given(Tags),
            primary_region=ctx.region if MultiRegion else "",
            regions=[ctx.region] if MultiRegion else [],
        )
        if Policy is not None:
            checked = partial(checked_policy, bypass_lockout_check=BypassPolicyLockoutSafetyCheck)
            key.policy = await ctx.run(checked, ctx, Policy, key.arn)
        secret = b"" if key.imported else await new_material(spec)
        return await ctx.run(self._keep_new, ctx, key, secret)

    def describe_key(self, ctx: Context, *, KeyId: str, GrantTokens: list[str] | None = None) -> Answer:
        self._check_tokens(GrantTokens)
        return {"KeyMetadata": self._metadata(self._key(ctx, KeyId, alias=True, foreign=True))}

    def disable_key(self, ctx: Context, *, KeyId: str) -> Answer:
        key = self._key_to_change(ctx, KeyId)
        check_not(key, PENDING_DELETION, PENDING_REPLICA_DELETION, PENDING_IMPORT)
        key.state = DISABLED
        self._save(key)
        return None

    def enable_key(self, ctx: Context, *, KeyId: str) -> Answer:
        key = self._key_to_change(ctx, KeyId)
        check_not(key, PENDING_DELETION, PENDING_REPLICA_DELETION, PENDING_IMPORT)
        key.state = ENABLED
        self._save(key)
        return None

    def list_keys(self, ctx: Context, *, Limit: int | None = None, Marker: str | None = None) -> Answer:
        rows, rest = paged(self._tables.keys, (ctx.account, ctx.region), Marker, Limit)
        return {"Keys": [{"KeyId": key.id, "KeyArn": key.arn} for _, key in rows], **rest}

    def schedule_key_deletion(self, ctx: Context, *, KeyId: str, PendingWindowInDays: int | None = None) -> Answer:
        key = self._key_to_change(ctx, KeyId)
        check_not(key, PENDING_DELETION, PENDING_REPLICA_DELETION)
        least, most = _WINDOW_DAYS
        days = PendingWindowInDays if PendingWindowInDays is not None else most
        if not least <= days <= most:
            raise Validation(f"PendingWindowInDays must be between {least} and {most} days.")
        key.window_days = days
        if len(key.regions) > 1 and not key.replica:
            key.state = PENDING_REPLICA_DELETION
        else:
            self._await_deletion(ctx, key)
        self._save(key)
        answer: dict[str, Any] = {"KeyId": key.arn, "KeyState": key.state, "PendingWindowInDays": days}
        return answer | ({"DeletionDate": key.deletion_ms / 1000} if key.deletion_ms else {})

    def update_key_description(self, ctx: Context, *, KeyId: str, Description: str) -> Answer:
        key = self._key_to_change(ctx, KeyId)
        check_not(key, PENDING_DELETION, PENDING_REPLICA_DELETION)
        key.description = Description
        self._save(key)
        return None

    # ---- steps ---------------------------------------------------------------------------------------------------

    def _keep_new(self, ctx: Context, key: Key, secret: bytes) -> Answer:
        if secret:
            self._first_material(ctx, key, secret)
        self._save(key)
        return {"KeyMetadata": self._metadata(key)}

    def _metadata(self, key: Key) -> dict[str, Any]:
        return metadata(key, self._tables.materials.peek((*key.place, key.material)))

    def _has_material(self, key: Key) -> bool:
        material = self._tables.materials.peek((*key.place, key.material))
        return material is not None and bool(material.wrapped)

    def _await_deletion(self, ctx: Context, key: Key) -> None:
        """Begin the waiting period; the caller saves the key."""
        key.state = PENDING_DELETION
        key.deletion_ms = ctx.now_ms + key.window_days * _DAY_MS
        self._deletions.set(key.place, key.deletion_ms)

    def _delete_due(self, place: Any, alarm: Alarm) -> None:
        key = self._tables.keys.get(place)
        if key is None or key.state != PENDING_DELETION:
            return
        ctx = self.cloud.context(account=key.account, region=key.region)
        self._forget(key)
        announce(ctx, key, "KMS CMK Deletion")
        for region in key.regions:
            other = self._tables.keys.get((key.account, region, key.id))
            if other is None:
                continue
            other.regions = [each for each in other.regions if each != key.region]
            if other.state == PENDING_REPLICA_DELETION and len(other.regions) == 1:
                self._await_deletion(ctx, other)
            self._save(other)

    def _forget(self, key: Key) -> None:
        """Remove all that there is of the key. What it encrypted cannot be read any more."""
        for alarms in (self._deletions, self._rotations):
            alarms.cancel(key.place)
        for place, _ in list(self._tables.materials.scan(key.place)):
            self._expiries.cancel(place)
            self._tables.materials.delete(place)
        for place, alias in list(self._tables.aliases.scan(key.place[:2])):
            if alias.key_id == key.id:
                self._tables.aliases.delete(place)
        self._tables.grants.delete_all(key.place)
        self._tables.keys.delete(key.place)


def _usage(spec: str, given: str | None) -> str:
    kind = known_spec(spec)
    if given is None and spec != SYMMETRIC:
        raise Validation("You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
    usage = given or ENCRYPT
    if usage not in kind.algorithms:
        raise Validation(f"KeyUsage {usage} is not compatible with KeySpec {spec}")
    return usage
