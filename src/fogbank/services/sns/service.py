"""Amazon SNS: topics, subscriptions and what is published to them."""

import json
import re
import secrets
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from fogbank.core.arn import Arn, parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer, Tagged
from fogbank.core.tags import tag_list, tag_map
from fogbank.core.targets import as_text
from fogbank.services.sns import attributes as attrs
from fogbank.services.sns import errors, sms
from fogbank.services.sns.errors import InvalidParameter
from fogbank.services.sns.http import Poster, confirmation_for
from fogbank.services.sns.paging import page
from fogbank.services.sns.platforms import SECRET, EndpointDoesNotExist, PlatformOperations, PlatformTables
from fogbank.services.sns.publishing import MESSAGE_BYTES_MAX, CompiledTopic, Publisher, message_bytes
from fogbank.services.sns.records import Subscription, Topic
from fogbank.services.sns.sms import SmsOperations, SmsSettings

BATCH_MAX = 10
TAGS_MAX = 50
_TOPIC_NAME = re.compile(r"[A-Za-z0-9_\-]{1,256}")
_ENTRY_ID = re.compile(r"[A-Za-z0-9_\-]+")
_SHORT_ARN = "An ARN must have at least 6 elements, not"
_PENDING = "pending confirmation"
_PROTOCOLS = ("http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose")
# Confirmed by whoever subscribes; the others are asked first.
_CONFIRMED = ("sms", "sqs", "application", "lambda", "firehose")

Place = tuple[str, str, str]


