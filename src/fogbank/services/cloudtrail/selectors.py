"""Which events a trail takes: basic and advanced event selectors.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html
"""

from collections.abc import Callable, Mapping
from typing import Any

from fogbank.services.cloudtrail.errors import InvalidEventSelectors
from fogbank.services.cloudtrail.events import Event
from fogbank.services.cloudtrail.records import Trail

BASIC_MAX = 5
DEFAULT: dict[str, Any] = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}
_EXCLUDABLE = frozenset(("kms.amazonaws.com", "rdsdata.amazonaws.com"))
# The resource types of data events, with the source and what the ARNs of such resources begin with.
DATA_TYPES = {
    "AWS::DynamoDB::Table": ("dynamodb.amazonaws.com", "arn:aws:dynamodb"),
    "AWS::Kinesis::Stream": ("kinesis.amazonaws.com", "arn:aws:kinesis"),
    "AWS::Lambda::Function": ("lambda.amazonaws.com", "arn:aws:lambda"),
    "AWS::S3::Object": ("s3.amazonaws.com", "arn:aws:s3"),
    "AWS::SNS::Topic": ("sns.amazonaws.com", "arn:aws:sns"),
    "AWS::SQS::Queue": ("sqs.amazonaws.com", "arn:aws:sqs"),
}
_BASIC_DATA_TYPES = frozenset(("AWS::DynamoDB::Table", "AWS::Lambda::Function", "AWS::S3::Object"))
_READS_WRITES = frozenset(("All", "ReadOnly", "WriteOnly"))

Test = Callable[[str, str], bool]
_OPERATORS: Mapping[str, tuple[Test, bool]] = {
    "Equals": (str.__eq__, False),
    "StartsWith": (str.startswith, False),
    "EndsWith": (str.endswith, False),
    "NotEquals": (str.__eq__, True),
    "NotStartsWith": (str.startswith, True),
    "NotEndsWith": (str.endswith, True),
}
_FIELDS: Mapping[str, Callable[[Event], list[str]]] = {
    "eventCategory": lambda event: ["Data" if event.entry.data else "Management"],
    "eventName": lambda event: [event.entry.operation],
    "eventSource": lambda event: [event.source],
    "eventType": lambda event: ["AwsApiCall"],
    "readOnly": lambda event: [str(event.entry.read_only).lower()],
    "resources.ARN": lambda event: list(event.entry.resources),
    "resources.type": lambda event: [kind for kind, (source, _) in DATA_TYPES.items() if source == event.source],
    "userIdentity.arn": lambda event: [event.entry.principal],
}


def checked_basic(selectors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not 1 <= len(selectors) <= BASIC_MAX:
        raise InvalidEventSelectors(f"A trail has 1 to {BASIC_MAX} event selectors.")
    whole = [DEFAULT | selector for selector in selectors]
    for selector in whole:
        if selector["ReadWriteType"] not in _READS_WRITES:
            raise InvalidEventSelectors(f"Invalid ReadWriteType: {selector['ReadWriteType']}.")
        if not _EXCLUDABLE.issuperset(selector["ExcludeManagementEventSources"]):
            raise InvalidEventSelectors("Only kms.amazonaws.com and rdsdata.amazonaws.com can be excluded.")
        for resource in selector["DataResources"]:
            if resource.get("Type") not in _BASIC_DATA_TYPES:
                raise InvalidEventSelectors(f"Invalid type of data resources: {resource.get('Type')}.")
    return whole


def checked_advanced(selectors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for selector in selectors:
        fields = {one["Field"]: one for one in selector["FieldSelectors"]}
        unknown = fields.keys() - _FIELDS.keys()
        if unknown:
            raise InvalidEventSelectors(f"Invalid field: {min(unknown)}.")
        category = fields.get("eventCategory", {}).get("Equals")
        if category not in (["Management"], ["Data"]):
            raise InvalidEventSelectors("Every selector needs the field eventCategory, equal to Management or Data.")
        if category == ["Data"] and not DATA_TYPES.keys() >= set(fields.get("resources.type", {}).get("Equals", [""])):
            raise InvalidEventSelectors("A selector of data events needs the field resources.type.")
        if any(not set(one) & _OPERATORS.keys() for one in fields.values()):
            raise InvalidEventSelectors("Every field selector needs an operator.")
    return selectors


def wants_data(trail: Trail) -> bool:
    return any(selector["DataResources"] for selector in trail.selectors) or any(
        one == {"Field": "eventCategory", "Equals": ["Data"]}
        for selector in trail.advanced
        for one in selector["FieldSelectors"]
    )


def takes(trail: Trail, event: Event) -> bool:
    """Whether the trail delivers the event."""
    if trail.advanced:
        return any(_fits_advanced(selector, event) for selector in trail.advanced)
    return any(_fits_basic(selector, event) for selector in trail.selectors or [DEFAULT])


def _fits_basic(selector: Mapping[str, Any], event: Event) -> bool:
    kinds = {"All": (True, False), "ReadOnly": (True,), "WriteOnly": (False,)}
    if event.entry.read_only not in kinds[selector["ReadWriteType"]]:
        return False
    if not event.entry.data:
        return bool(selector["IncludeManagementEvents"]) and (
            event.source not in selector["ExcludeManagementEventSources"]
        )
    return any(
        DATA_TYPES[resource["Type"]][0] == event.source
        and any(arn.startswith(prefix) for arn in event.entry.resources for prefix in resource.get("Values", ()))
        for resource in selector["DataResources"]
    )


def _fits_advanced(selector: Mapping[str, Any], event: Event) -> bool:
    return all(_fits_field(one, _FIELDS[one["Field"]](event)) for one in selector["FieldSelectors"])


def _fits_field(selector: Mapping[str, Any], values: list[str]) -> bool:
    """All operators must hold; each holds if one of its values fits, a negated one if none does."""
    for name, (test, negated) in _OPERATORS.items():
        if name in selector:
            found = any(test(value, wanted) for value in values for wanted in selector[name])
            if found is negated:
                return False
    return True
