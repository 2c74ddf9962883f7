"""Running a plan: every resource as soon as what it needs is there, all others meanwhile.

A failure stops new work, lets what runs come to its end, and rolls back: a creation by deleting what was made, an
update by going back to the former template. Each step is committed before the next one begins, so that a stack that
a crash interrupted can be rolled back at the next start (a documented choice: it is never resumed half-way).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from fogbank.core.context import Context
from fogbank.core.errors import AwsError, InternalFailure
from fogbank.core.resource import ResourceRequest, ResourceState
from fogbank.services.cloudformation import dynamic, schema
from fogbank.services.cloudformation.errors import ValidationError
from fogbank.services.cloudformation.graph import Graph
from fogbank.services.cloudformation.intrinsics import Resolver
from fogbank.services.cloudformation.journal import Journal
from fogbank.services.cloudformation.prepare import Plan, check_schema, find_type
from fogbank.services.cloudformation.records import Export, Stack, StackResource
from fogbank.services.cloudformation.stack_status import after

CONCURRENCY_MAX = 50  # steps of one stack under way at once


R = TypeVar("R")
log = logging.getLogger("fogbank.cloudformation")


class Stopped(Exception):
    """The stack is being deleted meanwhile: the deletion takes over what was made so far."""


class Failure(msgspec.Struct):
    logical_id: str
    reason: str
    cancelled: bool = False


async def walk(graph: Graph, step: Callable[[str], Awaitable[str | None]]) -> list[Failure]:
    """Call `step` for every node after all that it needs; after a failure (a reason returned) nothing new begins."""
    waiting = {name: set(needs) for name, needs in graph.items()}
    running: dict[asyncio.Task[str | None], str] = {}
    failures: list[Failure] = []
    try:
        while waiting or running:
            if not failures:
                free = [name for name, needs in waiting.items() if not needs]
                for name in free[: CONCURRENCY_MAX - len(running)]:
                    del waiting[name]
                    running[asyncio.ensure_future(step(name))] = name
            if not running:
                break
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                name = running.pop(task)
                reason = task.result()
                if reason is not None:
                    failures.append(Failure(name, reason))
                for needs in waiting.values():
                    needs.discard(name)
    except asyncio.CancelledError:
        for task in running:
            task.cancel()
        raise
    finally:
        # Whatever else ended the walk, steps under way come to their end: they may have made something by now.
        await asyncio.gather(*running, return_exceptions=True)
    return failures


async def handled(work: Awaitable[R]) -> R:
    """A resource handler's result. A bug in it (logged) fails the resource, so that the stack comes to an end."""
    try:
        return await work
    except AwsError:
        raise
    except Exception:  # an edge: behind it is another service's code
        log.exception("a resource handler failed")
        raise InternalFailure from None


def reversed_graph(resources: Iterable[StackResource]) -> Graph:
    """For deletion: a resource waits for those that need it."""
    found = {resource.logical_id: resource for resource in resources}
    graph: dict[str, set[str]] = {name: set() for name in found}
    for resource in found.values():
        for need in resource.needs:
            if need in graph:
                graph[need].add(resource.logical_id)
    return {name: frozenset(needs) for name, needs in graph.items()}


