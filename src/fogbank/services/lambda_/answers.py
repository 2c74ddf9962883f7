"""Stored records in the API's form."""

import hashlib
from typing import Any

from fogbank.core.context import Context
from fogbank.core.ids import new_id
from fogbank.core.moments import iso_offset
from fogbank.services.lambda_.code_signing import config_arn
from fogbank.services.lambda_.fleets import INIT_FAILURE
from fogbank.services.lambda_.names import function_arn
from fogbank.services.lambda_.records import Alias, CodeSigning, Configuration, Function, InvokeConfig, Layer, Snapshot
from fogbank.services.lambda_.states import is_settled, revision_of


def log_group(config: Configuration) -> str:
    return config.logging.get("LogGroup") or f"/aws/lambda/{config.name}"


def configuration(
    ctx: Context,
    account: str,
    config: Configuration,
    layers: list[dict[str, Any]],
    snapshot: Snapshot | None,
    *,
    qualifier: str,
) -> dict[str, Any]:
    """A FunctionConfiguration without its environment; its ARN has the version or the alias that the caller named."""
    answer: dict[str, Any] = {
        "FunctionName": config.name,
        "FunctionArn": function_arn(ctx, account, config.name, qualifier),
        "Runtime": config.runtime,
        "Role": config.role,
        "Handler": config.handler,
        "CodeSize": config.code_size,
        "CodeSha256": config.code_sha256,
        "Description": config.description,
        "Timeout": config.timeout_s,
        "MemorySize": config.memory_mb,
        "LastModified": iso_offset(config.modified_ms),
        "Version": config.label,
        "RevisionId": revision_of(ctx, config),
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": config.architectures,
        "EphemeralStorage": {"Size": config.ephemeral_mb},
        "TracingConfig": {"Mode": config.tracing},
        "SnapStart": {
            "ApplyOn": "PublishedVersions" if config.snap_start else "None",
            "OptimizationStatus": "On" if snapshot is not None and snapshot.state == "Active" else "Off",
        },
        "LoggingConfig": _logging(config),
        "RuntimeVersionConfig": {"RuntimeVersionArn": runtime_version_arn(ctx.region, config.runtime)},
    }
    if config.kms_key_arn:
        answer["KMSKeyArn"] = config.kms_key_arn
    if config.dead_letter_arn:
        answer["DeadLetterConfig"] = {"TargetArn": config.dead_letter_arn}
    if layers:
        answer["Layers"] = layers
    if snapshot is not None and snapshot.state == "Failed":
        return answer | _failed(snapshot.failure)
    if is_settled(ctx, config) and (snapshot is None or snapshot.state == "Active"):
        return answer
    return pending(answer) if config.version else _updating(answer)


def _logging(config: Configuration) -> dict[str, str]:
    answer = {"LogFormat": "Text", **config.logging, "LogGroup": log_group(config)}
    if answer["LogFormat"] == "JSON":
        answer = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **answer}
    return answer


def runtime_version_arn(region: str, runtime: str) -> str:
    """AWS names a runtime's version by a digest; Fogbank has one version of each."""
    digest = hashlib.sha256(runtime.encode()).hexdigest()
    return f"arn:aws:lambda:{region}::runtime:{digest}"


def _failed(failure: str) -> dict[str, str]:
    """A version of which there is no snapshot."""
    if failure == INIT_FAILURE:
        reason = "The function could not be initialized: its log tells more."
        return {"State": "Failed", "StateReason": reason, "StateReasonCode": "FunctionError"}
    return {"State": "Failed", "StateReason": failure, "StateReasonCode": "InternalError"}


def pending(answer: dict[str, Any]) -> dict[str, Any]:
    """A version that is still being made."""
    return {
        **{name: value for name, value in answer.items() if name != "LastUpdateStatus"},
        "State": "Pending",
        "StateReason": "The function is being created.",
        "StateReasonCode": "Creating",
    }


def created(answer: dict[str, Any]) -> dict[str, Any]:
    """What CreateFunction answers: the function is still being made, and has another revision when it is."""
    return pending({**answer, "RevisionId": new_id()})


def _updating(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        **answer,
        "LastUpdateStatus": "InProgress",
        "LastUpdateStatusReason": "The function is being created.",
        "LastUpdateStatusReasonCode": "Creating",
    }


_NOT_LISTED = frozenset(
    {
        "LastUpdateStatus",
        "LastUpdateStatusReason",
        "LastUpdateStatusReasonCode",
        "RuntimeVersionConfig",
        "State",
        "StateReason",
        "StateReasonCode",
    }
)


def listed(answer: dict[str, Any]) -> dict[str, Any]:
    """A FunctionConfiguration as lists have it: nothing of its state."""
    return {name: value for name, value in answer.items() if name not in _NOT_LISTED}


def concurrency(function: Function) -> dict[str, Any]:
    return {} if function.reserved is None else {"ReservedConcurrentExecutions": function.reserved}


def alias(ctx: Context, account: str, name: str, record: Alias) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "AliasArn": function_arn(ctx, account, name, record.name),
        "Name": record.name,
        "FunctionVersion": record.version,
        "Description": record.description,
        "RevisionId": record.revision,
    }
    if record.weights:
        answer["RoutingConfig"] = {"AdditionalVersionWeights": record.weights}
    return answer


def invoke_config(ctx: Context, account: str, name: str, qualifier: str, record: InvokeConfig) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "LastModified": record.modified_ms / 1000,
        "FunctionArn": function_arn(ctx, account, name, qualifier),
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}, **record.destinations},
    }
    if record.retries_max is not None:
        answer["MaximumRetryAttempts"] = record.retries_max
    if record.age_max_s is not None:
        answer["MaximumEventAgeInSeconds"] = record.age_max_s
    return answer


def layer_version(arn: str, version: int, layer: Layer) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "LayerVersionArn": f"{arn}:{version}",
        "Version": version,
        "Description": layer.description,
        "CreatedDate": iso_offset(layer.created_ms),
    }
    if layer.runtimes is not None:
        answer["CompatibleRuntimes"] = layer.runtimes
    if layer.architectures is not None:
        answer["CompatibleArchitectures"] = layer.architectures
    if layer.license:
        answer["LicenseInfo"] = layer.license
    return answer


def code_signing(ctx: Context, config: CodeSigning) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "CodeSigningConfigId": config.config_id,
        "CodeSigningConfigArn": config_arn(ctx, config.config_id),
        "AllowedPublishers": {"SigningProfileVersionArns": config.publishers},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": config.untrusted},
        "LastModified": iso_offset(config.modified_ms),
    }
    if config.description:
        answer["Description"] = config.description
    return answer
