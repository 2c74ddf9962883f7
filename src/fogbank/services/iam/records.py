"""What IAM stores. IAM is global: keys have an account and no region."""

import secrets

from fogbank.core.store import Record, Store

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class Role(Record):
    """A role; `inline` maps policy names to documents, `attached` holds the ARNs of managed policies."""

    name: str
    id: str
    path: str
    created_ms: int
    trust: str
    description: str = ""
    session_s: int = 3600
    inline: dict[str, str] = {}
    attached: list[str] = []
    tags: dict[str, str] = {}


class PolicyVersion(Record):
    number: int
    document: str
    created_ms: int


class Policy(Record):
    """A managed policy. `versions` are in the order they were made; `default` is one of their numbers."""

    name: str
    id: str
    path: str
    created_ms: int
    updated_ms: int
    versions: list[PolicyVersion]
    default: int = 1
    next_version: int = 2
    description: str = ""
    tags: dict[str, str] = {}


class InstanceProfile(Record):
    """`role` is the name of its one role, or empty."""

    name: str
    id: str
    path: str
    created_ms: int
    role: str = ""
    tags: dict[str, str] = {}


class IamTables:
    """The tables of IAM. Roles and profiles are found by name, policies by ARN."""

    def __init__(self, store: Store) -> None:
        self.roles = store.table("iam.roles", key=(str, str), value=Role)
        self.policies = store.table("iam.policies", key=(str, str), value=Policy)
        self.profiles = store.table("iam.profiles", key=(str, str), value=InstanceProfile)


def new_id(prefix: str) -> str:
    """A unique id as AWS makes them: a prefix of four letters that tells the kind, and 17 more."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(17))
