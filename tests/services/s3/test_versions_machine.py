"""Buckets agree with a simple model of versioning and Object Lock, whatever is done to their objects."""

import asyncio
import base64
import hashlib
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.services.s3.service import S3Service
from tests.services.s3.versions_model import NULL, Version, VersionsModel

BUCKET, DAY_MS = "bucket", 86_400_000
_keys = st.sampled_from(["a", "b", "b/c"])
_numbers = st.integers(0, 20)


class VersionsMachine(RuleBasedStateMachine):
    """A bucket and its model, at one time that only the machine moves."""

    locks: ClassVar[bool]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.now_ms = 1_700_000_000_000
        self.cloud = Cloud(Path(self.folder.name), services={}, sync="process")
        self.s3 = S3Service(self.cloud)
        self.cloud.store.flush()
        self.model = VersionsModel()
        self.written = 0
        self.call("create_bucket")
        if self.locks:
            self.set_versioning("Enabled")
            self.call("put_object_lock_configuration", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})

    def teardown(self) -> None:
        self.loop.run_until_complete(self.cloud.stop())
        self.loop.close()
        self.folder.cleanup()

    def call(self, operation: str, **parameters: Any) -> Any:
        ctx = Context(
            self.cloud, account="1" * 12, region="us-east-1", now_ms=self.now_ms, request_id="", endpoint="http://here"
        )
        self.cloud.clock.now_ms = lambda: self.now_ms  # type: ignore[method-assign]
        return self.loop.run_until_complete(ctx.call(getattr(self.s3, operation), Bucket=BUCKET, **parameters))

    def refused(self, operation: str, **parameters: Any) -> str:
        """The code that the operation is refused with; nothing if it is not."""
        try:
            self.call(operation, **parameters)
        except AwsError as error:
            return error.code
        return ""

    def pick(self, number: int, *, markers: bool) -> tuple[str, Version] | None:
        found = [
            (key, version)
            for key, stack in sorted(self.model.stacks.items())
            for version in stack
            if markers or not version.marker
        ]
        return found[number % len(found)] if found else None

    def set_versioning(self, status: str) -> None:
        self.call("put_bucket_versioning", VersioningConfiguration={"Status": status})
        self.model.status = status

    # ---- what can happen ----------------------------------------------------------------------------------------

    @rule(key=_keys, held=st.booleans())
    def put(self, key: str, held: bool) -> None:
        self.written += 1
        body = b"%d" % self.written
        held = held and self.locks
        digest = base64.b64encode(hashlib.md5(body).digest()).decode()
        lock = {"ObjectLockLegalHoldStatus": "ON", "ContentMD5": digest} if held else {}
        answer = self.call("put_object", Key=key, Body=body, **lock)
        assert ("VersionId" in answer) == (self.model.status == "Enabled")
        self.model.add(key, Version(answer.get("VersionId", NULL), body, held=held))

    @rule(key=_keys)
    def delete(self, key: str) -> None:
        answer = self.call("delete_object", Key=key)
        assert bool(answer.get("DeleteMarker")) == bool(self.model.status)
        self.model.delete(key, answer.get("VersionId", NULL))

    @rule(number=_numbers, bypass=st.booleans())
    def delete_version(self, number: int, bypass: bool) -> None:
        if (picked := self.pick(number, markers=True)) is None:
            return
        key, version = picked
        given = {"BypassGovernanceRetention": True} if bypass and self.locks else {}
        if version.held or (version.locked(self.now_ms) and not given):
            assert self.refused("delete_object", Key=key, VersionId=version.id, **given) == "AccessDenied"
            return
        answer = self.call("delete_object", Key=key, VersionId=version.id, **given)
        assert bool(answer.get("DeleteMarker")) == version.marker
        self.model.remove(key, version.id)
        assert self.refused("get_object", Key=key, VersionId=version.id) == "NoSuchVersion"

    @precondition(lambda self: not self.locks)
    @rule(status=st.sampled_from(["Enabled", "Suspended"]))
    def change_versioning(self, status: str) -> None:
        self.set_versioning(status)

    @rule(key=_keys, number=_numbers)
    def copy(self, key: str, number: int) -> None:
        if (picked := self.pick(number, markers=False)) is None:
            return
        source, version = picked
        answer = self.call(
            "copy_object", Key=key, CopySource=f"{BUCKET}/{source}?versionId={version.id}", StorageClass="STANDARD_IA"
        )
        new_id = answer["VersionId"] if self.model.status == "Enabled" else NULL
        self.model.add(key, Version(new_id, version.body, tags=dict(version.tags)))

    @rule(number=_numbers)
    def tag(self, number: int) -> None:
        if (picked := self.pick(number, markers=False)) is None:
            return
        key, version = picked
        self.written += 1
        version.tags = {"n": str(self.written)}
        tags = {"TagSet": [{"Key": "n", "Value": str(self.written)}]}
        self.call("put_object_tagging", Key=key, VersionId=version.id, Tagging=tags)

    @precondition(lambda self: self.locks)
    @rule(number=_numbers, held=st.booleans())
    def hold(self, number: int, held: bool) -> None:
        if (picked := self.pick(number, markers=False)) is None:
            return
        key, version = picked
        version.held = held
        status = {"Status": "ON" if held else "OFF"}
        self.call("put_object_legal_hold", Key=key, VersionId=version.id, LegalHold=status)

    @precondition(lambda self: self.locks)
    @rule(number=_numbers, days=st.integers(1, 3))
    def retain(self, number: int, days: int) -> None:
        if (picked := self.pick(number, markers=False)) is None:
            return
        key, version = picked
        until_ms = self.now_ms + days * DAY_MS
        wanted = {"Mode": "GOVERNANCE", "RetainUntilDate": until_ms / 1000}
        given = {"Key": key, "VersionId": version.id, "Retention": wanted}
        if version.retained_until_ms > max(until_ms, self.now_ms):
            assert self.refused("put_object_retention", **given) == "AccessDenied"
        else:
            self.call("put_object_retention", **given)
            version.retained_until_ms = until_ms

    @precondition(lambda self: self.locks)
    @rule(days=st.integers(1, 2))
    def time_passes(self, days: int) -> None:
        self.now_ms += days * DAY_MS

    # ---- what must be true ----------------------------------------------------------------------------------------

    @invariant()
    def lists_agree(self) -> None:
        listed: dict[str, list[tuple[str, str, bool]]] = {"Versions": [], "DeleteMarkers": []}
        marks: dict[str, str] = {}
        while True:
            page = self.call("list_object_versions", MaxKeys=2, **marks)
            for name, rows in listed.items():
                rows += [(row["Key"], row["VersionId"], row["IsLatest"]) for row in page.get(name, [])]
            if not page["IsTruncated"]:
                break
            marks = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
        assert listed["Versions"] == self.model.rows(markers=False)
        assert listed["DeleteMarkers"] == self.model.rows(markers=True)
        found = self.call("list_objects_v2").get("Contents", [])
        assert [row["Key"] for row in found] == self.model.keys()

    @invariant()
    def reads_agree(self) -> None:
        for key in ("a", "b", "b/c"):
            latest = self.model.find(key, None)
            if latest is None or latest.marker:
                assert self.refused("get_object", Key=key) == "NoSuchKey"
            else:
                assert self.call("get_object", Key=key)["Body"] == latest.body
            for version in self.model.stacks.get(key, []):
                if version.marker:
                    assert self.refused("get_object", Key=key, VersionId=version.id) == "MethodNotAllowed"
                    continue
                answer = self.call("get_object", Key=key, VersionId=version.id)
                assert (answer["Body"], answer.get("TagCount", 0)) == (version.body, len(version.tags))
                tags = self.call("get_object_tagging", Key=key, VersionId=version.id)["TagSet"]
                assert {tag["Key"]: tag["Value"] for tag in tags} == version.tags

    @invariant()
    def what_is_there_is_counted(self) -> None:
        versions = [version for stack in self.model.stacks.values() for version in stack]
        size = sum(len(version.body) for version in versions)
        assert self.s3.status()["buckets"] == [{"name": BUCKET, "objects": len(versions), "bytes": size}]

    @invariant()
    def nothing_is_left_behind(self) -> None:
        """There are as many bodies and places as versions need, and they are counted."""
        tables = self.s3._tables
        versions = [version for stack in self.model.stacks.values() for version in stack if not version.marker]
        assert tables.bodies.count() == len(versions)
        usages = self.s3._usages.of_bucket(BUCKET).values()
        assert sum(usage.objects for usage in usages) == sum(map(len, self.model.stacks.values()))
        assert sum(usage.size for usage in usages) == sum(len(version.body) for version in versions)
        shelved = {(key, version.version_id) for (_, key, _), version in tables.versions.scan()}
        assert {key[1:] for key, _ in tables.places.scan()} == {place for place in shelved if place[1] == NULL}


class PlainMachine(VersionsMachine):
    locks = False


class LockedMachine(VersionsMachine):
    locks = True


TestVersions = PlainMachine.TestCase
TestLockedVersions = LockedMachine.TestCase
TestVersions.settings = TestLockedVersions.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, derandomize=True
)
