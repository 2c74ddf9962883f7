"""ProcessingConfiguration: what is done with records between their arrival and their delivery, in AWS's order.

https://docs.aws.amazon.com/firehose/latest/APIReference/API_ProcessingConfiguration.html
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any, NamedTuple

from fogbank.core.arn import parse_arn
from fogbank.services.firehose.batches import Hints
from fogbank.services.firehose.deaggregation import Split, consecutive_json, delimited
from fogbank.services.firehose.destination import Settings
from fogbank.services.firehose.errors import InvalidArgument
from fogbank.services.firehose.partitioning import Query, compile_query
from fogbank.services.firehose.records import MB

DECOMPRESSION = "Decompression"
LOG_PROCESSING = "CloudWatchLogProcessing"
DEAGGREGATION = "RecordDeAggregation"
LAMBDA = "Lambda"
EXTRACTION = "MetadataExtraction"
DELIMITER = "AppendDelimiterToRecord"

Parameters = dict[str, str]

_ESCAPES = {"\\n": "\n", "\\r": "\r", "\\t": "\t", "\\\\": "\\"}


class Function(NamedTuple):
    """The function that transforms records."""

    arn: str
    hints: Hints
    retries_max: int
    role_arn: str


class Processing(NamedTuple):
    """What is done, in this order; what is None or False is not."""

    decompresses: bool = False
    takes_messages: bool = False
    split: Split | None = None
    function: Function | None = None
    query: Query | None = None

    @property
    def is_needed(self) -> bool:
        """Whether records have to be looked at before they gather for their destination."""
        return self.decompresses or self.split is not None or self.function is not None or self.query is not None


def complete(given: Settings | None, role_arn: str) -> Settings:
    """The configuration with the defaults of its functions, as it is described."""
    configuration = {"Enabled": False, "Processors": [], **(given or {})}
    processors = []
    for processor in configuration["Processors"]:
        parameters = _parameters(processor)
        if processor["Type"] == LAMBDA:
            defaults = {"NumberOfRetries": "3", "BufferSizeInMBs": "1", "BufferIntervalInSeconds": "60"}
            parameters = {**defaults, **({"RoleArn": role_arn} if role_arn else {}), **parameters}
        listed = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
        processors.append({"Type": processor["Type"], "Parameters": listed})
    return configuration | {"Processors": processors}


def read(configuration: Settings) -> Processing:
    """What a complete configuration says; nothing, if it is not enabled. Raises InvalidArgument."""
    if not configuration["Enabled"]:
        return Processing()
    found: dict[str, Parameters] = {}
    for processor in configuration["Processors"]:
        if processor["Type"] in found:
            raise InvalidArgument(f"Only one processor of type {processor['Type']} is supported")
        found[processor["Type"]] = _parameters(processor)
    if LOG_PROCESSING in found and DECOMPRESSION not in found:
        raise InvalidArgument(f"A {LOG_PROCESSING} processor needs a {DECOMPRESSION} processor")
    return Processing(
        decompresses=_has(found, DECOMPRESSION, _decompression),
        takes_messages=_has(found, LOG_PROCESSING, _log_processing),
        split=_deaggregation(found[DEAGGREGATION]) if DEAGGREGATION in found else None,
        function=_function(found[LAMBDA]) if LAMBDA in found else None,
        query=_query(found[EXTRACTION]) if EXTRACTION in found else None,
    )


def delimiter(settings: Settings) -> bytes:
    """What an AppendDelimiterToRecord processor of the destination puts behind each record: as it is delivered, so that
    it needs no stage of its own.
    """
    configuration = settings.get("ProcessingConfiguration", {"Enabled": False})
    if configuration["Enabled"]:
        for processor in configuration["Processors"]:
            if processor["Type"] == DELIMITER:
                return _unescaped(_parameters(processor).get("Delimiter", "\\n"))
    return b""


def _parameters(processor: dict[str, Any]) -> Parameters:
    return {given["ParameterName"]: given["ParameterValue"] for given in processor.get("Parameters") or ()}


def _has(found: dict[str, Parameters], kind: str, is_on: Callable[[Parameters], bool]) -> bool:
    return kind in found and is_on(found[kind])


def _decompression(given: Parameters) -> bool:
    compression = given.get("CompressionFormat", "GZIP")
    if compression != "GZIP":
        raise InvalidArgument(f"CompressionFormat {compression} is not supported by the {DECOMPRESSION} processor")
    return True


def _log_processing(given: Parameters) -> bool:
    return given.get("DataMessageExtraction", "false").lower() == "true"


def _deaggregation(given: Parameters) -> Split:
    kind = given.get("SubRecordType", "").upper()
    if kind == "JSON":
        return consecutive_json
    if kind != "DELIMITED":
        raise InvalidArgument(f"SubRecordType of the {DEAGGREGATION} processor must be JSON or DELIMITED")
    try:
        delimiter = base64.b64decode(given.get("Delimiter", ""), validate=True)
    except binascii.Error:
        delimiter = b""
    if not delimiter:
        raise InvalidArgument(f"Delimiter of the {DEAGGREGATION} processor must be a base64-encoded string")
    return delimited(delimiter)


def _function(given: Parameters) -> Function:
    arn = parse_arn(given.get("LambdaArn", ""))
    if arn is None or arn.service != "lambda":
        raise InvalidArgument("LambdaArn of the Lambda processor must be the ARN of a function")
    size_mb = _number(given, "BufferSizeInMBs", 0.2, 3)
    interval_s = _number(given, "BufferIntervalInSeconds", 0, 900)
    hints = Hints(int(size_mb * MB), int(interval_s * 1000))
    return Function(given["LambdaArn"], hints, int(_number(given, "NumberOfRetries", 0, 300)), given.get("RoleArn", ""))


def _number(given: Parameters, name: str, least: float, most: float) -> float:
    try:
        number = float(given[name])
    except ValueError:
        number = -1
    if not least <= number <= most:
        raise InvalidArgument(f"{name} must be between {least} and {most}: {given[name]}")
    return number


def _query(given: Parameters) -> Query:
    engine = given.get("JsonParsingEngine")
    if engine != "JQ-1.6":
        raise InvalidArgument(f"JsonParsingEngine of the {EXTRACTION} processor must be JQ-1.6")
    if not given.get("MetadataExtractionQuery"):
        raise InvalidArgument(f"MetadataExtractionQuery of the {EXTRACTION} processor must be specified")
    return compile_query(given["MetadataExtractionQuery"])


def _unescaped(text: str) -> bytes:
    """A delimiter is written as in a string literal: a line's end is a backslash and an n."""
    for escape, character in _ESCAPES.items():
        text = text.replace(escape, character)
    return text.encode()
