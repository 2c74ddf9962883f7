"""What stages write to CloudWatch Logs: a line for each request as they want it, and how each was executed.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
"""

import logging
import re
from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.services.apigateway.execution.call import Call
from fogbank.services.apigateway.execution.mappings import in_context
from fogbank.services.apigateway.records import Stage
from fogbank.services.apigateway.vtl.values import to_text

log = logging.getLogger("fogbank.apigateway")

_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_]+(?:\.[A-Za-z0-9_-]+)*)")


async def write_access(call: Call, stage: Stage) -> None:
    """Write the request's line if the stage has a log with a format."""
    settings = stage.settings.get("accessLogSettings") or {}
    arn = parse_arn(settings.get("destinationArn", ""))
    if arn is None or "format" not in settings:
        return
    line = _VARIABLE.sub(lambda match: _value(call, match[1]), settings["format"])
    there = call.ctx.at(account=arn.account, region=arn.region)
    await _write(there, arn.resource.removeprefix("log-group:"), f"{call.api.id}-{stage.name}", [line])


async def write_execution(call: Call, stage: Stage, setting: dict[str, Any] | None) -> None:
    """Write how the request was executed, as far as the method's settings want to know."""
    level = (setting or {}).get("loggingLevel", "OFF")
    if setting is None or level == "OFF":
        return
    lines = [
        f"({call.ctx.request_id}) {line.text}"
        for line in call.log
        if (level == "INFO" or line.error) and (setting["dataTraceEnabled"] or not line.data)
    ]
    group = f"API-Gateway-Execution-Logs_{call.api.id}/{stage.name}"
    if lines:
        await _write(call.ctx, group, call.context["deploymentId"], lines, make_group=True)


async def _write(ctx: Context, group: str, stream: str, lines: list[str], *, make_group: bool = False) -> None:
    """That it cannot be written is nothing to the caller of the API."""
    now = ctx.refreshed()
    events = [{"timestamp": now.now_ms, "message": line or " "} for line in lines]
    try:
        await now.run(_put, now, group, stream, events, make_group)
    except AwsError as error:
        log.info("the log %s cannot be written: %s", group, error)


def _put(ctx: Context, group: str, stream: str, events: list[dict[str, Any]], make_group: bool) -> None:
    logs = ctx.cloud.logs
    place = {"logGroupName": group, "logStreamName": stream}
    try:
        logs.put_log_events(ctx, **place, logEvents=events)
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
        if make_group and not logs.describe_log_groups(ctx, logGroupNamePrefix=group)["logGroups"]:
            logs.create_log_group(ctx, logGroupName=group)
        logs.create_log_stream(ctx, **place)
        logs.put_log_events(ctx, **place, logEvents=events)


def _value(call: Call, name: str) -> str:
    return to_text(in_context(call, name)) or "-"
