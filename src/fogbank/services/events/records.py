"""What EventBridge stores.

Invariants: every rule and target belongs to a bus that exists (`default` exists without a record); whatever
changes the rules or targets of a bus writes a new `Revision` of it in the same transaction, so that compiled
rules can be kept as long as the revision's bytes stay the same.
"""

from typing import Any

from fogbank.core.store import Record


class Bus(Record):
    created_ms: int
    modified_ms: int
    description: str = ""
    policy: str = ""
    tags: dict[str, str] = {}


class Rule(Record):
    """A rule has a pattern, a schedule, or both."""

    pattern: str = ""
    schedule: str = ""
    enabled: bool = True
    description: str = ""
    role_arn: str = ""
    tags: dict[str, str] = {}
    created_by: str = ""
    state: str = "ENABLED"
    managed_by: str = ""


class InputTransformer(Record):
    paths: dict[str, str]
    template: str


class HttpParameters(Record):
    """What a target adds to the request of its API destination."""

    path: list[str] = []
    headers: dict[str, str] = {}
    query: dict[str, str] = {}


class Target(Record):
    arn: str
    role_arn: str = ""
    input: str | None = None
    input_path: str | None = None
    transformer: InputTransformer | None = None
    message_group_id: str | None = None
    dead_letter_arn: str = ""
    retry_attempts_max: int | None = None
    retry_age_max_s: int | None = None
    http: HttpParameters | None = None
    partition_key_path: str = ""
    number: int = 0
    """Targets of a rule are listed by their numbers, in the order in which they were first put."""


class Revision(Record):
    """Changes with every change of a bus's rules and targets."""

    number: int


class Retry(Record):
    """A delivery that failed for a passing reason and is tried again."""

    rule_arn: str
    bus: str
    rule: str
    target_id: str
    target: Target
    body: str
    event: str
    first_ms: int
    attempts: int = 0
    trace: str = ""


class Forward(Record):
    """An event on its way to another bus."""

    bus: str
    event: str
    trace: str = ""


class Archive(Record):
    """Keeps the events of one bus that match its pattern; its managed rule sends them here."""

    bus: str
    pattern: str
    retention_days: int
    description: str
    created_ms: int
    count: int = 0
    bytes: int = 0
    key_id: str = ""
    """The customer's key of KMS, as it was given."""


class ArchivedEvent(Record):
    """One event, as it was on the bus; its key holds the event's own time. A sealed one has its length beside it."""

    event: str
    archived_ms: int
    sealed: bytes = b""
    sealed_bytes: int = 0

    @property
    def size(self) -> int:
        return self.sealed_bytes or len(self.event.encode())


class Replay(Record):
    """A run over an archive. `cursor` is the key of the event that was replayed last, as (time, number)."""

    archive: str
    bus: str
    filter_arns: list[str]
    description: str
    start_ms: int
    end_ms: int
    state: str
    started_ms: int
    ended_ms: int = 0
    last_ms: int = 0
    cursor: tuple[int, int] | None = None
    reason: str = ""
    """Why it failed."""


class ReplayStep(Record):
    """The next part of a replay."""

    name: str


class Connection(Record):
    """How API destinations authenticate. `auth` is AuthParameters without the secrets, which are in Secrets Manager."""

    id: str
    authorization_type: str
    auth: dict[str, Any]
    description: str
    state: str
    created_ms: int
    modified_ms: int
    authorized_ms: int
    secret_suffix: str
    """Has no meaning any more."""
    state_reason: str = ""
    token: str = ""
    token_expires_ms: int = 0
    secret_arn: str = ""


class Authorize(Record):
    """A connection of OAuth that needs a token."""

    name: str
    id: str


class ApiDestination(Record):
    id: str
    connection_arn: str
    endpoint: str
    method: str
    rate: int
    description: str
    created_ms: int
    modified_ms: int
