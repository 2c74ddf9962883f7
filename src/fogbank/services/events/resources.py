"""CloudFormation types of EventBridge."""

from collections.abc import Callable
from typing import Any

from fogbank.core.context import Context
from fogbank.core.delegation import permit
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.core.tags import tag_list
from fogbank.core.targets import as_text
from fogbank.services.events.errors import ResourceNotFound
from fogbank.services.events.routing import DEFAULT_BUS


class EventBus(ResourceType):
    type_name = "AWS::Events::EventBus"
    supported = frozenset({"Name", "Description", "Tags", "Policy"})
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        name = properties["Name"]
        extra = {"Description": properties["Description"]} if "Description" in properties else {}
        await ctx.call(ctx.cloud.events.create_event_bus, Name=name, Tags=tag_list(request.tags()), **extra)
        await self._put_policy(ctx, request, name)
        return _bus_state(ctx, name)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.physical_id
        description = request.properties.get("Description", "")
        await ctx.call(ctx.cloud.events.update_event_bus, Name=name, Description=description)
        await self._put_policy(ctx, request, name)
        arn = ctx.arn("events", f"event-bus/{name}")
        await _retag(ctx, arn, request.tags())
        return _bus_state(ctx, name)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.events.delete_event_bus, Name=request.physical_id)
        except ResourceNotFound:
            return

    async def _put_policy(self, ctx: Context, request: ResourceRequest, name: str) -> None:
        policy = request.properties.get("Policy")
        if policy:
            text = policy if isinstance(policy, str) else as_text(policy)
            await ctx.call(ctx.cloud.events.put_permission, EventBusName=name, Policy=text)


class EventBusPolicy(ResourceType):
    type_name = "AWS::Events::EventBusPolicy"
    supported = frozenset({"EventBusName", "StatementId", "Statement", "Action", "Principal", "Condition"})

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = dict(request.properties)
        bus = properties.get("EventBusName", DEFAULT_BUS)
        statement_id = properties["StatementId"]
        statement = properties.pop("Statement", None)
        if statement is None:
            await ctx.call(ctx.cloud.events.put_permission, **properties)
        else:
            permit(
                ctx, "events:PutPermission", bus if bus.startswith("arn:") else ctx.arn("events", f"event-bus/{bus}")
            )
            await ctx.run(ctx.cloud.events.put_policy_statement, ctx, bus, {"Sid": statement_id, **statement})
        return ResourceState(physical_id=f"{bus}|{statement_id}")

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self.create(ctx, request)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        bus, _, statement_id = request.physical_id.partition("|")
        try:
            await ctx.call(ctx.cloud.events.remove_permission, EventBusName=bus, StatementId=statement_id)
        except ResourceNotFound:
            return


class Rule(ResourceType):
    type_name = "AWS::Events::Rule"
    supported = frozenset(
        {
            "Name",
            "Description",
            "EventBusName",
            "EventPattern",
            "ScheduleExpression",
            "State",
            "RoleArn",
            "Targets",
            "Tags",
        }
    )
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties.get("Name") or request.generated_name(length_max=64)
        return await self._put(ctx, request, name)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        _, name = _rule_place(request)
        state = await self._put(ctx, request, name)
        # PutRule tags new rules only.
        await _retag(ctx, state.attributes["Arn"], request.tags())
        return state

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        bus, name = _rule_place(request)
        try:
            await self._remove_targets(ctx, bus, name, keep=set())
            await ctx.call(ctx.cloud.events.delete_rule, Name=name, EventBusName=bus)
        except ResourceNotFound:
            return

    async def _put(self, ctx: Context, request: ResourceRequest, name: str) -> ResourceState:
        properties = request.properties
        bus = properties.get("EventBusName") or DEFAULT_BUS
        wanted: dict[str, Any] = {
            member: properties[member]
            for member in ("Description", "ScheduleExpression", "State", "RoleArn")
            if properties.get(member)
        }
        pattern = properties.get("EventPattern")
        if pattern:
            wanted["EventPattern"] = pattern if isinstance(pattern, str) else as_text(pattern)
        events = ctx.cloud.events
        tags = tag_list(request.tags())
        answer = await ctx.call(events.put_rule, Name=name, EventBusName=bus, Tags=tags, **wanted)
        targets = properties.get("Targets") or []
        await self._remove_targets(ctx, bus, name, keep={target["Id"] for target in targets})
        if targets:
            plain = [_with_numbers(target) for target in targets]
            await ctx.call(events.put_targets, Rule=name, EventBusName=bus, Targets=plain)
        bus_name = bus.rpartition("/")[2]
        reference = name if bus_name == DEFAULT_BUS else f"{bus_name}|{name}"
        return ResourceState(physical_id=reference, attributes={"Arn": answer["RuleArn"]})

    async def _remove_targets(self, ctx: Context, bus: str, name: str, *, keep: set[str]) -> None:
        answer = await ctx.call(ctx.cloud.events.list_targets_by_rule, Rule=name, EventBusName=bus)
        gone = [target["Id"] for target in answer["Targets"] if target["Id"] not in keep]
        if gone:
            await ctx.call(ctx.cloud.events.remove_targets, Rule=name, EventBusName=bus, Ids=gone)


