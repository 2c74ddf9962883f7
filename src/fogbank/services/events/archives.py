"""Archives: the events of a bus, kept for a while, so that they can be replayed.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
An archive is served by a managed rule on its bus, as on AWS: the router knows nothing of archives but one more target.
What is older than the retention is removed when the archive is next written or read, so that it is never seen.
"""

import json
from datetime import datetime
from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.pages import page
from fogbank.core.patterns import compile_pattern
from fogbank.core.service import Answer
from fogbank.core.targets import as_text
from fogbank.services.events import buses
from fogbank.services.events.archive_encryption import ArchiveEncryption
from fogbank.services.events.base import EventsBase
from fogbank.services.events.errors import InvalidParameter, ResourceAlreadyExists, ResourceNotFound
from fogbank.services.events.records import Archive, Rule, Target

_DAY_MS = 86_400_000
_MANAGED_BY = "prod.vhs.events.aws.internal"
# What a write removes at most; reading removes the rest.
_PRUNED_PER_WRITE_MAX = 100


class Archives(EventsBase):
    """The operations on archives of `EventsService`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.router.keep_event = self._keep_event
        self._archive_encryption = ArchiveEncryption(cloud)

    def create_archive(
        self,
        ctx: Context,
        *,
        ArchiveName: str,
        EventSourceArn: str,
        Description: str | None = None,
        EventPattern: str | None = None,
        RetentionDays: int | None = None,
        KmsKeyIdentifier: str = "",
    ) -> Answer:
        key = (ctx.account, ctx.region, ArchiveName)
        if self.archives.get(key) is not None:
            raise ResourceAlreadyExists(f"Archive {ArchiveName} already exists.")
        bus = self._source_bus(ctx, EventSourceArn)
        if EventPattern:
            compile_pattern(EventPattern)
        archive = Archive(bus, EventPattern or "", RetentionDays or 0, Description or "", ctx.now_ms)
        archive.key_id = KmsKeyIdentifier
        self._archive_encryption.check(ctx, archive_arn(ctx, ArchiveName), archive)
        self.archives.put(key, archive)
        self._put_archive_rule(ctx, ArchiveName, archive)
        return _created(ctx, ArchiveName, archive)

    def delete_archive(self, ctx: Context, *, ArchiveName: str) -> Answer:
        archive = self.get_archive(ctx, ArchiveName)
        key = (ctx.account, ctx.region, ArchiveName)
        rule = (ctx.account, ctx.region, archive.bus, _rule_name(ArchiveName))
        self.targets.delete_all(rule)
        self.rules.delete(rule)
        self.changed(ctx, archive.bus)
        self.archived.delete_all(key)
        self.archives.delete(key)
        return {}

    def describe_archive(self, ctx: Context, *, ArchiveName: str) -> Answer:
        archive = self._pruned(ctx, ArchiveName, self.get_archive(ctx, ArchiveName))
        answer = _listed(ctx, ArchiveName, archive) | {"ArchiveArn": archive_arn(ctx, ArchiveName)}
        if archive.description:
            answer["Description"] = archive.description
        if archive.pattern:
            answer["EventPattern"] = archive.pattern
        if archive.key_id:
            answer["KmsKeyIdentifier"] = archive.key_id
        return answer

    def list_archives(
        self,
        ctx: Context,
        *,
        NamePrefix: str | None = None,
        EventSourceArn: str | None = None,
        State: str | None = None,
        NextToken: str | None = None,
        Limit: int | None = None,
    ) -> Answer:
        given = [value for value in (NamePrefix, EventSourceArn, State) if value is not None]
        if len(given) > 1:
            raise InvalidParameter(
                "At most one filter is allowed for ListArchives. Use either : State, EventSourceArn, or NamePrefix."
            )
        bus = self._source_bus(ctx, EventSourceArn) if EventSourceArn is not None else None
        found = {
            key[2]: archive
            for key, archive in self.archives.scan((ctx.account, ctx.region))
            if key[2].startswith(NamePrefix or "") and bus in (None, archive.bus) and State in (None, "ENABLED")
        }
        names, token = page(list(found), NextToken, Limit)
        return {
            "Archives": [_listed(ctx, name, self._pruned(ctx, name, found[name])) for name in names],
            **token,
        }

    def update_archive(
        self,
        ctx: Context,
        *,
        ArchiveName: str,
        Description: str | None = None,
        EventPattern: str | None = None,
        RetentionDays: int | None = None,
        KmsKeyIdentifier: str | None = None,
    ) -> Answer:
        """Another key is for the events that come from then on."""
        if all(given is None for given in (Description, EventPattern, RetentionDays, KmsKeyIdentifier)):
            raise InvalidParameter("At least one of EventPattern, RetentionDays or Description must be provided.")
        archive = self.get_archive(ctx, ArchiveName)
        if EventPattern:
            compile_pattern(EventPattern)
        archive.description = archive.description if Description is None else Description
        archive.pattern = archive.pattern if EventPattern is None else EventPattern
        archive.retention_days = archive.retention_days if RetentionDays is None else RetentionDays
        if KmsKeyIdentifier is not None:
            archive.key_id = KmsKeyIdentifier
            self._archive_encryption.check(ctx, archive_arn(ctx, ArchiveName), archive)
        self.archives.put((ctx.account, ctx.region, ArchiveName), archive)
        self._put_archive_rule(ctx, ArchiveName, archive)
        return _created(ctx, ArchiveName, archive)

    # ---- inside ----------------------------------------------------------------------------------------

    def _keep_event(self, ctx: Context, name: str, text: str) -> None:
        """Add an event to an archive, in the transaction of what brought it; an archive that is gone takes nothing."""
        key = (ctx.account, ctx.region, name)
        archive = self.archives.get(key)
        if archive is None:
            return
        kept = self._archive_encryption.kept(ctx, archive_arn(ctx, name), archive, text)
        self.archived.put((*key, _time_ms(text), self.cloud.sequence.next()), kept)
        archive.count += 1
        archive.bytes += kept.size
        self._prune(ctx, name, archive, limit=_PRUNED_PER_WRITE_MAX)
        self.archives.put(key, archive)

    def get_archive(self, ctx: Context, name: str) -> Archive:
        archive = self.archives.get((ctx.account, ctx.region, name))
        if archive is None:
            raise ResourceNotFound(f"Archive {name} does not exist.")
        return archive

    def _pruned(self, ctx: Context, name: str, archive: Archive) -> Archive:
        """The archive without what its retention is over for."""
        count = archive.count
        self._prune(ctx, name, archive, limit=None)
        if archive.count != count:
            self.archives.put((ctx.account, ctx.region, name), archive)
        return archive

    def _prune(self, ctx: Context, name: str, archive: Archive, *, limit: int | None) -> None:
        if not archive.retention_days:
            return
        horizon_ms = ctx.now_ms - archive.retention_days * _DAY_MS
        gone = []
        for key, kept in self.archived.scan((ctx.account, ctx.region, name), limit=limit):
            if key[3] >= horizon_ms:
                break
            if kept.archived_ms < horizon_ms:
                gone.append((key, kept.size))
        for key, size in gone:
            self.archived.delete(key)
            archive.count -= 1
            archive.bytes -= size

    def _source_bus(self, ctx: Context, arn: str) -> str:
        bus, there = self.find_bus(ctx, arn)
        buses.get(self, there, bus)
        if (there.account, there.region) != (ctx.account, ctx.region):
            raise InvalidParameter("Parameter EventSourceArn is not valid. Reason: Must be a bus of this account.")
        return bus

    def _put_archive_rule(self, ctx: Context, name: str, archive: Archive) -> None:
        pattern = json.loads(archive.pattern) if archive.pattern else {}
        rule = Rule(
            # What a replay sends is not archived again.
            pattern=as_text({**pattern, "replay-name": [{"exists": False}]}),
            created_by=ctx.account,
            managed_by=_MANAGED_BY,
        )
        place = (ctx.account, ctx.region, archive.bus, _rule_name(name))
        self.targets.put((*place, _rule_name(name)), Target(archive_arn(ctx, name)))
        self.put_rule_record(ctx, archive.bus, _rule_name(name), rule)


def archive_arn(ctx: Context, name: str) -> str:
    return ctx.arn("events", f"archive/{name}")


def archive_of(arn: str) -> str | None:
    """The name of the archive that an ARN names."""
    parsed = parse_arn(arn)
    if parsed is None or not parsed.resource.startswith("archive/"):
        return None
    return parsed.resource.removeprefix("archive/")


def _time_ms(text: str) -> int:
    return int(datetime.fromisoformat(json.loads(text)["time"]).timestamp()) * 1000


def _rule_name(archive: str) -> str:
    return f"Events-Archive-{archive}"


def _created(ctx: Context, name: str, archive: Archive) -> dict[str, Any]:
    return {"ArchiveArn": archive_arn(ctx, name), "State": "ENABLED", "CreationTime": archive.created_ms / 1000}


def _listed(ctx: Context, name: str, archive: Archive) -> dict[str, Any]:
    return {
        "ArchiveName": name,
        "EventSourceArn": buses.arn(ctx, archive.bus),
        "State": "ENABLED",
        "RetentionDays": archive.retention_days,
        "SizeBytes": archive.bytes,
        "EventCount": archive.count,
        "CreationTime": archive.created_ms / 1000,
    }
