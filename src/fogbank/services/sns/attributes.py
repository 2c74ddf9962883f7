"""Attributes of topics and subscriptions: what may be set, and how they are shown."""

import json
from functools import lru_cache
from typing import Any

from fogbank.core import named_principals
from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.numerals import whole_number
from fogbank.core.pattern_source import Source, SourceError
from fogbank.core.policy_grammar import MalformedPolicy
from fogbank.core.targets import as_text
from fogbank.services.sns.delivery_policy import effective, reason_against
from fogbank.services.sns.errors import InvalidParameter
from fogbank.services.sns.filters import BODY, check_policy
from fogbank.services.sns.records import Subscription, Topic

_FEEDBACK = {
    f"{protocol}{suffix}"
    for protocol in ("HTTP", "SQS", "Lambda", "Application", "Firehose")
    for suffix in ("SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn")
}
TOPIC_ATTRIBUTES = {
    "DisplayName",
    "Policy",
    "DeliveryPolicy",
    "KmsMasterKeyId",
    "SignatureVersion",
    "TracingConfig",
    "FifoTopic",
    "ContentBasedDeduplication",
    "FifoThroughputScope",
    "DataProtectionPolicy",
} | _FEEDBACK
SUBSCRIPTION_ATTRIBUTES = frozenset(
    {
        "RawMessageDelivery",
        "FilterPolicy",
        "FilterPolicyScope",
        "RedrivePolicy",
        "DeliveryPolicy",
        "SubscriptionRoleArn",
    }
)
SUBSCRIPTION_DEFAULTS = {"FilterPolicyScope": "MessageAttributes", "RawMessageDelivery": "false"}
MESSAGE_GROUP = "MessageGroup"  # The FifoThroughputScope in which deduplication is within a group.
ACTIONS = [
    "SNS:GetTopicAttributes",
    "SNS:SetTopicAttributes",
    "SNS:AddPermission",
    "SNS:RemovePermission",
    "SNS:DeleteTopic",
    "SNS:Subscribe",
    "SNS:ListSubscriptionsByTopic",
    "SNS:Publish",
]


def check_topic(name: str, value: str) -> None:
    if name not in TOPIC_ATTRIBUTES:
        raise InvalidParameter("AttributeName")
    if name == "SignatureVersion" and value not in ("1", "2"):
        raise InvalidParameter(f"SignatureVersion: Invalid value [{value}]. Must be 1 or 2.")
    if name in ("FifoTopic", "ContentBasedDeduplication") and value not in ("true", "false"):
        raise InvalidParameter(f"{name}: Invalid value [{value}]. Must be true or false.")
    if name == "FifoThroughputScope" and value not in ("Topic", MESSAGE_GROUP):
        raise InvalidParameter(f"{name}: Invalid value [{value}]. Must be Topic or {MESSAGE_GROUP}.")
    if name.endswith("FeedbackSampleRate") and ((rate := whole_number(value)) is None or rate > 100):
        raise InvalidParameter(f"{name}: Invalid value [{value}]. Must be between 0 and 100.")
    if name == "DeliveryPolicy" and value:
        _check_delivery(value, "DeliveryPolicy: ", of_topic=True)


def keep_principals(ctx: Context, attributes: dict[str, str]) -> None:
    """Put the policy that a topic is given, if there is one, into the form in which it is kept."""
    if policy := attributes.get("Policy"):
        _parse(policy, "Policy: ")
        attributes["Policy"] = named_principals.checked(ctx, policy, _policy_refusal)


def _policy_refusal(fault: MalformedPolicy) -> InvalidParameter:
    unknown = isinstance(fault, named_principals.NoSuchPrincipal)
    return InvalidParameter(f"Policy Error: {'PrincipalNotFound' if unknown else 'null'}")


def checked_data_protection(policy: str) -> str:
    """The policy itself, if it is JSON. It is kept and has no effect."""
    _parse(policy, "DataProtectionPolicy Reason: ")
    return policy


