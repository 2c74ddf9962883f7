"""Event source mappings as stored things: checked, made, changed, shown.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

import uuid
from typing import Any

from fogbank.core.arn import Arn, parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.patterns import InvalidEventPattern, compile_pattern
from fogbank.core.targets import queue_url
from fogbank.services.lambda_.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from fogbank.services.lambda_.esm_metrics import EVENT_COUNT
from fogbank.services.lambda_.execution_role import check_reading
from fogbank.services.lambda_.functions import Functions
from fogbank.services.lambda_.names import FunctionName, function_arn
from fogbank.services.lambda_.records import Mapping, Tables

_SERVICES = ("sqs", "dynamodb", "kinesis")
_STREAM_ONLY = (
    "StartingPosition",
    "StartingPositionTimestamp",
    "ParallelizationFactor",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "DestinationConfig",
    "TumblingWindowInSeconds",
)


class Mappings:
    """The mappings of all accounts; `changed` is told of each change by the service."""

    def __init__(self, cloud: Cloud, tables: Tables, functions: Functions) -> None:
        self._cloud = cloud
        self._tables = tables
        self._functions = functions

    def get(self, ctx: Context, mapping_uuid: str) -> Mapping:
        found = self._tables.mappings.get((ctx.account, ctx.region, mapping_uuid))
        if found is None:
            raise ResourceNotFound()
        return found

    def create(self, ctx: Context, name: FunctionName, settings: dict[str, Any]) -> Mapping:
        source_arn = settings.get("EventSourceArn", "")
        arn = parse_arn(source_arn)
        if arn is None:
            raise InvalidParameterValue("Unrecognized event source.")
        if arn.service not in _SERVICES:
            raise NotImplementedInFogbank(f"Event sources of service {arn.service} are not implemented in Fogbank yet.")
        _check_kind(arn.service, source_arn, settings)
        self._functions_exist(ctx, name)
        self._check_source(ctx, name, arn, source_arn)
        for _, other in self._tables.mappings.scan((ctx.account, ctx.region)):
            if (other.source_arn, other.function_name, other.qualifier) == (
                source_arn,
                name.name,
                name.qualifier,
            ):
                raise ResourceConflict(_already_there(arn.service, source_arn, name.name, other.uuid))
        mapping = Mapping(
            uuid=str(uuid.uuid4()),
            source_arn=source_arn,
            function_name=name.name,
            qualifier=name.qualifier,
            state="Enabled" if settings.get("Enabled", True) else "Disabled",
            batch_size=10 if arn.service == "sqs" else 100,
            created_ms=ctx.now_ms,
            modified_ms=ctx.now_ms,
            last_result="" if arn.service == "sqs" else "No records processed",
            tags=settings.get("Tags") or {},
        )
        self._apply(mapping, arn.service, settings)
        self._save(ctx, mapping)
        return mapping

    def update(self, ctx: Context, mapping: Mapping, settings: dict[str, Any], name: FunctionName | None) -> None:
        if name is not None:
            self._functions_exist(ctx, name)
            mapping.function_name, mapping.qualifier = name.name, name.qualifier
        if (enabled := settings.get("Enabled")) is not None:
            mapping.state = "Enabled" if enabled else "Disabled"
        arn = parse_arn(mapping.source_arn)
        self._apply(mapping, arn.service if arn is not None else "sqs", settings)
        if not mapping.tumbling_s:
            self._tables.windows.delete_all((mapping.uuid,))
        mapping.modified_ms = ctx.now_ms
        self._save(ctx, mapping)

    def delete(self, ctx: Context, mapping: Mapping) -> None:
        self._tables.mappings.delete((ctx.account, ctx.region, mapping.uuid))
        self._tables.checkpoints.delete_all((mapping.uuid,))
        self._tables.windows.delete_all((mapping.uuid,))

    def _save(self, ctx: Context, mapping: Mapping) -> None:
        self._tables.mappings.put((ctx.account, ctx.region, mapping.uuid), mapping)

    def _functions_exist(self, ctx: Context, name: FunctionName) -> None:
        try:
            self._functions.configuration(ctx, name)
        except ResourceNotFound as error:
            # AWS answers "Function does not exist" here, and the usual sentence everywhere else.
            raise InvalidParameterValue("Function does not exist") from error

    def _check_source(self, ctx: Context, name: FunctionName, arn: Arn, source_arn: str) -> None:
        config = self._functions.configuration(ctx, name)
        check_reading(ctx, config.role, arn)
        there = ctx.at(account=arn.account, region=arn.region)
        if arn.service == "sqs":
            url = queue_url(there, arn.account, arn.resource)
            try:
                found = self._cloud.sqs.get_queue_attributes(there, QueueUrl=url, AttributeNames=["VisibilityTimeout"])
            except AwsError as error:
                raise InvalidParameterValue(
                    f"Error occurred while ReceiveMessage. SQS Error Code: {error.query_code or error.code}. "
                    f"SQS Error Message: {error.message}"
                ) from error
            visibility_s = int(found["Attributes"]["VisibilityTimeout"])
            timeout_s = config.timeout_s
            if visibility_s < timeout_s:
                raise InvalidParameterValue(
                    f"Queue visibility timeout: {visibility_s} seconds is less than "
                    f"Function timeout: {timeout_s} seconds"
                )
            return
        try:
            if "/consumer/" in arn.resource:
                self._cloud.kinesis.describe_stream_consumer(there, ConsumerARN=source_arn)
            elif arn.service == "kinesis":
                self._cloud.kinesis.describe_stream_summary(there, StreamARN=source_arn)
            else:
                self._cloud.dynamodbstreams.describe_stream(there, StreamArn=source_arn)
        except AwsError as error:
            raise InvalidParameterValue(f"Stream not found: {source_arn}") from error

    def _apply(self, mapping: Mapping, service: str, settings: dict[str, Any]) -> None:
        for member, field in _PLAIN_MEMBERS:
            if (value := settings.get(member)) is not None:
                setattr(mapping, field, value)
        if (criteria := settings.get("FilterCriteria")) is not None:
            patterns = [entry["Pattern"] for entry in criteria.get("Filters", []) if entry.get("Pattern")]
            for pattern in patterns:
                try:
                    compile_pattern(pattern)
                except InvalidEventPattern as error:
                    raise InvalidParameterValue("Invalid filter pattern definition.") from error
            mapping.filters = patterns
        if (moment := settings.get("StartingPositionTimestamp")) is not None:
            mapping.starting_ms = int(moment * 1000)
        if (metrics := settings.get("MetricsConfig")) is not None:
            mapping.metrics = metrics.get("Metrics", [])
            if set(mapping.metrics) - {EVENT_COUNT}:
                raise InvalidParameterValue("Unsupported Metrics for given event source mapping type.")
        if (scaling := settings.get("ScalingConfig")) is not None:
            mapping.concurrency_max = scaling.get("MaximumConcurrency")
        if (destinations := settings.get("DestinationConfig")) is not None:
            mapping.on_failure = (destinations.get("OnFailure") or {}).get("Destination", "")
        if service == "sqs":
            if mapping.batch_size > 10 and mapping.window_s == 0:
                raise InvalidParameterValue(
                    "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
                )
            if mapping.batch_size > 10 and mapping.source_arn.endswith(".fifo"):
                raise InvalidParameterValue("Batch size must be less than or equal to 10 for FIFO queues.")


def _check_kind(service: str, source_arn: str, settings: dict[str, Any]) -> None:
    """Refuse what the kind of source does not have."""
    for member in _STREAM_ONLY if service == "sqs" else ("ScalingConfig",):
        if settings.get(member) is not None:
            raise InvalidParameterValue(f"Unsupported {member} parameter for given event source mapping type.")
    if service == "sqs":
        return
    position = settings.get("StartingPosition")
    if position is None:
        raise InvalidParameterValue(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
    if position == "AT_TIMESTAMP" and service != "kinesis":
        raise InvalidParameterValue(f"Unsupported starting position for arn type: {source_arn}")
    if (position == "AT_TIMESTAMP") != (settings.get("StartingPositionTimestamp") is not None):
        raise InvalidParameterValue(
            "StartingPositionTimestamp must be given for the starting position AT_TIMESTAMP, and for no other."
        )


def _already_there(service: str, source_arn: str, function: str, uuid_: str) -> str:
    source = "An event source mapping with SQS arn" if service == "sqs" else "The event source arn"
    mapping = "already exists" if service == "sqs" else "provided mapping already exists"
    return (
        f'{source} (" {source_arn} ") and function (" {function} ") {mapping}. '
        f"Please update or delete the existing mapping with UUID {uuid_}"
    )


_PLAIN_MEMBERS = (
    ("BatchSize", "batch_size"),
    ("MaximumBatchingWindowInSeconds", "window_s"),
    ("FunctionResponseTypes", "response_types"),
    ("StartingPosition", "starting_position"),
    ("MaximumRetryAttempts", "retries_max"),
    ("MaximumRecordAgeInSeconds", "age_max_s"),
    ("BisectBatchOnFunctionError", "bisect"),
    ("ParallelizationFactor", "parallelization"),
    ("TumblingWindowInSeconds", "tumbling_s"),
)


def mapping_answer(ctx: Context, mapping: Mapping, *, state: str | None = None) -> dict[str, Any]:
    """An EventSourceMappingConfiguration; `state` overrides the stored one while a change is under way."""
    streams = ":sqs:" not in mapping.source_arn
    answer: dict[str, Any] = {
        "UUID": mapping.uuid,
        "BatchSize": mapping.batch_size,
        "MaximumBatchingWindowInSeconds": mapping.window_s,
        "EventSourceArn": mapping.source_arn,
        "EventSourceMappingArn": ctx.arn("lambda", f"event-source-mapping:{mapping.uuid}"),
        "FunctionArn": function_arn(ctx, ctx.account, mapping.function_name, mapping.qualifier),
        "LastModified": mapping.modified_ms / 1000,
        "State": state or mapping.state,
        "StateTransitionReason": "User action" if streams else "USER_INITIATED",
        "FunctionResponseTypes": mapping.response_types,
    }
    if mapping.filters:
        answer["FilterCriteria"] = {"Filters": [{"Pattern": pattern} for pattern in mapping.filters]}
    if mapping.metrics:
        answer["MetricsConfig"] = {"Metrics": mapping.metrics}
    if mapping.concurrency_max is not None:
        answer["ScalingConfig"] = {"MaximumConcurrency": mapping.concurrency_max}
    if mapping.starting_ms:
        answer["StartingPositionTimestamp"] = mapping.starting_ms / 1000
    if streams:
        answer |= {
            "StartingPosition": mapping.starting_position,
            "ParallelizationFactor": mapping.parallelization,
            "MaximumRecordAgeInSeconds": mapping.age_max_s,
            "BisectBatchOnFunctionError": mapping.bisect,
            "MaximumRetryAttempts": mapping.retries_max,
            "TumblingWindowInSeconds": mapping.tumbling_s,
            "LastProcessingResult": mapping.last_result,
            "DestinationConfig": {"OnFailure": {"Destination": mapping.on_failure} if mapping.on_failure else {}},
        }
    return answer
