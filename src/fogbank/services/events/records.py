"""What EventBridge stores.

Invariants: every rule and target belongs to a bus that exists (`default` exists without a record); whatever
changes the rules or targets of a bus writes a new `Revision` of it in the same transaction, so that compiled
rules can be kept as long as the revision's bytes stay the same.
"""

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


class InputTransformer(Record):
    paths: dict[str, str]
    template: str


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


class Revision(Record):
    """Changes with every change of a bus's rules and targets."""

    number: int


class Schedule(Record):
    """When a scheduled rule is due next."""

    next_ms: int
    expression: str


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


class Forward(Record):
    """An event on its way to another bus."""

    bus: str
    event: str
