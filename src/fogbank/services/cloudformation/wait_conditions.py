"""AWS::CloudFormation::WaitConditionHandle and WaitCondition.

A handle is a URL; each PUT there of `{"Status", "Reason", "UniqueId", "Data"}` is a signal, also when it comes before
the condition begins to wait. A handle nobody waits on is how templates give a stack a resource that costs nothing.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-waitcondition.html
"""

import json
from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.cloudformation import callbacks
from fogbank.services.cloudformation.errors import Cancelled, ValidationError
from fogbank.services.cloudformation.records import Signal

KIND = "wait"
HANDLE_VALID_S = 86_400
TIMEOUT_S_MAX = 43_200  # "The maximum time that can be specified for this property is 12 hours"


class HandleSignal(msgspec.Struct):
    """What a PUT to a handle carries."""

    Status: str
    UniqueId: str
    Reason: str = ""
    Data: Any = ""


def signal(body: bytes) -> tuple[str, Signal]:
    """Unique id and signal of a PUT to a handle. ValidationError if it is none."""
    try:
        found = msgspec.json.decode(body, type=HandleSignal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ValidationError("WaitCondition received a malformed signal") from None
    if found.Status not in ("SUCCESS", "FAILURE"):
        raise ValidationError("WaitCondition: Status must be SUCCESS or FAILURE")
    data = found.Data if isinstance(found.Data, str) else json.dumps(found.Data)
    return found.UniqueId, Signal(status=found.Status, reason=found.Reason, data=data)


class WaitConditionHandleResource(ResourceType):
    type_name = "AWS::CloudFormation::WaitConditionHandle"
    supported = frozenset(())

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        tables = ctx.cloud.cloudformation.tables
        token = f"{request.stack_id}|{request.logical_id}"
        url = await ctx.run(callbacks.url, ctx, tables, KIND, token, valid_s=HANDLE_VALID_S)
        return ResourceState(physical_id=url)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return ResourceState(physical_id=request.physical_id)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        return None


class WaitConditionResource(ResourceType):
    type_name = "AWS::CloudFormation::WaitCondition"
    supported = frozenset(("Count", "Handle", "Timeout"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        physical_id = f"{request.stack_id}/{request.logical_id}"
        given = request.properties
        if "Handle" not in given:  # a CreationPolicy does the waiting
            return ResourceState(physical_id=physical_id, attributes={"Data": "{}"})
        if "Timeout" not in given or not 0 <= int(given["Timeout"]) <= TIMEOUT_S_MAX:
            raise ValidationError("WaitCondition: Timeout must be a number of seconds of at most 43200")
        kind, token = callbacks.token_of(str(given["Handle"]))
        stack_id, _, handle = token.partition("|")
        if kind != KIND:
            raise ValidationError("WaitCondition: Handle must be a WaitConditionHandle")
        until_ms = ctx.cloud.clock.now_ms() + int(given["Timeout"]) * 1000
        if request.announce is not None:
            await request.announce(physical_id)
        count = int(given.get("Count", 1))
        data = await self._wait(ctx, request, stack_id, handle, count=count, until_ms=until_ms)
        return ResourceState(physical_id=physical_id, attributes={"Data": json.dumps(data, separators=(",", ":"))})

    async def _wait(
        self, ctx: Context, request: ResourceRequest, stack_id: str, handle: str, *, count: int, until_ms: int
    ) -> dict[str, str]:
        service = ctx.cloud.cloudformation
        halt = service.deployment(request.stack_id).halt
        while True:
            arrived = service.signals.listen(stack_id, handle)
            found: dict[str, Signal] = service.signals.of(stack_id, handle)
            for unique_id, told in found.items():
                if told.status == "FAILURE":
                    raise ValidationError(
                        f"WaitCondition received failed message: '{told.reason}' for uniqueId: {unique_id}"
                    )
            if len(found) >= count:
                return {unique_id: told.data for unique_id, told in found.items()}
            if await halt.gives_up(ctx.cloud.clock, arrived, until_ms=until_ms):
                if halt.asked:
                    raise Cancelled
                raise ValidationError(
                    f"WaitCondition timed out. Received {len(found)} conditions when expecting {count}"
                )

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        raise ValidationError("Update to resource type AWS::CloudFormation::WaitCondition is not supported.")

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        return None
