"""What a pipe may be made of; the rest is refused by name.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-source.html
"""

from typing import Any

from fogbank.core.arn import Arn, parse_arn
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.patterns import InvalidEventPattern, compile_pattern
from fogbank.services.pipes.errors import Invalid
from fogbank.services.pipes.records import Pipe
from fogbank.services.pipes.templates import check_template

_STREAM_DEFAULTS: dict[str, Any] = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
}
# The member of SourceParameters that belongs to a source, and its defaults.
_SOURCES: dict[str, tuple[str, dict[str, Any]]] = {
    "sqs": ("SqsQueueParameters", {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0}),
    "dynamodb": ("DynamoDBStreamParameters", _STREAM_DEFAULTS),
    "kinesis": ("KinesisStreamParameters", _STREAM_DEFAULTS),
}
STREAM_PARAMETERS = ("DynamoDBStreamParameters", "KinesisStreamParameters")
# The members of TargetParameters that a target honours, beside InputTemplate.
_TARGETS = {
    "lambda": frozenset({"LambdaFunctionParameters"}),
    "sqs": frozenset({"SqsQueueParameters"}),
    "sns": frozenset[str](),
    "events": frozenset({"EventBridgeEventBusParameters"}),
    "logs": frozenset({"CloudWatchLogsParameters"}),
    "kinesis": frozenset({"KinesisStreamParameters"}),
    "firehose": frozenset[str](),
}
_QUEUE_BATCH_MAX_WITHOUT_WINDOW = 10


def source_arn(pipe: Pipe) -> Arn:
    return _known(pipe.source)


def source_settings(pipe: Pipe) -> dict[str, Any]:
    """The parameters of the pipe's kind of source."""
    member, _ = _SOURCES[source_arn(pipe).service]
    settings: dict[str, Any] = pipe.source_parameters[member]
    return settings


def patterns(pipe: Pipe) -> list[str]:
    return _patterns(pipe.source_parameters)


def _patterns(parameters: dict[str, Any]) -> list[str]:
    filters = parameters.get("FilterCriteria", {}).get("Filters") or ()
    return [entry["Pattern"] for entry in filters if entry.get("Pattern")]


def with_defaults(source: str, given: dict[str, Any]) -> dict[str, Any]:
    """SourceParameters, checked. Raises for a source that cannot be read."""
    arn = _known(source)
    if arn.service not in _SOURCES:
        raise NotImplementedInFogbank(f"Pipe sources of service {arn.service} are not implemented in Fogbank: {source}")
    if arn.service == "dynamodb" and "/stream/" not in arn.resource:
        raise Invalid(f"The source {source} is not the ARN of a stream.")
    member, defaults = _SOURCES[arn.service]
    for name in given:
        if name not in (member, "FilterCriteria"):
            raise Invalid(f"{name} does not belong to a source of service {arn.service}.")
    settings = {**defaults, **(given.get(member) or {})}
    if member in STREAM_PARAMETERS:
        if "StartingPosition" not in settings:
            raise Invalid("StartingPosition must be given for a stream.")
        if (settings["StartingPosition"] == "AT_TIMESTAMP") != ("StartingPositionTimestamp" in settings):
            raise Invalid("StartingPositionTimestamp must be given for AT_TIMESTAMP, and for no other position.")
    if (
        arn.service == "sqs"
        and settings["BatchSize"] > _QUEUE_BATCH_MAX_WITHOUT_WINDOW
        and not settings["MaximumBatchingWindowInSeconds"]
    ):
        raise Invalid("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
    parameters: dict[str, Any] = {member: settings}
    if "FilterCriteria" in given:
        for pattern in _patterns(given):
            try:
                compile_pattern(pattern)
            except InvalidEventPattern as error:
                raise Invalid(f"Invalid filter pattern: {error.reason}") from error
        parameters["FilterCriteria"] = given["FilterCriteria"]
    return parameters


def check_target(target: str, given: dict[str, Any]) -> None:
    arn = _known(target)
    if arn.service not in _TARGETS:
        raise NotImplementedInFogbank(f"Pipe targets of service {arn.service} are not implemented in Fogbank: {target}")
    if arn.service == "events" and not arn.resource.startswith("event-bus/"):
        raise NotImplementedInFogbank(f"API destinations as pipe targets are not implemented in Fogbank: {target}")
    for name in given:
        if name != "InputTemplate" and name not in _TARGETS[arn.service]:
            raise Invalid(f"{name} does not belong to a target of service {arn.service}.")
    if "EndpointId" in given.get("EventBridgeEventBusParameters", {}):
        raise NotImplementedInFogbank("EndpointId of an event bus target is not implemented in Fogbank.")
    is_fifo = arn.service == "sqs" and arn.resource.endswith(".fifo")
    if is_fifo and not given.get("SqsQueueParameters", {}).get("MessageGroupId"):
        raise Invalid("SqsQueueParameters with a MessageGroupId must be given for a FIFO queue.")
    if arn.service == "kinesis" and not given.get("KinesisStreamParameters", {}).get("PartitionKey"):
        raise Invalid("KinesisStreamParameters with a PartitionKey must be given for a Kinesis stream.")
    check_template(given.get("InputTemplate"))


def check_enrichment(enrichment: str, given: dict[str, Any]) -> None:
    if not enrichment:
        return
    arn = _known(enrichment)
    if arn.service != "lambda":
        raise NotImplementedInFogbank(f"Enrichment by {arn.service} is not implemented in Fogbank: {enrichment}")
    if "HttpParameters" in given:
        raise Invalid("HttpParameters do not belong to an enrichment by a function.")
    check_template(given.get("InputTemplate"))


def _known(text: str) -> Arn:
    arn = parse_arn(text)
    if arn is None:
        raise NotImplementedInFogbank(f"{text} is no ARN; self-managed sources are not implemented in Fogbank.")
    return arn
