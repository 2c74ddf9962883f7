"""A replication configuration: what is wrong with one, and which of its rules an object falls under.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html
"""

import base64
import itertools
from collections.abc import Callable, Iterable
from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.ids import new_id
from fogbank.services.s3.errors import InvalidArgument, InvalidRequest, MalformedXML
from fogbank.services.s3.records import ObjectVersion

RULES_MAX = 1000
ID_CHARACTERS_MAX = 255
RTC_MINUTES = 15

_KMS = frozenset(("aws:kms", "aws:kms:dsse"))
_SCHEMA = (
    " must be specified for this version of Cross Region Replication configuration schema. "
    "Please refer to S3 Developer Guide for more information."
)

Rule = dict[str, Any]


def destination(rule: Rule) -> str:
    """The name of the bucket that the rule replicates to."""
    name: str = rule["Destination"]["Bucket"].removeprefix("arn:aws:s3:::")
    return name


def is_tracked(rule: Rule) -> bool:
    """Whether its replication is measured, and told of by events."""
    metrics = rule["Destination"].get("Metrics") or {}
    return bool(metrics.get("Status") == "Enabled")


# ---- which rules ----------------------------------------------------------------------------------------------------


def for_object(configuration: dict[str, Any], key: str, version: ObjectVersion) -> list[Rule]:
    """The rules by which a new object is replicated: for each destination the one with the highest priority."""
    encrypted = version.headers.get("ServerSideEncryption") in _KMS

    def applies(rule: Rule) -> bool:
        return _matches(rule, key, version.tags) and (not encrypted or _selects(rule, "SseKmsEncryptedObjects"))

    return _first_of_each(configuration, applies)


def for_marker(configuration: dict[str, Any], key: str) -> list[Rule]:
    """As `for_object`, of a delete marker. Rules of the first schema, without a filter, always take markers."""

    def applies(rule: Rule) -> bool:
        wanted = (rule.get("DeleteMarkerReplication") or {}).get(
            "Status", "Disabled" if "Filter" in rule else "Enabled"
        )
        return wanted == "Enabled" and _matches(rule, key, {})

    return _first_of_each(configuration, applies)


def for_changes(configuration: dict[str, Any], key: str, version: ObjectVersion) -> list[Rule]:
    """The rules by which changed tags, ACLs and locks follow the object; those of a replica only where it is said."""

    def applies(rule: Rule) -> bool:
        if version.replication == "REPLICA":
            return _selects(rule, "ReplicaModifications") and _matches(rule, key, version.tags)
        return destination(rule) in version.replicated_to

    return _first_of_each(configuration, applies)


def _first_of_each(configuration: dict[str, Any], applies: Callable[[Rule], bool]) -> list[Rule]:
    found: dict[str, Rule] = {}
    for rule in sorted(configuration["Rules"], key=lambda rule: -rule.get("Priority", 0)):
        if rule["Status"] == "Enabled" and applies(rule):
            found.setdefault(destination(rule), rule)
    return list(found.values())


def _selects(rule: Rule, criterion: str) -> bool:
    criteria = rule.get("SourceSelectionCriteria") or {}
    return bool((criteria.get(criterion) or {}).get("Status") == "Enabled")


def _matches(rule: Rule, key: str, tags: dict[str, str]) -> bool:
    prefix, wanted = _filter(rule)
    return key.startswith(prefix) and all(tags.get(tag["Key"]) == tag["Value"] for tag in wanted)


def _filter(rule: Rule) -> tuple[str, list[dict[str, str]]]:
    """The prefix and the tags that a rule asks for."""
    if "Filter" not in rule:
        return rule.get("Prefix") or "", []
    given = rule["Filter"] or {}
    both = given.get("And") or {}
    tags = both.get("Tags") or ([given["Tag"]] if "Tag" in given else [])
    return both.get("Prefix") or given.get("Prefix") or "", tags


# ---- what may be wrong ----------------------------------------------------------------------------------------------
# AWS's page has the sentences about <Account>, its recorded answers those about versioning. What AWS says of rules of
# two schemas, of ExistingObjectReplication and of minutes is not known: those sentences are Fogbank's.


