"""Writing down what happens to a stack: its status, its resources and the events about both."""

from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.ids import new_id
from fogbank.services.cloudformation import notifications
from fogbank.services.cloudformation.parameters import HIDDEN
from fogbank.services.cloudformation.records import STACK_TYPE, Event, Stack, StackResource, Tables


class Journal:
    """All methods run in a transaction."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def stack(self, ctx: Context, stack: Stack, status: str, *, reason: str = "", **changes: Any) -> Stack:
        stack = msgspec.structs.replace(stack, status=status, reason=reason, **changes)
        self.tables.stacks.put((stack.account, stack.region, stack.id), stack)
        self.event(
            ctx, stack, logical_id=stack.name, physical_id=stack.id, kind=STACK_TYPE,
            status=status, reason=reason,
        )  # fmt: skip
        return stack

    def resource(self, ctx: Context, stack: Stack, resource: StackResource) -> None:
        self.tables.resources.put((stack.id, resource.logical_id), resource)
        self.resource_event(ctx, stack, resource)
        gone = resource.status in ("DELETE_COMPLETE", "DELETE_SKIPPED")
        if gone and stack.status not in ("DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"):
            self.tables.resources.delete((stack.id, resource.logical_id))

    def resource_event(self, ctx: Context, stack: Stack, resource: StackResource) -> None:
        self.event(
            ctx, stack, logical_id=resource.logical_id, physical_id=resource.physical_id, kind=resource.type,
            status=resource.status, reason=resource.reason,
            properties=_shown(stack, resource.properties),
        )  # fmt: skip

    def event(
        self, ctx: Context, stack: Stack, *, logical_id: str, physical_id: str, kind: str, status: str,
        reason: str, properties: str = "",
    ) -> None:  # fmt: skip
        last = next(iter(self.tables.events.scan((stack.id,), reverse=True, limit=1)), None)
        sequence, at_ms = 1, ctx.cloud.clock.now_ms()
        if last is not None:
            # Tools put events in order by their times, so that no two of a stack may be equal.
            sequence, at_ms = int(last[0][1]) + 1, max(at_ms, last[1].at_ms + 1)
        event = Event(
            id=new_id(), at_ms=at_ms, logical_id=logical_id, physical_id=physical_id, type=kind,
            status=status, reason=reason, properties=properties, token=stack.token,
        )  # fmt: skip
        self.tables.events.put((stack.id, sequence), event)
        if stack.notification_arns:
            notifications.put(ctx, stack, event)


def _shown(stack: Stack, properties: dict[str, Any]) -> str:
    """The properties as events show them: what NoEcho parameters gave is masked."""
    secrets = [
        stack.parameters[name]
        for name, spec in (stack.template.get("Parameters") or {}).items()
        if str(spec.get("NoEcho", "")).lower() == "true" and stack.parameters.get(name)
    ]
    return msgspec.json.encode(_masked(properties, secrets) if secrets else properties).decode()


def _masked(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, dict):
        return {key: _masked(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, secrets) for item in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
    return value
