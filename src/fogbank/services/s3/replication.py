"""Replication: new versions of a bucket's objects, their changes and delete markers follow into other buckets.

What is to be replicated is a row of the outbox, written with the change; it is done after the commit, in order for
each key. A replica has the id, the time and the place in the order of versions that its source has, so that a row
that is done twice changes nothing. Replicas are not replicated again.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html
"""

import logging
from typing import Any

from msgspec.structs import replace

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.delegation import NotPermitted, acting_as, permit
from fogbank.core.moments import iso_milliseconds
from fogbank.core.roles import may_assume
from fogbank.core.service import Answer
from fogbank.core.store import Record
from fogbank.services.s3 import grants, object_lock, replication_rules
from fogbank.services.s3.base import S3Base
from fogbank.services.s3.bodies import Duplicate
from fogbank.services.s3.errors import (
    InvalidArgument,
    InvalidRequest,
    KmsInvalidState,
    KmsKeyDisabled,
    KmsKeyNotFound,
    ReplicationConfigurationNotFound,
)
from fogbank.services.s3.events import CREATED, Details, Event
from fogbank.services.s3.fields import storage
from fogbank.services.s3.lanes import RETRY, lane
from fogbank.services.s3.new_objects import ARCHIVED
from fogbank.services.s3.records import Acl, BucketConfig, ObjectVersion
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.replication_rules import Rule
from fogbank.services.s3.shelf import ENABLED

log = logging.getLogger("fogbank.s3")

PENDING, COMPLETED, FAILED, REPLICA = "PENDING", "COMPLETED", "FAILED", "REPLICA"

_PRINCIPAL = "s3.amazonaws.com"
_CONFIG = "replication"
_KIND = "s3.replication"
_NAMESPACE = "AWS/S3"
_CHANGES = frozenset(
    (Event.TAGGING_PUT, Event.TAGGING_DELETE, Event.ACL_PUT, Event.RETENTION_PUT, Event.LEGAL_HOLD_PUT)
)


class Work(Record):
    """A version that is on its way to another bucket, or what was changed of it."""

    bucket: str
    key: str
    version_id: str
    rule_id: str
    requested_ms: int
    only_changes: bool = False


