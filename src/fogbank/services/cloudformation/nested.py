"""AWS::CloudFormation::Stack: a stack as a resource of another.

A nested stack is a stack like any other, except that its parent runs it: it stops when its parent's work stops, its
update is undone with its parent's, and what an update leaves is cleaned up with its parent's clean-up.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.delegation import permit
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.cloudformation.deployment import Deployment
from fogbank.services.cloudformation.errors import ValidationError
from fogbank.services.cloudformation.parameters import as_text
from fogbank.services.cloudformation.records import STACK_TYPE, Stack
from fogbank.services.cloudformation.settings import NO_CHANGES, Settings
from fogbank.services.cloudformation.stack_status import UPDATABLE


class NestedStackResource(ResourceType):
    """Ref is the nested stack's id; Fn::GetAtt gives `Outputs.Name`."""

    type_name = STACK_TYPE
    supported = frozenset(("NotificationARNs", "Parameters", "Tags", "TemplateURL", "TimeoutInMinutes"))
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        service = ctx.cloud.cloudformation
        parent: Deployment = service.deployment(request.stack_id)
        name = request.generated_name(length_max=128)
        permit(ctx, "cloudformation:CreateStack", ctx.arn("cloudformation", f"stack/{name}/*"))
        work: Deployment = await service.begin_create(
            ctx, name, settings(request, parent.stack), parent=parent.stack,
            reviewed=service.reviewed_child(ctx, parent.stack, request.logical_id),
        )  # fmt: skip
        if request.announce is not None:
            await request.announce(work.stack.id)
        await self._run(ctx, parent, work, work.create())
        if work.stack.status != "CREATE_COMPLETE":
            raise ValidationError(f"Embedded stack {work.stack.id} was not successfully created: {work.failure}")
        return state(work.stack)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        service = ctx.cloud.cloudformation
        parent: Deployment = service.deployment(request.stack_id)
        stack: Stack = service.get(ctx, request.physical_id)
        permit(ctx, "cloudformation:UpdateStack", stack.id)
        if parent.stack.status == "UPDATE_ROLLBACK_IN_PROGRESS":
            return await self._revert(ctx, parent, stack)
        if stack.status not in UPDATABLE:
            raise ValidationError(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
        try:
            work = await service.begin_update(ctx, stack, settings(request, parent.stack))
        except ValidationError as error:
            if error.message == NO_CHANGES:
                return state(stack)
            raise
        await self._run(ctx, parent, work, work.change())
        if work.stack.status != "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
            raise ValidationError(
                f"Embedded stack {stack.id} was not successfully updated. Currently in "
                f"UPDATE_ROLLBACK_IN_PROGRESS with reason: {work.failure}"
            )
        return state(work.stack)

    async def _revert(self, ctx: Context, parent: Deployment, stack: Stack) -> ResourceState:
        """The parent's update failed: take the nested one's back, if there was one."""
        work: Deployment = ctx.cloud.cloudformation.work(ctx, stack)
        match stack.status:
            case "UPDATE_IN_PROGRESS" | "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" | "UPDATE_FAILED":
                await self._run(ctx, parent, work, work.revert(""))
            case "UPDATE_ROLLBACK_IN_PROGRESS":
                await self._run(ctx, parent, work, work.go_on_reverting())
            case "UPDATE_ROLLBACK_FAILED":
                await self._run(ctx, parent, work, work.revert_again(frozenset()))
        if work.stack.status == "UPDATE_ROLLBACK_FAILED":
            raise ValidationError(f"Embedded stack {stack.id} failed to roll back: {work.failure}")
        return state(work.stack)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        service = ctx.cloud.cloudformation
        parent: Deployment = service.deployment(request.stack_id)
        permit(ctx, "cloudformation:DeleteStack", request.physical_id)
        work: Deployment | None = await ctx.run(service.begin_delete, ctx, request.physical_id)
        if work is None:
            return
        await self._run(ctx, parent, work, work.delete(frozenset()))
        if work.stack.status != "DELETE_COMPLETE":
            raise ValidationError(f"Embedded stack {work.stack.id} was not successfully deleted: {work.failure}")

    async def _run(
        self, ctx: Context, parent: Deployment, work: Deployment, running: Coroutine[Any, Any, None]
    ) -> None:
        # The rights are the parent's, which a restart has from the parent's record.
        work.stack = msgspec.structs.replace(
            work.stack, caller=parent.stack.caller, role_arn=parent.stack.role_arn
        )  # fmt: skip
        follower = asyncio.ensure_future(_follow(parent, work))
        try:
            with ctx.cloud.cloudformation.under_way(work):
                await running
        finally:
            follower.cancel()


async def _follow(parent: Deployment, work: Deployment) -> None:
    await parent.halt.wait()
    work.halt.ask("Stack operation was cancelled by its parent")


def settings(request: ResourceRequest, parent: Stack) -> Settings:
    given = request.properties
    return Settings(
        template_url=str(given.get("TemplateURL", "")),
        parameters=[
            {"ParameterKey": name, "ParameterValue": as_text(value)}
            for name, value in (given.get("Parameters") or {}).items()
        ],
        capabilities=parent.capabilities,
        tags=[{"Key": key, "Value": value} for key, value in request.tags().items()],
        notification_arns=given.get("NotificationARNs") or [],
        role_arn=parent.role_arn,
        on_failure=parent.on_failure if parent.on_failure != "DELETE" else "ROLLBACK",
        timeout_minutes=int(given.get("TimeoutInMinutes", 0)),
        retain_except_on_create=parent.retain_except_on_create,
        reviewed=bool(parent.change_set_id),
    )


def state(stack: Stack) -> ResourceState:
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.outputs}
    return ResourceState(physical_id=stack.id, attributes={"Outputs": outputs})
