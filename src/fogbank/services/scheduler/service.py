"""Amazon EventBridge Scheduler. https://docs.aws.amazon.com/scheduler/latest/APIReference/Welcome.html"""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from fogbank.core.alarms import Alarm, Alarms
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.pages import page, page_of_table
from fogbank.core.service import Answer, Service, Tagged
from fogbank.core.tags import tag_list, tag_map
from fogbank.services.scheduler.client_tokens import ClientTokens
from fogbank.services.scheduler.delivery import (
    RETRY_AGE_MAX_S,
    RETRY_ATTEMPTS_MAX,
    Deliveries,
    new_execution_id,
)
from fogbank.services.scheduler.due import check_expression, is_one_time, next_due_ms
from fogbank.services.scheduler.errors import Conflict, Invalid, ResourceNotFound
from fogbank.services.scheduler.records import Firing, Group, Schedule
from fogbank.services.scheduler.targets import check_target

DEFAULT_GROUP = "default"
_START_IN_THE_PAST_MAX_MS = 300_000

Place = tuple[str, str, str, str]


class SchedulerService(Service):
    """Schedules (`at`, `rate`, `cron` with time zones) and their groups.

    Targets are SQS queues, SNS topics, Lambda functions, event buses, and universal targets of every operation that
    Fogbank has; others are refused. KmsKeyArn is NotImplemented. A schedule that came due while Fogbank was down is
    invoked once when it is up again. A one-time schedule whose time had passed when it was made is never invoked.
    """

    name = "scheduler"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        place = (str, str, str, str)
        self._groups = cloud.store.table("scheduler.groups", key=(str, str, str), value=Group)
        self._schedules = cloud.store.table("scheduler.schedules", key=place, value=Schedule)
        self._alarms = Alarms(cloud, "scheduler.alarms", key=place, ring=self._ring)
        self._deliveries = Deliveries(cloud)
        self._tokens = ClientTokens(cloud.store)
        self._started_ms = 0

    async def start(self) -> None:
        self._started_ms = self.cloud.clock.now_ms()
        await self.cloud.store.run(self._alarms.resume)

    # ---- schedules ---------------------------------------------------------------------------------------

    def create_schedule(
        self,
        ctx: Context,
        *,
        Name: str,
        ScheduleExpression: str,
        Target: dict[str, Any],
        FlexibleTimeWindow: dict[str, Any],
        GroupName: str = DEFAULT_GROUP,
        StartDate: float | None = None,
        EndDate: float | None = None,
        Description: str = "",
        ScheduleExpressionTimezone: str = "UTC",
        State: str = "ENABLED",
        ActionAfterCompletion: str = "NONE",
        ClientToken: str = "",
    ) -> Answer:
        schedule = _schedule(
            ctx,
            ScheduleExpression,
            ScheduleExpressionTimezone,
            Target,
            FlexibleTimeWindow,
            start_s=StartDate,
            end_s=EndDate,
        )
        schedule.description, schedule.state, schedule.after_completion = Description, State, ActionAfterCompletion
        schedule.client_token = ClientToken
        self._group(ctx, GroupName)
        place = (ctx.account, ctx.region, GroupName, Name)
        there = self._schedules.get(place)
        if there is not None:
            if not ClientToken or there.client_token != ClientToken:
                raise Conflict(f"Schedule {Name} already exists.")
            return {"ScheduleArn": _arn(ctx, GroupName, Name)}
        self._put(place, schedule, after_ms=ctx.now_ms - 1)
        return {"ScheduleArn": _arn(ctx, GroupName, Name)}

    def delete_schedule(
        self, ctx: Context, *, Name: str, GroupName: str = DEFAULT_GROUP, ClientToken: str = ""
    ) -> Answer:
        if self._tokens.is_repeated(ctx, ClientToken, ["DeleteSchedule", GroupName, Name]):
            return {}
        self._schedule(ctx, GroupName, Name)
        self._remove((ctx.account, ctx.region, GroupName, Name))
        return {}

    def get_schedule(self, ctx: Context, *, Name: str, GroupName: str = DEFAULT_GROUP) -> Answer:
        schedule = self._schedule(ctx, GroupName, Name)
        window: dict[str, Any] = {"Mode": "FLEXIBLE" if schedule.window_minutes else "OFF"}
        if schedule.window_minutes:
            window["MaximumWindowInMinutes"] = schedule.window_minutes
        retry = {"MaximumEventAgeInSeconds": RETRY_AGE_MAX_S, "MaximumRetryAttempts": RETRY_ATTEMPTS_MAX}
        answer = _listed(ctx, GroupName, Name, schedule) | {
            "ScheduleExpression": schedule.expression,
            "ScheduleExpressionTimezone": schedule.timezone,
            "FlexibleTimeWindow": window,
            "Target": {**schedule.target, "RetryPolicy": retry | schedule.target.get("RetryPolicy", {})},
            "ActionAfterCompletion": schedule.after_completion,
        }
        if schedule.description:
            answer["Description"] = schedule.description
        if schedule.start_ms:
            answer["StartDate"] = schedule.start_ms / 1000
        if schedule.end_ms:
            answer["EndDate"] = schedule.end_ms / 1000
        return answer

    def list_schedules(
        self,
        ctx: Context,
        *,
        GroupName: str | None = None,
        NamePrefix: str | None = None,
        State: str | None = None,
        NextToken: str | None = None,
        MaxResults: int | None = None,
    ) -> Answer:
        place: tuple[str, ...] = (ctx.account, ctx.region)
        if GroupName is not None:
            self._group(ctx, GroupName)
            place = (*place, GroupName)
        rows, token = page_of_table(
            self._schedules,
            place,
            NextToken,
            MaxResults,
            start=(*place, NamePrefix) if GroupName is not None and NamePrefix else None,
            wanted=lambda key, schedule: key[3].startswith(NamePrefix or "") and State in (None, schedule.state),
        )
        return {"Schedules": [_listed(ctx, key[2], key[3], schedule) for key, schedule in rows], **token}

    def update_schedule(
        self,
        ctx: Context,
        *,
        Name: str,
        ScheduleExpression: str,
        Target: dict[str, Any],
        FlexibleTimeWindow: dict[str, Any],
        GroupName: str = DEFAULT_GROUP,
        StartDate: float | None = None,
        EndDate: float | None = None,
        Description: str = "",
        ScheduleExpressionTimezone: str = "UTC",
        State: str = "ENABLED",
        ActionAfterCompletion: str = "NONE",
        ClientToken: str = "",
    ) -> Answer:
        """All settings are replaced: what is left out goes back to its default."""
        request = (
            "UpdateSchedule", GroupName, Name, ScheduleExpression, ScheduleExpressionTimezone, Target,
            FlexibleTimeWindow, StartDate, EndDate, Description, State, ActionAfterCompletion,
        )  # fmt: skip
        if self._tokens.is_repeated(ctx, ClientToken, request):
            return {"ScheduleArn": _arn(ctx, GroupName, Name)}
        old = self._schedule(ctx, GroupName, Name)
        schedule = _schedule(
            ctx,
            ScheduleExpression,
            ScheduleExpressionTimezone,
            Target,
            FlexibleTimeWindow,
            start_s=StartDate,
            end_s=EndDate,
            old=old,
        )
        schedule.description, schedule.state, schedule.after_completion = Description, State, ActionAfterCompletion
        schedule.created_ms, schedule.client_token = old.created_ms, old.client_token
        self._put((ctx.account, ctx.region, GroupName, Name), schedule, after_ms=ctx.now_ms)
        return {"ScheduleArn": _arn(ctx, GroupName, Name)}

    # ---- groups ------------------------------------------------------------------------------------------

    def create_schedule_group(
        self, ctx: Context, *, Name: str, Tags: list[dict[str, str]] | None = None, ClientToken: str = ""
    ) -> Answer:
        key = (ctx.account, ctx.region, Name)
        there = self._groups.get(key)
        if Name == DEFAULT_GROUP or (there is not None and (not ClientToken or there.client_token != ClientToken)):
            raise Conflict(f"Schedule group {Name} already exists.")
        if there is None:
            self._groups.put(key, Group(ctx.now_ms, ctx.now_ms, tag_map(Tags), ClientToken))
        return {"ScheduleGroupArn": _group_arn(ctx, Name)}

    def delete_schedule_group(self, ctx: Context, *, Name: str, ClientToken: str = "") -> Answer:
        if Name == DEFAULT_GROUP:
            raise Invalid("The default schedule group cannot be deleted.")
        if self._tokens.is_repeated(ctx, ClientToken, ["DeleteScheduleGroup", Name]):
            return {}
        self._group(ctx, Name)
        for place, _ in list(self._schedules.scan((ctx.account, ctx.region, Name))):
            self._remove((place[0], place[1], place[2], place[3]))
        self._groups.delete((ctx.account, ctx.region, Name))
        return {}

    def get_schedule_group(self, ctx: Context, *, Name: str) -> Answer:
        return _group_answer(ctx, Name, self._group(ctx, Name))

    def list_schedule_groups(
        self,
        ctx: Context,
        *,
        NamePrefix: str | None = None,
        NextToken: str | None = None,
        MaxResults: int | None = None,
    ) -> Answer:
        known = {key[2] for key, _ in self._groups.scan((ctx.account, ctx.region))} | {DEFAULT_GROUP}
        found = sorted(name for name in known if name.startswith(NamePrefix or ""))
        names, token = page(found, NextToken, MaxResults)
        return {"ScheduleGroups": [_group_answer(ctx, name, self._group(ctx, name)) for name in names], **token}

    # ---- tags of groups ----------------------------------------------------------------------------------

    def list_tags_for_resource(self, ctx: Context, *, ResourceArn: str) -> Answer:
        return {"Tags": tag_list(self._group(ctx, _group_of(ctx, ResourceArn)).tags)}

    def tag_resource(self, ctx: Context, *, ResourceArn: str, Tags: list[dict[str, str]]) -> Answer:
        self._set_tags(ctx, ResourceArn, added=tag_map(Tags))
        return {}

    def untag_resource(self, ctx: Context, *, ResourceArn: str, TagKeys: list[str]) -> Answer:
        self._set_tags(ctx, ResourceArn, removed=TagKeys)
        return {}

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for key, group in self._groups.scan((ctx.account, ctx.region)):
            yield Tagged(_group_arn(ctx, str(key[2])), "scheduler:schedule-group", group.tags)

    def resource_tags(self, ctx: Context, arn: str) -> Mapping[str, str]:
        """Schedules have no tags but their group's."""
        name = arn.split("/")[1] if "/" in arn else ""
        group = self._groups.peek((ctx.account, ctx.region, name))
        return group.tags if group is not None else {}

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self._set_tags(ctx, arn, added=tags)

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self._set_tags(ctx, arn, removed=keys)

    def _set_tags(
        self, ctx: Context, arn: str, *, added: dict[str, str] | None = None, removed: list[str] | None = None
    ) -> None:
        name = _group_of(ctx, arn)
        group = self._group(ctx, name)
        group.tags = {key: value for key, value in group.tags.items() if key not in (removed or ())} | (added or {})
        self._groups.put((ctx.account, ctx.region, name), group)

    # ---- due times ---------------------------------------------------------------------------------------

    def _put(self, place: Place, schedule: Schedule, *, after_ms: int) -> None:
        self._schedules.put(place, schedule)
        self._alarms.cancel(place)
        if schedule.state == "ENABLED":
            self._plan(place, schedule, after_ms)

    def _plan(self, place: Place, schedule: Schedule, after_ms: int) -> bool:
        """Set the alarm for the next due time; whether there is one."""
        due_ms = next_due_ms(schedule, after_ms)
        if due_ms is None:
            return False
        # "The target is invoked at some time within the window": spread evenly over it.
        spread_ms = random.randrange(schedule.window_minutes * 60_000) if schedule.window_minutes else 0
        self._alarms.set(place, due_ms + spread_ms, note=str(due_ms))
        return True

    def _ring(self, place: Place, alarm: Alarm) -> None:
        schedule = self._schedules.get(place)
        if schedule is None or schedule.state != "ENABLED":
            return
        scheduled_ms = int(alarm.note)
        account, region, group, name = place
        ctx = self.cloud.context(account=account, region=region)
        firing = Firing(
            group=group,
            schedule_arn=_arn(ctx, group, name),
            target=schedule.target,
            scheduled_ms=scheduled_ms,
            first_ms=ctx.now_ms,
            execution_id=new_execution_id(),
        )
        self._deliveries.put(ctx, firing)
        # What came due while the server was down is made up for once, not for each missed time.
        after_ms = self._started_ms if alarm.at_ms < self._started_ms else scheduled_ms
        if not self._plan(place, schedule, after_ms) and schedule.after_completion == "DELETE":
            self._schedules.delete(place)

    # ---- shared ------------------------------------------------------------------------------------------

    def _remove(self, place: Place) -> None:
        self._alarms.cancel(place)
        self._schedules.delete(place)

    def _schedule(self, ctx: Context, group: str, name: str) -> Schedule:
        self._group(ctx, group)
        schedule = self._schedules.get((ctx.account, ctx.region, group, name))
        if schedule is None:
            raise ResourceNotFound(f"Schedule {name} does not exist.")
        return schedule

    def _group(self, ctx: Context, name: str) -> Group:
        group = self._groups.get((ctx.account, ctx.region, name))
        if group is None and name != DEFAULT_GROUP:
            raise ResourceNotFound(f"Schedule group {name} does not exist.")
        return group if group is not None else Group(0, 0)


