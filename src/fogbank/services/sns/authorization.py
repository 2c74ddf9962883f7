"""What SNS's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
"""

from fogbank.core.authorization import Authorization, Parameters, alike, need
from fogbank.core.context import Context

_NEW_TOPIC = "arn:{partition}:sns:{region}:{account}:{Name}"
_ALL_TOPICS = "arn:{partition}:sns:{region}:{account}:*"


def _topic_of_subscription(ctx: Context, parameters: Parameters) -> str:
    """A subscription's ARN is that of its topic with an id behind it."""
    return str(parameters.get("SubscriptionArn", "*")).rpartition(":")[0] or "*"


def _published_to(ctx: Context, parameters: Parameters) -> str:
    return str(parameters.get("TopicArn") or parameters.get("TargetArn") or "*")


_SUBSCRIBING = {"sns:Endpoint": "{Endpoint}", "sns:Protocol": "{Protocol}"}

AUTHORIZATION = Authorization(
    "sns",
    denied="AuthorizationError",
    denied_status=403,
    anonymous=True,
    operations={
        **alike(
            "AddPermission ConfirmSubscription DeleteTopic GetTopicAttributes ListSubscriptionsByTopic "
            "RemovePermission SetTopicAttributes",
            need("{TopicArn}"),
        ),
        **alike("GetDataProtectionPolicy ListTagsForResource PutDataProtectionPolicy", need("{ResourceArn}")),
        **alike(
            "CreatePlatformEndpoint DeletePlatformApplication GetPlatformApplicationAttributes "
            "ListEndpointsByPlatformApplication SetPlatformApplicationAttributes",
            need("{PlatformApplicationArn}"),
        ),
        **alike("DeleteEndpoint GetEndpointAttributes SetEndpointAttributes", need("{EndpointArn}")),
        **alike("GetSubscriptionAttributes SetSubscriptionAttributes Unsubscribe", need(_topic_of_subscription)),
        **alike(
            "CheckIfPhoneNumberIsOptedOut CreatePlatformApplication GetSMSAttributes ListPhoneNumbersOptedOut "
            "ListPlatformApplications OptInPhoneNumber SetSMSAttributes",
            need("*"),
        ),
        "CreateTopic": (
            need(_NEW_TOPIC, tags="Tags"),
            need(_NEW_TOPIC, action="TagResource", when="Tags", tags="Tags"),
        ),
        "ListSubscriptions": need(_ALL_TOPICS),
        "ListTopics": need(_ALL_TOPICS),
        "Publish": need(_published_to),
        "PublishBatch": need("{TopicArn}", action="Publish"),
        "Subscribe": need("{TopicArn}", keys=_SUBSCRIBING),
        "TagResource": need("{ResourceArn}", tags="Tags"),
        "UntagResource": need("{ResourceArn}", tag_keys="TagKeys"),
    },
)
