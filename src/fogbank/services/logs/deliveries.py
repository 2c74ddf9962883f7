"""Deliveries: logs that a resource of an AWS service vends, on their way to a destination.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
Of the services that vend logs so, Fogbank has EventBridge: an event bus, whose log level is OFF.
"""

from typing import Any

from fogbank.core.arn import Arn, parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.ids import new_id
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.core.service import Answer
from fogbank.services.logs.delivery_destinations import DeliveryDestinations
from fogbank.services.logs.errors import AccessDenied, Conflict, Invalid, ResourceNotFound
from fogbank.services.logs.groups import replace_tags
from fogbank.services.logs.pages import page
from fogbank.services.logs.records import Delivery, DeliveryDestination, DeliverySource

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html, "Vended logs V2"
VENDING = frozenset(
    (
        *("bedrock", "bedrock-agentcore", "cloudfront", "codewhisperer", "deadline", "entityresolution", "events"),
        *("mediapackagev2", "mediatailor", "pcs", "qbusiness", "ses", "wisdom", "workmail"),
    )
)
LOG_TYPES = ("ERROR_LOGS", "INFO_LOGS", "TRACE_LOGS")  # of an event bus
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-logs-schema.html
FIELDS = [
    *("resource_arn", "request_id", "event_id", "invocation_id", "message_timestamp_ms", "message_type", "log_level"),
    *("details", "error"),
]
_DELIMITED = ("plain", "w3c", "raw")


class Deliveries(DeliveryDestinations):
    """The operations on delivery sources and deliveries of `LogsService`."""

    def create_delivery(
        self,
        ctx: Context,
        *,
        deliverySourceName: str,
        deliveryDestinationArn: str,
        recordFields: list[str] | None = None,
        fieldDelimiter: str | None = None,
        s3DeliveryConfiguration: dict[str, Any] | None = None,
        tags: dict[str, str] | None = None,
    ) -> Answer:
        source = self._delivery_source(ctx, deliverySourceName)
        destination = self._deliverable(ctx, source, deliveryDestinationArn)
        for _, other in self._tables.deliveries.scan((ctx.account, ctx.region)):
            if (other.source, other.destination_arn) == (source.name, deliveryDestinationArn):
                raise Conflict("A delivery of this source to this destination exists already.")
        delivery = Delivery(
            id=new_id().replace("-", "")[:16],
            source=source.name,
            destination_arn=deliveryDestinationArn,
            kind=destination.kind,
            fields=list(FIELDS),
        )
        replace_tags(delivery, tags)
        _configure(delivery, destination, recordFields, fieldDelimiter, s3DeliveryConfiguration)
        self._tables.deliveries.put((ctx.account, ctx.region, delivery.id), delivery)
        return {"delivery": _delivery_row(ctx, delivery)}

    def delete_delivery(self, ctx: Context, *, id: str) -> Answer:
        self._delivery(ctx, id)
        self._tables.deliveries.delete((ctx.account, ctx.region, id))
        return None

    def delete_delivery_source(self, ctx: Context, *, name: str) -> Answer:
        self._delivery_source(ctx, name)
        if any(delivery.source == name for _, delivery in self._tables.deliveries.scan((ctx.account, ctx.region))):
            raise Conflict(f"Deliveries are using the delivery source {name}.")
        self._tables.delivery_sources.delete((ctx.account, ctx.region, name))
        return None

    def describe_deliveries(
        self,
        ctx: Context,
        *,
        nextToken: str | None = None,
        limit: int = 50,
        deliverySourceNames: list[str] | None = None,
    ) -> Answer:
        rows = [
            _delivery_row(ctx, found)
            for _, found in self._tables.deliveries.scan((ctx.account, ctx.region))
            if deliverySourceNames is None or found.source in deliverySourceNames
        ]
        return page("deliveries", rows, nextToken, limit)

    def describe_delivery_sources(self, ctx: Context, *, nextToken: str | None = None, limit: int = 50) -> Answer:
        found = sorted(
            (each for _, each in self._tables.delivery_sources.scan((ctx.account, ctx.region))),
            key=lambda each: each.number,
        )
        return page("deliverySources", [_source_row(ctx, each) for each in found], nextToken, limit)

    def get_delivery(self, ctx: Context, *, id: str) -> Answer:
        return {"delivery": _delivery_row(ctx, self._delivery(ctx, id))}

    def get_delivery_source(self, ctx: Context, *, name: str) -> Answer:
        return {"deliverySource": _source_row(ctx, self._delivery_source(ctx, name))}

    def put_delivery_source(
        self, ctx: Context, *, name: str, resourceArn: str, logType: str, tags: dict[str, str] | None = None
    ) -> Answer:
        """What is given, tags included, takes the place of what a source of that name had."""
        arn = _vending_resource(ctx, resourceArn)
        if logType not in LOG_TYPES:
            raise Invalid(f"The log type {logType} is not one of {', '.join(LOG_TYPES)}, which {arn.service} has.")
        for _, other in self._tables.delivery_sources.scan((ctx.account, ctx.region)):
            if other.name != name and (other.resource_arn, other.log_type) == (resourceArn, logType):
                raise Conflict("This ResourceId has already been used in another Delivery Source in this account")
        found = self._tables.delivery_sources.get((ctx.account, ctx.region, name))
        if found is None:
            found = DeliverySource(name, arn.service, resourceArn, logType, self._tables.next_number())
        found.service, found.resource_arn, found.log_type = arn.service, resourceArn, logType
        replace_tags(found, tags)
        self._tables.delivery_sources.put((ctx.account, ctx.region, name), found)
        return {"deliverySource": _source_row(ctx, found)}

    def update_delivery_configuration(
        self,
        ctx: Context,
        *,
        id: str,
        recordFields: list[str] | None = None,
        fieldDelimiter: str | None = None,
        s3DeliveryConfiguration: dict[str, Any] | None = None,
    ) -> Answer:
        delivery = self._delivery(ctx, id)
        destination = self._deliverable(ctx, self._delivery_source(ctx, delivery.source), delivery.destination_arn)
        _configure(delivery, destination, recordFields, fieldDelimiter, s3DeliveryConfiguration)
        self._tables.deliveries.put((ctx.account, ctx.region, id), delivery)
        return {}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _delivery(self, ctx: Context, id: str) -> Delivery:
        found = self._tables.deliveries.get((ctx.account, ctx.region, id))
        if found is None:
            raise ResourceNotFound("Requested Delivery does not exist in this account.")
        return found

    def _delivery_source(self, ctx: Context, name: str) -> DeliverySource:
        found = self._tables.delivery_sources.get((ctx.account, ctx.region, name))
        if found is None:
            raise ResourceNotFound("Requested Delivery Source does not exist in this account.")
        return found

    def _deliverable(self, ctx: Context, source: DeliverySource, destination_arn: str) -> DeliveryDestination:
        """The destination, which another account must have opened by its policy."""
        arn = parse_arn(destination_arn)
        if arn is None or not arn.resource.startswith("delivery-destination:"):
            raise Invalid("The deliveryDestinationArn is not the ARN of a delivery destination.")
        there = ctx.at(account=arn.account, region=arn.region)
        found = self._delivery_destination(there, arn.resource.partition(":")[2])
        if arn.account != ctx.account:
            request = Request(f"arn:aws:iam::{ctx.account}:root", "logs:CreateDelivery", destination_arn)
            if read_policy(found.policy).decide(request) is not Effect.ALLOW:
                raise AccessDenied(
                    f"Account {ctx.account} is not authorized to perform logs:CreateDelivery on {destination_arn}."
                )
        return found


