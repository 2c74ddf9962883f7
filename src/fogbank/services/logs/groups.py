"""Log groups, their retention and class.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Protocol

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.service import Answer, Service
from fogbank.services.logs.errors import (
    GroupNotFound,
    Invalid,
    InvalidOperation,
    InvalidParameter,
    ResourceAlreadyExists,
    TooManyTags,
)
from fogbank.services.logs.event_encryption import EventEncryption
from fogbank.services.logs.pages import page, token, untoken
from fogbank.services.logs.records import Group, LogsTables

DAY_MS = 86_400_000
NAME_MAX = 512
# PutRetentionPolicy: the days that can be chosen.
RETENTION_DAYS = frozenset(
    (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
)
DELIVERY_RETENTION_DAYS = 2  # of the DELIVERY class, and not to be changed
TAGS_MAX = 50
SHARED = "AWS::Logs::LogGroup"
"""What links between accounts (OAM) call log groups."""
READING = ["logs:Describe*", "logs:FilterLogEvents", "logs:Get*", "logs:StartLiveTail", "logs:StartQuery"]


class Tagged(Protocol):
    """A record that has tags."""

    tags: dict[str, str]


class Groups(Service):
    """The operations on log groups of `LogsService`."""

    _tables: LogsTables
    _event_encryption: EventEncryption

    def create_log_group(
        self,
        ctx: Context,
        *,
        logGroupName: str,
        tags: dict[str, str] | None = None,
        kmsKeyId: str | None = None,
        logGroupClass: str = "STANDARD",
        deletionProtectionEnabled: bool = False,
    ) -> Answer:
        place = (ctx.account, ctx.region, logGroupName)
        if self._tables.groups.get(place) is not None:
            raise ResourceAlreadyExists("The specified log group already exists")
        check_tags(tags or {})
        group = Group(
            self._tables.next_number(),
            logGroupName,
            ctx.now_ms,
            tags=tags or {},
            retention_days=DELIVERY_RETENTION_DAYS if logGroupClass == "DELIVERY" else 0,
            log_class=logGroupClass,
            protected=deletionProtectionEnabled,
        )
        if kmsKeyId is not None:
            self._set_key(ctx, group, kmsKeyId)
        self._tables.groups.put(place, group)
        return None

    def delete_log_group(self, ctx: Context, *, logGroupName: str) -> Answer:
        group = self._group(ctx, logGroupName)
        if group.protected:
            raise Invalid("Cannot delete log group because deletion protection is enabled.")
        for table in (
            self._tables.events,
            self._tables.streams,
            self._tables.metric_filters,
            self._tables.subscriptions,
        ):
            self.cloud.garbage.discard(table, (group.id,))
        self._tables.transformers.delete((group.id,))
        self._tables.groups.delete((ctx.account, ctx.region, logGroupName))
        self._tables.quiet.discard(group.id)
        return None

    def delete_retention_policy(self, ctx: Context, *, logGroupName: str) -> Answer:
        return self._retain(ctx, logGroupName, 0)

    def describe_log_groups(
        self,
        ctx: Context,
        *,
        logGroupNamePrefix: str | None = None,
        logGroupNamePattern: str | None = None,
        logGroupClass: str | None = None,
        logGroupIdentifiers: list[str] | None = None,
        includeLinkedAccounts: bool = False,
        accountIdentifiers: list[str] | None = None,
        nextToken: str | None = None,
        limit: int = 50,
    ) -> Answer:
        """Groups of other accounts are those that they share with this one."""
        if logGroupNamePrefix and logGroupNamePattern:
            raise InvalidParameter("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        if accountIdentifiers and not includeLinkedAccounts:
            raise InvalidParameter("accountIdentifiers can only be given with includeLinkedAccounts.")
        accounts = [ctx.account, *(self.cloud.oam.sources(ctx, SHARED) if includeLinkedAccounts else ())]
        accounts = [account for account in accounts if not accountIdentifiers or account in accountIdentifiers]
        last_account, _, last = (untoken(nextToken) if nextToken else "").partition(":")
        if nextToken:
            accounts = accounts[accounts.index(last_account) :] if last_account in accounts else []
        wanted = {name_of(identifier) for identifier in logGroupIdentifiers or ()}
        rows: list[dict[str, Any]] = []
        answer: dict[str, Any] = {"logGroups": rows}
        after = ""
        for account in accounts:
            there = ctx.at(account=account)
            for group in self._groups_from(there, logGroupNamePrefix or "", last if account == last_account else ""):
                if (
                    (logGroupNamePattern and logGroupNamePattern not in group.name)
                    or (logGroupClass and group.log_class != logGroupClass)
                    or (wanted and group.name not in wanted)
                    or (account != ctx.account and not self.cloud.oam.shares(ctx, account, SHARED, group.name))
                ):
                    continue
                if len(rows) == limit:
                    return answer | {"nextToken": token(after)}
                row = self._group_row(there, group)
                if logGroupNamePattern:  # A search by pattern answers from an index that has no sizes.
                    del row["storedBytes"], row["deletionProtectionEnabled"]
                rows.append(row)
                after = f"{account}:{group.name}"
        return answer

    def _groups_from(self, ctx: Context, prefix: str, after: str) -> Iterator[Group]:
        """The account's groups with that prefix, behind that name, in order."""
        place = (ctx.account, ctx.region)
        for (_, _, name), group in self._tables.groups.scan(place, start=(*place, max(after, prefix))):
            if not name.startswith(prefix):
                return
            if name > after:
                yield group

    def list_log_groups(
        self,
        ctx: Context,
        *,
        logGroupNamePattern: str | None = None,
        logGroupClass: str | None = None,
        nextToken: str | None = None,
        limit: int = 50,
    ) -> Answer:
        try:
            # Up to five patterns of names, divided by |; ^ ties one to the beginning of the name.
            regex = re.compile(logGroupNamePattern or "")
        except re.error:
            raise InvalidParameter("Invalid log group name pattern") from None
        rows = [
            {
                "logGroupName": group.name,
                "logGroupArn": ctx.arn("logs", f"log-group:{group.name}"),
                "logGroupClass": group.log_class,
            }
            for _, group in self._tables.groups.scan((ctx.account, ctx.region))
            if regex.search(group.name) and logGroupClass in (None, group.log_class)
        ]
        return page("logGroups", rows, nextToken, limit)

    def put_log_group_deletion_protection(
        self, ctx: Context, *, logGroupIdentifier: str, deletionProtectionEnabled: bool
    ) -> Answer:
        group = self._group(ctx, name_of(logGroupIdentifier))
        group.protected = deletionProtectionEnabled
        self._keep_group(ctx, group)
        return None

    def put_retention_policy(self, ctx: Context, *, logGroupName: str, retentionInDays: int) -> Answer:
        if retentionInDays not in RETENTION_DAYS:
            raise InvalidParameter(
                f"1 validation error detected: Value '{retentionInDays}' at 'retentionInDays' failed to satisfy "
                f"constraint: Member must satisfy enum value set: {sorted(RETENTION_DAYS)}"
            )
        return self._retain(ctx, logGroupName, retentionInDays)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _group(self, ctx: Context, name: str) -> Group:
        group = self._tables.groups.get((ctx.account, ctx.region, name))
        if group is None:
            raise GroupNotFound()
        return group

    def _named(self, ctx: Context, name: str | None, identifier: str | None) -> Group:
        """The group by its name or by its identifier, which may be an ARN."""
        if name and identifier:
            raise Invalid("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
        if not name and not identifier:
            raise Invalid("LogGroup name or LogGroup ARN must be specified.")
        return self._group(ctx, name) if name else self._identified(ctx, identifier or "")[1]

    def _identified(self, ctx: Context, identifier: str) -> tuple[Context, Group]:
        """A group by its name, or by its ARN if it is the account's own or shared with it; and its account."""
        arn, name = parse_arn(identifier), name_of(identifier)
        if arn is None or arn.account == ctx.account:
            return ctx, self._group(ctx, name)
        there = ctx.at(account=arn.account)
        if not self.cloud.oam.shares(ctx, arn.account, SHARED, name):
            raise GroupNotFound()
        return there, self._group(there, name)

    def _set_key(self, ctx: Context, group: Group, key_arn: str) -> None:
        """Let the group's new events be encrypted under the key, or under none if it is empty."""
        if key_arn:
            _check_key(key_arn)
            self._event_encryption.check(ctx, group.name, key_arn)
            group.sealed_arn = ctx.arn("logs", f"log-group:{group.name}")
        group.key_arn = key_arn

    def resource_policy(self, ctx: Context, arn: str) -> str | None:
        """A destination's is its own. Whom a group is shared with (OAM) may read it, if the policies of its own account
        say so, too.
        """
        if ":destination:" in arn:
            found = self._tables.destinations.peek((ctx.account, ctx.region, arn.partition(":destination:")[2]))
            return found.policy or None if found is not None else None
        viewers = self.cloud.oam.viewers(ctx, SHARED, name_of(arn).partition(":log-stream:")[0])
        if not viewers:
            return None
        let_in = {"Effect": "Allow", "Principal": {"AWS": viewers}, "Action": READING, "Resource": "*"}
        return json.dumps({"Version": "2012-10-17", "Statement": [let_in]})

    def _keep_group(self, ctx: Context, group: Group) -> None:
        self._tables.groups.put((ctx.account, ctx.region, group.name), group)

    def _retain(self, ctx: Context, name: str, days: int) -> Answer:
        group = self._group(ctx, name)
        if group.log_class == "DELIVERY":
            raise InvalidParameter("The retention of a log group of the DELIVERY class cannot be changed.")
        group.retention_days = days
        self._keep_group(ctx, group)
        return None

    def _group_row(self, ctx: Context, group: Group) -> dict[str, Any]:
        arn = ctx.arn("logs", f"log-group:{group.name}")
        row: dict[str, Any] = {
            "logGroupName": group.name,
            "creationTime": group.created_ms,
            "metricFilterCount": self._tables.metric_filters.count((group.id,)),
            "arn": f"{arn}:*",
            "logGroupArn": arn,
            "logGroupClass": group.log_class,
            "deletionProtectionEnabled": group.protected,
            "storedBytes": sum(stream.stored_bytes for _, stream in self._tables.streams.scan((group.id,))),
        }
        if group.retention_days:
            row["retentionInDays"] = group.retention_days
        if group.key_arn:
            row["kmsKeyId"] = group.key_arn
        return row


def name_of(identifier: str) -> str:
    """The group's name in an identifier: a name or an ARN, with or without `:*`."""
    if not identifier.startswith("arn:"):
        return identifier
    return identifier.partition(":log-group:")[2].removesuffix(":*")


def horizon_ms(group: Group, now_ms: int) -> int:
    """Events before it are gone."""
    return now_ms - group.retention_days * DAY_MS if group.retention_days else 0


def only_standard(group: Group, what: str) -> None:
    """Refuse what the cheaper classes do not have."""
    if group.log_class != "STANDARD":
        raise InvalidOperation(f"{what} is not supported for log groups of the {group.log_class} class.")


def _check_key(arn: str) -> None:
    """It must be a key's ARN; whether the key is there cannot be asked yet."""
    parsed = parse_arn(arn)
    if parsed is None or parsed.service != "kms" or not parsed.resource.startswith(("key/", "alias/")):
        raise InvalidParameter("The specified KMS key is not the ARN of a key.")


def check_tags(tags: dict[str, str]) -> None:
    if len(tags) > TAGS_MAX:
        raise TooManyTags()


def replace_tags(record: Tagged, tags: dict[str, str] | None) -> None:
    """Give the record the tags, if any are given, in place of those that it has."""
    if tags is not None:
        check_tags(tags)
        record.tags = tags
