"""Which lifecycle configurations are valid, in AWS's words where they are not.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fogbank.services.s3.errors import InvalidArgument, InvalidRequest, MalformedXML
from fogbank.services.s3.lifecycle_rules import DAY_MS, predicates

RULES_MAX = 1000
ID_MAX = 255
NEWER_VERSIONS_MAX = 100
SIZE_MAX = 50 * 1024**4
INFREQUENT_DAYS_MIN = 30
_INFREQUENT = ("STANDARD_IA", "ONEZONE_IA")
_FILTERS = ("Prefix", "Tag", "And", "ObjectSizeGreaterThan", "ObjectSizeLessThan")
_ACTIONS = (
    "Expiration",
    "Transitions",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransitions",
    "AbortIncompleteMultipartUpload",
)


def checked_rules(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules, each with an id."""
    if not 1 <= len(rules) <= RULES_MAX:
        raise MalformedXML()
    for rule in rules:
        _check_rule(rule)
    named = [rule if rule.get("ID") else {**rule, "ID": secrets.token_urlsafe(36)} for rule in rules]
    if len({rule["ID"] for rule in named}) < len(named):
        raise InvalidArgument("Rule ID must be unique. Found same ID for more than one rule")
    return named


def _check_rule(rule: Mapping[str, Any]) -> None:
    if ("Filter" in rule) == ("Prefix" in rule):
        raise MalformedXML()
    if len(rule.get("ID") or "") > ID_MAX:
        raise InvalidArgument(f"ID length should not exceed allowed limit of {ID_MAX}")
    given = rule.get("Filter", {})
    if sum(name in given for name in _FILTERS) > 1:
        raise MalformedXML()
    wanted = predicates(rule)
    _check_predicates(wanted)
    if not any(action in rule for action in _ACTIONS):
        raise InvalidRequest("At least one action needs to be specified in a rule")
    where = f"filter '{_shown(wanted)}'" if "Filter" in rule else f"prefix '{rule['Prefix']}'"
    _check_expiration(rule.get("Expiration"), wanted)
    _check_transitions(rule.get("Transitions", []), where)
    _check_noncurrent(rule, where)
    _check_abort(rule.get("AbortIncompleteMultipartUpload"), wanted)
    _check_together(rule, where)


def _shown(wanted: Mapping[str, Any]) -> str:
    parts = [f"prefix={wanted['Prefix']}"] if "Prefix" in wanted else []
    parts += [f"tag={tag['Key']}:{tag['Value']}" for tag in wanted.get("Tags", ())]
    return f"({' and '.join(parts)})"


def _check_predicates(wanted: Mapping[str, Any]) -> None:
    keys = [tag["Key"] for tag in wanted.get("Tags", ())]
    if len(set(keys)) < len(keys):
        raise InvalidRequest("Duplicate Tag Keys are not allowed.")
    larger, smaller = wanted.get("ObjectSizeGreaterThan"), wanted.get("ObjectSizeLessThan")
    if larger is not None and not 0 <= larger <= SIZE_MAX:
        raise InvalidRequest("'ObjectSizeGreaterThan' should be in the range of 0 bytes and 50 TB")
    if smaller is not None and not 1 <= smaller <= SIZE_MAX:
        raise InvalidRequest("'ObjectSizeLessThan' should be in the range of 1 byte and 50 TB")
    if larger is not None and smaller is not None and smaller <= larger:
        raise InvalidRequest("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'")