def _vending_resource(ctx: Context, resource_arn: str) -> Arn:
    """The parsed ARN of a resource that is there and vends logs."""
    arn = parse_arn(resource_arn)
    if arn is None:
        raise Invalid("The resourceArn is not an ARN.")
    if arn.service not in VENDING:
        raise ResourceNotFound("Cannot access provided service.")
    if arn.service != "events":
        raise NotImplementedInFogbank(f"Fogbank's logs does not deliver logs of {arn.service} yet.")
    name = arn.resource.removeprefix("event-bus/")
    try:
        ctx.cloud.events.describe_event_bus(ctx.at(account=arn.account, region=arn.region), Name=name)
    except AwsError as error:
        raise ResourceNotFound(error.message) from None
    return arn


def _configure(
    delivery: Delivery,
    destination: DeliveryDestination,
    fields: list[str] | None,
    delimiter: str | None,
    s3_layout: dict[str, Any] | None,
) -> None:
    """Give the delivery what is given, if it fits the destination."""
    if fields is not None:
        unknown = [field for field in fields if field not in FIELDS]
        if unknown:
            raise Invalid(f"These record fields are not valid: {', '.join(unknown)}.")
        delivery.fields = fields
    if delimiter:
        if destination.output_format not in _DELIMITED:
            raise Invalid("A field delimiter can only be given for the output formats plain, w3c and raw.")
        delivery.delimiter = delimiter
    if s3_layout is not None:
        if destination.kind != "S3":
            raise Invalid("An s3DeliveryConfiguration can only be given for a destination of type S3.")
        delivery.s3_layout = {"enableHiveCompatiblePath": False} | delivery.s3_layout | s3_layout


def _source_row(ctx: Context, found: DeliverySource) -> dict[str, Any]:
    return {
        "name": found.name,
        "arn": ctx.arn("logs", f"delivery-source:{found.name}"),
        "resourceArns": [found.resource_arn],
        "service": found.service,
        "logType": found.log_type,
        **({"tags": found.tags} if found.tags else {}),
    }


def _delivery_row(ctx: Context, found: Delivery) -> dict[str, Any]:
    return {
        "id": found.id,
        "arn": ctx.arn("logs", f"delivery:{found.id}"),
        "deliverySourceName": found.source,
        "deliveryDestinationArn": found.destination_arn,
        "deliveryDestinationType": found.kind,
        "recordFields": found.fields,
        **({"fieldDelimiter": found.delimiter} if found.delimiter else {}),
        **({"s3DeliveryConfiguration": found.s3_layout} if found.s3_layout else {}),
        **({"tags": found.tags} if found.tags else {}),
    }
