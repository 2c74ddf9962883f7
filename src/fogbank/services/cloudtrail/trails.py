"""Trails: what is delivered where.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-create-and-update-a-trail.html
"""

import re
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.moments import iso_seconds
from fogbank.core.pages import page
from fogbank.core.service import Answer
from fogbank.core.tags import tag_list, tag_map
from fogbank.services.cloudtrail.delivery import Delivery
from fogbank.services.cloudtrail.destinations import check_bucket, check_logs, topic_arn
from fogbank.services.cloudtrail.encryption import checked_key
from fogbank.services.cloudtrail.errors import (
    InvalidEventSelectors,
    InvalidTrailName,
    ResourceNotFound,
    TooManyTrails,
    TrailAlreadyExists,
    TrailNotFound,
)
from fogbank.services.cloudtrail.records import Trail, TrailKey, trail_arn
from fogbank.services.cloudtrail.selectors import DEFAULT, checked_advanced, checked_basic, wants_data

TRAILS_MAX = 5  # in one region
_NAME = re.compile(r"(?:[A-Za-z0-9]|[._-](?=[A-Za-z0-9]))+")
_NAME_MIN, _NAME_MAX = 3, 128


class Trails(Delivery):
    """The operations on trails of `CloudTrailService`."""

    async def create_trail(
        self,
        ctx: Context,
        *,
        Name: str,
        S3BucketName: str,
        S3KeyPrefix: str = "",
        SnsTopicName: str = "",
        IncludeGlobalServiceEvents: bool = True,
        IsMultiRegionTrail: bool = False,
        EnableLogFileValidation: bool = False,
        CloudWatchLogsLogGroupArn: str = "",
        CloudWatchLogsRoleArn: str = "",
        KmsKeyId: str = "",
        IsOrganizationTrail: bool = False,
        TagsList: list[dict[str, str]] | None = None,
    ) -> Answer:
        """The trail logs nothing until StartLogging."""
        _refuse_organization(IsOrganizationTrail)
        _check_name(Name)
        trail = Trail(
            S3BucketName,
            S3KeyPrefix,
            global_events=IncludeGlobalServiceEvents,
            multi_region=IsMultiRegionTrail,
            validation=EnableLogFileValidation,
            log_group=CloudWatchLogsLogGroupArn,
            logs_role=CloudWatchLogsRoleArn,
            tags=tag_map(TagsList),
            key_arn=KmsKeyId,
        )
        key = (ctx.account, ctx.region, Name)
        await self._check(ctx, key, trail, SnsTopicName)
        return await ctx.run(self._create, key, trail)

    def delete_trail(self, ctx: Context, *, Name: str) -> Answer:
        key, _ = self._own_trail(ctx, Name)
        self._tables.trails.delete(key)
        self._due.cancel(key)
        return {}

    def describe_trails(
        self, ctx: Context, *, trailNameList: list[str] | None = None, includeShadowTrails: bool = True
    ) -> Answer:
        """Shadows are trails of all regions, seen from another one than their own."""
        if trailNameList:
            keys = [self._key(ctx, name) for name in trailNameList]
            found = [(key, trail) for key in keys if (trail := self._tables.trails.get(key)) is not None]
        else:
            found = [
                (key, trail)
                for key, trail in self._of_account(ctx)
                if key[1] == ctx.region or (trail.multi_region and includeShadowTrails)
            ]
        return {"trailList": [_described(key, trail) for key, trail in found]}

    def get_trail(self, ctx: Context, *, Name: str) -> Answer:
        key, trail = self._trail(ctx, Name)
        return {"Trail": _described(key, trail)}

    def get_trail_status(self, ctx: Context, *, Name: str) -> Answer:
        _, trail = self._trail(ctx, Name)
        times = {
            "LatestDeliveryTime": trail.file_ms,
            "LatestNotificationTime": trail.notified_ms,
            "StartLoggingTime": trail.started_ms,
            "StopLoggingTime": trail.stopped_ms,
            "LatestCloudWatchLogsDeliveryTime": trail.logs_ms,
            "LatestDigestDeliveryTime": trail.digest_ms if trail.digest_object else 0,
        }
        errors = {
            "LatestDeliveryError": trail.error,
            "LatestNotificationError": trail.notice_error,
            "LatestCloudWatchLogsDeliveryError": trail.logs_error,
        }
        texts = {
            "LatestDeliveryAttemptTime": trail.file_ms,
            "LatestDeliveryAttemptSucceeded": trail.file_ms,
            "LatestNotificationAttemptTime": trail.notified_ms,
            "LatestNotificationAttemptSucceeded": trail.notified_ms,
            "TimeLoggingStarted": trail.started_ms,
            "TimeLoggingStopped": trail.stopped_ms,
        }
        answer: dict[str, Any] = {"IsLogging": trail.logging}
        answer |= {name: ms / 1000 for name, ms in times.items() if ms}
        answer |= {name: error for name, error in errors.items() if error}
        return answer | {name: iso_seconds(ms) if ms else "" for name, ms in texts.items()}

    def list_trails(self, ctx: Context, *, NextToken: str | None = None) -> Answer:
        """The trails of all regions."""
        trails = {trail_arn(*key): key for key, _ in self._of_account(ctx)}
        arns, rest = page(sorted(trails), NextToken, None)
        return {
            "Trails": [{"TrailARN": arn, "Name": trails[arn][2], "HomeRegion": trails[arn][1]} for arn in arns]
        } | rest

    def start_logging(self, ctx: Context, *, Name: str) -> Answer:
        key, trail = self._own_trail(ctx, Name)
        if not trail.logging:
            trail.logging, trail.started_ms = True, ctx.now_ms
            trail.delivered_ms = trail.digest_ms = ctx.now_ms
            self._tables.trails.put(key, trail)
            self._schedule(key, ctx.now_ms)
        return {}

    def stop_logging(self, ctx: Context, *, Name: str) -> Answer:
        """What came until now is delivered at once."""
        key, trail = self._own_trail(ctx, Name)
        if trail.logging:
            trail.logging, trail.stopped_ms = False, ctx.now_ms
            self._tables.trails.put(key, trail)
            self._due.cancel(key)
            self._deliver_until(ctx, key, trail, ctx.now_ms)
        return {}

    async def update_trail(
        self,
        ctx: Context,
        *,
        Name: str,
        S3BucketName: str | None = None,
        S3KeyPrefix: str | None = None,
        SnsTopicName: str | None = None,
        IncludeGlobalServiceEvents: bool | None = None,
        IsMultiRegionTrail: bool | None = None,
        EnableLogFileValidation: bool | None = None,
        CloudWatchLogsLogGroupArn: str | None = None,
        CloudWatchLogsRoleArn: str | None = None,
        KmsKeyId: str | None = None,
        IsOrganizationTrail: bool = False,
    ) -> Answer:
        _refuse_organization(IsOrganizationTrail)
        key, wanted = self._own_trail(ctx, Name)
        given = {
            "bucket": S3BucketName,
            "prefix": S3KeyPrefix,
            "global_events": IncludeGlobalServiceEvents,
            "multi_region": IsMultiRegionTrail,
            "validation": EnableLogFileValidation,
            "log_group": CloudWatchLogsLogGroupArn,
            "logs_role": CloudWatchLogsRoleArn,
            "key_arn": KmsKeyId,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        for name, value in changes.items():
            setattr(wanted, name, value)
        await self._check(ctx, key, wanted, wanted.topic if SnsTopicName is None else SnsTopicName)
        return await ctx.run(self._change, ctx, Name, changes | {"topic": wanted.topic, "key_arn": wanted.key_arn})

    # ---- event selectors ----------------------------------------------------------------------------------------

    def get_event_selectors(self, ctx: Context, *, TrailName: str) -> Answer:
        return _selectors_answer(*self._trail(ctx, TrailName))

    def put_event_selectors(
        self,
        ctx: Context,
        *,
        TrailName: str,
        EventSelectors: list[dict[str, Any]] | None = None,
        AdvancedEventSelectors: list[dict[str, Any]] | None = None,
    ) -> Answer:
        """Events of operations on data are there to be taken only with `--audit all`."""
        key, trail = self._own_trail(ctx, TrailName)
        if bool(EventSelectors) == bool(AdvancedEventSelectors):
            raise InvalidEventSelectors("Specify either event selectors or advanced event selectors.")
        trail.selectors = checked_basic(EventSelectors) if EventSelectors else []
        trail.advanced = checked_advanced(AdvancedEventSelectors) if AdvancedEventSelectors else []
        if wants_data(trail) and not self.cloud.audit.everything:
            raise NotImplementedInFogbank("Fogbank records data events only if it is started with --audit all.")
        self._tables.trails.put(key, trail)
        return _selectors_answer(key, trail)

    # ---- tags ---------------------------------------------------------------------------------------------------

    def add_tags(self, ctx: Context, *, ResourceId: str, TagsList: list[dict[str, str]]) -> Answer:
        key, trail = self._tagged(ctx, ResourceId)
        trail.tags |= {tag["Key"]: tag.get("Value", "") for tag in TagsList}
        self._tables.trails.put(key, trail)
        return {}

    def list_tags(self, ctx: Context, *, ResourceIdList: list[str], NextToken: str | None = None) -> Answer:
        shown, rest = page(sorted(ResourceIdList), NextToken, None)
        rows = [{"ResourceId": arn, "TagsList": tag_list(self._tagged(ctx, arn)[1].tags)} for arn in shown]
        return {"ResourceTagList": rows} | rest

    def remove_tags(self, ctx: Context, *, ResourceId: str, TagsList: list[dict[str, str]]) -> Answer:
        key, trail = self._tagged(ctx, ResourceId)
        removed = {tag["Key"] for tag in TagsList}
        trail.tags = {name: value for name, value in trail.tags.items() if name not in removed}
        self._tables.trails.put(key, trail)
        return {}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _of_account(self, ctx: Context) -> list[tuple[TrailKey, Trail]]:
        return [(_key(key), trail) for key, trail in self._tables.trails.scan((ctx.account,))]

    async def _check(self, ctx: Context, key: TrailKey, trail: Trail, topic: str) -> None:
        region = await check_bucket(ctx, trail_arn(*key), trail.bucket, trail.prefix)
        if trail.key_arn:
            trail.key_arn = checked_key(ctx, trail_arn(*key), trail.bucket, region, trail.key_arn)
        trail.topic = await topic_arn(ctx, trail_arn(*key), topic) if topic else ""
        check_logs(ctx, trail.log_group, trail.logs_role)

    def _create(self, key: TrailKey, trail: Trail) -> dict[str, Any]:
        account, region, name = key
        if self._tables.trails.get(key) is not None:
            raise TrailAlreadyExists(f"Trail {name} already exists for customer: {account}")
        if self._tables.trails.count((account, region)) >= TRAILS_MAX:
            raise TooManyTrails(f"User: {account} already has {TRAILS_MAX} trails in {region}.")
        self._tables.trails.put(key, trail)
        return _answer(key, trail)

    def _change(self, ctx: Context, name: str, changes: dict[str, Any]) -> dict[str, Any]:
        key, trail = self._own_trail(ctx, name)
        for field, value in changes.items():
            setattr(trail, field, value)
        self._tables.trails.put(key, trail)
        return _answer(key, trail)

    def _tagged(self, ctx: Context, arn: str) -> tuple[TrailKey, Trail]:
        try:
            return self._own_trail(ctx, arn)
        except TrailNotFound:
            raise ResourceNotFound(f"Resource not found: {arn}") from None


def _key(key: tuple[Any, ...]) -> TrailKey:
    return key[0], key[1], key[2]


def _check_name(name: str) -> None:
    length = f"Specified name length: {len(name)} characters."
    if len(name) < _NAME_MIN:
        raise InvalidTrailName(f"Trail name too short. Minimum allowed length: {_NAME_MIN} characters. {length}")
    if len(name) > _NAME_MAX:
        raise InvalidTrailName(f"Trail name too long. Maximum allowed length: {_NAME_MAX} characters. {length}")
    for edge, verb in ((name[0], "starts"), (name[-1], "ends")):  # AWS's grammar
        if not (edge.isascii() and edge.isalnum()):
            raise InvalidTrailName(f"Trail name must {verb} with a letter or number.")
    if not _NAME.fullmatch(name):
        raise InvalidTrailName(
            "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), "
            "hyphens (-), and underscores (_)."
        )


def _refuse_organization(wanted: bool) -> None:
    if wanted:
        raise NotImplementedInFogbank("Fogbank's CloudTrail has no trails of organizations.")


def _answer(key: TrailKey, trail: Trail) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Name": key[2],
        "S3BucketName": trail.bucket,
        "IncludeGlobalServiceEvents": trail.global_events,
        "IsMultiRegionTrail": trail.multi_region,
        "TrailARN": trail_arn(*key),
        "LogFileValidationEnabled": trail.validation,
        "IsOrganizationTrail": False,
    }
    if trail.topic:
        answer |= {"SnsTopicName": trail.topic.rpartition(":")[2], "SnsTopicARN": trail.topic}
    if trail.log_group:
        answer |= {"CloudWatchLogsLogGroupArn": trail.log_group, "CloudWatchLogsRoleArn": trail.logs_role}
    if trail.key_arn:
        answer["KmsKeyId"] = trail.key_arn
    return answer | ({"S3KeyPrefix": trail.prefix} if trail.prefix else {})


def _described(key: TrailKey, trail: Trail) -> dict[str, Any]:
    custom = bool(trail.advanced) or trail.selectors not in ([], [DEFAULT])
    return _answer(key, trail) | {
        "HomeRegion": key[1],
        "HasCustomEventSelectors": custom,
        "HasInsightSelectors": False,
    }


def _selectors_answer(key: TrailKey, trail: Trail) -> dict[str, Any]:
    answer: dict[str, Any] = {"TrailARN": trail_arn(*key)}
    if trail.advanced:
        return answer | {"AdvancedEventSelectors": trail.advanced}
    return answer | {"EventSelectors": trail.selectors or [DEFAULT]}