class Replication(S3Base):
    """The replication operations of `S3Service`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._events.listen(lambda bucket: bucket.replicates, self._plan)
        cloud.outbox.handler(_KIND, self._replicate, payload=Work, retry=RETRY)

    def delete_bucket_replication(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        self._tables.configs.delete((Bucket, _CONFIG))
        self._tables.buckets.put((Bucket,), replace(bucket, replicates=False))
        return None

    def get_bucket_replication(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        config = self._tables.configs.get((Bucket, _CONFIG))
        if config is None:
            raise ReplicationConfigurationNotFound(members={"BucketName": Bucket})
        return {"ReplicationConfiguration": config.value}

    def put_bucket_replication(
        self,
        ctx: Context,
        *,
        Bucket: str,
        ReplicationConfiguration: dict[str, Any],
        Token: str | None = None,
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        """`Token` was AWS's permission for buckets with Object Lock; none is needed any more and any is accepted."""
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        if bucket.versioning != ENABLED:
            raise InvalidRequest("Versioning must be 'Enabled' on the bucket to apply a replication configuration")
        kept = replication_rules.checked(ReplicationConfiguration, Bucket)
        for rule in kept["Rules"]:
            self._check_destination(bucket, rule)
        self._tables.configs.put((Bucket, _CONFIG), BucketConfig(kept))
        self._tables.buckets.put((Bucket,), replace(bucket, replicates=True))
        return None

    def _check_destination(self, bucket: BucketRecord, rule: Rule) -> None:
        there = self._tables.buckets.peek((replication_rules.destination(rule),))
        if there is None or there.versioning != ENABLED:
            raise InvalidRequest("Destination bucket must have versioning enabled.")
        account = rule["Destination"].get("Account")
        if account is not None and account != there.account:
            raise InvalidArgument(
                "The AWS account specified in the <Account> element must match the destination bucket owner."
            )
        if bucket.object_lock and not there.object_lock:
            raise InvalidRequest("Destination bucket must have object lock enabled.")

    # ---- what is to be done --------------------------------------------------------------------------------------

    def _plan(
        self, ctx: Context, bucket: BucketRecord, event: Event, key: str, version: ObjectVersion, details: Details
    ) -> None:
        config = self._tables.configs.peek((bucket.name, _CONFIG))
        if config is None:
            return
        if event in _CHANGES:
            for rule in replication_rules.for_changes(config.value, key, version):
                self._order(ctx, bucket, key, version, rule, only_changes=True)
            return
        if version.replication == REPLICA:
            return
        if event in CREATED and storage(version) not in ARCHIVED:
            rules = replication_rules.for_object(config.value, key, version)
        elif event is Event.DELETE_MARKER_CREATED:
            rules = replication_rules.for_marker(config.value, key)
        else:
            return
        if not rules:
            return
        version.replicated_to = {replication_rules.destination(rule): PENDING for rule in rules}
        version.replication = PENDING
        self._shelf.replace(bucket.name, key, version)
        for rule in rules:
            self._order(ctx, bucket, key, version, rule, only_changes=False)

    def _order(
        self, ctx: Context, bucket: BucketRecord, key: str, version: ObjectVersion, rule: Rule, *, only_changes: bool
    ) -> None:
        work = Work(bucket.name, key, version.version_id, rule["ID"], ctx.now_ms, only_changes)
        there = ctx.at(account=bucket.account, region=bucket.region)
        place = lane(bucket.name, replication_rules.destination(rule), key)
        self.cloud.outbox.put(there, _KIND, lane=place, payload=work)

    # ---- doing it ------------------------------------------------------------------------------------------------

    async def _replicate(self, ctx: Context, work: Work) -> None:
        bucket, config = self._tables.buckets.peek((work.bucket,)), self._tables.configs.peek((work.bucket, _CONFIG))
        rules = config.value["Rules"] if config is not None else ()
        rule = next((rule for rule in rules if rule["ID"] == work.rule_id), None)
        if bucket is None or config is None or rule is None:
            return  # Nobody wants it any more.
        version = self._shelf.find(work.bucket, work.key, work.version_id)
        if version is None:
            return
        reason = self._reason_against(bucket, rule) or _denied(ctx, config.value["Role"], work, rule, version)
        if reason:
            await ctx.run(self._settle, ctx, work, rule, FAILED, reason)
        elif work.only_changes:
            await ctx.run(self._apply_changes, ctx, work, rule)
        else:
            duplicate = await self._bodies.duplicate(version.body)
            try:
                await ctx.run(self._arrive, ctx, work, rule, duplicate)
            except (KmsInvalidState, KmsKeyDisabled, KmsKeyNotFound):
                self._bodies.forget(duplicate)
                await ctx.run(self._settle, ctx, work, rule, FAILED, "DstKmsKeyInvalidState")
                return
            except Exception:  # But not if the wait was cancelled: the commit may still come.
                self._bodies.forget(duplicate)
                raise
            self._bodies.forget(duplicate)

    def _reason_against(self, bucket: BucketRecord, rule: Rule) -> str:
        """Why a destination cannot get replicas, in AWS's failure codes; empty if it can.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-failure-codes.html
        """
        there = self._tables.buckets.peek((replication_rules.destination(rule),))
        if there is None:
            return "DstBucketNotFound"
        if there.versioning != ENABLED:
            return "DstBucketUnversioned"
        if bucket.object_lock and not there.object_lock:
            return "DstBucketObjectLockConfigMissing"
        return ""

    def _arrive(self, ctx: Context, work: Work, rule: Rule, duplicate: Duplicate) -> None:
        bucket, there = self._ends(work, rule)
        version = self._shelf.find(work.bucket, work.key, work.version_id)
        if bucket is None or there is None or version is None:
            return
        if self._shelf.find(there.name, work.key, work.version_id) is None:
            headers = _replica_headers(version, rule)
            replica = replace(
                version,
                body=self._bodies.keep_duplicate(duplicate),
                headers=headers,
                data_key=self._kms_keys.of_replica(ctx, bucket, work.key, version, there, headers),
                acl=_replica_acl(version, rule, bucket, there),
                restore=None,
                replication=REPLICA,
                replicated_to={},
            )
            if there.object_lock and not replica.delete_marker:
                replica.lock = object_lock.retention(self._default_retention(there), replica.lock, ctx.now_ms)
            self._shelf.insert(there, work.key, replica)
            event = Event.DELETE_MARKER_CREATED if replica.delete_marker else Event.PUT
            here = ctx.at(account=there.account, region=there.region)
            self._events.happened(here, there, event, work.key, replica)
        self._settle(ctx, work, rule, COMPLETED)

    def _apply_changes(self, ctx: Context, work: Work, rule: Rule) -> None:
        bucket, there = self._ends(work, rule)
        version = self._shelf.find(work.bucket, work.key, work.version_id)
        target = self._shelf.find(there.name, work.key, work.version_id) if there is not None else None
        if bucket is None or there is None or version is None or target is None:
            return
        target.tags, target.lock = version.tags, version.lock
        if target.replication == REPLICA:
            target.acl = _replica_acl(version, rule, bucket, there)
        self._shelf.replace(there.name, work.key, target)

    def _ends(self, work: Work, rule: Rule) -> tuple[BucketRecord | None, BucketRecord | None]:
        buckets = self._tables.buckets
        return buckets.peek((work.bucket,)), buckets.peek((replication_rules.destination(rule),))

    def _settle(self, ctx: Context, work: Work, rule: Rule, status: str, reason: str = "") -> None:
        """Keep how it went, count it and tell of it."""
        bucket = self._tables.buckets.peek((work.bucket,))
        version = self._shelf.find(work.bucket, work.key, work.version_id)
        name = replication_rules.destination(rule)
        if version is not None and not work.only_changes:
            version.replicated_to[name] = status
            version.replication = _overall(version.replicated_to.values())
            self._shelf.replace(work.bucket, work.key, version)
        if reason:
            log.info("%s of %s is not replicated to %s: %s", work.key, work.bucket, name, reason)
        if bucket is None or version is None or not replication_rules.is_tracked(rule):
            return
        latency_s = max(ctx.now_ms - work.requested_ms, 0) / 1000
        count, where = self.cloud.metrics.add, (bucket.account, bucket.region, _NAMESPACE)
        dimensions = {"SourceBucket": work.bucket, "DestinationBucket": name, "RuleId": work.rule_id}
        if status == FAILED:
            count(*where, "OperationsFailedReplication", dimensions, 1, "Count")
        else:
            count(*where, "ReplicationLatency", dimensions, latency_s, "Seconds")
        told = _event_data(work, rule, version)
        if status == FAILED:
            told["failureReason"] = reason
            self._events.happened(ctx, bucket, Event.REPLICATION_FAILED, work.key, version, replication=told)
        elif latency_s > replication_rules.RTC_MINUTES * 60 and "ReplicationTime" in rule["Destination"]:
            told |= {"threshold": str(replication_rules.RTC_MINUTES), "replicationTime": f"{latency_s:.0f}"}
            self._events.happened(ctx, bucket, Event.REPLICATION_AFTER_THRESHOLD, work.key, version, replication=told)


