"""Asynchronous invocations: a durable queue, retries, dead letters and destinations.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
Every event is a lane of its own in the outbox, so events run beside each other; a retry is a new row with
a delay.
"""

import json
import random
import uuid
from typing import Any

import msgspec

from fogbank.core import targets
from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.moments import iso_milliseconds
from fogbank.core.outbox import RetryPolicy
from fogbank.services.lambda_.errors import (
    CannotRun,
    RecursiveInvocation,
    ResourceConflict,
    ResourceNotFound,
    SnapStartNotReady,
    TooManyRequests,
)
from fogbank.services.lambda_.execution_role import as_role
from fogbank.services.lambda_.failure_records import is_bucket, put_object
from fogbank.services.lambda_.functions import Functions
from fogbank.services.lambda_.invoke import Invoker, Result
from fogbank.services.lambda_.names import FunctionName, function_arn
from fogbank.services.lambda_.records import InvokeConfig

KIND = "lambda_.event"
RECORD_KIND = "lambda_.failure_record"
RETRIES_MAX = 2
AGE_MAX_S = 6 * 3600
RETRY_DELAYS_S = (60, 120)  # "one minute before the second attempt, two minutes before the third"
_RATE_EXCEEDED = TooManyRequests("ReservedFunctionConcurrentInvocationLimitExceeded")
THROTTLE_DELAY_MAX_S = 300  # Throttled events are tried again after 1 second, rising to 5 minutes.


class AsyncEvent(msgspec.Struct, array_like=True):
    """An accepted event. `attempts` counts invocations that ran, `throttled` those that were refused in a
    row."""

    name: str
    qualifier: str
    payload: bytes
    request_id: str
    accepted_ms: int
    attempts: int = 0
    throttled: int = 0
    trace: str = ""


class BucketRecord(msgspec.Struct, array_like=True):
    """A record of a failed invocation on its way to a bucket."""

    function: str
    bucket_arn: str
    record: dict[str, Any]


