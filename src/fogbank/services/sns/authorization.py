"""What SNS's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
"""

from fogbank.core.authorization import Authorization, Parameters, alike, need, pass_roles
from fogbank.core.context import Context

_NEW_TOPIC = "arn:{partition}:sns:{region}:{account}:{Name}"
_ALL_TOPICS = "arn:{partition}:sns:{region}:{account}:*"


def _topic_of_subscription(ctx: Context, parameters: Parameters) -> str:
    """A subscription's ARN is that of its topic with an id behind it."""
    return str(parameters.get("SubscriptionArn", "*")).rpartition(":")[0] or "*"


def _published_to(ctx: Context, parameters: Parameters) -> str:
    return str(parameters.get("TopicArn") or parameters.get("TargetArn") or "*")


def _roles(ctx: Context, parameters: Parameters) -> list[str]:
    """The roles among the attributes that are given, in whichever way."""
    given = dict(parameters.get("Attributes") or {})
    given[parameters.get("AttributeName", "")] = parameters.get("AttributeValue")
    return [str(value) for name, value in given.items() if name.endswith("RoleArn") and value]


_PASSED = pass_roles(_roles, to="sns.amazonaws.com")
_SUBSCRIBING = {"sns:Endpoint": "{Endpoint}", "sns:Protocol": "{Protocol}"}

AUTHORIZATION = Authorization(
    "sns",
    denied="AuthorizationError",
    denied_status=403,
    anonymous=True,
    operations={
        **alike(
            "AddPermission ConfirmSubscription DeleteTopic GetTopicAttributes ListSubscriptionsByTopic "
            "RemovePermission",
            need("{TopicArn}"),
        ),
        **alike("GetDataProtectionPolicy ListTagsForResource PutDataProtectionPolicy", need("{ResourceArn}")),
        **alike(
            "CreatePlatformEndpoint DeletePlatformApplication GetPlatformApplicationAttributes "
            "ListEndpointsByPlatformApplication",
            need("{PlatformApplicationArn}"),
        ),
        **alike("DeleteEndpoint GetEndpointAttributes SetEndpointAttributes", need("{EndpointArn}")),
        **alike("GetSubscriptionAttributes Unsubscribe", need(_topic_of_subscription)),
        **alike(
            "CheckIfPhoneNumberIsOptedOut GetSMSAttributes ListPhoneNumbersOptedOut ListPlatformApplications "
            "OptInPhoneNumber SetSMSAttributes",
            need("*"),
        ),
        "CreateTopic": (
            need(_NEW_TOPIC, tags="Tags"),
            need(_NEW_TOPIC, action="TagResource", when="Tags", tags="Tags"),
            _PASSED,
        ),
        "CreatePlatformApplication": (need("*"), _PASSED),
        "ListSubscriptions": need(_ALL_TOPICS),
        "ListTopics": need(_ALL_TOPICS),
        "Publish": need(_published_to),
        "PublishBatch": need("{TopicArn}", action="Publish"),
        "SetPlatformApplicationAttributes": (need("{PlatformApplicationArn}"), _PASSED),
        "SetSubscriptionAttributes": (need(_topic_of_subscription), _PASSED),
        "SetTopicAttributes": (need("{TopicArn}"), _PASSED),
        "Subscribe": (need("{TopicArn}", keys=_SUBSCRIBING), _PASSED),
        "TagResource": need("{ResourceArn}", tags="Tags"),
        "UntagResource": need("{ResourceArn}", tag_keys="TagKeys"),
    },
)