class Deployment:
    """One operation on one stack."""

    def __init__(self, ctx: Context, journal: Journal, stack: Stack, plan: Plan | None = None) -> None:
        self.ctx = ctx
        self.journal = journal
        self.tables = journal.tables
        self.stack = stack
        self.plan = plan
        self.imported: set[str] = set()
        self.states: dict[str, ResourceState] = {}
        self.old: dict[str, StackResource] = {}
        self.replaced: list[StackResource] = []
        self.stopped = False
        """Set when the stack is deleted: nothing new begins, and the stack's status is no longer this one's."""

    async def _status(self, status: str, *, reason: str = "", **changes: Any) -> None:
        if self.stopped:
            raise Stopped
        self.stack = await self.ctx.run(
            lambda: self.journal.stack(self.ctx, self.stack, status, reason=reason, **changes)
        )

    async def _note(self, resource: StackResource, status: str, **changes: Any) -> StackResource:
        noted = msgspec.structs.replace(
            resource, status=status, updated_ms=self.ctx.cloud.clock.now_ms(), **{"reason": "", **changes}
        )
        await self.ctx.run(self.journal.resource, self.ctx, self.stack, noted)
        return noted

    def _resources(self) -> list[StackResource]:
        return [
            found
            for _, found in self.tables.resources.scan((self.stack.id,))
            if found.status not in ("DELETE_COMPLETE", "DELETE_SKIPPED")
        ]

    # ---- create -------------------------------------------------------------------------------------------------

    async def create(self) -> None:
        failures = await self._apply()
        if not failures:
            failures = await self._finish_outputs(after(self.stack.status, "done"))
        if not failures:
            return
        if self.stack.on_failure == "DO_NOTHING":
            await self._status(after(self.stack.status, "failed"), reason=_summary(failures, "create"))
        elif self.stack.on_failure == "DELETE":
            await self._status("DELETE_IN_PROGRESS", reason=_summary(failures, "create", "Delete"))
            await self.delete(frozenset())
        else:
            await self._status(after(self.stack.status, "rollback"), reason=_summary(failures, "create", "Rollback"))
            await self.roll_back()

    async def roll_back(self) -> None:
        """Delete what a failed creation has made."""
        failures = await self._delete_all(frozenset(), rollback=True)
        await self._status(after(self.stack.status, "failed" if failures else "done"))

    async def _apply(self) -> list[Failure]:
        assert self.plan is not None
        self.old = {found.logical_id: found for found in self._resources()}
        self.resolver = Resolver(
            pseudo=self.plan.pseudo,
            parameters=self.plan.resolved,
            mappings=self.plan.template.get("Mappings") or {},
            conditions=self.plan.template.get("Conditions") or {},
            resources=self.states,
            import_value=self._import,
        )
        return await walk(self.plan.graph, self._step)

    def _import(self, name: str) -> str:
        found = self.tables.exports.get((self.stack.account, self.stack.region, name))
        if found is None:
            raise ValidationError(f"No export named {name} found.")
        self.imported.add(name)
        return found.value

    async def _step(self, name: str) -> str | None:
        assert self.plan is not None
        if self.stopped:
            raise Stopped
        declared = self.plan.resources[name]
        old = self.old.get(name)
        record = StackResource(
            logical_id=name,
            type=declared["Type"],
            status="",
            updated_ms=0,
            deletion_policy=declared.get("DeletionPolicy", ""),
            replace_policy=declared.get("UpdateReplacePolicy", ""),
            needs=sorted(self.plan.graph[name]),
        )
        verb = "CREATE"
        try:
            properties = self.resolver.value(declared.get("Properties") or {})
            check_schema(name, record.type, properties)
            record.properties = schema.coerced(record.type, await dynamic.resolve(self.ctx, properties))
            if old is None:
                record = await self._create(record)
            elif old.type != record.type:
                raise ValidationError("Update of resource type is not permitted.")
            else:
                verb = "UPDATE"
                record = await self._update(record, old)
        except AwsError as error:
            physical_id = old.physical_id if old else ""
            attributes = old.attributes if old else {}
            await self._note(
                record, f"{verb}_FAILED", reason=_reason(error), physical_id=physical_id, attributes=attributes,
                properties=old.properties if old else record.properties,
            )  # fmt: skip
            return _reason(error)
        self.states[name] = ResourceState(physical_id=record.physical_id, attributes=record.attributes)
        return None

    async def _create(self, record: StackResource, status: str = "CREATE") -> StackResource:
        record = await self._note(record, f"{status}_IN_PROGRESS")
        kind = find_type(self.ctx, record.type)
        assert kind is not None
        state = await handled(kind.create(self.ctx.refreshed(), self._request(record)))
        return await self._note(
            record, f"{status}_COMPLETE", physical_id=state.physical_id, attributes=dict(state.attributes)
        )

    async def _update(self, record: StackResource, old: StackResource) -> StackResource:
        changed = {
            name
            for name in record.properties.keys() | old.properties.keys()
            if record.properties.get(name) != old.properties.get(name)
        }
        kind = find_type(self.ctx, record.type)
        assert kind is not None
        if not changed and not (kind.taggable and self.tags_changed):
            kept = msgspec.structs.replace(
                old,
                needs=record.needs,
                deletion_policy=record.deletion_policy,
                replace_policy=record.replace_policy,
            )
            await self.ctx.run(self.tables.resources.put, (self.stack.id, old.logical_id), kept)
            return kept
        if changed & schema.create_only(record.type):
            self.replaced.append(old)
            return await self._create(record, "UPDATE")
        record.physical_id, record.attributes = old.physical_id, old.attributes
        record = await self._note(record, "UPDATE_IN_PROGRESS")
        request = self._request(record, previous=old.properties)
        state = await handled(kind.update(self.ctx.refreshed(), request))
        return await self._note(
            record, "UPDATE_COMPLETE", physical_id=state.physical_id, attributes=dict(state.attributes)
        )

    tags_changed = False

    def _request(self, record: StackResource, *, previous: Mapping[str, Any] | None = None) -> ResourceRequest:
        return ResourceRequest(
            logical_id=record.logical_id,
            stack_name=self.stack.name,
            stack_id=self.stack.id,
            properties=record.properties,
            previous=dict(previous or {}),
            physical_id=record.physical_id,
            attributes=record.attributes,
            stack_tags=self.stack.tags,
        )

    async def _finish_outputs(self, status: str) -> list[Failure]:
        """Outputs and exports are written with the stack's new status, in one transaction."""
        if self.stopped:
            raise Stopped
        try:
            outputs = self._outputs()
            await self.ctx.run(self._complete, outputs, status)
        except AwsError as error:
            return [Failure(self.stack.name, _reason(error))]
        return []

    def _outputs(self) -> list[dict[str, Any]]:
        assert self.plan is not None
        found = []
        for name, output in (self.plan.template.get("Outputs") or {}).items():
            if "Condition" in output and not self.resolver.condition(output["Condition"]):
                continue
            answer = {"OutputKey": name, "OutputValue": _output_text(self.resolver.value(output["Value"]))}
            if "Description" in output:
                answer["Description"] = str(output["Description"])
            if "Export" in output:
                answer["ExportName"] = str(self.resolver.value(output["Export"]["Name"]))
            found.append(answer)
        return found

    def _complete(self, outputs: list[dict[str, Any]], status: str) -> None:
        wanted = {output["ExportName"]: output["OutputValue"] for output in outputs if "ExportName" in output}
        place = (self.stack.account, self.stack.region)
        for (_, _, name), export in list(self.tables.exports.scan(place)):
            if export.stack_id == self.stack.id and wanted.get(str(name)) != export.value:
                check_unused(self.journal, self.stack, str(name), "update" if name in wanted else "delete")
                self.tables.exports.delete((*place, name))
        for name, value in wanted.items():
            taken = self.tables.exports.get((*place, name))
            if taken is not None and taken.stack_id != self.stack.id:
                raise ValidationError(
                    f"Export with name {name} is already exported by stack {taken.stack_id.split('/')[1]}."
                )
            self.tables.exports.put((*place, name), Export(stack_id=self.stack.id, value=value))
        self.stack = self.journal.stack(self.ctx, self.stack, status, outputs=outputs, imports=sorted(self.imported))

    # ---- update -------------------------------------------------------------------------------------------------

    async def update(self, former: Stack, former_plan: Plan) -> None:
        self.tags_changed = former.tags != self.stack.tags
        failures = await self._apply()
        if not failures:
            failures = await self._finish_outputs(after(self.stack.status, "done"))
        if not failures:
            assert self.plan is not None
            await self._clean_up(frozenset(self.plan.resources))
            await self._status(after(self.stack.status, "done"))
        elif self.stack.on_failure == "DO_NOTHING":
            await self._status(after(self.stack.status, "failed"), reason=_summary(failures, "update"))
        else:
            await self._status(
                after(self.stack.status, "rollback"),
                reason=_summary(failures, "update"),
                template=former.template,
                original=former.original,
                parameters=former.parameters,
                resolved=former.resolved,
                tags=former.tags,
            )
            await self._roll_back_update(former_plan)

    async def _roll_back_update(self, former_plan: Plan) -> None:
        self.plan, self.states = former_plan, {}
        await self.ctx.run(self._take_back_replaced)
        failures = await self._apply()
        if not failures:
            failures = await self._finish_outputs(after(self.stack.status, "done"))
        if failures:
            await self._status(after(self.stack.status, "failed"), reason=_summary(failures, "update"))
            return
        await self._clean_up(frozenset(former_plan.resources))
        await self._status(after(self.stack.status, "done"))

    def _take_back_replaced(self) -> None:
        """What was replaced still exists: it is the stack's again, and its replacement is what will be deleted."""
        replacements = []
        for old in self.replaced:
            made = self.tables.resources.get((self.stack.id, old.logical_id))
            if made is not None and made.physical_id and made.physical_id != old.physical_id:
                replacements.append(made)
            self.tables.resources.put((self.stack.id, old.logical_id), old)
        self.replaced = replacements

    async def _clean_up(self, kept: frozenset[str]) -> None:
        """Delete what was replaced and what the template no longer has; a failure here fails nothing (as in AWS)."""
        for old in self.replaced:
            if old.replace_policy not in ("Retain", "Snapshot"):
                kind = find_type(self.ctx, old.type)
                assert kind is not None
                try:
                    await handled(kind.delete(self.ctx.refreshed(), self._request(old)))
                except AwsError:
                    continue
        gone = [found for found in self._resources() if found.logical_id not in kept]
        await walk(reversed_graph(gone), self._remover({found.logical_id: found for found in gone}))

    # ---- delete -------------------------------------------------------------------------------------------------

    async def delete(self, retain: frozenset[str]) -> None:
        failures = await self._delete_all(retain, rollback=False)
        if failures:
            names = ", ".join(failure.logical_id for failure in failures)
            await self._status(
                after(self.stack.status, "failed"),
                reason=f"The following resource(s) failed to delete: [{names}]. ",
            )
        else:
            await self.ctx.run(self._gone)

    def _gone(self) -> None:
        stack, place = self.stack, (self.stack.account, self.stack.region)
        for key, export in list(self.tables.exports.scan(place)):
            if export.stack_id == stack.id:
                self.tables.exports.delete(key)
        self.tables.names.delete((*place, stack.name))
        self.stack = self.journal.stack(
            self.ctx, stack, after(stack.status, "done"), deleted_ms=self.ctx.cloud.clock.now_ms()
        )

    async def _delete_all(self, retain: frozenset[str], *, rollback: bool) -> list[Failure]:
        found = {resource.logical_id: resource for resource in self._resources()}
        return await walk(reversed_graph(found.values()), self._remover(found, retain=retain, rollback=rollback))

    def _remover(
        self,
        resources: Mapping[str, StackResource],
        *,
        retain: frozenset[str] = frozenset(),
        rollback: bool = False,
    ) -> Callable[[str], Awaitable[str | None]]:
        async def remove(name: str) -> str | None:
            resource = resources[name]
            policy = resource.deletion_policy
            if not resource.physical_id:
                await self._note(resource, "DELETE_COMPLETE")
                return None
            if name in retain or policy == "Retain" or (policy == "RetainExceptOnCreate" and not rollback):
                await self._note(resource, "DELETE_SKIPPED")
                return None
            resource = await self._note(resource, "DELETE_IN_PROGRESS")
            kind = find_type(self.ctx, resource.type)
            assert kind is not None
            try:
                await handled(kind.delete(self.ctx.refreshed(), self._request(resource)))
            except AwsError as error:
                await self._note(resource, "DELETE_FAILED", reason=_reason(error))
                return _reason(error)
            await self._note(resource, "DELETE_COMPLETE")
            return None

        return remove


def check_unused(journal: Journal, stack: Stack, name: str, verb: str) -> None:
    """An export that another stack imports may neither change nor go."""
    users = [
        other.name
        for _, other in journal.tables.stacks.scan((stack.account, stack.region))
        if name in other.imports and other.status != "DELETE_COMPLETE" and other.id != stack.id
    ]
    if users:
        raise ValidationError(f"Cannot {verb} export {name} as it is in use by {users[0]}")


def _output_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)):
        raise ValidationError("Template format error: Output value must be a string")
    return str(value)


def _reason(error: AwsError) -> str:
    if isinstance(error, ValidationError):
        return error.message
    service = type(error).__module__.split(".")[2]
    return f"{error.message} (Service: {service}, Status Code: {error.status}, Error Code: {error.code})"


def _summary(failures: list[Failure], verb: str, then: str = "") -> str:
    names = ", ".join(failure.logical_id for failure in failures)
    ending = f" {then} requested by user." if then else ""
    return f"The following resource(s) failed to {verb}: [{names}].{ending}"
