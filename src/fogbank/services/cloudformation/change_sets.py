"""The operations on change sets."""

from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.ids import new_id
from fogbank.core.service import Answer
from fogbank.services.cloudformation import answers, changes, nested, prepare, rights, settings
from fogbank.services.cloudformation.deployment import Deployment
from fogbank.services.cloudformation.errors import (
    AlreadyExists,
    ChangeSetNotFound,
    InvalidChangeSetStatus,
    TransformFailed,
    ValidationError,
)
from fogbank.services.cloudformation.pages import page
from fogbank.services.cloudformation.prepare import Plan
from fogbank.services.cloudformation.records import STACK_TYPE, ChangeSet, Stack, StackResource
from fogbank.services.cloudformation.registry import Registry, repeated
from fogbank.services.cloudformation.settings import Settings
from fogbank.services.cloudformation.stack_status import UPDATABLE

CHANGES_PAGE = 500  # AWS's pages have a megabyte, which takes about as many as a template has resources at most.
NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


class ChangeSets(Registry):
    async def create_change_set(
        self, ctx: Context, *, StackName: str, ChangeSetName: str, TemplateBody: str | None = None,
        TemplateURL: str | None = None, UsePreviousTemplate: bool = False,
        Parameters: list[dict[str, Any]] | None = None, Capabilities: list[str] | None = None,
        ResourceTypes: list[str] | None = None, RoleARN: str | None = None,
        RollbackConfiguration: dict[str, Any] | None = None,
        NotificationARNs: list[str] | None = None, Tags: list[dict[str, str]] | None = None,
        ClientToken: str | None = None, Description: str | None = None, ChangeSetType: str = "UPDATE",
        IncludeNestedStacks: bool = False, OnStackFailure: str | None = None, DeploymentMode: str | None = None,
        ImportExistingResources: bool = False, DeploymentConfig: dict[str, Any] | None = None,
    ) -> Answer:  # fmt: skip
        if ChangeSetType not in ("CREATE", "UPDATE") or DeploymentMode is not None:
            what = DeploymentMode or f"ChangeSetType {ChangeSetType}"
            raise NotImplementedInFogbank(f"Change sets with {what} are not implemented by Fogbank.")
        keep = settings.keeps_failed(DeploymentConfig)
        creating = ChangeSetType == "CREATE"
        found = self.find(ctx, StackName)
        known = self.tables.change_sets.get((found.id, ChangeSetName)) if found is not None else None
        if known is not None and ClientToken and known.token == ClientToken:
            return {"Id": known.id, "StackId": known.stack_id}
        self._check_target(found, known, StackName, ChangeSetName, creating=creating)
        given = Settings(
            template_body=TemplateBody, template_url=TemplateURL, use_previous_template=UsePreviousTemplate,
            parameters=Parameters, capabilities=Capabilities, resource_types=ResourceTypes, tags=Tags,
            notification_arns=NotificationARNs, rollback_configuration=RollbackConfiguration, role_arn=RoleARN,
            reviewed=True,
        )  # fmt: skip
        await settings.check(ctx, given)
        stack = found or self.new_stack(ctx, StackName, status="REVIEW_IN_PROGRESS")
        row = ChangeSet(
            id=ctx.arn("cloudformation", f"changeSet/{ChangeSetName}/{new_id()}"),
            name=ChangeSetName, stack_id=stack.id, stack_name=stack.name, kind=ChangeSetType,
            created_ms=ctx.now_ms, status="CREATE_COMPLETE", execution_status="AVAILABLE",
            description=Description or "", imports=ImportExistingResources,
            on_failure=OnStackFailure or ("DO_NOTHING" if keep else ""), include_nested=IncludeNestedStacks,
            token=ClientToken or "",
        )  # fmt: skip
        await self._make(ctx, row, stack, given, creating=creating)
        return {"Id": row.id, "StackId": stack.id}

    @staticmethod
    def _check_target(
        found: Stack | None, known: ChangeSet | None, name: str, change_set: str, *, creating: bool
    ) -> None:
        """Whether a change set can be made for the stack, which is None if it is a new one."""
        if creating and found is not None and found.status != "REVIEW_IN_PROGRESS":
            raise ValidationError(
                f"Stack [{name}] already exists and cannot be created again with the changeSet [{change_set}]."
            )
        if not creating:
            if found is None or found.status == "REVIEW_IN_PROGRESS":
                raise ValidationError(f"Stack [{name}] does not exist")
            if found.status not in UPDATABLE:
                raise ValidationError(f"Stack:{found.id} is in {found.status} state and can not be updated.")
        if known is not None and not known.execution_status.startswith("EXECUTE_"):
            raise AlreadyExists(
                f"ChangeSet {change_set} cannot be created due to a mismatch with existing attribute Template"
            )

    async def _make(self, ctx: Context, row: ChangeSet, stack: Stack, given: Settings, *, creating: bool) -> None:
        """Find out what would change, and keep it."""
        former = None if creating else stack
        reading = rights.through_cloudformation(ctx)
        text = await settings.text_of(reading, given, former)
        plan = settings.plan(ctx, stack, text, given, former)
        try:
            plan = await prepare.prepare(reading, plan)
        except TransformFailed as error:
            row.status, row.execution_status, row.reason = "FAILED", "UNAVAILABLE", error.message
        else:
            existing = {found.logical_id: found for found in self.resources(stack)} if former else {}
            prepare.check_kept_types({name: found.type for name, found in existing.items()}, plan)
            row.changes = changes.between(existing, plan, former)
        target = settings.applied(stack, plan, given, updating=not creating)
        row.original, row.template, row.parameters = plan.original, plan.template, plan.parameters
        row.resolved, row.tags, row.capabilities = plan.resolved, target.tags, target.capabilities
        row.role_arn, row.notification_arns = target.role_arn, target.notification_arns
        row.rollback_configuration = target.rollback_configuration
        same = former is not None and (former.template.get("Outputs"), former.tags) == (
            plan.template.get("Outputs"), row.tags
        )  # fmt: skip
        if row.status != "FAILED" and not row.changes and same:
            row.status, row.execution_status, row.reason = "FAILED", "UNAVAILABLE", NO_CHANGES
        if row.include_nested and row.status != "FAILED":
            await self._make_nested(ctx, row, stack, plan)

        def write() -> None:
            if creating and self.find(ctx, stack.id) is None:
                self.register(ctx, stack)
            self.put_change_set(row)

        await ctx.run(write)

    async def _make_nested(self, ctx: Context, row: ChangeSet, stack: Stack, plan: Plan) -> None:
        """A change set of its own for every nested stack."""
        work = self.work(ctx, msgspec.structs.replace(stack, capabilities=row.capabilities, tags=row.tags))
        for change in row.changes:
            entry = change["ResourceChange"]
            if entry["ResourceType"] != STACK_TYPE or entry["Action"] == "Remove":
                continue
            name = entry["LogicalResourceId"]
            properties = plan.resolver.value(plan.resources[name].get("Properties") or {})
            planned = StackResource(
                logical_id=name, type=STACK_TYPE, status="", updated_ms=0, properties=properties
            )  # fmt: skip
            request = work.request(planned)
            child = self.find(ctx, entry.get("PhysicalResourceId", ""))
            creating = child is None
            if child is None:
                child = self.new_stack(
                    ctx, request.generated_name(length_max=128), status="REVIEW_IN_PROGRESS", parent=stack
                )
            own = ChangeSet(
                id=ctx.arn("cloudformation", f"changeSet/{row.name}-{name}/{new_id()}"), name=f"{row.name}-{name}",
                stack_id=child.id, stack_name=child.name, kind="CREATE" if creating else "UPDATE",
                created_ms=ctx.now_ms, status="CREATE_COMPLETE", execution_status="UNAVAILABLE",
                include_nested=True, parent_id=row.id, root_id=row.root_id or row.id,
            )  # fmt: skip
            given = nested.settings(request, work.stack)
            given.reviewed = True
            await self._make(ctx, own, child, given, creating=creating)
            entry["ChangeSetId"] = row.nested[name] = own.id

    def delete_change_set(self, ctx: Context, *, ChangeSetName: str, StackName: str | None = None) -> Answer:
        try:
            found = self.change_set(ctx, ChangeSetName, StackName)
        except ChangeSetNotFound:
            return {}
        if found.parent_id:
            raise InvalidChangeSetStatus("Only the root change set of nested stacks can be deleted")
        if found.execution_status == "EXECUTE_IN_PROGRESS":
            raise InvalidChangeSetStatus(
                f"ChangeSet [{found.id}] cannot be deleted in its current status of [{found.execution_status}]"
            )
        self._drop(ctx, found)
        return {}

    def _drop(self, ctx: Context, row: ChangeSet) -> None:
        self.remove_change_set(row)
        for change_set_id in row.nested.values():
            try:
                own = self.change_set(ctx, change_set_id, None)
            except ChangeSetNotFound:
                continue
            self._drop(ctx, own)
            stack = self.find(ctx, own.stack_id)
            if stack is not None and stack.status == "REVIEW_IN_PROGRESS":
                self.tables.stacks.delete((stack.account, stack.region, stack.id))
                self.tables.names.delete((stack.account, stack.region, stack.name))

    def describe_change_set(
        self, ctx: Context, *, ChangeSetName: str, StackName: str | None = None, NextToken: str | None = None,
        IncludePropertyValues: bool = False,
    ) -> Answer:  # fmt: skip
        found = self.change_set(ctx, ChangeSetName, StackName)
        shown, token = page(found.changes, NextToken, size=CHANGES_PAGE)
        if not IncludePropertyValues:
            shown = [changes.without_values(change) for change in shown]
        return answers.change_set(found) | {"Changes": shown} | token

    async def execute_change_set(
        self, ctx: Context, *, ChangeSetName: str, StackName: str | None = None,
        ClientRequestToken: str | None = None, DisableRollback: bool | None = None,
        RetainExceptOnCreate: bool = False,
    ) -> Answer:  # fmt: skip
        found = self.change_set(ctx, ChangeSetName, StackName)
        former = self.get(ctx, found.stack_id)
        if found.execution_status != "AVAILABLE":
            if found.execution_status.startswith("EXECUTE_") and repeated(former, ClientRequestToken):
                return {}
            raise InvalidChangeSetStatus(
                f"ChangeSet [{found.id}] cannot be executed in its current status of [{found.status}]"
            )
        if found.on_failure and DisableRollback is not None:
            raise ValidationError("You may not specify both OnStackFailure and DisableRollback.")
        if former.status != "REVIEW_IN_PROGRESS" and former.status not in UPDATABLE:
            raise ValidationError(f"Stack:{former.id} is in {former.status} state and can not be updated.")
        stack = msgspec.structs.replace(
            former, original=found.original, template=found.template, parameters=found.parameters,
            resolved=found.resolved, tags=found.tags, capabilities=found.capabilities,
            token=ClientRequestToken or "", role_arn=found.role_arn, change_set_id=found.id,
            on_failure=found.on_failure or ("DO_NOTHING" if DisableRollback else "ROLLBACK"),
            notification_arns=found.notification_arns, rollback_configuration=found.rollback_configuration,
            updated_ms=ctx.now_ms, retain_except_on_create=RetainExceptOnCreate,
        )  # fmt: skip
        plan = await prepare.prepare_processed(ctx, stack)
        creating = former.status == "REVIEW_IN_PROGRESS"
        work = await ctx.run(self._begin_executing, ctx, stack, plan, found)
        self.spawn(f"execute {found.name}", work, self._execute(work, found, creating=creating))
        return {}

    def _begin_executing(self, ctx: Context, stack: Stack, plan: Plan, executed: ChangeSet) -> Deployment:
        """An execution makes the stack's other change sets obsolete: AWS deletes them."""
        work = self.begin(ctx, stack, plan)
        for _, row in list(self.tables.change_sets.scan((executed.stack_id,))):
            if row.id != executed.id:
                self._drop(ctx, row)
        self._mark(executed, "EXECUTE_IN_PROGRESS")
        return work

    async def _execute(self, work: Deployment, executed: ChangeSet, *, creating: bool) -> None:
        await (work.create() if creating else work.update())
        done = work.stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        await work.ctx.run(self._mark, executed, "EXECUTE_COMPLETE" if done else "EXECUTE_FAILED")

    def _mark(self, executed: ChangeSet, execution_status: str) -> None:
        current = self.tables.change_sets.get((executed.stack_id, executed.name))
        if current is not None and current.id == executed.id:
            self.put_change_set(msgspec.structs.replace(current, execution_status=execution_status))

    def list_change_sets(self, ctx: Context, *, StackName: str, NextToken: str | None = None) -> Answer:
        stack = self.existing(ctx, StackName)
        names = ("StackId", "StackName", "ChangeSetId", "ChangeSetName", "ExecutionStatus", "Status", "StatusReason",
                 "CreationTime", "Description", "IncludeNestedStacks", "ParentChangeSetId",
                 "RootChangeSetId")  # fmt: skip
        found = [
            answers.change_set(row)
            for _, row in self.tables.change_sets.scan((stack.id,))
            if not row.execution_status.startswith("EXECUTE_")
        ]
        shown, token = page(found, NextToken)
        return {"Summaries": [{name: row[name] for name in names if name in row} for row in shown], **token}
