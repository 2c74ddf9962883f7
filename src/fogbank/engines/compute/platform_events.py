"""What the platform says about an environment: one event each, as a line of text and as JSON.

https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html (the records) and
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html (the levels)
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from fogbank.engines.compute.interface import Ending, FunctionSpec

Level = Literal["DEBUG", "INFO", "WARN"]
Status = Literal["success", "failure", "error", "timeout"]
Phase = Literal["init", "invoke"]


class PlatformEvent(msgspec.Struct, frozen=True):
    """`text` is the line of a log that is not in JSON; None if this event has none there."""

    type: str
    record: Mapping[str, Any]
    level: Level
    text: str | None = None


def status_of(ending: Ending | None) -> Status:
    match ending:
        case None | "answered":
            return "success"
        case "failed":
            return "error"
        case "timed_out":
            return "timeout"
        case _:
            return "failure"


def runtime_version(runtime: str) -> str:
    """AWS numbers the versions of each runtime, `python:3.12.v38`; here there is one of each."""
    for language in ("python", "nodejs", "java", "provided"):
        if runtime.startswith(language):
            return f"{language}:{runtime.removeprefix(language).removeprefix('.').removesuffix('.x')}.v1"
    return f"{runtime}.v1"


def init_start(spec: FunctionSpec, phase: Phase) -> PlatformEvent:
    version = runtime_version(spec.runtime)
    record = {
        "initializationType": spec.initialization_type,
        "phase": phase,
        "runtimeVersion": version,
        "runtimeVersionArn": spec.runtime_version_arn,
        "functionName": spec.name,
        "functionVersion": spec.version,
        "instanceMaxMemory": spec.memory_mb << 20,
    }
    text = f"INIT_START Runtime Version: {version}\tRuntime Version ARN: {spec.runtime_version_arn}\n"
    return PlatformEvent("platform.initStart", record, "INFO", text)


def init_runtime_done(spec: FunctionSpec, phase: Phase, status: Status, error_type: str | None) -> PlatformEvent:
    record = {"initializationType": spec.initialization_type, "phase": phase, "status": status}
    return PlatformEvent("platform.initRuntimeDone", _with_error(record, error_type), _quiet(status))


def init_report(
    spec: FunctionSpec, phase: Phase, status: Status, error_type: str | None, duration_ms: float
) -> PlatformEvent:
    record = {
        "initializationType": spec.initialization_type,
        "phase": phase,
        "status": status,
        "metrics": {"durationMs": round(duration_ms, 3)},
    }
    on_demand = spec.initialization_type == "on-demand"
    level: Level = "WARN" if status != "success" else "DEBUG" if on_demand else "INFO"
    text = None
    if status != "success":
        shown = "timeout" if status == "timeout" else "error"
        text = f"INIT_REPORT Init Duration: {duration_ms:.2f} ms\tPhase: {phase}\tStatus: {shown}"
        text += f"\tError Type: {error_type}\n" if error_type else "\n"
    return PlatformEvent("platform.initReport", _with_error(record, error_type), level, text)


def restore_start(spec: FunctionSpec) -> PlatformEvent:
    version = runtime_version(spec.runtime)
    record = {
        "runtimeVersion": version,
        "runtimeVersionArn": spec.runtime_version_arn,
        "functionName": spec.name,
        "functionVersion": spec.version,
        "instanceMaxMemory": spec.memory_mb << 20,
    }
    text = f"RESTORE_START Runtime Version: {version}\tRuntime Version ARN: {spec.runtime_version_arn}\n"
    return PlatformEvent("platform.restoreStart", record, "INFO", text)


def restore_runtime_done(status: Status, error_type: str | None) -> PlatformEvent:
    return PlatformEvent("platform.restoreRuntimeDone", _with_error({"status": status}, error_type), _quiet(status))


def restore_report(status: Status, error_type: str | None, duration_ms: float) -> PlatformEvent:
    record = {"status": status, "metrics": {"durationMs": round(duration_ms, 3)}}
    text = f"RESTORE_REPORT Restore Duration: {duration_ms:.2f} ms"
    if status != "success":
        text += f"\tStatus: {'timeout' if status == 'timeout' else 'error'}"
        text += f"\tError Type: {error_type}" if error_type else ""
    level: Level = "INFO" if status == "success" else "WARN"
    return PlatformEvent("platform.restoreReport", _with_error(record, error_type), level, text + "\n")


def start(request_id: str, version: str) -> PlatformEvent:
    record = {"requestId": request_id, "version": version}
    return PlatformEvent("platform.start", record, "INFO", f"START RequestId: {request_id} Version: {version}\n")


def end(request_id: str) -> PlatformEvent:
    """In text only: what runtimeDone and report say, END has always said."""
    return PlatformEvent("platform.end", {"requestId": request_id}, "DEBUG", f"END RequestId: {request_id}\n")


def runtime_done(
    request_id: str, status: Status, error_type: str | None, *, duration_ms: float, produced_bytes: int
) -> PlatformEvent:
    record = {
        "requestId": request_id,
        "status": status,
        "metrics": {"durationMs": round(duration_ms, 3), "producedBytes": produced_bytes},
    }
    return PlatformEvent("platform.runtimeDone", _with_error(record, error_type), _quiet(status))


def report(
    request_id: str,
    status: Status,
    error_type: str | None,
    *,
    duration_ms: float,
    billed_init: bool,
    memory_size_mb: int,
    memory_used_mb: int,
    init_ms: float | None,
    restore_ms: float | None,
) -> PlatformEvent:
    billed_ms = math.ceil(duration_ms + (init_ms or 0 if billed_init else 0))
    metrics: dict[str, Any] = {
        "durationMs": round(duration_ms, 3),
        "billedDurationMs": billed_ms,
        "memorySizeMB": memory_size_mb,
        "maxMemoryUsedMB": memory_used_mb,
    }
    text = (
        f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\tBilled Duration: {billed_ms} ms\t"
        f"Memory Size: {memory_size_mb} MB\tMax Memory Used: {memory_used_mb} MB\t"
    )
    if init_ms is not None:
        metrics["initDurationMs"] = round(init_ms, 3)
        text += f"Init Duration: {init_ms:.2f} ms\t"
    if restore_ms is not None:
        metrics["restoreDurationMs"] = round(restore_ms, 3)
        metrics["billedRestoreDurationMs"] = math.ceil(restore_ms)
        text += f"Restore Duration: {restore_ms:.2f} ms\tBilled Restore Duration: {math.ceil(restore_ms)} ms\t"
    if status == "timeout":
        text += "Status: timeout"
    elif status == "failure":
        text += "Status: error"
        text += f"\tError Type: {error_type}" if error_type else ""
    record = {"requestId": request_id, "metrics": metrics, "status": status}
    level: Level = "INFO" if status == "success" else "WARN"
    return PlatformEvent("platform.report", _with_error(record, error_type), level, text + "\n")


def extension(name: str, state: str, events: Sequence[str], error_type: str | None = None) -> PlatformEvent:
    record = {"name": name, "state": state, "events": list(events)}
    text = f"EXTENSION\tName: {name}\tState: {state}\tEvents: [{', '.join(events)}]"
    text += f"\tError Type: {error_type}\n" if error_type else "\n"
    level: Level = "WARN" if error_type else "INFO"
    return PlatformEvent("platform.extension", _with_error(record, error_type), level, text)


def subscription(family: Literal["Telemetry", "Logs"], name: str, types: Sequence[str]) -> PlatformEvent:
    record = {"name": name, "state": "Subscribed", "types": list(types)}
    type_ = "platform.telemetrySubscription" if family == "Telemetry" else "platform.logsSubscription"
    shown = ", ".join(each.capitalize() for each in types)
    text = f"{family.upper()}\tName: {name}\tState: Subscribed\tTypes: [{shown}]\n"
    return PlatformEvent(type_, record, "INFO", text)


def logs_dropped(reason: str, records: int, bytes_: int) -> PlatformEvent:
    record = {"reason": reason, "droppedRecords": records, "droppedBytes": bytes_}
    return PlatformEvent("platform.logsDropped", record, "WARN")


def _with_error(record: dict[str, Any], error_type: str | None) -> dict[str, Any]:
    return record | {"errorType": error_type} if error_type else record


def _quiet(status: Status) -> Level:
    return "DEBUG" if status == "success" else "WARN"
