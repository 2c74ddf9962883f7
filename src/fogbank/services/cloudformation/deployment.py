"""Running a plan: a stack is created, updated, rolled back, deleted.

A failure stops new work, lets what runs come to its end, and rolls back: a creation by deleting what was made, an
update by going back to the former template. What an update replaces or drops is deleted only when its outcome is
certain (the clean-up); a nested stack's clean-up waits for its parent's.

A crash is a failure too: at the next start a creation or an update rolls back, all else goes on (see `resume`).
"""

import asyncio
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.services.cloudformation import outputs, prepare, rollback_triggers, stack_policy
from fogbank.services.cloudformation.errors import ValidationError
from fogbank.services.cloudformation.intrinsics import Resolver
from fogbank.services.cloudformation.journal import Journal
from fogbank.services.cloudformation.prepare import Plan
from fogbank.services.cloudformation.records import STACK_TYPE, Stack, StackResource
from fogbank.services.cloudformation.stack_status import Outcome, after
from fogbank.services.cloudformation.steps import Steps, reason_of
from fogbank.services.cloudformation.walk import Failure, reversed_graph, walk

TIMED_OUT = "Stack creation time exceeded the specified timeout"
RESTARTED = "The server was restarted"
# What a rollback takes back of the stack's record.
FORMER_FIELDS = ("template", "original", "parameters", "resolved", "tags", "capabilities", "notification_arns",
                 "rollback_configuration")  # fmt: skip


class Stopped(Exception):
    """The stack is being deleted meanwhile: the deletion takes over what was made so far."""