class SnsService(PlatformOperations, SmsOperations):
    """Topics (standard and FIFO), subscriptions, filters, Publish, tags; SMS settings, platform applications.

    Fogbank sends no mail, SMS or push notification. Email subscriptions stay pending; to those of phones and of
    platform endpoints every delivery fails, is counted as failed and goes to the dead-letter queue. Publish to a phone
    number or to an endpoint is NotImplemented. Data protection policies are kept and have no effect.
    """

    name = "sns"
    link_operations = frozenset(("ConfirmSubscription", "Unsubscribe"))
    data_operations = frozenset(("Publish", "PublishBatch"))
    secret_members = {
        **dict.fromkeys(("CreatePlatformApplication", "SetPlatformApplicationAttributes"), frozenset(SECRET)),
        "ConfirmSubscription": frozenset(("Token",)),
    }
    # SNS words its constraints itself ("Invalid parameter: Topic Name").
    validates = False

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        place = (str, str, str)
        self.topics = cloud.store.table("sns.topics", key=place, value=Topic)
        self.policy_table = self.topics
        self.subscriptions = cloud.store.table("sns.subscriptions", key=(*place, str), value=Subscription)
        self.platforms = PlatformTables(cloud.store)
        self._sms_settings = cloud.store.table("sns.sms_settings", key=(str, str), value=SmsSettings)
        self.publisher = Publisher(self)
        self.poster = Poster(self)

    # ---- topics ----------------------------------------------------------------------------------------

    def create_topic(
        self,
        ctx: Context,
        *,
        Name: str,
        Attributes: dict[str, str] | None = None,
        Tags: list[dict[str, str]] | None = None,
        DataProtectionPolicy: str | None = None,
    ) -> Answer:
        wanted = dict(Attributes or {})
        fifo = wanted.get("FifoTopic") == "true"
        plain = Name.removesuffix(".fifo") if fifo else Name
        if _TOPIC_NAME.fullmatch(plain) is None or (fifo and plain == Name) or len(Name) > 256:
            raise InvalidParameter("Topic Name")
        if not fifo:
            wanted.pop("FifoTopic", None)
        for attribute, value in wanted.items():
            attrs.check_topic(attribute, value)
        attrs.keep_principals(ctx, wanted)
        tags = _tag_map(Tags)
        _check_tag_count(tags)
        key = (ctx.account, ctx.region, Name)
        known = self.topics.get(key)
        if known is None:
            made = Topic(created_ms=ctx.now_ms, attributes=wanted, tags=tags)
            if DataProtectionPolicy:
                made.data_protection_policy = attrs.checked_data_protection(DataProtectionPolicy)
            self.topics.put(key, made)
        elif any(known.attributes.get(attribute, "") != value for attribute, value in wanted.items()):
            raise InvalidParameter("Attributes Reason: Topic already exists with different attributes")
        elif any(known.tags.get(tag) != value for tag, value in tags.items()):
            raise InvalidParameter("Tags Reason: Topic already exists with different tags")
        return {"TopicArn": ctx.arn("sns", Name)}

    def delete_topic(self, ctx: Context, *, TopicArn: str) -> Answer:
        key = _topic_key(ctx, TopicArn)
        if self.topics.delete(key):
            self.subscriptions.delete_all(key)
        return None

    def get_topic_attributes(self, ctx: Context, *, TopicArn: str) -> Answer:
        key, topic = self._topic(ctx, TopicArn)
        there = ctx.at(account=key[0], region=key[1])
        subscriptions = [found for _, found in self.subscriptions.scan(key)]
        return {"Attributes": attrs.describe_topic(there, TopicArn, topic, subscriptions)}

    def list_topics(self, ctx: Context, *, NextToken: str | None = None) -> Answer:
        names = [key[-1] for key, _ in self.topics.scan((ctx.account, ctx.region))]
        shown, token = page(names, NextToken)
        return {"Topics": [{"TopicArn": ctx.arn("sns", name)} for name in shown], **token}

    def set_topic_attributes(
        self, ctx: Context, *, TopicArn: str, AttributeName: str, AttributeValue: str | None = None
    ) -> Answer:
        key, topic = self._topic(ctx, TopicArn)
        value = AttributeValue or ""
        attrs.check_topic(AttributeName, value)
        if AttributeName == "FifoTopic":
            raise InvalidParameter("AttributeName")
        given = {AttributeName: value}
        attrs.keep_principals(ctx, given)
        topic.attributes |= given
        self.topics.put(key, topic)
        return None

    # ---- data protection -------------------------------------------------------------------------------

    def get_data_protection_policy(self, ctx: Context, *, ResourceArn: str) -> Answer:
        _, topic = self._topic(ctx, ResourceArn)
        return {"DataProtectionPolicy": topic.data_protection_policy} if topic.data_protection_policy else {}

    def put_data_protection_policy(self, ctx: Context, *, ResourceArn: str, DataProtectionPolicy: str) -> Answer:
        key, topic = self._topic(ctx, ResourceArn)
        topic.data_protection_policy = attrs.checked_data_protection(DataProtectionPolicy)
        self.topics.put(key, topic)
        return None

    # ---- permissions -----------------------------------------------------------------------------------

    def add_permission(
        self, ctx: Context, *, TopicArn: str, Label: str, AWSAccountId: list[str], ActionName: list[str]
    ) -> Answer:
        key, topic = self._topic(ctx, TopicArn)
        for action in ActionName:
            if f"SNS:{action}" not in attrs.ACTIONS:
                raise InvalidParameter("Policy statement action out of service scope!")
        policy = self._policy(ctx, TopicArn, topic)
        if any(statement.get("Sid") == Label for statement in policy["Statement"]):
            raise InvalidParameter("Statement already exists")
        principals = [f"arn:aws:iam::{account}:root" for account in AWSAccountId]
        actions = [f"SNS:{action}" for action in ActionName]
        policy["Statement"].append(
            {
                "Sid": Label,
                "Effect": "Allow",
                "Principal": {"AWS": principals[0] if len(principals) == 1 else principals},
                "Action": actions[0] if len(actions) == 1 else actions,
                "Resource": TopicArn,
            }
        )
        topic.attributes["Policy"] = as_text(policy)
        self.topics.put(key, topic)
        return None

    def remove_permission(self, ctx: Context, *, TopicArn: str, Label: str) -> Answer:
        key, topic = self._topic(ctx, TopicArn)
        policy = self._policy(ctx, TopicArn, topic)
        policy["Statement"] = [item for item in policy["Statement"] if item.get("Sid") != Label]
        topic.attributes["Policy"] = as_text(policy)
        self.topics.put(key, topic)
        return None

    def _policy(self, ctx: Context, arn: str, topic: Topic) -> dict[str, Any]:
        there = ctx.at(account=_topic_key(ctx, arn)[0])
        policy: dict[str, Any] = json.loads(topic.attributes.get("Policy") or attrs.default_policy(there.account, arn))
        if isinstance(policy["Statement"], dict):  # A single one need not be in a list.
            policy["Statement"] = [policy["Statement"]]
        return policy

    # ---- subscriptions ---------------------------------------------------------------------------------

    def subscribe(
        self,
        ctx: Context,
        *,
        TopicArn: str,
        Protocol: str,
        Endpoint: str | None = None,
        Attributes: dict[str, str] | None = None,
        ReturnSubscriptionArn: bool | None = None,
    ) -> Answer:
        if Protocol not in _PROTOCOLS:
            raise InvalidParameter(f"Amazon SNS does not support this protocol string: {Protocol}")
        endpoint = Endpoint or ""
        key, topic = self._topic(ctx, TopicArn)
        _check_endpoint(Protocol, endpoint)
        if Protocol == "application":
            self.platforms.endpoint(ctx, endpoint)
        if Protocol == "sqs" and endpoint.endswith(".fifo") and not topic.fifo:
            raise InvalidParameter(
                "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"
            )
        wanted = _normal(Attributes or {})
        if Protocol == "firehose" and not wanted.get("SubscriptionRoleArn"):
            raise InvalidParameter("Attributes Reason: SubscriptionRoleArn must be specified for the protocol firehose")
        attrs.check_subscription(wanted, fifo=topic.fifo and endpoint.endswith(".fifo"), where="Attributes Reason: ")
        for found, known in self.subscriptions.scan(key):
            if known.protocol == Protocol and known.endpoint == endpoint:
                present = {**attrs.SUBSCRIPTION_DEFAULTS, **known.attributes}
                if any(present.get(attribute) != value for attribute, value in wanted.items()):
                    raise InvalidParameter("Attributes Reason: Subscription already exists with different attributes")
                told = known.confirmed or ReturnSubscriptionArn
                return {"SubscriptionArn": f"{TopicArn}:{found[-1]}" if told else _PENDING}
        confirmed = Protocol in _CONFIRMED
        subscription = Subscription(
            protocol=Protocol,
            endpoint=endpoint,
            owner=ctx.account,
            principal=ctx.principal_arn,
            attributes=wanted,
            confirmed=confirmed,
            token="" if confirmed else secrets.token_hex(144),
        )
        arn = f"{TopicArn}:{uuid.uuid4()}"
        self._put_subscription(arn, subscription)
        if Protocol in ("http", "https"):
            self._ask(ctx, subscription, TopicArn, arn, "SubscriptionConfirmation")
        return {"SubscriptionArn": arn if confirmed or ReturnSubscriptionArn else _PENDING}

    def confirm_subscription(
        self, ctx: Context, *, TopicArn: str, Token: str, AuthenticateOnUnsubscribe: str | None = None
    ) -> Answer:
        parsed = parse_arn(TopicArn)
        if parsed is None or parsed.service != "sns":
            raise InvalidParameter("Topic")
        if re.fullmatch(r"[0-9a-f]{100,}", Token) is None:
            raise errors.InvalidToken()
        for found, subscription in self.subscriptions.scan(_topic_key(ctx, TopicArn)):
            if subscription.token and secrets.compare_digest(subscription.token, Token):
                arn = f"{TopicArn}:{found[-1]}"
                subscription.confirmed = True
                if AuthenticateOnUnsubscribe == "true" and ctx.access_key is not None:
                    subscription.authenticated = True
                self._put_subscription(arn, subscription)
                return {"SubscriptionArn": arn}
        raise InvalidParameter("Token")

    def unsubscribe(self, ctx: Context, *, SubscriptionArn: str) -> Answer:
        key = _subscription_key(SubscriptionArn)
        subscription = self.subscriptions.get(key)
        if subscription is None:
            return None
        signed = ctx.access_key is not None
        if subscription.authenticated and not (signed and ctx.account in (subscription.owner, key[0])):
            raise errors.NotAuthorized(ctx.principal_arn if signed else "anonymous", "Unsubscribe", SubscriptionArn)
        self.subscriptions.delete(key)
        topic = self.topics.get(key[:3])
        if topic is not None:
            topic.deleted_subscriptions += 1
            self._touch(key[:3], topic)
        if subscription.protocol in ("http", "https") and subscription.confirmed:
            topic_arn = SubscriptionArn.rpartition(":")[0]
            self._ask(ctx, subscription, topic_arn, SubscriptionArn, "UnsubscribeConfirmation")
        return None

    def get_subscription_attributes(self, ctx: Context, *, SubscriptionArn: str) -> Answer:
        subscription = self._subscription(SubscriptionArn)
        topic_arn = SubscriptionArn.rpartition(":")[0]
        return {"Attributes": attrs.describe_subscription(SubscriptionArn, topic_arn, subscription)}

    def set_subscription_attributes(
        self, ctx: Context, *, SubscriptionArn: str, AttributeName: str, AttributeValue: str | None = None
    ) -> Answer:
        subscription = self._subscription(SubscriptionArn)
        key = _subscription_key(SubscriptionArn)
        value = AttributeValue or ""
        topic = self.topics.get(key[:3])
        fifo = topic is not None and topic.fifo and subscription.endpoint.endswith(".fifo")
        checked = {AttributeName: value}
        if AttributeName == "FilterPolicy":
            scope = subscription.attributes.get("FilterPolicyScope", "MessageAttributes")
            checked["FilterPolicyScope"] = scope
        attrs.check_subscription(checked, fifo=fifo)
        if AttributeName == "FilterPolicyScope" and subscription.attributes.get("FilterPolicy"):
            changed = {**subscription.attributes, AttributeName: value}
            attrs.check_subscription(changed, fifo=fifo)
        subscription.attributes.update(_normal({AttributeName: value}))
        if not value:
            subscription.attributes.pop(AttributeName, None)
        self._put_subscription(SubscriptionArn, subscription)
        return None

    def list_subscriptions(self, ctx: Context, *, NextToken: str | None = None) -> Answer:
        return self._list(self.subscriptions.scan((ctx.account, ctx.region)), NextToken)

    def list_subscriptions_by_topic(self, ctx: Context, *, TopicArn: str, NextToken: str | None = None) -> Answer:
        key, _ = self._topic(ctx, TopicArn)
        return self._list(self.subscriptions.scan(key), NextToken)

    def _list(self, found: Any, token: str | None) -> Answer:
        by_arn = {str(Arn("sns", key[1], key[0], f"{key[2]}:{key[3]}")): item for key, item in found}
        shown, next_token = page(list(by_arn), token)
        return {
            "Subscriptions": [
                {
                    "SubscriptionArn": arn if by_arn[arn].confirmed else "PendingConfirmation",
                    "Owner": by_arn[arn].owner,
                    "Protocol": by_arn[arn].protocol,
                    "Endpoint": by_arn[arn].endpoint,
                    "TopicArn": arn.rpartition(":")[0],
                }
                for arn in shown
            ],
            **next_token,
        }

    # ---- publish ---------------------------------------------------------------------------------------

    def publish(
        self,
        ctx: Context,
        *,
        Message: str,
        TopicArn: str | None = None,
        TargetArn: str | None = None,
        PhoneNumber: str | None = None,
        Subject: str | None = None,
        MessageStructure: str | None = None,
        MessageAttributes: dict[str, dict[str, Any]] | None = None,
        MessageDeduplicationId: str | None = None,
        MessageGroupId: str | None = None,
    ) -> Answer:
        if PhoneNumber is not None:
            sms.check_phone_number(PhoneNumber)
            raise NotImplementedInFogbank("Fogbank sends no SMS: Publish to a PhoneNumber is not implemented.")
        arn = TopicArn if TopicArn is not None else TargetArn
        if arn is None:
            raise InvalidParameter("TopicArn or TargetArn Reason: no value for required parameter")
        if TopicArn is None and ":endpoint/" in arn:
            self._push(ctx, arn)
        name, there, topic = self._compiled_topic(ctx, arn)
        if message_bytes(Message, MessageAttributes or {}) > MESSAGE_BYTES_MAX:
            raise InvalidParameter("Message too long")
        return self.publisher.publish(
            there,
            name,
            topic,
            body=Message,
            subject=Subject,
            structure=MessageStructure,
            attributes=MessageAttributes or {},
            group_id=MessageGroupId,
            deduplication_id=MessageDeduplicationId,
        )

    def _push(self, ctx: Context, arn: str) -> NoReturn:
        try:
            self.platforms.endpoint(ctx, arn)
        except EndpointDoesNotExist:
            raise InvalidParameter("TargetArn Reason: No endpoint found for the target arn specified") from None
        raise NotImplementedInFogbank("Fogbank sends no push notifications: Publish to an endpoint is not implemented.")

    def publish_batch(self, ctx: Context, *, TopicArn: str, PublishBatchRequestEntries: list[dict[str, Any]]) -> Answer:
        entries = PublishBatchRequestEntries
        _check_entries(entries)
        name, there, topic = self._compiled_topic(ctx, TopicArn)
        sizes = (message_bytes(entry["Message"], entry.get("MessageAttributes") or {}) for entry in entries)
        if sum(sizes) > MESSAGE_BYTES_MAX:
            raise errors.BatchTooLong()
        # One bad entry fails the whole batch, as recorded from AWS; the error takes back what was published before.
        done = [{"Id": entry["Id"], **self._publish_entry(there, name, topic, entry)} for entry in entries]
        return {"Successful": done, "Failed": []}

    def _publish_entry(self, ctx: Context, name: str, topic: CompiledTopic, entry: dict[str, Any]) -> dict[str, str]:
        return self.publisher.publish(
            ctx,
            name,
            topic,
            body=entry["Message"],
            subject=entry.get("Subject"),
            structure=entry.get("MessageStructure"),
            attributes=entry.get("MessageAttributes") or {},
            group_id=entry.get("MessageGroupId"),
            deduplication_id=entry.get("MessageDeduplicationId"),
        )

    def _compiled_topic(self, ctx: Context, arn: str) -> tuple[str, Context, CompiledTopic]:
        account, region, name = _topic_key(ctx, arn)
        if account == ctx.account and region == ctx.region:
            there = ctx
        else:
            there = ctx.at(account=account, region=region)
        topic = self.publisher.topic(there, name)
        if topic is None:
            raise errors.TopicDoesNotExist()
        return name, there, topic

    # ---- tags ------------------------------------------------------------------------------------------

    def tag_resource(self, ctx: Context, *, ResourceArn: str, Tags: list[dict[str, str]]) -> Answer:
        key, topic = self._tagged(ctx, ResourceArn)
        topic.tags.update(_tag_map(Tags))
        _check_tag_count(topic.tags)
        self.topics.put(key, topic)
        return {}

    def untag_resource(self, ctx: Context, *, ResourceArn: str, TagKeys: list[str]) -> Answer:
        key, topic = self._tagged(ctx, ResourceArn)
        for tag in TagKeys:
            topic.tags.pop(tag, None)
        self.topics.put(key, topic)
        return {}

    def list_tags_for_resource(self, ctx: Context, *, ResourceArn: str) -> Answer:
        _, topic = self._tagged(ctx, ResourceArn)
        return {"Tags": [{"Key": key, "Value": value} for key, value in topic.tags.items()]}

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for key, topic in self.topics.scan((ctx.account, ctx.region)):
            yield Tagged(ctx.arn("sns", str(key[2])), "sns:topic", topic.tags)

    def resource_policy(self, ctx: Context, arn: str) -> str | None:
        topic = self.topics.peek((ctx.account, ctx.region, arn.rpartition(":")[2]))
        return None if topic is None else topic.attributes.get("Policy") or attrs.default_policy(ctx.account, arn)

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.tag_resource(ctx, ResourceArn=arn, Tags=tag_list(tags))

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.untag_resource(ctx, ResourceArn=arn, TagKeys=keys)

    # ---- shared ----------------------------------------------------------------------------------------

    def _topic(self, ctx: Context, arn: str) -> tuple[Place, Topic]:
        key = _topic_key(ctx, arn)
        topic = self.topics.get(key)
        if topic is None:
            raise errors.TopicDoesNotExist()
        return key, topic

    def _tagged(self, ctx: Context, arn: str) -> tuple[Place, Topic]:
        key = _topic_key(ctx, arn)
        topic = self.topics.get(key)
        if topic is None:
            raise errors.ResourceNotFound()
        return key, topic

    def _subscription(self, arn: str) -> Subscription:
        subscription = self.subscriptions.get(_subscription_key(arn))
        if subscription is None:
            raise errors.SubscriptionDoesNotExist()
        return subscription

    def _put_subscription(self, arn: str, subscription: Subscription) -> None:
        key = _subscription_key(arn)
        self.subscriptions.put(key, subscription)
        topic = self.topics.get(key[:3])
        if topic is not None:
            self._touch(key[:3], topic)

    def _touch(self, key: Place, topic: Topic) -> None:
        """A new revision: what is compiled from the topic's subscriptions is no longer the truth."""
        topic.revision += 1
        self.topics.put(key, topic)

    def _ask(self, ctx: Context, subscription: Subscription, topic_arn: str, arn: str, kind: str) -> None:
        topic = self.topics.get(_topic_key(ctx, topic_arn)) or Topic(created_ms=0)
        seal = self.publisher.seal(ctx, topic)
        post = confirmation_for(ctx, subscription, topic_arn, kind=kind, arn=arn, seal=seal)
        self.cloud.outbox.put(ctx, "sns.post", lane=arn, payload=post)


