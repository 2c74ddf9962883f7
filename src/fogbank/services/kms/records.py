"""What KMS stores.

- `keys`, key (account, region, key id). A multi-Region key has a row in each of its regions, under one id.
- `materials`, key (account, region, key id, number): the secrets, wrapped by the data folder's master key. Numbers
  grow; a key decrypts with all that it has, and encrypts with its current one.
- `aliases`, key (account, region, name with its prefix).
- `grants`, key (account, region, key id, grant id).

A key is Enabled, Disabled, PendingImport, PendingDeletion or, a primary that waits for its replicas,
PendingReplicaDeletion: exactly one.
"""

from typing import Any

from fogbank.core.arn import PARTITION
from fogbank.core.store import Record, Store

KeyPlace = tuple[str, str, str]

CONTEXT_KEY = "kms:EncryptionContext:"
CONTEXT_KEYS = "kms:EncryptionContextKeys"
"""The condition keys that tell the pairs of an encryption context, and their names."""

ENABLED = "Enabled"
DISABLED = "Disabled"
PENDING_DELETION = "PendingDeletion"
PENDING_IMPORT = "PendingImport"
PENDING_REPLICA_DELETION = "PendingReplicaDeletion"


class Key(Record):
    id: str
    account: str
    region: str
    created_ms: int
    spec: str
    usage: str
    origin: str
    policy: str
    state: str = ENABLED
    description: str = ""
    tags: dict[str, str] = {}
    managed: bool = False
    """Whether it is an AWS managed key."""
    deletion_ms: int = 0
    """When it will be deleted, if it is PendingDeletion."""
    window_days: int = 0
    """How long it waits for its deletion, once that begins."""
    primary_region: str = ""
    """Of a multi-Region key, where its primary is; empty of others."""
    regions: list[str] = []
    """Of a multi-Region key, all its regions, the same in each row."""
    material: int = 0
    """The number of the current material; 0 as long as there has been none."""
    material_id: str = ""
    rotation_days: int = 0
    """How often it rotates; 0 if it does not."""
    rotates_ms: int = 0
    rotations_on_demand: int = 0

    @property
    def place(self) -> KeyPlace:
        return (self.account, self.region, self.id)

    @property
    def arn(self) -> str:
        return key_arn(self.region, self.account, self.id)

    @property
    def symmetric(self) -> bool:
        return self.spec == "SYMMETRIC_DEFAULT"

    @property
    def imported(self) -> bool:
        return self.origin == "EXTERNAL"

    @property
    def replica(self) -> bool:
        return bool(self.primary_region) and self.primary_region != self.region


class Material(Record):
    """A key's secret, or of imported material that was deleted or has expired, what is left of it."""

    id: str
    wrapped: bytes
    made_ms: int
    rotation: str = ""
    """AUTOMATIC or ON_DEMAND; empty of the first."""
    rotated_ms: int = 0
    """When it became the current one, if by a rotation."""
    pending: bool = False
    """Whether it was imported and waits for a rotation."""
    expires: bool = False
    expires_ms: int = 0
    description: str = ""


class Alias(Record):
    key_id: str
    created_ms: int
    updated_ms: int


def is_service(principal: str) -> bool:
    return not principal.startswith("arn:") and principal.endswith(".amazonaws.com")


class Grant(Record):
    """`grantee` and `retiring` are unique ids of users and roles, ARNs, or services such as `lambda.amazonaws.com`."""

    id: str
    grantee: str
    operations: list[str]
    created_ms: int
    issuer: str
    name: str = ""
    retiring: str = ""
    context_subset: dict[str, str] | None = None
    context_equals: dict[str, str] | None = None
    source_arn: str = ""

    def statements(self) -> list[dict[str, Any]]:
        """What the grant allows, as statements of the key's policy would say it."""
        allowed = [self._statement(self.grantee, self.operations, self._conditions())]
        return [*allowed, self._statement(self.retiring, ["RetireGrant"], {})] if self.retiring else allowed

    def _conditions(self) -> dict[str, Any]:
        """Keys of contexts are compared in any case, their values in theirs."""
        equals: dict[str, str | list[str]] = {}
        pairs = self.context_equals if self.context_equals is not None else self.context_subset
        equals |= {f"{CONTEXT_KEY}{key}": value for key, value in (pairs or {}).items()}
        conditions: dict[str, Any] = {"StringEquals": equals} if equals else {}
        if self.context_equals is not None:
            conditions["ForAllValues:StringEquals"] = equals
            conditions["ForAllValues:StringEqualsIgnoreCase"] = {CONTEXT_KEYS: list(self.context_equals)}
        if self.source_arn:
            conditions["ArnEquals"] = {"aws:SourceArn": self.source_arn}
        return conditions

    def _statement(self, principal: str, operations: list[str], conditions: dict[str, Any]) -> dict[str, Any]:
        return {
            "Sid": self.id,
            "Effect": "Allow",
            "Principal": {"Service" if is_service(principal) else "AWS": principal},
            "Action": [f"kms:{operation}" for operation in operations],
            "Resource": "*",
            "Condition": conditions,
        }


class KmsTables:
    def __init__(self, store: Store) -> None:
        self.keys = store.table("kms.keys", key=(str, str, str), value=Key)
        self.materials = store.table("kms.materials", key=(str, str, str, int), value=Material)
        self.aliases = store.table("kms.aliases", key=(str, str, str), value=Alias)
        self.grants = store.table("kms.grants", key=(str, str, str, str), value=Grant)


def key_arn(region: str, account: str, key_id: str) -> str:
    return f"arn:{PARTITION}:kms:{region}:{account}:key/{key_id}"
