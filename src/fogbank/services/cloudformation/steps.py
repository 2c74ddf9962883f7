"""One resource's step of a deployment: created, updated in place, replaced, kept or removed.

What a step began is committed before its handler is called, and what came of it before the next one begins, so that
after a crash the resources table says where the stack was.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import msgspec

from fogbank.core.context import Context
from fogbank.core.delegation import NotPermitted
from fogbank.core.errors import AwsError, InternalFailure
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType, name_seed
from fogbank.services.cloudformation import creation_policy, dynamic, rights, schema, stack_policy
from fogbank.services.cloudformation.custom_resources import CustomResource
from fogbank.services.cloudformation.intrinsics import Resolver
from fogbank.services.cloudformation.journal import Journal
from fogbank.services.cloudformation.making import MakingContext, ResourceContext
from fogbank.services.cloudformation.prepare import Plan, check_schema, find_type, state_of
from fogbank.services.cloudformation.records import STACK_TYPE, Stack, StackResource
from fogbank.services.cloudformation.walk import Halt

R = TypeVar("R")
log = logging.getLogger("fogbank.cloudformation")

REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."
# They tell their physical id before they wait, so that without one there is nothing.
UNMADE_TYPES = frozenset((STACK_TYPE, "AWS::CloudFormation::WaitCondition"))

# How AWS's handlers call the services whose clients are not named as their actions begin.
_CLIENTS = {
    "application-autoscaling": "ApplicationAutoScaling",
    "apigateway": "ApiGateway",
    "cloudformation": "CloudFormation",
    "cloudtrail": "CloudTrail",
    "cloudwatch": "CloudWatch",
    "dynamodb": "DynamoDb",
    "events": "EventBridge",
    "logs": "CloudWatchLogs",
    "secretsmanager": "SecretsManager",
}


async def handled(work: Awaitable[R]) -> R:
    """A resource handler's result. A bug in it (logged) fails the resource, so that the stack comes to an end."""
    try:
        return await work
    except AwsError:
        raise
    except Exception:  # an edge: behind it is another service's code
        log.exception("a resource handler failed")
        raise InternalFailure from None


