"""Posting to HTTP endpoints: notifications and confirmations, with SNS's retries.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

import json
import uuid
from typing import TYPE_CHECKING

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.http_client import HttpRequest, NoAnswer, send
from fogbank.services.sns import delivery_status, envelope
from fogbank.services.sns.delivery_policy import delivery_for
from fogbank.services.sns.delivery_status import Delivered
from fogbank.services.sns.envelope import Message
from fogbank.services.sns.records import OlderPost, Post, Subscription, Topic
from fogbank.services.sns.signatures import Seal

if TYPE_CHECKING:
    from fogbank.services.sns.service import SnsService

# An endpoint has 15 seconds to answer (SNS developer guide, HTTP endpoints).
TIMEOUT_S = 15


class EndpointRefused(Exception):
    """The endpoint answered with an error, or not at all."""

    def __init__(self, reason: str, *, passing: bool, status: int = 0) -> None:
        super().__init__(reason)
        self.passing = passing
        self.status = status


class Poster:
    """Delivers `sns.post` rows of the outbox."""

    def __init__(self, service: "SnsService") -> None:
        self._service = service
        self._cloud = service.cloud
        self._cloud.outbox.handler("sns.post", self._deliver, payload=Post)
        self._cloud.outbox.handler("sns.http", self._take_over, payload=OlderPost)

    async def _deliver(self, ctx: Context, post: Post) -> None:
        try:
            status = await _send(post, self._body(ctx, post))
        except EndpointRefused as error:
            await ctx.run(self._failed, ctx, post, error)
            return
        self._service.publisher.count_http(ctx, post, delivered=True)
        if post.message_md5:
            await ctx.run(self._log, ctx.refreshed(), post, status, {}, success=True)
        if post.per_second_max:
            # The lane is the subscription's, so that its next delivery waits.
            await self._cloud.clock.sleep(1 / post.per_second_max)

    def _body(self, ctx: Context, post: Post) -> str:
        try:
            return self._service.publisher.encryption.body(ctx, post)
        except AwsError as refused:
            raise EndpointRefused(str(refused), passing=True) from refused

    def _failed(self, ctx: Context, post: Post, error: EndpointRefused) -> None:
        post.failures += 1
        if error.passing and post.failures <= len(post.delays_s):
            # In a lane of its own, since others need not wait.
            delay_s = post.delays_s[post.failures - 1]
            self._cloud.outbox.put(ctx, "sns.post", lane=str(uuid.uuid4()), payload=post, delay_s=delay_s)
            return
        self._service.publisher.count_http(ctx, post, delivered=False)
        if post.message_md5:
            self._log(ctx.refreshed(), post, error.status, {"ErrorMessage": str(error)}, success=False)
        if post.dead_letter_arn:
            self._service.publisher.http_dead_letter(ctx, post)

    def _take_over(self, ctx: Context, older: OlderPost) -> None:
        """Go on with a delivery that an older version began."""
        step_s = (older.delay_max_s - older.delay_s) / max(older.retries_max - 1, 1)
        post = Post(
            topic_arn=older.topic_arn,
            subscription_arn=older.subscription_arn,
            url=older.url,
            type=older.type,
            message_id=older.message_id,
            body=older.body,
            content_type=older.content_type,
            delays_s=[older.delay_s + step_s * retry for retry in range(older.retries_max)],
            raw=older.raw,
            failures=older.failures,
            dead_letter_arn=older.dead_letter_arn,
        )
        self._cloud.outbox.put(ctx, "sns.post", lane=older.subscription_arn, payload=post)

    def _log(self, ctx: Context, post: Post, status: int, response: dict[str, str], *, success: bool) -> None:
        _, _, _, region, account, name = post.topic_arn.split(":")
        topic = self._service.topics.get((account, region, name))
        if topic is None:
            return
        delivered = Delivered(
            topic_arn=post.topic_arn,
            message_id=post.message_id,
            message_md5=post.message_md5,
            published_ms=post.published_ms,
            protocol="http",
            destination=post.url,
            status_code=status,
            response=response,
            success=success,
        )
        delivery_status.log_delivery(ctx, topic.attributes, delivered)


def post_for(ctx: Context, subscription: Subscription, arn: str, message: Message, topic: Topic) -> Post:
    """The request that carries a message to an HTTP subscription."""
    delivery = delivery_for(topic.attributes.get("DeliveryPolicy"), subscription.attributes.get("DeliveryPolicy"))
    raw = subscription.attributes.get("RawMessageDelivery") == "true"
    protocol = subscription.protocol
    logged = delivery_status.asked_for(topic.attributes)
    redrive = subscription.attributes.get("RedrivePolicy")
    return Post(
        topic_arn=message.topic_arn,
        subscription_arn=arn,
        url=subscription.endpoint,
        type="Notification",
        message_id=message.id,
        body=message.body_for(protocol) if raw else envelope.notification(message, protocol, arn),
        content_type=delivery.content_type,
        delays_s=delivery.delays_s,
        per_second_max=delivery.per_second_max,
        published_ms=ctx.now_ms,
        message_md5=delivery_status.digest(message.body_for(protocol)) if logged else "",
        raw=raw,
        dead_letter_arn=json.loads(redrive)["deadLetterTargetArn"] if redrive else "",
    )


def confirmation_for(
    ctx: Context, subscription: Subscription, topic_arn: str, *, kind: str, arn: str, seal: Seal
) -> Post:
    """The request that asks an endpoint to confirm that it wants, or no longer wants, a subscription."""
    message_id = str(uuid.uuid4())
    delivery = delivery_for(None, None)
    if kind == "SubscriptionConfirmation":
        sentence = (
            f"You have chosen to subscribe to the topic {topic_arn}.\n"
            "To confirm the subscription, visit the SubscribeURL included in this message."
        )
    else:
        sentence = (
            f"You have chosen to deactivate subscription {arn}.\n"
            "To cancel this operation and restore the subscription, "
            "visit the SubscribeURL included in this message."
        )
    return Post(
        topic_arn=topic_arn,
        subscription_arn=arn,
        url=subscription.endpoint,
        type=kind,
        message_id=message_id,
        body=envelope.confirmation(
            kind=kind,
            message_id=message_id,
            topic_arn=topic_arn,
            token=subscription.token,
            sentence=sentence,
            time=envelope.timestamp(ctx.now_ms),
            endpoint=ctx.endpoint,
            seal=seal,
        ),
        content_type=delivery.content_type,
        delays_s=delivery.delays_s,
    )


async def _send(post: Post, body: str) -> int:
    """One POST; its status. Raises EndpointRefused."""
    headers = {
        "Content-Type": post.content_type,
        "User-Agent": "Amazon Simple Notification Service Agent",
        "x-amz-sns-message-type": post.type,
        "x-amz-sns-message-id": post.message_id,
        "x-amz-sns-topic-arn": post.topic_arn,
    }
    if post.type != "SubscriptionConfirmation":
        headers["x-amz-sns-subscription-arn"] = post.subscription_arn
    if post.raw:
        headers["x-amz-sns-rawdelivery"] = "true"
    request = HttpRequest(method="POST", url=post.url, headers=headers, body=body.encode(), timeout_s=TIMEOUT_S)
    try:
        answer = await send(request, read_bytes_max=1)
    except NoAnswer as error:
        raise EndpointRefused(str(error), passing=True) from error
    if answer.status >= 300:
        # A client error is final, except for throttling (delivery retries: client- and server-side errors).
        passing = answer.status == 429 or answer.status >= 500
        raise EndpointRefused(f"HTTP status {answer.status}", passing=passing, status=answer.status)
    return answer.status