async def _retag(ctx: Context, arn: str, tags: dict[str, str]) -> None:
    events = ctx.cloud.events
    there = await ctx.call(events.list_tags_for_resource, ResourceARN=arn)
    gone = [tag["Key"] for tag in there["Tags"] if tag["Key"] not in tags]
    await ctx.call(events.untag_resource, ResourceARN=arn, TagKeys=gone)
    await ctx.call(events.tag_resource, ResourceARN=arn, Tags=tag_list(tags))


class Archive(ResourceType):
    type_name = "AWS::Events::Archive"
    supported = frozenset(
        {"ArchiveName", "Description", "EventPattern", "KmsKeyIdentifier", "RetentionDays", "SourceArn"}
    )

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties.get("ArchiveName") or request.generated_name(length_max=48)
        source = request.properties["SourceArn"]
        answer = await ctx.call(
            ctx.cloud.events.create_archive, ArchiveName=name, EventSourceArn=source, **self._settings(request)
        )
        return ResourceState(physical_id=name, attributes={"Arn": answer["ArchiveArn"], "ArchiveName": name})

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.physical_id
        cleared = {"Description": "", "EventPattern": "", "KmsKeyIdentifier": "", "RetentionDays": 0}
        wanted = cleared | self._settings(request)
        answer = await ctx.call(ctx.cloud.events.update_archive, ArchiveName=name, **wanted)
        return ResourceState(physical_id=name, attributes={"Arn": answer["ArchiveArn"], "ArchiveName": name})

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await _gone(ctx, ctx.cloud.events.delete_archive, ArchiveName=request.physical_id)

    def _settings(self, request: ResourceRequest) -> dict[str, Any]:
        wanted = _present(request, "Description", "EventPattern", "KmsKeyIdentifier", "RetentionDays")
        if "EventPattern" in wanted and not isinstance(wanted["EventPattern"], str):
            wanted["EventPattern"] = as_text(wanted["EventPattern"])
        if "RetentionDays" in wanted:
            wanted["RetentionDays"] = int(wanted["RetentionDays"])
        return wanted


class Connection(ResourceType):
    type_name = "AWS::Events::Connection"
    supported = frozenset({"Name", "Description", "AuthorizationType", "AuthParameters"})

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties.get("Name") or request.generated_name(length_max=64)
        await ctx.call(ctx.cloud.events.create_connection, Name=name, **self._settings(request))
        return await self._state(ctx, name)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.physical_id
        wanted = {"Description": ""} | self._settings(request)
        await ctx.call(ctx.cloud.events.update_connection, Name=name, **wanted)
        return await self._state(ctx, name)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await _gone(ctx, ctx.cloud.events.delete_connection, Name=request.physical_id)

    def _settings(self, request: ResourceRequest) -> dict[str, Any]:
        return _present(request, "Description", "AuthorizationType", "AuthParameters")

    async def _state(self, ctx: Context, name: str) -> ResourceState:
        answer = await ctx.call(ctx.cloud.events.describe_connection, Name=name)
        attributes = {"Arn": answer["ConnectionArn"], "SecretArn": answer.get("SecretArn", "")}
        attributes["ArnForPolicy"] = attributes["Arn"].rpartition("/")[0]
        return ResourceState(physical_id=name, attributes=attributes)


class ApiDestination(ResourceType):
    type_name = "AWS::Events::ApiDestination"
    supported = frozenset(
        {
            "Name",
            "Description",
            "ConnectionArn",
            "HttpMethod",
            "InvocationEndpoint",
            "InvocationRateLimitPerSecond",
        }
    )

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties.get("Name") or request.generated_name(length_max=64)
        return await self._put(ctx, ctx.cloud.events.create_api_destination, request, name)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self._put(ctx, ctx.cloud.events.update_api_destination, request, request.physical_id)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await _gone(ctx, ctx.cloud.events.delete_api_destination, Name=request.physical_id)

    async def _put(
        self, ctx: Context, operation: Callable[..., Any], request: ResourceRequest, name: str
    ) -> ResourceState:
        wanted: dict[str, Any] = {"Description": "", "InvocationRateLimitPerSecond": 300}
        wanted |= _present(request, *self.supported - {"Name"})
        wanted["InvocationRateLimitPerSecond"] = int(wanted["InvocationRateLimitPerSecond"])
        arn = (await ctx.call(operation, Name=name, **wanted))["ApiDestinationArn"]
        return ResourceState(physical_id=name, attributes={"Arn": arn, "ArnForPolicy": arn.rpartition("/")[0]})


def _present(request: ResourceRequest, *members: str) -> dict[str, Any]:
    return {member: request.properties[member] for member in members if member in request.properties}


async def _gone(ctx: Context, delete: Callable[..., Any], **name: str) -> None:
    try:
        await ctx.call(delete, **name)
    except ResourceNotFound:
        return


def _rule_place(request: ResourceRequest) -> tuple[str, str]:
    bus, bar, name = request.physical_id.rpartition("|")
    return (bus if bar else DEFAULT_BUS), name


def _bus_state(ctx: Context, name: str) -> ResourceState:
    return ResourceState(physical_id=name, attributes={"Arn": ctx.arn("events", f"event-bus/{name}"), "Name": name})


def _with_numbers(target: dict[str, Any]) -> dict[str, Any]:
    """Templates may write numbers as strings; the API takes numbers."""
    retry = target.get("RetryPolicy")
    if not retry:
        return target
    return {**target, "RetryPolicy": {member: int(value) for member, value in retry.items()}}


RESOURCES: list[type[ResourceType]] = [EventBus, EventBusPolicy, Rule, Archive, Connection, ApiDestination]
