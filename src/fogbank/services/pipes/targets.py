"""Enrichment, and the delivery of a batch to its target.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-target.html
"""

import json
from typing import Any

from fogbank.core import json_text
from fogbank.core.arn import Arn, parse_arn
from fogbank.core.context import Context
from fogbank.core.delegation import acting_as, permit_sending
from fogbank.core.errors import AwsError
from fogbank.core.input_template import InvalidInput
from fogbank.core.sources.batch_report import BadReport, failed_identifiers
from fogbank.core.targets import PARTITION_KEY_MAX, queue_url
from fogbank.services.pipes.records import Pipe
from fogbank.services.pipes.templates import Event, resolve, transform

_PUT_EVENTS_MAX = 10
PRINCIPAL = "pipes.amazonaws.com"


class BatchFailed(AwsError):
    """The batch is not done, and is to be tried again. `failed` names the items, if the function reported some."""

    code = "BatchFailed"

    def __init__(self, message: str, failed: frozenset[str] = frozenset()) -> None:
        super().__init__(message)
        self.failed = failed


class Delivery:
    """Sends the batches of one pipe. Every failure is an AwsError."""

    def __init__(self, ctx: Context, name: str, pipe: Pipe) -> None:
        self._name = name
        self._pipe = pipe
        target, enrichment = parse_arn(pipe.target), parse_arn(pipe.enrichment)
        assert target is not None, "the target was checked when the pipe was made"
        self._target = target
        self._enrichment = enrichment
        self._to_enrichment = transform(ctx, name, pipe, pipe.enrichment_parameters.get("InputTemplate"))
        self._to_target = transform(ctx, name, pipe, pipe.target_parameters.get("InputTemplate"))
        function = pipe.target_parameters.get("LambdaFunctionParameters", {})
        self.waits = target.service == "lambda" and function.get("InvocationType") != "FIRE_AND_FORGET"
        """Whether the target is invoked and waited for; else `send` runs in a transaction."""

    async def enriched(self, ctx: Context, events: list[Event]) -> list[Event]:
        """The events as the enrichment gives them back; none, if it gives nothing."""
        if self._enrichment is None:
            return events
        permit_sending(acting_as(ctx, self._pipe.role_arn, PRINCIPAL), self._pipe.enrichment)
        answer = await _invoke(ctx, self._pipe.enrichment, _list(self._filled(events, self._to_enrichment)))
        found = json.loads(answer or b"null")
        if not found:
            return []
        return found if isinstance(found, list) else [found]

    async def invoke(self, ctx: Context, events: list[Event]) -> None:
        """Invoke the target function with the batch."""
        permit_sending(acting_as(ctx, self._pipe.role_arn, PRINCIPAL), self._pipe.target)
        answer = await _invoke(ctx, self._pipe.target, _list(self._filled(events, self._to_target)))
        try:
            failed = failed_identifiers(answer)
        except BadReport:
            return  # A target's answer need not be a report.
        if failed:
            raise BatchFailed("the function reported failed items", failed)

    def send(self, ctx: Context, events: list[Event]) -> None:
        """Send the batch in the current transaction."""
        permit_sending(acting_as(ctx, self._pipe.role_arn, PRINCIPAL), self._pipe.target)
        texts = self._filled(events, self._to_target)
        there = ctx.at(account=self._target.account, region=self._target.region)
        match self._target.service:
            case "sqs":
                self._to_queue(there, events, texts)
            case "sns":
                for text in texts:
                    there.cloud.sns.publish(there, TopicArn=self._pipe.target, Message=text)
            case "events":
                self._to_bus(there, events, texts)
            case "logs":
                self._to_logs(there, events, texts)
            case "kinesis":
                self._to_stream(there, events, texts)
            case "firehose":
                self._to_delivery_stream(there, texts)
            case _:
                there.cloud.lambda_.invoke_async_in_transaction(there, self._pipe.target, _list(texts))

    def _filled(self, events: list[Event], to_text: Any) -> list[str]:
        try:
            return [to_text(event) for event in events]
        except InvalidInput as error:
            raise BatchFailed(f"the filled template is not JSON: {error}") from error

    def _to_queue(self, ctx: Context, events: list[Event], texts: list[str]) -> None:
        url = queue_url(ctx, self._target.account, self._target.resource)
        settings = self._pipe.target_parameters.get("SqsQueueParameters", {})
        for event, text in zip(events, texts, strict=True):
            extra = {
                member: resolve(settings[member], event)
                for member in ("MessageGroupId", "MessageDeduplicationId")
                if settings.get(member)
            }
            ctx.cloud.sqs.send_message(ctx, QueueUrl=url, MessageBody=text, **extra)

    def _to_stream(self, ctx: Context, events: list[Event], texts: list[str]) -> None:
        wanted = self._pipe.target_parameters["KinesisStreamParameters"]["PartitionKey"]
        for event, text in zip(events, texts, strict=True):
            key = (resolve(wanted, event) or wanted)[:PARTITION_KEY_MAX]
            ctx.cloud.kinesis.put_record(ctx, StreamARN=self._pipe.target, Data=text.encode(), PartitionKey=key)

    def _to_delivery_stream(self, ctx: Context, texts: list[str]) -> None:
        name = self._target.resource.removeprefix("deliverystream/")
        for text in texts:
            ctx.cloud.firehose.put_record(ctx, DeliveryStreamName=name, Record={"Data": text.encode()})

    def _to_bus(self, ctx: Context, events: list[Event], texts: list[str]) -> None:
        settings = self._pipe.target_parameters.get("EventBridgeEventBusParameters", {})
        source = _service_of(self._pipe.source)
        entries = []
        for event, text in zip(events, texts, strict=True):
            entry: dict[str, Any] = {
                "EventBusName": self._pipe.target,
                "Source": resolve(settings.get("Source"), event) or f"Pipe {self._name}",
                "DetailType": resolve(settings.get("DetailType"), event) or f"Event from {source}",
                "Detail": text,
                "Resources": [
                    resource for item in settings.get("Resources") or () if (resource := resolve(item, event))
                ],
            }
            if "Time" in settings:
                entry["Time"] = _seconds(resolve(settings["Time"], event))
            entries.append(entry)
        for first in range(0, len(entries), _PUT_EVENTS_MAX):
            answer = ctx.cloud.events.put_events(ctx, Entries=entries[first : first + _PUT_EVENTS_MAX])
            if answer["FailedEntryCount"]:
                reasons = [item["ErrorMessage"] for item in answer["Entries"] if "ErrorCode" in item]
                raise BatchFailed(f"the bus refused an event: {reasons[0]}")

    def _to_logs(self, ctx: Context, events: list[Event], texts: list[str]) -> None:
        group = self._target.resource.removeprefix("log-group:").removesuffix(":*")
        settings = self._pipe.target_parameters.get("CloudWatchLogsParameters", {})
        by_stream: dict[str, list[dict[str, Any]]] = {}
        for event, text in zip(events, texts, strict=True):
            stream = resolve(settings.get("LogStreamName"), event) or self._name
            moment = settings.get("Timestamp")
            time_ms = int(_seconds(resolve(moment, event)) * 1000) if moment else ctx.now_ms
            by_stream.setdefault(stream, []).append({"timestamp": time_ms, "message": text})
        for stream, entries in by_stream.items():
            self._ensure_stream(ctx, group, stream)
            entries.sort(key=lambda entry: int(entry["timestamp"]))
            ctx.cloud.logs.put_log_events(ctx, logGroupName=group, logStreamName=stream, logEvents=entries)

    def _ensure_stream(self, ctx: Context, group: str, stream: str) -> None:
        try:
            with ctx.cloud.store.transaction():
                ctx.cloud.logs.create_log_stream(ctx, logGroupName=group, logStreamName=stream)
        except AwsError as error:
            if error.code != "ResourceAlreadyExistsException":
                raise


async def _invoke(ctx: Context, arn: str, payload: bytes) -> bytes:
    parsed = parse_arn(arn)
    assert parsed is not None, "the function's ARN was checked when the pipe was made"
    there = ctx.at(account=parsed.account, region=parsed.region)
    answer = await there.cloud.lambda_.invoke(there, FunctionName=arn, Payload=payload)
    if answer.get("FunctionError"):
        raise BatchFailed(f"the function {arn} failed")
    return bytes(answer["Payload"])


def _list(texts: list[str]) -> bytes:
    """The batch as a list; what is not JSON is a string in it."""
    items = [text if json_text.parse(text) is not json_text.NOT_JSON else json.dumps(text) for text in texts]
    return f"[{','.join(items)}]".encode()


def _seconds(text: str | None) -> float:
    """A time of an event: seconds or milliseconds since the epoch."""
    try:
        value = float(text or "")
    except ValueError:
        raise BatchFailed(f"{text} is no time") from None
    return value / 1000 if value >= 1e11 else value


def _service_of(source: str) -> str:
    arn = parse_arn(source)
    assert isinstance(arn, Arn), "the source was checked when the pipe was made"
    return f"aws:{arn.service}"