def _check_expiration(expiration: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> None:
    if expiration is None:
        return
    given = [name for name in ("Days", "Date", "ExpiredObjectDeleteMarker") if name in expiration]
    markers = bool(expiration.get("ExpiredObjectDeleteMarker"))
    if not given or ("Days" in expiration) + ("Date" in expiration) + markers > 1:
        raise MalformedXML()
    if markers:
        _check_prefix_only("ExpiredObjectDeleteMarker", wanted)
    if expiration.get("Days", 1) < 1:
        raise InvalidArgument("'Days' for Expiration action must be a positive integer")
    _check_date(expiration)


def _check_prefix_only(action: str, wanted: Mapping[str, Any]) -> None:
    if wanted.get("Tags"):
        raise InvalidRequest(f"{action} cannot be specified with Tags.")
    if "ObjectSizeGreaterThan" in wanted or "ObjectSizeLessThan" in wanted:
        raise InvalidRequest(f"{action} cannot be specified with Object Size.")


def _check_date(action: Mapping[str, Any]) -> None:
    date = action.get("Date")
    if date is not None and int(date * 1000) % DAY_MS:
        shown = datetime.fromtimestamp(date, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        raise InvalidArgument(
            "'Date' must be at midnight GMT", members={"ArgumentName": "Date", "ArgumentValue": shown}
        )


def _check_transitions(transitions: list[dict[str, Any]], where: str) -> None:
    for transition in transitions:
        if ("Days" in transition) == ("Date" in transition) or "StorageClass" not in transition:
            raise MalformedXML()
        if transition.get("Days", 0) < 0:
            raise InvalidArgument("'Days' for Transition action must be nonnegative")
        _check_date(transition)
        name = transition["StorageClass"]
        if name in _INFREQUENT and transition.get("Days", INFREQUENT_DAYS_MIN) < INFREQUENT_DAYS_MIN:
            raise InvalidArgument(
                f"'Days' in Transition action must be greater than or equal to {INFREQUENT_DAYS_MIN} "
                f"for storageClass '{name}'"
            )
    _check_different([transition["StorageClass"] for transition in transitions], "Transition", where)
    if len({"Days" in transition for transition in transitions}) > 1:
        raise _mixed(where)
    _check_order([(each["StorageClass"], each["Days"]) for each in transitions if "Days" in each], "Days", where)


def _check_order(transitions: list[tuple[str, int]], unit: str, where: str) -> None:
    """From an infrequent class an object moves on after 30 days at the earliest."""
    for warm, first in transitions:
        for cold, then in transitions:
            if warm in _INFREQUENT and cold not in _INFREQUENT and first <= then < first + INFREQUENT_DAYS_MIN:
                raise InvalidArgument(
                    f"'{unit}' in the Transition action for StorageClass '{cold}' for {where} must be "
                    f"{INFREQUENT_DAYS_MIN} days more than 'Days' in the Transition action for StorageClass '{warm}'"
                )


def _check_different(classes: list[str], action: str, where: str) -> None:
    if len(set(classes)) < len(classes):
        raise InvalidRequest(f"'StorageClass' must be different for '{action}' actions in same 'Rule' with {where}")


def _check_noncurrent(rule: Mapping[str, Any], where: str) -> None:
    expiration = rule.get("NoncurrentVersionExpiration")
    transitions = rule.get("NoncurrentVersionTransitions", [])
    if expiration is not None:
        _check_noncurrent_action(expiration, "NoncurrentVersionExpiration", days_min=1)
    for transition in transitions:
        if "StorageClass" not in transition:
            raise MalformedXML()
        _check_noncurrent_action(transition, "NoncurrentVersionTransition", days_min=0)
        name = transition["StorageClass"]
        if name in _INFREQUENT and transition["NoncurrentDays"] < INFREQUENT_DAYS_MIN:
            raise InvalidArgument(
                "'NoncurrentDays' in NoncurrentVersionTransition action must be greater than or equal to "
                f"{INFREQUENT_DAYS_MIN} for storageClass '{name}'"
            )
        if expiration is not None and expiration["NoncurrentDays"] <= transition["NoncurrentDays"]:
            raise InvalidArgument(
                f"'NoncurrentDays' in the NoncurrentVersionExpiration action for {where} must be greater than "
                "'NoncurrentDays' in the NoncurrentVersionTransition action"
            )
    _check_different([each["StorageClass"] for each in transitions], "NoncurrentVersionTransition", where)


def _check_noncurrent_action(action: Mapping[str, Any], name: str, *, days_min: int) -> None:
    if "NoncurrentDays" not in action:
        raise MalformedXML()
    if action["NoncurrentDays"] < days_min:
        word = "a positive integer" if days_min else "nonnegative"
        raise InvalidArgument(f"'NoncurrentDays' for {name} action must be {word}")
    if not 1 <= action.get("NewerNoncurrentVersions", 1) <= NEWER_VERSIONS_MAX:
        raise InvalidArgument(f"'NewerNoncurrentVersions' for {name} action must be between 1 and {NEWER_VERSIONS_MAX}")


def _check_abort(abort: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> None:
    if abort is None:
        return
    if "DaysAfterInitiation" not in abort:
        raise MalformedXML()
    if abort["DaysAfterInitiation"] < 1:
        raise InvalidArgument(
            "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer"
        )
    _check_prefix_only("AbortIncompleteMultipartUpload", wanted)


def _check_together(rule: Mapping[str, Any], where: str) -> None:
    """An object expires behind its last move, and both are said in days or both by date."""
    expiration = rule.get("Expiration", {})
    for transition in rule.get("Transitions", []):
        if ("Date" in expiration and "Days" in transition) or ("Days" in expiration and "Date" in transition):
            raise _mixed(where)
        for unit in ("Days", "Date"):
            if unit in expiration and unit in transition and expiration[unit] <= transition[unit]:
                raise InvalidArgument(
                    f"'{unit}' in the Expiration action for {where} must be greater than "
                    f"'{unit}' in the Transition action"
                )


def _mixed(where: str) -> InvalidRequest:
    return InvalidRequest(
        f"Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for {where}"
    )
