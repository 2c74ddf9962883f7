"""What CloudWatch Logs' operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
"""

from fogbank.core.arn import parse_arn
from fogbank.core.authorization import Authorization, Parameters, alike, need, pass_role
from fogbank.core.context import Context
from fogbank.services.logs.groups import name_of

_SERVICE = "logs.amazonaws.com"


def _groups(ctx: Context, parameters: Parameters) -> list[str]:
    """The groups that are named, or given by their ARNs; policies have a `:*` behind a group's ARN."""
    given = [parameters.get("logGroupName"), parameters.get("logGroupIdentifier"), parameters.get("resourceIdentifier")]
    given += [*(parameters.get("logGroupNames") or ()), *(parameters.get("logGroupIdentifiers") or ())]
    return [_group_arn(ctx, str(group)) for group in given if group]


def _group_arn(ctx: Context, group: str) -> str:
    """Of the group that a name or an ARN leads to: one of the request's region, whatever else an ARN says."""
    arn = parse_arn(group)
    there = ctx if arn is None else ctx.at(account=arn.account)
    return f"{there.arn('logs', f'log-group:{name_of(group)}')}:*"


def _prefix(ctx: Context, parameters: Parameters) -> str:
    return ctx.arn("logs", f"log-group:{parameters.get('logGroupNamePrefix') or ''}*")


def _stream(ctx: Context, parameters: Parameters) -> str:
    group = parameters.get("logGroupName") or parameters.get("logGroupIdentifier") or "*"
    arn = _group_arn(ctx, str(group)).removesuffix(":*")
    return f"{arn}:log-stream:{parameters.get('logStreamName', '*')}"


def _subscribed_destination(ctx: Context, parameters: Parameters) -> str | None:
    destination = str(parameters.get("destinationArn", ""))
    return destination if ":destination:" in destination else None


def _tagged(ctx: Context, parameters: Parameters) -> str:
    arn = str(parameters.get("resourceArn", "*"))
    return _group_arn(ctx, arn) if ":log-group:" in arn else arn


_DESTINATION = "arn:{partition}:logs:{region}:{account}:destination:{destinationName}"
_DELIVERY = "arn:{partition}:logs:{region}:{account}:delivery:{id}"
_DELIVERY_SOURCE = "arn:{partition}:logs:{region}:{account}:delivery-source:{name}"
_DELIVERY_DESTINATION = "arn:{partition}:logs:{region}:{account}:delivery-destination:{name}"
_POLICY_OF_DESTINATION = "arn:{partition}:logs:{region}:{account}:delivery-destination:{deliveryDestinationName}"

AUTHORIZATION = Authorization(
    "logs",
    operations={
        **alike(
            "AssociateKmsKey CreateExportTask CreateLogStream DeleteLogGroup DeleteMetricFilter "
            "DeleteRetentionPolicy DeleteSubscriptionFilter DeleteTransformer DescribeLogStreams "
            "DescribeMetricFilters DescribeSubscriptionFilters DisassociateKmsKey FilterLogEvents GetLogGroupFields "
            "GetTransformer ListTagsLogGroup PutLogGroupDeletionProtection PutMetricFilter PutRetentionPolicy "
            "PutTransformer StartLiveTail StartQuery",
            need(_groups),
        ),
        **alike("DeleteLogStream GetLogEvents PutLogEvents", need(_stream)),
        **alike(
            "CancelExportTask DeleteAccountPolicy DeleteQueryDefinition DeleteResourcePolicy DescribeAccountPolicies "
            "DescribeDeliveries DescribeDeliveryDestinations DescribeDeliverySources DescribeDestinations "
            "DescribeExportTasks DescribeQueries DescribeQueryDefinitions DescribeResourcePolicies GetLogRecord "
            "GetQueryResults ListLogGroups PutAccountPolicy PutQueryDefinition PutResourcePolicy StopQuery "
            "TestMetricFilter TestTransformer",
            need("*"),
        ),
        **alike("DeleteDelivery GetDelivery UpdateDeliveryConfiguration", need(_DELIVERY)),
        **alike("DeleteDeliveryDestination GetDeliveryDestination", need(_DELIVERY_DESTINATION)),
        **alike("DeleteDeliverySource GetDeliverySource", need(_DELIVERY_SOURCE)),
        **alike(
            "DeleteDeliveryDestinationPolicy GetDeliveryDestinationPolicy PutDeliveryDestinationPolicy",
            need(_POLICY_OF_DESTINATION),
        ),
        **alike("DeleteDestination PutDestinationPolicy", need(_DESTINATION)),
        "CreateDelivery": need("{deliveryDestinationArn}", tags="tags"),
        "CreateLogGroup": (need(_groups, tags="tags"), need(_groups, action="TagResource", when="tags", tags="tags")),
        "DescribeLogGroups": need(_prefix),
        "ListTagsForResource": need(_tagged),
        "PutDeliveryDestination": need(
            _DELIVERY_DESTINATION,
            tags="tags",
            keys={"logs:DeliveryDestinationResourceArn": "{deliveryDestinationConfiguration.destinationResourceArn}"},
        ),
        "PutDeliverySource": need(
            _DELIVERY_SOURCE, tags="tags", keys={"logs:LogGeneratingResourceArns": "{resourceArn}"}
        ),
        "PutDestination": (need(_DESTINATION, tags="tags"), pass_role("roleArn", to=_SERVICE)),
        "PutSubscriptionFilter": (
            need(_groups, _subscribed_destination, keys={"logs:DestinationArn": "{destinationArn}"}),
            pass_role("roleArn", to=_SERVICE),
        ),
        "TagLogGroup": need(_groups, tags="tags"),
        "TagResource": need(_tagged, tags="tags"),
        "UntagLogGroup": need(_groups, tag_keys="tags"),
        "UntagResource": need(_tagged, tag_keys="tagKeys"),
    },
)
