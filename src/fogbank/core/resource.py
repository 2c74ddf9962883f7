"""CloudFormation resource types: what a service declares, and what the CloudFormation engine calls."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

if TYPE_CHECKING:
    from fogbank.core.context import Context

_NAME_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz"


def name_seed() -> str:
    return "".join(secrets.choice(_NAME_ALPHABET[:36]) for _ in range(12))


class ResourceRequest(msgspec.Struct, kw_only=True):
    """What a handler is told. `properties` are resolved; `previous` and `physical_id` are set for update and delete."""

    logical_id: str
    stack_name: str
    stack_id: str
    properties: dict[str, Any]
    previous: dict[str, Any] = {}
    physical_id: str = ""
    attributes: dict[str, Any] = {}
    stack_tags: dict[str, str] = {}
    type: str = ""
    announce: Callable[[str], Awaitable[None]] | None = None
    """Tells the engine a physical id before the handler returns, so that a rollback finds what a failure leaves."""

    seed: str = ""
    """What makes generated names unique: the same for every try to make one resource."""
    generated: str = ""
    """The last name that was generated."""

    def generated_name(self, *, length_max: int = 64, suffix: str = "", lower: bool = False) -> str:
        """A physical name as AWS makes them: `stack-LogicalId-ABC123DEF456`, cut to `length_max`."""
        tail = f"-{self.seed or name_seed()}{suffix}"
        head = f"{self.stack_name}-{self.logical_id}"
        room = length_max - len(tail)
        if len(head) > room:
            # AWS shortens both parts evenly; the stack's name gives way first.
            half = max(room // 2, room - len(self.logical_id) - 1)
            head = f"{self.stack_name[: max(half - 1, 1)]}-{self.logical_id}"[:room]
        name = head + tail
        self.generated = name.lower() if lower else name
        return self.generated

    def tags(self) -> dict[str, str]:
        """The resource's `Tags` property (list or map form) over the stack's tags, as a map."""
        own = self.properties.get("Tags") or {}
        if isinstance(own, list):
            own = {tag["Key"]: tag["Value"] for tag in own}
        return {**self.stack_tags, **own}


class ResourceState(msgspec.Struct, kw_only=True):
    """A resource as it is: `physical_id` is what `Ref` gives, `attributes` what `Fn::GetAtt` gives."""

    physical_id: str
    attributes: Mapping[str, Any] = {}
    no_echo: bool = False
    """Whether outputs show the attributes masked."""


class ResourceType(ABC):
    """One CloudFormation type. Handlers return when the resource is stable, and raise AwsError when they cannot."""

    type_name: ClassVar[str]
    """Such as `AWS::SQS::Queue`."""
    supported: ClassVar[frozenset[str]]
    """The properties that the handlers honour; any other is refused before anything is created."""
    taggable: ClassVar[bool] = False
    """Whether a change of the stack's tags is an update of the resource."""

    @abstractmethod
    async def create(self, ctx: "Context", request: ResourceRequest) -> ResourceState: ...

    @abstractmethod
    async def update(self, ctx: "Context", request: ResourceRequest) -> ResourceState:
        """Change in place; replacement is decided before, by the schema's create-only properties."""

    @abstractmethod
    async def delete(self, ctx: "Context", request: ResourceRequest) -> None:
        """Remove it; a resource that is already gone is no error."""


class TransactionalResourceType(ResourceType):
    """A type whose handlers only call operations that do not wait: each handler is one transaction."""

    async def create(self, ctx: "Context", request: ResourceRequest) -> ResourceState:
        return await ctx.run(self._create, ctx, request)

    async def update(self, ctx: "Context", request: ResourceRequest) -> ResourceState:
        return await ctx.run(self._update, ctx, request)

    async def delete(self, ctx: "Context", request: ResourceRequest) -> None:
        await ctx.run(self._delete, ctx, request)

    @abstractmethod
    def _create(self, ctx: "Context", request: ResourceRequest) -> ResourceState: ...

    @abstractmethod
    def _update(self, ctx: "Context", request: ResourceRequest) -> ResourceState: ...

    @abstractmethod
    def _delete(self, ctx: "Context", request: ResourceRequest) -> None: ...
