"""What a message must look like to be published, and its way to every subscription whose filter accepts it.

Queues and functions are served in the transaction of the Publish that causes them; HTTP endpoints through
the outbox.
"""

import hashlib
import json
import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from fogbank.core.arn import Arn, parse_arn
from fogbank.core.context import Context
from fogbank.core.delegation import acting_as, in_name_of, permit_sending
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.ids import new_id
from fogbank.core.targets import deliver, queue_url
from fogbank.services.sns import delivery_status, envelope
from fogbank.services.sns.attributes import MESSAGE_GROUP
from fogbank.services.sns.delivery_status import Delivered
from fogbank.services.sns.encryption import TopicEncryption
from fogbank.services.sns.envelope import Message
from fogbank.services.sns.errors import InvalidParameter, ParameterValueInvalid
from fogbank.services.sns.filters import Filter, compile_filter
from fogbank.services.sns.http import post_for
from fogbank.services.sns.records import Deduplicated, Post, Sequence, Subscription, Topic
from fogbank.services.sns.signatures import Seal, Signer

if TYPE_CHECKING:
    from fogbank.services.sns.service import SnsService

_PRINCIPAL = "sns.amazonaws.com"
log = logging.getLogger("fogbank.sns")

NAMESPACE = "AWS/SNS"
MESSAGE_BYTES_MAX = 262_144
SUBJECT_MAX = 100
DEDUPLICATION_MS = 300_000
_ATTRIBUTE_NAME_MAX = 256
_ATTRIBUTE_TYPE = re.compile(r"(String|Number|Binary)(\..+)?")
_COMPILED_MAX = 4096
# A FIFO topic's sequence numbers are 20 digits (SNS developer guide, "Message ordering").
_SEQUENCE_BASE = 10_000_000_000_000_000_000
# How often, in messages, expired deduplication ids are removed.
_SWEEP_EVERY = 1000


class CompiledSubscription(msgspec.Struct):
    id: str
    arn: str
    record: Subscription
    target: Arn
    accepts: Filter | None
    raw: bool
    dead_letter_arn: str


class CompiledTopic(msgspec.Struct):
    record: Topic
    dimensions: dict[str, str]
    subscriptions: list[CompiledSubscription]
    logs_deliveries: bool


