"""What Secrets Manager stores.

- `secrets`, key (account, region, name). A replica is a secret of its own region that knows its primary one.
- `versions`, key (account, region, name, version id).

Which version has a staging label is said in one place, `Secret.stages`: so no label is ever on two versions.
"""

from typing import Any

import msgspec

from fogbank.core.store import Record, Store

Place = tuple[str, str, str]


class Replica(Record):
    """A copy that the primary secret keeps up to date in another region."""

    region: str
    key_id: str = ""
    status: str = "InSync"
    status_message: str = ""


class Rotation(Record):
    """How a secret is rotated, and the rotation that is under way, if one is."""

    enabled: bool = False
    function: str = ""
    rules: dict[str, Any] = {}
    """As RotateSecret took them."""
    scheduled_ms: int = 0
    """When the window of the next rotation opens; 0 if none is planned."""
    window_ends_ms: int = 0
    last_ms: int = 0
    pending: str = ""
    """The version that the rotation under way makes."""
    token: str = ""
    """What tells requests of the rotation function from others."""
    is_test: bool = False
    """Whether what is under way only tests the configuration."""


class Secret(Record):
    suffix: str
    """The random end of its ARN."""
    created_ms: int
    changed_ms: int
    description: str = ""
    key_id: str = ""
    """The KMS key as it was given; empty for aws/secretsmanager."""
    stages: dict[str, str] = {}
    """Staging label -> version id."""
    versions_made: int = 0
    accessed_ms: int = 0
    deletion_ms: int = 0
    """When it will be gone; 0 if it is not to be deleted."""
    tags: dict[str, str] | None = None
    """None as long as there have never been any, which AWS shows."""
    policy: str = ""
    owner: str = ""
    """The service that manages it, if one does."""
    primary_region: str = ""
    """Of a secret that has replicas or is one."""
    replicas: list[Replica] = []
    rotation: Rotation = msgspec.field(default_factory=Rotation)


class Version(Record):
    """One value of a secret. It has none yet while a rotation function has still to make it."""

    number: int
    created_ms: int
    sealed: bytes | None = None
    is_binary: bool = False
    key_id: str = ""
    accessed_ms: int = 0


class SecretTables:
    def __init__(self, store: Store) -> None:
        place = (str, str, str)
        self.secrets = store.table("secretsmanager.secrets", key=place, value=Secret)
        self.versions = store.table("secretsmanager.versions", key=(*place, str), value=Version)
