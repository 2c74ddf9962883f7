"""CloudFormation: AWS::DynamoDB::Table.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
"""

import json
from contextlib import suppress
from typing import Any

from msgspec import structs

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank, ValidationError
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.core.tags import tag_list
from fogbank.services.dynamodb.errors import ResourceNotFound

POLL_S = 0.05
# Handed to CreateTable as they are.
_CREATE = (
    "AttributeDefinitions",
    "BillingMode",
    "DeletionProtectionEnabled",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "OnDemandThroughput",
    "ProvisionedThroughput",
    "TableClass",
    "WarmThroughput",
)
_SETTINGS = (
    "ContributorInsightsSpecification",
    "KinesisStreamSpecification",
    "PointInTimeRecoverySpecification",
    "ResourcePolicy",
    "SSESpecification",
    "StreamSpecification",
    "TimeToLiveSpecification",
)
_NO_MAXIMUM = {"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": -1}
# AWS replaces the table if these change. The schema does not list them as create-only, by which replacement
# is decided, so the change is refused here instead of being ignored.
_FIXED = ("KeySchema", "LocalSecondaryIndexes")


class TableResource(ResourceType):
    """Ref is the table's name."""

    type_name = "AWS::DynamoDB::Table"
    supported = frozenset((*_CREATE, *_SETTINGS, "TableName", "Tags"))
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        name = properties.get("TableName") or request.generated_name(length_max=255)
        wanted = {member: properties[member] for member in _CREATE if member in properties}
        if stream := _stream(properties):
            wanted["StreamSpecification"] = stream
        if encryption := _encryption(properties):
            wanted["SSESpecification"] = encryption
        if policy := _policy(properties):
            wanted["ResourcePolicy"] = policy
        if tags := request.tags():
            wanted["Tags"] = tag_list(tags)
        await ctx.call(ctx.cloud.dynamodb.create_table, TableName=name, **wanted)
        state = await _stable(ctx, name)
        await _apply_time_to_live(ctx, name, {}, properties)
        await _apply_recovery(ctx, name, {}, properties)
        await _apply_insights(ctx, name, {}, properties)
        await _apply_destination(ctx, name, {}, properties)
        return state

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name, before, after = request.physical_id, request.previous, request.properties
        for member in _FIXED:
            if before.get(member) != after.get(member):
                raise ValidationError(f"CloudFormation cannot update {member} of a table: give it a new logical name")
        # One UpdateTable may change the table or one index, so an update is a row of calls.
        for change in _changes(before, after):
            await ctx.refreshed().call(ctx.cloud.dynamodb.update_table, TableName=name, **change)
            await _stable(ctx, name)
        await _apply_time_to_live(ctx, name, before, after)
        await _apply_recovery(ctx, name, before, after)
        await _apply_insights(ctx, name, before, after)
        await _apply_destination(ctx, name, before, after)
        state = await _stable(ctx, name)
        await _apply_policy(ctx, state.attributes["Arn"], before, after)
        await _apply_tags(ctx, state.attributes["Arn"], request.tags())
        return state

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.dynamodb.delete_table, TableName=request.physical_id)
            while True:
                await ctx.refreshed().call(ctx.cloud.dynamodb.describe_table, TableName=request.physical_id)
                await ctx.cloud.clock.sleep(POLL_S)
        except ResourceNotFound:
            return


def _stream(properties: dict[str, Any]) -> dict[str, Any] | None:
    wanted = properties.get("StreamSpecification")
    return {"StreamEnabled": True, "StreamViewType": wanted["StreamViewType"]} if wanted else None


def _encryption(properties: dict[str, Any]) -> dict[str, Any] | None:
    wanted = properties.get("SSESpecification")
    if not wanted:
        return None
    answer = {member: wanted[member] for member in ("SSEType", "KMSMasterKeyId") if member in wanted}
    return {"Enabled": wanted["SSEEnabled"], **answer}


def _policy(properties: dict[str, Any]) -> str | None:
    wanted = properties.get("ResourcePolicy")
    return json.dumps(wanted["PolicyDocument"]) if wanted else None