class Publisher:
    """Publishes for one service instance; keeps topics compiled for as long as their bytes stay the same."""

    def __init__(self, service: "SnsService") -> None:
        self._service = service
        self._cloud = service.cloud
        self.signer = Signer(service.cloud)
        self.encryption = TopicEncryption(service.cloud)
        self._compiled: dict[tuple[str, str, str], tuple[bytes, CompiledTopic]] = {}
        place = (str, str, str)
        self._sequences = self._cloud.store.table("sns.sequences", key=place, value=Sequence)
        self._deduplicated = self._cloud.store.table("sns.deduplicated", key=(*place, str), value=Deduplicated)

    def topic(self, ctx: Context, name: str) -> CompiledTopic | None:
        """The topic with its confirmed subscriptions, ready to publish to."""
        key = (ctx.account, ctx.region, name)
        raw = self._service.topics.get_raw(key)
        if raw is None:
            return None
        kept = self._compiled.get(key)
        if kept is not None and kept[0] == raw:
            return kept[1]
        arn = ctx.arn("sns", name)
        record = self._service.topics.unpack(raw)
        topic = CompiledTopic(
            record=record,
            dimensions={"TopicName": name},
            logs_deliveries=delivery_status.asked_for(record.attributes),
            subscriptions=[
                _compile(arn, found[-1], subscription)
                for found, subscription in self._service.subscriptions.scan(key)
                if subscription.confirmed
            ],
        )
        if not self._service.topics.unsettled:
            if len(self._compiled) >= _COMPILED_MAX:
                self._compiled.clear()
            self._compiled[key] = (raw, topic)
        return topic

    def publish(
        self,
        ctx: Context,
        name: str,
        topic: CompiledTopic,
        *,
        body: str,
        subject: str | None,
        structure: str | None,
        attributes: dict[str, dict[str, Any]],
        group_id: str | None,
        deduplication_id: str | None,
    ) -> dict[str, str]:
        """Check and deliver one message; the answer of Publish."""
        bodies = _check_body(body, structure)
        if subject is not None:
            check_subject(subject)
        if attributes:
            check_attributes(attributes)
        self.encryption.check(ctx, topic.record, ctx.arn("sns", name))
        message = Message(
            id=new_id(),
            topic_arn=ctx.arn("sns", name),
            body=body,
            timestamp=envelope.timestamp(ctx.now_ms),
            endpoint=ctx.endpoint,
            seal=self.seal(ctx, topic.record),
            subject=subject,
            attributes=attributes,
            bodies=bodies,
            group_id=group_id,
            deduplication_id=deduplication_id,
        )
        answer = {"MessageId": message.id}
        if topic.record.fifo:
            duplicate = self._order(ctx, name, topic.record, message)
            if duplicate is not None:
                return {"MessageId": duplicate.message_id, "SequenceNumber": duplicate.sequence_number}
            assert message.sequence_number is not None
            answer["SequenceNumber"] = message.sequence_number
        elif deduplication_id is not None:
            raise InvalidParameter(
                "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter "
                "that is not valid for this topic type"
            )
        self._count(ctx, topic, "NumberOfMessagesPublished")
        size = len(body) if body.isascii() else len(body.encode())
        self._cloud.metrics.add(ctx.account, ctx.region, NAMESPACE, "PublishSize", topic.dimensions, size, "Bytes")
        for subscription in topic.subscriptions:
            if subscription.accepts is None or subscription.accepts(message):
                self._deliver(ctx, topic, subscription, message)
            else:
                self._count(ctx, topic, "NumberOfNotificationsFilteredOut")
        return answer

    def seal(self, ctx: Context, topic: Topic) -> Seal:
        return Seal(self.signer, ctx, topic.attributes.get("SignatureVersion", "1"))

    # ---- FIFO ------------------------------------------------------------------------------------------

    def _order(self, ctx: Context, name: str, topic: Topic, message: Message) -> Deduplicated | None:
        """Give the message its number, or find that it is a duplicate."""
        if not message.group_id:
            raise InvalidParameter("The MessageGroupId parameter is required for FIFO topics")
        if message.deduplication_id is None:
            if topic.attributes.get("ContentBasedDeduplication") != "true":
                raise InvalidParameter(
                    "The topic should either have ContentBasedDeduplication enabled "
                    "or MessageDeduplicationId provided explicitly"
                )
            message.deduplication_id = hashlib.sha256(message.body.encode()).hexdigest()
        place = (ctx.account, ctx.region, name)
        grouped = topic.attributes.get("FifoThroughputScope") == MESSAGE_GROUP
        key = (*place, f"{message.group_id}\0{message.deduplication_id}" if grouped else message.deduplication_id)
        earlier = self._deduplicated.get(key)
        if earlier is not None and ctx.now_ms - earlier.sent_ms < DEDUPLICATION_MS:
            return earlier
        last = self._sequences.get(place)
        number = last.number + 1 if last is not None else 0
        self._sequences.put(place, Sequence(number))
        message.sequence_number = str(_SEQUENCE_BASE + number)
        self._deduplicated.put(key, Deduplicated(message.id, message.sequence_number, ctx.now_ms))
        if number % _SWEEP_EVERY == _SWEEP_EVERY - 1:
            old_ms = ctx.now_ms - DEDUPLICATION_MS
            for expired in [found for found, seen in self._deduplicated.scan(place) if seen.sent_ms < old_ms]:
                self._deduplicated.delete(expired)
        return None

    # ---- out -------------------------------------------------------------------------------------------

    def _deliver(
        self, ctx: Context, topic: CompiledTopic, subscription: CompiledSubscription, message: Message
    ) -> None:
        protocol = subscription.record.protocol
        match protocol:
            case "sqs":
                body, attributes = self._queue_body(subscription, message)
                try:
                    own = in_name_of(ctx, _PRINCIPAL, message.topic_arn)
                    permit_sending(own, subscription.record.endpoint)
                    with self._cloud.store.transaction():
                        sent = self._send_to_queue(own, subscription.target, body, attributes, message)
                except AwsError as error:
                    self._failed(ctx, topic, subscription, body, attributes, message, error)
                    return
                status, response = 200, {"sqsRequestId": ctx.request_id, "sqsMessageId": sent}
            case "lambda":
                event = envelope.lambda_event(message, subscription.arn)
                try:
                    permit_sending(in_name_of(ctx, _PRINCIPAL, message.topic_arn), subscription.record.endpoint)
                    with self._cloud.store.transaction():
                        there = _at(ctx, subscription.target)
                        endpoint = subscription.record.endpoint
                        invoked: str = self._cloud.lambda_.invoke_async_in_transaction(there, endpoint, event)
                except AwsError as error:
                    body = envelope.notification(message, "lambda", subscription.arn)
                    self._failed(ctx, topic, subscription, body, {}, message, error)
                    return
                status, response = 202, {"lambdaRequestId": invoked}
            case "firehose":
                raw = subscription.raw
                body = message.body_for("firehose") if raw else envelope.archived(message, subscription.arn)
                try:
                    own = acting_as(ctx, subscription.record.attributes.get("SubscriptionRoleArn", ""), _PRINCIPAL)
                    with self._cloud.store.transaction():
                        # Each message is a line of what the stream delivers.
                        deliver(own, subscription.record.endpoint, body + "\n")
                except AwsError as error:
                    self._failed(ctx, topic, subscription, body, {}, message, error)
                    return
                status, response = 200, {"firehoseRequestId": ctx.request_id}
            case "sms" | "application":
                body = envelope.notification(message, protocol, subscription.arn)
                unreachable = NotImplementedInFogbank(f"Fogbank delivers nothing to {protocol} subscriptions.")
                self._failed(ctx, topic, subscription, body, {}, message, unreachable)
                return
            case "http" | "https":
                post = post_for(ctx, subscription.record, subscription.arn, message, topic.record)
                self.encryption.seal(ctx, topic.record, post)
                self._cloud.outbox.put(ctx, "sns.post", lane=subscription.arn, payload=post)
                return
            case _:
                return
        self._count(ctx, topic, "NumberOfNotificationsDelivered")
        if topic.logs_deliveries:
            self._log(ctx, topic, subscription, message, status, response, success=True)

    def _log(
        self,
        ctx: Context,
        topic: CompiledTopic,
        subscription: CompiledSubscription,
        message: Message,
        status: int,
        response: dict[str, Any],
        *,
        success: bool,
    ) -> None:
        delivered = Delivered(
            topic_arn=message.topic_arn,
            message_id=message.id,
            message_md5=delivery_status.digest(message.body_for(subscription.record.protocol)),
            published_ms=ctx.now_ms,
            protocol=subscription.record.protocol,
            destination=subscription.record.endpoint,
            status_code=status,
            response=response,
            success=success,
        )
        delivery_status.log_delivery(ctx, topic.record.attributes, delivered)

    def _queue_body(self, subscription: CompiledSubscription, message: Message) -> tuple[str, dict[str, Any]]:
        if subscription.raw:
            return message.body_for("sqs"), envelope.queue_attributes(message.attributes)
        return envelope.notification(message, "sqs", subscription.arn), {}

    def _send_to_queue(self, ctx: Context, queue: Arn, body: str, attributes: dict[str, Any], message: Message) -> str:
        """The id of the queue's message."""
        extra: dict[str, Any] = {}
        if attributes:
            extra["MessageAttributes"] = attributes
        fifo = queue.resource.endswith(".fifo")
        # A standard topic's group is for fair queues; a FIFO topic's is not passed on to a standard queue.
        if message.group_id is not None and (fifo or message.sequence_number is None):
            extra["MessageGroupId"] = message.group_id
        if message.deduplication_id is not None and fifo:
            extra["MessageDeduplicationId"] = message.deduplication_id
        there = _at(ctx, queue)
        url = queue_url(there, queue.account, queue.resource)
        message_id: str = self._cloud.sqs.send_message(there, QueueUrl=url, MessageBody=body, **extra)["MessageId"]
        return message_id

    def _failed(
        self,
        ctx: Context,
        topic: CompiledTopic,
        subscription: CompiledSubscription,
        body: str,
        attributes: dict[str, Any],
        message: Message,
        error: AwsError,
    ) -> None:
        """The target refused the message for good: to the dead-letter queue, if there is one."""
        self._count(ctx, topic, "NumberOfNotificationsFailed")
        if topic.logs_deliveries:
            said = {
                "ErrorCode": error.query_code or error.code,
                "ErrorMessage": error.query_message or error.message,
            }
            self._log(ctx, topic, subscription, message, error.status, said, success=False)
        queue = parse_arn(subscription.dead_letter_arn)
        if queue is None:
            log.info("subscription %s: %s", subscription.arn, error)
            return
        try:
            own = in_name_of(ctx, _PRINCIPAL, message.topic_arn)
            permit_sending(own, subscription.dead_letter_arn)
            with self._cloud.store.transaction():
                self._send_to_queue(own, queue, body, attributes, message)
        except AwsError as dead:
            self._count(ctx, topic, "NumberOfNotificationsFailedToRedriveToDlq")
            log.warning("subscription %s: the dead letter could not be sent: %s", subscription.arn, dead)
            return
        self._count(ctx, topic, "NumberOfNotificationsRedrivenToDlq")

    def count_http(self, ctx: Context, post: Post, *, delivered: bool) -> None:
        arn = parse_arn(post.topic_arn)
        if arn is not None and post.type == "Notification":
            metric = "NumberOfNotificationsDelivered" if delivered else "NumberOfNotificationsFailed"
            names = {"TopicName": arn.resource}
            self._cloud.metrics.add(arn.account, arn.region, NAMESPACE, metric, names, 1, "Count")

    def http_dead_letter(self, ctx: Context, post: Post) -> None:
        try:
            with self._cloud.store.transaction():
                own = in_name_of(ctx, _PRINCIPAL, post.topic_arn)
                deliver(own, post.dead_letter_arn, self.encryption.body(ctx, post))
        except AwsError as error:
            log.warning("subscription %s: no dead letter sent: %s", post.subscription_arn, error)

    def _count(self, ctx: Context, topic: CompiledTopic, metric: str) -> None:
        self._cloud.metrics.add(ctx.account, ctx.region, NAMESPACE, metric, topic.dimensions, 1, "Count")


