"""CloudFormation types of SNS."""

from collections.abc import Iterable
from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.core.targets import as_text
from fogbank.services.sns.errors import NotFound

# What an attribute is set to when the template no longer has it; others are emptied.
_DEFAULTS = {"ContentBasedDeduplication": "false", "FifoThroughputScope": "Topic", "SignatureVersion": "1"}
# A protocol of DeliveryStatusLogging as the topic's attributes spell it.
_FEEDBACK = {
    "application": "Application",
    "firehose": "Firehose",
    "http/s": "HTTP",
    "lambda": "Lambda",
    "sqs": "SQS",
}


class Topic(ResourceType):
    type_name = "AWS::SNS::Topic"
    supported = frozenset(
        {
            "TopicName",
            "DataProtectionPolicy",
            "DeliveryStatusLogging",
            "DisplayName",
            "FifoTopic",
            "ContentBasedDeduplication",
            "FifoThroughputScope",
            "KmsMasterKeyId",
            "SignatureVersion",
            "TracingConfig",
            "Subscription",
            "Tags",
        }
    )
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        fifo = _flag(properties.get("FifoTopic")) == "true"
        name = properties.get("TopicName") or request.generated_name(length_max=256, suffix=".fifo" if fifo else "")
        answer = await ctx.call(
            ctx.cloud.sns.create_topic,
            Name=name,
            Attributes=_topic_attributes(properties),
            Tags=[{"Key": key, "Value": value} for key, value in request.tags().items()],
            DataProtectionPolicy=_text(properties.get("DataProtectionPolicy") or ""),
        )
        arn: str = answer["TopicArn"]
        await self._subscribe(ctx, arn, properties)
        return _topic_state(arn)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        arn = request.physical_id
        sns = ctx.cloud.sns
        wanted = _topic_attributes(request.properties)
        before = _topic_attributes(request.previous)
        for name in sorted({*wanted, *before} - {"FifoTopic"}):
            value = wanted.get(name, _DEFAULTS.get(name, "0" if name.endswith("SampleRate") else ""))
            await ctx.call(sns.set_topic_attributes, TopicArn=arn, AttributeName=name, AttributeValue=value)
        protection = request.properties.get("DataProtectionPolicy")
        if protection != request.previous.get("DataProtectionPolicy"):
            policy = _text(protection or {})
            await ctx.call(sns.put_data_protection_policy, ResourceArn=arn, DataProtectionPolicy=policy)
        tags = (await ctx.call(sns.list_tags_for_resource, ResourceArn=arn))["Tags"]
        gone = [tag["Key"] for tag in tags if tag["Key"] not in request.tags()]
        await ctx.call(sns.untag_resource, ResourceArn=arn, TagKeys=gone)
        kept = [{"Key": key, "Value": value} for key, value in request.tags().items()]
        await ctx.call(sns.tag_resource, ResourceArn=arn, Tags=kept)
        await self._unsubscribe(ctx, arn, request)
        await self._subscribe(ctx, arn, request.properties)
        return _topic_state(arn)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await ctx.call(ctx.cloud.sns.delete_topic, TopicArn=request.physical_id)

    async def _subscribe(self, ctx: Context, arn: str, properties: dict[str, Any]) -> None:
        for item in properties.get("Subscription") or ():
            await ctx.call(ctx.cloud.sns.subscribe, TopicArn=arn, Protocol=item["Protocol"], Endpoint=item["Endpoint"])

    async def _unsubscribe(self, ctx: Context, arn: str, request: ResourceRequest) -> None:
        """Remove the subscriptions that the template no longer has."""
        wanted = _endpoints(request.properties)
        gone = _endpoints(request.previous) - wanted
        if not gone:
            return
        answer = await ctx.call(ctx.cloud.sns.list_subscriptions_by_topic, TopicArn=arn)
        for item in answer["Subscriptions"]:
            confirmed = item["SubscriptionArn"].startswith("arn:")
            if confirmed and (item["Protocol"], item["Endpoint"]) in gone:
                await ctx.call(ctx.cloud.sns.unsubscribe, SubscriptionArn=item["SubscriptionArn"])