class Deployment(Steps):
    """One operation on one stack."""

    def __init__(self, ctx: Context, journal: Journal, stack: Stack, plan: Plan | None = None) -> None:
        super().__init__(ctx, journal, stack, plan)
        self.imported: set[str] = set()
        self.skipped: frozenset[str] = frozenset()
        self.stopped = False
        self.unplanned = ""
        """Why there is no plan: a transform failed."""
        self.failure = ""
        """Why the operation failed, if it did."""

    def stop(self) -> None:
        """The stack is to be deleted: nothing new begins, and its status is no longer this deployment's."""
        self.stopped = True
        self.halt.ask()

    async def _status(self, outcome: Outcome, *, reason: str = "", **changes: Any) -> None:
        await self.ctx.run(self._put_status, outcome, reason=reason, **changes)

    def _put_status(self, outcome: Outcome, *, reason: str = "", **changes: Any) -> None:
        if self.stopped:
            raise Stopped
        status = after(self.stack.status, outcome)
        self.stack = self.journal.stack(self.ctx, self.stack, status, reason=reason, **changes)

    # ---- create -------------------------------------------------------------------------------------------------

    async def create(self) -> None:
        clock, minutes = self.ctx.cloud.clock, self.stack.timeout_minutes
        timer = clock.call_at(clock.now_ms() + minutes * 60_000, lambda: self.halt.ask(TIMED_OUT)) if minutes else None
        try:
            failures = [Failure("", self.unplanned)] if self.unplanned else await self._reach()
        finally:
            if timer is not None:
                timer.cancel()
        if failures:
            await self._creation_failed(_summary(failures, "create"))

    async def _creation_failed(self, reason: str) -> None:
        self.failure = reason
        if self.stack.on_failure == "DO_NOTHING":
            await self._status("failed", reason=reason)
        elif self.stack.on_failure == "DELETE":
            await self._status("delete", reason=_requested(reason, "Delete"))
            await self.delete(frozenset())
        else:
            await self.undo_creation(_requested(reason, "Rollback"))

    async def undo_creation(self, reason: str) -> None:
        await self.ctx.run(self.begin_undoing_creation, reason)
        await self.roll_back()

    def begin_undoing_creation(self, reason: str) -> None:
        # AWS shows the time at which a rolled back stack was deleted, and the change set no more.
        self._put_status("rollback", reason=reason, deleted_ms=self.ctx.cloud.clock.now_ms(), change_set_id="")

    async def roll_back(self) -> None:
        """Delete what a failed creation has made."""
        failures = await self._delete_all(frozenset(), undoing=True)
        if failures:
            await self._status("failed", reason=_summary(failures, "delete"))
        else:
            await self._status("done")

    async def _reach(self) -> list[Failure]:
        """Apply the plan, and write outputs and exports with the stack's new status."""
        watched = self.stack.status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
        failures = await self._monitored() if watched else await self._apply()
        if self.stopped:
            raise Stopped
        if self.halt.asked and (self.halt.reason or not failures):
            return [Failure("", self.halt.reason)]
        if failures:
            return failures
        assert self.plan is not None
        try:
            masked = frozenset(found.logical_id for found in self.resources() if found.no_echo)
            shown = outputs.resolve(self.plan.template, self.resolver, masked=masked)
            await self.ctx.run(self._complete, shown)
        except AwsError as error:
            return [Failure("", reason_of(error))]
        return []

    async def _monitored(self) -> list[Failure]:
        """Apply the plan under the eyes of the rollback triggers, and go on watching for the monitoring time."""
        asked = self.stack.rollback_configuration
        watcher = None
        if asked.get("RollbackTriggers"):
            watcher = asyncio.ensure_future(rollback_triggers.watch(self.ctx, asked, self.halt))
        try:
            failures = await self._apply()
            minutes = int(asked.get("MonitoringTimeInMinutes", 0))
            if not failures and minutes:
                clock = self.ctx.cloud.clock
                await self.halt.gives_up(clock, asyncio.Event(), until_ms=clock.now_ms() + minutes * 60_000)
            await rollback_triggers.look(self.ctx, asked, self.halt)
        finally:
            if watcher is not None:
                watcher.cancel()
        return failures

    def _complete(self, shown: list[dict[str, Any]]) -> None:
        outputs.export(self.tables, self.stack, shown)
        self._put_status("done", outputs=shown, imports=sorted(self.imported))

    async def _apply(self) -> list[Failure]:
        assert self.plan is not None
        self.old = {found.logical_id: found for found in self.resources()}
        self.resolver = Resolver(
            pseudo=self.plan.pseudo,
            parameters=self.plan.resolved,
            mappings=self.plan.template.get("Mappings") or {},
            conditions=self.plan.template.get("Conditions") or {},
            resources=self.states,
            import_value=self._import,
        )
        denied = await self._denied_removals()
        if denied:
            return denied
        return await walk(self.plan.graph, self._step, self.halt)

    async def _step(self, name: str) -> str | None:
        if name not in self.skipped:
            return await self.step(name)
        kept = await self.note(self.old[name], "UPDATE_COMPLETE")
        self.states[name] = prepare.state_of(kept)
        return None

    async def _denied_removals(self) -> list[Failure]:
        """What the update would remove against the stack's policy."""
        assert self.plan is not None
        denied = []
        if self.stack.status == "UPDATE_IN_PROGRESS":
            for name in sorted(self.old.keys() - self.plan.resources.keys()):
                try:
                    stack_policy.check(self.stack, name, self.old[name].type, "Update:Delete")
                except ValidationError as error:
                    await self.note(self.old[name], "UPDATE_FAILED", reason=error.message)
                    denied.append(Failure(name, error.message))
        return denied

    def _import(self, name: str) -> str:
        found = self.tables.exports.get((self.stack.account, self.stack.region, name))
        if found is None:
            raise ValidationError(f"No export named {name} found.")
        self.imported.add(name)
        return found.value

    # ---- update -------------------------------------------------------------------------------------------------

    async def update(self) -> None:
        await self.change()
        if self.stack.status != "UPDATE_FAILED":
            await self.clean_up()

    async def change(self) -> None:
        """An update up to its clean-up, which a nested stack leaves to its parent."""
        former = self.tables.formers.get((self.stack.id,))
        self.tags_changed = former is not None and former.tags != self.stack.tags
        failures = await self._reach()
        if not failures:
            return
        self.failure = _summary(failures, "update")
        if self.stack.on_failure == "DO_NOTHING":
            await self._status("failed", reason=self.failure)
        else:
            await self.revert(self.failure)

    async def revert(self, reason: str) -> None:
        """Go back to the stack as it was before the update."""
        await self.ctx.run(self.begin_reverting, reason)
        await self.go_on_reverting()

    def begin_reverting(self, reason: str) -> None:
        """In one transaction, so that a crash never finds it half done."""
        former = self.tables.formers.get((self.stack.id,))
        assert former is not None
        self.tags_changed = former.tags != self.stack.tags
        self._put_status("rollback", reason=reason, **{name: getattr(former, name) for name in FORMER_FIELDS})
        self.tables.formers.delete((self.stack.id,))
        for key, old in list(self.tables.replaced.scan((self.stack.id,))):
            # What was replaced still exists: it is the stack's again, and its replacement is what will be deleted.
            made = self.tables.resources.get((self.stack.id, old.logical_id))
            self.tables.resources.put((self.stack.id, old.logical_id), old)
            if made is not None and made.physical_id != old.physical_id:
                self.tables.replaced.put(key, made)
            else:
                self.tables.replaced.delete(key)

    async def go_on_reverting(self, skipped: frozenset[str] = frozenset()) -> None:
        self._begin_phase()
        self.skipped = skipped
        self.plan = prepare.plan_of(self.ctx, self.stack)
        failures = await self._reach()
        if failures:
            self.failure = _summary(failures, "update")
            await self._status("failed", reason=self.failure)

    async def revert_again(self, skipped: frozenset[str]) -> None:
        """Try the failed rollback of an update once more, leaving the `skipped` resources as they are."""
        await self.ctx.run(self.begin_reverting_again)
        await self.go_on_reverting(skipped)

    def begin_reverting_again(self) -> None:
        self._put_status("rollback", reason="User Initiated")

    async def clean_up(self) -> None:
        """Delete what was replaced and what the template no longer has; a failure here fails nothing (as in AWS)."""
        if self.stack.status not in (
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
        ):  # fmt: skip
            return
        self._begin_phase()
        for key, replaced in list(self.tables.replaced.scan((self.stack.id,))):
            await self.discard(replaced)
            await self.ctx.run(self.tables.replaced.delete, key)
        plan = self.plan or prepare.plan_of(self.ctx, self.stack)
        gone = [found for found in self.resources() if found.logical_id not in plan.resources]
        undoing = self.stack.status == "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
        await self._remove(gone, undoing=undoing)
        for found in self.resources():
            if found.type == STACK_TYPE:
                await self.ctx.cloud.cloudformation.clean_up_nested(self.ctx, found.physical_id)
        await self.ctx.run(self._cleaned)

    def _cleaned(self) -> None:
        self.tables.formers.delete((self.stack.id,))
        self._put_status("done", update_policy="")

    # ---- delete -------------------------------------------------------------------------------------------------

    async def delete(self, retain: frozenset[str]) -> None:
        failures = await self._delete_all(retain, undoing=False)
        if failures:
            self.failure = _summary(failures, "delete")
            await self._status("failed", reason=self.failure)
        else:
            await self.ctx.run(self._gone)

    def _gone(self) -> None:
        stack = self.stack
        outputs.withdraw(self.tables, stack)
        self.tables.names.delete((stack.account, stack.region, stack.name))
        for table in (self.tables.formers, self.tables.replaced, self.tables.signals):
            for key, _ in list(table.scan((stack.id,))):
                table.delete(key)
        self._put_status("done", deleted_ms=self.ctx.cloud.clock.now_ms())

    async def _delete_all(self, retain: frozenset[str], *, undoing: bool) -> list[Failure]:
        self._begin_phase()
        for _, replaced in list(self.tables.replaced.scan((self.stack.id,))):
            await self.discard(replaced)
        return await self._remove(self.resources(), retain=retain, undoing=undoing)

    async def _remove(
        self, found: list[StackResource], *, retain: frozenset[str] = frozenset(), undoing: bool
    ) -> list[Failure]:
        by_name = {resource.logical_id: resource for resource in found}
        return await walk(reversed_graph(found), self.remover(by_name, retain=retain, undoing=undoing), self.halt)

    def _begin_phase(self) -> None:
        """What halted the former phase does not halt the next, except that the stack is to be deleted."""
        if self.stopped:
            raise Stopped
        self.halt = type(self.halt)()
        self.states.clear()
        self._announced.clear()

    # ---- after a crash ------------------------------------------------------------------------------------------

    async def resume(self) -> None:
        """Bring what a crash interrupted to an end."""
        match self.stack.status:
            case "CREATE_IN_PROGRESS":
                await self.undo_creation(f"{RESTARTED} during the creation.")
            case "ROLLBACK_IN_PROGRESS":
                await self.roll_back()
            case "DELETE_IN_PROGRESS":
                await self.delete(frozenset())
            case "UPDATE_IN_PROGRESS" if self.tables.formers.get((self.stack.id,)) is None:
                # Begun by a Fogbank that kept no former state: the next update starts from what is there.
                await self._status("failed", reason=f"{RESTARTED} during the update.")
            case "UPDATE_IN_PROGRESS":
                await self.revert(f"{RESTARTED} during the update.")
                await self.clean_up()
            case "UPDATE_ROLLBACK_IN_PROGRESS":
                await self.go_on_reverting()
                await self.clean_up()
            case _:
                await self.clean_up()


def _summary(failures: list[Failure], verb: str) -> str:
    own = next((failure.reason for failure in failures if not failure.logical_id), "")
    names = ", ".join(failure.logical_id for failure in failures)
    return own or f"The following resource(s) failed to {verb}: [{names}]. "


def _requested(reason: str, what: str) -> str:
    ending = f"{what} requested by user."
    return f"{reason}{ending}" if reason.endswith(" ") else f"{reason}. {ending}"
