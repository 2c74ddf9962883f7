"""Delivery destinations: where logs that AWS services vend can be delivered to, and which accounts may do so.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutDeliveryDestination.html
"""

from typing import Any

from fogbank.core import named_principals
from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.services.logs.errors import Conflict, Invalid, ResourceNotFound
from fogbank.services.logs.groups import Groups, replace_tags
from fogbank.services.logs.pages import page
from fogbank.services.logs.records import DeliveryDestination

KINDS = {"s3": "S3", "logs": "CWL", "firehose": "FH"}  # by the service in the ARN of what takes the logs


class DeliveryDestinations(Groups):
    """The operations on delivery destinations of `LogsService`."""

    def delete_delivery_destination(self, ctx: Context, *, name: str) -> Answer:
        found = self._delivery_destination(ctx, name)
        arn = ctx.arn("logs", f"delivery-destination:{name}")
        if any(delivery.destination_arn == arn for _, delivery in self._tables.deliveries.scan()):
            raise Conflict(f"Deliveries are using the delivery destination {name}.")
        self._tables.delivery_destinations.delete((ctx.account, ctx.region, found.name))
        return None

    def delete_delivery_destination_policy(self, ctx: Context, *, deliveryDestinationName: str) -> Answer:
        found = self._delivery_destination(ctx, deliveryDestinationName)
        found.policy = ""
        self._keep_delivery_destination(ctx, found)
        return None

    def describe_delivery_destinations(self, ctx: Context, *, nextToken: str | None = None, limit: int = 50) -> Answer:
        found = sorted(
            (each for _, each in self._tables.delivery_destinations.scan((ctx.account, ctx.region))),
            key=lambda each: each.number,
        )
        return page("deliveryDestinations", [_row(ctx, each) for each in found], nextToken, limit)

    def get_delivery_destination(self, ctx: Context, *, name: str) -> Answer:
        return {"deliveryDestination": _row(ctx, self._delivery_destination(ctx, name))}

    def get_delivery_destination_policy(self, ctx: Context, *, deliveryDestinationName: str) -> Answer:
        policy = self._delivery_destination(ctx, deliveryDestinationName).policy
        shown = named_principals.shown(ctx, policy)
        return {"policy": {"deliveryDestinationPolicy": shown} if policy else {}}

    def put_delivery_destination(
        self,
        ctx: Context,
        *,
        name: str,
        outputFormat: str | None = None,
        deliveryDestinationConfiguration: dict[str, str] | None = None,
        deliveryDestinationType: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> Answer:
        """What is given, tags included, takes the place of what a destination of that name had."""
        kind, resource_arn = _resource(deliveryDestinationConfiguration, deliveryDestinationType)
        found = self._tables.delivery_destinations.get((ctx.account, ctx.region, name))
        if found is None:
            found = DeliveryDestination(name, kind, resource_arn, self._tables.next_number())
        elif found.kind != kind:
            raise Conflict(f"The type of a delivery destination cannot be changed from {found.kind} to {kind}.")
        found.resource_arn, found.output_format = resource_arn, outputFormat or ""
        replace_tags(found, tags)
        self._keep_delivery_destination(ctx, found)
        return {"deliveryDestination": _row(ctx, found)}

    def put_delivery_destination_policy(
        self, ctx: Context, *, deliveryDestinationName: str, deliveryDestinationPolicy: str
    ) -> Answer:
        found = self._delivery_destination(ctx, deliveryDestinationName)
        found.policy = named_principals.checked(ctx, deliveryDestinationPolicy, lambda fault: Invalid(str(fault)))
        self._keep_delivery_destination(ctx, found)
        return {"policy": {"deliveryDestinationPolicy": deliveryDestinationPolicy}}

    def _delivery_destination(self, ctx: Context, name: str) -> DeliveryDestination:
        found = self._tables.delivery_destinations.get((ctx.account, ctx.region, name))
        if found is None:
            raise ResourceNotFound("Requested Delivery Destination does not exist in this account.")
        return found

    def _keep_delivery_destination(self, ctx: Context, found: DeliveryDestination) -> None:
        self._tables.delivery_destinations.put((ctx.account, ctx.region, found.name), found)


def _resource(configuration: dict[str, str] | None, wanted: str | None) -> tuple[str, str]:
    """The type of destination and the ARN of what takes the logs."""
    if wanted == "XRAY":
        raise NotImplementedInFogbank("Fogbank's logs does not deliver to X-Ray: there is no xray yet.")
    arn = configuration["destinationResourceArn"] if configuration else ""
    parsed = parse_arn(arn)
    kind = KINDS.get(parsed.service) if parsed is not None else None
    if kind is None:
        raise Invalid("The destinationResourceArn must be the ARN of a bucket, a log group or a delivery stream.")
    if wanted not in (None, kind):
        raise Invalid(f"The destination type {wanted} does not fit the resource {arn}.")
    return kind, arn


def _row(ctx: Context, found: DeliveryDestination) -> dict[str, Any]:
    return {
        "name": found.name,
        "arn": ctx.arn("logs", f"delivery-destination:{found.name}"),
        "deliveryDestinationType": found.kind,
        "deliveryDestinationConfiguration": {"destinationResourceArn": found.resource_arn},
        **({"outputFormat": found.output_format} if found.output_format else {}),
    }
