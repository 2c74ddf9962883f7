"""Destinations: what subscriptions of other accounts send their events to, and who may subscribe.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CrossAccountSubscriptions.html
"""

from typing import Any

from fogbank.core import named_principals
from fogbank.core.arn import Arn, parse_arn
from fogbank.core.context import Context
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.core.policy_grammar import MalformedPolicy, check_resource_policy
from fogbank.core.service import Answer
from fogbank.services.logs.errors import AccessDenied, InvalidParameter, ResourceNotFound
from fogbank.services.logs.forwarding import try_out
from fogbank.services.logs.groups import Groups, replace_tags
from fogbank.services.logs.pages import page
from fogbank.services.logs.records import Destination

STREAMS = ("kinesis", "firehose")


class Destinations(Groups):
    """The operations on destinations of `LogsService`."""

    def delete_destination(self, ctx: Context, *, destinationName: str) -> Answer:
        if not self._tables.destinations.delete((ctx.account, ctx.region, destinationName)):
            raise ResourceNotFound("The specified destination does not exist.")
        return None

    def describe_destinations(
        self, ctx: Context, *, DestinationNamePrefix: str = "", nextToken: str | None = None, limit: int = 50
    ) -> Answer:
        rows = [
            _row(ctx, found)
            for _, found in self._tables.destinations.scan((ctx.account, ctx.region))
            if found.name.startswith(DestinationNamePrefix)
        ]
        return page("destinations", rows, nextToken, limit)

    def put_destination(
        self,
        ctx: Context,
        *,
        destinationName: str,
        targetArn: str,
        roleArn: str,
        tags: dict[str, str] | None = None,
    ) -> Answer:
        """Tags that are given take the place of those of a destination that is there."""
        target = parse_arn(targetArn)
        if target is None or target.service not in STREAMS:
            raise InvalidParameter(
                "Could not deliver test message to specified destination. Check if the destination is valid."
            )
        try_out(ctx, targetArn, roleArn)
        key = (ctx.account, ctx.region, destinationName)
        found = self._tables.destinations.get(key)
        if found is None:
            found = Destination(destinationName, ctx.now_ms, targetArn, roleArn)
        found.target_arn, found.role_arn = targetArn, roleArn
        replace_tags(found, tags)
        self._tables.destinations.put(key, found)
        return {"destination": _row(ctx, found)}

    def put_destination_policy(self, ctx: Context, *, destinationName: str, accessPolicy: str) -> Answer:
        key = (ctx.account, ctx.region, destinationName)
        found = self._tables.destinations.get(key)
        if found is None:
            raise ResourceNotFound("The specified destination does not exist.")
        try:
            # As recorded, a service can be called an AWS principal here.
            check_resource_policy(accessPolicy, any_name=True)
            found.policy = named_principals.kept(ctx, accessPolicy)
        except MalformedPolicy as fault:
            raise InvalidParameter(str(fault)) from None
        self._tables.destinations.put(key, found)
        return None

    def _check_subscribable(self, ctx: Context, arn: Arn) -> None:
        """The destination must be there, and its policy must let the account subscribe, its own included."""
        found = self._tables.destinations.get((arn.account, arn.region, arn.resource.partition(":")[2]))
        if arn.region != ctx.region or found is None:
            raise ResourceNotFound("The specified destination does not exist.")
        request = Request(f"arn:aws:iam::{ctx.account}:root", "logs:PutSubscriptionFilter", str(arn))
        if read_policy(found.policy).decide(request) is not Effect.ALLOW:
            raise AccessDenied(
                f"User with accountId: {ctx.account} is not authorized to perform: logs:PutSubscriptionFilter on "
                f"resource: {arn}"
            )


def _row(ctx: Context, found: Destination) -> dict[str, Any]:
    return {
        "destinationName": found.name,
        "targetArn": found.target_arn,
        "roleArn": found.role_arn,
        "arn": ctx.arn("logs", f"destination:{found.name}"),
        "creationTime": found.created_ms,
        **({"accessPolicy": named_principals.shown(ctx, found.policy)} if found.policy else {}),
    }
