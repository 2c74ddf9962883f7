"""Rotation: a key gets new material, and decrypts with what it had.

https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
"""

from typing import Any

from fogbank.core.alarms import Alarm
from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.kms.base import KmsBase, check_usable, paged
from fogbank.services.kms.descriptions import expiration
from fogbank.services.kms.errors import InvalidState, LimitExceeded, UnsupportedOperation
from fogbank.services.kms.events import announce
from fogbank.services.kms.key_material import generate, material_id
from fogbank.services.kms.records import ENABLED, PENDING_DELETION, PENDING_REPLICA_DELETION, Key, Material

YEAR_DAYS = 365
_DAY_MS = 86_400_000
_ON_DEMAND_MAX = 25  # KMS's limit for each key.
AUTOMATIC = "AUTOMATIC"
ON_DEMAND = "ON_DEMAND"


class Rotation(KmsBase):
    """The rotation of `KmsService`. Of a multi-Region key the primary rotates, and its replicas with it."""

    def disable_key_rotation(self, ctx: Context, *, KeyId: str) -> Answer:
        key = self._key_to_change(ctx, KeyId)
        check_usable(key)
        _check_rotates(key)
        self._set_rotation(key, 0, from_ms=0)
        self._save(key)
        return None

    def enable_key_rotation(self, ctx: Context, *, KeyId: str, RotationPeriodInDays: int | None = None) -> Answer:
        key = self._key_to_change(ctx, KeyId)
        check_usable(key)
        _check_rotates(key)
        self._set_rotation(key, RotationPeriodInDays or key.rotation_days or YEAR_DAYS, from_ms=ctx.now_ms)
        self._save(key)
        return None

    def get_key_rotation_status(self, ctx: Context, *, KeyId: str) -> Answer:
        key = self._key(ctx, KeyId, foreign=True)
        if not key.symmetric:
            raise UnsupportedOperation()
        primary = self._primary(key)
        if not primary.rotation_days or key.state in (PENDING_DELETION, PENDING_REPLICA_DELETION):
            return {"KeyId": key.arn, "KeyRotationEnabled": False}
        return {
            "KeyId": key.arn,
            "KeyRotationEnabled": True,
            "RotationPeriodInDays": primary.rotation_days,
            "NextRotationDate": primary.rotates_ms / 1000,
        }

    def list_key_rotations(
        self,
        ctx: Context,
        *,
        KeyId: str,
        IncludeKeyMaterial: str = "ROTATIONS_ONLY",
        Limit: int | None = None,
        Marker: str | None = None,
    ) -> Answer:
        key = self._key(ctx, KeyId)
        if not key.symmetric:
            raise UnsupportedOperation()
        everything = IncludeKeyMaterial == "ALL_KEY_MATERIAL"
        rows, rest = paged(
            self._tables.materials,
            key.place,
            Marker,
            Limit,
            wanted=lambda place, material: everything or bool(material.rotation),
        )
        return {"Rotations": [_entry(key, place[3], material) for place, material in rows], **rest}

    def rotate_key_on_demand(self, ctx: Context, *, KeyId: str) -> Answer:
        key = self._key_to_change(ctx, KeyId)
        check_usable(key)
        if not key.symmetric or key.replica:
            raise UnsupportedOperation()
        pending = self._pending(key)
        if key.imported and not pending:
            raise InvalidState(f"No available key material pending rotation for the key: {key.arn}.")
        if key.rotations_on_demand >= _ON_DEMAND_MAX:
            raise LimitExceeded(
                "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can "
                f"be performed for this key: {key.arn}"
            )
        key.rotations_on_demand += 1
        if pending:
            self._rotate_to_pending(ctx, key, pending)
        else:
            self._rotate(ctx, key, ON_DEMAND)
        return {"KeyId": key.arn}

    # ---- steps ---------------------------------------------------------------------------------------------------

    def _primary(self, key: Key) -> Key:
        """The key itself, or of a replica its primary."""
        found = self._tables.keys.peek((key.account, key.primary_region or key.region, key.id))
        return found if found is not None else key

    def _set_rotation(self, key: Key, days: int, *, from_ms: int) -> None:
        """The caller saves the key."""
        key.rotation_days = days
        key.rotates_ms = from_ms + days * _DAY_MS if days else 0
        if days:
            self._rotations.set(key.place, key.rotates_ms)
        else:
            self._rotations.cancel(key.place)

    def _rotate_due(self, place: Any, alarm: Alarm) -> None:
        key = self._tables.keys.get(place)
        if key is None or not key.rotation_days:
            return
        ctx = self.cloud.context(account=key.account, region=key.region)
        self._set_rotation(key, key.rotation_days, from_ms=key.rotates_ms)
        self._save(key)
        if key.state == ENABLED:
            self._rotate(ctx, key, AUTOMATIC)

    def _rotate(self, ctx: Context, key: Key, rotation: str) -> None:
        """Give the key, in all its regions, the same new material."""
        secret = generate(key.spec)
        for each in self._everywhere(key):
            each.material = self._next_number(each)
            each.material_id = material_id(each.id, secret)
            made = Material(
                id=each.material_id, wrapped=b"", made_ms=ctx.now_ms, rotation=rotation, rotated_ms=ctx.now_ms
            )
            self._add_material(each, secret, made, each.material)
            self._save(each)
            announce(ctx, each, "KMS CMK Rotation")

    def _rotate_to_pending(self, ctx: Context, key: Key, number: int) -> None:
        """Let the key, in all its regions, go on with the material that was imported there."""
        for each in self._everywhere(key):
            waiting = self._pending(each) if each.place != key.place else number
            if not waiting:
                continue
            material = self._tables.materials.get((*each.place, waiting))
            assert material is not None
            material.pending, material.rotation, material.rotated_ms = False, ON_DEMAND, ctx.now_ms
            self._tables.materials.put((*each.place, waiting), material)
            each.material, each.material_id = waiting, material.id
            self._save(each)
            announce(ctx, each, "KMS CMK Rotation")

    def _everywhere(self, key: Key) -> list[Key]:
        """The key, and its replicas, to be changed and saved."""
        others = [self._tables.keys.get((key.account, region, key.id)) for region in key.regions]
        return [key, *(other for other in others if other is not None and other.place != key.place)]

    def _pending(self, key: Key) -> int:
        """The number of the material that waits for a rotation; 0 if there is none."""
        last = next(self._tables.materials.scan(key.place, reverse=True, limit=1), None)
        return last[0][3] if last is not None and last[1].pending else 0


def _check_rotates(key: Key) -> None:
    if not key.symmetric or key.replica:
        raise UnsupportedOperation()
    if key.imported:
        raise UnsupportedOperation(f"{key.arn} origin is EXTERNAL which is not valid for this operation.")


def _entry(key: Key, number: int, material: Material) -> dict[str, Any]:
    state = "CURRENT" if number == key.material else "PENDING_ROTATION" if material.pending else "NON_CURRENT"
    entry: dict[str, Any] = {"KeyId": key.arn, "KeyMaterialId": material.id, "KeyMaterialState": state}
    if material.description:
        entry["KeyMaterialDescription"] = material.description
    if material.rotation:
        entry |= {"RotationDate": material.rotated_ms / 1000, "RotationType": material.rotation}
    if key.imported:
        entry["ImportState"] = "IMPORTED" if material.wrapped else "PENDING_IMPORT"
        if material.wrapped:
            entry |= expiration(material)
    return entry
