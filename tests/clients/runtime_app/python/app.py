"""Echoes what it gets, or fails if it is asked to."""

from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    if "fail" in event:
        raise ValueError(event["fail"])
    print("handled", event["text"])
    return {
        "event": event,
        "function": context.function_name,
        "request": context.aws_request_id,
        "remaining_ms": context.get_remaining_time_in_millis(),
    }
