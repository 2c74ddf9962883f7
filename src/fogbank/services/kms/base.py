"""What every operation of KMS stands on: finding keys, their state and their material."""

import re
from typing import Any, TypeVar

from fogbank.core.alarms import Alarm, Alarms
from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank, ValidationError
from fogbank.core.ids import new_id
from fogbank.core.master_key import NotWrappedHere
from fogbank.core.pages import page, page_of_table
from fogbank.core.service import Service
from fogbank.core.store import Key as StoreKey
from fogbank.core.store import Table
from fogbank.services.kms.errors import (
    AccessDenied,
    Disabled,
    InvalidMarker,
    InvalidState,
    KeyUnavailable,
    NotFound,
)
from fogbank.services.kms.key_material import material_id
from fogbank.services.kms.records import (
    DISABLED,
    PENDING_DELETION,
    PENDING_IMPORT,
    PENDING_REPLICA_DELETION,
    Key,
    KmsTables,
    Material,
    key_arn,
)

V = TypeVar("V")

ALIAS = "alias/"
_PAGE = 100
_KEY_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32}")
_WAITS = {
    PENDING_DELETION: "is pending deletion.",
    PENDING_REPLICA_DELETION: "is pending replica deletion.",
    PENDING_IMPORT: "is pending import.",
}


class KmsBase(Service):
    """The common steps of the operations of `KmsService`; all in the caller's transaction."""

    name = "kms"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = KmsTables(cloud.store)
        place = (str, str, str)
        self._deletions = Alarms(cloud, "kms.deletions", key=place, ring=self._delete_due)
        self._rotations = Alarms(cloud, "kms.rotations", key=place, ring=self._rotate_due)
        self._expiries = Alarms(cloud, "kms.expiries", key=(*place, int), ring=self._expire_due)

    async def start(self) -> None:
        for alarms in (self._deletions, self._rotations, self._expiries):
            await self.cloud.store.run(alarms.resume)
        while True:
            await self.cloud.clock.sleep(60)
            self._publish_expiries()

    def _publish_expiries(self) -> None:
        """How long imported material that expires will be there."""
        now_ms = self.cloud.clock.now_ms()
        for (account, region, key_id, _), alarm in self._expiries.pending():
            left_s = max(alarm.at_ms - now_ms, 0) / 1000
            self.cloud.metrics.add(
                account, region, "AWS/KMS", "SecondsUntilKeyMaterialExpiration", {"KeyId": key_id}, left_s, "Seconds"
            )

    def _delete_due(self, place: Any, alarm: Alarm) -> None:
        """A key's waiting period is over."""
        raise NotImplementedError

    def _rotate_due(self, place: Any, alarm: Alarm) -> None:
        """A key's rotation period is over."""
        raise NotImplementedError

    def _expire_due(self, place: Any, alarm: Alarm) -> None:
        """Imported material expires."""
        raise NotImplementedError

    @property
    def unsettled(self) -> bool:
        """Whether this turn has changed keys: what is found out now may still be rolled back."""
        tables = self._tables
        return any(table.unsettled for table in (tables.keys, tables.materials, tables.aliases))

    # ---- keys ----------------------------------------------------------------------------------------------------

    def _key(self, ctx: Context, name: str, *, alias: bool = False, foreign: bool = False) -> Key:
        """The key of that id or ARN. `alias`: or of that alias or its ARN; `foreign`: also in another account."""
        account, local = ctx.account, name
        if name.startswith("arn:"):
            arn = parse_arn(name)
            if arn is None or arn.service != "kms":
                raise NotFound(f"Invalid arn {name}")
            if arn.region != ctx.region:
                raise NotFound(f"Invalid arn {arn.region}")
            account, local = arn.account, arn.resource.removeprefix("key/")
        if alias and local.startswith(ALIAS):
            return self._aliased(ctx, account, local)
        if not _KEY_ID.fullmatch(local):
            raise NotFound(f"Invalid keyId '{local}'")
        key = self._tables.keys.peek((account, ctx.region, local))
        if key is None:
            raise NotFound(f"Key '{key_arn(ctx.region, account, local)}' does not exist")
        if account != ctx.account and not foreign:
            raise denied(ctx, key.arn)
        return key

    def _aliased(self, ctx: Context, account: str, name: str) -> Key:
        found = self._tables.aliases.peek((account, ctx.region, name))
        if found is None:
            raise NotFound(f"Alias {ctx.at(account=account).arn('kms', name)} is not found.")
        key = self._tables.keys.peek((account, ctx.region, found.key_id))
        assert key is not None  # A key takes its aliases with it.
        return key

    def _key_to_change(self, ctx: Context, name: str) -> Key:
        """A customer's own key, to be changed and saved."""
        key = self._tables.keys.get(self._key(ctx, name).place)
        assert key is not None
        if key.managed:
            raise denied(ctx, key.arn)
        return key

    def _save(self, key: Key) -> None:
        self._tables.keys.put(key.place, key)

    # ---- material ------------------------------------------------------------------------------------------------

    def _secret(self, key: Key, number: int = 0) -> bytes:
        """What the key computes with: its current material, or the one of that number."""
        place = (*key.place, number or key.material)
        material = self._tables.materials.peek(place)
        if material is None or not material.wrapped:
            raise InvalidState(f"{key.arn} {_WAITS[PENDING_IMPORT]}")
        try:
            return self.cloud.master_key.unwrap(material.wrapped, purpose=_purpose(place))
        except NotWrappedHere:
            raise KeyUnavailable() from None

    def _add_material(self, key: Key, secret: bytes, material: Material, number: int) -> None:
        """Keep the material under the number, wrapped; `material` is what else there is to say of it."""
        place = (*key.place, number)
        material.wrapped = self.cloud.master_key.wrap(secret, purpose=_purpose(place))
        self._tables.materials.put(place, material)

    def _first_material(self, ctx: Context, key: Key, secret: bytes) -> None:
        """Make the secret the only material of a new key."""
        key.material, key.material_id = 1, material_id(key.id, secret)
        self._add_material(key, secret, Material(id=key.material_id, wrapped=b"", made_ms=ctx.now_ms), 1)

    def _next_number(self, key: Key) -> int:
        last = next(self._tables.materials.scan(key.place, reverse=True, limit=1), None)
        return last[0][3] + 1 if last is not None else 1


