"""Event notifications: configured for a bucket, told to queues, topics, functions and EventBridge.

A message is a row of the outbox, written with the change: it comes at least once, in order for each key.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
"""

import json
import logging
from typing import Any

from msgspec.structs import replace

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.delegation import in_name_of
from fogbank.core.errors import AwsError
from fogbank.core.ids import host_id
from fogbank.core.moments import iso_milliseconds
from fogbank.core.service import Answer
from fogbank.core.store import Record
from fogbank.core.targets import as_text, deliver
from fogbank.services.s3 import destinations, event_messages, notification_rules
from fogbank.services.s3.base import S3Base
from fogbank.services.s3.destinations import PRINCIPAL
from fogbank.services.s3.errors import InvalidArgument
from fogbank.services.s3.events import Details, Event
from fogbank.services.s3.lanes import RETRY, lane
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.records import BucketConfig, ObjectVersion

log = logging.getLogger("fogbank.s3")

_CONFIG = "notification"
_EVENTBRIDGE = "events"
_SUBJECT = "Amazon S3 Notification"


class Message(Record):
    """A message on its way: `destination` is an ARN, or `events` for EventBridge's default bus."""

    destination: str
    body: str
    trace: str = ""
    at_ms: int = 0
    bucket: str = ""
    """The name; empty in messages that are older than this member."""


class Notifications(S3Base):
    """The notification operations of `S3Service`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._events.listen(lambda bucket: bucket.notifies, self._notify)
        cloud.outbox.handler("s3.notification", self._deliver, payload=Message, retry=RETRY)

    def get_bucket_notification_configuration(
        self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        config = self._tables.configs.get((Bucket, _CONFIG))
        return config.value if config is not None else {}

    def put_bucket_notification_configuration(
        self,
        ctx: Context,
        *,
        Bucket: str,
        NotificationConfiguration: dict[str, Any],
        SkipDestinationValidation: bool = False,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        arns = [
            destinations.parsed(element, given[arn], bucket)
            for member, arn, element in notification_rules.KINDS
            for given in NotificationConfiguration.get(member) or ()
        ]
        kept = notification_rules.checked(NotificationConfiguration)
        if not SkipDestinationValidation:
            reasons = [reason for arn in arns if (reason := destinations.reason_against(ctx, arn, bucket)) is not None]
            if reasons:
                members: dict[str, str] = {}
                for number, (name, value) in enumerate(reasons, 1):
                    members |= {f"ArgumentName{number}": name, f"ArgumentValue{number}": value}
                raise InvalidArgument("Unable to validate the following destination configurations", members=members)
        if kept:
            self._tables.configs.put((Bucket, _CONFIG), BucketConfig(kept))
        else:
            self._tables.configs.delete((Bucket, _CONFIG))
        self._tables.buckets.put((Bucket,), replace(bucket, notifies=bool(kept)))
        if not SkipDestinationValidation:
            for arn in {str(arn) for arn in arns if arn.service != "lambda"}:
                deliver(ctx, arn, _test_event(ctx, bucket), subject=_SUBJECT)
        return None

    # ---- steps ---------------------------------------------------------------------------------------------

    def _notify(
        self, ctx: Context, bucket: BucketRecord, event: Event, key: str, version: ObjectVersion, details: Details
    ) -> None:
        config = self._tables.configs.peek((bucket.name, _CONFIG))
        if config is None:
            return
        sequencer = f"{self.cloud.sequence.next():016X}"
        for part in notification_rules.parts(config.value):
            if part.wants(event, key):
                record = event_messages.record(
                    ctx, bucket, event, key, version, details, sequencer=sequencer, configuration_id=part.id
                )
                text = as_text({"Records": [record]})
                message = Message(part.arn, text, ctx.trace, ctx.now_ms, bucket.name)
                self._send(ctx, bucket, key, message)
        if "EventBridgeConfiguration" in config.value:
            found = event_messages.detail(ctx, bucket, event, key, version, details, sequencer=sequencer)
            if found is not None:
                self._send(
                    ctx, bucket, key, Message(_EVENTBRIDGE, as_text([bucket.name, *found]), ctx.trace, ctx.now_ms)
                )

    def _send(self, ctx: Context, bucket: BucketRecord, key: str, message: Message) -> None:
        there = ctx.at(account=bucket.account, region=bucket.region)
        place = lane(bucket.name, message.destination, key)
        self.cloud.outbox.put(there, "s3.notification", lane=place, payload=message)

    def _deliver(self, ctx: Context, message: Message) -> None:
        there = ctx.traced(message.trace)
        try:
            if message.destination == _EVENTBRIDGE:
                name, detail_type, detail = json.loads(message.body)
                self.cloud.events.put_service_event(
                    there,
                    source="aws.s3",
                    detail_type=detail_type,
                    detail=detail,
                    resources=[f"arn:aws:s3:::{name}"],
                    time_ms=message.at_ms or ctx.now_ms,
                )
            else:
                own = in_name_of(there, PRINCIPAL, f"arn:aws:s3:::{message.bucket}") if message.bucket else there
                deliver(own, message.destination, message.body, subject=_SUBJECT)
        except AwsError as error:
            if error.passing:
                raise
            log.info("a notification for %s is dropped: %s", message.destination, error)


def _test_event(ctx: Context, bucket: BucketRecord) -> str:
    return as_text(
        {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": iso_milliseconds(ctx.now_ms),
            "Bucket": bucket.name,
            "RequestId": ctx.request_id,
            "HostId": host_id(ctx.request_id),
        }
    )