def describe_topic(ctx: Context, arn: str, topic: Topic, subscriptions: list[Subscription]) -> dict[str, str]:
    confirmed = sum(subscription.confirmed for subscription in subscriptions)
    delivery = topic.attributes.get("DeliveryPolicy")
    answer = {
        "TopicArn": arn,
        "Owner": ctx.account,
        "DisplayName": "",
        "Policy": default_policy(ctx.account, arn),
        "SubscriptionsPending": str(len(subscriptions) - confirmed),
        "SubscriptionsConfirmed": str(confirmed),
        "SubscriptionsDeleted": str(topic.deleted_subscriptions),
        "EffectiveDeliveryPolicy": as_text(effective(delivery)),
        **({"ContentBasedDeduplication": "false"} if topic.fifo else {}),
        **{name: value for name, value in topic.attributes.items() if value or name == "DisplayName"},
    }
    answer["Policy"] = named_principals.shown(ctx, answer["Policy"])
    return answer


@lru_cache(1024)  # Where requests are authorized, each one asks for it.
def default_policy(account: str, arn: str) -> str:
    return as_text(
        {
            "Version": "2008-10-17",
            "Id": "__default_policy_ID",
            "Statement": [
                {
                    "Sid": "__default_statement_ID",
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": ACTIONS,
                    "Resource": arn,
                    "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
                }
            ],
        }
    )


def check_subscription(attributes: dict[str, str], *, fifo: bool, where: str = "") -> None:
    """`where` is what Subscribe puts before a reason."""
    for name, value in attributes.items():
        if name not in SUBSCRIPTION_ATTRIBUTES:
            raise InvalidParameter("AttributeName" if not where else f"{where}Unknown attribute {name}")
        if name == "RawMessageDelivery" and value.lower() not in ("true", "false"):
            raise InvalidParameter(f"{where}RawMessageDelivery: Invalid value [{value}]. Must be true or false.")
        if name == "FilterPolicyScope" and value not in (BODY, "MessageAttributes"):
            raise InvalidParameter(
                f"{where}FilterPolicyScope: Invalid value [{value}]. Please use either MessageBody or MessageAttributes"
            )
        if name == "FilterPolicy" and value:
            scope = attributes.get("FilterPolicyScope", "MessageAttributes")
            check_policy(value, scope, where=f"{where}FilterPolicy: ")
        if name == "RedrivePolicy" and value:
            _check_redrive(value, f"{where}RedrivePolicy: ", fifo=fifo)
        if name == "DeliveryPolicy" and value:
            _check_delivery(value, f"{where}DeliveryPolicy: ", of_topic=False)


def _check_delivery(value: str, where: str, *, of_topic: bool) -> None:
    reason = reason_against(_parse(value, where), of_topic=of_topic)
    if reason is not None:
        raise InvalidParameter(f"{where}{reason}")


def _check_redrive(value: str, where: str, *, fifo: bool) -> None:
    policy = _parse(value, where)
    target = policy.get("deadLetterTargetArn")
    arn = parse_arn(target) if isinstance(target, str) else None
    if arn is None or arn.service != "sqs":
        raise InvalidParameter(f"{where}deadLetterTargetArn is an invalid arn")
    if fifo and not arn.resource.endswith(".fifo"):
        raise InvalidParameter(f"{where}must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.")


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        Source(text).parse()
    except SourceError as error:
        reason, _, place = str(error).partition("\n at [Source")
        redacted = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
        line = place.rpartition("; line: ")[2]
        raise InvalidParameter(
            f"{where}failed to parse JSON. {reason}\n at [Source: {redacted}; line: {line}"
        ) from None
    parsed = json.loads(text)
    return parsed if isinstance(parsed, dict) else {}


def describe_subscription(arn: str, topic_arn: str, subscription: Subscription) -> dict[str, str]:
    answer = {
        "SubscriptionArn": arn,
        "TopicArn": topic_arn,
        "Owner": subscription.owner,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "PendingConfirmation": "false" if subscription.confirmed else "true",
        "ConfirmationWasAuthenticated": "true" if not subscription.token or subscription.authenticated else "false",
        "RawMessageDelivery": SUBSCRIPTION_DEFAULTS["RawMessageDelivery"],
        "SubscriptionPrincipal": subscription.principal or f"arn:aws:iam::{subscription.owner}:root",
        **{name: value for name, value in subscription.attributes.items() if value},
    }
    if "FilterPolicy" in answer:
        answer.setdefault("FilterPolicyScope", SUBSCRIPTION_DEFAULTS["FilterPolicyScope"])
    else:
        answer.pop("FilterPolicyScope", None)
    return answer
