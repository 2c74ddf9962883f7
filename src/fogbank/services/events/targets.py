"""What PutTargets accepts, and how ListTargetsByRule shows it."""

from typing import TYPE_CHECKING, Any

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.input_template import compile_path
from fogbank.services.events.api_targets import names_method
from fogbank.services.events.errors import InvalidParameter, LimitExceeded
from fogbank.services.events.inputs import invalid_placeholder
from fogbank.services.events.records import HttpParameters, InputTransformer, Target
from fogbank.services.events.routing import TARGET_SERVICES, is_http

if TYPE_CHECKING:
    from fogbank.services.events.base import EventsBase

TARGETS_MAX = 5  # Quota: targets per rule.
_HONOURED = frozenset(
    {
        "Id",
        "Arn",
        "RoleArn",
        "Input",
        "InputPath",
        "InputTransformer",
        "SqsParameters",
        "DeadLetterConfig",
        "RetryPolicy",
        "HttpParameters",
        "KinesisParameters",
    }
)


def put(service: "EventsBase", ctx: Context, bus: str, rule: str, wanted: list[dict[str, Any]]) -> None:
    place = (ctx.account, ctx.region, bus, rule)
    numbers = {key[-1]: target.number for key, target in service.targets.scan(place)}
    for given in wanted:
        numbers.setdefault(given["Id"], max(numbers.values(), default=0) + 1)
    if len(numbers) > TARGETS_MAX:
        raise LimitExceeded()
    for given in wanted:
        target = _check(given)
        target.number = numbers[given["Id"]]
        service.targets.put((*place, given["Id"]), target)


def _check(wanted: dict[str, Any]) -> Target:
    target_id, text = wanted["Id"], wanted["Arn"]
    arn = parse_arn(text)
    if arn is None:
        raise InvalidParameter(f"Parameter {text} is not valid. Reason: Provided Arn is not in correct format.")
    if arn.service not in TARGET_SERVICES:
        raise NotImplementedInFogbank(f"Targets of service {arn.service} are not implemented in Fogbank: {text}")
    if arn.service == "events" and not arn.resource.startswith(("event-bus/", "api-destination/")):
        raise InvalidParameter(f"Parameter {text} is not valid. Reason: Provided Arn is not in correct format.")
    if arn.service == "execute-api" and not names_method(arn):
        raise InvalidParameter(f"Parameter {text} is not valid. Reason: Provided Arn is not in correct format.")
    if "HttpParameters" in wanted and not is_http(text):
        raise NotImplementedInFogbank(f"HttpParameters are implemented for API destinations and APIs only: {text}")
    for member in wanted:
        if member not in _HONOURED:
            raise NotImplementedInFogbank(f"The target parameter {member} is not implemented in Fogbank.")
    if sum(member in wanted for member in ("Input", "InputPath", "InputTransformer")) > 1:
        raise InvalidParameter(
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {target_id}."
        )
    group = wanted.get("SqsParameters", {}).get("MessageGroupId")
    if arn.service == "sqs" and arn.resource.endswith(".fifo") and not group:
        raise InvalidParameter(f"Parameter(s) SqsParameters must be specified for target: {target_id}.")
    partition_key_path = wanted.get("KinesisParameters", {}).get("PartitionKeyPath", "")
    if partition_key_path and (arn.service != "kinesis" or compile_path(partition_key_path) is None):
        raise InvalidParameter(f"Invalid KinesisParameters for target {target_id}.")
    if "InputPath" in wanted and compile_path(wanted["InputPath"]) is None:
        raise InvalidParameter(f"Invalid InputPath for target {target_id}.")
    retry = wanted.get("RetryPolicy", {})
    return Target(
        arn=text,
        role_arn=wanted.get("RoleArn", ""),
        input=wanted.get("Input"),
        input_path=wanted.get("InputPath"),
        transformer=_transformer(target_id, wanted["InputTransformer"]) if "InputTransformer" in wanted else None,
        message_group_id=group,
        dead_letter_arn=wanted.get("DeadLetterConfig", {}).get("Arn", ""),
        retry_attempts_max=retry.get("MaximumRetryAttempts"),
        retry_age_max_s=retry.get("MaximumEventAgeInSeconds"),
        http=_http_parameters(wanted["HttpParameters"]) if "HttpParameters" in wanted else None,
        partition_key_path=partition_key_path,
    )


def _http_parameters(wanted: dict[str, Any]) -> HttpParameters:
    return HttpParameters(
        path=wanted.get("PathParameterValues") or [],
        headers=wanted.get("HeaderParameters") or {},
        query=wanted.get("QueryStringParameters") or {},
    )


def _transformer(target_id: str, wanted: dict[str, Any]) -> InputTransformer:
    paths = dict(wanted.get("InputPathsMap") or {})
    template: str = wanted["InputTemplate"]
    for path in paths.values():
        if compile_path(path) is None:
            raise InvalidParameter(f"Invalid InputTransformer for target {target_id}.")
    unknown = invalid_placeholder(template, paths)
    if unknown is not None:
        raise InvalidParameter(f"InputTemplate for target {target_id} contains invalid placeholder {unknown}.")
    return InputTransformer(paths=paths, template=template)


def describe(target_id: str, target: Target) -> dict[str, Any]:
    answer: dict[str, Any] = {"Id": target_id, "Arn": target.arn}
    if target.role_arn:
        answer["RoleArn"] = target.role_arn
    if target.input is not None:
        answer["Input"] = target.input
    if target.input_path is not None:
        answer["InputPath"] = target.input_path
    if target.transformer is not None:
        transformer: dict[str, Any] = {"InputTemplate": target.transformer.template}
        if target.transformer.paths:
            transformer["InputPathsMap"] = target.transformer.paths
        answer["InputTransformer"] = transformer
    if target.message_group_id is not None:
        answer["SqsParameters"] = {"MessageGroupId": target.message_group_id}
    if target.partition_key_path:
        answer["KinesisParameters"] = {"PartitionKeyPath": target.partition_key_path}
    if target.dead_letter_arn:
        answer["DeadLetterConfig"] = {"Arn": target.dead_letter_arn}
    if target.http is not None:
        parameters = {
            "PathParameterValues": target.http.path,
            "HeaderParameters": target.http.headers,
            "QueryStringParameters": target.http.query,
        }
        answer["HttpParameters"] = {member: value for member, value in parameters.items() if value}
    retry = {
        "MaximumRetryAttempts": target.retry_attempts_max,
        "MaximumEventAgeInSeconds": target.retry_age_max_s,
    }
    kept = {member: value for member, value in retry.items() if value is not None}
    if kept:
        answer["RetryPolicy"] = kept
    return answer