def checked(configuration: dict[str, Any], source: str) -> dict[str, Any]:
    """The configuration as it is kept, with ids. What the destinations are is not looked at here."""
    rules = configuration["Rules"]
    if not rules:
        raise MalformedXML()
    if len(rules) > RULES_MAX:
        raise InvalidRequest(f"The number of replication rules must not exceed the allowed limit of {RULES_MAX} rules.")
    role = parse_arn(configuration["Role"])
    if role is None or role.service != "iam" or not role.resource.startswith("role/"):
        raise InvalidArgument("Invalid Role specified in replication configuration")
    kept = [_checked_rule(rule, source) for rule in rules]
    _check_unique([rule["ID"] for rule in kept], "Rule ID must be unique. Found same ID for more than one rule")
    if all("Filter" in rule for rule in kept):
        _check_unique([rule["Priority"] for rule in kept], "Found duplicate priority. Priority must be unique.")
    elif any("Filter" in rule for rule in kept):
        raise InvalidRequest("All rules of a replication configuration must be of the same version of its schema.")
    else:
        _check_prefixes([rule.get("Prefix") or "" for rule in kept])
    return {"Role": configuration["Role"], "Rules": kept}


def _check_unique(values: list[Any], sentence: str) -> None:
    if len(set(values)) < len(values):
        raise InvalidRequest(sentence)


def _check_prefixes(prefixes: Iterable[str]) -> None:
    for one, other in itertools.combinations(sorted(prefixes), 2):
        if other.startswith(one):
            raise InvalidRequest(f"Found overlapping prefixes '{one}' and '{other}'")


def _checked_rule(given: Rule, source: str) -> Rule:
    rule = {"ID": base64.b64encode(new_id().encode()).decode(), **given}
    if not rule["ID"] or len(rule["ID"]) > ID_CHARACTERS_MAX:
        raise InvalidArgument(f"The maximum value is {ID_CHARACTERS_MAX} characters.")
    if "Filter" in rule:
        _check_filter(rule)
    elif "Priority" in rule:
        raise InvalidRequest("Filter" + _SCHEMA)
    if (rule.get("ExistingObjectReplication") or {}).get("Status") == "Enabled":
        raise InvalidRequest("ExistingObjectReplication is no longer supported. Use S3 Batch Replication.")
    _check_destination(rule, source)
    return rule


def _check_filter(rule: Rule) -> None:
    given = rule["Filter"] or {}
    if "Not" in given:
        raise NotImplementedInFogbank("Fogbank's S3 does not implement filters with Not in replication rules.")
    if "Prefix" in rule or len(given) > 1:
        raise MalformedXML()
    for member in ("Priority", "DeleteMarkerReplication"):
        if member not in rule:
            raise InvalidRequest(member + _SCHEMA)
    if _filter(rule)[1] and (rule["DeleteMarkerReplication"] or {}).get("Status") == "Enabled":
        raise InvalidRequest(
            "Delete marker replication is not supported if any Tag filter is specified. "
            "Please refer to S3 Developer Guide for more information."
        )


def _check_destination(rule: Rule, source: str) -> None:
    there = rule["Destination"]
    arn = parse_arn(there["Bucket"])
    if arn is None or arn.service != "s3" or "/" in arn.resource:
        raise InvalidArgument("Invalid bucket ARN.")
    if destination(rule) == source:
        raise InvalidRequest("Destination bucket cannot be the same as the source bucket.")
    if "AccessControlTranslation" in there and not there.get("Account"):
        raise InvalidRequest(
            "If the <Owner> in <AccessControlTranslation> has a value, the <Account> element must be specified."
        )
    if ("ReplicationTime" in there) and ("Metrics" not in there):
        raise InvalidRequest("Replication destination must contain both ReplicationTime and Metrics or neither.")
    for member, of in (("ReplicationTime", "Time"), ("Metrics", "EventThreshold")):
        minutes = ((there.get(member) or {}).get(of) or {}).get("Minutes", RTC_MINUTES)
        if minutes != RTC_MINUTES:
            raise InvalidArgument(f"The only valid value for Minutes is {RTC_MINUTES}.")
    if _selects(rule, "SseKmsEncryptedObjects") and not (there.get("EncryptionConfiguration") or {}).get(
        "ReplicaKmsKeyID"
    ):
        raise InvalidRequest("ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present.")