def _schedule(
    ctx: Context,
    expression: str,
    timezone: str,
    target: dict[str, Any],
    window: dict[str, Any],
    *,
    start_s: float | None,
    end_s: float | None,
    old: Schedule | None = None,
) -> Schedule:
    """The settings, checked. The sentences about dates and windows are not recorded."""
    check_expression(expression, timezone)
    start_ms, end_ms = int((start_s or 0) * 1000), int((end_s or 0) * 1000)
    if not is_one_time(expression):
        known_start = old is not None and old.start_ms == start_ms
        if start_ms and not known_start and start_ms < ctx.now_ms - _START_IN_THE_PAST_MAX_MS:
            raise Invalid("The StartDate you specify cannot be earlier than 5 minutes ago.")
        if start_ms and end_ms and start_ms >= end_ms:
            raise Invalid("The StartDate you specify must be earlier than the EndDate.")
    minutes = window.get("MaximumWindowInMinutes")
    if (window["Mode"] == "FLEXIBLE") != (minutes is not None):
        raise Invalid("MaximumWindowInMinutes must be given when Mode is FLEXIBLE, and only then.")
    check_target(ctx, target)
    return Schedule(
        expression=expression,
        timezone=timezone,
        start_ms=start_ms,
        end_ms=end_ms,
        description="",
        state="ENABLED",
        target=target,
        window_minutes=minutes or 0,
        after_completion="NONE",
        created_ms=ctx.now_ms,
        modified_ms=ctx.now_ms,
    )


