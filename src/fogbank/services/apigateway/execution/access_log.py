"""Access logs: a line of `$context` variables for each request, in a log group.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
"""

import logging
import re

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.services.apigateway.execution.call import Call
from fogbank.services.apigateway.execution.mappings import in_context
from fogbank.services.apigateway.records import Stage
from fogbank.services.apigateway.vtl.values import to_text

log = logging.getLogger("fogbank.apigateway")

_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_]+(?:\.[A-Za-z0-9_-]+)*)")


async def write(call: Call, stage: Stage) -> None:
    """Write the request's line if the stage has a log with a format; that it cannot is nothing to the caller."""
    settings = stage.settings.get("accessLogSettings") or {}
    arn = parse_arn(settings.get("destinationArn", ""))
    if arn is None or "format" not in settings:
        return
    line = _VARIABLE.sub(lambda match: _value(call, match[1]), settings["format"])
    there = call.ctx.at(account=arn.account, region=arn.region).refreshed()
    group = arn.resource.removeprefix("log-group:")
    event = {"timestamp": there.now_ms, "message": line}
    try:
        await there.run(_put, there, group, f"{call.api.id}-{stage.name}", event)
    except AwsError as error:
        log.info("the access log of %s/%s cannot be written: %s", call.api.id, stage.name, error)


def _put(ctx: Context, group: str, stream: str, event: dict[str, object]) -> None:
    try:
        ctx.cloud.logs.put_log_events(ctx, logGroupName=group, logStreamName=stream, logEvents=[event])
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
        ctx.cloud.logs.create_log_stream(ctx, logGroupName=group, logStreamName=stream)
        ctx.cloud.logs.put_log_events(ctx, logGroupName=group, logStreamName=stream, logEvents=[event])


def _value(call: Call, name: str) -> str:
    return to_text(in_context(call, name)) or "-"
