"""What is told of records that could not be processed or delivered: error output for S3, and error logs.

https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html
https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-logs.html
"""

import base64
import logging
from contextlib import suppress
from typing import Any

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.services.firehose.destination import Settings
from fogbank.services.firehose.records import DeliveryStream, Item

log = logging.getLogger("fogbank.firehose")

PROCESSING_FAILED = "processing-failed"
DECOMPRESSION_FAILED = "decompression-failed"
CONVERSION_FAILED = "format-conversion-failed"

_encode = msgspec.json.Encoder().encode


def error_output(
    item: Item, code: str, message: str, *, attempts: int, ended_ms: int, more: dict[str, Any] | None = None
) -> bytes:
    """A line of error output."""
    document: dict[str, Any] = {
        "attemptsMade": attempts,
        "arrivalTimestamp": item.arrived_ms,
        "errorCode": code,
        "errorMessage": message,
        "attemptEndingTimestamp": ended_ms,
        "rawData": base64.b64encode(item.raw or item.data).decode(),
        **(more or {}),
    }
    return _encode(document) + b"\n"


def conversion_error_output(item: Item, code: str, message: str, table: dict[str, str], ended_ms: int) -> bytes:
    """A line of error output for a record that could not be converted: it has members of its own.

    https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html
    """
    document: dict[str, Any] = {
        "attemptsMade": 1,
        "arrivalTimestamp": item.arrived_ms,
        "lastErrorCode": code,
        "lastErrorMessage": message,
        "attemptEndingTimestamp": ended_ms,
        "rawData": base64.b64encode(item.raw or item.data).decode(),
        "sequenceNumber": item.origin.sequence if item.origin else None,
        "subSequenceNumber": item.origin.subsequence if item.origin else None,
        "dataCatalogTable": table,
    }
    return _encode(document) + b"\n"


class ErrorLog:
    """Writes errors into the log stream that a configuration names, in the current transaction."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def write(
        self,
        ctx: Context,
        stream: DeliveryStream,
        settings: Settings,
        code: str,
        message: str,
        *,
        destination: str,
        processor: str = "",
    ) -> None:
        """`settings` are those whose CloudWatchLoggingOptions say where to; `processor` is a function's ARN."""
        log.info("%s: %s: %s", stream.arn, code, message)
        options = settings["CloudWatchLoggingOptions"]
        if not options["Enabled"]:
            return
        event: dict[str, Any] = {
            "deliveryStreamARN": stream.arn,
            "destination": destination,
            "deliveryStreamVersionId": stream.version,
            "message": message,
            "errorCode": code,
        }
        if processor:
            event["processor"] = processor
        entry = {"timestamp": self._cloud.clock.now_ms(), "message": _encode(event).decode()}
        with suppress(AwsError), self._cloud.store.transaction():  # The group or the stream may not be there.
            self._cloud.logs.put_log_events(
                ctx.refreshed(),
                logGroupName=options["LogGroupName"],
                logStreamName=options["LogStreamName"],
                logEvents=[entry],
            )
