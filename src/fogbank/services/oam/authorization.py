"""What the Observability Access Manager's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchobservabilityaccessmanager.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Unified-Cross-Account-Setup.html
"""

from fogbank.core.authorization import Authorization, Need, alike, need

_TYPES = {"oam:ResourceTypes": "{ResourceTypes[]}"}


def _sharing(kind: str, action: str) -> Need:
    """Whoever links needs to be allowed to share what the link shows."""
    return need(action=action, when=lambda ctx, parameters: kind in (parameters.get("ResourceTypes") or ()))


_SHARING = (_sharing("AWS::CloudWatch::Metric", "cloudwatch:Link"), _sharing("AWS::Logs::LogGroup", "logs:Link"))

AUTHORIZATION = Authorization(
    "oam",
    operations={
        **alike("DeleteLink DeleteSink GetLink GetSink", need("{Identifier}")),
        **alike("GetSinkPolicy ListAttachedLinks PutSinkPolicy", need("{SinkIdentifier}")),
        **alike("ListLinks ListSinks", need("*")),
        "CreateLink": (
            need("{SinkIdentifier}", tags="Tags", keys=_TYPES),
            need("arn:{partition}:oam:{region}:{account}:link/*", action="TagResource", when="Tags", tags="Tags"),
            *_SHARING,
        ),
        "CreateSink": (
            need("*", tags="Tags"),
            need("arn:{partition}:oam:{region}:{account}:sink/*", action="TagResource", when="Tags", tags="Tags"),
        ),
        "ListTagsForResource": need("{ResourceArn}"),
        "TagResource": need("{ResourceArn}", tags="Tags"),
        "UntagResource": need("{ResourceArn}", tag_keys="TagKeys"),
        "UpdateLink": (need("{Identifier}", keys=_TYPES), *_SHARING),
    },
)
