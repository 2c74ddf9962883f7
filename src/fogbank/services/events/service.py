"""Amazon EventBridge: event buses, rules, schedules and their targets."""

from collections.abc import Iterator
from typing import Any

import msgspec

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.pages import page
from fogbank.core.patterns import compile_pattern
from fogbank.core.schedule import parse_schedule
from fogbank.core.service import Answer, Tagged
from fogbank.core.tags import tag_list, tag_map
from fogbank.services.events import buses, targets
from fogbank.services.events.api_destinations import ApiDestinations
from fogbank.services.events.base import refuse_managed
from fogbank.services.events.errors import InvalidParameter, ResourceNotFound
from fogbank.services.events.records import Rule
from fogbank.services.events.replays import Replays
from fogbank.services.events.routing import DEFAULT_BUS, NAMESPACE, new_event, rule_arn, timestamp

# The quota of one request, raised from 256 KB; see PutEvents in the API reference.
PUT_EVENTS_BYTES_MAX = 1_048_576
_EVENT_TIME_BYTES = 14
_COUNT = "Count"
# What an event must have for TestEventPattern.
_EVENT_FIELDS = frozenset({"id", "account", "source", "time", "region", "detail-type"})

_decode = msgspec.json.Decoder().decode


class EventsService(Replays, ApiDestinations):
    """Buses, rules (patterns and schedules), targets, events, permissions, tags, archives, replays, connections.

    Targets are SQS queues, SNS topics, Lambda functions, log groups, other buses and API destinations; a target of
    another service is refused. Endpoints, partner event sources and schema discovery are NotImplemented.
    """

    async def start(self) -> None:
        await self.cloud.store.run(self.scheduler.resume)
        await self.cloud.store.run(self.take_over_secrets)

    # ---- buses -----------------------------------------------------------------------------------------

    def create_event_bus(
        self,
        ctx: Context,
        *,
        Name: str,
        Description: str | None = None,
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        buses.create(self, ctx, Name, Description or "", tag_map(Tags))
        return {"EventBusArn": buses.arn(ctx, Name)} | ({"Description": Description} if Description else {})

    def delete_event_bus(self, ctx: Context, *, Name: str) -> Answer:
        buses.delete(self, ctx, Name)
        return None

    def describe_event_bus(self, ctx: Context, *, Name: str | None = None) -> Answer:
        bus, there = self.find_bus(ctx, Name)
        return buses.describe(there, bus, buses.get(self, there, bus))

    def list_event_buses(
        self,
        ctx: Context,
        *,
        NamePrefix: str | None = None,
        NextToken: str | None = None,
        Limit: int | None = None,
    ) -> Answer:
        found = buses.names(self, ctx, NamePrefix or "")
        names, token = page(found, NextToken, Limit)
        answer: dict[str, Any] = {
            "EventBuses": [buses.describe(ctx, name, buses.get(self, ctx, name)) for name in names]
        }
        return answer | token

    def update_event_bus(self, ctx: Context, *, Name: str | None = None, Description: str | None = None) -> Answer:
        name, there = self.find_bus(ctx, Name)
        bus = buses.get(self, there, name)
        bus.description = Description if Description is not None else bus.description
        bus.modified_ms = ctx.now_ms
        self.buses.put((there.account, there.region, name), bus)
        return {"Arn": buses.arn(there, name), "Name": name, "Description": bus.description}

    def put_permission(
        self,
        ctx: Context,
        *,
        EventBusName: str | None = None,
        Action: str | None = None,
        Principal: str | None = None,
        StatementId: str | None = None,
        Condition: dict[str, str] | None = None,
        Policy: str | None = None,
    ) -> Answer:
        name, there = self.find_bus(ctx, EventBusName)
        if Policy is not None:
            buses.put_policy(self, there, name, Policy)
        else:
            buses.put_statement(self, there, name, StatementId, Action, Principal, Condition)
        return None

    def put_policy_statement(self, ctx: Context, bus_name: str, statement: dict[str, Any]) -> None:
        """Add a whole statement to a bus's policy (AWS::Events::EventBusPolicy)."""
        name, there = self.find_bus(ctx, bus_name)
        buses.add_statement(self, there, name, statement)

    def remove_permission(
        self,
        ctx: Context,
        *,
        StatementId: str | None = None,
        RemoveAllPermissions: bool | None = None,
        EventBusName: str | None = None,
    ) -> Answer:
        name, there = self.find_bus(ctx, EventBusName)
        buses.remove_statement(self, there, name, None if RemoveAllPermissions else StatementId or "")
        return None

    # ---- rules -----------------------------------------------------------------------------------------

    def put_rule(
        self,
        ctx: Context,
        *,
        Name: str,
        ScheduleExpression: str | None = None,
        EventPattern: str | None = None,
        State: str | None = None,
        Description: str | None = None,
        RoleArn: str | None = None,
        Tags: list[dict[str, str]] | None = None,
        EventBusName: str | None = None,
    ) -> Answer:
        bus, there = self.find_bus(ctx, EventBusName)
        if not EventPattern and not ScheduleExpression:
            raise InvalidParameter("Parameter(s) EventPattern or ScheduleExpression must be specified.")
        buses.get(self, there, bus)
        if ScheduleExpression:
            if bus != DEFAULT_BUS:
                raise InvalidParameter("ScheduleExpression is supported only on the default event bus.")
            if parse_schedule(ScheduleExpression) is None:
                raise InvalidParameter("Parameter ScheduleExpression is not valid.")
        if EventPattern:
            compile_pattern(EventPattern)
        key = (there.account, there.region, bus, Name)
        old = self.rules.get(key)
        refuse_managed(Name, old)
        rule = Rule(
            pattern=EventPattern or "",
            schedule=ScheduleExpression or "",
            enabled=State != "DISABLED",
            state=State or "ENABLED",
            description=Description or "",
            role_arn=RoleArn or "",
            # The tags of a rule that exists stay as they are (PutRule in the API reference).
            tags=old.tags if old is not None else tag_map(Tags),
            created_by=ctx.account,
        )
        self.put_rule_record(there, bus, Name, rule)
        return {"RuleArn": rule_arn(there, bus, Name)}

    def delete_rule(
        self, ctx: Context, *, Name: str, EventBusName: str | None = None, Force: bool | None = None
    ) -> Answer:
        bus, there = self.find_bus(ctx, EventBusName)
        buses.get(self, there, bus)
        key = (there.account, there.region, bus, Name)
        refuse_managed(Name, self.rules.get(key), force=Force)
        if self.targets.first(key) is not None:
            raise InvalidParameter("Rule can't be deleted since it has targets.")
        self.rules.delete(key)
        if bus == DEFAULT_BUS:
            self.scheduler.forget(there, Name)
        self.changed(there, bus)
        return None

    def describe_rule(self, ctx: Context, *, Name: str, EventBusName: str | None = None) -> Answer:
        bus, there = self.find_bus(ctx, EventBusName)
        rule = self.get_rule(there, bus, Name)
        return _describe_rule(there, bus, Name, rule) | {"CreatedBy": rule.created_by}

    def enable_rule(self, ctx: Context, *, Name: str, EventBusName: str | None = None) -> Answer:
        self._set_enabled(ctx, Name, EventBusName, enabled=True)
        return None

    def disable_rule(self, ctx: Context, *, Name: str, EventBusName: str | None = None) -> Answer:
        self._set_enabled(ctx, Name, EventBusName, enabled=False)
        return None

    def list_rules(
        self,
        ctx: Context,
        *,
        NamePrefix: str | None = None,
        EventBusName: str | None = None,
        NextToken: str | None = None,
        Limit: int | None = None,
    ) -> Answer:
        bus, there = self.find_bus(ctx, EventBusName)
        buses.get(self, there, bus)
        found = {
            key[-1]: rule
            for key, rule in self.rules.scan((there.account, there.region, bus))
            if key[-1].startswith(NamePrefix or "")
        }
        names, token = page(list(found), NextToken, Limit)
        return {"Rules": [_describe_rule(there, bus, name, found[name]) for name in names], **token}

    def list_rule_names_by_target(
        self,
        ctx: Context,
        *,
        TargetArn: str,
        EventBusName: str | None = None,
        NextToken: str | None = None,
        Limit: int | None = None,
    ) -> Answer:
        bus, there = self.find_bus(ctx, EventBusName)
        buses.get(self, there, bus)
        place = (there.account, there.region, bus)
        found = {key[3]: None for key, target in self.targets.scan(place) if target.arn == TargetArn}
        names, token = page(list(found), NextToken, Limit)
        return {"RuleNames": names, **token}

    # ---- targets ---------------------------------------------------------------------------------------

    def put_targets(
        self, ctx: Context, *, Rule: str, Targets: list[dict[str, Any]], EventBusName: str | None = None
    ) -> Answer:
        bus, there = self.find_bus(ctx, EventBusName)
        refuse_managed(Rule, self.get_rule(there, bus, Rule))
        targets.put(self, there, bus, Rule, Targets)
        self.changed(there, bus)
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def remove_targets(
        self,
        ctx: Context,
        *,
        Rule: str,
        Ids: list[str],
        EventBusName: str | None = None,
        Force: bool | None = None,
    ) -> Answer:
        bus, there = self.find_bus(ctx, EventBusName)
        refuse_managed(Rule, self.get_rule(there, bus, Rule), force=Force)
        for target_id in Ids:
            self.targets.delete((there.account, there.region, bus, Rule, target_id))
        self.changed(there, bus)
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def list_targets_by_rule(
        self,
        ctx: Context,
        *,
        Rule: str,
        EventBusName: str | None = None,
        NextToken: str | None = None,
        Limit: int | None = None,
    ) -> Answer:
        bus, there = self.find_bus(ctx, EventBusName)
        self.get_rule(there, bus, Rule)
        place = (there.account, there.region, bus, Rule)
        found = {f"{item.number:010} {key[-1]}": (key[-1], item) for key, item in self.targets.scan(place)}
        names, token = page(sorted(found), NextToken, Limit)
        return {"Targets": [targets.describe(*found[name]) for name in names], **token}

    # ---- events ----------------------------------------------------------------------------------------

    def put_events(self, ctx: Context, *, Entries: list[dict[str, Any]]) -> Answer:
        size = sum(map(_entry_bytes, Entries))
        if size > PUT_EVENTS_BYTES_MAX:
            raise InvalidParameter("Total size of the entries in the request is over the limit.")
        results = [self._put_event(ctx, entry) for entry in Entries]
        failed = sum(1 for result in results if "ErrorCode" in result)
        count = self.cloud.metrics.add
        count(ctx.account, ctx.region, NAMESPACE, "PutEventsEntriesCount", {}, len(Entries), _COUNT)
        count(ctx.account, ctx.region, NAMESPACE, "PutEventsRequestSize", {}, size, "Bytes")
        if failed:
            count(ctx.account, ctx.region, NAMESPACE, "PutEventsFailedEntriesCount", {}, failed, _COUNT)
        return {"FailedEntryCount": failed, "Entries": results}

    def put_service_event(
        self,
        ctx: Context,
        *,
        source: str,
        detail_type: str,
        detail: dict[str, Any],
        resources: list[str],
        time_ms: int,
    ) -> None:
        """What a service of this cloud announces (`aws.s3` and the like), on the default bus."""
        event = new_event(ctx, source, detail_type, detail, resources, timestamp(time_ms))
        self.router.route(ctx, DEFAULT_BUS, event)

    def test_event_pattern(self, ctx: Context, *, EventPattern: str, Event: str) -> Answer:
        try:
            event = _decode(Event)
        except (msgspec.DecodeError, RecursionError):
            event = None
        if not isinstance(event, dict) or not event.keys() >= _EVENT_FIELDS:
            raise InvalidParameter("Parameter Event is not valid.")
        return {"Result": compile_pattern(EventPattern)(event)}

    def _put_event(self, ctx: Context, entry: dict[str, Any]) -> dict[str, Any]:
        for member in ("Source", "DetailType", "Detail"):
            if not entry.get(member):
                reason = f"Parameter {member} is not valid. Reason: {member} is a required argument."
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": reason}
        source: str = entry["Source"]
        if source.startswith("aws."):
            return {
                "ErrorCode": "NotAuthorizedForSourceException",
                "ErrorMessage": "Not authorized for the source.",
            }
        try:
            detail = _decode(entry["Detail"])
        except (msgspec.DecodeError, RecursionError):
            detail = None
        if not isinstance(detail, dict):
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        time = timestamp(int(entry["Time"] * 1000) if "Time" in entry else ctx.now_ms)
        event = new_event(ctx, source, entry["DetailType"], detail, entry.get("Resources") or [], time)
        bus = entry.get("EventBusName") or DEFAULT_BUS
        there = ctx
        if bus != DEFAULT_BUS:
            bus, there = self.find_bus(ctx, bus)
        if "TraceHeader" in entry:
            there = there.traced(entry["TraceHeader"])
        # An event for a bus that does not exist is accepted and goes nowhere, as recorded.
        self.router.route(there, bus, event)
        return {"EventId": event["id"]}

    # ---- tags ------------------------------------------------------------------------------------------

    def tag_resource(self, ctx: Context, *, ResourceARN: str, Tags: list[dict[str, str]]) -> Answer:
        tags = self._tags(ctx, ResourceARN)
        tags.update(tag_map(Tags))
        self._put_tags(ctx, ResourceARN, tags)
        return {}

    def untag_resource(self, ctx: Context, *, ResourceARN: str, TagKeys: list[str]) -> Answer:
        tags = self._tags(ctx, ResourceARN)
        for key in TagKeys:
            tags.pop(key, None)
        self._put_tags(ctx, ResourceARN, tags)
        return {}

    def list_tags_for_resource(self, ctx: Context, *, ResourceARN: str) -> Answer:
        return {"Tags": tag_list(self._tags(ctx, ResourceARN))}

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        place = (ctx.account, ctx.region)
        for key, bus in self.buses.scan(place):
            yield Tagged(buses.arn(ctx, str(key[2])), "events:event-bus", bus.tags)
        for key, rule in self.rules.scan(place):
            yield Tagged(rule_arn(ctx, str(key[2]), str(key[3])), "events:rule", rule.tags)

    def resource_policy(self, ctx: Context, arn: str) -> str | None:
        bus = self.buses.peek((ctx.account, ctx.region, arn.partition(":event-bus/")[2]))
        return bus.policy or None if bus is not None else None

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self._put_tags(ctx, arn, self._tags(ctx, arn) | tags)

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.untag_resource(ctx, ResourceARN=arn, TagKeys=keys)

    def _tags(self, ctx: Context, arn: str) -> dict[str, str]:
        kind, bus, rule, there = self._resource(ctx, arn)
        if kind == "rule":
            return dict(self.get_rule(there, bus, rule).tags)
        return dict(buses.get(self, there, bus).tags)

    def _put_tags(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        kind, bus, name, there = self._resource(ctx, arn)
        if kind == "rule":
            rule = self.get_rule(there, bus, name)
            rule.tags = tags
            self.rules.put((there.account, there.region, bus, name), rule)
        else:
            record = buses.get(self, there, bus)
            record.tags = tags
            self.buses.put((there.account, there.region, bus), record)

    def _resource(self, ctx: Context, arn: str) -> tuple[str, str, str, Context]:
        """The kind, bus, rule and place that an ARN names."""
        parsed = parse_arn(arn)
        if parsed is None or parsed.service != "events":
            raise InvalidParameter(f"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format.")
        there = ctx.at(account=parsed.account, region=parsed.region)
        kind, _, rest = parsed.resource.partition("/")
        if kind == "rule":
            bus, slash, rule = rest.rpartition("/")
            return kind, bus if slash else DEFAULT_BUS, rule, there
        if kind == "event-bus":
            return kind, rest, "", there
        raise ResourceNotFound(f"{arn} does not exist.")

    # ---- shared ----------------------------------------------------------------------------------------

    def _set_enabled(self, ctx: Context, name: str, bus_name: str | None, *, enabled: bool) -> None:
        bus, there = self.find_bus(ctx, bus_name)
        rule = self.get_rule(there, bus, name)
        refuse_managed(name, rule)
        rule.enabled = enabled
        rule.state = "ENABLED" if enabled else "DISABLED"
        self.put_rule_record(there, bus, name, rule)


def _describe_rule(ctx: Context, bus: str, name: str, rule: Rule) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Name": name,
        "Arn": rule_arn(ctx, bus, name),
        "EventPattern": rule.pattern,
        "State": rule.state,
        "Description": rule.description,
        "ScheduleExpression": rule.schedule,
        "RoleArn": rule.role_arn,
        "EventBusName": bus,
        "ManagedBy": rule.managed_by,
    }
    return {member: value for member, value in answer.items() if value}


def _entry_bytes(entry: dict[str, Any]) -> int:
    """How an entry counts towards the limit (EventBridge user guide, "Calculating event entry size")."""
    size = _EVENT_TIME_BYTES if "Time" in entry else 0
    for member in ("Source", "DetailType", "Detail"):
        text = entry.get(member)
        if text:
            size += len(text) if text.isascii() else len(text.encode())
    return size + sum(len(resource.encode()) for resource in entry.get("Resources") or ())
