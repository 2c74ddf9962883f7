"""Server access logs: which buckets have them, and how they come into the target bucket.

As on AWS they are a best effort. Lines are gathered in memory and stored a second later, so that a request waits for
nothing; some minutes later they are written into the target bucket, in order and each once.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html
"""

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from fogbank.core.alarms import Alarm, Alarms
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.core.store import Record
from fogbank.services.s3.errors import (
    CrossLocationLogging,
    InvalidArgument,
    InvalidTargetBucketForLogging,
    MalformedXML,
)
from fogbank.services.s3.grants import check_target_grants
from fogbank.services.s3.lifecycle_rules import DAY_MS
from fogbank.services.s3.objects import Objects
from fogbank.services.s3.public_access import OWNER_ENFORCED
from fogbank.services.s3.records import LogLine

FLUSH_MS = 1_000
DELIVERY_MS = 300_000
LINES_MAX = 10_000  # of one log file
_CONFIG = "logging"
_CLASSIC_REGION = "us-east-1"
_GRANT_PARAMETERS = {
    "FULL_CONTROL": "GrantFullControl",
    "READ": "GrantRead",
    "READ_ACP": "GrantReadACP",
    "WRITE_ACP": "GrantWriteACP",
}
_GRANTEES = {"CanonicalUser": ("id", "ID"), "Group": ("uri", "URI")}


class LogFile(Record):
    """The lines of a bucket up to a number, which become a file of that moment."""

    bucket: str
    last: int
    at_ms: int


