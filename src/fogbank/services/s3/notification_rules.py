"""A notification configuration: what is wrong with one, and which of its parts an event is for.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
"""

import base64
import itertools
from collections.abc import Iterator
from typing import Any

import msgspec

from fogbank.core.ids import new_id
from fogbank.services.s3.errors import InvalidArgument, MalformedXML
from fogbank.services.s3.events import Event

KINDS = (
    ("TopicConfigurations", "TopicArn", "Topic"),
    ("QueueConfigurations", "QueueArn", "Queue"),
    ("LambdaFunctionConfigurations", "LambdaFunctionArn", "CloudFunction"),
)
"""The three lists of a configuration, the member with the ARN, and the ARN's element in the document."""
CONFIGURATIONS_MAX = 100  # S3 quotas, event notifications of a bucket.
FILTER_BYTES_MAX = 1024

_WILDCARDS = ("ObjectCreated", "ObjectRemoved", "ObjectRestore", "ObjectTagging", "LifecycleExpiration", "Replication")
_EVENTS = frozenset(
    {f"s3:{event}" for event in Event if event is not Event.LEGAL_HOLD_PUT}
    | {f"s3:{group}:*" for group in _WILDCARDS}
    | {"s3:ReducedRedundancyLostObject"}
)


class Part(msgspec.Struct, frozen=True):
    """One configuration: the events that it is for, the keys, and where they are told."""

    id: str
    arn: str
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""

    def wants(self, event: Event, key: str) -> bool:
        return (
            any(_covers(pattern, f"s3:{event}") for pattern in self.events)
            and key.startswith(self.prefix)
            and key.endswith(self.suffix)
        )


def parts(configuration: dict[str, Any]) -> Iterator[Part]:
    """The parts of a configuration that was checked."""
    for member, arn, _ in KINDS:
        for given in configuration.get(member) or ():
            rules = {rule["Name"].lower(): rule["Value"] for rule in _rules(given)}
            yield Part(given["Id"], given[arn], tuple(given["Events"]), **rules)


def checked(given: dict[str, Any]) -> dict[str, Any]:
    """The configuration as it is kept: with ids, and its filters' names as AWS writes them."""
    kept: dict[str, Any] = {}
    for member, arn, _ in KINDS:
        if given.get(member):
            kept[member] = [_checked_part(part, arn) for part in given[member]]
    if "EventBridgeConfiguration" in given:
        kept["EventBridgeConfiguration"] = {}
    found = list(parts(kept))
    if len(found) > CONFIGURATIONS_MAX:  # AWS's sentence is not known.
        raise InvalidArgument(f"A bucket can have up to {CONFIGURATIONS_MAX} event notification configurations")
    if len({part.id for part in found}) < len(found):
        raise InvalidArgument("Same ID used for multiple configurations. IDs must be unique")
    for one, other in itertools.combinations(found, 2):
        _check_apart(one, other)
    return kept


def _checked_part(given: dict[str, Any], arn: str) -> dict[str, Any]:
    for event in given["Events"]:
        if event not in _EVENTS:
            raise InvalidArgument(
                "The event is not supported for notifications",
                members={"ArgumentName": "Event", "ArgumentValue": event},
            )
    kept = {
        "Id": given.get("Id") or base64.b64encode(new_id().encode()).decode(),
        arn: given[arn],
        "Events": given["Events"],
    }
    rules = _rules(given)
    names: list[str] = []
    for rule in rules:
        name, value = rule.get("Name"), rule.get("Value")
        if name is None or value is None:
            raise MalformedXML()
        members = {"ArgumentName": "FilterRule.Name", "ArgumentValue": name}
        if name.lower() not in ("prefix", "suffix"):
            raise InvalidArgument("filter rule name must be either prefix or suffix", members=members)
        if name.lower() in names:
            raise InvalidArgument(
                f"Cannot specify more than one {name.lower()} rule in a filter.",
                members=members,
            )
        if len(value.encode()) > FILTER_BYTES_MAX:
            raise InvalidArgument(
                f"Size of filter rule value cannot exceed {FILTER_BYTES_MAX} bytes in UTF-8 representation",
                members={"ArgumentName": "FilterRule.Value", "ArgumentValue": value},
            )
        names.append(name.lower())
    if rules:
        shown = [{"Name": rule["Name"].capitalize(), "Value": rule["Value"]} for rule in rules]
        kept["Filter"] = {"Key": {"FilterRules": shown}}
    return kept


def _rules(part: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ((part.get("Filter") or {}).get("Key") or {}).get("FilterRules") or []
    return found


def _check_apart(one: Part, other: Part) -> None:
    """No object's event may be for two configurations."""
    shared = [(a, b) for a in one.events for b in other.events if _covers(a, b) or _covers(b, a)]
    if not shared:
        return
    if not (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)):
        return
    if not (one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix)):
        return
    if one.prefix or one.suffix or other.prefix or other.suffix:
        raise InvalidArgument(
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
            "overlapping for the same event type."
        )
    raise InvalidArgument(
        "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
        members={"ArgumentName": "Event", "ArgumentValue": ", ".join(shared[0])},
    )


def _covers(pattern: str, event: str) -> bool:
    return pattern == event or (pattern.endswith("*") and event.startswith(pattern[:-1]))
