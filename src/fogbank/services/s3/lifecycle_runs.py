"""The daily run of lifecycle rules: at midnight UTC every bucket that has any is walked through, a slice a turn.

Where a run is, is a row that is written with what its slice did: a crash repeats nothing and forgets nothing. The
first slice is done in the turn of the alarm, so that a small bucket is done at once.
"""

import logging
from typing import Any

from fogbank.core.alarms import Alarm, Alarms
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.services.s3 import lifecycle_rules
from fogbank.services.s3.errors import AccessDenied
from fogbank.services.s3.events import Event
from fogbank.services.s3.fields import storage
from fogbank.services.s3.lifecycle_rules import DAY_MS, Rule
from fogbank.services.s3.multipart import MultipartUploads
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.records import LifecycleRun, ObjectVersion

log = logging.getLogger("fogbank.s3")

ROWS_PER_TURN = 200
_PHASES = ("objects", "versions", "uploads")
_MIDNIGHT = ("midnight",)


class LifecycleRuns(MultipartUploads):
    """What lifecycle rules do, on the clock."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._midnights = Alarms(cloud, "s3.lifecycle_midnights", key=(str,), ring=self._midnight)
        self._at_work = False

    async def start(self) -> None:
        await super().start()
        await self.cloud.store.run(self._take_over_lifecycles)
        self._midnights.resume()
        self._go_on()

    def _set_has_lifecycle(self, ctx: Context, bucket: BucketRecord, *, on: bool) -> None:
        super()._set_has_lifecycle(ctx, bucket, on=on)
        if not on:
            self._tables.lifecycle_runs.delete((bucket.name,))
        elif self._midnights.get(_MIDNIGHT) is None:
            self._midnights.set(_MIDNIGHT, lifecycle_rules.midnight_after(ctx.now_ms, 0))

    def _take_over_lifecycles(self) -> None:
        """Rules of older data folders, which kept them and did nothing, are put once more; what is wrong with them was
        not found then.
        """
        for (name,), bucket in list(self._tables.buckets.scan()):
            kept = self._known(name, "lifecycle")
            if kept is None or bucket.has_lifecycle:
                continue
            ctx = self.cloud.context(account=bucket.account, region=bucket.region)
            try:
                self.put_bucket_lifecycle_configuration(ctx, Bucket=name, LifecycleConfiguration=kept)
            except AwsError as error:
                log.warning("the lifecycle rules of %s are kept and do nothing: %s", name, error)

    def _midnight(self, key: Any, alarm: Alarm) -> None:
        now_ms = self.cloud.clock.now_ms()
        found = [name for (name,), bucket in self._tables.buckets.scan() if bucket.has_lifecycle]
        for name in found:
            # A run of the day before that is still under way begins anew, with what is due today.
            self._tables.lifecycle_runs.put((name,), LifecycleRun(at_ms=now_ms // DAY_MS * DAY_MS))
        if found:
            self._midnights.set(_MIDNIGHT, lifecycle_rules.midnight_after(now_ms, 0))
            if self._lifecycle_slice():
                self.cloud.store.after_commit(self._go_on)

    def _go_on(self) -> None:
        if not self._at_work and self._tables.lifecycle_runs.first() is not None:
            self._at_work = True
            self.cloud.tasks.spawn("s3 lifecycle", self._finish_runs())

    async def _finish_runs(self) -> None:
        try:
            while await self.cloud.store.run(self._lifecycle_slice):
                continue
        finally:
            self._at_work = False

    def _lifecycle_slice(self) -> bool:
        """Do a slice of the runs under way; whether there is more to do."""
        rows = 0
        while rows < ROWS_PER_TURN:
            first = self._tables.lifecycle_runs.first()
            if first is None:
                return False
            (name,), run = first
            rows += 1 + self._run_on(name, run)
        return True

    def _run_on(self, name: str, run: LifecycleRun) -> int:
        """Do a slice of a bucket's run; how many rows were looked at."""
        bucket = self._tables.buckets.get((name,))
        if bucket is None or run.phase == len(_PHASES):
            self._tables.lifecycle_runs.delete((name,))
            return 0
        rules = self._lifecycle_rules(name)
        ctx = self.cloud.context(account=bucket.account, region=bucket.region)
        match _PHASES[run.phase]:
            case "objects":
                rows = self._run_on_objects(ctx, bucket, rules, run)
            case "versions":
                rows = self._run_on_versions(ctx, bucket, rules, run)
            case _:
                rows = self._run_on_uploads(bucket, rules, run)
        if rows < ROWS_PER_TURN:
            run = LifecycleRun(at_ms=run.at_ms, phase=run.phase + 1)
        self._tables.lifecycle_runs.put((name,), run)
        return rows

    # ---- current versions -------------------------------------------------------------------------------------

    def _run_on_objects(self, ctx: Context, bucket: BucketRecord, rules: list[Rule], run: LifecycleRun) -> int:
        if not any(rule.expires or rule.transitions for rule in rules):
            return 0
        after = (bucket.name, run.key) if run.key else None
        rows = list(self._tables.objects.scan((bucket.name,), after=after, limit=ROWS_PER_TURN))
        for (_, key), version in rows:
            run.key = key
            expiry = lifecycle_rules.expiry(rules, key, version.tags, version.size, version.modified_ms)
            if expiry is not None and expiry[0] <= run.at_ms:
                self._expire(ctx, bucket, key, None)
                continue
            to = lifecycle_rules.storage_class(
                rules, key, version.tags, version.size, version.modified_ms, run.at_ms, storage(version)
            )
            self._transition(ctx, bucket, key, version, to)
        return len(rows)

    # ---- noncurrent versions and delete markers ---------------------------------------------------------------

    def _run_on_versions(self, ctx: Context, bucket: BucketRecord, rules: list[Rule], run: LifecycleRun) -> int:
        if not bucket.versioning or not any(
            rule.expires or rule.expires_markers or rule.noncurrent_days is not None or rule.noncurrent_transitions
            for rule in rules
        ):
            return 0
        after = (bucket.name, run.key, run.place) if run.key else None
        rows = list(self._tables.versions.scan((bucket.name,), after=after, limit=ROWS_PER_TURN))
        for (_, key, place), version in rows:
            if key != run.key:
                current = self._tables.objects.get((bucket.name, key))
                run.key, run.newer, run.since_ms = key, 0, current.modified_ms if current is not None else 0
            run.place = place
            if run.since_ms == 0:
                self._run_on_marker(ctx, bucket, rules, run, version)
            else:
                self._run_on_noncurrent(ctx, bucket, rules, run, version)
                run.newer += 1
            run.since_ms = version.modified_ms
        return len(rows)

    def _run_on_marker(
        self, ctx: Context, bucket: BucketRecord, rules: list[Rule], run: LifecycleRun, marker: ObjectVersion
    ) -> None:
        """A delete marker that is the latest version: it goes if there is nothing left for it to hide."""
        due = any(
            rule.matches(run.key, {}, 0)
            and (rule.expires_markers or (rule.expires and rule.expiry_ms(marker.modified_ms) <= run.at_ms))
            for rule in rules
        )
        if due and sum(1 for _ in self._tables.versions.scan((bucket.name, run.key), limit=2)) == 1:
            self._expire(ctx, bucket, run.key, marker.version_id)

    def _run_on_noncurrent(
        self, ctx: Context, bucket: BucketRecord, rules: list[Rule], run: LifecycleRun, version: ObjectVersion
    ) -> None:
        matched = (rules, run.key, version.tags, version.size, run.since_ms, run.at_ms)
        if lifecycle_rules.noncurrent_expired(*matched, run.newer):
            self._expire(ctx, bucket, run.key, version.version_id)
        elif not version.delete_marker:
            to = lifecycle_rules.noncurrent_storage_class(*matched, storage(version), run.newer)
            self._transition(ctx, bucket, run.key, version, to)

    # ---- uploads ----------------------------------------------------------------------------------------------

    def _run_on_uploads(self, bucket: BucketRecord, rules: list[Rule], run: LifecycleRun) -> int:
        if not any(rule.abort_days is not None for rule in rules):
            return 0
        after = (bucket.name, run.key, run.upload_id) if run.key else None
        rows = list(self._tables.uploads_of.scan((bucket.name,), after=after, limit=ROWS_PER_TURN))
        for (_, key, upload_id), ref in rows:
            run.key, run.upload_id = key, upload_id
            due = lifecycle_rules.abort(rules, key, ref.initiated_ms)
            if due is not None and due[0] <= run.at_ms:
                self._forget(bucket.name, key, upload_id)
        return len(rows)

    # ---- what is done -----------------------------------------------------------------------------------------

    def _expire(self, ctx: Context, bucket: BucketRecord, key: str, version_id: str | None) -> None:
        try:
            self._delete(ctx, bucket, key, version_id, removed=Event.EXPIRED, marked=Event.EXPIRED_BY_MARKER)
        except AccessDenied:
            return  # It is locked, and stays until its lock ends.

    def _transition(self, ctx: Context, bucket: BucketRecord, key: str, version: ObjectVersion, to: str | None) -> None:
        if to is None:
            return
        self._shelf.move(bucket.name, key, version, to)
        self._events.happened(ctx, bucket, Event.TRANSITION, key, version)
