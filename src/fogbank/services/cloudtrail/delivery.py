"""Every five minutes by the clock what came is delivered: to a bucket, and to a log group and a topic if there are any.

A delivery is a row of the outbox, written when it is due. It takes what came between the last delivery and a minute
before it was due, so that what was under way then is part of the next one. Its files' names follow from the trail, the
region and the time: a crash repeats files under the same names.
"""

import gzip
import hashlib
from collections.abc import Iterator
from typing import Any

from fogbank.core.alarms import Alarm, Alarms
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.delegation import NotPermitted, acting_as, in_name_of, permit, permit_sending
from fogbank.core.errors import AwsError
from fogbank.core.outbox import RetryPolicy
from fogbank.core.store import Record
from fogbank.services.cloudtrail.base import Base
from fogbank.services.cloudtrail.destinations import PRINCIPAL, check_writing, folder, log_group, notice
from fogbank.services.cloudtrail.digests import Digests
from fogbank.services.cloudtrail.encryption import check_encrypting, encryption_of
from fogbank.services.cloudtrail.events import Event
from fogbank.services.cloudtrail.records import LogFile, Trail, TrailKey, TrailTables, trail_arn
from fogbank.services.cloudtrail.selectors import takes
from fogbank.services.cloudtrail.stamps import compact_minute, day_folder

PERIOD_MS = 5 * 60_000
LAG_MS = 60_000
FILE_EVENTS_MAX = 1_000  # Other requests are served between files.
# What PutLogEvents takes at once. A byte of JSON is a character here, and each event counts 26 more.
LOGS_BATCH_MAX = 1_000
LOGS_BYTES_MAX = 1_000_000
LOGS_EVENT_MAX = 256 * 1024
LOGS_SPAN_MS = 24 * 3_600_000
GLOBAL_REGION = "us-east-1"
GLOBAL_SERVICES = frozenset(("iam", "sts", "organizations", "cloudfront", "route53"))
_KIND = "cloudtrail.delivery"


class Due(Record):
    """Deliver what the trail has until then; `since_ms` is what it had delivered when this was written."""

    region: str
    name: str
    since_ms: int
    until_ms: int


class Delivery(Digests, Base):
    """The background work of `CloudTrailService`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = TrailTables(cloud.store)
        self._due = Alarms(cloud, "cloudtrail.due", key=(str, str, str), ring=self._ring)
        cloud.outbox.handler(
            _KIND, self._deliver, payload=Due, retry=RetryPolicy(attempts_max=3), on_exhausted=self._given_up
        )

    async def start(self) -> None:
        self._due.resume()

    # ---- when ---------------------------------------------------------------------------------------------------

    def _schedule(self, key: TrailKey, now_ms: int) -> None:
        self._due.set(key, now_ms - now_ms % PERIOD_MS + PERIOD_MS)

    def _ring(self, key: TrailKey, alarm: Alarm) -> None:
        trail = self._tables.trails.get(key)
        if trail is not None and trail.logging:
            ctx = self.cloud.context(account=key[0], region=key[1])
            self._deliver_until(ctx, key, trail, ctx.now_ms - LAG_MS)
            self._schedule(key, ctx.now_ms)

    def _deliver_until(self, ctx: Context, key: TrailKey, trail: Trail, until_ms: int) -> None:
        due = Due(key[1], key[2], trail.delivered_ms, until_ms)
        self.cloud.outbox.put(ctx, _KIND, lane="/".join(key), payload=due)

    # ---- what ---------------------------------------------------------------------------------------------------

    async def _deliver(self, ctx: Context, due: Due) -> None:
        key = (ctx.account, due.region, due.name)
        trail = self._tables.trails.get(key)
        if trail is None:
            return
        # Who stops a trail and starts it again still gets what came before.
        restarted = trail.delivered_ms > due.until_ms
        since_ms, until_ms = due.since_ms if restarted else trail.delivered_ms, due.until_ms
        files: list[LogFile] = []
        for region in self._regions(key, trail):
            events = [event for event in self._between(key, trail, region, since_ms, until_ms) if takes(trail, event)]
            for number, start in enumerate(range(0, len(events), FILE_EVENTS_MAX)):
                part = events[start : start + FILE_EVENTS_MAX]
                files.append(await _put_file(ctx, key, trail, region, part, until_ms, number))
            await self._log(ctx, key, trail, region, events)
        error = await self._notify(ctx, key, trail, files) if files and trail.topic else ""
        await ctx.run(self._delivered, ctx.refreshed(), key, until_ms, files, error)
        await self._digest_if_due(ctx, key)

    def _regions(self, key: TrailKey, trail: Trail) -> list[str]:
        """Where the trail's events are."""
        account, home, _ = key
        if trail.multi_region:
            return self.cloud.audit.regions_of(account)
        return [home, GLOBAL_REGION] if trail.global_events and home != GLOBAL_REGION else [home]

    def _between(self, key: TrailKey, trail: Trail, region: str, since_ms: int, until_ms: int) -> Iterator[Event]:
        account, home, _ = key
        only_global = not trail.multi_region and region != home
        found = self.cloud.audit.entries(account, region, since_ms=since_ms, until_ms=until_ms - 1, newest_first=False)
        for (_, _, at_ms, _), entry in found:
            is_global = entry.service in GLOBAL_SERVICES
            if (is_global and trail.global_events) or not (is_global or only_global):
                yield self._event(account, region, at_ms, entry)

    async def _log(self, ctx: Context, key: TrailKey, trail: Trail, region: str, events: list[Event]) -> None:
        """Put the events into the trail's log group. That this fails does not hold up the files."""
        if not trail.log_group or not events:
            return
        logs, group = ctx.cloud.logs, log_group(trail.log_group)
        stream = f"{ctx.account}_CloudTrail_{region}"
        error = ""
        try:
            own = acting_as(ctx, trail.logs_role, PRINCIPAL)
            permit(own, "logs:PutLogEvents", f"{trail.log_group.removesuffix(':*')}:log-stream:{stream}")
            await ctx.run(logs.ensure_stream, ctx, group, stream)
            for batch in _log_batches(events):
                await ctx.call(logs.put_log_events, logGroupName=group, logStreamName=stream, logEvents=batch)
        except AwsError as failure:
            error = failure.code
        await ctx.run(self._logged, ctx.refreshed(), key, error)

    async def _notify(self, ctx: Context, key: TrailKey, trail: Trail, files: list[LogFile]) -> str:
        """Tell the trail's topic of the files. Why that failed, which does not hold them up."""
        message = notice(trail.bucket, [file.key for file in files])
        try:
            permit_sending(in_name_of(ctx, PRINCIPAL, trail_arn(*key)), trail.topic)
            await ctx.call(ctx.cloud.sns.publish, TopicArn=trail.topic, Message=message)
        except AwsError as error:
            return _code(error)
        return ""

    # ---- what became of it --------------------------------------------------------------------------------------

    def _logged(self, ctx: Context, key: TrailKey, error: str) -> None:
        trail = self._tables.trails.get(key)
        if trail is not None:
            trail.logs_error = error
            trail.logs_ms = trail.logs_ms if error else ctx.now_ms
            self._tables.trails.put(key, trail)

    def _delivered(self, ctx: Context, key: TrailKey, until_ms: int, files: list[LogFile], notice_error: str) -> None:
        trail = self._tables.trails.get(key)
        if trail is None:
            return
        trail.delivered_ms, trail.error = max(trail.delivered_ms, until_ms), ""
        if files:
            trail.file_ms = ctx.now_ms
            trail.notice_error = notice_error
            trail.notified_ms = ctx.now_ms if trail.topic and not notice_error else trail.notified_ms
            trail.digest_files += files if trail.validation else []
        self._tables.trails.put(key, trail)

    def _given_up(self, ctx: Context, due: Due, error: Exception) -> None:
        """The next delivery takes these events, too."""
        key = (ctx.account, due.region, due.name)
        trail = self._tables.trails.get(key)
        if trail is not None:
            trail.error = _code(error)
            self._tables.trails.put(key, trail)