def _compile(topic_arn: str, subscription_id: str, record: Subscription) -> CompiledSubscription:
    policy = record.attributes.get("FilterPolicy")
    redrive = record.attributes.get("RedrivePolicy")
    return CompiledSubscription(
        id=subscription_id,
        arn=f"{topic_arn}:{subscription_id}",
        record=record,
        target=parse_arn(record.endpoint) or Arn("", "", "", ""),
        accepts=compile_filter(policy, record.attributes.get("FilterPolicyScope", "")) if policy else None,
        raw=record.attributes.get("RawMessageDelivery") == "true",
        dead_letter_arn=json.loads(redrive)["deadLetterTargetArn"] if redrive else "",
    )


def _at(ctx: Context, arn: Arn) -> Context:
    if arn.account == ctx.account and arn.region == ctx.region:
        return ctx
    return ctx.at(account=arn.account, region=arn.region)


# ---- what a message must look like ---------------------------------------------------------------------


def message_bytes(body: str, attributes: Mapping[str, Mapping[str, Any]]) -> int:
    """Names, types and values of attributes count towards a message's size."""
    size = len(body) if body.isascii() else len(body.encode())
    for name, value in attributes.items():
        size += len(name.encode()) + len(value["DataType"].encode())
        size += len(value.get("BinaryValue", b"")) + len(value.get("StringValue", "").encode())
    return size


