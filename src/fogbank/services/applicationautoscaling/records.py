"""What Application Auto Scaling stores.

Invariants: a policy and a scheduled action belong to a scalable target that is registered; a policy's alarms are there
as long as the policy is; a scheduled action that is due again has exactly one alarm of `core.alarms`; a target that is
`changing` has that activity under way and exactly one row in the outbox that ends it.
"""

from typing import Any

from fogbank.core.store import Record, Store

Place = tuple[str, str, str, str, str]
"""Account, region, service namespace, resource id, scalable dimension."""

TRACKING, STEPS = "TargetTrackingScaling", "StepScaling"


class Target(Record):
    id: str
    minimum: int
    maximum: int
    role_arn: str
    created_ms: int
    suspended: dict[str, bool] = {}
    tags: dict[str, str] = {}
    changing: int = 0
    """The number of the activity that is under way."""


class Policy(Record):
    """A scaling policy; `configuration` is as given. The figures after `alarms` are of its last activities."""

    arn: str
    configuration: dict[str, Any]
    created_ms: int
    alarms: dict[str, str] = {}
    """What each alarm of target tracking is for -> its name."""
    capacity: int = 0
    """What the alarms' thresholds were computed for."""
    out_ms: int = 0
    out_from: int = 0
    """The capacity before the scale-outs of the cooldown."""
    in_ms: int = 0
    kind: str = TRACKING
    not_scaled: str = ""
    """Why it did not scale when it last was to; empty once it did."""


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
    ended_ms: int | None = None
    """None of an activity that ended when it began, 0 of one that is under way."""
    reasons: list[dict[str, Any]] = []
    """Why nothing was scaled."""


class Occasion(Record):
    """Why a capacity may have to change: a policy's alarm is in ALARM or, without a policy, the limits are new.

    `values` are what the alarm was decided from, `threshold` is what it compared them with.
    """

    place: Place
    policy: str = ""
    alarm: str = ""
    state: str = "ALARM"
    values: list[float] = []
    threshold: float = 0.0

    @property
    def cause(self) -> str:
        """As activities tell it."""
        if not self.policy:
            return "the limits of the scalable target were set"
        return f"monitor alarm {self.alarm} in state {self.state} triggered policy {self.policy}"


class Change(Record):
    """A capacity that was asked for: the activity's number and what it begins and is to end with."""

    occasion: Occasion
    number: int
    before: int
    units: int


class Tables:
    def __init__(self, store: Store) -> None:
        place = (str, str, str, str, str)
        self.targets = store.table("applicationautoscaling.targets", key=place, value=Target)
        self.policies = store.table("applicationautoscaling.policies", key=(*place, str), value=Policy)
        self.actions = store.table("applicationautoscaling.actions", key=(*place, str), value=ScheduledAction)
        self.activities = store.table("applicationautoscaling.activities", key=(str, str, str, int), value=Activity)
        """By account, region and service namespace, in the order of time."""
