"""Macros: a function of the account that rewrites a template or a part of it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros.html
"""

import json
from collections.abc import Mapping
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.cloudformation.errors import AlreadyExists, TransformFailed
from fogbank.services.cloudformation.records import Macro


async def call(
    ctx: Context, name: str, *, fragment: Any, parameters: Mapping[str, Any], values: Mapping[str, Any]
) -> Any:
    """What the macro makes of `fragment`; `values` are the template's parameters."""
    macro = ctx.cloud.cloudformation.tables.macros.get((ctx.account, ctx.region, name))
    transform_id = f"{ctx.account}::{name}"
    if macro is None:
        raise TransformFailed(f"No transform named {transform_id} found.")
    event = {
        "region": ctx.region,
        "accountId": ctx.account,
        "fragment": fragment,
        "transformId": transform_id,
        "params": parameters,
        "requestId": ctx.request_id,
        "templateParameterValues": values,
    }
    try:
        answer = await ctx.call(
            ctx.cloud.lambda_.invoke, FunctionName=macro.function, Payload=json.dumps(event).encode()
        )
    except AwsError as error:
        raise TransformFailed(f"Transform {transform_id} failed with: {error.message}") from None
    if answer.get("FunctionError"):
        raise TransformFailed(f"Received malformed response from transform {transform_id}")
    try:
        found = json.loads(answer["Payload"])
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("requestId") != ctx.request_id or "status" not in found:
        raise TransformFailed(f"Received malformed response from transform {transform_id}")
    if str(found["status"]).lower() != "success":
        told = found.get("errorMessage")
        if told:
            raise TransformFailed(f"Transform {transform_id} failed with: {told}")
        raise TransformFailed(f"Transform {transform_id} failed without an error message.")
    if "fragment" not in found:
        raise TransformFailed(f"Received malformed response from transform {transform_id}")
    return found["fragment"]


class MacroResource(ResourceType):
    """Ref is the macro's name."""

    type_name = "AWS::CloudFormation::Macro"
    supported = frozenset(("Description", "FunctionName", "Name"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = str(request.properties["Name"])

        def write() -> None:
            macros = ctx.cloud.cloudformation.tables.macros
            found = macros.get((ctx.account, ctx.region, name))
            if found is not None and found.stack_id != request.stack_id:
                raise AlreadyExists(f"Macro {name} already exists")
            self._put(ctx, request)

        await ctx.run(write)
        return ResourceState(physical_id=name)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        await ctx.run(self._put, ctx, request)
        return ResourceState(physical_id=request.physical_id)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await ctx.run(ctx.cloud.cloudformation.tables.macros.delete, (ctx.account, ctx.region, request.physical_id))

    def _put(self, ctx: Context, request: ResourceRequest) -> None:
        macro = Macro(function=str(request.properties["FunctionName"]), stack_id=request.stack_id)
        key = (ctx.account, ctx.region, str(request.properties["Name"]))
        ctx.cloud.cloudformation.tables.macros.put(key, macro)
