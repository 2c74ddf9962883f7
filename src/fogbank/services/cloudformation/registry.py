"""Which stacks there are and what is under way on each: what all operations stand on."""

import asyncio
import contextlib
import re
from collections.abc import Coroutine, Iterator
from typing import Any

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.delegation import kept_caller
from fogbank.core.ids import new_id
from fogbank.core.service import Service
from fogbank.services.cloudformation import notifications, outputs, prepare, rights, settings
from fogbank.services.cloudformation.custom_resources import Responses
from fogbank.services.cloudformation.deployment import Deployment, Stopped
from fogbank.services.cloudformation.errors import (
    AlreadyExists,
    ChangeSetNotFound,
    TransformFailed,
    ValidationError,
)
from fogbank.services.cloudformation.journal import Journal
from fogbank.services.cloudformation.prepare import Plan
from fogbank.services.cloudformation.records import (
    STACK_TYPE,
    ChangeSet,
    ChangeSetPlace,
    Named,
    Stack,
    StackResource,
    Tables,
)
from fogbank.services.cloudformation.settings import NO_CHANGES, Settings
from fogbank.services.cloudformation.signals import Signals

STACK_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")


UnderWay = tuple[Deployment, asyncio.Task[Any] | None]
"""An operation on a stack and its task."""


def repeated(stack: Stack, token: str | None) -> bool:
    """Whether the operation that is under way, or was the last, was asked for with this client token."""
    return bool(token) and stack.token == token


