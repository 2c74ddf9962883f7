"""AWS CloudFormation. https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/Welcome.html"""

import asyncio
import re
import urllib.parse
from collections.abc import Coroutine
from typing import Any

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.ids import new_id
from fogbank.core.service import Answer, Service
from fogbank.services.cloudformation import answers, prepare, sam, template
from fogbank.services.cloudformation.deploy import Deployment, Stopped, check_unused
from fogbank.services.cloudformation.errors import (
    AlreadyExists,
    ChangeSetNotFound,
    InvalidChangeSetStatus,
    ValidationError,
)
from fogbank.services.cloudformation.journal import Journal
from fogbank.services.cloudformation.prepare import Plan
from fogbank.services.cloudformation.records import ChangeSet, Named, Stack, StackResource, Tables
from fogbank.services.cloudformation.stack_status import UPDATABLE

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
PAGE = 100


class CloudFormationService(Service):
    """Stacks and change sets.

    NotImplemented: stack sets, drift, imports of resources, nested stacks, custom resources, macros (Fn::Transform,
    Fn::ForEach), hooks, modules, wait conditions that wait, stack policies, dynamic references but ssm's.
    Nothing is imported: with ImportExistingResources, too, a resource that is there already fails the stack.
    Stored and described, without effect: RoleARN, NotificationARNs, RollbackConfiguration.
    """

    name = "cloudformation"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.tables = Tables(cloud.store)
        self.journal = Journal(self.tables)
        self._under_way: dict[str, tuple[Deployment, asyncio.Task[None]]] = {}
        # Found before the first request: what is in progress later is this server's own work.
        self._interrupted = [
            stack
            for _, stack in self.tables.stacks.scan()
            if stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS"
        ]

    async def start(self) -> None:
        """Roll back or go on deleting what a crash interrupted."""
        for stack in self._interrupted:
            ctx = self.cloud.context(account=stack.account, region=stack.region, endpoint=stack.endpoint or None)
            work = Deployment(ctx, self.journal, stack)
            self._spawn(f"recover {stack.name}", work, self._recover(work, stack))

    async def _recover(self, work: Deployment, stack: Stack) -> None:
        if stack.status == "DELETE_IN_PROGRESS":
            await work.delete(frozenset())
        elif stack.status in ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"):
            if stack.status == "CREATE_IN_PROGRESS":
                await work._status("ROLLBACK_IN_PROGRESS", reason="The server was restarted during the creation.")
            await work.roll_back()
        else:
            # What the interrupted update did is kept; the next update starts from there.
            await work._status("UPDATE_FAILED", reason="The server was restarted during the update.")

    # ---- operations, in the order of the API reference ----------------------------------------------------------

    async def create_change_set(
        self, ctx: Context, *, StackName: str, ChangeSetName: str, TemplateBody: str | None = None,
        TemplateURL: str | None = None, UsePreviousTemplate: bool = False,
        Parameters: list[dict[str, Any]] | None = None, Capabilities: list[str] | None = None,
        RoleARN: str | None = None, RollbackConfiguration: dict[str, Any] | None = None,
        NotificationARNs: list[str] | None = None, Tags: list[dict[str, str]] | None = None,
        ClientToken: str | None = None, Description: str | None = None, ChangeSetType: str = "UPDATE",
        IncludeNestedStacks: bool = False, OnStackFailure: str | None = None,
        ImportExistingResources: bool = False, DeploymentConfig: dict[str, Any] | None = None,
    ) -> Answer:  # fmt: skip
        keep = _keeps_failed(DeploymentConfig)
        found = self._find(ctx, StackName)
        creating = ChangeSetType == "CREATE"
        if creating and found is not None and found.status != "REVIEW_IN_PROGRESS":
            raise ValidationError(
                f"Stack [{StackName}] already exists and cannot be created again with the changeSet [{ChangeSetName}]."
            )
        if not creating and found is None:
            raise ValidationError(f"Stack [{StackName}] does not exist")
        if found is not None and not creating and found.status not in UPDATABLE:
            raise ValidationError(f"Stack:{found.id} is in {found.status} state and can not be updated.")
        taken = self._find_change_set(found.id, ChangeSetName) if found is not None else None
        if taken is not None and not taken.execution_status.startswith("EXECUTE_"):
            raise AlreadyExists(
                f"ChangeSet {ChangeSetName} cannot be created due to a mismatch with existing attribute Template"
            )
        former = found if found is not None and not creating else None
        stack = found or self._new_stack(ctx, StackName, status="REVIEW_IN_PROGRESS")
        text = await self._text(ctx, TemplateBody, TemplateURL, former if UsePreviousTemplate else None)
        tags = _tags(Tags) if Tags is not None or former is None else former.tags
        plan = self._plan(ctx, stack, text, Parameters, Capabilities, NotificationARNs, former)
        plan.reviewed = True
        plan = await prepare.prepare(ctx, plan)
        changes = self._changes(stack, plan, former, tags)
        record = ChangeSet(
            id=ctx.arn("cloudformation", f"changeSet/{ChangeSetName}/{new_id()}"),
            name=ChangeSetName, stack_id=stack.id, stack_name=stack.name, kind=ChangeSetType,
            created_ms=ctx.now_ms, status="CREATE_COMPLETE", execution_status="AVAILABLE",
            description=Description or "", original=plan.original, template=plan.template,
            parameters=plan.parameters, resolved=plan.resolved, tags=tags, capabilities=Capabilities or [],
            changes=changes, role_arn=RoleARN or "", notification_arns=NotificationARNs or [],
            rollback_configuration=RollbackConfiguration or {},
            on_failure=OnStackFailure or ("DO_NOTHING" if keep else ""), imports=ImportExistingResources,
        )  # fmt: skip
        outputs_same = former is not None and former.template.get("Outputs") == plan.template.get("Outputs")
        if not changes and outputs_same:
            record.status, record.execution_status, record.reason = "FAILED", "UNAVAILABLE", NO_CHANGES

        def write() -> None:
            if found is None:
                self._register(ctx, stack)
            self.tables.change_sets.put((stack.id, ChangeSetName), record)

        await ctx.run(write)
        return {"Id": record.id, "StackId": stack.id}

    async def create_stack(
        self, ctx: Context, *, StackName: str, TemplateBody: str | None = None, TemplateURL: str | None = None,
        Parameters: list[dict[str, Any]] | None = None, DisableRollback: bool | None = None,
        RollbackConfiguration: dict[str, Any] | None = None,
        NotificationARNs: list[str] | None = None, Capabilities: list[str] | None = None,
        RoleARN: str | None = None, OnFailure: str | None = None, Tags: list[dict[str, str]] | None = None,
        ClientRequestToken: str | None = None, EnableTerminationProtection: bool = False,
        DeploymentConfig: dict[str, Any] | None = None,
    ) -> Answer:  # fmt: skip
        keep = _keeps_failed(DeploymentConfig)
        if OnFailure is not None and DisableRollback is not None:
            raise ValidationError("You may not specify both OnFailure and DisableRollback.")
        found = self._find(ctx, StackName)
        if found is not None:
            if ClientRequestToken and found.token == ClientRequestToken:
                return {"StackId": found.id}
            raise AlreadyExists(f"Stack [{StackName}] already exists")
        stack = self._new_stack(ctx, StackName, status="CREATE_IN_PROGRESS")
        text = await self._text(ctx, TemplateBody, TemplateURL, None)
        plan = await prepare.prepare(
            ctx, self._plan(ctx, stack, text, Parameters, Capabilities, NotificationARNs, None)
        )
        stack = _planned(
            stack, plan, tags=_tags(Tags), capabilities=Capabilities or [],
            on_failure=OnFailure or ("DO_NOTHING" if DisableRollback or keep else "ROLLBACK"),
            protected=EnableTerminationProtection, role_arn=RoleARN or "", token=ClientRequestToken or "",
            notification_arns=NotificationARNs or [],
            rollback_configuration=RollbackConfiguration or {},
        )  # fmt: skip

        def write() -> None:
            if self._find(ctx, StackName) is not None:
                raise AlreadyExists(f"Stack [{StackName}] already exists")
            self._register(ctx, stack)

        await ctx.run(write)
        work = Deployment(ctx, self.journal, stack, plan)
        self._spawn(f"create {StackName}", work, work.create())
        return {"StackId": stack.id}

    def delete_change_set(self, ctx: Context, *, ChangeSetName: str, StackName: str | None = None) -> Answer:
        try:
            found = self._change_set(ctx, ChangeSetName, StackName)
        except ChangeSetNotFound:
            return {}
        self.tables.change_sets.delete((found.stack_id, found.name))
        return {}

    def delete_stack(
        self, ctx: Context, *, StackName: str, RetainResources: list[str] | None = None,
        RoleARN: str | None = None, ClientRequestToken: str | None = None, DeletionMode: str = "STANDARD",
        DeploymentConfig: dict[str, Any] | None = None,
    ) -> Answer:  # fmt: skip
        _keeps_failed(DeploymentConfig)
        found = self._find(ctx, StackName)
        if found is None or found.status == "DELETE_COMPLETE":
            return {}
        if found.protected:
            raise ValidationError(f"Stack [{found.name}] cannot be deleted while TerminationProtection is enabled")
        if found.status == "DELETE_IN_PROGRESS":
            return {}
        for output in found.outputs:
            if "ExportName" in output:
                check_unused(self.journal, found, output["ExportName"], "delete")
        if ClientRequestToken:
            found.token = ClientRequestToken
        stack = self.journal.stack(ctx, found, "DELETE_IN_PROGRESS", reason="User Initiated")
        for key, _ in list(self.tables.change_sets.scan((stack.id,))):
            self.tables.change_sets.delete(key)
        work = Deployment(ctx, self.journal, stack)
        retain = frozenset(RetainResources or ())
        earlier = self._under_way.get(stack.id)
        if earlier is not None:
            earlier[0].stopped = True

        def begin() -> None:
            self._spawn(f"delete {stack.name}", work, self._delete(work, retain, earlier))

        self.cloud.store.after_commit(begin)
        return {}

    def describe_change_set(
        self, ctx: Context, *, ChangeSetName: str, StackName: str | None = None, NextToken: str | None = None,
        IncludePropertyValues: bool = False,
    ) -> Answer:  # fmt: skip
        return answers.change_set(self._change_set(ctx, ChangeSetName, StackName))

    def describe_stack_events(self, ctx: Context, *, StackName: str, NextToken: str | None = None) -> Answer:
        stack = self._get(ctx, StackName)
        rows = [
            (int(key[1]), event)
            for key, event in self.tables.events.scan((stack.id,), reverse=True)
            if NextToken is None or int(key[1]) < int(NextToken)
        ]
        answer: dict[str, Any] = {"StackEvents": [answers.event(event, stack) for _, event in rows[:PAGE]]}
        if len(rows) > PAGE:
            answer["NextToken"] = str(rows[PAGE - 1][0])
        return answer

    def describe_stack_resource(self, ctx: Context, *, StackName: str, LogicalResourceId: str) -> Answer:
        stack = self._get(ctx, StackName)
        found = self.tables.resources.get((stack.id, LogicalResourceId))
        if found is None:
            raise ValidationError(f"Resource {LogicalResourceId} does not exist for stack {stack.name}")
        detail = answers.resource(found, time="LastUpdatedTimestamp")
        return {"StackResourceDetail": {**detail, "StackName": stack.name, "StackId": stack.id}}

    def describe_stack_resources(
        self, ctx: Context, *, StackName: str | None = None, LogicalResourceId: str | None = None,
        PhysicalResourceId: str | None = None,
    ) -> Answer:  # fmt: skip
        stack = self._owner(ctx, PhysicalResourceId) if PhysicalResourceId else self._get(ctx, StackName or "")
        return {
            "StackResources": [
                {**answers.resource(found, time="Timestamp"), "StackName": stack.name, "StackId": stack.id}
                for found in self._resources(stack)
                if LogicalResourceId in (None, found.logical_id)
            ]
        }

    def describe_stacks(self, ctx: Context, *, StackName: str | None = None, NextToken: str | None = None) -> Answer:
        if StackName is not None:
            return {"Stacks": [answers.stack(self._get(ctx, StackName))]}
        found = [stack for _, stack in self.tables.stacks.scan((ctx.account, ctx.region))]
        return {"Stacks": [answers.stack(stack) for stack in found if stack.status != "DELETE_COMPLETE"]}

    async def execute_change_set(
        self, ctx: Context, *, ChangeSetName: str, StackName: str | None = None,
        ClientRequestToken: str | None = None, DisableRollback: bool | None = None,
    ) -> Answer:  # fmt: skip
        found = self._change_set(ctx, ChangeSetName, StackName)
        if found.execution_status != "AVAILABLE":
            raise InvalidChangeSetStatus(
                f"ChangeSet [{found.id}] cannot be executed in its current status of [{found.status}]"
            )
        former = self._get(ctx, found.stack_id)
        creating = former.status == "REVIEW_IN_PROGRESS"
        plan = self._former_plan(former)
        plan.original, plan.given = found.original, found.parameters
        plan.previous, plan.capabilities, plan.reviewed = found.parameters, found.capabilities, True
        plan = await prepare.prepare(ctx, plan)
        on_failure = found.on_failure or ("DO_NOTHING" if DisableRollback else "ROLLBACK")
        stack = _planned(
            former, plan, tags=found.tags, capabilities=found.capabilities, token=ClientRequestToken or "",
            role_arn=found.role_arn, change_set_id=found.id, on_failure=on_failure,
            notification_arns=found.notification_arns, updated_ms=ctx.now_ms,
        )  # fmt: skip
        work = await ctx.run(self._begin, ctx, stack, plan, creating)
        await ctx.run(self._executing, found)
        running = work.create() if creating else work.update(former, self._former_plan(former))
        self._spawn(f"execute {found.name}", work, self._execute(work, found, running))
        return {}

    def get_template(
        self, ctx: Context, *, StackName: str | None = None, ChangeSetName: str | None = None,
        TemplateStage: str = "Original",
    ) -> Answer:  # fmt: skip
        found: Stack | ChangeSet = (
            self._change_set(ctx, ChangeSetName, StackName) if ChangeSetName else self._get(ctx, StackName or "")
        )
        body = found.original
        if TemplateStage == "Processed" and "Transform" in template.parse(found.original):
            body = msgspec.json.encode(found.template).decode()
        return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}

    async def get_template_summary(
        self, ctx: Context, *, TemplateBody: str | None = None, TemplateURL: str | None = None,
        StackName: str | None = None,
    ) -> Answer:  # fmt: skip
        former = self._get(ctx, StackName) if StackName else None
        parsed = template.parse(await self._text(ctx, TemplateBody, TemplateURL, former))
        answer = _outline(parsed)
        answer["Parameters"] = [
            {**parameter, "ParameterType": spec["Type"], "ParameterConstraints": _constraints(spec)}
            for parameter, spec in zip(answer["Parameters"], (parsed.get("Parameters") or {}).values(), strict=True)
        ]
        answer["ResourceTypes"] = sorted({found["Type"] for found in parsed["Resources"].values()})
        if "AWSTemplateFormatVersion" in parsed:
            answer["Version"] = str(parsed["AWSTemplateFormatVersion"])
        return answer

    def list_change_sets(self, ctx: Context, *, StackName: str, NextToken: str | None = None) -> Answer:
        stack = self._get(ctx, StackName)
        names = ("StackId", "StackName", "ChangeSetId", "ChangeSetName", "ExecutionStatus", "Status",
                 "StatusReason", "CreationTime", "Description")  # fmt: skip
        found = [answers.change_set(row) for _, row in self.tables.change_sets.scan((stack.id,))]
        return {"Summaries": [{name: row[name] for name in names if name in row} for row in found]}

    def list_exports(self, ctx: Context, *, NextToken: str | None = None) -> Answer:
        return {
            "Exports": [
                {"ExportingStackId": export.stack_id, "Name": key[2], "Value": export.value}
                for key, export in self.tables.exports.scan((ctx.account, ctx.region))
            ]
        }

    def list_imports(self, ctx: Context, *, ExportName: str, NextToken: str | None = None) -> Answer:
        found = [
            stack.name
            for _, stack in self.tables.stacks.scan((ctx.account, ctx.region))
            if ExportName in stack.imports and stack.status != "DELETE_COMPLETE"
        ]
        if not found:
            raise ValidationError(f"Export '{ExportName}' is not imported by any stack.")
        return {"Imports": found}

    def list_stack_resources(self, ctx: Context, *, StackName: str, NextToken: str | None = None) -> Answer:
        stack = self._get(ctx, StackName)
        return {
            "StackResourceSummaries": [
                answers.resource(found, time="LastUpdatedTimestamp") for found in self._resources(stack)
            ]
        }

    def list_stacks(
        self, ctx: Context, *, NextToken: str | None = None, StackStatusFilter: list[str] | None = None
    ) -> Answer:
        found = [stack for _, stack in self.tables.stacks.scan((ctx.account, ctx.region))]
        return {
            "StackSummaries": [
                answers.summary(stack)
                for stack in sorted(found, key=lambda stack: -stack.created_ms)
                if not StackStatusFilter or stack.status in StackStatusFilter
            ]
        }

    async def update_stack(
        self, ctx: Context, *, StackName: str, TemplateBody: str | None = None, TemplateURL: str | None = None,
        UsePreviousTemplate: bool = False, Parameters: list[dict[str, Any]] | None = None,
        Capabilities: list[str] | None = None, RoleARN: str | None = None,
        RollbackConfiguration: dict[str, Any] | None = None, NotificationARNs: list[str] | None = None,
        Tags: list[dict[str, str]] | None = None, DisableRollback: bool | None = None,
        ClientRequestToken: str | None = None, DeploymentConfig: dict[str, Any] | None = None,
    ) -> Answer:  # fmt: skip
        keep = _keeps_failed(DeploymentConfig)
        former = self._find(ctx, StackName)
        if former is None:
            raise ValidationError(f"Stack [{StackName}] does not exist")
        if former.status not in UPDATABLE:
            raise ValidationError(f"Stack:{former.id} is in {former.status} state and can not be updated.")
        text = await self._text(ctx, TemplateBody, TemplateURL, former if UsePreviousTemplate else None)
        tags = former.tags if Tags is None else _tags(Tags)
        plan = await prepare.prepare(
            ctx, self._plan(ctx, former, text, Parameters, Capabilities, NotificationARNs, former)
        )
        same = (former.template, former.parameters, former.resolved, former.tags)
        if same == (plan.template, plan.parameters, plan.resolved, tags):
            raise ValidationError("No updates are to be performed.")
        stack = _planned(
            former, plan, tags=tags, capabilities=Capabilities or [], token=ClientRequestToken or "",
            on_failure="DO_NOTHING" if DisableRollback or keep else "ROLLBACK", updated_ms=ctx.now_ms,
            role_arn=RoleARN or former.role_arn,
        )  # fmt: skip
        work = await ctx.run(self._begin, ctx, stack, plan, False)
        self._spawn(f"update {StackName}", work, work.update(former, self._former_plan(former)))
        return {"StackId": stack.id}

    def update_termination_protection(
        self, ctx: Context, *, StackName: str, EnableTerminationProtection: bool
    ) -> Answer:
        stack = self._get(ctx, StackName)
        stack.protected = EnableTerminationProtection
        self.tables.stacks.put((stack.account, stack.region, stack.id), stack)
        return {"StackId": stack.id}

    async def validate_template(
        self, ctx: Context, *, TemplateBody: str | None = None, TemplateURL: str | None = None
    ) -> Answer:
        return _outline(template.parse(await self._text(ctx, TemplateBody, TemplateURL, None)))

    # ---- what they share ----------------------------------------------------------------------------------------

    def _find(self, ctx: Context, name: str) -> Stack | None:
        if not name.startswith("arn:"):
            named = self.tables.names.get((ctx.account, ctx.region, name))
            if named is None:
                return None
            name = named.stack_id
        return self.tables.stacks.get((ctx.account, ctx.region, name))

    def _get(self, ctx: Context, name: str) -> Stack:
        found = self._find(ctx, name)
        if found is None:
            raise ValidationError(f"Stack with id {name} does not exist")
        return found

    def _resources(self, stack: Stack) -> list[StackResource]:
        return [found for _, found in self.tables.resources.scan((stack.id,))]

    def _find_change_set(self, stack_id: str, name: str) -> ChangeSet | None:
        return self.tables.change_sets.get((stack_id, name))

    def _change_set(self, ctx: Context, name: str, stack_name: str | None) -> ChangeSet:
        if name.startswith("arn:"):
            for _, row in self.tables.change_sets.scan():
                if row.id == name:
                    return row
            raise ChangeSetNotFound(f"ChangeSet [{name}] does not exist")
        if not stack_name:
            raise ValidationError("StackName must be specified if ChangeSetName is not specified as an ARN.")
        stack = self._find(ctx, stack_name)
        if stack is None:
            raise ValidationError(f"Stack [{stack_name}] does not exist")
        found = self._find_change_set(stack.id, name)
        if found is None:
            raise ChangeSetNotFound(f"ChangeSet [{name}] does not exist")
        return found

    def _new_stack(self, ctx: Context, name: str, *, status: str) -> Stack:
        if not re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]{0,127}", name):
            raise ValidationError(
                f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member "
                "must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
            )
        stack_id = ctx.arn("cloudformation", f"stack/{name}/{new_id()}")
        return Stack(
            id=stack_id, name=name, account=ctx.account, region=ctx.region, created_ms=ctx.now_ms, status=status,
            endpoint=ctx.endpoint,
        )  # fmt: skip

    def _register(self, ctx: Context, stack: Stack) -> None:
        self.tables.names.put((ctx.account, ctx.region, stack.name), Named(stack_id=stack.id))
        self.journal.stack(ctx, stack, stack.status, reason="User Initiated")

    def _owner(self, ctx: Context, physical_id: str) -> Stack:
        for _, stack in self.tables.stacks.scan((ctx.account, ctx.region)):
            resources = self._resources(stack) if stack.status != "DELETE_COMPLETE" else []
            if any(found.physical_id == physical_id for found in resources):
                return stack
        raise ValidationError(f"Stack for {physical_id} does not exist")

    def _spawn(self, name: str, work: Deployment, running: Coroutine[Any, Any, None]) -> None:
        task = self.cloud.tasks.spawn(name, self._until_done(work, running))
        self._under_way[work.stack.id] = (work, task)

    async def _until_done(self, work: Deployment, running: Coroutine[Any, Any, None]) -> None:
        try:
            await running
        except Stopped:
            return
        finally:
            if self._under_way.get(work.stack.id, (None,))[0] is work:
                del self._under_way[work.stack.id]

    async def _delete(
        self, work: Deployment, retain: frozenset[str], earlier: tuple[Deployment, asyncio.Task[None]] | None
    ) -> None:
        if earlier is not None:
            await asyncio.wait([earlier[1]])
        await work.delete(retain)

    def _executing(self, executed: ChangeSet) -> None:
        """An execution makes the stack's other change sets obsolete: AWS deletes them."""
        for key, row in list(self.tables.change_sets.scan((executed.stack_id,))):
            if row.id != executed.id:
                self.tables.change_sets.delete(key)
        self._mark(executed, "EXECUTE_IN_PROGRESS")

    async def _execute(self, work: Deployment, executed: ChangeSet, running: Coroutine[Any, Any, None]) -> None:
        await running
        done = work.stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        await work.ctx.run(self._mark, executed, "EXECUTE_COMPLETE" if done else "EXECUTE_FAILED")

    def _mark(self, executed: ChangeSet, execution_status: str) -> None:
        key = (executed.stack_id, executed.name)
        current = self.tables.change_sets.get(key)
        if current is not None and current.id == executed.id:
            self.tables.change_sets.put(key, msgspec.structs.replace(current, execution_status=execution_status))

    def _begin(self, ctx: Context, stack: Stack, plan: Plan, creating: bool) -> Deployment:
        current = self._get(ctx, stack.id)
        if current.status != stack.status:
            raise ValidationError(f"Stack:{stack.id} is in {current.status} state and can not be updated.")
        status = "CREATE_IN_PROGRESS" if creating else "UPDATE_IN_PROGRESS"
        stack = self.journal.stack(ctx, stack, status, reason="User Initiated")
        return Deployment(ctx, self.journal, stack, plan)

    async def _text(self, ctx: Context, body: str | None, url: str | None, former: Stack | None) -> str:
        if former is not None and body is None and url is None:
            return former.original
        if (body is None) == (url is None):
            raise ValidationError("Either Template URL or Template Body must be specified.")
        if body is not None:
            if len(body.encode()) > template.BODY_BYTES_MAX:
                raise ValidationError(
                    "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must "
                    "have length less than or equal to 51200"
                )
            return body
        bucket, key = _bucket_and_key(str(url))
        try:
            answer = await ctx.call(ctx.cloud.s3.get_object, Bucket=bucket, Key=key)
        except AwsError as error:
            raise ValidationError(f"S3 error: {error.message}") from None
        return (await _bytes(answer["Body"])).decode()

    def _plan(
        self, ctx: Context, stack: Stack, text: str, parameters: list[dict[str, Any]] | None,
        capabilities: list[str] | None, notification_arns: list[str] | None, former: Stack | None,
    ) -> Plan:  # fmt: skip
        given = parameters or []
        return Plan(
            original=text,
            template={},
            pseudo=prepare.pseudo(ctx, name=stack.name, stack_id=stack.id, notification_arns=notification_arns or []),
            given={p["ParameterKey"]: p.get("ParameterValue", "") for p in given if not p.get("UsePreviousValue")},
            previous=former.parameters if former else {},
            use_previous=frozenset(p["ParameterKey"] for p in given if p.get("UsePreviousValue")),
            capabilities=capabilities or [],
        )

    def _former_plan(self, stack: Stack) -> Plan:
        """A plan of the stack as it is stored."""
        ctx = self.cloud.context(account=stack.account, region=stack.region)
        plan = self._plan(ctx, stack, stack.original, None, stack.capabilities, stack.notification_arns, None)
        plan.template, plan.parameters, plan.resolved = stack.template, stack.parameters, stack.resolved
        if stack.template:
            plan.graph, plan.resources = prepare.outline(plan)
        return plan

    def _changes(self, stack: Stack, plan: Plan, former: Stack | None, tags: dict[str, str]) -> list[dict[str, Any]]:
        return prepare.changes({found.logical_id: found for found in self._resources(stack)} if former else {}, plan)


