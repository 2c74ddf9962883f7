"""The operations that create, change and delete stacks."""

import asyncio
from typing import Any

from fogbank.core.context import Context
from fogbank.core.delegation import kept_caller
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.services.cloudformation import rights, settings
from fogbank.services.cloudformation.deployment import Deployment
from fogbank.services.cloudformation.errors import AlreadyExists, ValidationError
from fogbank.services.cloudformation.records import Signal, Stack
from fogbank.services.cloudformation.registry import Registry, UnderWay, repeated
from fogbank.services.cloudformation.settings import Settings
from fogbank.services.cloudformation.stack_status import UPDATABLE


class Stacks(Registry):
    def cancel_update_stack(
        self, ctx: Context, *, StackName: str, ClientRequestToken: str | None = None
    ) -> Answer:  # fmt: skip
        stack = self.existing(ctx, StackName)
        if stack.status != "UPDATE_IN_PROGRESS" or stack.id not in self._under_way:
            if stack.status.startswith("UPDATE_ROLLBACK_") and repeated(stack, ClientRequestToken):
                return {}
            raise ValidationError("CancelUpdateStack cannot be called from current stack status")
        work = self.deployment(stack.id)
        if ClientRequestToken:
            work.stack.token = stack.token = ClientRequestToken
            self.put(stack)
        work.halt.ask("User Initiated")
        return {}

    async def continue_update_rollback(
        self, ctx: Context, *, StackName: str, RoleARN: str | None = None, ResourcesToSkip: list[str] | None = None,
        ClientRequestToken: str | None = None,
    ) -> Answer:  # fmt: skip
        stack = self.existing(ctx, StackName)
        if stack.status != "UPDATE_ROLLBACK_FAILED":
            if stack.status.startswith("UPDATE_ROLLBACK_") and repeated(stack, ClientRequestToken):
                return {}
            raise ValidationError(
                f"Stack:{stack.id} is in {stack.status} state and can not continue the rollback of its update."
            )
        skipped = frozenset(ResourcesToSkip or ())
        failed = {found.logical_id for found in self.resources(stack) if found.status.endswith("_FAILED")}
        if skipped - failed:
            names = ", ".join(sorted(skipped - failed))
            raise ValidationError(
                f"ResourcesToSkip: [{names}] are not in the UPDATE_FAILED state, and only such can be skipped"
            )
        work = await self._with_role(ctx, stack, RoleARN, ClientRequestToken)

        await ctx.run(work.begin_reverting_again)
        self.spawn(f"roll back {stack.name}", work, self._go_back(work, skipped))
        return {}

    async def create_stack(
        self, ctx: Context, *, StackName: str, TemplateBody: str | None = None, TemplateURL: str | None = None,
        Parameters: list[dict[str, Any]] | None = None, DisableRollback: bool | None = None,
        RollbackConfiguration: dict[str, Any] | None = None, TimeoutInMinutes: int | None = None,
        NotificationARNs: list[str] | None = None, Capabilities: list[str] | None = None,
        ResourceTypes: list[str] | None = None, RoleARN: str | None = None, OnFailure: str | None = None,
        StackPolicyBody: str | None = None, StackPolicyURL: str | None = None,
        Tags: list[dict[str, str]] | None = None, ClientRequestToken: str | None = None,
        EnableTerminationProtection: bool = False, RetainExceptOnCreate: bool = False,
        DeploymentConfig: dict[str, Any] | None = None,
    ) -> Answer:  # fmt: skip
        keep = settings.keeps_failed(DeploymentConfig)
        if OnFailure is not None and DisableRollback is not None:
            raise ValidationError("You may not specify both OnFailure and DisableRollback.")
        found = self.find(ctx, StackName)
        if found is not None:
            if repeated(found, ClientRequestToken):
                return {"StackId": found.id}
            raise AlreadyExists(f"Stack [{StackName}] already exists")
        given = Settings(
            template_body=TemplateBody, template_url=TemplateURL, parameters=Parameters, capabilities=Capabilities,
            resource_types=ResourceTypes, tags=Tags, notification_arns=NotificationARNs,
            rollback_configuration=RollbackConfiguration, role_arn=RoleARN,
            on_failure=OnFailure or ("DO_NOTHING" if DisableRollback or keep else "ROLLBACK"),
            timeout_minutes=TimeoutInMinutes or 0, protected=EnableTerminationProtection,
            policy_body=StackPolicyBody, policy_url=StackPolicyURL,
            retain_except_on_create=RetainExceptOnCreate, token=ClientRequestToken or "",
        )  # fmt: skip
        work = await self.begin_create(ctx, StackName, given)
        self.spawn(f"create {StackName}", work, work.create())
        return {"StackId": work.stack.id}

    async def delete_stack(
        self, ctx: Context, *, StackName: str, RetainResources: list[str] | None = None,
        RoleARN: str | None = None, ClientRequestToken: str | None = None, DeletionMode: str = "STANDARD",
        DeploymentConfig: dict[str, Any] | None = None,
    ) -> Answer:  # fmt: skip
        settings.keeps_failed(DeploymentConfig)
        if DeletionMode != "STANDARD":
            raise NotImplementedInFogbank(f"DeletionMode {DeletionMode} is not implemented by Fogbank.")
        found = self.find(ctx, StackName)
        if found is None or found.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
            return {}
        if found.protected:
            raise ValidationError(f"Stack [{found.name}] cannot be deleted while TerminationProtection is enabled")
        if RetainResources and found.status != "DELETE_FAILED":
            raise ValidationError(
                f"Invalid operation on stack [{found.id}]. Resources to retain can only be specified for a stack in "
                "the DELETE_FAILED state."
            )
        if RoleARN:
            settings.check_role(ctx, RoleARN)
        begun = await ctx.run(
            self._begin_delete_instead, ctx, found.id, token=ClientRequestToken or "", role_arn=RoleARN or ""
        )
        if begun is not None:
            work, earlier = begun
            self.spawn(f"delete {found.name}", work, self._delete(work, frozenset(RetainResources or ()), earlier))
        return {}

    def _begin_delete_instead(
        self, ctx: Context, stack_id: str, *, token: str, role_arn: str
    ) -> tuple[Deployment, UnderWay | None] | None:
        """Begin a deletion, and stop what is under way in the same turn: its outcome must not take the stack back."""
        found = self.find(ctx, stack_id)
        if found is None or found.status == "DELETE_IN_PROGRESS":
            return None
        earlier = self._under_way.get(stack_id)
        work = self.begin_delete(ctx, stack_id, token=token, role_arn=role_arn)
        if work is None:
            return None
        if earlier is not None:
            earlier[0].stop()
        return work, earlier

    async def _delete(self, work: Deployment, retain: frozenset[str], earlier: UnderWay | None) -> None:
        if earlier is not None and earlier[1] is not None:
            await asyncio.wait([earlier[1]])
        await work.delete(retain)

    def get_stack_policy(self, ctx: Context, *, StackName: str) -> Answer:
        stack = self.get(ctx, StackName)
        text = stack.update_policy or stack.policy
        return {"StackPolicyBody": text} if text else {}

    async def rollback_stack(
        self, ctx: Context, *, StackName: str, RoleARN: str | None = None, ClientRequestToken: str | None = None,
        RetainExceptOnCreate: bool = False, DeploymentConfig: dict[str, Any] | None = None,
    ) -> Answer:  # fmt: skip
        settings.keeps_failed(DeploymentConfig)
        stack = self.existing(ctx, StackName)
        if stack.status not in ("CREATE_FAILED", "UPDATE_FAILED"):
            if "ROLLBACK_" in stack.status and repeated(stack, ClientRequestToken):
                return {"StackId": stack.id}
            raise ValidationError(f"Stack:{stack.id} is in {stack.status} state and can not be rolled back.")
        stack.retain_except_on_create = RetainExceptOnCreate
        work = await self._with_role(ctx, stack, RoleARN, ClientRequestToken)
        if stack.status == "CREATE_FAILED":
            await ctx.run(work.begin_undoing_creation, "User Initiated")
            self.spawn(f"roll back {stack.name}", work, work.roll_back())
        else:
            await ctx.run(work.begin_reverting, "User Initiated")
            self.spawn(f"roll back {stack.name}", work, self._go_back(work))
        return {"StackId": stack.id}

    @staticmethod
    async def _go_back(work: Deployment, skipped: frozenset[str] = frozenset()) -> None:
        await work.go_on_reverting(skipped)
        await work.clean_up()

    async def _with_role(self, ctx: Context, stack: Stack, role_arn: str | None, token: str | None) -> Deployment:
        if role_arn:
            settings.check_role(ctx, role_arn)
            stack.role_arn = role_arn
        stack.token = token or ""
        stack.caller = kept_caller(ctx)
        return self.work(ctx, stack)

    async def set_stack_policy(
        self, ctx: Context, *, StackName: str, StackPolicyBody: str | None = None, StackPolicyURL: str | None = None
    ) -> Answer:
        stack = self.get(ctx, StackName)
        reading = rights.through_cloudformation(ctx)
        text = await settings.policy_text(reading, StackPolicyBody, StackPolicyURL, name="StackPolicy")
        if text is None:
            raise ValidationError("Either StackPolicyBody or StackPolicyURL must be specified")
        stack.policy = text
        await ctx.run(self.put, stack)
        return {}

    def signal_resource(
        self, ctx: Context, *, StackName: str, LogicalResourceId: str, UniqueId: str, Status: str
    ) -> Answer:
        stack = self.get(ctx, StackName)
        resource = self.tables.resources.get((stack.id, LogicalResourceId))
        if resource is None:
            raise ValidationError(f"Resource {LogicalResourceId} does not exist for stack {stack.name}")
        if not resource.status.endswith("_IN_PROGRESS"):
            raise ValidationError(
                f"Signal not accepted: resource {LogicalResourceId} is in {resource.status} state, not in progress"
            )
        if not self.signals.put(stack.id, LogicalResourceId, UniqueId, Signal(status=Status)):
            return {}
        self.journal.event(
            ctx, stack, logical_id=LogicalResourceId, physical_id=resource.physical_id, kind=resource.type,
            status=resource.status, reason=f"Received {Status} signal with UniqueId {UniqueId}",
        )  # fmt: skip
        self.cloud.store.after_commit(lambda: self.signals.wake(stack.id, LogicalResourceId))
        return {}

    async def update_stack(
        self, ctx: Context, *, StackName: str, TemplateBody: str | None = None, TemplateURL: str | None = None,
        UsePreviousTemplate: bool = False, StackPolicyDuringUpdateBody: str | None = None,
        StackPolicyDuringUpdateURL: str | None = None, Parameters: list[dict[str, Any]] | None = None,
        Capabilities: list[str] | None = None, ResourceTypes: list[str] | None = None, RoleARN: str | None = None,
        RollbackConfiguration: dict[str, Any] | None = None, StackPolicyBody: str | None = None,
        StackPolicyURL: str | None = None, NotificationARNs: list[str] | None = None,
        Tags: list[dict[str, str]] | None = None, DisableRollback: bool | None = None,
        ClientRequestToken: str | None = None, RetainExceptOnCreate: bool = False,
        DeploymentConfig: dict[str, Any] | None = None,
    ) -> Answer:  # fmt: skip
        keep = settings.keeps_failed(DeploymentConfig)
        former = self.existing(ctx, StackName)
        if repeated(former, ClientRequestToken):
            return {"StackId": former.id}
        if former.status not in UPDATABLE:
            raise ValidationError(f"Stack:{former.id} is in {former.status} state and can not be updated.")
        given = Settings(
            template_body=TemplateBody, template_url=TemplateURL, use_previous_template=UsePreviousTemplate,
            parameters=Parameters, capabilities=Capabilities, resource_types=ResourceTypes, tags=Tags,
            notification_arns=NotificationARNs, rollback_configuration=RollbackConfiguration, role_arn=RoleARN,
            on_failure="DO_NOTHING" if DisableRollback or keep else "ROLLBACK", policy_body=StackPolicyBody,
            policy_url=StackPolicyURL, update_policy_body=StackPolicyDuringUpdateBody,
            update_policy_url=StackPolicyDuringUpdateURL, retain_except_on_create=RetainExceptOnCreate,
            token=ClientRequestToken or "",
        )  # fmt: skip
        work = await self.begin_update(ctx, former, given)
        self.spawn(f"update {former.name}", work, work.update())
        return {"StackId": work.stack.id}

    def update_termination_protection(
        self, ctx: Context, *, StackName: str, EnableTerminationProtection: bool
    ) -> Answer:
        stack = self.get(ctx, StackName)
        if stack.parent_id:
            raise ValidationError("Termination Protection can only be updated on the root stack")
        stack.protected = EnableTerminationProtection
        self.put(stack)
        return {"StackId": stack.id}