class AsyncInvoker:
    """Accepts events and sees them through."""

    def __init__(self, cloud: Cloud, functions: Functions, invoker: Invoker) -> None:
        self._cloud = cloud
        self._functions = functions
        self._invoker = invoker
        # The handler settles every failure by itself; the outbox's own retries are for Fogbank's mistakes.
        cloud.outbox.handler(KIND, self._deliver, payload=AsyncEvent, retry=RetryPolicy(attempts_max=3))
        cloud.outbox.handler(
            RECORD_KIND,
            self._put_record,
            payload=BucketRecord,
            on_exhausted=lambda ctx, record, _: self._count(
                ctx, FunctionName(ctx.account, record.function, ""), "DestinationDeliveryFailures", 1, "Count"
            ),
        )

    def accept(self, ctx: Context, name: FunctionName, payload: bytes, request_id: str | None = None) -> str:
        """Queue an event in the current transaction; its request id. Raises ResourceNotFound, InvalidRuntime."""
        self._invoker.check_runtime(self._functions.configuration(ctx, name))
        request_id = request_id or str(uuid.uuid4())
        event = AsyncEvent(name.name, name.qualifier, payload or b"{}", request_id, ctx.now_ms, trace=ctx.trace)
        self._cloud.outbox.put(ctx.at(account=name.account), KIND, lane=request_id, payload=event)
        self._count(ctx, name, "AsyncEventsReceived", 1, "Count")
        return request_id

    async def _deliver(self, ctx: Context, event: AsyncEvent) -> None:
        name = FunctionName(ctx.account, event.name, event.qualifier)
        self._count(ctx, name, "AsyncEventAge", ctx.now_ms - event.accepted_ms, "Milliseconds")
        config = self._invoke_config(ctx, name)
        age_max_s = AGE_MAX_S if config is None or config.age_max_s is None else config.age_max_s
        if ctx.now_ms - event.accepted_ms > age_max_s * 1000:
            # It was held up, or the age was lowered meanwhile.
            await ctx.run(self._settle, ctx, name, event, None, "EventAgeExceeded")
            return
        retries_max = RETRIES_MAX if config is None or config.retries_max is None else config.retries_max
        try:
            result = await self._invoker.invoke(
                ctx.traced(event.trace), name, event.payload, request_id=event.request_id, synchronous=False
            )
        except TooManyRequests:
            if self._functions.function(ctx, name).reserved == 0:
                # Nothing may run: the event is not worth waiting for.
                await ctx.run(self._settle, ctx, name, event, None, "ZeroReservedConcurrency")
                return
            await self._wait(ctx, name, event, age_max_s)
            return
        except (CannotRun, SnapStartNotReady, ResourceConflict):
            await self._wait(ctx, name, event, age_max_s)
            return
        except RecursiveInvocation as refusal:
            # No attempt would end otherwise. AWS does not say which condition the record has.
            await ctx.run(self._settle, ctx, name, event, None, "RetriesExhausted", refusal)
            return
        except ResourceNotFound:
            return  # The function was deleted; its events go with it.
        event.attempts += 1
        event.throttled = 0
        now = ctx.refreshed()
        if not result.error:
            await now.run(self._settle, now, name, event, result, "Success")
        elif event.attempts > retries_max:
            await now.run(self._settle, now, name, event, result, "RetriesExhausted")
        else:
            await self._again(now, name, event, RETRY_DELAYS_S[event.attempts - 1], age_max_s, result)

    async def _wait(self, ctx: Context, name: FunctionName, event: AsyncEvent, age_max_s: int) -> None:
        """The function could not be run just now, which is no attempt."""
        # What was refused together does not come back together, to be refused again.
        delay_s = min(2**event.throttled, THROTTLE_DELAY_MAX_S) * random.uniform(0.5, 1)
        event.throttled += 1
        await self._again(ctx, name, event, delay_s, age_max_s, None)

    async def _again(
        self,
        ctx: Context,
        name: FunctionName,
        event: AsyncEvent,
        delay_s: float,
        age_max_s: int,
        result: Result | None,
    ) -> None:
        if ctx.now_ms + delay_s * 1000 - event.accepted_ms > age_max_s * 1000:
            await ctx.run(self._settle, ctx, name, event, result, "EventAgeExceeded")
            return

        def put() -> None:
            self._cloud.outbox.put(ctx, KIND, lane=event.request_id, payload=event, delay_s=delay_s)

        await ctx.run(put)

    def _invoke_config(self, ctx: Context, name: FunctionName) -> InvokeConfig | None:
        key = (name.account, ctx.region, name.name, name.qualifier or "$LATEST")
        return self._functions.tables.invoke_configs.get(key)

    def _settle(
        self,
        ctx: Context,
        name: FunctionName,
        event: AsyncEvent,
        result: Result | None,
        condition: str,
        refusal: AwsError | None = None,
    ) -> None:
        """Send the record of a finished event to where its function wants it. `refusal`: why it was not run."""
        try:
            function = self._functions.configuration(ctx, name)
        except ResourceNotFound:
            return  # The function was deleted, and where its records go with it.
        config = self._invoke_config(ctx, name)
        side = "OnSuccess" if condition == "Success" else "OnFailure"
        destination = ((config.destinations if config is not None else {}).get(side) or {}).get("Destination")
        if destination:
            self._send(ctx, name, function.role, destination, _record(ctx, name, event, result, condition))
        if condition == "Success":
            return
        self._count(ctx, name, "AsyncEventsDropped", 1, "Count")
        if function.dead_letter_arn:
            attributes = _dead_letter_attributes(event, result, refusal or _RATE_EXCEEDED)
            try:
                targets.deliver(
                    as_role(ctx, function.role, function.dead_letter_arn),
                    function.dead_letter_arn,
                    event.payload.decode("utf-8", "replace"),
                    message_attributes=attributes,
                )
            except AwsError:
                self._count(ctx, name, "DeadLetterErrors", 1, "Count")

    def _send(self, ctx: Context, name: FunctionName, role: str, destination: str, record: dict[str, Any]) -> None:
        arn = parse_arn(destination)
        try:
            there = as_role(ctx, role, destination)
            if arn is not None and arn.service == "events":
                kind = "Success" if record["requestContext"]["condition"] == "Success" else "Failure"
                entry = {
                    "Source": "lambda",
                    "DetailType": f"Lambda Function Invocation Result - {kind}",
                    "Detail": targets.as_text(record),
                    "Resources": [destination, record["requestContext"]["functionArn"]],
                    "EventBusName": destination,
                }
                self._cloud.events.put_events(there, Entries=[entry])
            elif is_bucket(destination):
                row = BucketRecord(name.name, destination, record)
                self._cloud.outbox.put(ctx, RECORD_KIND, lane=record["requestContext"]["requestId"], payload=row)
            else:
                targets.deliver(there, destination, targets.as_text(record))
        except AwsError:
            self._count(ctx, name, "DestinationDeliveryFailures", 1, "Count")

    async def _put_record(self, ctx: Context, row: BucketRecord) -> None:
        await put_object(ctx, row.bucket_arn, f"aws/lambda/async/{row.function}", row.record)

    def _count(self, ctx: Context, name: FunctionName, metric: str, value: float, unit: str) -> None:
        dimensions = {"FunctionName": name.name}
        self._cloud.metrics.add(name.account, ctx.region, "AWS/Lambda", metric, dimensions, value, unit)


def _record(
    ctx: Context, name: FunctionName, event: AsyncEvent, result: Result | None, condition: str
) -> dict[str, Any]:
    """An invocation record, as destinations get it."""
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": iso_milliseconds(ctx.now_ms),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": function_arn(ctx, name.account, name.name, name.qualifier or "$LATEST"),
            "condition": condition,
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": _loads(event.payload),
    }
    if result is not None:
        record["responseContext"] = {"statusCode": 200, "executedVersion": result.version}
        if result.error:
            record["responseContext"]["functionError"] = result.error
        record["responsePayload"] = _loads(result.payload)
    return record


def _dead_letter_attributes(event: AsyncEvent, result: Result | None, refusal: AwsError) -> dict[str, Any]:
    """`refusal` is told where there is no result."""
    code, message = refusal.status, refusal.message
    if result is not None:
        document = _loads(result.payload)
        code, message = 200, str(document.get("errorMessage", "")) if isinstance(document, dict) else ""
    values = {
        "RequestID": ("String", event.request_id),
        "ErrorCode": ("Number", str(code)),
        "ErrorMessage": ("String", message[:1024] or refusal.message),
    }
    return {name: {"DataType": kind, "StringValue": value} for name, (kind, value) in values.items()}


def _loads(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")