async def _stable(ctx: Context, name: str) -> ResourceState:
    """Wait until the table and all its indexes are ACTIVE."""
    while True:
        answer = await ctx.refreshed().call(ctx.cloud.dynamodb.describe_table, TableName=name)
        table = answer["Table"]
        indexes = table.get("GlobalSecondaryIndexes", ())
        replicas = table.get("Replicas", ())
        if (
            table["TableStatus"] == "ACTIVE"
            and all(index["IndexStatus"] == "ACTIVE" for index in indexes)
            and all(replica["ReplicaStatus"] == "ACTIVE" for replica in replicas)
        ):
            break
        await ctx.cloud.clock.sleep(POLL_S)
    attributes = {"Arn": table["TableArn"], "TableId": table["TableId"]}
    if table.get("StreamSpecification", {}).get("StreamEnabled"):
        attributes["StreamArn"] = table["LatestStreamArn"]
    return ResourceState(physical_id=name, attributes=attributes)


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """The parameters of the UpdateTable calls that lead from one template to the other."""
    old, new = _indexes(before), _indexes(after)
    changes = [{"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": name}}]} for name in old if name not in new]
    rebuilt = [name for name in new if name in old and _shape(old[name]) != _shape(new[name])]
    changes += [{"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": name}}]} for name in rebuilt]
    changes += _table_changes(before, after, [name for name in new if name in old and name not in rebuilt])
    definitions = after.get("AttributeDefinitions", [])
    changes += [
        {"AttributeDefinitions": definitions, "GlobalSecondaryIndexUpdates": [{"Create": new[name]}]}
        for name in new
        if name not in old or name in rebuilt
    ]
    return changes


def _table_changes(before: dict[str, Any], after: dict[str, Any], kept: list[str]) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = []
    capacity: dict[str, Any] = {}
    billing = after.get("BillingMode", "PROVISIONED")
    if before.get("BillingMode", "PROVISIONED") != billing:
        capacity["BillingMode"] = billing
    if billing == "PROVISIONED":
        if before.get("ProvisionedThroughput") != after.get("ProvisionedThroughput") or capacity:
            capacity["ProvisionedThroughput"] = after.get("ProvisionedThroughput")
        updates = _index_changes(before, after, kept, "ProvisionedThroughput", {})
    else:
        if before.get("OnDemandThroughput") != after.get("OnDemandThroughput"):
            capacity["OnDemandThroughput"] = _NO_MAXIMUM | after.get("OnDemandThroughput", {})
        updates = _index_changes(before, after, kept, "OnDemandThroughput", _NO_MAXIMUM)
    if updates:
        capacity["GlobalSecondaryIndexUpdates"] = updates
    if capacity:
        changes.append(capacity)
    if _stream(before) != _stream(after):
        # A stream's view type cannot be changed: it ends, and another begins.
        if _stream(before):
            changes.append({"StreamSpecification": {"StreamEnabled": False}})
        if stream := _stream(after):
            changes.append({"StreamSpecification": stream})
    if _encryption(before) != _encryption(after):
        changes.append({"SSESpecification": _encryption(after) or {"Enabled": False}})
    if after.get("WarmThroughput") and before.get("WarmThroughput") != after["WarmThroughput"]:
        changes.append({"WarmThroughput": after["WarmThroughput"]})
    return changes + _own_changes(before, after)


def _index_changes(
    before: dict[str, Any], after: dict[str, Any], kept: list[str], member: str, absent: dict[str, int]
) -> list[dict[str, Any]]:
    """The updates of indexes whose throughput changes; `absent` is what one has that its template does not say."""
    old, new = _indexes(before), _indexes(after)
    return [
        {"Update": {"IndexName": name, member: absent | new[name].get(member, {})}}
        for name in kept
        if old[name].get(member) != new[name].get(member)
    ]


