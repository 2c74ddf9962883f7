"""What EventBridge Scheduler stores.

Invariants: a schedule belongs to a group that exists (`default` exists without a record); an enabled schedule that is
due again has exactly one alarm, whose note is the due time without the flexible window.
"""

from typing import Any

from fogbank.core.store import Record


class Group(Record):
    created_ms: int
    modified_ms: int
    tags: dict[str, str] = {}
    client_token: str = ""


class Schedule(Record):
    """`target` is as given; `window_minutes` is 0 where the flexible time window is off."""

    expression: str
    timezone: str
    start_ms: int
    end_ms: int
    description: str
    state: str
    target: dict[str, Any]
    window_minutes: int
    after_completion: str
    created_ms: int
    modified_ms: int
    client_token: str = ""


class Firing(Record):
    """One attempt to invoke a target; everything that it needs, as the schedule may be gone by then."""

    group: str
    schedule_arn: str
    target: dict[str, Any]
    scheduled_ms: int
    first_ms: int
    execution_id: str
    attempt: int = 1