def _topic_key(ctx: Context, arn: str) -> Place:
    parts = arn.split(":")
    if len(parts) < 6:
        raise InvalidParameter(f"TopicArn Reason: {_SHORT_ARN} {len(parts)}")
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "sns" or not parts[5]:
        raise InvalidParameter("TopicArn")
    if parts[3] != ctx.region and ctx.access_key is not None:
        # Requests without a signature, such as a visit to a SubscribeURL, do not say where they go to.
        raise InvalidParameter("TopicArn")
    return parts[4], parts[3], parts[5]


def _subscription_key(arn: str) -> tuple[str, str, str, str]:
    if not arn:
        raise InvalidParameter("SubscriptionArn Reason: no value for required parameter")
    parts = arn.split(":")
    if len(parts) < 6:
        raise InvalidParameter(f"SubscriptionArn Reason: {_SHORT_ARN} {len(parts)}")
    if len(parts) != 7:
        raise InvalidParameter("SubscriptionId")
    return parts[4], parts[3], parts[5], parts[6]


def _check_endpoint(protocol: str, endpoint: str) -> None:
    arn = parse_arn(endpoint)
    match protocol:
        case "sqs":
            if arn is None or arn.service != "sqs":
                raise InvalidParameter("SQS endpoint ARN")
        case "lambda":
            if arn is None or arn.service != "lambda":
                raise InvalidParameter("Lambda endpoint ARN")
        case "firehose":
            if arn is None or arn.service != "firehose":
                raise InvalidParameter("Firehose endpoint ARN")
        case "sms":
            sms.check_endpoint(endpoint)
        case "application":
            pass  # Looked up by the caller.
        case "http" | "https":
            if not endpoint.startswith(f"{protocol}://"):
                raise InvalidParameter("Endpoint must match the specified protocol")
        case _:
            if "@" not in endpoint:
                raise InvalidParameter("Email address")