def _own_changes(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """Of what each replica of a global table has for itself."""
    return [
        {member: after.get(member, default)}
        for member, default in (("TableClass", "STANDARD"), ("DeletionProtectionEnabled", False))
        if before.get(member, default) != after.get(member, default)
    ]


def _indexes(properties: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {index["IndexName"]: index for index in properties.get("GlobalSecondaryIndexes") or ()}


def _shape(index: dict[str, Any]) -> tuple[Any, Any]:
    return index.get("KeySchema"), index.get("Projection")


async def _apply_time_to_live(ctx: Context, name: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = before.get("TimeToLiveSpecification"), after.get("TimeToLiveSpecification")
    wanted = new or ({**old, "Enabled": False} if old and old.get("Enabled") else None)
    if old == new or wanted is None or (not wanted["Enabled"] and not (old or {}).get("Enabled")):
        return
    await ctx.refreshed().call(ctx.cloud.dynamodb.update_time_to_live, TableName=name, TimeToLiveSpecification=wanted)


async def _apply_recovery(ctx: Context, name: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    old = before.get("PointInTimeRecoverySpecification") or {"PointInTimeRecoveryEnabled": False}
    new = after.get("PointInTimeRecoverySpecification") or {"PointInTimeRecoveryEnabled": False}
    if old == new:
        return
    await ctx.refreshed().call(
        ctx.cloud.dynamodb.update_continuous_backups, TableName=name, PointInTimeRecoverySpecification=new
    )


async def _apply_destination(ctx: Context, name: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    """The Kinesis stream that gets the table's changes."""
    old, new = before.get("KinesisStreamSpecification") or {}, after.get("KinesisStreamSpecification") or {}
    dynamodb, stream = ctx.cloud.dynamodb, new.get("StreamArn")
    precision = {key: value for key, value in new.items() if key == "ApproximateCreationDateTimePrecision"}
    if old and stream != old["StreamArn"]:
        disable = dynamodb.disable_kinesis_streaming_destination
        await ctx.refreshed().call(disable, TableName=name, StreamArn=old["StreamArn"])
    if stream and stream != old.get("StreamArn"):
        enable = dynamodb.enable_kinesis_streaming_destination
        await ctx.refreshed().call(
            enable, TableName=name, StreamArn=stream, EnableKinesisStreamingConfiguration=precision
        )
    elif precision and new != old:
        update = dynamodb.update_kinesis_streaming_destination
        await ctx.refreshed().call(
            update, TableName=name, StreamArn=stream, UpdateKinesisStreamingConfiguration=precision
        )


async def _apply_insights(ctx: Context, name: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    old = before.get("ContributorInsightsSpecification") or {"Enabled": False}
    new = after.get("ContributorInsightsSpecification") or {"Enabled": False}
    if old == new:
        return
    mode = {"ContributorInsightsMode": new["Mode"]} if "Mode" in new else {}
    await ctx.refreshed().call(
        ctx.cloud.dynamodb.update_contributor_insights,
        TableName=name,
        ContributorInsightsAction="ENABLE" if new["Enabled"] else "DISABLE",
        **mode,
    )


async def _apply_policy(ctx: Context, arn: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    dynamodb, wanted = ctx.cloud.dynamodb, _policy(after)
    if wanted == _policy(before):
        return
    if wanted is None:
        await ctx.refreshed().call(dynamodb.delete_resource_policy, ResourceArn=arn)
    else:
        await ctx.refreshed().call(dynamodb.put_resource_policy, ResourceArn=arn, Policy=wanted)


async def _apply_tags(ctx: Context, arn: str, wanted: dict[str, str]) -> None:
    dynamodb = ctx.cloud.dynamodb
    answer = await ctx.call(dynamodb.list_tags_of_resource, ResourceArn=arn)
    present = {tag["Key"]: tag["Value"] for tag in answer.get("Tags", ())}
    if gone := [key for key in present if key not in wanted]:
        await ctx.call(dynamodb.untag_resource, ResourceArn=arn, TagKeys=gone)
    if any(present.get(key) != value for key, value in wanted.items()):
        await ctx.call(dynamodb.tag_resource, ResourceArn=arn, Tags=tag_list(wanted))


# What a replica of a global table may have for itself.
_REPLICA = (
    "ContributorInsightsSpecification",
    "DeletionProtectionEnabled",
    "PointInTimeRecoverySpecification",
    "TableClass",
    "Tags",
)


class GlobalTableResource(TableResource):
    """A table with its replicas; the one in the stack's region is made first, with CreateTable.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
    """

    type_name = "AWS::DynamoDB::GlobalTable"
    supported = frozenset((*_CREATE, *_SETTINGS, "Replicas", "TableName")) - {
        "OnDemandThroughput",
        "ProvisionedThroughput",
        "ResourcePolicy",
        *_REPLICA,
    }

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        own = structs.replace(request, properties=_of_region(request.properties, ctx.region))
        state = await super().create(ctx, own)
        return await _apply_replicas(ctx, state.physical_id, {}, request.properties)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        own = structs.replace(
            request,
            properties=_of_region(request.properties, ctx.region),
            previous=_of_region(request.previous, ctx.region),
        )
        await super().update(ctx, own)
        return await _apply_replicas(ctx, request.physical_id, request.previous, request.properties)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        with suppress(ResourceNotFound):
            answer = await ctx.call(ctx.cloud.dynamodb.describe_table, TableName=request.physical_id)
            for replica in answer["Table"].get("Replicas", ()):
                await _update_replica(ctx, request.physical_id, "Delete", {"RegionName": replica["RegionName"]})
        await super().delete(ctx, request)


def _replicas(properties: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {replica["Region"]: replica for replica in properties.get("Replicas") or ()}
    unknown = {name for replica in found.values() for name in replica} - {"Region", "SSESpecification", *_REPLICA}
    if unknown:
        raise NotImplementedInFogbank(f"Replicas of global tables do not take: {', '.join(sorted(unknown))}")
    return found


def _of_region(properties: dict[str, Any], region: str) -> dict[str, Any]:
    """The properties of the table in the region, as those of an AWS::DynamoDB::Table."""
    replica = _replicas(properties).get(region)
    if replica is None:
        raise ValidationError(f"Replicas must contain the region of the stack, {region}")
    own = {member: value for member, value in properties.items() if member != "Replicas"}
    if "SSESpecification" in own:
        own["SSESpecification"] = own["SSESpecification"] | replica.get("SSESpecification", {})
    return own | {member: replica[member] for member in _REPLICA if member in replica}


async def _apply_replicas(ctx: Context, name: str, before: dict[str, Any], after: dict[str, Any]) -> ResourceState:
    """Add, change and remove the replicas in other regions."""
    old, new = _replicas(before), _replicas(after)
    for region in old.keys() - new.keys() - {ctx.region}:
        await _update_replica(ctx, name, "Delete", {"RegionName": region})
    for region in sorted(new.keys() - {ctx.region}):
        replica = new[region]
        if region not in old:
            wanted = {"RegionName": region, **replica.get("SSESpecification", {})}
            await _update_replica(ctx, name, "Create", wanted)
            await _stable(ctx, name)
        await _apply_replica(ctx.at(region=region), name, old.get(region, {}), replica)
    return await _stable(ctx, name)


async def _update_replica(ctx: Context, name: str, action: str, wanted: dict[str, Any]) -> None:
    update = {"ReplicaUpdates": [{action: wanted}]}
    await ctx.refreshed().call(ctx.cloud.dynamodb.update_table, TableName=name, **update)


async def _apply_replica(ctx: Context, name: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    """The settings of one replica; `ctx` is in its region."""
    for change in _own_changes(before, after):
        await ctx.refreshed().call(ctx.cloud.dynamodb.update_table, TableName=name, **change)
    await _apply_recovery(ctx, name, before, after)
    await _apply_insights(ctx, name, before, after)
    state = await _stable(ctx, name)
    await _apply_tags(ctx, state.attributes["Arn"], {tag["Key"]: tag["Value"] for tag in after.get("Tags", ())})


RESOURCES: list[type[ResourceType]] = [TableResource, GlobalTableResource]