class Steps:
    """What the steps of one operation on one stack share."""

    resolver: Resolver

    def __init__(self, ctx: Context, journal: Journal, stack: Stack, plan: Plan | None = None) -> None:
        self.ctx = ctx
        self.journal = journal
        self.tables = journal.tables
        self.stack = stack
        self.plan = plan
        self.halt = Halt()
        self.states: dict[str, ResourceState] = {}
        self.old: dict[str, StackResource] = {}
        self.tags_changed = False
        self._announced: dict[str, str] = {}

    def resources(self) -> list[StackResource]:
        return [
            found
            for _, found in self.tables.resources.scan((self.stack.id,))
            if found.status not in ("DELETE_COMPLETE", "DELETE_SKIPPED")
        ]

    async def note(self, resource: StackResource, status: str, **changes: Any) -> StackResource:
        noted = self._noted(resource, status, **changes)
        await self.ctx.run(self.journal.resource, self.ctx, self.stack, noted)
        return noted

    def _noted(self, resource: StackResource, status: str, **changes: Any) -> StackResource:
        return msgspec.structs.replace(
            resource, status=status, updated_ms=self.ctx.cloud.clock.now_ms(), **{"reason": "", **changes}
        )

    def _handling(self, type_name: str, verb: str) -> Context:
        """What the handler gets that creates, updates or deletes a resource of the type."""
        return rights.of_handler(self.ctx.refreshed(), self.stack, type_name, verb)

    def _reading(self) -> Context:
        """For what the properties refer to."""
        return rights.of_stack(self.ctx, self.stack)

    def kind(self, resource: StackResource) -> ResourceType:
        found = find_type(self.ctx, resource.type)
        assert found is not None  # preparing the template came before
        return found

    # ---- making -------------------------------------------------------------------------------------------------

    async def step(self, name: str) -> str | None:
        """Bring one resource to what the plan wants; the reason if that failed."""
        assert self.plan is not None
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
            seed=name_seed(),
        )
        creating = old is None or not old.physical_id
        try:
            properties = self.resolver.value(declared.get("Properties") or {})
            check_schema(name, record.type, properties)
            dynamic.check(record.type, properties)
            record.properties = schema.coerced(record.type, await dynamic.resolve(self._reading(), properties))
            if creating:
                record = await self._create(record, declared)
            else:
                assert old is not None
                record = await self._update(record, old, declared)
        except AwsError as error:
            await self._failed(record, None if creating else old, error)
            return reason_of(error)
        self.states[name] = state_of(record)
        return None

    async def _failed(self, record: StackResource, old: StackResource | None, error: AwsError) -> None:
        if old is None:
            physical_id = self._announced.get(record.logical_id, "")
            await self.note(record, "CREATE_FAILED", reason=reason_of(error), physical_id=physical_id)
            return
        # What an update in place has tried is kept, so that a rollback undoes it; a failed replacement changed nothing.
        properties = record.properties if record.physical_id else old.properties
        await self.note(
            record, "UPDATE_FAILED", reason=reason_of(error), physical_id=old.physical_id,
            attributes=old.attributes, properties=properties,
        )  # fmt: skip

    async def _create(self, record: StackResource, declared: Mapping[str, Any], verb: str = "CREATE") -> StackResource:
        if verb == "CREATE":
            record = await self.note(record, "CREATE_IN_PROGRESS")
        request = await self._revealed(self.request(record))
        request.announce = partial(self._announce, record, f"{verb}_IN_PROGRESS")
        making = MakingContext(self._handling(record.type, "create"), partial(self._note_begun, record.logical_id))
        state = await handled(self.kind(record).create(making, request))
        policy = creation_policy.of(declared)
        if policy is not None:
            until_ms = self.ctx.cloud.clock.now_ms() + policy.timeout_s * 1000
            await self._announce(record, f"{verb}_IN_PROGRESS", state.physical_id)
            await creation_policy.wait(self.ctx, self.stack.id, record.logical_id, policy, self.halt, until_ms=until_ms)
        return await self.ctx.run(self._created, record, verb, state)

    def _note_begun(self, logical_id: str) -> None:
        key = (self.stack.id, logical_id)
        kept = self.tables.resources.get(key)
        if kept is not None and not kept.begun:
            self.tables.resources.put(key, msgspec.structs.replace(kept, begun=True))

    def _created(self, record: StackResource, verb: str, state: ResourceState) -> StackResource:
        physical_id = state.physical_id
        record = msgspec.structs.replace(
            record, physical_id=physical_id, attributes=dict(state.attributes), no_echo=state.no_echo
        )
        if record.logical_id not in self._announced:
            begun = self._noted(record, f"{verb}_IN_PROGRESS", reason="Resource creation Initiated")
            self.journal.resource_event(self.ctx, self.stack, begun)
        done = self._noted(record, f"{verb}_COMPLETE")
        self.journal.resource(self.ctx, self.stack, done)
        return done

    async def _announce(self, record: StackResource, status: str, physical_id: str) -> None:
        self._announced[record.logical_id] = physical_id
        await self.note(record, status, physical_id=physical_id, reason="Resource creation Initiated")

    async def _update(self, record: StackResource, old: StackResource, declared: Mapping[str, Any]) -> StackResource:
        changed = {
            name
            for name in record.properties.keys() | old.properties.keys()
            if record.properties.get(name) != old.properties.get(name)
        }
        kind = self.kind(record)
        if not changed and not (kind.taggable and self.tags_changed) and record.type != STACK_TYPE:
            kept = msgspec.structs.replace(
                old,
                needs=record.needs,
                deletion_policy=record.deletion_policy,
                replace_policy=record.replace_policy,
            )
            await self.ctx.run(self.tables.resources.put, (self.stack.id, old.logical_id), kept)
            return kept
        replaces = bool(schema.fixed_changes(record.type, old.properties, record.properties))
        if changed and self.stack.status == "UPDATE_IN_PROGRESS":
            action = "Update:Replace" if replaces else "Update:Modify"
            stack_policy.check(self.stack, record.logical_id, record.type, action)
        if replaces:
            return await self._replace(record, old, declared)
        record.physical_id, record.attributes, record.no_echo = old.physical_id, old.attributes, old.no_echo
        record = await self.note(record, "UPDATE_IN_PROGRESS")
        request = await self._revealed(self.request(record, previous=old.properties))
        state = await handled(kind.update(ResourceContext(self._handling(record.type, "update")), request))
        if state.physical_id != old.physical_id:
            await self._set_aside(record, old)
        return await self.note(
            record, "UPDATE_COMPLETE", physical_id=state.physical_id, attributes=dict(state.attributes),
            no_echo=state.no_echo,
        )  # fmt: skip

    async def _replace(self, record: StackResource, old: StackResource, declared: Mapping[str, Any]) -> StackResource:
        begun = self._noted(old, "UPDATE_IN_PROGRESS", reason=REPLACING, properties=record.properties)
        await self.ctx.run(self.journal.resource_event, self.ctx, self.stack, begun)
        await self._set_aside(record, old)
        unmade = self._noted(record, "UPDATE_IN_PROGRESS")
        await self.ctx.run(self.tables.resources.put, (self.stack.id, old.logical_id), unmade)
        return await self._create(record, declared, "UPDATE")

    async def _set_aside(self, record: StackResource, old: StackResource) -> None:
        """Keep what is replaced until the update is certain. What was itself a replacement goes at once."""
        key = (self.stack.id, old.logical_id)
        if self.tables.replaced.get(key) is None:
            kept = msgspec.structs.replace(old, replace_policy=record.replace_policy)
            await self.ctx.run(self.tables.replaced.put, key, kept)
        else:
            await self.discard(old)

    def request(self, record: StackResource, *, previous: Mapping[str, Any] | None = None) -> ResourceRequest:
        return ResourceRequest(
            logical_id=record.logical_id,
            stack_name=self.stack.name,
            stack_id=self.stack.id,
            properties=record.properties,
            previous=dict(previous or {}),
            physical_id=record.physical_id,
            attributes=record.attributes,
            stack_tags={**self.stack.tags, **self._system_tags(record)},
            type=record.type,
            seed=record.seed,
        )

    def _system_tags(self, record: StackResource) -> dict[str, str]:
        """What CloudFormation tells of a resource by its tags, where AWS says that it does. Nested stacks, which are
        not among them, give each of their resources its own.
        """
        if record.type == STACK_TYPE or not schema.has_system_tags(record.type):
            return {}
        told = {"stack-name": self.stack.name, "stack-id": self.stack.id, "logical-id": record.logical_id}
        return {f"aws:cloudformation:{name}": value for name, value in told.items()}

    async def _revealed(self, request: ResourceRequest) -> ResourceRequest:
        """The request with the secrets that its properties refer to. Nested stacks get the references themselves, and
        custom resources do, to which AWS gives no secrets.
        """
        if request.type != STACK_TYPE and not _is_custom(request.type):
            properties = await dynamic.reveal(self._reading(), request.properties)
            request.properties = schema.coerced(request.type, properties)
        return request

    # ---- removing -----------------------------------------------------------------------------------------------

    async def discard(self, replaced: StackResource) -> None:
        """Delete what a replacement left; a failure fails nothing (as in AWS)."""
        replaced = await self._found(replaced)
        if not replaced.physical_id:
            return
        if replaced.replace_policy in ("Retain", "RetainExceptOnCreate"):
            await self._tell(replaced, "DELETE_SKIPPED")
            return
        await self._tell(replaced, "DELETE_IN_PROGRESS")
        try:
            await handled(self.kind(replaced).delete(self._handling(replaced.type, "delete"), self.request(replaced)))
        except AwsError as error:
            await self._tell(replaced, "DELETE_FAILED", reason=reason_of(error))
            return
        await self._tell(replaced, "DELETE_COMPLETE")

    async def _found(self, resource: StackResource) -> StackResource:
        """The resource; if a crash interrupted its making, with the physical id of what may have been made.

        What its handler had begun is made again, under the same name, to be deleted. Where it had written nothing,
        nothing was made: what is there under a name of the template's own is somebody else's.
        """
        if resource.physical_id or not resource.status.endswith("_IN_PROGRESS") or resource.type in UNMADE_TYPES:
            return resource
        request = self.request(resource)
        if _is_custom(resource.type):
            return msgspec.structs.replace(resource, physical_id=request.generated_name())
        if not resource.begun:
            return resource
        try:
            request = await self._revealed(request)
            state = await handled(self.kind(resource).create(self._handling(resource.type, "create"), request))
        except AwsError:
            named = schema.is_named(resource.type)
            physical_id = request.generated or schema.given_name(resource.type, resource.properties) if named else ""
        else:
            physical_id = state.physical_id
        return msgspec.structs.replace(resource, physical_id=physical_id)

    async def _tell(self, resource: StackResource, status: str, *, reason: str = "") -> None:
        """An event about a physical resource that is not the logical one's any more."""
        noted = self._noted(resource, status, reason=reason)
        await self.ctx.run(self.journal.resource_event, self.ctx, self.stack, noted)

    def remover(
        self, resources: Mapping[str, StackResource], *, retain: frozenset[str] = frozenset(), undoing: bool = False
    ) -> Callable[[str], Awaitable[str | None]]:
        """A step that deletes. `undoing`: the resources are those that the operation which is rolled back made."""

        async def remove(name: str) -> str | None:
            resource = await self._found(resources[name])
            policy = resource.deletion_policy
            if not resource.physical_id:
                await self.note(resource, "DELETE_COMPLETE")
                return None
            kept = policy == "Retain" and not (undoing and self.stack.retain_except_on_create)
            if name in retain or kept or (policy == "RetainExceptOnCreate" and not undoing):
                await self.note(resource, "DELETE_SKIPPED")
                return None
            resource = await self.note(resource, "DELETE_IN_PROGRESS")
            try:
                await handled(
                    self.kind(resource).delete(self._handling(resource.type, "delete"), self.request(resource))
                )
            except AwsError as error:
                await self.note(resource, "DELETE_FAILED", reason=reason_of(error))
                return reason_of(error)
            await self.note(resource, "DELETE_COMPLETE")
            return None

        return remove


def _is_custom(type_name: str) -> bool:
    return type_name.startswith("Custom::") or type_name == CustomResource.type_name


def reason_of(error: AwsError) -> str:
    if isinstance(error, NotPermitted):
        prefix = error.action.partition(":")[0]
        service = _CLIENTS.get(prefix, prefix.capitalize())
        return f"{error.message} (Service: {service}, Status Code: {error.status}, Request ID: {error.request_id})"
    package, _, service = type(error).__module__.removeprefix("fogbank.").partition(".")
    service = service.partition(".")[0].removesuffix("_")
    if package != "services" or service == "cloudformation":
        return error.message
    return f"{error.message} (Service: {service}, Status Code: {error.status}, Error Code: {error.code})"