def _arn(ctx: Context, group: str, name: str) -> str:
    return ctx.arn("scheduler", f"schedule/{group}/{name}")


def _group_arn(ctx: Context, name: str) -> str:
    return ctx.arn("scheduler", f"schedule-group/{name}")


def _group_of(ctx: Context, arn: str) -> str:
    """The name of a group of this account and region: the ARN is what was allowed."""
    name = arn.rpartition("/")[2]
    if arn != _group_arn(ctx, name):
        raise ResourceNotFound(f"Schedule group {name} does not exist.")
    return name


def _listed(ctx: Context, group: str, name: str, schedule: Schedule) -> dict[str, Any]:
    return {
        "Arn": _arn(ctx, group, name),
        "Name": name,
        "GroupName": group,
        "State": schedule.state,
        "CreationDate": schedule.created_ms / 1000,
        "LastModificationDate": schedule.modified_ms / 1000,
        "Target": {"Arn": schedule.target["Arn"]},
    }


def _group_answer(ctx: Context, name: str, group: Group) -> dict[str, Any]:
    answer: dict[str, Any] = {"Arn": _group_arn(ctx, name), "Name": name, "State": "ACTIVE"}
    if group.created_ms:
        answer["CreationDate"] = group.created_ms / 1000
        answer["LastModificationDate"] = group.modified_ms / 1000
    return answer