def _check_body(body: str, structure: str | None) -> dict[str, Any] | None:
    """The bodies by protocol, if the message has the json structure."""
    if not body:
        raise InvalidParameter("Empty message")
    if structure is None:
        return None
    if structure != "json":
        raise InvalidParameter("MessageStructure")
    try:
        bodies = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        bodies = None
    if not isinstance(bodies, dict):
        raise InvalidParameter("Message Structure - JSON message body failed to parse")
    if not isinstance(bodies.get("default"), str):
        raise InvalidParameter("Message Structure - No default entry in JSON message body")
    # Values that are no strings are as good as absent (Publish in the API reference).
    return {protocol: text for protocol, text in bodies.items() if isinstance(text, str)}


def check_subject(subject: str) -> None:
    if not subject or len(subject) > SUBJECT_MAX or "\n" in subject or not subject[0].isprintable():
        raise InvalidParameter("Subject")


def check_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> None:
    for name, value in attributes.items():
        _check_attribute_name(name)
        data_type: str = value["DataType"]
        typed = _ATTRIBUTE_TYPE.fullmatch(data_type)
        if typed is None:
            raise ParameterValueInvalid(
                f"The message attribute '{name}' has an invalid message attribute type, "
                "the set of supported type prefixes is Binary, Number, and String."
            )
        kind = typed[1]
        wanted = "BinaryValue" if kind == "Binary" else "StringValue"
        other = "StringValue" if kind == "Binary" else "BinaryValue"
        if value.get(other) and not value.get(wanted):
            field = "Binary" if kind == "Binary" else "String"
            raise ParameterValueInvalid(
                f"The message attribute '{name}' with type '{data_type}' must use field '{field}'."
            )
        if not value.get(wanted):
            raise ParameterValueInvalid(
                f"The message attribute '{name}' must contain non-empty message attribute value "
                f"for message attribute type '{data_type}'."
            )
        if kind == "Number" and not _is_number(value["StringValue"]):
            raise ParameterValueInvalid(f"Could not cast message attribute '{name}' value to number.")


def _check_attribute_name(name: str) -> None:
    if len(name.encode()) > _ATTRIBUTE_NAME_MAX:
        raise ParameterValueInvalid("Length of message attribute name must be less than 256 bytes.")
    if name.startswith("."):
        raise ParameterValueInvalid("Invalid message attribute name starting with character '.' was found.")
    if name.endswith("."):
        raise ParameterValueInvalid("Invalid message attribute name ending with character '.' was found.")
    if ".." in name:
        raise ParameterValueInvalid("Message attribute name can not have successive '.' character.")
    odd = re.search(r"[^A-Za-z0-9_.\-]", name)
    if odd is not None:
        raise ParameterValueInvalid(
            f"Invalid non-alphanumeric character '#x{ord(odd.group()):X}' was found in the message attribute "
            "name. Can only include alphanumeric characters, hyphens, underscores, or dots."
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
