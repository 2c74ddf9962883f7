"""REST APIs of API Gateway as targets of rules.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-gateway-target.html
A target's ARN names the API, a stage, a method and a path; a `*` in the path is a parameter that the target gives.
"""

from urllib.parse import quote, urlencode

from fogbank.core.arn import Arn, parse_arn
from fogbank.core.context import Context
from fogbank.core.delegation import acting_as
from fogbank.core.errors import AwsError
from fogbank.core.http_client import HttpAnswer, HttpRequest
from fogbank.services.events.records import HttpParameters, Retry
from fogbank.services.events.routing import PRINCIPAL, DeliveryError, check_status, error_code

_METHODS = frozenset(("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"))


def names_method(arn: Arn) -> bool:
    """Whether an ARN of execute-api names a method and a path of a stage."""
    parts = arn.resource.split("/", 3)
    return len(parts) >= 3 and all(parts[:2]) and parts[2] in _METHODS


async def call_api(ctx: Context, delivery: Retry) -> None:
    """Send an event to the API: signed as the target's role, if it has one. Raises DeliveryError."""
    target = delivery.target
    arn = parse_arn(target.arn)
    assert arn is not None, "PutTargets has checked the ARN"
    try:
        there = acting_as(ctx, target.role_arn, PRINCIPAL) if target.role_arn else ctx
        answer: HttpAnswer = await there.cloud.apigateway.send_to_api(
            there, _request(ctx, arn, delivery), signed=bool(target.role_arn)
        )
    except AwsError as error:
        raise DeliveryError(error_code(error), error.message, passing=error.passing) from error
    check_status(answer, target.arn)


def _request(ctx: Context, arn: Arn, delivery: Retry) -> HttpRequest:
    given = delivery.target.http or HttpParameters()
    api, stage, method, *rest = arn.resource.split("/", 3)
    path = "".join(rest)
    for value in given.path:
        path = path.replace("*", quote(value, safe=""), 1)
    # As recorded, paths end with a slash.
    whole = f"/{stage}/{path}".rstrip("/") + "/"
    query = f"?{urlencode(given.query)}" if given.query else ""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Amazon/EventBridge",
        **given.headers,
        "X-Amz-Source-Account": ctx.account,
        "X-Amz-Source-Arn": delivery.rule_arn,
        **({"X-Amzn-Trace-Id": delivery.trace} if delivery.trace else {}),
    }
    return HttpRequest(
        method=method,
        url=f"https://{api}.execute-api.{arn.region}.amazonaws.com{whole}{query}",
        headers=headers,
        body=None if method in ("GET", "HEAD") else delivery.body.encode(),
    )
