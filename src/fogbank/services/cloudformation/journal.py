"""Writing down what happens to a stack: its status, its resources and the events about both."""

from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.ids import new_id
from fogbank.services.cloudformation.records import Event, Stack, StackResource, Tables


class Journal:
    """All methods run in a transaction."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def stack(self, ctx: Context, stack: Stack, status: str, *, reason: str = "", **changes: Any) -> Stack:
        stack = msgspec.structs.replace(stack, status=status, reason=reason, **changes)
        self.tables.stacks.put((stack.account, stack.region, stack.id), stack)
        self._event(
            ctx, stack, logical_id=stack.name, physical_id=stack.id, kind="AWS::CloudFormation::Stack",
            status=status, reason=reason,
        )  # fmt: skip
        return stack

    def resource(self, ctx: Context, stack: Stack, resource: StackResource) -> None:
        self.tables.resources.put((stack.id, resource.logical_id), resource)
        self._event(
            ctx, stack, logical_id=resource.logical_id, physical_id=resource.physical_id, kind=resource.type,
            status=resource.status, reason=resource.reason,
            properties=msgspec.json.encode(resource.properties).decode(),
        )  # fmt: skip
        if resource.status == "DELETE_COMPLETE" and stack.status != "DELETE_IN_PROGRESS":
            self.tables.resources.delete((stack.id, resource.logical_id))

    def _event(
        self, ctx: Context, stack: Stack, *, logical_id: str, physical_id: str, kind: str, status: str,
        reason: str, properties: str = "",
    ) -> None:  # fmt: skip
        last = next(iter(self.tables.events.scan((stack.id,), reverse=True, limit=1)), None)
        sequence, at_ms = 1, ctx.cloud.clock.now_ms()
        if last is not None:
            # Tools put events in order by their times, so that no two of a stack may be equal.
            sequence, at_ms = int(last[0][1]) + 1, max(at_ms, last[1].at_ms + 1)
        self.tables.events.put(
            (stack.id, sequence),
            Event(
                id=new_id(), at_ms=at_ms, logical_id=logical_id, physical_id=physical_id, type=kind,
                status=status, reason=reason, properties=properties, token=stack.token,
            ),
        )  # fmt: skip
