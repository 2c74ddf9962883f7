"""Transforming records by a function. https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html"""

import base64
import binascii
from typing import Any, NamedTuple

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.delegation import permit
from fogbank.core.errors import AwsError
from fogbank.core.ids import new_id
from fogbank.core.json_text import parse
from fogbank.services.firehose.object_names import LAMBDA
from fogbank.services.firehose.processors import Function
from fogbank.services.firehose.records import DeliveryStream, Item
from fogbank.services.firehose.roles import as_role
from fogbank.services.firehose.stream_metrics import StreamMetrics

RESULTS = ("Ok", "Dropped", "ProcessingFailed")
_FIRST_DELAY_S, _DELAY_S_MAX = 1, 60
_FORMAT = (
    "Check your function and make sure the output is in required format. In addition to that, make sure the processed "
    "records contain valid result status of Dropped, Ok, or ProcessingFailed"
)
_SENTENCES = {
    "TooManyRequestsException": (
        "Lambda.InvokeLimitExceeded",
        "The Lambda concurrent execution limit is exceeded. Increase the concurrent execution limit.",
    ),
    "ResourceNotFoundException": (
        "Lambda.ResourceNotFound",
        "The specified Lambda function does not exist. Use a different function that does exist.",
    ),
    "AccessDeniedException": (
        "Lambda.InvokeAccessDenied",
        "Access was denied. Ensure that the access policy allows access to the Lambda function.",
    ),
}

_encode = msgspec.json.Encoder().encode


class Refused(NamedTuple):
    """A record that the function did not transform: why, and after how many invocations."""

    item: Item
    code: str
    message: str
    attempts: int


class Transformed(NamedTuple):
    items: list[Item]
    refused: list[Refused]


class _InvocationFailed(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


class LambdaTransform:
    """Invokes functions with records, as often as is allowed if it fails."""

    def __init__(self, cloud: Cloud, metrics: StreamMetrics) -> None:
        self._cloud = cloud
        self._metrics = metrics

    async def transform(
        self, ctx: Context, stream: DeliveryStream, function: Function, items: list[Item]
    ) -> Transformed:
        """What the function makes of the records. Every failure is an outcome."""
        event = _encode(_event(stream, items))
        attempts = 0
        while True:
            attempts += 1
            try:
                answer = await self._invoke(ctx, stream, function, event)
                return _outcome(answer, items, attempts)
            except _InvocationFailed as error:
                if attempts > function.retries_max:
                    refused = [Refused(item, error.code, error.message, attempts) for item in items]
                    return Transformed([], refused)
            await self._cloud.clock.sleep(min(_FIRST_DELAY_S * 2 ** (attempts - 1), _DELAY_S_MAX))

    async def _invoke(self, ctx: Context, stream: DeliveryStream, function: Function, event: bytes) -> bytes:
        began_ms = self._cloud.clock.now_ms()
        try:
            if function.role_arn:
                permit(as_role(ctx, function.role_arn, stream), "lambda:InvokeFunction", function.arn)
            answer = await ctx.call(self._cloud.lambda_.invoke, FunctionName=function.arn, Payload=event)
        except AwsError as error:
            self._metrics.add(stream, "ExecuteProcessing.Success", 0)
            code, message = _SENTENCES.get(error.code, (f"Lambda.{error.code}", error.message))
            raise _InvocationFailed(code, message) from error
        self._metrics.add(stream, "ExecuteProcessing.Duration", self._cloud.clock.now_ms() - began_ms)
        failed = "FunctionError" in answer
        self._metrics.add(stream, "ExecuteProcessing.Success", 0 if failed else 1)
        payload: bytes = answer["Payload"]
        if failed and b"Task timed out" in payload:
            raise _InvocationFailed(
                "Lambda.FunctionTimedOut",
                "The Lambda function invocation timed out. Increase the Timeout setting in the Lambda function.",
            )
        if failed:
            raise _InvocationFailed(
                "Lambda.FunctionError", "The Lambda function was successfully invoked but it returned an error result."
            )
        return payload


def _event(stream: DeliveryStream, items: list[Item]) -> dict[str, Any]:
    event: dict[str, Any] = {
        "invocationId": new_id(),
        "deliveryStreamArn": stream.arn,
        "region": stream.region,
        "records": [_record(number, item) for number, item in enumerate(items)],
    }
    if stream.source:
        event["sourceKinesisStreamArn"] = stream.source["KinesisStreamARN"]
    return event


def _record(number: int, item: Item) -> dict[str, Any]:
    record: dict[str, Any] = {
        "recordId": record_id(number, item),
        "approximateArrivalTimestamp": item.arrived_ms,
        "data": base64.b64encode(item.data).decode(),
    }
    if item.origin is not None:
        record["kinesisRecordMetadata"] = {
            "sequenceNumber": item.origin.sequence,
            "subsequenceNumber": item.origin.subsequence,
            "partitionKey": item.origin.partition_key,
            "shardId": item.origin.shard_id,
            "approximateArrivalTimestamp": item.arrived_ms,
        }
    return record


def record_id(number: int, item: Item) -> str:
    """A record's id within one invocation; of a Kinesis stream's record, its sequence number is in it."""
    if item.origin is not None:
        return f"{item.origin.sequence}{item.origin.subsequence:06d}{number:06d}"
    return f"49{item.arrived_ms:017d}{number:037d}"


def _outcome(payload: bytes, items: list[Item], attempts: int) -> Transformed:
    document = parse(payload)
    records = document.get("records") if isinstance(document, dict) else None
    if not isinstance(records, list):
        raise _InvocationFailed(
            "Lambda.JsonProcessingException",
            "There was an error parsing returned records from the Lambda function. Ensure that the returned records "
            "follow the status model required by Amazon Data Firehose.",
        )
    given: dict[str, dict[str, Any]] = {}
    for record in records:
        if not isinstance(record, dict) or record.get("result") not in RESULTS:
            raise _InvocationFailed("Lambda.FunctionError", _FORMAT)
        if record.get("recordId") in given:
            raise _InvocationFailed(
                "Lambda.DuplicatedRecordId",
                "Multiple records were returned with the same record ID. Ensure that the Lambda function returns "
                "unique record IDs for each record.",
            )
        given[str(record.get("recordId"))] = record
    kept: list[Item] = []
    refused: list[Refused] = []
    for number, item in enumerate(items):
        found = given.get(record_id(number, item))
        if found is None:
            raise _InvocationFailed(
                "Lambda.MissingRecordId",
                "One or more record IDs were not returned. Ensure that the Lambda function returns all received record "
                "IDs.",
            )
        match found["result"]:
            case "Ok":
                kept.append(_transformed(item, found))
            case "ProcessingFailed":
                why = "ProcessingFailed status set for record"
                refused.append(Refused(item, "Lambda.ProcessingFailedStatus", why, attempts))
    return Transformed(kept, refused)


def _transformed(item: Item, found: dict[str, Any]) -> Item:
    try:
        data = base64.b64decode(found["data"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise _InvocationFailed("Lambda.FunctionError", _FORMAT) from None
    metadata = found.get("metadata") or {}
    keys = metadata.get("partitionKeys") if isinstance(metadata, dict) else None
    if not isinstance(keys, dict):
        return item._replace(data=data)
    named = {f"{LAMBDA}:{name}": str(value) for name, value in keys.items() if isinstance(value, str | int | float)}
    return item._replace(data=data, keys=named)
