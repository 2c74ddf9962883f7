"""CloudFormation's forms of a bucket's configurations, turned into those of the API.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
"""

import re
from datetime import UTC, datetime
from typing import Any

from fogbank.core.errors import NotImplementedInFogbank

Properties = dict[str, Any]


def canned_acl(name: str) -> str:
    """`PublicReadWrite` is `public-read-write`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def accelerate(given: Properties) -> Properties:
    return {"Status": given["AccelerationStatus"]}


def abac(status: str) -> Properties:
    return {"Status": status}


def encryption(given: Properties) -> Properties:
    rules = given["ServerSideEncryptionConfiguration"]
    return {
        "Rules": [_renamed(rule, ServerSideEncryptionByDefault="ApplyServerSideEncryptionByDefault") for rule in rules]
    }


def cors(given: Properties) -> Properties:
    names = {"ExposedHeaders": "ExposeHeaders", "Id": "ID", "MaxAge": "MaxAgeSeconds"}
    return {"CORSRules": [_renamed(rule, **names) for rule in given["CorsRules"]]}


def analytics(given: Properties) -> Properties:
    found: Properties = {"Id": given["Id"], **_filter(given), "StorageClassAnalysis": {}}
    export = given["StorageClassAnalysis"].get("DataExport")
    if export is not None:
        found["StorageClassAnalysis"]["DataExport"] = {
            "OutputSchemaVersion": export["OutputSchemaVersion"],
            "Destination": {
                "S3BucketDestination": _renamed(export["Destination"], BucketArn="Bucket"),
            },
        }
    return found


def tiering(given: Properties) -> Properties:
    return {"Id": given["Id"], **_filter(given), "Status": given["Status"], "Tierings": given["Tierings"]}


def inventory(given: Properties) -> Properties:
    destination = _renamed(given["Destination"], BucketArn="Bucket", BucketAccountId="AccountId")
    found = {
        "Id": given["Id"],
        "Destination": {"S3BucketDestination": destination},
        "IsEnabled": given["Enabled"],
        "IncludedObjectVersions": given["IncludedObjectVersions"],
        "Schedule": {"Frequency": given["ScheduleFrequency"]},
    }
    if given.get("Prefix"):
        found["Filter"] = {"Prefix": given["Prefix"]}
    return found | ({"OptionalFields": given["OptionalFields"]} if given.get("OptionalFields") else {})


def metrics(given: Properties) -> Properties:
    return {"Id": given["Id"], **_filter(given)}


def logging(given: Properties, bucket: str) -> Properties:
    """A bucket without another destination keeps its log itself."""
    target = {
        "TargetBucket": given.get("DestinationBucketName") or bucket,
        "TargetPrefix": given.get("LogFilePrefix", ""),
    }
    form = given.get("TargetObjectKeyFormat")
    return {"LoggingEnabled": target | ({"TargetObjectKeyFormat": form} if form else {})}


def notifications(given: Properties) -> Properties:
    found: Properties = {}
    for name, arn, listed, arn_listed in (
        ("LambdaConfigurations", "Function", "LambdaFunctionConfigurations", "LambdaFunctionArn"),
        ("QueueConfigurations", "Queue", "QueueConfigurations", "QueueArn"),
        ("TopicConfigurations", "Topic", "TopicConfigurations", "TopicArn"),
    ):
        if given.get(name):
            found[listed] = [_notification(each, each[arn], arn_listed) for each in given[name]]
    bridge = given.get("EventBridgeConfiguration")
    if bridge is not None and bridge.get("EventBridgeEnabled", True):
        found["EventBridgeConfiguration"] = {}
    return found


def object_lock(given: Properties) -> Properties:
    if "DefaultEventHold" in given.get("Rule", {}).get("DefaultRetention", {}):
        raise NotImplementedInFogbank("Fogbank's AWS::S3::Bucket does not implement DefaultEventHold.")
    return {"ObjectLockEnabled": "Enabled", **given}


def replication(given: Properties) -> Properties:
    return {"Role": given["Role"], "Rules": [_replication_rule(rule) for rule in given["Rules"]]}


def website(given: Properties) -> Properties:
    found = dict(given)
    if "IndexDocument" in given:
        found["IndexDocument"] = {"Suffix": given["IndexDocument"]}
    if "ErrorDocument" in given:
        found["ErrorDocument"] = {"Key": given["ErrorDocument"]}
    if "RoutingRules" in given:
        names = {"RedirectRule": "Redirect", "RoutingRuleCondition": "Condition"}
        found["RoutingRules"] = [_renamed(rule, **names) for rule in given["RoutingRules"]]
    return found


def lifecycle(given: Properties) -> Properties:
    return {"Rules": [_lifecycle_rule(rule) for rule in given["Rules"]]}


# ---- parts ----------------------------------------------------------------------------------------------------------


def _renamed(given: Properties, **names: str) -> Properties:
    return {names.get(name, name): value for name, value in given.items()}


def _filter(given: Properties, *names: str) -> Properties:
    """The `Filter` that a prefix, tags and other predicates at the top of a configuration make, if there are any."""
    wanted = {name: given[name] for name in ("Prefix", "AccessPointArn", *names) if given.get(name) not in (None, "")}
    tags = given.get("TagFilters") or []
    if len(wanted) + len(tags) > 1:
        return {"Filter": {"And": wanted | ({"Tags": tags} if tags else {})}}
    if tags:
        return {"Filter": {"Tag": tags[0]}}
    return {"Filter": wanted} if wanted else {}


def _notification(given: Properties, arn: str, arn_name: str) -> Properties:
    found: Properties = {arn_name: arn, "Events": [given["Event"]]}
    if "Filter" in given:
        found["Filter"] = {"Key": {"FilterRules": given["Filter"]["S3Key"]["Rules"]}}
    return found


def _replication_rule(given: Properties) -> Properties:
    rule = _renamed(given, Id="ID")
    if "Filter" in given:
        rule["Filter"] = _renamed(given["Filter"], TagFilter="Tag")
        if "And" in given["Filter"]:
            rule["Filter"]["And"] = _renamed(given["Filter"]["And"], TagFilters="Tags")
    return rule


def _lifecycle_rule(given: Properties) -> Properties:
    sizes = ("ObjectSizeGreaterThan", "ObjectSizeLessThan")
    typed = given | {name: int(given[name]) for name in sizes if name in given}
    rule: Properties = {"Status": given["Status"], **(_filter(typed, *sizes) or {"Filter": {"Prefix": ""}})}
    if "Id" in given:
        rule["ID"] = given["Id"]
    expiration = {
        "Days": given.get("ExpirationInDays"),
        "Date": _seconds(given.get("ExpirationDate")),
        "ExpiredObjectDeleteMarker": given.get("ExpiredObjectDeleteMarker"),
    }
    if any(value is not None for value in expiration.values()):
        rule["Expiration"] = {name: value for name, value in expiration.items() if value is not None}
    if "NoncurrentVersionExpirationInDays" in given:
        rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": given["NoncurrentVersionExpirationInDays"]}
    for name in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if name in given:
            rule[name] = given[name]
    transitions = given.get("Transitions") or [given[name] for name in ("Transition",) if name in given]
    if transitions:
        rule["Transitions"] = [_transition(each) for each in transitions]
    noncurrent = given.get("NoncurrentVersionTransitions") or [
        given[name] for name in ("NoncurrentVersionTransition",) if name in given
    ]
    if noncurrent:
        rule["NoncurrentVersionTransitions"] = [_noncurrent_transition(each) for each in noncurrent]
    return rule


def _transition(given: Properties) -> Properties:
    found: Properties = {"StorageClass": given["StorageClass"].upper()}
    if "TransitionInDays" in given:
        found["Days"] = given["TransitionInDays"]
    if "TransitionDate" in given:
        found["Date"] = _seconds(given["TransitionDate"])
    return found


def _noncurrent_transition(given: Properties) -> Properties:
    found = _renamed(given, TransitionInDays="NoncurrentDays")
    return found | {"StorageClass": given["StorageClass"].upper()}


def _seconds(date: str | None) -> float | None:
    return None if date is None else datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()