class AccessLogs(Objects):
    """The logging operations of `S3Service`, and the delivery of logs."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._deliveries = Alarms(cloud, "s3.log_deliveries", key=(str,), ring=self._delivery_due)
        self._gathered: list[tuple[str, LogLine]] = []
        cloud.outbox.handler("s3.access_log", self._deliver_log, payload=LogFile)

    async def start(self) -> None:
        await super().start()
        self._deliveries.resume()

    async def stop(self) -> None:
        self._store_lines()
        await super().stop()

    def get_bucket_logging(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        target = self._known(Bucket, _CONFIG)
        return None if target is None else {"LoggingEnabled": target}

    def put_bucket_logging(
        self,
        ctx: Context,
        *,
        Bucket: str,
        BucketLoggingStatus: dict[str, Any],
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        target = BucketLoggingStatus.get("LoggingEnabled")
        self._tables.buckets.put((Bucket,), replace(bucket, logged=target is not None))
        if target is None:
            self._tables.configs.delete((Bucket, _CONFIG))
            return None
        there = self._tables.buckets.get((target["TargetBucket"],))
        if there is None or there.account != bucket.account:
            raise InvalidTargetBucketForLogging(members={"TargetBucket": target["TargetBucket"]})
        if there.region != bucket.region:
            source = {} if bucket.region == _CLASSIC_REGION else {"SourceBucketLocation": bucket.region}
            raise CrossLocationLogging(members={**source, "TargetBucketLocation": there.region})
        if target.get("TargetGrants"):
            if self._ownership(there.name) == OWNER_ENFORCED:
                raise InvalidArgument(
                    "Target grants not supported with bucket ownership", members={"ArgumentName": "TargetGrants"}
                )
            check_target_grants(target["TargetGrants"])
        form = target.get("TargetObjectKeyFormat")
        if form is not None and len(form) != 1:
            raise MalformedXML()
        self._set(Bucket, _CONFIG, target)
        return None

    # ---- lines ------------------------------------------------------------------------------------------------

    def _log(self, bucket: str, line: LogLine) -> None:
        """Keep a line; outside of a transaction."""
        if not self._gathered:
            self.cloud.clock.call_at(self.cloud.clock.now_ms() + FLUSH_MS, self._store_lines)
        self._gathered.append((bucket, line))

    def _store_lines(self) -> None:
        gathered, self._gathered = self._gathered, []
        if not gathered:
            return
        due_ms = self.cloud.clock.now_ms() + DELIVERY_MS
        with self.cloud.store.transaction():
            for bucket, line in gathered:
                self._tables.log_lines.put((bucket, self.cloud.sequence.next()), line)
            for bucket in {bucket for bucket, _ in gathered}:
                if self._deliveries.get((bucket,)) is None:
                    self._deliveries.set((bucket,), due_ms)

    # ---- files ------------------------------------------------------------------------------------------------

    def _delivery_due(self, key: Any, alarm: Alarm) -> None:
        (name,) = key
        bucket, target = self._tables.buckets.get((name,)), self._known(name, _CONFIG)
        if bucket is None or target is None:
            self._tables.log_lines.delete_all((name,))
            return
        ctx = self.cloud.context(account=bucket.account, region=bucket.region)
        at_ms = ctx.now_ms
        lines = list(self._tables.log_lines.scan((name,), limit=LINES_MAX))
        if lines and _is_by_event(target):
            # A file has the events of one day.
            at_ms = lines[0][1].at_ms
            lines = [line for line in lines if line[1].at_ms // DAY_MS == at_ms // DAY_MS]
        if lines:
            file = LogFile(name, last=lines[-1][0][1], at_ms=at_ms)
            self.cloud.outbox.put(ctx, "s3.access_log", lane=name, payload=file)

    async def _deliver_log(self, ctx: Context, file: LogFile) -> None:
        target = self._known(file.bucket, _CONFIG)
        bucket = self._tables.buckets.peek((file.bucket,))
        rows = [row for row in self._tables.log_lines.scan((file.bucket,), limit=LINES_MAX) if row[0][1] <= file.last]
        if target is not None and bucket is not None and rows:
            # A name of its own, so that a second try writes the same file.
            prefix = _prefix(target, bucket.account, bucket.region, bucket.name, file.at_ms)
            await ctx.call(
                self.put_object,
                Bucket=target["TargetBucket"],
                Key=f"{prefix}{_stamp(target, file.at_ms)}-{file.last:016X}",
                Body="".join(f"{row.text}\n" for _, row in rows).encode(),
                ContentType="text/plain",
                **_grants(target),
            )
        await ctx.run(self._forget_lines, [key for key, _ in rows], ctx.now_ms)

    def _forget_lines(self, keys: list[Any], now_ms: int) -> None:
        for key in keys:
            self._tables.log_lines.delete(key)
        if keys and self._tables.log_lines.first(keys[0][:1]) is not None and not self._deliveries.get(keys[0][:1]):
            self._deliveries.set(keys[0][:1], now_ms + DELIVERY_MS)


def _prefix(target: dict[str, Any], account: str, region: str, bucket: str, at_ms: int) -> str:
    """What the keys of log files begin with.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html#server-log-keyname-format
    """
    prefix = str(target["TargetPrefix"])
    if "PartitionedPrefix" not in target.get("TargetObjectKeyFormat", {}):
        return prefix
    day = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{prefix}{account}/{region}/{bucket}/{day:%Y/%m/%d}/"


def _stamp(target: dict[str, Any], at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{moment:%Y-%m-%d}-00-00-00" if _is_by_event(target) else f"{moment:%Y-%m-%d-%H-%M-%S}"


def _is_by_event(target: dict[str, Any]) -> bool:
    """Whether log files lie by the day of their events, and not by the moment of their delivery."""
    partitioned = target.get("TargetObjectKeyFormat", {}).get("PartitionedPrefix") or {}
    return bool(partitioned.get("PartitionDateSource") == "EventTime")


def _grants(target: dict[str, Any]) -> dict[str, str]:
    """The target grants as parameters of PutObject."""
    found: dict[str, list[str]] = {}
    for grant in target.get("TargetGrants") or []:
        parameter = _GRANT_PARAMETERS.get(grant["Permission"])
        if parameter is not None:  # WRITE says nothing of an object.
            name, member = _GRANTEES[grant["Grantee"]["Type"]]
            found.setdefault(parameter, []).append(f'{name}="{grant["Grantee"][member]}"')
    return {parameter: ", ".join(grantees) for parameter, grantees in found.items()}
