"""What CloudTrail's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html
"""

from fogbank.core.authorization import Authorization, need, pass_role

_TRAIL = need("arn:{partition}:cloudtrail:{region}:{account}:trail/{Name}")
_PASSED = pass_role("CloudWatchLogsRoleArn", to="cloudtrail.amazonaws.com")
_SELECTORS = need("arn:{partition}:cloudtrail:{region}:{account}:trail/{TrailName}")

AUTHORIZATION = Authorization(
    "cloudtrail",
    operations={
        "AddTags": need("{ResourceId}", tags="TagsList"),
        "CreateTrail": (
            need("arn:{partition}:cloudtrail:{region}:{account}:trail/{Name}", tags="TagsList"),
            need(
                "arn:{partition}:cloudtrail:{region}:{account}:trail/{Name}",
                action="AddTags",
                when="TagsList",
                tags="TagsList",
            ),
            _PASSED,
        ),
        "DeleteTrail": _TRAIL,
        "DescribeTrails": need("*"),
        "GetEventSelectors": _SELECTORS,
        "GetTrail": _TRAIL,
        "GetTrailStatus": _TRAIL,
        "ListPublicKeys": need("*"),
        "ListTags": need("{ResourceIdList[]}"),
        "ListTrails": need("*"),
        "LookupEvents": need("*"),
        "PutEventSelectors": _SELECTORS,
        "RemoveTags": need("{ResourceId}", tags="TagsList"),
        "StartLogging": _TRAIL,
        "StopLogging": _TRAIL,
        "UpdateTrail": (_TRAIL, _PASSED),
    },
)
