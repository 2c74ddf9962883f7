"""What Organizations stores: an organization is a tree of its root, its units and its accounts.

- Every node but the root has one parent, which is the root or a unit.
- While service control policies are enabled, each node has one at least, and without that none.
"""

import secrets
from typing import Any

from fogbank.core.store import Record, Store, Table

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
ROOT, UNIT, ACCOUNT = "ROOT", "ORGANIZATIONAL_UNIT", "ACCOUNT"


class Organization(Record):
    id: str
    management: str
    """The account that it was made by."""
    root: str
    all_features: bool
    created_ms: int


class Node(Record):
    """The root, a unit or an account; of an account the number is its id."""

    kind: str
    name: str
    parent: str = ""
    policies: list[str] = []
    """The ids of the service control policies that are attached."""
    tags: dict[str, str] = {}
    control_enabled: bool = False
    """Of the root: whether service control policies are enabled."""
    email: str = ""
    joined_ms: int = 0
    created_here: bool = False
    closed_ms: int = 0


class ControlPolicy(Record):
    name: str
    description: str
    content: str
    tags: dict[str, str] = {}


class CreationStatus(Record):
    """What became of a request for an account; `account` is empty if it failed."""

    name: str
    requested_ms: int
    account: str = ""
    failure: str = ""


class OrganizationTables:
    def __init__(self, store: Store) -> None:
        # the management account
        self.organizations = store.table("organizations.organizations", key=(str,), value=Organization)
        # an account; the management account of its organization
        self.members = store.table("organizations.members", key=(str,), value=str)
        # organization, id of a root, a unit or an account
        self.nodes = store.table("organizations.nodes", key=(str, str), value=Node)
        # organization, policy id
        self.policies = store.table("organizations.policies", key=(str, str), value=ControlPolicy)
        # organization, request id
        self.creations = store.table("organizations.creations", key=(str, str), value=CreationStatus)

        self.deciding: tuple[Table[Any], ...] = (self.members, self.nodes, self.policies)
        """What service control policies depend on."""


def new_id(prefix: str, length: int) -> str:
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(length))
