"""What Application Auto Scaling stores.

Invariants: a policy and a scheduled action belong to a scalable target that is registered; a policy's alarms are there
as long as the policy is; a scheduled action that is due again has exactly one alarm of `core.alarms`.
"""

from typing import Any

from fogbank.core.store import Record, Store

Place = tuple[str, str, str, str, str]
"""Account, region, service namespace, resource id, scalable dimension."""


class Target(Record):
    id: str
    minimum: int
    maximum: int
    role_arn: str
    created_ms: int
    suspended: dict[str, bool] = {}
    tags: dict[str, str] = {}


class Policy(Record):
    """A target tracking policy; `configuration` is as given. The figures after `alarms` are of its last activities."""

    arn: str
    configuration: dict[str, Any]
    created_ms: int
    alarms: dict[str, str] = {}
    """What each alarm is for -> its name."""
    capacity: int = 0
    """What the alarms' thresholds were computed for."""
    out_ms: int = 0
    out_from: int = 0
    """The capacity before the scale-outs of the cooldown."""
    in_ms: int = 0


class ScheduledAction(Record):
    arn: str
    schedule: str
    timezone: str
    created_ms: int
    start_ms: int = 0
    end_ms: int = 0
    minimum: int | None = None
    maximum: int | None = None


class Activity(Record):
    id: str
    description: str
    cause: str
    at_ms: int
    status: str
    message: str
    resource: str
    dimension: str


class Tables:
    def __init__(self, store: Store) -> None:
        place = (str, str, str, str, str)
        self.targets = store.table("applicationautoscaling.targets", key=place, value=Target)
        self.policies = store.table("applicationautoscaling.policies", key=(*place, str), value=Policy)
        self.actions = store.table("applicationautoscaling.actions", key=(*place, str), value=ScheduledAction)
        self.activities = store.table("applicationautoscaling.activities", key=(str, str, str, int), value=Activity)
        """By account, region and service namespace, in the order of time."""
