"""What EventBridge's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
"""

from collections.abc import Iterable, Mapping, Sequence

from fogbank.core.arn import parse_arn
from fogbank.core.authorization import Authorization, Parameters, Source, alike, need, pass_role, values_at
from fogbank.core.context import Context
from fogbank.core.json_text import parse
from fogbank.services.events.routing import DEFAULT_BUS, rule_arn

_SERVICE = "events.amazonaws.com"
_ARCHIVE = "arn:{partition}:events:{region}:{account}:archive/{ArchiveName}"
_CONNECTION = "arn:{partition}:events:{region}:{account}:connection/{Name}"
_DESTINATION = "arn:{partition}:events:{region}:{account}:api-destination/{Name}"
_REPLAY = "arn:{partition}:events:{region}:{account}:replay/{ReplayName}"
_PATTERN_KEYS = (
    "source", "detail-type", "detail.service", "detail.eventTypeCode", "detail.userIdentity.principalId",
)  # fmt: skip


def _bus(ctx: Context, name: str | None) -> str:
    name = name or DEFAULT_BUS
    return name if name.startswith("arn:") else ctx.arn("events", f"event-bus/{name}")


def _named_bus(ctx: Context, parameters: Parameters) -> str:
    return _bus(ctx, parameters.get("Name"))


def _bus_with_policy(ctx: Context, parameters: Parameters) -> str:
    return _bus(ctx, parameters.get("EventBusName"))


def _bus_of_entry(ctx: Context, parameters: Parameters) -> str:
    (entry, *_) = parameters.get("Entries") or [{}]
    return _bus(ctx, entry.get("EventBusName"))


def _kinds_of_entries(parameters: Parameters) -> Iterable[Parameters]:
    """An entry of each kind that policies can tell apart."""
    entries = parameters.get("Entries") or ()
    if len(entries) == 1:
        return (parameters,)
    kinds = {(entry.get("EventBusName"), entry.get("Source"), entry.get("DetailType")): entry for entry in entries}
    return ({"Entries": [entry]} for entry in kinds.values())


def _rule(ctx: Context, parameters: Parameters) -> str:
    name = str(parameters.get("Name") or parameters.get("Rule") or "*")
    bus = parse_arn(_bus(ctx, parameters.get("EventBusName")))
    if bus is None:
        return ctx.arn("events", f"rule/{name}")
    there = ctx.at(account=bus.account, region=bus.region)
    return rule_arn(there, bus.resource.removeprefix("event-bus/"), name)


def _pattern_keys(ctx: Context, parameters: Parameters) -> Mapping[str, str | Sequence[str]]:
    """What the rule's pattern lets through; a policy can limit it."""
    pattern = parse(str(parameters.get("EventPattern") or "{}"))
    told: dict[str, str | Sequence[str]] = {}
    for key in _PATTERN_KEYS:
        if values := [value for value in values_at(pattern, f"{key}[]") if isinstance(value, str)]:
            told[f"events:{key}"] = values
    return told


def _manager(ctx: Context, parameters: Parameters) -> str | None:
    """The service that keeps the rule for itself, if one does."""
    bus, _, name = _rule(ctx, parameters).partition(":rule/")[2].rpartition("/")
    found: str = ctx.cloud.events.manager_of_rule(ctx, bus or DEFAULT_BUS, name)
    return found or None


_CREATOR: Mapping[str, Source] = {"events:creatorAccount": lambda ctx, parameters: ctx.account}
_CHANGED: Mapping[str, Source] = {**_CREATOR, "events:ManagedBy": _manager}

AUTHORIZATION = Authorization(
    "events",
    operations={
        **alike(
            "DeleteRule DisableRule EnableRule RemoveTargets",
            need(_rule, keys=_CHANGED),
        ),
        **alike("DescribeRule ListTargetsByRule", need(_rule, keys=_CREATOR)),
        **alike("DeleteEventBus DescribeEventBus UpdateEventBus", need(_named_bus)),
        **alike("PutPermission RemovePermission", need(_bus_with_policy)),
        **alike("DeleteArchive DescribeArchive UpdateArchive", need(_ARCHIVE)),
        **alike(
            "CreateConnection DeauthorizeConnection DeleteConnection DescribeConnection UpdateConnection",
            need(_CONNECTION),
        ),
        **alike("CreateApiDestination UpdateApiDestination", need(_DESTINATION, "{ConnectionArn}")),
        **alike("DeleteApiDestination DescribeApiDestination", need(_DESTINATION)),
        **alike("CancelReplay DescribeReplay", need(_REPLAY)),
        **alike(
            "ListApiDestinations ListArchives ListConnections ListEventBuses ListReplays ListRuleNamesByTarget "
            "ListRules TestEventPattern",
            need("*"),
        ),
        "CreateArchive": need(_ARCHIVE, "{EventSourceArn}"),
        "CreateEventBus": (
            need(_named_bus, tags="Tags"),
            need(_named_bus, action="TagResource", when="Tags", tags="Tags", keys=_CREATOR),
        ),
        "ListTagsForResource": need("{ResourceARN}", keys=_CREATOR),
        "PutEvents": need(
            _bus_of_entry,
            keys={
                "events:source": "{Entries[].Source}",
                "events:detail-type": "{Entries[].DetailType}",
                "events:eventBusInvocation": "false",
            },
            parts=_kinds_of_entries,
        ),
        "PutRule": (
            need(_rule, tags="Tags", keys=_CHANGED, further=_pattern_keys),
            need(_rule, action="TagResource", when="Tags", tags="Tags", keys=_CREATOR),
            pass_role("RoleArn", to=_SERVICE),
        ),
        "PutTargets": (
            need(_rule, keys={**_CHANGED, "events:TargetArn": "{Targets[].Arn}"}),
            pass_role("Targets[].RoleArn", to=_SERVICE),
        ),
        "StartReplay": need(_REPLAY, "{EventSourceArn}", "{Destination.Arn}"),
        "TagResource": need("{ResourceARN}", tags="Tags", keys=_CREATOR),
        "UntagResource": need("{ResourceARN}", tag_keys="TagKeys", keys=_CREATOR),
    },
)