def _planned(stack: Stack, plan: Plan, **changes: Any) -> Stack:
    return msgspec.structs.replace(
        stack, original=plan.original, template=plan.template, parameters=plan.parameters,
        resolved=plan.resolved, **changes,
    )  # fmt: skip


def _keeps_failed(config: dict[str, Any] | None) -> bool:
    """Whether a deployment configuration disables the rollback."""
    config = config or {}
    mode = config.get("Mode", "STANDARD")
    if mode != "STANDARD":
        raise NotImplementedInFogbank(f"Fogbank's cloudformation does not implement the deployment mode {mode}.")
    return bool(config.get("DisableRollback"))


def _tags(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or ()}


def _constraints(spec: dict[str, Any]) -> dict[str, Any]:
    allowed = spec.get("AllowedValues")
    return {"AllowedValues": [str(value) for value in allowed]} if allowed else {}


def _outline(parsed: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Parameters": [
            {
                "ParameterKey": name,
                "NoEcho": str(spec.get("NoEcho", "")).lower() == "true",
                **({"DefaultValue": str(spec["Default"])} if "Default" in spec else {}),
                **({"Description": spec["Description"]} if "Description" in spec else {}),
            }
            for name, spec in (parsed.get("Parameters") or {}).items()
        ]
    }
    if "Description" in parsed:
        answer["Description"] = str(parsed["Description"])
    declared = sam.transforms(parsed)
    needed = prepare.capabilities_of(parsed["Resources"])
    if declared:
        answer["DeclaredTransforms"] = declared
        needed = [*needed, "CAPABILITY_AUTO_EXPAND"]
    if needed:
        answer["Capabilities"] = needed
        kinds = sorted({r["Type"] for r in parsed["Resources"].values() if r["Type"] in prepare.IAM_TYPES})
        answer["CapabilitiesReason"] = f"The following resource(s) require capabilities: [{', '.join(kinds)}]"
    return answer


def _bucket_and_key(url: str) -> tuple[str, str]:
    """Of a URL in path style, in virtual-hosted style, or `s3://bucket/key`."""
    parts = urllib.parse.urlsplit(url)
    path = urllib.parse.unquote(parts.path.lstrip("/"))
    host = parts.hostname or ""
    hosted = re.fullmatch(r"(.+)\.s3[.-].*|(.+)\.localhost", host)
    if parts.scheme == "s3":
        return host, path
    if hosted:
        return str(hosted[1] or hosted[2]), path
    bucket, _, key = path.partition("/")
    return bucket, key


async def _bytes(body: Any) -> bytes:
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    return b"".join([chunk async for chunk in body])