def new_key_id(*, multi_region: bool) -> str:
    found = new_id()
    return "mrk-" + found.replace("-", "") if multi_region else found


def check_usable(key: Key) -> None:
    """Raise what AWS answers to the use of a key that is not enabled."""
    if key.state == DISABLED:
        raise Disabled(f"{key.arn} is disabled.")
    check_not(key, *_WAITS)


def check_not(key: Key, *states: str) -> None:
    """Raise what AWS answers if the key is in one of these states, which must be some that it waits in."""
    if key.state in states:
        raise InvalidState(f"{key.arn} {_WAITS[key.state]}")


def denied(ctx: Context, resource: str) -> AccessDenied:
    return AccessDenied(f"User: {ctx.principal_arn} is not authorized to perform this operation on {resource}")


def refuse_recipient(recipient: dict[str, Any] | None) -> None:
    if recipient is not None:
        raise NotImplementedInFogbank("Recipient is not implemented by Fogbank: it has no Nitro enclaves.")


def paged(
    table: Table[V], place: StoreKey, marker: str | None, limit: int | None, **options: Any
) -> tuple[list[tuple[StoreKey, V]], dict[str, Any]]:
    """A page of a table (see `page_of_table`), and how KMS says whether there are more."""
    try:
        rows, rest = page_of_table(table, place, marker, limit or _PAGE, **options)
    except ValidationError:
        raise InvalidMarker("Invalid marker") from None
    return rows, _truncation(rest)


def paged_names(names: list[str], marker: str | None, limit: int | None) -> tuple[list[str], dict[str, Any]]:
    """As `paged`, of names that are in order."""
    try:
        found, rest = page(names, marker, limit or _PAGE)
    except ValidationError:
        raise InvalidMarker("Invalid marker") from None
    return found, _truncation(rest)


def _truncation(rest: dict[str, Any]) -> dict[str, Any]:
    """How KMS says what others call NextToken."""
    return {"NextMarker": rest["NextToken"], "Truncated": True} if rest else {"Truncated": False}


def _purpose(place: StoreKey) -> str:
    return "kms:" + ":".join(map(str, place))