def _code(error: Exception) -> str:
    """As S3 and SNS call it."""
    if isinstance(error, NotPermitted):
        return "AccessDenied"
    return error.code if isinstance(error, AwsError) else "InternalFailure"


def _log_batches(events: list[Event]) -> Iterator[list[dict[str, Any]]]:
    """The events as PutLogEvents takes them; one that is too long for a log stays out."""
    batch: list[dict[str, Any]] = []
    taken = 0
    for event in events:
        text = event.text()
        if len(text) > LOGS_EVENT_MAX:
            continue
        is_full = len(batch) == LOGS_BATCH_MAX or taken + len(text) > LOGS_BYTES_MAX
        if batch and (is_full or event.at_ms - batch[0]["timestamp"] >= LOGS_SPAN_MS):
            yield batch
            batch, taken = [], 0
        batch.append({"timestamp": event.at_ms, "message": text})
        taken += len(text) + 26
    if batch:
        yield batch


async def _put_file(
    ctx: Context, key: TrailKey, trail: Trail, region: str, events: list[Event], until_ms: int, number: int
) -> LogFile:
    content = ('{"Records":[' + ",".join(event.text() for event in events) + "]}").encode()
    stamp = compact_minute(until_ms)
    name = hashlib.sha256(f"{trail_arn(*key)} {region} {until_ms} {number}".encode()).hexdigest()[:16]
    path = f"{folder(trail.prefix, ctx.account)}CloudTrail/{region}/{day_folder(until_ms)}/"
    object_key = f"{path}{ctx.account}_CloudTrail_{region}_{stamp}_{name}.json.gz"
    check_writing(ctx, trail_arn(*key), trail.bucket, object_key)
    check_encrypting(ctx, trail_arn(*key), trail.key_arn)
    await ctx.call(
        ctx.cloud.s3.put_object,
        Bucket=trail.bucket,
        Key=object_key,
        Body=gzip.compress(content, mtime=0),
        ContentType="application/json",
        ContentEncoding="gzip",
        **encryption_of(trail_arn(*key), trail.key_arn),
    )
    return LogFile(object_key, hashlib.sha256(content).hexdigest(), events[0].at_ms, events[-1].at_ms)