def _normal(attributes: dict[str, str]) -> dict[str, str]:
    """Attributes as they are kept: booleans in lower case."""
    return {name: value.lower() if name == "RawMessageDelivery" else value for name, value in attributes.items()}


def _check_entries(entries: Sequence[dict[str, Any]]) -> None:
    if not entries:
        raise errors.EmptyBatch()
    if len(entries) > BATCH_MAX:
        raise errors.TooManyEntries()
    ids = [entry["Id"] for entry in entries]
    for entry_id in ids:
        if len(entry_id) > 80:
            reason = "The Id of a batch entry in the batch request is too long"
            raise errors.InvalidEntryId(f"{reason}: {entry_id}")
        if _ENTRY_ID.fullmatch(entry_id) is None:
            reason = "The Id of a batch entry in the batch request contains an impermissible character"
            raise errors.InvalidEntryId(f"{reason}: {entry_id}")
    if len(set(ids)) != len(ids):
        raise errors.EntryIdsNotDistinct()


def _tag_map(tags: list[dict[str, str]] | None) -> dict[str, str]:
    found = tag_map(tags)
    if len(found) != len(tags or ()):
        raise InvalidParameter("Duplicated keys are not allowed.")
    return found


def _check_tag_count(tags: dict[str, str]) -> None:
    if len(tags) > TAGS_MAX:
        raise errors.TagLimitExceeded()