class Registry(Service):
    name = "cloudformation"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.tables = Tables(cloud.store)
        self.journal = Journal(self.tables)
        self.signals = Signals(self.tables)
        self.responses = Responses()
        notifications.register(cloud)
        self._under_way: dict[str, UnderWay] = {}
        self._take_over_change_sets()
        # Found before the first request: what is in progress later is this server's own work.
        busy = [
            stack
            for _, stack in self.tables.stacks.scan()
            if stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS"
        ]
        busy_ids = {stack.id for stack in busy}
        self._interrupted = [stack for stack in busy if stack.parent_id not in busy_ids]

    async def start(self) -> None:
        """Bring what a crash interrupted to an end; nested stacks come to theirs with their parents."""
        for stack in self._interrupted:
            ctx = self.cloud.context(
                account=stack.account, region=stack.region, endpoint=stack.endpoint or None, access_key=stack.account
            )
            work = self.work(ctx, stack)
            self.spawn(f"recover {stack.name}", work, work.resume())

    # ---- finding ------------------------------------------------------------------------------------------------

    def find(self, ctx: Context, name: str) -> Stack | None:
        if not name.startswith("arn:"):
            named = self.tables.names.get((ctx.account, ctx.region, name))
            if named is None:
                return None
            name = named.stack_id
        return self.tables.stacks.get((ctx.account, ctx.region, name))

    def arn_of(self, ctx: Context, name: str | None, change_set: str | None = None) -> str:
        """What policies call a stack, be it named itself or by a change set's ARN."""
        if change_set is not None and change_set.startswith("arn:"):
            place = self.tables.change_set_places.get((change_set,))
            return place.stack_id if place is not None else ctx.arn("cloudformation", "stack/*/*")
        if name is None or name.startswith("arn:"):
            return name or ctx.arn("cloudformation", "stack/*/*")
        named = self.tables.names.get((ctx.account, ctx.region, name))
        return named.stack_id if named is not None else ctx.arn("cloudformation", f"stack/{name}/*")

    def get(self, ctx: Context, name: str) -> Stack:
        found = self.find(ctx, name)
        if found is None:
            raise ValidationError(f"Stack with id {name} does not exist")
        return found

    def existing(self, ctx: Context, name: str) -> Stack:
        """As `get`, in the words that updates use."""
        found = self.find(ctx, name)
        if found is None:
            raise ValidationError(f"Stack [{name}] does not exist")
        return found

    def resources(self, stack: Stack) -> list[StackResource]:
        return [found for _, found in self.tables.resources.scan((stack.id,))]

    def change_set(self, ctx: Context, name: str, stack_name: str | None) -> ChangeSet:
        if name.startswith("arn:"):
            place = self.tables.change_set_places.get((name,))
            found = self.tables.change_sets.get((place.stack_id, place.name)) if place is not None else None
        elif stack_name:
            found = self.tables.change_sets.get((self.existing(ctx, stack_name).id, name))
        else:
            raise ValidationError("StackName must be specified if ChangeSetName is not specified as an ARN.")
        if found is None:
            raise ChangeSetNotFound(f"ChangeSet [{name}] does not exist")
        return found

    def put_change_set(self, row: ChangeSet) -> None:
        """Keep it, in place of an executed one of the same name."""
        former = self.tables.change_sets.get((row.stack_id, row.name))
        if former is not None:
            self.tables.change_set_places.delete((former.id,))
        self.tables.change_sets.put((row.stack_id, row.name), row)
        self.tables.change_set_places.put((row.id,), ChangeSetPlace(row.stack_id, row.name))

    def remove_change_set(self, row: ChangeSet) -> None:
        self.tables.change_sets.delete((row.stack_id, row.name))
        self.tables.change_set_places.delete((row.id,))

    def _take_over_change_sets(self) -> None:
        """Note the places of change sets that are older than the table of places."""
        if self.tables.change_set_places.first() is None and self.tables.change_sets.first() is not None:
            with self.cloud.store.transaction():
                for _, row in list(self.tables.change_sets.scan()):
                    self.put_change_set(row)

    def reviewed_child(self, ctx: Context, parent: Stack, logical_id: str) -> Stack | None:
        """The stack that the parent's change set has prepared for a nested one."""
        for _, row in self.tables.change_sets.scan((parent.id,)):
            if row.id == parent.change_set_id and logical_id in row.nested:
                stack = self.find(ctx, self.change_set(ctx, row.nested[logical_id], None).stack_id)
                return stack if stack is not None and stack.status == "REVIEW_IN_PROGRESS" else None
        return None

    # ---- beginning ----------------------------------------------------------------------------------------------

    def new_stack(self, ctx: Context, name: str, *, status: str, parent: Stack | None = None) -> Stack:
        if not STACK_NAME.fullmatch(name):
            raise ValidationError(
                f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member "
                "must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*"
            )
        return Stack(
            id=ctx.arn("cloudformation", f"stack/{name}/{new_id()}"), name=name, account=ctx.account,
            region=ctx.region, created_ms=ctx.now_ms, status=status, endpoint=ctx.endpoint,
            parent_id=parent.id if parent else "", root_id=(parent.root_id or parent.id) if parent else "",
        )  # fmt: skip

    def register(self, ctx: Context, stack: Stack) -> None:
        self.tables.names.put((ctx.account, ctx.region, stack.name), Named(stack_id=stack.id))
        self.journal.stack(ctx, stack, stack.status, reason="User Initiated")

    async def begin_create(
        self, ctx: Context, name: str, given: Settings, *, parent: Stack | None = None, reviewed: Stack | None = None
    ) -> Deployment:
        """A new stack, ready to be created; `reviewed` is the one that a nested change set has registered."""
        await settings.check(ctx, given)
        stack = reviewed or self.new_stack(ctx, name, status="CREATE_IN_PROGRESS", parent=parent)
        reading = rights.through_cloudformation(ctx)
        text = await settings.text_of(reading, given, None)
        plan, failure = settings.plan(ctx, stack, text, given, None), ""
        try:
            plan = await prepare.prepare(reading, plan)
        except TransformFailed as error:
            failure = error.message
        policy = await settings.policy_text(reading, given.policy_body, given.policy_url, name="StackPolicy")
        stack = settings.applied(stack, plan, given, updating=False, policy=policy or "", caller=kept_caller(ctx))

        def write() -> None:
            if reviewed is None and self.find(ctx, name) is not None:
                raise AlreadyExists(f"Stack [{name}] already exists")
            self.register(ctx, stack)

        stack.status = "CREATE_IN_PROGRESS"
        await ctx.run(write)
        work = Deployment(ctx, self.journal, stack, plan)
        work.unplanned = failure
        return work

    async def begin_update(self, ctx: Context, former: Stack, given: Settings) -> Deployment:
        """A stack in UPDATE_IN_PROGRESS, ready to be changed. ValidationError if nothing would change."""
        await settings.check(ctx, given)
        reading = rights.through_cloudformation(ctx)
        text = await settings.text_of(reading, given, former)
        plan = await prepare.prepare(reading, settings.plan(ctx, former, text, given, former))
        policy = await settings.policy_text(reading, given.policy_body, given.policy_url, name="StackPolicy")
        during = await settings.policy_text(
            reading, given.update_policy_body, given.update_policy_url, name="StackPolicyDuringUpdate"
        )
        stack = settings.applied(
            former, plan, given, updating=True, updated_ms=ctx.now_ms, update_policy=during or "",
            policy=former.policy if policy is None else policy,
        )  # fmt: skip
        kept = ("template", "parameters", "resolved", "tags", "notification_arns", "role_arn")
        # What a transform or a nested stack's template brings may have changed: AWS updates without looking.
        unsure = plan.transformed or any(found.type == STACK_TYPE for found in self.resources(former))
        if all(getattr(former, name) == getattr(stack, name) for name in kept) and not unsure:
            if policy is not None:
                await ctx.run(self.put, msgspec.structs.replace(former, policy=policy))
            raise ValidationError(NO_CHANGES)
        return await ctx.run(self.begin, ctx, stack, plan)

    def begin(self, ctx: Context, stack: Stack, plan: Plan) -> Deployment:
        """Write an update's or an executed change set's beginning down."""
        former = self.get(ctx, stack.id)
        if former.status != stack.status:
            raise ValidationError(f"Stack:{stack.id} is in {former.status} state and can not be updated.")
        caller = kept_caller(ctx)
        if former.status == "REVIEW_IN_PROGRESS":
            stack = self.journal.stack(ctx, stack, "CREATE_IN_PROGRESS", reason="User Initiated", caller=caller)
            return Deployment(ctx, self.journal, stack, plan)
        prepare.check_kept_types({found.logical_id: found.type for found in self.resources(former)}, plan)
        if self.tables.formers.get((stack.id,)) is None:  # else it failed before: a rollback goes further back
            self.tables.formers.put((stack.id,), former)
        stack = self.journal.stack(ctx, stack, "UPDATE_IN_PROGRESS", reason="User Initiated", caller=caller)
        return Deployment(ctx, self.journal, stack, plan)

    def begin_delete(self, ctx: Context, name: str, *, token: str = "", role_arn: str = "") -> Deployment | None:
        """A stack in DELETE_IN_PROGRESS, in a transaction; None if there is nothing to delete."""
        found = self.find(ctx, name)
        if found is None or found.status == "DELETE_COMPLETE":
            return None
        for output in found.outputs:
            if "ExportName" in output:
                outputs.check_unused(self.tables, found, output["ExportName"], "delete")
        found.token = token or found.token
        stack = self.journal.stack(
            ctx, found, "DELETE_IN_PROGRESS", reason="User Initiated", role_arn=role_arn or found.role_arn,
            caller=kept_caller(ctx),
        )  # fmt: skip
        for _, row in list(self.tables.change_sets.scan((stack.id,))):
            if not row.execution_status.startswith("EXECUTE_"):
                self.remove_change_set(row)
        return self.work(ctx, stack)

    def put(self, stack: Stack) -> None:
        self.tables.stacks.put((stack.account, stack.region, stack.id), stack)

    def work(self, ctx: Context, stack: Stack) -> Deployment:
        """For going on with a stack as it is stored."""
        return Deployment(ctx, self.journal, stack)

    # ---- what is under way --------------------------------------------------------------------------------------

    def deployment(self, stack_id: str) -> Deployment:
        """The work that a resource handler was called by."""
        return self._under_way[stack_id][0]

    def spawn(self, name: str, work: Deployment, running: Coroutine[Any, Any, None]) -> None:
        task = self.cloud.tasks.spawn(name, self._until_done(work, running))
        self._under_way[work.stack.id] = (work, task)

    async def _until_done(self, work: Deployment, running: Coroutine[Any, Any, None]) -> None:
        with self.under_way(work), contextlib.suppress(Stopped):
            await running

    @contextlib.contextmanager
    def under_way(self, work: Deployment) -> Iterator[None]:
        stack_id = work.stack.id
        self._under_way[stack_id] = (work, asyncio.current_task())
        try:
            yield
        finally:
            if self._under_way.get(stack_id, (None,))[0] is work:
                del self._under_way[stack_id]

    async def clean_up_nested(self, ctx: Context, stack_id: str) -> None:
        """The parent's update is certain: so is the nested stack's."""
        stack = self.find(ctx, stack_id)
        if stack is not None:
            work = self.work(ctx, stack)
            with self.under_way(work):
                await work.clean_up()
