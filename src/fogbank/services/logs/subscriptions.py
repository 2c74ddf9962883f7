"""Subscription filters: new events that match are sent to a function, a stream or a destination as they arrive.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""

from fogbank.core.arn import Arn, parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.service import Answer
from fogbank.services.logs.destinations import STREAMS, Destinations
from fogbank.services.logs.errors import AccessDenied, InvalidParameter, LimitExceeded, ResourceNotFound
from fogbank.services.logs.filter_pattern import compile_filter
from fogbank.services.logs.forwarding import BY_STREAM, try_out
from fogbank.services.logs.groups import only_standard
from fogbank.services.logs.pages import page
from fogbank.services.logs.permissions import lets_logs
from fogbank.services.logs.records import SubscriptionFilter

FILTERS_MAX = 2  # subscription filters of one log group


class Subscriptions(Destinations):
    """The operations on subscription filters of `LogsService`."""

    def delete_subscription_filter(self, ctx: Context, *, logGroupName: str, filterName: str) -> Answer:
        group = self._group(ctx, logGroupName)
        if not self._tables.subscriptions.delete((group.id, filterName)):
            raise ResourceNotFound("The specified subscription filter does not exist.")
        return None

    def describe_subscription_filters(
        self,
        ctx: Context,
        *,
        logGroupName: str,
        filterNamePrefix: str = "",
        nextToken: str | None = None,
        limit: int = 50,
    ) -> Answer:
        group = self._group(ctx, logGroupName)
        rows = [
            {
                "filterName": found.name,
                "logGroupName": group.name,
                "filterPattern": found.pattern,
                "destinationArn": found.destination_arn,
                "distribution": found.distribution,
                "applyOnTransformedLogs": found.transformed,
                "creationTime": found.created_ms,
                **({"roleArn": found.role_arn} if found.role_arn else {}),
            }
            for _, found in self._tables.subscriptions.scan((group.id,))
            if found.name.startswith(filterNamePrefix)
        ]
        return page("subscriptionFilters", rows, nextToken, limit)

    def put_subscription_filter(
        self,
        ctx: Context,
        *,
        logGroupName: str,
        filterName: str,
        filterPattern: str,
        destinationArn: str,
        roleArn: str | None = None,
        distribution: str | None = None,
        applyOnTransformedLogs: bool = False,
    ) -> Answer:
        _check_kind(ctx, destinationArn, roleArn, distribution)
        group = self._group(ctx, logGroupName)
        only_standard(group, "PutSubscriptionFilter")
        compile_filter(filterPattern)
        key = (group.id, filterName)
        known = self._tables.subscriptions.get(key)
        if known is None and self._tables.subscriptions.count((group.id,)) >= FILTERS_MAX:
            raise LimitExceeded()
        self._check_target(ctx, destinationArn, roleArn, distribution, group.name)
        created_ms = known.created_ms if known is not None else ctx.now_ms
        subscription = SubscriptionFilter(
            name=filterName,
            pattern=filterPattern,
            created_ms=created_ms,
            destination_arn=destinationArn,
            distribution=distribution or BY_STREAM,
            role_arn=roleArn or "",
            transformed=applyOnTransformedLogs,
        )
        self._tables.subscriptions.put(key, subscription)
        self._tables.quiet.discard(group.id)
        return None

    def _check_target(
        self, ctx: Context, destination_arn: str, role_arn: str | None, distribution: str | None, group: str
    ) -> None:
        """Refuse what events of the group cannot be sent to; streams get a message to see."""
        arn = _check_kind(ctx, destination_arn, role_arn, distribution)
        if arn.service == "logs":
            self._check_subscribable(ctx, arn)
        elif arn.service in STREAMS:
            try_out(ctx, destination_arn, role_arn or "")
        else:
            _check_permission(ctx, destination_arn, group)


def _check_kind(ctx: Context, destination_arn: str, role_arn: str | None, distribution: str | None) -> Arn:
    """Refuse what is no destination, and parameters that do not go with it."""
    arn = parse_arn(destination_arn)
    if arn is None:
        raise InvalidParameter("Invalid destinationArn.")
    if arn.service in STREAMS and role_arn is None:
        raise InvalidParameter(f"destinationArn for vendor {arn.service} cannot be used without roleArn")
    if arn.service == "lambda":
        _check_function(ctx, arn, role_arn, distribution)
    elif arn.service not in (*STREAMS, "logs"):
        raise InvalidParameter(
            f"PutSubscriptionFilter operation cannot work with destinationArn for vendor {arn.service}"
        )
    return arn


def _check_function(ctx: Context, arn: Arn, role_arn: str | None, distribution: str | None) -> None:
    if arn.account != ctx.account:
        raise AccessDenied(
            "Cross-account lambda invocation passing is not allowed. "
            "You must use DestinationPolicies to create cross account lambda triggers."
        )
    if role_arn is not None:
        raise InvalidParameter("destinationArn for vendor lambda cannot be used with roleArn")
    if distribution is not None:
        raise InvalidParameter("distribution cannot be set for a destinationArn of vendor lambda")


def _check_permission(ctx: Context, function_arn: str, group: str) -> None:
    """The function must exist, and its policy must let CloudWatch Logs invoke it: AWS tries it out here."""
    try:
        policy = ctx.cloud.lambda_.get_policy(ctx, FunctionName=function_arn)["Policy"]
    except AwsError:
        policy = "{}"
    if not lets_logs(ctx, policy, "lambda:InvokeFunction", function_arn, group):
        raise InvalidParameter(
            "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute "
            "your function."
        )
