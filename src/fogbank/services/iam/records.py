"""What IAM stores. IAM is global: keys have an account and no region."""

import secrets
from typing import Any

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
    boundary: str = ""
    service: str = ""
    """The service that the role is linked to; empty for any other role."""


class User(Record):
    """A user; `login_ms` is since when it has a login profile, or 0."""

    name: str
    id: str
    path: str
    created_ms: int
    inline: dict[str, str] = {}
    attached: list[str] = []
    tags: dict[str, str] = {}
    boundary: str = ""
    groups: list[str] = []
    login_ms: int = 0
    login_reset: bool = False


class Group(Record):
    name: str
    id: str
    path: str
    created_ms: int
    inline: dict[str, str] = {}
    attached: list[str] = []


class UserKey(Record):
    """A user's access key; the secret lies with the cloud, which checks signatures."""

    created_ms: int
    active: bool = True


class ServiceCredential(Record):
    """A user's name and password for one service."""

    id: str
    service: str
    user_name: str
    password: str
    created_ms: int
    active: bool = True


class MfaDevice(Record):
    """A virtual MFA device; `user` has it enabled, or nobody. Codes of `used_step` and before are used up."""

    seed: bytes
    created_ms: int
    tags: dict[str, str] = {}
    user: str = ""
    enabled_ms: int = 0
    drift: int = 0
    """How many steps its clock is ahead of ours."""
    used_step: int = 0


class PublicKey(Record):
    """A signing certificate or an SSH public key of a user."""

    body: str
    uploaded_ms: int
    status: str = "Active"


class ServerCertificate(Record):
    name: str
    id: str
    path: str
    uploaded_ms: int
    expires_ms: int
    body: str
    chain: str
    private_key: str
    tags: dict[str, str] = {}


class OpenIdProvider(Record):
    url: str
    clients: list[str]
    thumbprints: list[str]
    created_ms: int
    tags: dict[str, str] = {}


class SamlProvider(Record):
    name: str
    metadata: str
    created_ms: int
    tags: dict[str, str] = {}


class Account(Record):
    """What belongs to the account as a whole."""

    aliases: list[str] = []
    password_policy: dict[str, Any] = {}


class NamedPrincipal(Record):
    """A user or a role that policies name; `kind` is `user` or `role`."""

    account: str
    kind: str
    name: str


class CredentialReport(Record):
    text: str
    made_ms: int


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
        self.users = store.table("iam.users", key=(str, str), value=User)
        self.groups = store.table("iam.groups", key=(str, str), value=Group)
        # account, user, key id
        self.keys = store.table("iam.keys", key=(str, str, str), value=UserKey)
        # account, user, credential id
        self.credentials = store.table("iam.credentials", key=(str, str, str), value=ServiceCredential)
        # account, user, certificate or key id
        self.signing = store.table("iam.signing_certificates", key=(str, str, str), value=PublicKey)
        self.ssh = store.table("iam.ssh_public_keys", key=(str, str, str), value=PublicKey)
        # account, serial number
        self.mfa = store.table("iam.mfa_devices", key=(str, str), value=MfaDevice)
        # account, name
        self.server_certificates = store.table("iam.server_certificates", key=(str, str), value=ServerCertificate)
        # account, ARN
        self.openid = store.table("iam.openid", key=(str, str), value=OpenIdProvider)
        self.saml = store.table("iam.saml", key=(str, str), value=SamlProvider)
        self.accounts = store.table("iam.accounts", key=(str,), value=Account)
        self.reports = store.table("iam.credential_reports", key=(str,), value=CredentialReport)
        # The unique ids of users and roles that policies of resources name.
        self.named = store.table("iam.named_principals", key=(str,), value=NamedPrincipal)
        # An alias is unique in the whole cloud; its account.
        self.aliases = store.table("iam.aliases", key=(str,), value=str)


def new_id(prefix: str) -> str:
    """A unique id as AWS makes them: a prefix of four letters that tells the kind, and 17 more."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(17))