def _denied(ctx: Context, role_arn: str, work: Work, rule: Rule, version: ObjectVersion) -> str:
    """What the role may not do of what the replica takes, in the same codes."""
    if not may_assume(ctx, _PRINCIPAL, role_arn):
        return "AssumeRoleNotPermitted"
    source = f"arn:aws:s3:::{work.bucket}/{work.key}"
    target = f"{rule['Destination']['Bucket']}/{work.key}"
    needed = [("ReplicateDelete", target, "DstDelObjNotPermitted")]
    if not version.delete_marker:
        needed = [
            ("GetObjectVersionForReplication", source, "SrcGetObjectNotPermitted"),
            ("ReplicateObject", target, "DstPutObjectNotPermitted"),
        ]
    if version.tags:
        needed += [
            ("GetObjectVersionTagging", source, "SrcGetTaggingNotPermitted"),
            ("ReplicateTags", target, "DstPutTaggingNotPermitted"),
        ]
    own = acting_as(ctx, role_arn, _PRINCIPAL)
    for action, arn, reason in needed:
        try:
            permit(own, f"s3:{action}", arn)
        except NotPermitted:
            return reason
    return ""


def _overall(statuses: Any) -> str:
    """The status of a version: it has failed if it failed anywhere, and is done when it is everywhere."""
    found = set(statuses)
    return next((status for status in (FAILED, PENDING) if status in found), COMPLETED)


def _replica_headers(version: ObjectVersion, rule: Rule) -> dict[str, Any]:
    there = rule["Destination"]
    headers = dict(version.headers)
    if "StorageClass" in there:
        headers["StorageClass"] = there["StorageClass"]
        if there["StorageClass"] == "STANDARD":
            del headers["StorageClass"]
    if "SSEKMSKeyId" in headers and there.get("EncryptionConfiguration"):
        headers["SSEKMSKeyId"] = there["EncryptionConfiguration"]["ReplicaKmsKeyID"]
    return headers


def _replica_acl(version: ObjectVersion, rule: Rule, bucket: BucketRecord, there: BucketRecord) -> Acl | None:
    """A replica belongs to who owns its source, unless the rule gives it to the owner of its bucket."""
    if "AccessControlTranslation" in rule["Destination"]:
        return None
    if version.acl is None and bucket.account != there.account:
        return grants.private(bucket.account)
    return version.acl


def _event_data(work: Work, rule: Rule, version: ObjectVersion) -> dict[str, Any]:
    return {
        "replicationRuleId": rule["ID"],
        "destinationBucket": rule["Destination"]["Bucket"],
        "s3Operation": "OBJECT_DELETE" if version.delete_marker else "OBJECT_PUT",
        "requestTime": iso_milliseconds(work.requested_ms),
    }