class Subscription(ResourceType):
    type_name = "AWS::SNS::Subscription"
    supported = frozenset(
        {
            "TopicArn",
            "Protocol",
            "Endpoint",
            "RawMessageDelivery",
            "FilterPolicy",
            "FilterPolicyScope",
            "RedrivePolicy",
            "DeliveryPolicy",
            "SubscriptionRoleArn",
            "Region",
        }
    )

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        answer = await ctx.call(
            ctx.cloud.sns.subscribe,
            TopicArn=properties["TopicArn"],
            Protocol=properties["Protocol"],
            Endpoint=properties.get("Endpoint"),
            Attributes=_subscription_attributes(properties),
            ReturnSubscriptionArn=True,
        )
        return ResourceState(physical_id=answer["SubscriptionArn"], attributes={"Arn": answer["SubscriptionArn"]})

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        wanted = _subscription_attributes(request.properties)
        before = _subscription_attributes(request.previous)
        # A policy is checked against its scope, so the scope is set first.
        for name in sorted({*wanted, *before}, key=lambda name: (name != "FilterPolicyScope", name)):
            default = {"RawMessageDelivery": "false", "FilterPolicyScope": "MessageAttributes"}.get(name, "")
            if wanted.get(name, default) != before.get(name, default):
                await ctx.call(
                    ctx.cloud.sns.set_subscription_attributes,
                    SubscriptionArn=request.physical_id,
                    AttributeName=name,
                    AttributeValue=wanted.get(name, default),
                )
        return ResourceState(physical_id=request.physical_id, attributes={"Arn": request.physical_id})

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await ctx.call(ctx.cloud.sns.unsubscribe, SubscriptionArn=request.physical_id)


class TopicPolicy(ResourceType):
    type_name = "AWS::SNS::TopicPolicy"
    supported = frozenset({"Topics", "PolicyDocument"})

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        await _put_policy(ctx, request.properties["Topics"], request.properties["PolicyDocument"])
        name = request.generated_name(length_max=128)
        return ResourceState(physical_id=name, attributes={"Id": name})

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        gone = set(request.previous.get("Topics") or ()) - set(request.properties.get("Topics") or ())
        await _reset_policy(ctx, sorted(gone))
        await _put_policy(ctx, request.properties["Topics"], request.properties["PolicyDocument"])
        return ResourceState(physical_id=request.physical_id, attributes={"Id": request.physical_id})

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await _reset_policy(ctx, request.properties.get("Topics") or request.previous.get("Topics") or ())


class TopicInlinePolicy(ResourceType):
    """The policy of one topic, whose ARN is its identity."""

    type_name = "AWS::SNS::TopicInlinePolicy"
    supported = frozenset({"TopicArn", "PolicyDocument"})

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        arn = request.properties["TopicArn"]
        await _put_policy(ctx, [arn], request.properties["PolicyDocument"])
        return ResourceState(physical_id=arn)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self.create(ctx, request)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await _reset_policy(ctx, [request.physical_id])


async def _put_policy(ctx: Context, arns: Iterable[str], document: Any) -> None:
    for arn in arns:
        await ctx.call(
            ctx.cloud.sns.set_topic_attributes,
            TopicArn=arn,
            AttributeName="Policy",
            AttributeValue=_text(document),
        )


async def _reset_policy(ctx: Context, arns: Iterable[str]) -> None:
    for arn in arns:
        try:
            await ctx.call(ctx.cloud.sns.set_topic_attributes, TopicArn=arn, AttributeName="Policy", AttributeValue="")
        except NotFound:
            continue


def _topic_attributes(properties: dict[str, Any]) -> dict[str, str]:
    texts = ("DisplayName", "KmsMasterKeyId", "SignatureVersion", "TracingConfig", "FifoThroughputScope")
    found = {name: str(properties[name]) for name in texts if properties.get(name) is not None}
    for name in ("FifoTopic", "ContentBasedDeduplication"):
        if _flag(properties.get(name)) == "true":
            found[name] = "true"
    for logging in properties.get("DeliveryStatusLogging") or ():
        prefix = _FEEDBACK[logging["Protocol"]]
        found |= {f"{prefix}{name}": str(value) for name, value in logging.items() if name != "Protocol"}
    return found


def _subscription_attributes(properties: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in ("FilterPolicy", "RedrivePolicy", "DeliveryPolicy", "SubscriptionRoleArn"):
        value = properties.get(name)
        if value:
            found[name] = _text(value)
    if properties.get("FilterPolicyScope"):
        found["FilterPolicyScope"] = properties["FilterPolicyScope"]
    if properties.get("RawMessageDelivery") is not None:
        found["RawMessageDelivery"] = _flag(properties["RawMessageDelivery"])
    return found


def _text(document: Any) -> str:
    return document if isinstance(document, str) else as_text(document)


def _flag(value: object) -> str:
    return "true" if str(value).lower() == "true" else "false"


def _endpoints(properties: dict[str, Any]) -> set[tuple[str, str]]:
    return {(item["Protocol"], item["Endpoint"]) for item in properties.get("Subscription") or ()}


def _topic_state(arn: str) -> ResourceState:
    return ResourceState(physical_id=arn, attributes={"TopicArn": arn, "TopicName": arn.rpartition(":")[2]})


RESOURCES: list[type[ResourceType]] = [Topic, Subscription, TopicPolicy, TopicInlinePolicy]
